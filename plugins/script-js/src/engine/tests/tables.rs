//! Tables that stay in the host look like those of the context.

use super::Script;
use crossdock_script_engine::tables::{Table, install};

/// What an expression of `tables` and `item` gives: with `stores` (3 rows, may be had
/// as a whole), `goods` (only looked up) and, in the context, `small`.
fn run(expression: &str) -> String {
    let table = |name: &str, rows, copyable| Table {
        name: name.into(),
        rows,
        copyable,
    };
    let row = |key: &str, json: &str| (key.to_owned(), json.to_owned());
    let stores = vec![
        row("北京", r#"{"code":"0010","tags":["a"]}"#),
        row("b", r#"{"code":"0021","id":3539925204033339668}"#),
        row("none", "null"),
    ];
    let goods = vec![
        row("1", r#"{"price":12.5}"#),
        row("toString", r#"{"price":1}"#),
    ];
    install(vec![
        (table("stores", 3, true), stores),
        (table("goods", 200_000, false), goods),
    ]);
    let context = r#"{"tenant":"acme","tables":{"small":{"a":{"x":1}}}}"#;
    let source = format!("export default (item, {{ tables }}) => ({{ x: {expression} }});");
    let answer = match Script::compile(&source, context) {
        Err(wrong) => wrong.message,
        Ok(script) => match script.apply(r#"{"shop":"北京","id":"1"}"#) {
            Ok(documents) => documents.join(" "),
            Err(wrong) => wrong.message,
        },
    };
    install(Vec::new());
    answer
}

#[test]
fn rows_are_looked_up_as_in_any_object() {
    for (expression, expected) in [
        ("tables.stores[item.shop].code", r#"{"x":"0010"}"#),
        (
            "tables.stores[item.shop]",
            r#"{"x":{"code":"0010","tags":["a"]}}"#,
        ),
        ("tables.goods[item.id].price", r#"{"x":12.5}"#),
        ("tables.goods[1].price", r#"{"x":12.5}"#),
        ("tables.stores.x?.code ?? 'main'", r#"{"x":"main"}"#),
        ("tables.stores.b.id", r#"{"x":3539925204033339668}"#),
        (
            "['b', 'x', 'none', 'toString'].map(k => Object.hasOwn(tables.stores, k))",
            r#"{"x":[true,false,true,false]}"#,
        ),
        (
            "['b', 'x', 'none', 'toString'].map(k => k in tables.stores)",
            r#"{"x":[true,false,true,true]}"#,
        ),
        ("tables.goods.toString.price", r#"{"x":1}"#),
        ("typeof tables.stores.toString", r#"{"x":"function"}"#),
        (
            "(({ [item.shop]: { code } }) => code)(tables.stores)",
            r#"{"x":"0010"}"#,
        ),
        ("tables.stores.b === tables.stores.b", r#"{"x":true}"#),
        ("context.tables.goods[item.id].price", r#"{"x":12.5}"#),
        ("tables.small.a.x", r#"{"x":1}"#),
        ("Object.keys(tables)", r#"{"x":["small","stores","goods"]}"#),
        ("tables.goods['\\ud800'] === undefined", r#"{"x":true}"#),
        (
            "tables.stores[Symbol.iterator] === undefined",
            r#"{"x":true}"#,
        ),
    ] {
        assert_eq!(run(expression), expected, "{expression}");
    }
}

#[test]
fn a_table_of_middle_size_is_had_as_a_whole() {
    for (expression, expected) in [
        ("Object.keys(tables.stores)", r#"{"x":["北京","b","none"]}"#),
        (
            "Object.entries(tables.stores).map(([k, v]) => k + v?.code)",
            r#"{"x":["北京0010","b0021","noneundefined"]}"#,
        ),
        ("({ ...tables.stores }).b.code", r#"{"x":"0021"}"#),
        (
            "(() => { let n = 0; for (const key in tables.stores) n++; return n; })()",
            r#"{"x":3}"#,
        ),
        ("JSON.stringify(tables.stores).length > 20", r#"{"x":true}"#),
        (
            "tables.stores",
            r#"{"x":{"北京":{"code":"0010","tags":["a"]},"b":{"code":"0021","id":3539925204033339668},"none":null}}"#,
        ),
    ] {
        assert_eq!(run(expression), expected, "{expression}");
    }
}

#[test]
fn a_large_table_is_not_had_as_a_whole_and_that_is_said() {
    for expression in [
        "Object.keys(tables.goods)",
        "({ ...tables.goods })",
        "JSON.stringify(tables.goods)",
        "(() => { for (const key in tables.goods) return key; })()",
        "tables.goods",
    ] {
        let said = run(expression);
        assert!(
            said.contains("the table `goods` has 200000 rows and is only looked up by key")
                && said.contains("context.tables.goods[key]"),
            "{expression}: {said}"
        );
    }
}

#[test]
fn no_item_changes_a_table_or_a_row() {
    for expression in [
        "tables.stores.b = 1",
        "delete tables.stores.b",
        "Object.defineProperty(tables.stores, 'b', { value: 1 })",
        "Object.setPrototypeOf(tables.stores, null)",
        "tables.stores.b.code = 1",
        "tables.stores['北京'].tags.push(1)",
        "tables.goods = 1",
    ] {
        let said = run(expression);
        assert!(said.contains("TypeError"), "{expression}: {said}");
    }
}
