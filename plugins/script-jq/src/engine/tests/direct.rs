//! The short cut for plain expressions gives what jaq gives, or leaves it to
//! jaq: every script below is applied to every document, both ways.

use super::super::{CONTEXT, Script};
use crate::direct::{Direct, Vars};

/// Of these there is a short cut.
const DIRECT: &[&str] = &[
    ".",
    ".a",
    ".a.b",
    ".[\"a\"]",
    ".a[0]",
    ".a[-1]",
    ".a[1:]",
    ".a[:2][0]",
    ".[.k]",
    "{\"x\": 1, \"y\": [2]}[.k]",
    "{a, \"b\", $context}",
    "{(.k): .a, \"c\\(.k)\": 2}",
    "{a: 1, b: 2, a: 3}",
    "{a: {b: {c: .a}}, d: [.b, .b]}",
    "{\"\\u4e2d\\n\\\"\": .a}",
    "\"\\(.a)^^^\\(.b) \\u00e9\\t\"",
    "\"\"",
    "\"x\"",
    "-.a",
    ".a + .b",
    ".a - .b * 2 / 3",
    ".a % 7",
    ".a == .b",
    ".a < .b and .b <= 10 or (.a | not)",
    ".a // \"none\"",
    ".a // .b // 1.50",
    "if .a then .b else .k end",
    "if .a == 1 then 1 elif .b == 2 then 2 else 3 end",
    "if .a then .b end",
    ".a as $x | .b as $y | {x: $x, y: $y, t: $context.tenant}",
    ".a as $x | (.b as $x | $x) + $x",
    "[.a, .b] | max",
    "[.a - .b, 0] | max",
    "[.a, .b, 1] | min",
    "[.a[]] | add",
    ".a | map(. + 1)",
    ".a | map(select(. > 1)) | length",
    "[.a, .b | tostring]",
    "[.[] | .b]",
    "[]",
    "[.a, empty, .b]",
    "true, false, null",
    "1, 1.50, 12345678901234567890, 1e1000",
    ".a, .b",
    ".a[]",
    ".[]",
    ".a[] as $x | {x: $x, k}",
    ".a[].b",
    ".a[][0]",
    "if .a then empty else . end",
    "select(.a)",
    ".a[] | select(.b == 1) | {b}",
    "if .k == \"a\" then error(\"no\") else .b end",
    ".k | error",
    ".k | ascii_downcase, ascii_upcase",
    ".k | startswith(\"a\"), endswith(\"b\")",
    ".k | ltrimstr(\"a\")",
    ".k | rtrimstr(\"b\")",
    ".k | split(\"-\")",
    ".k | split(\"\")",
    ".a | join(\", \")",
    "has(\"a\")",
    ".k | tonumber",
    ".a | tonumber",
    "length",
    ".a | length",
    "[1, 2] + [3] - [2]",
    "{a: 1} * {b: {c: 2}}",
    "\"ab\" * 3",
    ".a | tostring | length",
];

/// Of these there is none.
const JAQ_ONLY: &[&str] = &[
    "def f: .a; f",
    "reduce .[] as $x (0; . + $x)",
    "try .a catch .",
    ".a?",
    "..",
    ".a |= 1",
    ".a = 1",
    "label $out | .a",
    "[limit(1; .a, .b)]",
    "@base64 \"\\(.k)\"",
    ". as [$x] | $x",
    "{a: (.a, .b)}",
    "\"\\(.a, .b)\"",
    "(.a, .b) + 1",
    ".k | test(\"a\")",
];

const DOCUMENTS: &[&str] = &[
    "null",
    "1",
    "\"a\"",
    "[]",
    "{}",
    "[1, 2, {\"b\": 3}]",
    r#"{"a":1,"b":2,"k":"a"}"#,
    r#"{"a":22,"b":-5,"k":"a-b"}"#,
    r#"{"a":"x","b":"é","k":"b"}"#,
    r#"{"a":null,"b":false,"k":"x"}"#,
    r#"{"a":12.3400,"b":0.1000000000000000055,"k":"12"}"#,
    r#"{"a":3539925204033339668,"b":123456789012345678901,"k":"0123"}"#,
    r#"{"a":[1,2,3],"b":[],"k":""}"#,
    r#"{"a":[{"b":1},{"b":2}],"b":{"b":1},"k":1}"#,
    r#"{"a":{"b":{"c":1}},"b":1e400,"k":"3.5"}"#,
    r#"{"a":["x",null,1.50,[2]],"b":"\ud83d\ude00","k":"ab"}"#,
    r#"{"a":true,"b":0,"k":"Ab-"}"#,
];

fn both_ways(source: &str) {
    let script = Script::compile(source, r#"{"tenant":"acme"}"#);
    let script = script.unwrap_or_else(|wrong| panic!("{source}: {}", wrong.message));
    for document in DOCUMENTS {
        let short = script.apply((*document).to_owned());
        let by_jaq = script.apply_by_jaq((*document).to_owned());
        assert_eq!(short, by_jaq, "{source} of {document}");
    }
}

#[test]
fn the_short_cut_leads_where_jaq_goes() {
    for source in DIRECT {
        assert!(Direct::new(source, CONTEXT).is_some(), "{source}");
        both_ways(source);
    }
}

#[test]
fn what_is_no_plain_expression_is_left_to_jaq() {
    for source in JAQ_ONLY {
        assert!(Direct::new(source, CONTEXT).is_none(), "{source}");
        both_ways(source);
    }
}

/// Most of what succeeds in jaq has to succeed on the short cut, or it is none.
#[test]
fn the_short_cut_is_taken() {
    let (mut taken, mut by_jaq) = (0, 0);
    for source in DIRECT {
        let script = Script::compile(source, "{}").unwrap_or_else(|wrong| panic!("{wrong:?}"));
        for document in DOCUMENTS {
            let document = (*document).to_owned();
            by_jaq += u32::from(script.apply_by_jaq(document.clone()).is_ok());
            let input = crate::read::document(document).unwrap_or_default();
            let vars = Vars::new(&script.context);
            let direct = script.direct.as_ref();
            taken += u32::from(direct.is_some_and(|direct| direct.apply(&vars, &input, 0).is_ok()));
        }
    }
    assert!(taken * 20 >= by_jaq * 19, "{taken} of {by_jaq}");
}

#[test]
fn looking_for_the_short_cut_takes_no_time() {
    let nested = "[".repeat(60) + "input_name?" + &" | 1, .]".repeat(60);
    assert!(Direct::new(&nested, CONTEXT).is_none());
}
