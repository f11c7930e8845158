//! No digit is lost on the way.

use super::run;

yields! {
    long_ids_pass: "({id}) => ({id})", r#"{"id":3539925204033339668}"# => r#"{"id":3539925204033339668}"#;
    very_long_ids_pass: "x => ({x})", "-123456789012345678901234567890" => r#"{"x":-123456789012345678901234567890}"#;
    long_ids_are_big_integers: "id => ({t: typeof id, n: id + 1n})", "3539925204033339668" => r#"{"t":"bigint","n":3539925204033339669}"#;
    long_ids_become_text: "id => ({sku: `${id}^^^x`})", "3539925204033339668" => r#"{"sku":"3539925204033339668^^^x"}"#;
    long_ids_are_not_mixed_with_numbers: "id => ({n: id + 1})", "3539925204033339668" => "1:32: TypeError: cannot convert BigInt to number";
    the_largest_safe_integer_is_a_number: "n => ({t: typeof n, n})", "9007199254740991" => r#"{"t":"number","n":9007199254740991}"#;
    the_next_one_is_not: "n => ({t: typeof n, n})", "9007199254740992" => r#"{"t":"bigint","n":9007199254740992}"#;
    nor_is_the_smallest: "n => ({t: typeof n, n})", "-9007199254740992" => r#"{"t":"bigint","n":-9007199254740992}"#;
    long_ids_as_text: "export const integers = 'string';\nexport default ({id, n}) => ({id, n})", r#"{"id":3539925204033339668,"n":5}"# => r#"{"id":"3539925204033339668","n":5}"#;
    long_ids_of_the_context: "() => ({id: context.id})", "1" => r#"{"id":3539925204033339668}"#;
    long_ids_of_the_context_as_text: "export const integers = \"string\"; export default () => ({id: context.id})", "1" => r#"{"id":"3539925204033339668"}"#;
    the_default_by_name: "export const integers = 'bigint', decimals = 1; export default id => ({t: typeof id})", "3539925204033339668" => r#"{"t":"bigint"}"#;

    decimals_pass: "x => ({x})", r#"[12.3400,-0.50,1.50E-7,1e3,0.00,20.00]"# => r#"{"x":[12.3400,-0.50,1.50E-7,1e3,0.00,20.00]}"#;
    decimals_are_numbers: "x => ({x: x * 2})", "12.3400" => r#"{"x":24.68}"#;
    whole_decimals_are_numbers: "x => ({x: x + 1, is: x === 20})", "20.00" => r#"{"x":21,"is":true}"#;
    an_integer_equal_to_a_decimal_stays_one: "({a, b, c}) => ({a, b, n: a - 0, m: 22 - 2, c})", r#"{"a":20,"b":20.00,"c":7}"# => r#"{"a":20,"b":20.00,"n":20,"m":20,"c":7}"#;
    two_ways_of_writing_a_number_become_the_shortest: "x => ({x})", "[0.00,0.0000,1.50,1.50]" => r#"{"x":[0,0,1.50,1.50]}"#;
    minus_zero_passes: "x => ({x, y: 0 * -1})", "-0" => r#"{"x":-0,"y":-0}"#;
    minus_zero_that_was_computed_is_zero: "x => ({y: 0 * -1})", "0" => r#"{"y":0}"#;
    decimals_as_text: "export const decimals = 'string'; export default x => ({x})", "[12.3400,5,1e3,0.1000000000000000055]" => r#"{"x":["12.3400",5,"1e3","0.1000000000000000055"]}"#;

    more_digits_than_a_number_holds_pass: "x => ({x})", "[0.1000000000000000055,123456789012345.6789,1e400]" => r#"{"x":[0.1000000000000000055,123456789012345.6789,1e400]}"#;
    they_become_text: "x => ({x: `${x}`, y: String(x), z: x.toString()})", "123456789012345.6789" => r#"{"x":"123456789012345.6789","y":"123456789012345.6789","z":"123456789012345.6789"}"#;
    they_are_not_computed_with: "x => ({x: x * 2})", "123456789012345.6789" => "1:30: TypeError: 123456789012345.6789 has more digits than a number holds; String(…) keeps them, Number(String(…)) rounds";
    they_are_not_added_to_text: "x => ({x: x + 1})", "0.1000000000000000055" => "1:30: TypeError: 0.1000000000000000055 has more digits than a number holds; String(…) keeps them, Number(String(…)) rounds";
    they_are_rounded_on_request: "x => ({x: Number(String(x)).toFixed(2)})", "123456789012345.6789" => r#"{"x":"123456789012345.67"}"#;
    they_survive_json: "x => JSON.parse(JSON.stringify({x: String(x)}))", "0.1000000000000000055" => r#"{"x":"0.1000000000000000055"}"#;

    a_number_with_chosen_digits: "x => ({x: JSON.rawJSON(x.toFixed(2))})", "12.3" => r#"{"x":12.30}"#;
    raw_text_is_refused: r#"x => ({x: JSON.rawJSON('"a"')})"#, "1" => "`/x` of the result is raw JSON that is no number, which `JSON.parse` makes a value of";
    computed_numbers_are_written_as_javascript_does: "x => ({x: [x / 2, x / 5, 1e21, 1e-7, 0.1 + 0.2, 2 ** 53]})", "5" => r#"{"x":[2.5,1,1e+21,1e-7,0.30000000000000004,9007199254740992]}"#;
    ten_digit_sums: "x => ({x: x + x})", "2000000000" => r#"{"x":4000000000}"#;
}

#[test]
fn many_decimals_are_found_again_quickly() {
    let numbers: Vec<String> = (0..20_000).map(|n| format!("{n}.50")).collect();
    let text = format!("[{}]", numbers.join(","));
    assert_eq!(
        run("export default x => ({x})", &text),
        format!("{{\"x\":{text}}}")
    );
}
