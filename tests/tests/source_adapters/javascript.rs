//! Files of JavaScript: dropped, saved, broken, and run by another runtime.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossdock_tests::guests::{plugin, rebuilt};
use crossdock_tests::swap::median_and_worst;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::board::{Board, SECRET, deliver, label, result, source, until_label};

/// The goal is a second on a quiet machine; a busy one gets room.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_dropped_or_saved_is_on_the_wire_within_a_second() {
    let board = Board::lay_out(&["runtime-js"], "").await;
    let host = board.host().await;
    assert!(label(&host).await.is_err(), "there is no adapter yet");

    let dropped = Instant::now();
    board.save(&source("v1"));
    until_label(&host, "v1", dropped).await;
    let dropped = dropped.elapsed();

    let mut saves = Vec::new();
    for number in 2..=9 {
        let label = format!("v{number}");
        let saved = Instant::now();
        board.save(&source(&label));
        until_label(&host, &label, saved).await;
        saves.push(saved.elapsed());
        assert_eq!(board.platform.last().header("x-label"), Some(&*label));
    }
    let (median, worst) = median_and_worst(&saves);
    println!(
        "dropped to first call {dropped:?}; saved to first call: median {median:?}, worst {worst:?}"
    );
    assert!(dropped < SOON && worst < SOON);
    let status = board.status(&host, "board.js").expect("its status");
    let serving = status.serving.expect("it serves");
    assert_eq!((serving.name.as_str(), serving.number), ("board", 9));
    let of = serving.source.expect("it is a source file");
    assert_eq!(
        (of.file.as_str(), of.language.as_str()),
        ("board.js", "javascript")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_save_keeps_the_old_one_and_says_where_it_is_broken() {
    let board = Board::lay_out(&["runtime-js"], "").await;
    board.save(&source("v1"));
    let host = board.host().await;
    until_label(&host, "v1", Instant::now()).await;
    let broken = [
        (
            "export const",
            "export constant",
            "board.js:6:17: SyntaxError: invalid export syntax",
        ),
        (
            "const LABEL = \"v2\";",
            "const LABEL = MISSING;",
            "board.js:4:15: ReferenceError: MISSING is not defined",
        ),
        (
            "export function map",
            "function map",
            "board.js: it exports no `map`; write `export function map(context, operation, items) { … }`",
        ),
        (
            "name: \"board\",",
            "nam: \"board\",",
            "its manifest is not valid",
        ),
        ("[\"x-label\", LABEL]];", "];", "example `one price`"),
    ];
    for (from, to, expected) in broken {
        let text = source("v2");
        assert!(text.contains(from), "{from}");
        board.save(&text.replacen(from, to, 1));
        let (step, reason) = board.refused(&host, "board.js").await;
        assert!(reason.contains(expected), "{step}: {reason}");
        assert_eq!(label(&host).await.as_deref(), Ok("v1"));
        // What served before comes back without a new generation.
        board.save(&source("v1"));
        let started = Instant::now();
        while board
            .status(&host, "board.js")
            .is_none_or(|it| it.refused.is_some())
        {
            assert!(started.elapsed() < SOON, "{:?}", host.plugins());
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_throws_at_a_call_has_its_place() {
    let board = Board::lay_out(&["runtime-js"], "").await;
    let text = source("v1").replace(
        "const rows = items.map((item) => item.document);",
        "const rows = items.map((item) => ({ ...item.document, price: Number(item.document.price.toFixed(2)) }));",
    );
    board.save(&text);
    let host = board.host().await;
    let report = deliver(&host, r#"{"sku":"A-1"}"#).await.expect("a report");
    let shown = format!("{:?}", report.items[0]);
    assert!(
        shown.contains("board.js:51:71:") && shown.contains("TypeError"),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn integers_are_whole_and_decimals_as_they_were_written() {
    let board = Board::lay_out(&["runtime-js"], "").await;
    board.save(&source("v1"));
    let host = board.host().await;
    let document =
        r#"{"sku":"A-1","id":3539925204033339668,"price":12.3400,"long":0.1000000000000000055}"#;
    let report = deliver(&host, document).await.expect("a report");
    let answer = r#"{"id":3539925204033339668,"price":12.3400}"#;
    let expected = format!(r#"{{"label":"v1","answer":{answer}}}"#);
    assert_eq!(result(&report), Ok(expected));
    assert_eq!(
        board.platform.last().text(),
        format!(r#"{{"rows":[{document}]}}"#)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_signs_and_the_file_does_not_see_it() {
    let board = Board::lay_out(&["runtime-js"], "").await;
    // It says whatever it can get hold of.
    let spying = source("v1").replace(
        "const mac =",
        "console.log(secret(\"key\"), Object.keys(globalThis), draft, context);\n  const mac =",
    );
    board.save(&spying);
    let host = board.host().await;
    let report = deliver(&host, r#"{"sku":"A-1"}"#).await.expect("a report");
    assert!(result(&report).is_ok(), "{report:?}");
    let request = board.platform.last();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(&request.body);
    let expected = hex::encode(mac.finalize().into_bytes());
    assert_eq!(request.header("x-sign"), Some(&*expected));
    let said = serde_json::to_string(&report).expect("JSON");
    assert!(said.contains("secret"), "it was logged: {said}");
    assert!(
        !said.contains(SECRET) && !said.contains(&expected),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_is_replaced_under_load_and_its_adapters_with_it() {
    let board = Board::lay_out(&["runtime-js"], "").await;
    board.save(&source("v1"));
    let host = board.host().await;
    let runtime = plugin("runtime-js");
    let before = board.status(&host, "board.js").and_then(|it| it.serving);
    let before = before.expect("it serves").source.expect("a source");

    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (host, stop) = (host.clone(), stop.clone());
            tokio::spawn(async move {
                let (mut calls, mut wrong) = (0, Vec::new());
                while !stop.load(Ordering::Relaxed) {
                    calls += 1;
                    wrong.extend(label(&host).await.err());
                }
                (calls, wrong)
            })
        })
        .collect();
    for swap in 1..=2 {
        let bytes = rebuilt(&runtime, &format!("r{swap}"));
        board.bed.put_plugin("runtime-js", &bytes);
        board.serving(&host, "runtime-js.wasm", swap + 1).await;
        board.serving(&host, "board.js", swap + 1).await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut calls = 0;
    for client in clients {
        let (made, wrong) = client.await.expect("a client does not panic");
        assert!(wrong.is_empty(), "{:?}", &wrong[..wrong.len().min(3)]);
        calls += made;
    }
    println!("{calls} calls while the runtime was replaced twice");
    assert!(calls > 0);
    let after = board.status(&host, "board.js").and_then(|it| it.serving);
    let after = after.expect("it serves").source.expect("a source");
    assert_ne!(before.runtime_sha256, after.runtime_sha256);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_waits_for_its_runtime_and_outlives_it() {
    let board = Board::lay_out(&[], "").await;
    board.save(&source("v1"));
    let host = board.host().await;
    let (step, reason) = board.refused(&host, "board.js").await;
    assert_eq!(step, "source");
    assert!(
        reason.starts_with("no language runtime runs `.js` files; put one into"),
        "{reason}"
    );

    board.bed.put_plugin("runtime-js", &plugin("runtime-js"));
    board.serving(&host, "board.js", 1).await;
    until_label(&host, "v1", Instant::now()).await;

    // Retired, it runs no new files; what it runs already serves.
    fs::remove_file(board.bed.plugin_path("runtime-js")).expect("removing");
    let started = Instant::now();
    while host.retire("javascript").await.is_err() {
        assert!(started.elapsed() < SOON, "{:?}", host.plugins());
        tokio::task::yield_now().await;
    }
    let (_, reason) = board.refused(&host, "board.js").await;
    assert!(reason.contains("no language runtime"), "{reason}");
    assert_eq!(label(&host).await.as_deref(), Ok("v1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn source_files_can_be_switched_off() {
    let board = Board::lay_out(&["runtime-js"], "plugins.sources = false\n").await;
    board.save(&source("v1"));
    let host = board.host().await;
    let (step, reason) = board.refused(&host, "board.js").await;
    assert_eq!(step, "source");
    assert!(reason.contains("`[plugins] sources` is false"), "{reason}");
    assert!(host.snapshot().adapters.is_empty());
    assert!(label(&host).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_text_or_too_long_is_refused() {
    let board = Board::lay_out(&["runtime-js"], "").await;
    fs::write(board.path("latin.mjs"), b"// \xe9\n").expect("writing");
    let long = format!("{}// {}", source("v1"), "x".repeat(1 << 20));
    fs::write(board.path("long.js"), long).expect("writing");
    fs::write(board.path(".hidden.js"), "nonsense").expect("writing");
    fs::write(board.path("types.ts"), "nonsense").expect("writing");
    let host = board.host().await;
    let (step, reason) = board.refused(&host, "latin.mjs").await;
    assert_eq!(
        (step.as_str(), reason.as_str()),
        (
            "source",
            "latin.mjs is not UTF-8 text from byte 3 on; save it as UTF-8"
        )
    );
    let (step, reason) = board.refused(&host, "long.js").await;
    assert_eq!(step, "read");
    assert!(reason.contains("larger than 1048576 bytes"), "{reason}");
    assert_eq!(host.plugins().len(), 3, "{:?}", host.plugins());
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_beside_a_file_are_run_and_a_change_of_them_counts() {
    let board = Board::lay_out(&["runtime-js"], "").await;
    let case = board.path("board.examples/price-update/one");
    fs::create_dir_all(&case).expect("a folder");
    fs::write(case.join("items.json"), r#"[{"sku":"B-2"}]"#).expect("writing");
    fs::write(case.join("context.json"), r#"{"secrets":{"key":"Jefe"}}"#).expect("writing");
    let request = |body: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"Jefe").expect("a key");
        mac.update(body.as_bytes());
        let sign = hex::encode(mac.finalize().into_bytes());
        format!(
            "POST /prices HTTP/1.1\ncontent-type: application/json\nx-label: v1\nx-sign: {sign}\n\n{body}"
        )
    };
    let file = case.join("request.http");
    fs::write(&file, request(r#"{"rows":[{"sku":"B-3"}]}"#)).expect("writing");
    board.save(&source("v1"));
    let host = board.host().await;
    let (step, reason) = board.refused(&host, "board.js").await;
    assert_eq!(step, "examples", "{reason}");
    assert!(reason.contains("price-update: one"), "{reason}");
    // Only the example changes.
    fs::write(&file, request(r#"{"rows":[{"sku":"B-2"}]}"#)).expect("writing");
    until_label(&host, "v1", Instant::now()).await;
    fs::write(case.join("items.json"), "[").expect("writing");
    let (step, reason) = board.refused(&host, "board.js").await;
    assert_eq!(step, "source");
    assert!(reason.contains("items.json"), "{reason}");
    assert_eq!(label(&host).await.as_deref(), Ok("v1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_never_ends_is_stopped() {
    let board = Board::lay_out(&["runtime-js"], "").await;
    board.save("for (;;);");
    let host = board.host().await;
    let (step, reason) = board.refused(&host, "board.js").await;
    assert_eq!(step, "source");
    assert!(
        reason.contains("board.js cannot be run: it ran longer than the 500 ms that it may"),
        "{reason}"
    );
}
