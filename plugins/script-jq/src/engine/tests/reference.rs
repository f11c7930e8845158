//! What jq itself makes of everyday expressions: the same here, or an error, or
//! a line of `docs/scripts.md`. `reference/record.mjs` says where the tables
//! come from.

use super::super::Script;
use serde_json::Value;
use std::fmt::Write as _;

const V1_7: &str = include_str!("../../../reference/jq-1.7.1.json");
const V1_8: &str = include_str!("../../../reference/jq-1.8.2.json");
const EXPRESSIONS: &str = include_str!("../../../reference/expressions.txt");
const PAGE: &str = include_str!("../../../../../docs/scripts.md");

/// Of all expressions, so many have to give something: an engine that refuses
/// everything differs in nothing.
const MOST_REFUSED: usize = 45;

/// Input, expression, outputs, error.
type Case = (String, String, Vec<String>, Option<String>);

fn cases(table: &str) -> Vec<Case> {
    serde_json::from_str(table).expect("a table of cases")
}

fn expressions() -> Vec<(&'static str, &'static str)> {
    let lines = EXPRESSIONS.lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.split_once('\t').expect("a tab"))
        .collect()
}

/// Outputs, or nothing if it ends in an error.
fn here(input: &str, expression: &str) -> Option<Vec<String>> {
    let script = Script::compile(expression, "{}").ok()?;
    let outputs = script.apply(input.to_owned()).ok();
    let by_jaq = script.apply_by_jaq(input.to_owned()).ok();
    assert_eq!(
        outputs, by_jaq,
        "the short cut leads elsewhere: {expression} of {input}"
    );
    outputs
}

/// Numbers as they count, not as they are written: `1.50` is `1.5`.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || left.as_str().parse::<f64>() == right.as_str().parse::<f64>()
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| same(l, r))
        }
        (Value::Object(left), Value::Object(right)) => {
            let in_right = |(key, l)| right.get(key).is_some_and(|r| same(l, r));
            left.len() == right.len() && left.iter().all(in_right)
        }
        (left, right) => left == right,
    }
}

fn all_same(left: &[String], right: &[String]) -> bool {
    let value = |text: &String| serde_json::from_str::<Value>(text).expect("JSON");
    let pair = |(l, r)| same(&value(l), &value(r));
    left.len() == right.len() && left.iter().zip(right).all(pair)
}

/// As the page says it.
fn line(case: &Case, outputs: &[String]) -> String {
    let (input, expression, theirs, error) = case;
    let mut line = format!("{input} | {expression}");
    let _ = write!(line, "  →  {}", told(outputs));
    match error {
        None => _ = write!(line, "  jq: {}", told(theirs)),
        Some(_) => line.push_str("  jq: an error"),
    }
    line
}

fn told(outputs: &[String]) -> String {
    match outputs {
        [] => "nothing".into(),
        outputs => outputs.join(", "),
    }
}

/// What differs without an error, and how much is an error.
fn differences() -> (Vec<String>, Vec<String>) {
    let (mut differ, mut refused) = (Vec::new(), Vec::new());
    for (old, new) in cases(V1_7).iter().zip(&cases(V1_8)) {
        let Some(outputs) = here(&old.0, &old.1) else {
            if old.3.is_none() || new.3.is_none() {
                refused.push(format!("{} | {}", new.0, new.1));
            }
            continue;
        };
        let as_in = |case: &Case| case.3.is_none() && all_same(&outputs, &case.2);
        if !as_in(old) && !as_in(new) {
            differ.push(line(new, &outputs));
        }
    }
    (differ, refused)
}

#[test]
fn the_tables_are_of_these_expressions() {
    let expected = expressions();
    assert!(expected.len() > 300);
    for table in [V1_7, V1_8] {
        let cases = cases(table);
        let found: Vec<_> = cases.iter().map(|case| (&*case.0, &*case.1)).collect();
        assert_eq!(found, expected, "run reference/record.mjs");
    }
}

#[test]
fn what_differs_from_jq_without_an_error_is_on_the_page() {
    let (_, page) = PAGE.split_once("```differences\n").expect("the block");
    let (block, _) = page.split_once("\n```").expect("its end");
    let said: Vec<&str> = block.lines().collect();
    let (found, _) = differences();
    let missing: Vec<_> = found
        .iter()
        .filter(|line| !said.contains(&line.as_str()))
        .collect();
    let gone: Vec<_> = said
        .iter()
        .filter(|line| !found.iter().any(|l| l == *line))
        .collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "not on the page:\n{missing:#?}\non the page, but not so:\n{gone:#?}"
    );
}

#[test]
fn little_of_what_jq_does_is_an_error() {
    let (_, refused) = differences();
    assert!(
        refused.len() <= MOST_REFUSED,
        "{}: {refused:#?}",
        refused.len()
    );
}
