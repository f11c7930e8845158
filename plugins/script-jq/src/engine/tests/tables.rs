//! Tables that stay in the host look like those of the context.

use super::Script;
use crossdock_script_engine::tables::{Table, install};

/// What a script makes of a document, by the short cut and by jaq: with `stores`
/// (3 rows, may be had as a whole), `goods` (only looked up) and, in the context,
/// `small`.
fn run(source: &str, document: &str) -> String {
    let table = |name: &str, rows, copyable| Table {
        name: name.into(),
        rows,
        copyable,
    };
    let row = |key: &str, json: &str| (key.to_owned(), json.to_owned());
    let stores = vec![
        row("北京", r#"{"code":"0010","n":1.50}"#),
        row("b", r#"{"code":"0021"}"#),
        row("none", "null"),
    ];
    let goods = vec![row("1", r#"{"price":12.3400}"#)];
    install(vec![
        (table("stores", 3, true), stores),
        (table("goods", 200_000, false), goods),
    ]);
    let context = r#"{"tenant":"acme","tables":{"small":{"a":{"x":1}}}}"#;
    let script = Script::compile(source, context);
    let told = |answer: Result<Vec<String>, _>| match answer {
        Ok(documents) => documents.join(" "),
        Err(crate::Diagnostic { message, .. }) => message,
    };
    let answer = match script {
        Err(wrong) => wrong.message,
        Ok(script) => {
            let answer = told(script.apply(document.to_owned()));
            let by_jaq = told(script.apply_by_jaq(document.to_owned()));
            assert_eq!(answer, by_jaq, "the short cut leads elsewhere: {source}");
            answer
        }
    };
    install(Vec::new());
    answer
}

#[test]
fn rows_are_looked_up_as_in_any_object() {
    for (source, document, expected) in [
        (
            "$context.tables.stores[.shop].code",
            r#"{"shop":"北京"}"#,
            r#""0010""#,
        ),
        (
            "$context.tables.stores[.shop]",
            r#"{"shop":"北京"}"#,
            r#"{"code":"0010","n":1.50}"#,
        ),
        ("$context.tables.stores[.shop]", r#"{"shop":"x"}"#, "null"),
        ("$context.tables.stores[.shop]", r#"{"shop":7}"#, "null"),
        (
            "$context.tables.stores[.shop] // error(\"unknown shop \\(.shop)\")",
            r#"{"shop":"x"}"#,
            "unknown shop x",
        ),
        (
            "$context.tables.stores[.shop]?.code",
            r#"{"shop":"x"}"#,
            "null",
        ),
        ("$context.tables.stores.b.code", "1", r#""0021""#),
        (
            "$context.tables[\"stores\"][\"b\"] | .code",
            "1",
            r#""0021""#,
        ),
        (
            "$context.tables.goods[.id].price",
            r#"{"id":"1"}"#,
            "12.3400",
        ),
        (
            "$context.tables as {$goods, $stores} | [$goods[.id].price, $stores.b.code]",
            r#"{"id":"1"}"#,
            r#"[12.3400,"0021"]"#,
        ),
        (
            "def find($t; $k): $t[$k]; find($context.tables.goods; .id)",
            r#"{"id":"1"}"#,
            r#"{"price":12.3400}"#,
        ),
        (
            "$context.tables.goods as $t | .ids | map($t[.].price)",
            r#"{"ids":["1","2"]}"#,
            "[12.3400,null]",
        ),
        (
            "$context.tables.goods | has(\"1\"), has(\"2\"), length, type",
            "1",
            r#"true false 200000 "object""#,
        ),
        (
            "$context.tables.stores | has(\"none\"), has(\"x\")",
            "1",
            "true false",
        ),
        (".id | in($context.tables.goods)", r#"{"id":"1"}"#, "true"),
        (
            "[$context.tables.goods | getpath([\"1\", \"price\"])]",
            "1",
            "[12.3400]",
        ),
        ("if $context.tables.goods then 1 else 2 end", "1", "1"),
        ("$context.tables.small.a.x", "1", "1"),
        (
            "$context.tables | keys",
            "1",
            r#"["goods","small","stores"]"#,
        ),
    ] {
        assert_eq!(run(source, document), expected, "{source}");
    }
}

#[test]
fn a_table_of_middle_size_is_had_as_a_whole() {
    for (source, expected) in [
        ("$context.tables.stores | keys", r#"["b","none","北京"]"#),
        (
            "[$context.tables.stores[] | .code?]",
            r#"["0010","0021",null]"#,
        ),
        (
            "$context.tables.stores | to_entries | map(.key)",
            r#"["北京","b","none"]"#,
        ),
        (
            "$context.tables.stores | map_values(.code)",
            r#"{"北京":"0010","b":"0021","none":null}"#,
        ),
        ("$context.tables.stores + {\"c\":1} | length", "4"),
        ("$context.tables.stores | del(.b) | length", "2"),
        (
            "$context.tables.stores | .b.code = \"7\" | .b",
            r#"{"code":"7"}"#,
        ),
        ("$context.tables.stores | .b |= error(\"no\")", "no"),
        (
            "$context.tables.stores | with_entries(select(.key == \"b\"))",
            r#"{"b":{"code":"0021"}}"#,
        ),
        ("$context.tables.stores == $context.tables.stores", "true"),
        ("$context.tables.stores == {}", "false"),
        (
            "{all: $context.tables.stores} | .all.b",
            r#"{"code":"0021"}"#,
        ),
        ("$context.tables.stores | tojson | fromjson | length", "3"),
        (
            "{all: $context.tables.stores}",
            r#"{"all":{"北京":{"code":"0010","n":1.50},"b":{"code":"0021"},"none":null}}"#,
        ),
    ] {
        assert_eq!(run(source, "1"), expected, "{source}");
    }
}

#[test]
fn a_large_table_is_not_had_as_a_whole_and_that_is_said() {
    for source in [
        "$context.tables.goods | keys",
        "$context.tables.goods[]",
        "$context.tables.goods | to_entries",
        "$context.tables.goods | map_values(.)",
        "$context.tables.goods + {}",
        "{} + $context.tables.goods",
        "[$context.tables.goods, {}] | add",
        "$context.tables.goods",
        "{all: $context.tables.goods}",
        "$context",
        "$context.tables.goods | tojson",
        "\"\\($context.tables.goods)\"",
        "$context.tables.goods | contains({})",
        "$context.tables.goods | .a = 1",
        "$context.tables.goods | del(.a)",
    ] {
        let said = run(source, "1");
        assert!(
            said.contains("the table `goods` has 200000 rows and is only looked up by key")
                && said.contains("$context.tables.goods[.key]"),
            "{source}: {said}"
        );
    }
    assert_eq!(
        run("try ($context.tables.goods | keys) catch \"no\"", "1"),
        "\"no\""
    );
}

#[test]
fn what_is_changed_may_fail_stop_or_go_on_without_end() {
    for (source, document, expected) in [
        (
            ".a |= (.+1, error(\"not asked\"))",
            r#"{"a":1}"#,
            r#"{"a":2}"#,
        ),
        (".a |= (., last(repeat(1)))", r#"{"a":1}"#, r#"{"a":1}"#),
        (".[] |= (select(. > 1))", "[1,2,3]", "[2,3]"),
        (".[1:] |= map(. * 2)", "[1,2,3]", "[1,4,6]"),
        ("label $out | .a |= (break $out)", r#"{"a":1}"#, ""),
        ("try (.a |= error(\"x\")) catch .", r#"{"a":1}"#, r#""x""#),
        (
            "[.[] | length]",
            r#"[-3, -1.5, "红x", null, [1], {"a":1}]"#,
            "[3,1.5,2,0,1,1]",
        ),
        ("index(\"b\"), indices(\"b\")", "\"abab\"", "1 [1,3]"),
        ("[1,2,3] | bsearch(2), bsearch(7)", "1", "1 -4"),
    ] {
        let answer = run(source, document);
        assert!(answer.starts_with(expected), "{source}: {answer}");
    }
}
