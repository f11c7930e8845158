//! The figures of the guide to adapters, as tables for `docs/performance.md`:
//! what an adapter costs in each language and how soon a save serves, in one
//! table, and the checks of the bundled ones. A run takes some minutes, so it has to be asked
//! for:
//!
//! ```sh
//! cargo build --release -p crossdock
//! CROSSDOCK_BINARY=target/release/crossdock cargo test -p crossdock-tests --test plugin_new figures \
//!   -- --ignored --nocapture --test-threads 1
//! ```

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossdock_tests::bed::Bed;
use crossdock_tests::client::Client;
use crossdock_tests::guests::{plugin, plugin_file, program};
use crossdock_tests::platforms::BUNDLED;
use crossdock_tests::process::{Ended, Serving, crossdock_at};
use crossdock_tests::swap::median_and_worst;
use http::Method;
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::author::{Author, platform, served};
use crate::languages::{found, skipped, tools};
use crate::rust::lock;

/// Names the binary that is measured.
const BINARY: &str = "CROSSDOCK_BINARY";

/// Longest that a save may take: the first one compiles the crates around it, on
/// a machine that may be busy.
const LONGEST: Duration = Duration::from_secs(600);

/// Settings of a host on a machine that may be busy.
const PATIENT: &str =
    "[limits]\nguest_deadline_ms = 20000\ncheck_timeout_ms = 300000\ncompile_timeout_ms = 600000\n";

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
    let ended = within(command, &format!("{words:?}")).await;
    (started.elapsed(), ended)
}

/// Runs a command to its end, which has to be a good one and may not be far.
async fn within(mut command: Command, what: &str) -> Ended {
    let child = command.spawn().expect("it starts");
    let output = timeout(LONGEST, child.wait_with_output()).await;
    let output = output.unwrap_or_else(|_| panic!("{what} did not end within {LONGEST:?}"));
    let ended: Ended = output.expect("its end").into();
    assert_eq!(ended.code, Some(0), "{what}: {ended:?}");
    ended
}

/// From a folder of settings with nothing compiled, and then again.
async fn loads(author: &Author, file: &str) -> [f64; 2] {
    let host = author.path("host");
    std::fs::create_dir_all(host.join("data")).unwrap();
    std::fs::create_dir_all(host.join("plugins")).unwrap();
    // A machine that is busy is no fault of an adapter's.
    std::fs::write(host.join("crossdock.toml"), PATIENT).unwrap();
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

/// A row of the table, as far as the adapter itself goes.
async fn row(author: &Author, what: &str, built: [String; 2], file: &Path) -> String {
    let bytes = std::fs::metadata(file).expect("the adapter").len();
    let name = file.to_str().expect("a path");
    let [first, again] = loads(author, name)
        .await
        .map(|ms| seconds(Duration::from_secs_f64(ms / 1000.0)));
    let (call, memory) = cost(author, name).await;
    let [built_first, built_again] = built;
    let (size, memory) = (kib(bytes), kib(memory));
    format!(
        "| {what} | {size} | {built_first} | {built_again} | {first} | {again} | {call:.0} µs | {memory} |"
    )
}

/// The columns of the table.
const HEAD: &str = "\
| adapter | size | built first | built after a save | first load | from the cache | call of one row | memory | save → served: median | worst |
|---|---|---|---|---|---|---|---|---|---|";

/// The same row of what is not measured under saves.
const NO_SAVES: &str = " – | – |";

/// Rows of one language.
async fn rows(
    binary: PathBuf,
    (language, source, comment): (&'static str, &'static str, &'static str),
) -> Vec<String> {
    let author = Author::with_tools(&tools()).by(&binary);
    timed(&author, "", &["plugin", "new", "shop", "--lang", language]).await;
    if language == "rust" {
        lock(&author, "shop");
    }
    let mut rows = Vec::new();
    if language == "javascript" {
        let none = || "nothing".to_owned();
        let file = author.path("shop/shop.js");
        let row = row(&author, "JavaScript, its source", [none(), none()], &file).await;
        let saves = saves(&binary, language, source).await;
        rows.push(format!("{row}{saves}"));
    }
    let (first, _) = timed(&author, "shop", &["plugin", "build"]).await;
    let text = author.read(&format!("shop/{source}"));
    let path = author.path("shop").join(source);
    std::fs::write(path, format!("{text}\n{comment} saved\n")).unwrap();
    let (again, _) = timed(&author, "shop", &["plugin", "build"]).await;
    let built = [seconds(first), seconds(again)];
    let file = author.path("shop/shop.wasm");
    let (what, saves) = match language {
        "javascript" => ("JavaScript, packed", NO_SAVES.to_owned()),
        "rust" => ("Rust", saves(&binary, language, source).await),
        "c" => ("C", NO_SAVES.to_owned()),
        "go" => ("Go", NO_SAVES.to_owned()),
        "python" => ("Python", NO_SAVES.to_owned()),
        other => (other, NO_SAVES.to_owned()),
    };
    let row = row(&author, what, built, &file).await;
    rows.push(format!("{row}{saves}"));
    rows
}

/// One table, for `docs/performance.md`. What a language lacks here, and what
/// failed, is said below it; the others are measured all the same.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures, and takes minutes"]
async fn figures_of_each_language() {
    let binary = binary();
    println!("measured: {}", binary.display());
    let (mut table, mut failed) = (vec![HEAD.to_owned()], Vec::new());
    for (language, source, comment, [tool, question]) in LANGUAGES {
        if !tool.is_empty() && !found(tool, question) {
            skipped(language, tool);
            continue;
        }
        let began = Instant::now();
        // Apart, so that one that fails does not take the others' figures along.
        let measured = tokio::task::LocalSet::new();
        let rows = rows(binary.clone(), (language, source, comment));
        let measured = measured.run_until(async { tokio::task::spawn_local(rows).await });
        match measured.await {
            Ok(rows) => table.extend(rows),
            Err(error) => failed.push(format!("{language}: {error}")),
        }
        println!("{language}: measured in {}", seconds(began.elapsed()));
    }
    println!("\n{}\n", table.join("\n"));
    assert!(failed.is_empty(), "{failed:?}");
}

/// From a save to the first call that has what was saved, with a host that
/// serves: a source file in its plugins folder, or a project under `plugin build
/// --watch --install`.
async fn saves(binary: &Path, language: &str, source: &str) -> String {
    let author = Author::with_tools(&tools()).by(binary);
    timed(&author, "", &["plugin", "new", "shop", "--lang", language]).await;
    // What a save changes is in the examples, too.
    std::fs::remove_dir_all(author.path("shop/examples")).unwrap();
    let platform = platform().await;
    let bed = served("shop", &platform);
    bed.configure(PATIENT);
    bed.put_plugin("runtime-js", &plugin("runtime-js"));
    // Compiled before the host starts: that is none of a save's time.
    let runtime = bed.plugin_path("runtime-js").display().to_string();
    let warm = crossdock_at(
        binary,
        &bed.path(""),
        &["plugin", "check", "--quick", &runtime],
    );
    within(warm, "the runtime's compilation").await;
    let watching = match language {
        "rust" => {
            lock(&author, "shop");
            Some(watch(&author, &bed).await)
        }
        _ => None,
    };
    let original = author.read(&format!("shop/{source}"));
    assert!(original.contains(QUERY), "{original}");
    let path = match &watching {
        Some(_) => author.path("shop").join(source),
        None => bed.path("plugins/shop.js"),
    };
    if watching.is_none() {
        std::fs::write(&path, &original).unwrap();
    }
    let serving = Serving::start_at(binary, &bed.path(""))
        .await
        .checked()
        .await;
    let client = serving.client();
    let mut times = Vec::new();
    for save in 0..=SAVES {
        let word = format!("{QUERY}-{save}");
        let newer = original.replace(QUERY, &word);
        let saved = Instant::now();
        std::fs::write(&path, newer).unwrap();
        while !serves(&client, &word).await {
            let status = watching.as_ref().map(Watching::said);
            assert!(
                saved.elapsed() < LONGEST,
                "the save does not serve: {status:?}"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        times.push(saved.elapsed());
    }
    // The first one compiles the crates around it.
    let (median, worst) = median_and_worst(&times[1..]);
    format!(" {} | {} |", seconds(median), seconds(worst))
}

/// Whether a call has what was saved.
async fn serves(client: &Client, word: &str) -> bool {
    let call = "/v1/acme/shop/stock.query?dry_run=true";
    let sent = client
        .send(Method::POST, call, Some(r#"{"sku":"A-1"}"#))
        .await;
    let (_, report) = sent.expect("an answer");
    let url = report["requests"][0]["url"].as_str();
    // `…-1` is how `…-10` begins.
    let path = url.and_then(|url| url.split('?').next());
    path.is_some_and(|path| path.ends_with(word))
}

/// What a save changes: the path of the request.
const QUERY: &str = "/v1/stock/query";

/// `plugin build --watch`, until it is dropped.
struct Watching {
    _child: tokio::process::Child,
    said: Arc<Mutex<String>>,
}

impl Watching {
    /// What it said so far.
    fn said(&self) -> String {
        self.said.lock().expect("nobody panicked with it").clone()
    }
}

/// `plugin build --watch --install` for a host, when it has built once.
async fn watch(author: &Author, bed: &Bed) -> Watching {
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
    let said = Arc::<Mutex<String>>::default();
    // Read on to the end, so that it can go on writing.
    let stdout = child.stdout.take().expect("is piped");
    let stderr = child.stderr.take().expect("is piped");
    keep(BufReader::new(stdout), said.clone());
    keep(BufReader::new(stderr), said.clone());
    let began = Instant::now();
    loop {
        let so_far = said.lock().expect("nobody panicked with it").clone();
        if so_far.lines().any(|line| line.starts_with("watching ")) {
            break;
        }
        let ended = child.try_wait().expect("its state");
        assert!(ended.is_none(), "it ended: {ended:?} {so_far}");
        assert!(began.elapsed() < LONGEST, "it does not build: {so_far}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let installed = bed.plugin_path("shop").exists();
    let said_so_far = said.lock().expect("nobody panicked with it").clone();
    assert!(installed, "it built nothing: {said_so_far}");
    Watching {
        _child: child,
        said,
    }
}

/// Keeps what comes, line by line.
fn keep(from: impl AsyncBufRead + Unpin + Send + 'static, into: Arc<Mutex<String>>) {
    tokio::spawn(async move {
        let mut lines = from.lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut said = into.lock().expect("nobody panicked with it");
            said.push_str(&line);
            said.push('\n');
        }
    });
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
