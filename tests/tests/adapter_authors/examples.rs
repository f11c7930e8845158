//! Golden examples as files: written by a person or by `--bless`, told field by
//! field where they do not hold, recorded without anybody's data.

use std::path::Path;

use crossdock::plugin::packed;
use crossdock_tests::bed::{Bed, connection};
use crossdock_tests::process::run;
use crossdock_tests::recorder::{Recorder, Reply};
use serde_json::{Value, json};

use crate::{kept, project, put, read};

const CONTEXT: &str = r#"{"now_ms": 1700000000123, "secrets": {"key": "test-key"}}"#;

/// What `test-key` makes of `{"a":1}`.
const SIGNATURE: &str = "486ecd1b18e77ef1945ee984d77f0882eaf31c75c94be6324b2c0472af9556e7";

fn tested(ended: &crossdock_tests::process::Ended, name: &str) -> Value {
    let all = ended.json();
    let examples = all["examples"].as_array().expect("a list");
    let one = examples.iter().find(|example| example["name"] == name);
    one.unwrap_or_else(|| panic!("{name}: {all}")).clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_out_is_written_by_blessing_and_holds_from_then_on() {
    let bed = Bed::new();
    let dir = project(&bed);
    let case = dir.join("examples/thing-send/two-things");
    put(&case.join("items.json"), r#"[{"a":1}, {"b":"库"}]"#);
    put(&case.join("context.json"), CONTEXT);
    put(
        &case.join("reply-2.http"),
        "HTTP/1.1 409\n\nalready there\n",
    );
    put(&case.join("reply.http"), "HTTP/1.1 200\n\nok\n");

    let first = run(bed.path("").as_path(), &["plugin", "test", "board"]).await;
    assert_eq!(first.code, Some(1), "{first:?}");
    assert!(
        first
            .stdout
            .contains("failed thing.send: thing-send: two things"),
        "{first:?}"
    );
    assert!(
        first.stdout.contains("ok thing.send: a signed document"),
        "{first:?}"
    );

    let blessed = run(
        bed.path("").as_path(),
        &["plugin", "test", "board", "--bless"],
    )
    .await;
    assert_eq!(blessed.code, Some(0), "{blessed:?}");
    assert_eq!(
        read(&case.join("request.http")),
        format!(
            "POST /things?at=0 HTTP/1.1\ncontent-type: application/json\nx-signature: {SIGNATURE}\n\n{{\"a\":1}}\n"
        )
    );
    assert!(read(&case.join("request-2.http")).ends_with("\n\n{\"b\":\"库\"}\n"));
    let outcomes = |file: &str| -> Value { serde_json::from_str(&read(&case.join(file))).unwrap() };
    assert_eq!(
        outcomes("outcomes.json"),
        json!([{"status": "accepted", "result": {}}])
    );
    assert_eq!(
        outcomes("outcomes-2.json"),
        json!([{"status": "rejected", "code": "409", "message": "already there"}])
    );
    let about: Value = serde_json::from_str(&read(&case.join("example.json"))).unwrap();
    assert_eq!(about["provenance"], "computed");
    // Its own words stay.
    assert_eq!(
        read(&case.join("context.json")).replace(char::is_whitespace, ""),
        CONTEXT.replace(char::is_whitespace, "")
    );

    let again = run(
        bed.path("").as_path(),
        &["plugin", "test", "board", "--json"],
    )
    .await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(tested(&again, "thing-send: two things")["holds"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_somebody_else_published_are_never_blessed_away() {
    let bed = Bed::new();
    let dir = project(&bed);
    let request = "POST /things?at=0 HTTP/1.1\nx-signature: 00\n\n{\"a\":1}\n";
    let case = |name: &str| dir.join("examples/thing-send").join(name);
    let words = [
        "official",
        "standard",
        "third-party",
        "document",
        "computed",
    ];
    for word in words {
        put(&case(word).join("items.json"), r#"[{"a":1}]"#);
        put(&case(word).join("context.json"), CONTEXT);
        put(&case(word).join("request.http"), request);
        let about = format!(r#"{{"name": "as {word}", "provenance": "{word}"}}"#);
        put(&case(word).join("example.json"), &about);
    }
    let bless = ["plugin", "test", "board", "--bless"];
    let ended = run(bed.path("").as_path(), &bless).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for word in &words[..3] {
        assert_eq!(read(&case(word).join("request.http")), request);
        assert!(read(&case(word).join("example.json")).contains(word));
        let said = format!(
            "`as {word}` is not blessed: its provenance is `{word}`, so its values were published by somebody else; \
             mend the adapter, or change `provenance` in board/examples/thing-send/{word}/example.json by hand"
        );
        assert!(ended.stdout.contains(&said), "{ended:?}");
    }
    for word in &words[3..] {
        assert!(read(&case(word).join("request.http")).contains(SIGNATURE));
    }
    // By hand it is somebody's decision.
    for word in &words[..3] {
        put(
            &case(word).join("example.json"),
            r#"{"provenance": "computed"}"#,
        );
    }
    let ended = run(bed.path("").as_path(), &bless).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_document_shows_stays_a_documents_when_blessing_only_adds_to_it() {
    let bed = Bed::new();
    let dir = project(&bed);
    let case = |name: &str| dir.join("examples/thing-send").join(name);
    let request = format!(
        "POST /things?at=0 HTTP/1.1\ncontent-type: application/json\nx-signature: {SIGNATURE}\n\n{{\"a\":1}}\n"
    );
    let about = r#"{"provenance": "document", "source": "page 7"}"#;
    // The page shows the request and an answer, and the adapter says what that means.
    for (name, request) in [
        ("same", &*request),
        ("other", "POST /things?at=1 HTTP/1.1\n\n{\"a\":1}\n"),
    ] {
        put(&case(name).join("items.json"), r#"[{"a":1}]"#);
        put(&case(name).join("context.json"), CONTEXT);
        put(&case(name).join("request.http"), request);
        put(&case(name).join("reply.http"), "HTTP/1.1 200\n\nok\n");
        put(&case(name).join("example.json"), about);
    }
    let bless = ["plugin", "test", "board", "--bless"];
    let ended = run(bed.path("").as_path(), &bless).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let about = |name: &str| -> Value {
        serde_json::from_str(&read(&case(name).join("example.json"))).expect("JSON")
    };
    assert!(case("same").join("outcomes.json").exists());
    assert_eq!(about("same")["provenance"], "document");
    assert_eq!(about("same")["source"], "page 7");
    assert_eq!(about("other")["provenance"], "computed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_told_field_by_field() {
    let bed = Bed::new();
    let dir = project(&bed);
    let case = dir.join("examples/thing-send/one");
    put(&case.join("items.json"), r#"[{"a":1}]"#);
    put(&case.join("context.json"), CONTEXT);
    put(
        &case.join("request.http"),
        "PUT /things?at=1&more=x HTTP/1.1\ncontent-type: application/json\nx-signature: 00\n\n{\"a\":2}\n",
    );
    put(&case.join("reply.http"), "HTTP/1.1 429\n");
    put(
        &case.join("outcomes.json"),
        r#"[{"status": "throttled", "after_ms": 5}]"#,
    );
    let ended = run(
        bed.path("").as_path(),
        &["plugin", "test", "board", "--json"],
    )
    .await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let one = tested(&ended, "thing-send: one");
    assert_eq!(
        one["differences"],
        json!([
            {"step": "sign", "place": "request 0", "what": "method", "expected": "\"PUT\"", "came": "\"POST\""},
            {"step": "sign", "place": "request 0", "what": "query `at`", "expected": "\"1\"", "came": "\"0\""},
            {"step": "sign", "place": "request 0", "what": "query `more`", "expected": "\"x\""},
            {"step": "sign", "place": "request 0", "what": "header `x-signature`", "expected": "\"00\"", "came": format!("\"{SIGNATURE}\"")},
            {"step": "sign", "place": "request 0", "what": "body at /a", "expected": "2", "came": "1"},
            {"step": "parse-response", "place": "reply 0", "what": "outcome 0, after_ms", "expected": "5", "came": "1000"},
        ])
    );
    assert_eq!(one["log"], json!(["an answer came"]));
    let text = run(bed.path("").as_path(), &["plugin", "test", "board"])
        .await
        .stdout;
    let lines = "  request 0\n    method\n      - \"PUT\"\n      + \"POST\"\n    query `at`\n";
    assert!(text.contains(lines), "{text}");
    assert!(!text.contains('\x1b'), "colours are for terminals");

    // A file that cannot be read is said with its line.
    put(&case.join("outcomes.json"), "[\n  {\"status\" 1}]");
    let ended = run(bed.path("").as_path(), &["plugin", "test", "board"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("outcomes.json:2:13: "), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_recorded_without_secrets_and_without_persons() {
    let platform = Recorder::answering(|request| {
        // A platform that gives back what it should not.
        let signature = request.header("x-signature").unwrap_or_default().to_owned();
        let echo = format!("no: {} {} k3y-of-the-shop", request.text(), signature);
        Reply::text(409, echo).with_header("set-cookie", "session=4711")
    })
    .await;
    let bed = Bed::new();
    let dir = project(&bed);
    bed.put_plugin("kept", &kept());
    bed.put_tenant("acme", "key.txt", "k3y-of-the-shop");
    let secrets = "secrets = { key = { file = \"key.txt\" } }";
    let shop = connection("shop", "kept", &platform.base_url(), secrets);
    bed.put_tenant("acme", "tenant.toml", &shop);
    put(
        &bed.path("item.json"),
        r#"{"sku": "1001", "receiver_name": "Wang Xiaoming", "mobile": "13912345678"}"#,
    );
    let record = [
        "plugin",
        "test",
        "board",
        "--record",
        "acme/shop/thing.send",
        "--input",
        "item.json",
        "--name",
        "refused",
    ];
    let ended = run(bed.path("").as_path(), &record).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(platform.count(), 1);
    let sent = platform.requests().remove(0);
    assert!(
        sent.text().contains("13912345678"),
        "it was delivered as it is"
    );

    let case = dir.join("examples/thing-send/refused");
    let files = [
        "items.json",
        "context.json",
        "request.http",
        "reply.http",
        "outcomes.json",
        "example.json",
    ];
    let all: String = files.iter().map(|file| read(&case.join(file))).collect();
    let signature = sent.header("x-signature").expect("a signature");
    for leak in ["13912345678", "Wang", "k3y-of-the-shop", signature, "4711"] {
        assert!(!all.contains(leak), "{leak} in {all}");
    }
    assert!(
        all.contains("\"1001\"") && all.contains("test-key"),
        "{all}"
    );
    let tested = run(bed.path("").as_path(), &["plugin", "test", "board"]).await;
    assert_eq!(tested.code, Some(0), "{tested:?}");

    let twice = run(bed.path("").as_path(), &record).await;
    assert_eq!(twice.code, Some(1), "{twice:?}");
    assert!(twice.stderr.contains("is there already"), "{twice:?}");
    assert_eq!(platform.count(), 1, "nothing is sent for nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_packed_with_a_component_are_run_when_it_is_loaded() {
    let example = |signature: &str| {
        json!([{
            "name": "packed", "provenance": "computed", "operation": "thing.send",
            "secrets": {"key": "test-key"}, "items": [{"document": {"a": 1}}],
            "requests": [{
                "method": "POST", "path": "/things", "query": [["at", "0"]],
                "headers": [["content-type", "application/json"], ["x-signature", signature]],
                "body": "{\"a\":1}",
            }],
        }])
    };
    let pack = |examples: &Value| {
        packed::append(kept(), packed::EXAMPLES, examples.to_string().as_bytes())
    };
    let bed = Bed::new();
    bed.configure("");
    let check = async |bytes: Vec<u8>| {
        std::fs::write(bed.path("packed.wasm"), bytes).expect("writing");
        let ended = run(
            Path::new(&bed.path("")),
            &["plugin", "check", "--quick", "--json", "packed.wasm"],
        )
        .await;
        ended.json()[0].clone()
    };
    let good = check(pack(&example(SIGNATURE))).await;
    assert_eq!(good["examples"], 2, "{good}");
    let bad = check(pack(&example("00"))).await;
    assert_eq!(bad["step"], "examples", "{bad}");
    let reason = bad["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("example `packed` failed at sign: request 0: header `x-signature`"),
        "{reason}"
    );
    // A reply to what nobody asked.
    let mut alone = example(SIGNATURE);
    alone[0]["replies"] = json!([
        {"request": 0, "status": 200, "body": "ok", "outcomes": [{"status": "accepted"}]},
        {"follows": 0, "status": 200, "body": "ok", "outcomes": [{"status": "accepted"}]},
    ]);
    let bad = check(pack(&alone)).await;
    assert_eq!(bad["step"], "examples", "{bad}");
    let reason = bad["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("reply 1 follows reply 0, after which nothing was asked"),
        "{reason}"
    );
    let mut misspelt = example(SIGNATURE);
    misspelt[0]["reply"] = json!([]);
    let bad = check(pack(&misspelt)).await;
    assert_eq!(bad["step"], "manifest", "{bad}");
    let reason = bad["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("its packed example 1: at its top: `reply`")
            && reason.contains("`replies`"),
        "{reason}"
    );
}
