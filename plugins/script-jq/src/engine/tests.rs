mod direct;
#[path = "../../../script-sdk/reference/recipes.rs"]
mod recipes;
mod reference;
mod tables;

use super::Script;

/// What a script makes of a document: its results, one per line, or the error.
fn run(source: &str, document: &str) -> String {
    match Script::compile(source, r#"{"tenant":"acme"}"#) {
        Err(wrong) => format!("{}:{}: {}", wrong.line, wrong.column, wrong.message),
        Ok(script) => {
            let told = |answer: Result<Vec<String>, _>| match answer {
                Ok(documents) => documents.join("\n"),
                Err(super::Diagnostic { message, .. }) => message,
            };
            let answer = told(script.apply(document.to_owned()));
            let by_jaq = told(script.apply_by_jaq(document.to_owned()));
            assert_eq!(answer, by_jaq, "the short cut leads elsewhere: {source}");
            answer
        }
    }
}

macro_rules! yields {
    ($($name:ident: $source:expr, $document:expr => $expected:expr;)*) => {
        $(#[test] fn $name() { assert_eq!(run($source, $document).as_str(), AsRef::<str>::as_ref(&$expected)); })*
    };
}

yields! {
    a_field: ".a", r#"{"a":"x"}"# => r#""x""#;
    fields_are_renamed_in_the_order_written: "{sku: .id, quantity: .n}", r#"{"n":2,"id":"1^^^红"}"# => r#"{"sku":"1^^^红","quantity":2}"#;
    several_results: ".[]", "[1,2]" => "1\n2";
    no_result: "empty", "1" => "";
    the_context: "$context.tenant", "null" => r#""acme""#;
    long_ids_pass: "{id}", r#"{"id":3539925204033339668}"# => r#"{"id":3539925204033339668}"#;
    long_ids_can_be_counted_with: ".+1", "3539925204033339668" => "3539925204033339669";
    long_ids_become_text: r#""\(.)^^^x""#, "3539925204033339668" => r#""3539925204033339668^^^x""#;
    decimals_pass: "[.a,.b]", r#"{"a":12.3400,"b":0.1000000000000000055}"# => "[12.3400,0.1000000000000000055]";
    whole_numbers_have_no_fraction: ". / 2", "20" => "10";
    halves_have_one: ". / 2", "5" => "2.5";
    ten_digit_sums: ".+.", "2000000000" => "4000000000";
    maximum: "[.a, 0] | max", r#"{"a":-5}"# => "0";
    the_script_refuses: r#"error("no stock")"#, "1" => "no stock";
    the_script_refuses_with_an_object: r#"error({code: 1})"#, "1" => r#"{"code":1}"#;
    a_type_error: ".a", r#""text""# => r#"cannot index "text" with "a""#;
    a_long_type_error_is_shortened: ".a", &format!("\"{}\"", "x".repeat(5000)) => format!("cannot index \"{} … {}\" with \"a\"", "x".repeat(186), "x".repeat(90));
    not_a_number: "nan", "1" => "the result holds NaN, which is no JSON number";
    infinity: "infinite", "1" => "the result holds Infinity, which is no JSON number";
    bytes: "tobytes", "\"a\"" => "the result holds a byte string; `@base64` makes text of it";
    keys_are_text: "{(1|tojson|fromjson): 2}", "1" => "the result has the key 1; `tostring` makes text of it";
    deep_results: "reduce range(600) as $i (0; [.])", "1" => "the result is nested deeper than 512 levels";
    no_document: ".", "{" => "the document is no JSON: a key in quotes is expected at byte 1";

    debug_passes: "debug", "1" => "1";
    debug_with_a_message_passes: r#"debug("x")"#, "1" => "1";
    stderr_passes: "stderr", "1" => "1";
    dates_are_computed_in_utc: "todate", "1425347200" => r#""2015-03-03T01:46:40Z""#;
    dates_after_2038: "todate", "4102444800" => r#""2100-01-01T00:00:00Z""#;
    milliseconds: r#". / 1000 | strftime("%Y-%m-%d %H:%M:%S")"#, "1700000000000" => r#""2023-11-14 22:13:20""#;
    mktime: r#"strptime("%Y-%m-%d %H:%M:%S") | mktime"#, r#""2100-01-01 00:00:00""# => "4102444800";
    dates_with_an_offset: "fromdate", r#""2015-03-03T09:46:40+08:00""# => "1425347200";
    patterns: r#"[splits(", *")]"#, r#""a, b,c""# => r#"["a","b","c"]"#;
    lookup: "INDEX(.id) | map_values(.n)", r#"[{"id":1,"n":2},{"id":2,"n":3}]"# => r#"{"1":2,"2":3}"#;
    membership: "IN(1,2)", "2" => "true";
    base64: "@base64", r#""Aladdin:open sesame""# => r#""QWxhZGRpbjpvcGVuIHNlc2FtZQ==""#;

    no_environment: "env", "1" => "1:1: `env` is not available: a script has no environment; the connection's settings are in `$context`";
    no_environment_variable: "1 + $ENV.HOME", "1" => "1:5: `$ENV` is not available: a script has no environment; the connection's settings are in `$context`";
    no_input: "[., input]", "1" => "1:5: `input` is not available: a script gets one document at a time, as `.`";
    no_inputs: "[inputs]", "1" => "1:2: `inputs` is not available: a script gets one document at a time, as `.`";
    no_line_number: "input_line_number", "1" => "1:1: `input_line_number` is not available: a script gets one document at a time, as `.`";
    no_clock: "now", "1" => "1:1: `now` is not available: a script has no clock; take a time from the document";
    no_time_zone: "localtime", "1" => "1:1: `localtime` is not available: a script has no time zone; `gmtime` computes in UTC";
    no_halt: "halt", "1" => "1:1: `halt` is not available: `error(\"…\")` refuses a document and `empty` drops it";
    no_halt_with_a_code: "halt_error(1)", "1" => "1:1: `halt_error` is not available: `error(\"…\")` refuses a document and `empty` drops it";
    no_include: "include \"x\"; .", "1" => "1:10: `import` and `include` are not available; one file holds the whole script";
    no_import_of_data: "import \"x\" as $x; $x", "1" => "1:9: `import` and `include` are not available; one file holds the whole script";
    no_arguments: "$__prog_args", "1" => "1:1: the variable `$__prog_args` is unknown";
    a_name_of_ones_own_is_no_clock: "def now: 7; now", "1" => "7";

    an_unknown_function: "{\n  \"名\": foo(1)\n}", "1" => "2:8: the function `foo` with 1 argument is unknown";
    an_unknown_variable: ". as $a | $b", "1" => "1:11: the variable `$b` is unknown";
    an_unexpected_token: "{a: }", "1" => "1:5: an expression is expected here, not `}`";
    an_unexpected_end: ". |", "1" => "1:4: an expression is expected here, not the end of the script";
    an_empty_script: "", "1" => "1:1: an expression is expected here, not the end of the script";
    a_missing_end: "if . then 1", "1" => "1:12: else or end is expected here, not the end of the script";
    an_unexpected_character: ".a & .b", "1" => "1:4: `&` is unexpected here";
    a_field_with_other_letters: ".编码", "1" => "1:2: `编码` is unexpected here; such a name is written in quotes, as in .\"编码\"";
    a_key_with_other_letters: "{\n  a: .b,\n  编码: .id}", "1" => "3:3: `编码` is unexpected here; such a name is written in quotes, as in .\"编码\"";
    an_unexpected_character_in_brackets: "[.a,\n .b & .c]", "1" => "2:5: `&` is unexpected here";
    an_open_bracket: "[.a,\n (1]", "1" => "2:2: this `(` is never closed";
    an_open_string: "\"abc", "1" => "1:1: this `\"` is never closed";
    a_wrong_escape: r#""a\qb""#, "1" => "1:4: a string holds an unknown escape";
}

#[test]
fn a_context_that_is_no_json_is_an_error() {
    let wrong = Script::compile(".", "{").map(|_| ()).unwrap_err();
    assert_eq!((wrong.line, wrong.column), (0, 0));
    assert!(wrong.message.starts_with("the context is no JSON document"));
}

#[test]
fn a_compiled_script_is_applied_many_times() {
    let script = Script::compile("{n: (.n + 1)}", "{}").unwrap();
    for n in 0..3 {
        let results = script.apply(format!("{{\"n\":{n}}}")).unwrap();
        assert_eq!(results, [format!("{{\"n\":{}}}", n + 1)]);
    }
    assert!(script.apply("[]".into()).is_err());
    assert!(script.apply("{}".into()).is_ok());
}

#[test]
fn recipes_hold_beyond_their_example() {
    recipes::hold("jq", |source, context, item| {
        let script = Script::compile(source, context).unwrap_or_else(|wrong| panic!("{wrong:?}"));
        script.apply(item.to_owned()).ok()
    });
}
