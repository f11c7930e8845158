//! Instances are bounded, and the bound hurts nobody who does not have to wait:
//! what failed leaves its place, what is idle makes room.

use std::time::{Duration, Instant};

use crossdock::host::Host;
use crossdock::plugin::contract::{Context, Item};
use crossdock::problem::Blame;
use crossdock::report::ItemStatus;
use crossdock_tests::bed::{Bed, call, connection, deliver};
use crossdock_tests::echo::Echo;
use crossdock_tests::guests::{fixture, patched, test_adapter};
use crossdock_tests::wait::until;
use wasm_encoder::{Encode, Module, RefType, TableSection, TableType};
use wasmparser::{Parser, Payload};

/// Less than a call waits for an instance before it is told that the host is busy.
const AT_ONCE: Duration = Duration::from_secs(8);

fn bed(limits: &str) -> Bed {
    let bed = Bed::with_plugins(&["script-jq"]);
    bed.share_compiled_code();
    bed.configure(limits);
    bed.put_plugin("test-adapter", &test_adapter("normal", "a0"));
    bed
}

fn put_tenant(bed: &Bed, name: &str, script: &str, base_url: &str) {
    bed.put_tenant(name, "map.jq", script);
    let more = "settings = { path = \"/x\" }\nmappings = { echo = \"map.jq\" }\n";
    let file = connection("shop", "test-adapter", base_url, more);
    bed.put_tenant(name, "tenant.toml", &file);
}

/// Every item's code and blame.
async fn outcomes(host: &Host, tenant: &str, body: String) -> Vec<(String, Option<Blame>)> {
    let report = deliver(host, call(tenant, "shop", "echo", body)).await;
    let outcome = |item: &crossdock::report::ItemReport| {
        (
            item.code.as_deref().unwrap_or_default().to_owned(),
            item.blame,
        )
    };
    report.items.iter().map(outcome).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_fails_leaves_its_place_to_the_next_try() {
    // One busy script at a time.
    let bed = bed("[limits]\nguest_instances = 4\nguest_deadline_ms = 60\n");
    put_tenant(&bed, "acme", "def f: f; f", "http://127.0.0.1:9");
    let host = bed.host_unwatched().await;
    let started = Instant::now();
    // A batch fails, and its items are tried alone: each needs another instance.
    let body = r#"[{"n":1},{"n":2},{"n":3}]"#;
    let calls = (0..4).map(|_| outcomes(&host, "acme", body.into()));
    for outcome in futures_util::future::join_all(calls).await.concat() {
        assert_eq!(outcome, ("script-deadline".into(), Some(Blame::Script)));
    }
    let elapsed = started.elapsed();
    assert!(elapsed < AT_ONCE, "it waited for itself: {elapsed:?}");
}

/// A component with so many more tables, each in an instance of its own.
fn with_tables(component: &[u8], count: u32) -> Vec<u8> {
    let mut nested = 0_u32;
    let mut modules = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload.expect("a component") {
            Payload::ModuleSection { .. } => {
                modules += u32::from(nested == 0);
                nested += 1;
            }
            Payload::ComponentSection { .. } => nested += 1,
            Payload::End(_) => nested = nested.saturating_sub(1),
            _ => {}
        }
    }
    let mut table = TableSection::new();
    table.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: 1,
        maximum: None,
        shared: false,
    });
    let mut module = Module::new();
    module.section(&table);
    let mut bytes = component.to_vec();
    // A core module, and instances of it without arguments.
    bytes.push(1);
    module.as_slice().encode(&mut bytes);
    let mut instances = Vec::new();
    count.encode(&mut instances);
    for _ in 0..count {
        instances.push(0);
        modules.encode(&mut instances);
        instances.push(0);
    }
    bytes.push(2);
    instances.encode(&mut bytes);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_idle_makes_room_whatever_the_pool_ran_out_of() {
    // 32 tables for all, 4 busy and 4 idle adapters; each takes 12 tables and more.
    let bed = bed("[limits]\nguest_instances = 16\n");
    let adapter = with_tables(&test_adapter("normal", "a0"), 12);
    bed.put_plugin("test-adapter", &adapter);
    let echo = Echo::start_apart().expect("an echo server");
    let names: Vec<String> = (0..6).map(|n| format!("tenant-{n}")).collect();
    for name in &names {
        put_tenant(&bed, name, "{n: .n, repeatable: true}", &echo.base_url());
    }
    let host = bed.host_unwatched().await;
    let started = Instant::now();
    // One after the other: each leaves an idle instance behind.
    for name in &names {
        let report = deliver(&host, call(name, "shop", "echo", r#"{"n":1}"#)).await;
        assert_eq!(report.items[0].status, ItemStatus::Accepted, "{report:?}");
    }
    // And together: who finds no room waits for those who have some.
    let calls = names
        .iter()
        .map(|name| deliver(&host, call(name, "shop", "echo", r#"{"n":1}"#)));
    for report in futures_util::future::join_all(calls).await {
        assert_eq!(report.items[0].status, ItemStatus::Accepted, "{report:?}");
    }
    let elapsed = started.elapsed();
    assert!(elapsed < AT_ONCE, "somebody waited to the end: {elapsed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engines_fault_is_the_engines() {
    let bed = bed("[limits]\nguest_instances = 64\n");
    bed.put_plugin("script-tpl", &fixture("script-tpl"));
    bed.put_tenant("acme", "map.tpl", "n = {n}\n");
    let more = "mappings = { echo = \"map.tpl\" }\n";
    let file = connection("shop", "test-adapter", "http://127.0.0.1:9", more);
    bed.put_tenant("acme", "tenant.toml", &file);
    let host = bed.host_unwatched().await;
    let body = r#"[{"n":"leave me unanswered"}]"#.to_owned();
    let outcomes = outcomes(&host, "acme", body).await;
    let expected = (
        "script-engine-broken-promise".to_owned(),
        Some(Blame::Adapter),
    );
    assert_eq!(outcomes, [expected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_runs_other_files_than_before_is_refused() {
    let bed = bed("[limits]\nguest_instances = 64\n");
    let engine = fixture("script-tpl");
    bed.put_plugin("script-tpl", &engine);
    let host = bed.host().await;
    let other = patched(&engine, b"\"extension\":\"tpl\"", b"\"extension\":\"tql\"");
    bed.put_plugin("script-tpl", &other);
    let refused = until("the engine to be refused", || {
        host.plugins().into_iter().find_map(|plugin| plugin.refused)
    })
    .await;
    assert_eq!(refused.step, "name", "{refused:?}");
    assert!(refused.reason.contains("`.tql`"), "{refused:?}");
    assert!(host.snapshot().engines.contains_key("tpl"));
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_counted_by_the_call_and_dropped_beyond_its_bound() {
    let bed = bed("[limits]\nguest_instances = 64\n");
    bed.put_plugin("wasi", &fixture("wasi-adapter"));
    let host = bed.host_unwatched().await;
    let snapshot = host.snapshot();
    let adapter = &snapshot.adapters["wasi-adapter"];
    let mut lease = adapter.lease(&"acme".into()).await.expect("an instance");
    let context = Context {
        now_ms: 1,
        nonce: "0".repeat(32),
        settings: "{}".into(),
    };
    let items: Vec<Item> = (0..200)
        .map(|n| Item {
            key: n.to_string(),
            document: "{}".into(),
        })
        .collect();
    // Far more than an instance could write in its whole life before.
    for round in 0..150 {
        let mapped = lease.map(&context, "ask", &items).await;
        assert!(matches!(mapped, Ok(Ok(_))), "round {round}: {mapped:?}");
        let (lines, dropped) = lease.take_log();
        assert_eq!(lines.len() + dropped, items.len(), "round {round}");
    }
}
