//! `plugin check`: what breaks the contract is found, with what causes it, and
//! what keeps it passes.

use crossdock_tests::bed::Bed;
use crossdock_tests::guests;
use crossdock_tests::process::run;
use serde_json::Value;

use crate::{project, put};

/// With as many documents of each operation as an unoptimised host has time for.
const BUNDLED: [(&str, &str); 6] = [
    ("lingzhi", "200"),
    ("fengchao", "200"),
    ("doudian", "200"),
    ("wangdian", "100"),
    ("dingliyun", "40"),
    ("shopify", "200"),
];

/// Fewer than people get, where it is not about how many.
const FEW: &str = "40";

pub fn findings(checked: &Value) -> Vec<String> {
    let findings = checked["conformance"]["findings"]
        .as_array()
        .expect("findings");
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    findings
        .iter()
        .map(|one| {
            format!(
                "{} {} {}: {} | {} | {}",
                text(one, "weight"),
                text(one, "operation"),
                text(one, "part"),
                text(one, "what"),
                text(one, "input"),
                text(one, "fix"),
            )
        })
        .collect()
}

/// What `check` finds of the test adapter in a mode.
async fn of_mode(mode: &str) -> (Option<i32>, Vec<String>) {
    let bed = Bed::new();
    bed.configure("[limits]\nguest_deadline_ms = 100\n");
    std::fs::write(bed.path("t.wasm"), guests::test_adapter(mode, "g")).expect("writing");
    let arguments = ["plugin", "check", "--json", "--documents", FEW, "t.wasm"];
    let ended = run(&bed.path(""), &arguments).await;
    let checked = ended.json()[0].clone();
    (ended.code, findings(&checked))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bundled_adapter_keeps_the_contract() {
    for (name, documents) in BUNDLED {
        let bed = Bed::new();
        bed.share_compiled_code();
        bed.configure("");
        let file = guests::plugin_file(name);
        let file = file.to_str().expect("a path");
        let ended = run(
            &bed.path(""),
            &["plugin", "check", "--json", "--documents", documents, file],
        )
        .await;
        let checked = &ended.json()[0];
        let wrong: Vec<String> = findings(checked);
        assert_eq!(ended.code, Some(0), "{name}: {}", wrong.join("\n"));
        for (operation, tried) in checked["conformance"]["operations"]
            .as_object()
            .expect("operations")
        {
            let documents = tried["documents"].as_u64().unwrap_or(0);
            let answers = tried["answers"].as_u64().unwrap_or(0);
            assert!(
                documents >= 10 && answers >= 50,
                "{name} {operation}: {tried}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_the_contract_is_found_with_what_causes_it() {
    for (mode, expected) in [
        (
            "counter",
            "wrong echo purity: `map`, called twice with the same arguments, gives two answers",
        ),
        (
            "trap-in-parse",
            "wrong echo answers: `parse-response`: it trapped",
        ),
        (
            "wrong-outcome-count",
            "wrong echo answers: `parse-response` gave 2 outcomes for 1 item",
        ),
        ("invalid-result", "that is not JSON"),
        (
            "dotted-path",
            "wrong echo documents: a request cannot be sent",
        ),
        (
            "bad-header",
            "wrong echo documents: a request cannot be sent",
        ),
        ("trap-in-map", "its last words: panicked at"),
    ] {
        let (code, found) = of_mode(mode).await;
        assert_eq!(code, Some(1), "{mode}");
        assert!(
            found.iter().any(|one| one.contains(expected)),
            "{mode}: {}",
            found.join("\n")
        );
    }
    // The input is as small as it still makes the adapter fail.
    let (_, found) = of_mode("trap-in-map").await;
    let smallest = found.iter().any(|one| {
        one.contains("wrong echo documents: `map`: it trapped") && one.contains("| {} |")
    });
    assert!(smallest, "{}", found.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_is_kept_for_the_same_bytes() {
    let bed = Bed::new();
    let dir = project(&bed);
    let check = ["plugin", "check", "--json", "--documents", FEW, "board"];
    let first = run(&bed.path(""), &check).await;
    assert_eq!(first.code, Some(0), "{first:?}");
    assert_eq!(first.json()[0]["conformance"]["cached"], false);
    let second = run(&bed.path(""), &check).await;
    assert_eq!(
        second.json()[0]["conformance"]["cached"],
        true,
        "{second:?}"
    );
    // An example beside it is part of what decides.
    put(
        &dir.join("examples/thing-send/one/items.json"),
        r#"[{"a":1}]"#,
    );
    put(
        &dir.join("examples/thing-send/one/context.json"),
        r#"{"secrets":{"key":"k"}}"#,
    );
    let third = run(&bed.path(""), &check).await;
    assert_eq!(third.code, Some(1), "{third:?}");
    let third = &third.json()[0];
    assert_eq!(third["step"], "examples");
    assert_eq!(third["conformance"]["cached"], false);
    let reason = third["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("example `thing-send: one` failed at map"),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn loading_alone_is_quick_and_an_authors_own_line_is_named() {
    let bed = Bed::new();
    let dir = project(&bed);
    let quick = run(&bed.path(""), &["plugin", "check", "--quick", "board"]).await;
    assert_eq!(quick.code, Some(0), "{quick:?}");
    assert_eq!(quick.stdout.lines().count(), 1, "{quick:?}");

    // An example in a file that nobody names.
    put(
        &dir.join("examples/forgotten.json"),
        r#"{"name": "nobody runs me"}"#,
    );
    let arguments = ["plugin", "check", "--documents", FEW, "board"];
    let ended = run(&bed.path(""), &arguments).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said = "forgotten.json has example `nobody runs me`, which the adapter does not have";
    assert!(ended.stdout.contains(said), "{}", ended.stdout);

    let manifest = crossdock_tests::guests::patched(&crate::kept(), b"\"summary\"", b"\"sumnary\"");
    std::fs::write(dir.join("board.wasm"), manifest).expect("writing");
    put(
        &dir.join("manifest.json"),
        "{\n  \"name\": \"kept\",\n  \"sumnary\": \"x\"\n}",
    );
    let ended = run(&bed.path(""), &["plugin", "check", "board"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended
            .stdout
            .contains("board/manifest.json:3:14: at its top: `sumnary`"),
        "{}",
        ended.stdout
    );
}
