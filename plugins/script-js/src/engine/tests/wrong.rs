//! What is wrong is said in a sentence, with its place.

yields! {
    a_thrown_error: "item => {\n  if (item < 0)\n    throw new Error('no stock');\n}", "-1" => "3:15: no stock";
    an_error_made_of_parts: "item => {\n  throw new RangeError(\n    `no ${item.a} of ${[item.b].map(b => b)}`)\n}", "{}" => "2:13: RangeError: no undefined of ";
    an_error_in_the_parts: "item => { throw new Error(item.a.b) }", "{}" => "1:42: TypeError: cannot read property 'b' of undefined";
    a_thrown_text: "item => { throw 'no stock'; }", "1" => "1:26: no stock";
    one_of_two_thrown_texts: "item => { if (item) throw 'a';\n  throw 'b'; }", "0" => "2:3: b";
    one_of_two_computed_texts: "item => { if (item) throw 'a' + item;\n  throw 'b' + item; }", "0" => "b0";
    a_thrown_object: "item => { throw {code: 1}; }", "1" => r#"1:26: {"code":1}"#;
    a_thrown_object_with_a_message: "item => { throw {message: 'no stock'}; }", "1" => "1:26: no stock";
    nothing_thrown: "item => { throw undefined; }", "1" => "1:26: `undefined` was thrown";
    null_thrown: "item => { throw null; }", "1" => "1:26: `null` was thrown, or memory ran out";
    a_type_error: "item => ({\n  名: item.a.b })", "{}" => "2:6: TypeError: cannot read property 'b' of undefined";
    an_unknown_name: "item => itme", "1" => "1:24: ReferenceError: itme is not defined";
    an_error_in_a_helper: "const f = x => x.a.b;\nexport default item => f(item)", "{}" => "1:16: TypeError: cannot read property 'b' of undefined";
    an_error_in_a_callback: "item => item.map(\n  x => x.y.z)", "[{}]" => "2:8: TypeError: cannot read property 'z' of undefined";
    an_error_when_the_file_runs: "const x = null.y;\nexport default item => item", "1" => "1:15: TypeError: cannot read property 'y' of null";
    a_long_message_is_shortened: "item => { throw Error(item.repeat(5000)); }", r#""x""# => "1:32: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx … xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

    a_syntax_error: "item => ({\n  a: item..b\n})", "1" => "2:11: SyntaxError: expecting field name";
    an_open_bracket: "item => ({\n  a: [1, 2\n})", "1" => "3:1: SyntaxError: Unexpected token '}'";
    an_open_string: "item => 'abc", "1" => "1:24: SyntaxError: unexpected end of string";
    an_unexpected_end: "item => {", "1" => "1:25: the script ends where more is expected";
    the_name_after_wide_characters: "item => '名字' +* 1", "1" => "1:30: SyntaxError: unexpected token in expression: '*'";
    an_empty_script: "export  {};", "1" => "1:1: only declarations are exported; write `export default item => …`";
    declared_twice: "const a = 1;\nconst a = 2;\nexport default () => a", "1" => "2:9: SyntaxError: invalid redefinition of global identifier";
    two_defaults: "export default 1;\nexport default 2;", "1" => "2:17: SyntaxError: invalid redefinition of global identifier";

    no_default: "export const a = 1;", "1" => "the script exports no function; write `export default item => …`";
    no_function: "export default {a: 1};", "1" => "the script exports no function but a value (object); write `export default item => …`";
    no_export: "/* export */ item => item", "1" => "the script exports no function; write `export default item => …`";
    exported_by_name: "const f = item => item;\nexport { f as default };", "1" => "2:1: only declarations are exported; write `export default item => …`";
    an_import: "import x from 'y';\nexport default item => item", "1" => "1:1: `import` is not available; one file holds the whole script";
    a_dynamic_import: "item => import('fs')", "1" => "1:24: `import` is not available; one file holds the whole script";
    import_meta: "item => import.meta", "1" => "1:24: `import` is not available; one file holds the whole script";
    await_outside: "const x = await 1;\nexport default item => x", "1" => "1:11: `await` is not available: a script answers at once";
    an_async_function: "async item => item", "1" => "the result is a promise; a script answers at once, without `async`";
    a_generator: "export default function* (item) { yield item; }", "1" => "the result is an iterator; `[...iterator]` makes an array of it";
    a_class: "export default class Map {}", "1" => "1:1: TypeError: class constructors must be invoked with 'new'";
    a_block_like_an_object: "item => { sku: item.id }", "1" => "1:24: `=> {` begins a block, which gives nothing; an object is written `=> ({ … })`";
    a_block_like_an_object_in_a_callback: "items =>\n  items.map(item => { sku: item.id })", "[]" => "2:21: `=> {` begins a block, which gives nothing; an object is written `=> ({ … })`";
    a_labelled_loop: "item => { rows: for (const r of item) { for (const c of r) { if (c) continue rows; } return {r}; } }", "[[1],[0]]" => r#"{"r":[0]}"#;
    an_unknown_setting: "export const integers = 'text';\nexport default item => item", "1" => "1:25: this setting is either \"bigint\" or \"string\"";

    not_a_number: "item => ({price: item.a * 2})", "{}" => "`/price` of the result is NaN, which is no JSON number";
    infinity: "item => [{a: {b: [1 / 0]}}]", "{}" => "`/0/a/b/0` of the result is Infinity, which is no JSON number";
    a_function: "item => ({f: () => 1})", "{}" => "`/f` of the result is a function";
    a_symbol: "item => ({f: Symbol('x')})", "{}" => "`/f` of the result is a symbol";
    undefined_in_an_array: "item => ({a: [1, item.x]})", "{}" => "`/a/1` of the result is undefined";
    a_map: "item => ({'a/b': new Map([[1, 2]])})", "{}" => "`/a~1b` of the result is a Map; `Object.fromEntries(map)` makes an object of it";
    a_set: "item => new Set([1])", "{}" => "the result is a Set; `[...set]` makes an array of it";
    a_promise: "item => ({p: Promise.resolve(1)})", "{}" => "`/p` of the result is a promise; a script answers at once, without `async`";
    an_iterator: "item => ({i: [1].values()})", "{}" => "`/i` of the result is an iterator; `[...iterator]` makes an array of it";
    a_pattern: "item => ({r: /x/})", "{}" => "`/r` of the result is an instance of RegExp, which JSON cannot say";
    an_error: "item => ({e: Error('x')})", "{}" => "`/e` of the result is an instance of Error, which JSON cannot say";
    bytes: "item => ({b: new Uint8Array(2)})", "{}" => "`/b` of the result is an instance of TypedArray, which JSON cannot say";
    a_proxy: "item => ({p: new Proxy({}, {})})", "{}" => "`/p` of the result is a Proxy, which JSON cannot say";
    a_wrong_date: "item => ({d: new Date('x')})", "{}" => "`/d` of the result is an invalid date";
    itself: "item => { item.me = item; return item; }", "{}" => "`/me/me/me/me/me/me/me/me/…` of the result is nested deeper than 512 levels, or holds itself";
    too_deep: "item => { let x = 1; for (let i = 0; i < 600; i++) x = [x]; return {x}; }", "{}" => "`/x/0/0/0/0/0/0/0/…` of the result is nested deeper than 512 levels, or holds itself";
    a_getter_that_throws: "item => ({get a() { throw Error('got'); }})", "{}" => "1:42: got";
    no_document: "item => item", "{" => "the document is no JSON: a key in quotes is expected at byte 1";
    no_number: "item => item", "01" => "the document is no JSON: something follows the document at byte 1";
    control_characters: "item => item", "\"a\nb\"" => "the document is no JSON: a string holds a control character at byte 2";
}
