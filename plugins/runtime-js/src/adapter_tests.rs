//! Files, natively: what they are given, what they may return, and what is said
//! when something is wrong with them.

use super::*;
use crate::contract::{Body, Detail, Outcome, Pause, Refusal};
use crate::faults::sentence;
use crate::host::native;

/// An adapter whose `map` is this body; what it does not use is as short as can
/// be.
fn file(map: &str) -> String {
    format!(
        "import {{ fault, json, keys, secret }} from 'crossdock';
export const manifest = {{ name: 'board', version: '1.0.0', operations: [] }};
export function map(context, operation, items) {{ {map} }}
export function sign(context, operation, draft) {{ return []; }}
export function parseResponse(context, operation, request, reply) {{ return {{ outcomes: [] }}; }}
"
    )
}

fn load(text: &str) -> Adapter {
    Adapter::load("board.js", text)
        .unwrap_or_else(|wrong| panic!("{}", sentence("board.js", &wrong)))
}

fn refused(text: &str) -> String {
    match Adapter::load("board.js", text) {
        Ok(_) => panic!("it is an adapter"),
        Err(wrong) => sentence("board.js", &wrong),
    }
}

fn context(settings: &str) -> Context {
    Context {
        now_ms: 1_700_000_000_123,
        nonce: "00112233445566778899aabbccddeeff".into(),
        settings: settings.into(),
    }
}

fn item(document: &str) -> Item {
    Item {
        key: "k".into(),
        document: document.into(),
    }
}

fn draft() -> Draft {
    Draft {
        method: "POST".into(),
        path: "/prices".into(),
        query: vec![("a".into(), "1".into())],
        headers: Vec::new(),
        body: Body::Text("{}".into()),
    }
}

/// The body of the one request that `map` makes of these documents.
fn body(map: &str, documents: &[&str]) -> String {
    let adapter = load(&file(map));
    let items: Vec<Item> = documents.iter().map(|document| item(document)).collect();
    match adapter.map(&context("{}"), "price.update", &items) {
        Ok(mapped) => match &mapped.requests[0].draft.body {
            Body::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        },
        Err(fault) => panic!("{fault:?}"),
    }
}

/// What `map` failed with.
fn fault(map: &str) -> Fault {
    let adapter = load(&file(map));
    match adapter.map(&context("{}"), "price.update", &[item("{}")]) {
        Ok(mapped) => panic!("{mapped:?}"),
        Err(fault) => fault,
    }
}

fn said(map: &str) -> String {
    match fault(map) {
        Fault::Other(said) => said,
        other => panic!("{other:?}"),
    }
}

const SEND: &str = "const send = (body) => ({ requests: [{ draft: { method: 'POST', path: '/p', body }, items: [0], repeatable: true }] });";

#[test]
fn a_file_maps_its_items() {
    let adapter = load(&file(
        "return { requests: [{ draft: { method: 'PUT', path: `/${operation}`, query: [['t', String(context.nowMs)]],
           headers: [['x', context.nonce]], body: json.stringify({ n: items.length, shop: context.settings.shop, key: items[1].key }) },
           items: [0, 1], repeatable: false }], failures: [] };",
    ));
    let items = [item("{}"), item("{}")];
    let mapped = adapter.map(&context(r#"{"shop":"7"}"#), "price.update", &items);
    let mapped = mapped.unwrap();
    let request = &mapped.requests[0];
    assert_eq!(
        (request.items.as_slice(), request.repeatable),
        (&[0, 1][..], false)
    );
    assert_eq!(request.draft.method, "PUT");
    assert_eq!(request.draft.path, "/price.update");
    assert_eq!(request.draft.query, [("t".into(), "1700000000123".into())]);
    let nonce = "00112233445566778899aabbccddeeff";
    assert_eq!(request.draft.headers, [("x".into(), nonce.into())]);
    let body = r#"{"n":2,"shop":"7","key":"k"}"#;
    assert_eq!(request.draft.body, Body::Text(body.into()));
    assert!(adapter.describe().starts_with(r#"{"name":"board""#));
}

#[test]
fn numbers_stay_whole_and_decimals_are_written_as_they_were() {
    let through =
        format!("{SEND} return send(JSON.stringify(items.map((item) => item.document)));");
    let documents = [
        r#"{"id":3539925204033339668,"price":12.3400,"tiny":1e-7,"long":0.1000000000000000055}"#,
        r#"{"n":9007199254740993,"half":-0.50}"#,
    ];
    assert_eq!(
        body(&through, &documents),
        format!("[{}]", documents.join(","))
    );
    let own = through.replace("JSON.stringify", "json.stringify");
    assert_eq!(body(&own, &documents), format!("[{}]", documents.join(",")));
    let typed = format!(
        "{SEND} const {{ id, price }} = items[0].document; return send(`${{typeof id}} ${{id}} ${{typeof price}} ${{price * 2}}`);"
    );
    assert_eq!(
        body(&typed, &documents),
        "bigint 3539925204033339668 number 24.68"
    );
    // Written in two ways, nobody knows which is meant.
    assert_eq!(
        body(&through, &[r#"{"a":1.50,"b":1.5}"#]),
        r#"[{"a":1.5,"b":1.5}]"#
    );
}

#[test]
fn nothing_of_a_call_is_remembered_of_numbers() {
    let adapter = load(&file(&format!(
        "{SEND} return send(JSON.stringify(items[0].document.a ?? 2.5));"
    )));
    let map = |document| adapter.map(&context("{}"), "x", &[item(document)]).unwrap();
    let text = |mapped: Mapped| format!("{:?}", mapped.requests[0].draft.body);
    assert!(text(map(r#"{"a":2.500}"#)).contains("2.500"));
    assert!(text(map("{}")).contains("\"2.5\""));
}

#[test]
fn a_file_may_want_text_for_numbers() {
    let text = file(&format!(
        "{SEND} return send(`${{typeof items[0].document.id}} ${{items[0].document.price}}`);"
    )) + "export const integers = 'string', decimals = 'string';";
    let mapped = load(&text).map(
        &context("{}"),
        "x",
        &[item(r#"{"id":9007199254740993,"price":1.50}"#)],
    );
    assert_eq!(
        mapped.unwrap().requests[0].draft.body,
        Body::Text("string 1.50".into())
    );
    let wrong = file("return {};") + "export const integers = 'text';";
    assert_eq!(
        refused(&wrong),
        "board.js: `export const integers` is `\"bigint\"` or `\"string\"`"
    );
}

#[test]
fn every_edit_arrives() {
    let text = file("return {};").replace(
        "return [];",
        "return [{ setQuery: ['a', 'b'] }, { setHeader: ['c', 'd'] }, { replaceBody: draft.body + '!' }, { replaceBody: null },
           { replaceBody: new Uint8Array([1, 2]) }, { secretQuery: ['e', 'key'] }, { secretHeader: ['f', 'key'] }];",
    );
    let edits = load(&text).sign(&context("{}"), "x", &draft()).unwrap();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        edits,
        [
            Edit::SetQuery(pair("a", "b")),
            Edit::SetHeader(pair("c", "d")),
            Edit::ReplaceBody(Body::Text("{}!".into())),
            Edit::ReplaceBody(Body::Empty),
            Edit::ReplaceBody(Body::Bytes(vec![1, 2])),
            Edit::SecretQuery(pair("e", "key")),
            Edit::SecretHeader(pair("f", "key")),
        ]
    );
}

#[test]
fn a_secret_signs_and_is_not_seen() {
    // RFC 4231, case 2.
    let text = file("return {};").replace(
        "return [];",
        "const mac = keys.hmac('sha256', [secret('key')], [['what do ya want ', new Uint8Array([0x66]), 'or nothing?']]);
         return [{ setQuery: ['sign', [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join('')] }];",
    );
    let edits = load(&text).sign(&context("{}"), "x", &draft()).unwrap();
    let mac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(edits, [Edit::SetQuery(("sign".into(), mac.into()))]);
    let other = text.replace("secret('key')", "secret('other')");
    let fault = load(&other)
        .sign(&context("{}"), "x", &draft())
        .unwrap_err();
    assert!(
        matches!(&fault, Fault::InvalidSettings(detail) if detail.message.contains("`other`")),
        "{fault:?}"
    );
    // Without a secret, a hash is anybody's.
    let open = format!("{SEND} return send([...keys.hash('md5', ['a', 'bc'])].join(' '));");
    assert_eq!(
        body(&open, &["{}"]),
        "144 1 80 152 60 210 79 176 214 150 63 125 40 225 127 114"
    );
}

#[test]
fn every_outcome_arrives() {
    let text = file("return {};").replace(
        "{ outcomes: [] }",
        "{ outcomes: [{ accepted: { id: JSON.parse(reply.body).id } }, { duplicate: null }, { rejected: { code: 'E', message: 'm', details: [{ pointer: '/a', message: 'n' }] } },
            { retry: { afterMs: 250, code: '', message: 'm' } }, { throttled: { code: 'T', message: '' } },
            { unauthenticated: { code: 'A', message: '' } }, { unknown: { code: String(request.items[0]), message: request.draft.path } }],
           next: { method: 'GET', path: '/next' } }",
    );
    let request = Request {
        draft: draft(),
        items: vec![4],
        repeatable: true,
    };
    let reply = crate::contract::Reply {
        status: 200,
        headers: Vec::new(),
        body: Body::Text(r#"{"id":3539925204033339668}"#.into()),
    };
    let parsed = load(&text).parse_response(&context("{}"), "x", &request, &reply);
    let parsed = parsed.unwrap();
    let refusal = |code: &str, message: &str| Refusal {
        code: code.into(),
        message: message.into(),
        details: Vec::new(),
    };
    let pause = |after_ms, code: &str, message: &str| Pause {
        after_ms,
        code: code.into(),
        message: message.into(),
    };
    let detail = Detail {
        pointer: "/a".into(),
        message: "n".into(),
    };
    assert_eq!(
        parsed.outcomes,
        [
            Outcome::Accepted(r#"{"id":3539925204033339668}"#.into()),
            Outcome::Duplicate("null".into()),
            Outcome::Rejected(Refusal {
                details: vec![detail],
                ..refusal("E", "m")
            }),
            Outcome::Retry(pause(Some(250), "", "m")),
            Outcome::Throttled(pause(None, "T", "")),
            Outcome::Unauthenticated(refusal("A", "")),
            Outcome::Unknown(refusal("4", "/prices")),
        ]
    );
    let next = parsed.next.unwrap();
    assert_eq!((next.method.as_str(), next.path.as_str()), ("GET", "/next"));
    assert_eq!((next.query.len(), next.body), (0, Body::Empty));
}

#[test]
fn faults_are_thrown_or_returned() {
    let invalid = fault("throw fault.invalidInput('/sku', 'is missing');");
    assert!(
        matches!(&invalid, Fault::InvalidInput(detail) if detail.pointer == "/sku" && detail.message == "is missing")
    );
    assert!(matches!(
        fault("throw fault.invalidSettings('', 'no shop');"),
        Fault::InvalidSettings(_)
    ));
    assert!(matches!(
        fault("throw { invalidReply: { pointer: '', message: 'x' } };"),
        Fault::InvalidReply(_)
    ));
    assert!(
        matches!(fault("throw fault.unsupported(operation);"), Fault::Unsupported(said) if said == "price.update")
    );
    let adapter = load(&file(
        "return { failures: [{ item: 0, fault: fault.invalidInput('/sku', 'is missing') }] };",
    ));
    let mapped = adapter.map(&context("{}"), "x", &[item("{}")]).unwrap();
    assert_eq!((mapped.requests.len(), mapped.failures[0].item), (0, 0));
    let wrong = said("throw { invalidInput: 'sku' };");
    assert_eq!(
        wrong,
        "board.js:3:50: `invalidInput` of the fault that was thrown is a string; `{ pointer, message }` is expected"
    );
}

#[test]
fn what_is_thrown_has_a_message_a_file_a_line_and_a_column() {
    let text = "\n  const price = items[0].document.price;\n  return price.toFixed(2);\n";
    assert_eq!(
        said(text),
        "board.js:5:10: TypeError: cannot read property 'toFixed' of undefined"
    );
    assert_eq!(
        said("throw new Error('not today');"),
        "board.js:3:60: not today"
    );
    let deep = "const inner = () => { throw new Error('deep'); }; inner();";
    native::lines();
    assert!(said(deep).ends_with(": deep"));
    let logged = native::lines().join("\n");
    assert!(
        logged.starts_with("error: deep\nat inner (board.js:3:"),
        "{logged}"
    );
    let hint = said("return fetch('https://example.com');");
    assert!(
        hint.contains("fetch is not defined: an adapter reaches no network"),
        "{hint}"
    );
}

#[test]
fn what_is_returned_wrongly_is_named() {
    for (map, expected) in [
        (
            "",
            "`map` returned nothing; `{ requests: […] }`, with `failures: […]` where there are any, is expected",
        ),
        (
            "return { request: [] };",
            "what `map` returned has a member `request`, which nobody reads; did you mean `requests`?",
        ),
        (
            "return {};",
            "`requests` of what `map` returned is missing; an array of `{ draft, items, repeatable }` is expected",
        ),
        (
            "return { requests: {} };",
            "`requests` of what `map` returned is an object; an array of `{ draft, items, repeatable }` is expected",
        ),
        (
            "return Promise.resolve(1);",
            "`map` returned a promise; an adapter answers at once: leave out `async`",
        ),
        (
            "return { requests: [{ draft: { method: 'GET' }, items: [0], repeatable: true }] };",
            "`requests[0].draft.path` of what `map` returned is missing; a string is expected",
        ),
        (
            "return { requests: [{ draft: { method: 'GET', path: '/', headrs: [] }, items: [0], repeatable: true }] };",
            "`requests[0].draft` of what `map` returned has a member `headrs`, which nobody reads; did you mean `headers`?",
        ),
        (
            "return { requests: [{ draft: { method: 'GET', path: '/', query: [['page', 1]] }, items: [0], repeatable: true }] };",
            "`requests[0].draft.query[0][1]` of what `map` returned is a number; a string is expected",
        ),
        (
            "return { requests: [{ draft: { method: 'GET', path: '/', body: {} }, items: [0], repeatable: true }] };",
            "`requests[0].draft.body` of what `map` returned is an object; null, a string or a Uint8Array (`json.stringify(…)` makes text of an object) is expected",
        ),
        (
            "return { requests: [{ draft: { method: 'GET', path: '/' }, items: [0.5], repeatable: true }] };",
            "`requests[0].items[0]` of what `map` returned is 0.5; an index into the items, from 0, is expected",
        ),
        (
            "return { requests: [{ draft: { method: 'GET', path: '/' }, items: [0], repeatble: true }] };",
            "`requests[0]` of what `map` returned has a member `repeatble`, which nobody reads; did you mean `repeatable`?",
        ),
        (
            "return { requests: [], failures: [{ item: 0, fault: { invalidinput: 1 } }] };",
            "`failures[0].fault` of what `map` returned is a `invalidinput`; did you mean `invalidInput`?",
        ),
    ] {
        assert_eq!(said(map), format!("board.js:3:17: {expected}"), "{map}");
    }
}

#[test]
fn what_json_cannot_say_is_named() {
    let text = file("return {};").replace(
        "{ outcomes: [] }",
        "{ outcomes: [{ accepted: { price: 0 / 0 } }] }",
    );
    let request = Request {
        draft: draft(),
        items: vec![0],
        repeatable: true,
    };
    let reply = crate::contract::Reply {
        status: 200,
        headers: Vec::new(),
        body: Body::Empty,
    };
    let fault = load(&text).parse_response(&context("{}"), "x", &request, &reply);
    let Err(Fault::Other(said)) = fault else {
        panic!("{fault:?}");
    };
    assert_eq!(
        said,
        "board.js:5:17: `outcomes[0].accepted` of what `parseResponse` returned: `/price` of the result is NaN, which is no JSON number"
    );
}

#[test]
fn a_file_that_is_no_adapter_is_told_why() {
    let without = |part: &str| refused(&file("return {};").replace(part, "const other = 1; //"));
    for (text, expected) in [
        (String::new(), "board.js: it exports no `manifest` (nor anything else); write `export const manifest = { name, version, summary, operations, settings }`"),
        ("export const manifest = 1;".into(), "board.js: `manifest` is no object; write `export const manifest = { name, version, summary, operations, settings }`"),
        ("export default { map() {} };".into(), "board.js: it exports no `manifest` (`export default` is not looked at); write `export const manifest = { name, version, summary, operations, settings }`"),
        ("export const manifest = {};\nexport function mapp() {}".into(), "board.js: it exports no `map` (there is `mapp`); write `export function map(context, operation, items) { … }`"),
        ("export const manifest = { signs: false };\nexport const map = 1;".into(), "board.js: `map` is no function; write `export function map(context, operation, items) { … }`"),
        ("let x = ;".into(), "board.js:1:9: SyntaxError: unexpected token in expression: ';'"),
        ("const x = 1;\nx.y.z;".into(), "board.js:2:1: TypeError: cannot read property 'z' of undefined"),
        ("import fs from 'fs';".into(), "board.js: there is no module `fs`; a file imports `crossdock` and nothing else, so a bundler has to put other code into it"),
        ("import { x } from './x.js';".into(), "board.js: there is no module `x.js`; a file imports `crossdock` and nothing else, so a bundler has to put other code into it"),
        ("const p = require('x');".into(), "board.js:1:11: ReferenceError: require is not defined: a file is an ES module; write `import … from \"crossdock\"` and `export`"),
        ("await new Promise(() => {});".into(), "board.js: an `await` outside of a function never ends"),
        ("export const manifest = { name: () => 1, signs: false };\nexport function map() {}\nexport function parseResponse() {}".into(), "board.js: `manifest` of what the file exports: `/name` of the result is a function"),
    ] {
        assert_eq!(refused(&text), expected, "{text}");
    }
    let said = refused("import { formm } from 'crossdock';");
    let expected = "\"crossdock\" exports no `formm`; did you mean `form`?";
    assert!(said.ends_with(expected), "{said}");
    let said = without("export function sign");
    assert_eq!(
        said,
        "board.js: it exports no `sign`; write `export function sign(context, operation, draft) { … }`, or `signs: false` in the manifest if nothing is signed"
    );
    let unsigned = file("return {};")
        .replace("version:", "signs: false, version:")
        .replace("export function sign", "function sign");
    assert_eq!(
        load(&unsigned).sign(&context("{}"), "x", &draft()),
        Ok(Vec::new())
    );
}

#[test]
fn equal_arguments_give_equal_results() {
    for (map, expected) in [
        (
            "return Date.now();",
            "an adapter has no clock; take `context.nowMs`",
        ),
        (
            "return new Date();",
            "an adapter has no clock; take `context.nowMs`",
        ),
        (
            "return Math.random();",
            "an adapter has no random numbers: take `context.nonce`, which is new for every attempt",
        ),
        ("return eval('1');", "an adapter makes no code from text"),
        ("globalThis.counter = 1;", "object is not extensible"),
        ("Array.prototype.map = 1;", "read-only"),
    ] {
        let said = said(map);
        assert!(said.contains(expected), "{map}: {said}");
    }
    let time = format!("{SEND} return send(new Date(context.nowMs).toISOString());");
    assert_eq!(body(&time, &["{}"]), "2023-11-14T22:13:20.123Z");
}

#[test]
fn the_console_is_the_plugins_log() {
    native::lines();
    body(
        &format!(
            "console.log('prices', {{ a: 1n }}, 2); console.warn('hm'); {SEND} return send('');"
        ),
        &["{}"],
    );
    assert_eq!(native::lines(), [r#"info: prices {"a":1} 2"#, "warn: hm"]);
}
