//! JavaScript: a source and the runtime, without any tool.

use std::process::Stdio;
use std::time::Instant;

use crossdock::plugin::packed;
use crossdock_tests::guests::plugin;
use crossdock_tests::process::run;
use crossdock_tests::wait::until;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::author::{Author, answers, platform, served};

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_in_javascript_is_begun_built_installed_and_serves() {
    let author = Author::new();
    author.begin("shop", "javascript").await;
    author.build("shop").await;
    author.check("shop").await;
    let bytes = std::fs::read(author.path("shop/shop.wasm")).unwrap();
    let source = packed::read(&bytes).unwrap().source.expect("a source");
    assert_eq!(source.name, "shop.js");
    assert_eq!(source.text, author.read("shop/shop.js"));

    let platform = platform().await;
    let bed = served("shop", &platform);
    let plugins = bed.path("plugins").display().to_string();
    let install = ["plugin", "build", "--install", &plugins];
    let mut command = author.command("shop", &install);
    // No tool at all.
    command.env("PATH", "/nowhere/at/all");
    let installed = crossdock_tests::process::finish(command, "").await;
    assert_eq!(installed.code, Some(0), "{installed:?}");
    let host = bed.host_unwatched().await;
    answers(&host, &platform).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_alone_of_javascript_is_installed_and_serves() {
    let author = Author::new();
    author.begin("shop", "javascript").await;
    let platform = platform().await;
    let bed = served("shop", &platform);
    bed.put_plugin("runtime-js", &plugin("runtime-js"));
    let plugins = bed.path("plugins").display().to_string();
    let install = ["plugin", "build", "--source", "--install", &plugins];
    let installed = author.run("shop", &install).await;
    assert_eq!(installed.code, Some(0), "{installed:?}");
    let source = std::fs::read_to_string(bed.path("plugins/shop.js")).unwrap();
    assert_eq!(source, author.read("shop/shop.js"));
    assert!(!bed.plugin_path("shop").exists(), "no component");
    let host = bed.host_unwatched().await;
    answers(&host, &platform).await;

    // It says what to install, so it needs a place.
    let nowhere = author.run("shop", &["plugin", "build", "--source"]).await;
    assert_eq!(nowhere.code, Some(1), "{nowhere:?}");
    assert!(nowhere.stderr.contains("add `--install`"), "{nowhere:?}");
    // What is no source for a host cannot be installed as one.
    author.begin("other", "c").await;
    let other = author.run("other", &install).await;
    assert_eq!(other.code, Some(1), "{other:?}");
    assert!(
        other
            .stderr
            .contains("an adapter in C is no source file that a host runs: leave `--source` away"),
        "{other:?}"
    );
}

/// A page that follows is asked for with what the page before it answered, so it
/// is recorded as the answer to that request.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_javascript_is_recorded_with_the_pages_that_follow() {
    let author = Author::new();
    author.begin("shop", "javascript").await;
    author.build("shop").await;
    let platform = platform().await;
    let bed = served("shop", &platform);
    let component = std::fs::read(author.path("shop/shop.wasm")).unwrap();
    bed.put_plugin("shop", &component);
    std::fs::write(bed.path("items.json"), r#"[{"sku":"A-1"},{"sku":"白色"}]"#).unwrap();
    let project = author.path("shop").display().to_string();
    let record = [
        "plugin",
        "test",
        &project,
        "--record",
        "acme/shop/stock.query",
        "--input",
        "items.json",
        "--name",
        "pages",
    ];
    let recorded = run(&bed.path(""), &record).await;
    assert_eq!(recorded.code, Some(0), "{recorded:?}");
    assert_eq!(platform.count(), 2);

    let read = |file: &str| author.read(&format!("shop/examples/stock-query/pages/{file}"));
    assert!(read("next.http").contains("\"page\":2"));
    assert!(read("reply.http").contains("\"BJ\""));
    assert!(read("reply-2.http").contains("\"SH\""));
    let outcomes: serde_json::Value = serde_json::from_str(&read("outcomes-2.json")).unwrap();
    assert_eq!(outcomes[0]["result"]["stock"][0]["location"], "SH");
    assert!(read("example.json").contains("\"follows\": 0"));
    // Read as the answer to the first page, this one would ask for page 2.
    let page = author.path("shop/examples/stock-query/pages/next-2.http");
    assert!(!page.exists());
    let tested = author.run("shop", &["plugin", "test", "."]).await;
    assert_eq!(tested.code, Some(0), "{tested:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_save_of_javascript_is_built_and_a_mistake_keeps_what_was_built() {
    let author = Author::new();
    author.begin("shop", "javascript").await;
    let mut command = author.command("shop", &["plugin", "build", "--watch"]);
    command.stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    let built = stdout.next_line().await.unwrap().expect("a line");
    assert!(built.starts_with("ok "), "{built}");
    while let Some(line) = stderr.next_line().await.unwrap() {
        if line.starts_with("watching ") {
            break;
        }
    }
    let path = author.path("shop/shop.js");
    let text = author.read("shop/shop.js");
    let file = author.path("shop/shop.wasm");
    let source = || {
        let packed = packed::read(&std::fs::read(&file).unwrap()).ok()?;
        packed.source.map(|source| source.text)
    };
    let mut times = Vec::new();
    for round in 0..5 {
        let newer = format!("{text}// {round}\n");
        let saved = Instant::now();
        std::fs::write(&path, &newer).unwrap();
        until("the save to be built", || {
            (source()? == newer).then_some(())
        })
        .await;
        times.push(saved.elapsed());
        let line = stdout.next_line().await.unwrap().expect("a line");
        assert!(line.starts_with("ok shop.wasm: shop 0.1.0"), "{line}");
    }
    println!("saved → written: {times:?}");
    let before = std::fs::read(&file).unwrap();

    std::fs::write(&path, "export const manifest = {").unwrap();
    let said = stderr.next_line().await.unwrap().expect("a line");
    assert!(said.contains("shop.js"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), before);

    std::fs::write(&path, &text).unwrap();
    until("the mended one to be built", || {
        (source()? == text).then_some(())
    })
    .await;
    child.kill().await.unwrap();
}
