//! Languages whose tools a machine has or has not. What cannot be built here is
//! said by name; `cargo xtask test` gets what the registries have.

use std::path::PathBuf;

use crossdock_tests::bed::{call, deliver};
use crossdock_tests::guests::target_dir;

use crate::author::{Author, answers, has, platform, served};

/// The folder in which `cargo xtask test` installs tools of other languages.
pub fn tools() -> PathBuf {
    let tools = target_dir().join("tools/bin");
    tools.canonicalize().unwrap_or(tools)
}

/// A program of the tests' own, or of the system.
pub fn found(name: &str, question: &str) -> bool {
    has(&tools().join(name), question) || has(&PathBuf::from(name), question)
}

/// Says that a language is left out, by name.
pub fn skipped(language: &str, missing: &str) {
    println!("skipped: plugin new --lang {language}: {missing} is not here");
}

/// From the first command to an answer of the platform.
async fn whole_way(language: &str) {
    let author = Author::with_tools(&tools());
    author.begin("shop", language).await;
    author.build("shop").await;
    author.check("shop").await;
    let platform = platform().await;
    let bed = served("shop", &platform);
    let component = std::fs::read(author.path("shop/shop.wasm")).unwrap();
    bed.put_plugin("shop", &component);
    let host = bed.host_unwatched().await;
    answers(&host, &platform).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_in_c_is_built_and_serves() {
    match found("wasm-ld", "--version") && found("clang", "--version") {
        true => whole_way("c").await,
        false => skipped("c", "clang with wasm-ld"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_adapter_in_c_lacks_is_named_with_what_to_write() {
    if !(found("wasm-ld", "--version") && found("clang", "--version")) {
        return skipped("c", "clang with wasm-ld");
    }
    let author = Author::with_tools(&tools());
    author.begin("shop", "c").await;
    let whole = author.read("shop/shop.c");
    let function = "exports_crossdock_adapter_adapter_sign(";
    for (mistaken, sentence) in [
        (
            whole.replace(function, "signs("),
            "the adapter has no `sign`: write `bool exports_crossdock_adapter_adapter_sign(",
        ),
        (
            format!("#include <stdio.h>\n{whole}"),
            "shop.c:1:10: `stdio.h` is not here: there is no C library but `sdk/libc`",
        ),
    ] {
        assert_ne!(mistaken, whole);
        std::fs::write(author.path("shop/shop.c"), mistaken).unwrap();
        let built = author.run("shop", &["plugin", "build"]).await;
        assert_eq!(built.code, Some(1), "{built:?}");
        assert!(built.stderr.contains(sentence), "{built:?}");
        assert!(!built.stderr.contains("--target="), "{built:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_in_go_is_built_and_serves() {
    match found("go", "version") {
        true => whole_way("go").await,
        false => skipped("go", "Go"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_in_python_is_built_and_serves() {
    match found("componentize-py", "--version") {
        true => whole_way("python").await,
        false => skipped("python", "componentize-py"),
    }
}

/// What `app.py` of the template is with one part of it written otherwise.
fn rewritten(author: &Author, from: &str, to: &str) {
    let text = author.read("shop/app.py");
    assert!(text.contains(from), "{text}");
    std::fs::write(author.path("shop/app.py"), text.replace(from, to)).unwrap();
}

/// The line of `app.py` with some text.
fn line_of(author: &Author, part: &str) -> usize {
    let text = author.read("shop/app.py");
    let line = text.lines().position(|line| line.contains(part));
    line.expect("the text") + 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_missing_in_python_is_named_when_it_is_built() {
    if !found("componentize-py", "--version") {
        return skipped("python", "componentize-py");
    }
    let author = Author::with_tools(&tools());
    author.begin("shop", "python").await;
    rewritten(&author, "def map(self", "def mapp(self");
    let built = author.run("shop", &["plugin", "build"]).await;
    assert_eq!(built.code, Some(1), "{built:?}");
    assert!(!built.stderr.contains("Traceback"), "{built:?}");
    assert!(!built.stderr.contains("--wit-path"), "{built:?}");
    let sentence = "the class `Adapter` has no `map` (there is `mapp`); write `def map(self, context, operation, items)`";
    assert!(built.stderr.contains(sentence), "{built:?}");
    assert!(!author.path("shop/shop.wasm").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_in_python_reaches_the_refusal_and_the_deliverys_log() {
    if !found("componentize-py", "--version") {
        return skipped("python", "componentize-py");
    }
    let author = Author::with_tools(&tools());
    author.begin("shop", "python").await;
    // Of one product only, which no example has.
    let (good, bad) = (
        r#"item.document["sku"],"#,
        r#"item.document["sku"] if item.document["sku"] != "boom" else {}["stock"],"#,
    );
    rewritten(&author, good, bad);
    let place = format!("app.py:{}: KeyError: 'stock'", line_of(&author, bad));
    author.build("shop").await;
    let platform = platform().await;
    let bed = served("shop", &platform);
    bed.put_plugin(
        "shop",
        &std::fs::read(author.path("shop/shop.wasm")).unwrap(),
    );
    let host = bed.host_unwatched().await;
    let report = deliver(
        &host,
        call("acme", "shop", "stock.query", r#"[{"sku":"boom"}]"#),
    )
    .await;
    let item = serde_json::to_value(&report.items[0]).unwrap();
    assert_eq!(item["blame"], "adapter", "{item}");
    let message = item["message"].as_str().unwrap();
    assert!(message.contains(&place), "{message}");
    let log: Vec<&str> = report.log.iter().map(|line| &*line.message).collect();
    let log = log.join("\n");
    assert!(
        log.contains("Traceback (most recent call last):") && log.contains("app.py\", line"),
        "{log}"
    );
    answers(&host, &platform).await;

    // One that no example gets past keeps the component out.
    rewritten(&author, bad, r#"{}["stock"],"#);
    let refused = author.run("shop", &["plugin", "build"]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let place = format!(
        "app.py:{}: KeyError: 'stock'",
        line_of(&author, r#"{}["stock"]"#)
    );
    assert!(
        refused.stderr.contains("at step `examples`") && refused.stderr.contains(&place),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_in_typescript_and_javascript_is_built_and_serves() {
    match found("esbuild", "--version") || found("tsc", "--version") {
        true => whole_way("typescript").await,
        false => skipped("typescript", "esbuild or tsc"),
    }
}
