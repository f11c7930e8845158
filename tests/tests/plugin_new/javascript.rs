//! JavaScript: a source and the runtime, without any tool.

use std::process::Stdio;
use std::time::Instant;

use crossdock::plugin::packed;
use crossdock_tests::wait::until;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::author::{Author, answers, platform, served};

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_in_javascript_is_begun_built_installed_and_serves() {
    let author = Author::new();
    author.begin("shop", "javascript").await;
    author.build("shop").await;
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
