//! A candidate proves itself beside what serves. One that cannot changes
//! nothing, says why, and is not tried again until its bytes change.

use std::path::PathBuf;

use crossdock::host::Host;
use crossdock::plugin::artifact::Sha;
use crossdock::plugin::contract::{Body, Context, Item};
use crossdock::reload::status::PluginStatus;
use crossdock::report::{DeliveryStatus, ItemStatus};
use crossdock_tests::bed::{Bed, call, connection, deliver};
use crossdock_tests::guests;
use crossdock_tests::recorder::Recorder;
use crossdock_tests::wait::until;
use serde_json::Value;

/// Above the test adapter's size, below that of a plugin it is filled up to.
const PLUGIN_MB: usize = 1;

/// An adapter by its exports, which wants something that no plugin gets. What
/// it exports is what it imports: nobody looks further.
const UNKNOWN_IMPORTS: &str = r#"
(component
  (import "evil:host/steal@1.0.0" (instance $steal))
  (import "wasi:http/outgoing-handler@0.2.0" (instance))
  (import "crossdock:adapter/keys@0.1.0" (instance))
  (export "crossdock:adapter/adapter@0.1.0" (instance $steal)))"#;

/// The right name with nothing behind it.
const EMPTY_EXPORT: &str = r#"
(component
  (import "crossdock:adapter/keys@0.1.0" (instance $keys))
  (export "crossdock:adapter/adapter@0.1.0" (instance $keys)))"#;

const OTHER_EXPORT: &str = r#"
(component
  (component $nothing)
  (instance $it (instantiate $nothing))
  (export "other:contract/adapter@1.0.0" (instance $it)))"#;

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("valid text")
}

fn good(generation: &str) -> Vec<u8> {
    guests::test_adapter("normal", generation)
}

fn bad(mode: &str) -> Vec<u8> {
    guests::test_adapter(mode, "bad")
}

/// Name, bytes, step that refuses, words of the reason.
type Candidate = (&'static str, Vec<u8>, &'static str, &'static [&'static str]);

fn candidates() -> Vec<Candidate> {
    let whole = good("bad");
    let half = whole[..whole.len() / 2].to_vec();
    let mut filled = whole;
    filled.resize((PLUGIN_MB << 20) + 1, 0);
    vec![
        (
            "nothing",
            Vec::new(),
            "parse",
            &["not a WebAssembly component"],
        ),
        (
            "half a component",
            half,
            "parse",
            &["not a WebAssembly component"],
        ),
        (
            "plain text",
            b"adapter".to_vec(),
            "parse",
            &["not a WebAssembly component"],
        ),
        (
            "a core module",
            wat("(module)"),
            "parse",
            &["not a WebAssembly component"],
        ),
        (
            "unknown imports",
            wat(UNKNOWN_IMPORTS),
            "imports",
            &[
                "`evil:host/steal@1.0.0`",
                "`wasi:http/outgoing-handler@0.2.0`",
            ],
        ),
        (
            "no exports",
            wat("(component)"),
            "exports",
            &["`crossdock:adapter/adapter@0.1.0`", "nothing"],
        ),
        (
            "another export",
            wat(OTHER_EXPORT),
            "exports",
            &["`other:contract/adapter@1.0.0`"],
        ),
        (
            "an empty export",
            wat(EMPTY_EXPORT),
            "exports",
            &["differs from the contract"],
        ),
        (
            "endless describe",
            bad("endless-describe"),
            "describe",
            &["longer than the 100 ms that it may (`[limits] guest_deadline_ms`)"],
        ),
        (
            "trap in describe",
            bad("trap-in-describe"),
            "describe",
            &["trapped"],
        ),
        (
            "a mode that is none",
            bad("no-such-mode"),
            "describe",
            &["trapped"],
        ),
        (
            "invalid manifest",
            bad("invalid-manifest"),
            "manifest",
            &["sumary"],
        ),
        (
            "manifest that is no JSON",
            bad("manifest-not-json"),
            "manifest",
            &["line 1"],
        ),
        (
            "failing example",
            bad("failing-example"),
            "examples",
            &[
                "an example whose signature is not the one that comes out",
                "sign",
            ],
        ),
        (
            "another name",
            bad("name-changed"),
            "name",
            &["`renamed-adapter`", "`test-adapter`"],
        ),
        ("too large", filled, "read", &["plugin_mb"]),
    ]
}

fn bed(platform: &Recorder) -> Bed {
    let bed = Bed::new();
    bed.configure(&format!(
        "[limits]\nguest_deadline_ms = 100\nguest_instances = 64\nplugin_mb = {PLUGIN_MB}\n"
    ));
    let shop = connection("shop", "test-adapter", &platform.base_url(), "");
    bed.put_tenant("acme", "tenant.toml", &shop);
    bed
}

fn status(host: &Host, file: &str) -> Option<PluginStatus> {
    let plugins = host.plugins();
    let plugin = plugins.iter().find(|plugin| plugin.file.ends_with(file));
    plugin.cloned()
}

/// A call's generation as the adapter and as the host call it.
async fn serves(host: &Host) -> (String, String) {
    let report = deliver(host, call("acme", "shop", "echo", "{}")).await;
    let item = &report.items[0];
    assert_eq!(item.status, ItemStatus::Accepted, "{item:?}");
    let data = item.data.as_deref().expect("a result").get();
    let data: Value = serde_json::from_str(data).expect("JSON");
    let generation = data["generation"].as_str().expect("a label").to_owned();
    (generation, report.generations.adapter.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_candidate_leaves_the_old_generation_serving() {
    let platform = Recorder::start().await;
    let bed = bed(&platform);
    bed.put_plugin("test", &good("g1"));
    let host = bed.host().await;
    let first = Sha::of(&good("g1"));
    let before = serves(&host).await;
    assert_eq!(before.0, "g1");
    assert_eq!(
        before.1,
        format!("test-adapter 0.1.0+g1 #1 ({})", first.short())
    );

    for (name, bytes, step, words) in candidates() {
        let sha = (step != "read").then(|| Sha::of(&bytes).to_string());
        bed.put_plugin("test", &bytes);
        let plugin = until(&format!("the refusal of {name}"), || {
            let plugin = status(&host, "test.wasm")?;
            let refused = plugin.refused.as_ref()?;
            (refused.sha256 == sha && refused.step == step).then_some(plugin)
        })
        .await;
        let refused = plugin.refused.expect("a refusal");
        for word in words {
            assert!(refused.reason.contains(word), "{name}: {}", refused.reason);
        }
        let serving = plugin.serving.expect("what serves");
        assert_eq!((serving.number, serving.sha256), (1, first), "{name}");
        assert_eq!(serves(&host).await, before, "{name}");
    }

    bed.put_plugin("test", &good("g2"));
    until("the second generation", || {
        let plugin = status(&host, "test.wasm")?;
        let number = plugin.serving?.number;
        (number == 2 && plugin.refused.is_none()).then_some(())
    })
    .await;
    let (generation, label) = serves(&host).await;
    assert_eq!(generation, "g2");
    let second = Sha::of(&good("g2"));
    assert_eq!(
        label,
        format!("test-adapter 0.1.0+g2 #2 ({})", second.short())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_bytes_are_not_tried_again_and_old_ones_need_no_trial() {
    let platform = Recorder::start().await;
    let bed = bed(&platform);
    bed.put_plugin("test", &good("g1"));
    let host = bed.host().await;
    bed.put_plugin("test", &bad("failing-example"));
    let refused = |file: &str| status(&host, file).and_then(|plugin| plugin.refused);
    let at = until("the refusal", || refused("test.wasm")).await.at_ms;

    // The same bytes as a new file; another file's fate shows that it was seen.
    bed.put_plugin("test", &bad("failing-example"));
    bed.put_plugin("later", b"no component");
    until("the later refusal", || refused("later.wasm")).await;
    assert_eq!(refused("test.wasm").map(|refused| refused.at_ms), Some(at));

    bed.put_plugin("test", &good("g1"));
    until("the old bytes", || {
        refused("test.wasm").is_none().then_some(())
    })
    .await;
    let serving = status(&host, "test.wasm").and_then(|plugin| plugin.serving);
    assert_eq!(serving.map(|serving| serving.number), Some(1));
    assert_eq!(serves(&host).await.0, "g1");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_name_in_two_files_is_refused_for_the_second() {
    let platform = Recorder::start().await;
    let bed = bed(&platform);
    bed.put_plugin("test", &good("g1"));
    let host = bed.host().await;
    bed.put_plugin("a-copy", &good("copy"));
    let refused = until("the refusal", || status(&host, "a-copy.wasm")?.refused).await;
    assert_eq!(refused.step, "name");
    assert!(refused.reason.contains("test.wasm"), "{}", refused.reason);
    assert_eq!(serves(&host).await.0, "g1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_plugin_at_the_start_keeps_no_other_from_serving() {
    let platform = Recorder::start().await;
    let bed = bed(&platform);
    bed.put_plugin("test", &good("g1"));
    bed.put_plugin("torn", b"\0asm");
    bed.put_plugin("endless", &bad("endless-describe"));
    let host = bed.host_unwatched().await;
    for (file, step) in [("torn.wasm", "parse"), ("endless.wasm", "describe")] {
        let plugin = status(&host, file).expect("the file is listed");
        assert!(plugin.serving.is_none());
        assert_eq!(plugin.refused.map(|refused| refused.step), Some(step));
    }
    assert_eq!(serves(&host).await.0, "g1");
}

/// The folder of compiled code, and what is in it.
fn cached(bed: &Bed) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(bed.path("data/code"));
    let mut files: Vec<PathBuf> = folder
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "cwasm")
        })
        .collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_compiled_code_is_compiled_again_and_replaced() {
    let platform = Recorder::start().await;
    let bed = bed(&platform);
    bed.put_plugin("test", &good("g1"));
    let from_cache = |host: &Host| {
        let plugin = status(host, "test.wasm").expect("the plugin");
        plugin.serving.expect("it serves").times.from_cache
    };
    drop(bed.host_unwatched().await);
    let entry = until("compiled code", || cached(&bed).pop()).await;
    let whole = std::fs::read(&entry).expect("compiled code");
    let host = bed.host_unwatched().await;
    assert!(from_cache(&host), "a start without compiling");
    assert_eq!(serves(&host).await.0, "g1");
    drop(host);

    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x40;
    for (name, damaged) in [
        ("one bit", flipped),
        ("a half", whole[..whole.len() / 2].to_vec()),
        ("nothing", Vec::new()),
        ("text", b"no code at all".to_vec()),
    ] {
        std::fs::write(&entry, &damaged).expect("damaging");
        // A second name shows that the damaged file itself is not written to.
        let kept = bed.path("kept");
        std::fs::hard_link(&entry, &kept).expect("a second name");
        let host = bed.host_unwatched().await;
        assert!(!from_cache(&host), "{name}");
        assert_eq!(serves(&host).await.0, "g1", "{name}");
        until("intact code", || {
            let bytes = std::fs::read(&entry).ok()?;
            (bytes.len() == whole.len() && bytes != damaged).then_some(())
        })
        .await;
        assert_eq!(
            std::fs::read(&kept).expect("the old file"),
            damaged,
            "{name}"
        );
        std::fs::remove_file(&kept).expect("removing the second name");
        drop(host);
    }
    let host = bed.host_unwatched().await;
    assert!(from_cache(&host), "the replaced code is good");
}

/// What the WASI adapter sends, with a context of the test's choice.
async fn asked(host: &Host, now_ms: u64, nonce: &str) -> Value {
    let snapshot = host.snapshot();
    let adapter = &snapshot.adapters["wasi-adapter"];
    let mut lease = adapter.lease(&"acme".into()).await.expect("an instance");
    let context = Context {
        now_ms,
        nonce: nonce.into(),
        settings: "{}".into(),
    };
    let item = Item {
        key: "k".into(),
        document: "{}".into(),
    };
    let mapped = lease.map(&context, "ask", &[item]).await;
    let mapped = mapped.expect("no trap").expect("no fault");
    let (log, _) = lease.take_log();
    let lines: Vec<&str> = log.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(
        lines,
        ["asked for everything"],
        "stdout is the plugin's log"
    );
    match &mapped.requests[0].draft.body {
        Body::Text(text) => serde_json::from_str(text).expect("JSON"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wasi_shows_an_empty_world_that_is_a_function_of_the_call() {
    let platform = Recorder::start().await;
    let bed = bed(&platform);
    bed.put_plugin("wasi", &guests::fixture("wasi-adapter"));
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &connection("wasi", "wasi-adapter", &platform.base_url(), ""),
    );
    let host = bed.host_unwatched().await;

    let nonce = "0123456789abcdef0123456789abcdef";
    let first = asked(&host, 1_700_000_000_123, nonce).await;
    assert_eq!(first["wall_ms"], 1_700_000_000_123_u64);
    let standing =
        serde_json::json!([1_700_000_000_123_000_000_u64, 1_700_000_000_123_000_000_u64]);
    assert_eq!(
        first["monotonic_ns"], standing,
        "time stands still in a call"
    );
    assert_eq!(first["environment"], serde_json::json!([]));
    assert_eq!(first["arguments"], serde_json::json!([]));
    assert_eq!(first["folders"], 0);

    assert_eq!(asked(&host, 1_700_000_000_123, nonce).await, first);
    let other = asked(&host, 1_700_000_000_123, &nonce.replace('0', "f")).await;
    assert_ne!(other["random"], first["random"]);
    assert_ne!(other["random_bytes"], first["random_bytes"]);

    // In a delivery it is the delivery's own context.
    let report = deliver(&host, call("acme", "wasi", "ask", "{}")).await;
    assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
    let sent: Value = serde_json::from_str(&platform.last().text()).expect("JSON");
    assert_eq!(sent["wall_ms"], sent["now_ms"]);

    // Sleeping spends no guest time, and ends all the same.
    let report = deliver(
        &host,
        call("acme", "wasi", "ask", r#"{"sleep_ms":3600000}"#),
    )
    .await;
    let code = report.items[0].code.as_deref();
    assert_eq!(code, Some("adapter-deadline"), "{report:?}");
}
