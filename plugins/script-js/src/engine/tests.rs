use super::Script;

/// What a script makes of a document: its results, one per line, or the error.
fn run(source: &str, document: &str) -> String {
    let shown = |wrong: crate::Diagnostic| match wrong.line {
        0 => wrong.message,
        line => format!("{line}:{}: {}", wrong.column, wrong.message),
    };
    match Script::compile(source, CONTEXT) {
        Err(wrong) => shown(wrong),
        Ok(script) => match script.apply(document) {
            Ok(documents) => documents.join("\n"),
            Err(wrong) => shown(wrong),
        },
    }
}

const CONTEXT: &str = r#"{"tenant":"acme","tables":{"stores":{"1":"A"}},"id":3539925204033339668}"#;

/// The answers of one call to its documents, as text.
fn answers(source: &str, documents: &[&str]) -> Vec<String> {
    let script = Script::compile(source, CONTEXT).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let answers = script.apply_all(documents).into_iter();
    answers.map(|answer| format!("{answer:?}")).collect()
}

#[macro_use]
mod yields;

mod confined;
mod digits;
mod json;
mod language;
mod missing;
#[path = "../../../script-sdk/reference/recipes.rs"]
mod recipes;
mod tables;
mod wrong;

#[test]
fn a_compiled_script_is_applied_many_times() {
    let script = Script::compile("export default item => ({n: item.n + 1})", "{}").unwrap();
    for n in 0..3 {
        let results = script.apply(&format!("{{\"n\":{n}}}")).unwrap();
        assert_eq!(results, [format!("{{\"n\":{}}}", n + 1)]);
    }
    assert!(script.apply("null").is_err());
    assert!(script.apply("{}").is_err());
    assert!(script.apply("{\"n\":1}").is_ok());
}

#[test]
fn each_document_of_a_call_has_its_own_answer() {
    let source = "export default item => { if (item.n === 2) throw Error('two'); return item; }";
    let script = Script::compile(source, "{}").unwrap();
    let answers = script.apply_all(&[r#"{"n":1}"#, r#"{"n":2}"#, "{", r#"{"m":3,"n":4}"#]);
    let shown: Vec<String> = answers
        .into_iter()
        .map(|answer| match answer {
            Ok(documents) => documents.join(" "),
            Err(wrong) => wrong.message,
        })
        .collect();
    assert_eq!(
        shown,
        [
            r#"{"n":1}"#,
            "two",
            "the document is no JSON: a key in quotes is expected at byte 1",
            r#"{"m":3,"n":4}"#,
        ]
    );
}

#[test]
fn a_context_that_is_no_json_is_an_error() {
    let wrong = Script::compile("export default item => item", "{").map(|_| ());
    let wrong = wrong.unwrap_err();
    assert_eq!((wrong.line, wrong.column), (0, 0));
    assert!(wrong.message.starts_with("the context is no JSON document"));
}

#[test]
fn recipes_hold_beyond_their_example() {
    recipes::hold("js", |source, context, item| {
        let script = Script::compile(source, context).unwrap_or_else(|wrong| panic!("{wrong:?}"));
        script.apply(item).ok()
    });
}
