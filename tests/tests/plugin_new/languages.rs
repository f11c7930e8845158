//! Languages whose tools a machine has or has not. What cannot be built here is
//! said by name; `cargo xtask test` gets what the registries have.

use std::path::PathBuf;

use crossdock_tests::guests::target_dir;

use crate::author::{Author, answers, has, platform, served};

/// The folder in which `cargo xtask test` installs tools of other languages.
fn tools() -> PathBuf {
    let tools = target_dir().join("tools/bin");
    tools.canonicalize().unwrap_or(tools)
}

/// A program of the tests' own, or of the system.
fn found(name: &str, question: &str) -> bool {
    has(&tools().join(name), question) || has(&PathBuf::from(name), question)
}

/// Says that a language is left out, by name.
fn skipped(language: &str, missing: &str) {
    println!("skipped: plugin new --lang {language}: {missing} is not here");
}

/// From the first command to an answer of the platform.
async fn whole_way(language: &str) {
    let author = Author::with_tools(&tools());
    author.begin("shop", language).await;
    author.build("shop").await;
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

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_in_typescript_and_javascript_is_built_and_serves() {
    match found("esbuild", "--version") || found("tsc", "--version") {
        true => whole_way("typescript").await,
        false => skipped("typescript", "esbuild or tsc"),
    }
}
