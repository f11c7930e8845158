//! JSON in texts, and texts of digits, keep every digit or say that they do not.

yields! {
    long_ids_are_written_as_digits: "x => ({ext: JSON.stringify(x)})", r#"{"id":3539925204033339668}"# => r#"{"ext":"{\"id\":3539925204033339668}"}"#;
    long_ids_of_lists_are_written_as_digits: "x => ({ext: JSON.stringify(x, null, 1)})", "[3539925204033339668,-123456789012345678901234567890]" => r#"{"ext":"[\n 3539925204033339668,\n -123456789012345678901234567890\n]"}"#;
    boxed_long_ids_are_written_as_digits: "x => ({ext: JSON.stringify([Object(x)])})", "3539925204033339668" => r#"{"ext":"[3539925204033339668]"}"#;
    long_ids_of_to_json_are_written_as_digits: "x => ({ext: JSON.stringify({toJSON() { return x; }})})", "3539925204033339668" => r#"{"ext":"3539925204033339668"}"#;
    a_replacer_sees_big_integers: "x => ({ext: JSON.stringify(x, (key, value) => typeof value === 'bigint' ? `${value}` : value)})", r#"{"id":3539925204033339668,"n":1}"# => r#"{"ext":"{\"id\":\"3539925204033339668\",\"n\":1}"}"#;
    a_replacer_gives_big_integers: "x => ({ext: JSON.stringify(x, (key, value) => value)})", r#"{"id":3539925204033339668}"# => r#"{"ext":"{\"id\":3539925204033339668}"}"#;
    a_replacer_sees_long_decimals: "x => ({ext: JSON.stringify(x, (key, value) => key ? String(value) : value)})", r#"{"p":0.1000000000000000055}"# => r#"{"ext":"{\"p\":\"0.1000000000000000055\"}"}"#;
    names_of_fields_choose: "x => ({ext: JSON.stringify(x, ['id', 'n'])})", r#"{"n":null,"id":3539925204033339668,"x":1}"# => r#"{"ext":"{\"id\":3539925204033339668,\"n\":null}"}"#;
    long_decimals_are_written_as_digits: "x => ({ext: JSON.stringify(x)})", r#"{"p":0.1000000000000000055}"# => r#"{"ext":"{\"p\":0.1000000000000000055}"}"#;
    null_is_written: "x => ({ext: JSON.stringify({...x, c: undefined, d: 'null'})})", r#"{"a":null,"b":[null]}"# => r#"{"ext":"{\"a\":null,\"b\":[null],\"d\":\"null\"}"}"#;
    nothing_is_written_of_undefined: "x => ({t: typeof JSON.stringify(undefined)})", "1" => r#"{"t":"undefined"}"#;

    not_a_number_is_not_written_as_null: "x => ({ext: JSON.stringify({price: x.p * 2})})", "{}" => "1:57: TypeError: 'price' is NaN, which is no JSON number";
    infinity_is_not_written_as_null: "x => ({ext: JSON.stringify([1 / x])})", "0" => "1:48: TypeError: '0' is Infinity, which is no JSON number";
    not_a_number_by_a_replacer: "x => ({ext: JSON.stringify({p: x * 2}, (key, value) => value)})", r#""a""# => "1:51: TypeError: 'p' is NaN, which is no JSON number";
    not_a_number_that_a_replacer_replaces: "x => ({ext: JSON.stringify({p: x * 2}, (key, value) => Number.isNaN(value) ? 0 : value)})", r#""a""# => r#"{"ext":"{\"p\":0}"}"#;
    not_a_number_that_is_not_chosen: "x => ({ext: JSON.stringify({p: x * 2, q: null}, ['q'])})", r#""a""# => r#"{"ext":"{\"q\":null}"}"#;
    an_invalid_date_is_not_written_as_null: "x => ({ext: JSON.stringify({d: new Date(x)})})", r#""x""# => "1:56: TypeError: 'd' is an invalid date";
    a_circle: "x => { x.me = x; return {ext: JSON.stringify(x)}; }", "{}" => "1:61: TypeError: circular reference";

    long_ids_are_read: "x => JSON.parse(x.ext)", r#"{"ext":"{\"id\":3539925204033339668}"}"# => r#"{"id":3539925204033339668}"#;
    long_ids_are_read_as_big_integers: "x => ({n: JSON.parse(x.ext) + 1n})", r#"{"ext":"3539925204033339668"}"# => r#"{"n":3539925204033339669}"#;
    long_ids_are_read_as_text: "export const integers = 'string'; export default x => ({n: JSON.parse(x.ext)})", r#"{"ext":"[3539925204033339668,5]"}"# => r#"{"n":["3539925204033339668",5]}"#;
    decimals_are_read_as_text: "export const decimals = 'string'; export default x => ({n: JSON.parse(x.ext)})", r#"{"ext":"[12.3400,5]"}"# => r#"{"n":["12.3400",5]}"#;
    long_decimals_are_read: "x => ({n: JSON.parse(x.ext)})", r#"{"ext":"[0.1000000000000000055,1e400,1.5]"}"# => r#"{"n":[0.1000000000000000055,1e400,1.5]}"#;
    a_reviver_sees_big_integers: "x => ({n: JSON.parse(x.ext, (key, value) => typeof value === 'bigint' ? `${value}` : value)})", r#"{"ext":"[3539925204033339668,5]"}"# => r#"{"n":["3539925204033339668",5]}"#;
    a_reviver_sees_what_is_written: "x => ({n: JSON.parse(x.ext, (key, value, {source}) => source ?? value)})", r#"{"ext":"[12.3400]"}"# => r#"{"n":["12.3400"]}"#;
    a_reviver_takes_fields_away: "x => JSON.parse(x.ext, (key, value) => key === 'a' ? undefined : value)", r#"{"ext":"{\"a\":1,\"b\":2}"}"# => r#"{"b":2}"#;
    what_was_written_is_read: "x => JSON.parse(JSON.stringify(x))", r#"{"id":3539925204033339668,"p":0.1000000000000000055,"t":"红","l":[1,null,true]}"# => r#"{"id":3539925204033339668,"p":0.1000000000000000055,"t":"红","l":[1,null,true]}"#;
    null_is_read_as_everywhere: "x => ({n: JSON.parse(null), m: JSON.parse(5)})", "1" => r#"{"n":null,"m":5}"#;
    no_text_is_no_json: "x => JSON.parse(x.ext)", "{}" => "1:32: SyntaxError: the text is no JSON: a value is expected at byte 0";
    an_empty_text_is_no_json: "x => JSON.parse('')", "1" => "1:26: SyntaxError: the text is no JSON: the text ends where a value is expected at byte 0";
    two_texts_are_no_json: "x => JSON.parse('1 2')", "1" => "1:26: SyntaxError: the text is no JSON: something follows the document at byte 2";
    a_wrong_text_is_caught: "x => { try { JSON.parse('{'); } catch (e) { return {e: e.name}; } }", "1" => r#"{"e":"SyntaxError"}"#;
    a_deep_text: "x => JSON.parse('['.repeat(100000))", "1" => "1:36: SyntaxError: the text is no JSON: the document is nested deeper than 256 levels at byte 256";

    a_text_of_many_digits: "x => ({n: Number(x)})", r#""3539925204033339668""# => "1:33: RangeError: 3539925204033339668 has more digits than a number holds; BigInt(…) keeps them";
    a_big_integer_as_a_number: "x => ({n: Number(x)})", "3539925204033339668" => "1:33: RangeError: 3539925204033339668 has more digits than a number holds; BigInt(…) keeps them";
    a_big_integer_that_a_number_holds: "x => ({n: Number(x)})", "9007199254740992" => r#"{"n":9007199254740992}"#;
    texts_that_a_number_holds: "x => ({n: x.map(Number)})", r#"["9007199254740992","10000000000000000000"," 12 ","","0x10","1e21","-5","+7","0000000000000000000012"]"# => r#"{"n":[9007199254740992,10000000000000000000,12,0,16,1e+21,-5,7,12]}"#;
    many_digits_by_parse_int: "x => ({n: parseInt(x)})", r#""3539925204033339668 件""# => "1:35: RangeError: 3539925204033339668 has more digits than a number holds; BigInt(…) keeps them";
    many_digits_by_parse_int_of_a_big_integer: "x => ({n: Number.parseInt(x, 10)})", "3539925204033339668" => "1:42: RangeError: 3539925204033339668 has more digits than a number holds; BigInt(…) keeps them";
    many_digits_by_parse_float: "x => ({n: parseFloat(x)})", r#""-3539925204033339668""# => "1:37: RangeError: -3539925204033339668 has more digits than a number holds; BigInt(…) keeps them";
    few_digits_by_parse_int: "x => ({n: [parseInt(x), parseInt('ff', 16), parseInt(12.7), Number.parseFloat('12.50元')]})", r#""12件""# => r#"{"n":[12,255,12,12.5]}"#;
    many_digits_by_big_int: "x => ({n: BigInt(x)})", r#""3539925204033339668""# => r#"{"n":3539925204033339668}"#;
    number_is_what_it_was: "x => ({n: [Number.name, Number.length, Number(), Number.MAX_SAFE_INTEGER, Number.isInteger(x), (5).constructor === Number, Object(5) instanceof Number, new Number('5'), Number.parseInt === parseInt]})", "1" => r#"{"n":["Number",1,0,9007199254740991,true,true,true,5,true]}"#;
}
