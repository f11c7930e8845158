//! The figures of the guide to adapters, as tables for `docs/performance.md`:
//! what an adapter costs in each language, how soon a save serves, and the
//! checks of the bundled ones. A run takes some minutes, so it has to be asked
//! for:
//!
//! ```sh
//! cargo build --release -p crossdock
//! CROSSDOCK_BINARY=target/release/crossdock cargo test -p crossdock-tests --test plugin_new figures \
//!   -- --ignored --nocapture --test-threads 1
//! ```

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crossdock_tests::bed::Bed;
use crossdock_tests::guests::{plugin, plugin_file, program};
use crossdock_tests::platforms::BUNDLED;
use crossdock_tests::process::{Ended, Serving, crossdock_at};
use crossdock_tests::swap::median_and_worst;
use http::Method;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::author::{Author, platform, served};
use crate::languages::{found, skipped, tools};
use crate::rust::lock;

/// Names the binary that is measured.
const BINARY: &str = "CROSSDOCK_BINARY";

/// Longest that a save may take: the first one compiles the crates around it, on
/// a machine that may be busy.
const LONGEST: Duration = Duration::from_secs(600);

/// Saves of which the median and the worst are told.
const SAVES: usize = 20;

/// A language, the source that a save changes, how its comments begin, and what
/// it cannot be built without.
const LANGUAGES: [(&str, &str, &str, [&str; 2]); 5] = [
    ("javascript", "shop.js", "//", ["", ""]),
    ("rust", "src/lib.rs", "//", ["", ""]),
    ("c", "shop.c", "//", ["wasm-ld", "--version"]),
    ("go", "main.go", "//", ["go", "version"]),
    ("python", "app.py", "#", ["componentize-py", "--version"]),
];

/// The binary: the one that was named, or the tests' own.
fn binary() -> PathBuf {
    let named = std::env::var_os(BINARY).map(PathBuf::from);
    // A test begins in its package's folder, whoever typed the name did not.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let binary = named.map_or_else(|| program("crossdock"), |named| root.join(named));
    binary.canonicalize().expect("the binary to measure")
}

/// A command of an author whose compilers find nothing that was compiled before.
async fn timed(author: &Author, below: &str, words: &[&str]) -> (Duration, Ended) {
    let mut command = author.command(below, words);
    command
        .env("CARGO_TARGET_DIR", author.path("compiled"))
        .env("GOCACHE", author.path("compiled-go"));
    let started = Instant::now();
    let output = command.spawn().expect("it starts").wait_with_output().await;
    let ended: Ended = output.expect("its end").into();
    assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
    (started.elapsed(), ended)
}

/// From a folder of settings with nothing compiled, and then again.
async fn loads(author: &Author, file: &str) -> [f64; 2] {
    let host = author.path("host");
    std::fs::create_dir_all(host.join("data")).unwrap();
    std::fs::create_dir_all(host.join("plugins")).unwrap();
    std::fs::write(host.join("crossdock.toml"), "").unwrap();
    std::fs::write(host.join("plugins/runtime-js.wasm"), plugin("runtime-js")).unwrap();
    let _ = std::fs::remove_dir_all(host.join("data/code"));
    // A source file's own load begins with its runtime's, so there it is all
    // that the command takes.
    let source = file.ends_with(".js");
    let mut took = [0.0; 2];
    for (run, took) in took.iter_mut().enumerate() {
        let words = ["plugin", "check", "--quick", "--json", file];
        let (command, ended) = timed(author, "host", &words).await;
        let times = &ended.json()[0]["loaded"]["times"];
        let part = |name: &str| times[name].as_f64().expect("milliseconds");
        *took = match source {
            true => command.as_secs_f64() * 1000.0,
            false => part("compile_ms") + part("describe_ms") + part("examples_ms"),
        };
        assert!(source || times["from_cache"] == (run == 1), "{ended:?}");
    }
    took
}

/// What a call of one row costs in the sandbox, in microseconds: `map`, `sign`
/// and `parse-response`; and the memory of the instance, in bytes.
async fn cost(author: &Author, file: &str) -> (f64, u64) {
    let words = ["plugin", "check", "--json", file];
    let (_, ended) = timed(author, "host", &words).await;
    let costs = &ended.json()[0]["conformance"]["costs"];
    let parts = ["map", "sign", "parse-response"];
    let medians = parts.map(|part| costs[part]["median_ms"].as_f64().expect("a median"));
    let memory = costs["map"]["memory"].as_u64().expect("bytes");
    (medians.iter().sum::<f64>() * 1000.0, memory)
}

fn kib(bytes: u64) -> String {
    match bytes {
        ..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

fn seconds(time: Duration) -> String {
    match time.as_secs_f64() {
        time if time < 1.0 => format!("{:.0} ms", time * 1000.0),
        time => format!("{time:.1} s"),
    }
}

async fn row(author: &Author, what: &str, built: [String; 2], file: &Path) {
    let bytes = std::fs::metadata(file).expect("the adapter").len();
    let name = file.to_str().expect("a path");
    let [first, again] = loads(author, name)
        .await
        .map(|ms| Duration::from_secs_f64(ms / 1000.0));
    let (call, memory) = cost(author, name).await;
    println!(
        "| {what} | {} | {} | {} | {} | {} | {call:.0} µs | {} |",
        kib(bytes),
        built[0],
        built[1],
        seconds(first),
        seconds(again),
        kib(memory)
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures, and takes minutes"]
async fn figures_of_each_language() {
    let binary = binary();
    println!("measured: {}", binary.display());
    println!(
        "| adapter | size | built first | built after a save | first load | from the cache | call of one row | memory |\n|---|---|---|---|---|---|---|---|"
    );
    for (language, source, comment, [tool, question]) in LANGUAGES {
        if !tool.is_empty() && !found(tool, question) {
            skipped(language, tool);
            continue;
        }
        let author = Author::with_tools(&tools()).by(&binary);
        let new = ["plugin", "new", "shop", "--lang", language];
        timed(&author, "", &new).await;
        if language == "rust" {
            lock(&author, "shop");
        }
        if language == "javascript" {
            let none = || "nothing".to_owned();
            row(
                &author,
                "JavaScript, its source",
                [none(), none()],
                &author.path("shop/shop.js"),
            )
            .await;
        }
        let (first, _) = timed(&author, "shop", &["plugin", "build"]).await;
        let text = author.read(&format!("shop/{source}"));
        let path = author.path("shop").join(source);
        std::fs::write(path, format!("{text}\n{comment} saved\n")).unwrap();
        let (again, _) = timed(&author, "shop", &["plugin", "build"]).await;
        let built = [seconds(first), seconds(again)];
        row(&author, language, built, &author.path("shop/shop.wasm")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures, and takes minutes"]
async fn figures_of_saves() {
    let binary = binary();
    println!(
        "measured: {}; save → the next call has it:",
        binary.display()
    );
    for (language, source) in [("javascript", "shop.js"), ("rust", "src/lib.rs")] {
        let author = Author::with_tools(&tools()).by(&binary);
        timed(&author, "", &["plugin", "new", "shop", "--lang", language]).await;
        // What a save changes is in the examples, too.
        std::fs::remove_dir_all(author.path("shop/examples")).unwrap();
        let platform = platform().await;
        let bed = served("shop", &platform);
        bed.configure("");
        bed.put_plugin("runtime-js", &plugin("runtime-js"));
        let watching = match language {
            "rust" => {
                lock(&author, "shop");
                Some(watch(&author, &bed).await)
            }
            _ => None,
        };
        let original = author.read(&format!("shop/{source}"));
        let path = match &watching {
            Some(_) => author.path("shop").join(source),
            None => bed.path("plugins/shop.js"),
        };
        std::fs::write(&path, &original).unwrap();
        let serving = Serving::start_at(&binary, &bed.path(""))
            .await
            .checked()
            .await;
        let client = serving.client();
        let mut times = Vec::new();
        for save in 0..=SAVES {
            let word = format!("/v1/stock/query-{save}");
            let newer = original.replace("/v1/stock/query", &word);
            let saved = Instant::now();
            std::fs::write(&path, newer).unwrap();
            let serves = async || {
                let call = "/v1/acme/shop/stock.query?dry_run=true";
                let sent = client
                    .send(Method::POST, call, Some(r#"{"sku":"A-1"}"#))
                    .await;
                let (_, report) = sent.expect("an answer");
                let url = report["requests"][0]["url"].as_str();
                url.is_some_and(|url| url.contains(&word))
            };
            while !serves().await {
                assert!(saved.elapsed() < LONGEST, "the save does not serve");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            times.push(saved.elapsed());
        }
        // The first one compiles the crates around it.
        let (median, worst) = median_and_worst(&times[1..]);
        println!("| {language} | {} | {} |", seconds(median), seconds(worst));
        drop(watching);
    }
}

/// `plugin build --watch --install` for a host, when it has built once.
async fn watch(author: &Author, bed: &Bed) -> tokio::process::Child {
    let config = bed.path("crossdock.toml").display().to_string();
    let plugins = bed.path("plugins").display().to_string();
    let words = [
        "--config",
        &config,
        "plugin",
        "build",
        "--watch",
        "--install",
        &plugins,
    ];
    let mut command = author.command("shop", &words);
    command.stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().expect("is piped")).lines();
    while let Some(line) = lines.next_line().await.expect("text") {
        if line.starts_with("watching ") {
            break;
        }
    }
    // Read on, so that it can go on writing.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let mut stdout = BufReader::new(child.stdout.take().expect("is piped")).lines();
    tokio::spawn(async move { while let Ok(Some(_)) = stdout.next_line().await {} });
    child
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures, and takes minutes"]
async fn figures_of_the_bundled_adapters_checks() {
    let binary = binary();
    println!("measured: {}", binary.display());
    for name in BUNDLED {
        let bed = Bed::new();
        bed.configure("");
        let file = plugin_file(name).canonicalize().expect("a plugin");
        let words = ["plugin", "check", "--json", file.to_str().expect("a path")];
        let started = Instant::now();
        let command = crossdock_at(&binary, &bed.path(""), &words).output().await;
        let took = started.elapsed();
        let ended: Ended = command.expect("its end").into();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let checked = &ended.json()[0]["conformance"];
        let operations = checked["operations"].as_object().expect("operations");
        let sum = |part: &str| {
            let parts = operations.values().filter_map(|tried| tried[part].as_u64());
            parts.sum::<u64>()
        };
        let cut: Vec<&String> = operations
            .iter()
            .filter(|(_, tried)| tried["cut_short"] == Value::Bool(true))
            .map(|(name, _)| name)
            .collect();
        println!(
            "| `{name}` | {} | {} | {} | {} | {} |",
            operations.len(),
            sum("documents"),
            sum("answers"),
            seconds(took),
            match cut.is_empty() {
                true => "passes".to_owned(),
                false => format!("passes; cut short: {cut:?}"),
            }
        );
    }
}
