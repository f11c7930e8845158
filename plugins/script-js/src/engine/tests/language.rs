//! What scripts may be written in, and what they give.

use super::run;

yields! {
    a_field: "item => ({a: item.a})", r#"{"a":"x"}"# => r#"{"a":"x"}"#;
    fields_stay_in_the_order_written: "item => ({sku: item.id, quantity: item.n})", r#"{"n":2,"id":"1^^^红"}"# => r#"{"sku":"1^^^红","quantity":2}"#;
    destructuring_and_templates: "({id, spec, ...rest}) => ({sku: `${id}^^^${spec}`, rest})", r#"{"id":1,"spec":"8G","a":1,"b":2}"# => r#"{"sku":"1^^^8G","rest":{"a":1,"b":2}}"#;
    optional_chaining: "item => ({a: item.x?.y ?? 'none'})", "{}" => r#"{"a":"none"}"#;
    spread: "item => ({...item, n: Math.max(...item.ns)})", r#"{"ns":[1,3,2]}"# => r#"{"ns":[1,3,2],"n":3}"#;
    classes: "item => new (class { #n = 2; m = this.#n + item.n; })()", r#"{"n":1}"# => r#"{"m":3}"#;
    generators: "item => [...(function* () { yield 1; yield 2; })()]", "{}" => "1\n2";
    patterns: r"item => ({d: item.d.replace(/^(?<y>\d{4})(\d\d)(\d\d)$/, '$<y>-$2-$3')})", r#"{"d":"20240131"}"# => r#"{"d":"2024-01-31"}"#;
    grouping: "item => Object.groupBy(item, x => x.k)", r#"[{"k":"a"},{"k":"b"},{"k":"a"}]"# => r#"{"a":[{"k":"a"},{"k":"a"}],"b":[{"k":"b"}]}"#;
    dates_from_the_item: "item => ({d: new Date(item.ms).toISOString()})", r#"{"ms":1425347200000}"# => r#"{"d":"2015-03-03T01:46:40.000Z"}"#;
    dates_are_written_as_text: "item => ({d: new Date(item.ms)})", r#"{"ms":0}"# => r#"{"d":"1970-01-01T00:00:00.000Z"}"#;
    dates_with_an_offset: "item => ({ms: Date.parse(item.d)})", r#"{"d":"2015-03-03T09:46:40+08:00"}"# => r#"{"ms":1425347200000}"#;
    base64: "item => ({b: btoa(item.t)})", r#"{"t":"Aladdin:open sesame"}"# => r#"{"b":"QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}"#;

    an_array_gives_several: "item => item.map(n => ({n}))", "[1,2]" => "{\"n\":1}\n{\"n\":2}";
    null_gives_none: "() => null", "1" => "";
    undefined_gives_none: "item => { if (item) return; }", "1" => "";
    an_empty_array_gives_none: "() => []", "1" => "";
    absent_elements_give_none: "() => [null, {a: 1}, undefined]", "1" => r#"{"a":1}"#;
    an_array_in_an_array_is_a_document: "() => [[1, 2]]", "1" => "[1,2]";
    undefined_fields_are_left_out: "item => ({a: item.a, b: item.b})", r#"{"b":1}"# => r#"{"b":1}"#;

    a_named_function: "export default function map(item) { return {n: item}; }", "1" => r#"{"n":1}"#;
    a_function_without_a_name: "export default function (item) { return {n: item}; }", "1" => r#"{"n":1}"#;
    a_named_function_is_called_by_others: "export default function map(item) { return item.sub ? {sub: helper(item.sub)} : {n: item.n}; }\nfunction helper(sub) { return sub.map(map); }", r#"{"sub":[{"n":1}]}"# => r#"{"sub":[{"n":1}]}"#;
    helpers_before_and_after: "const twice = n => n * 2;\nexport default item => ({n: twice(item) + once(item)});\nfunction once(n) { return n; }", "2" => r#"{"n":6}"#;
    a_function_of_another_name: "const map = item => ({n: item});\nexport default map;", "1" => r#"{"n":1}"#;
    an_expression: "const by = f => item => ({n: f(item)});\nexport default by(n => n + 1)", "1" => r#"{"n":2}"#;
    other_exports_are_harmless: "export const rate = 2;\nexport function twice(n) { return n * rate; }\nexport default item => ({n: twice(item)})", "3" => r#"{"n":6}"#;
    a_comment_at_the_end: "item => item // done", "1" => "1";
    a_hashbang: "#!/usr/bin/env node\nexport default item => item", "1" => "1";
    the_word_export_in_text: "export default item => ({a: 'export default', b: /export default/.test(item)}) // export default 2", r#""export default""# => r#"{"a":"export default","b":true}"#;
    names_like_our_own: "const $main = 1, _main = 2; export default item => ({n: item + $main + _main})", "1" => r#"{"n":4}"#;
    line_breaks_of_windows: "const a = 1;\r\nexport default\r\n  item => ({a})\r\n", "1" => r#"{"a":1}"#;

    the_second_argument: "(item, context) => ({t: context.tenant})", "1" => r#"{"t":"acme"}"#;
    the_second_argument_taken_apart: "(item, {tables: {stores}}) => ({s: stores[item.id]})", r#"{"id":1}"# => r#"{"s":"A"}"#;
    the_global: "const {stores} = context.tables;\nexport default item => ({s: stores[item]})", "1" => r#"{"s":"A"}"#;

    the_log_is_silent: "item => { console.log(item); return item; }", "1" => "1";
    an_error_name_of_ones_own: "item => { class Refused extends Error { constructor(m) { super(m); this.name = 'Refused'; } } throw new Refused('no stock'); }", "1" => "1:79: Refused: no stock";
    fields_named_like_inherited_ones: "item => { const n = {}; for (const k of item) n[k] = (Object.hasOwn(n, k) ? n[k] : 0) + 1; return n; }", r#"["constructor","toString","constructor"]"# => r#"{"constructor":2,"toString":1}"#;
    proto_is_a_field_like_any_other: "item => ({...item, n: item.n})", r#"{"__proto__":{"n":1}}"# => r#"{"__proto__":{"n":1}}"#;
    class_instances: "item => { class Row { constructor(n) { this.n = n; } get twice() { return this.n * 2; } } return new Row(item); }", "2" => r#"{"n":2}"#;
    to_json_is_asked: "item => { class Money { toJSON() { return '1 EUR'; } } return {m: new Money()}; }", "2" => r#"{"m":"1 EUR"}"#;
    boxed_values: "item => ({n: Object(1), s: Object('a'), b: Object(false)})", "2" => r#"{"n":1,"s":"a","b":false}"#;
    no_prototype: "item => Object.assign(Object.create(null), {a: 1})", "2" => r#"{"a":1}"#;
    half_a_character: "item => ({t: item.slice(0, 1)})", "\"\u{1f600}\"" => "{\"t\":\"\u{fffd}\"}";
    half_a_character_in_a_name: "item => ({[item.slice(0, 1)]: 1})", "\"\u{1f600}\"" => "{\"\u{fffd}\":1}";
    zero_bytes: r#"item => ({[item.a]: item.a + "\0"})"#, r#"{"a":"x\u0000y"}"# => "{\"x\\u0000y\":\"x\\u0000y\\u0000\"}";
    text_with_escapes: "item => item", r#"["\"\\\n\t\r\u0001\u007f/\u767d\ud83d\ude00"]"# => "\"\\\"\\\\\\n\\t\\r\\u0001\u{7f}/白\u{1f600}\"";
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert_eq!(run("export default x => [x]", &nested(256)), nested(256));
    assert!(run("export default x => x", &nested(257)).contains("deeper than 256 levels"));
}
