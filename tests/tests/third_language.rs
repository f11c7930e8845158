//! A script engine that the host has never heard of is a file in the plugins
//! folder, like those that are bundled.

use crossdock::host::Host;
use crossdock::problem::{Blame, Problem};
use crossdock::report::ItemStatus;
use crossdock_tests::bed::{Bed, call, connection, deliver};
use crossdock_tests::echo::Echo;
use crossdock_tests::guests::{fixture, test_adapter};
use crossdock_tests::live::base_config;
use crossdock_tests::wait::until;

const TEMPLATE: &str =
    "sku = {item}^^^{spec}\nquantity = {on_hand}\nshop = {$connection} of {$tenant}\n";

/// The tenant's generation, and what is wrong with its files.
fn status(host: &Host) -> (Option<u32>, Vec<Problem>) {
    let acme = host.tenants().into_iter().find(|all| all.name == "acme");
    acme.map_or((None, Vec::new()), |acme| (acme.generation, acme.problems))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_language_is_a_file_in_the_plugins_folder() {
    let bed = Bed::with_plugins(&[]);
    let echo = Echo::start_apart().expect("an echo server");
    bed.configure(&base_config());
    bed.put_plugin("test-adapter", &test_adapter("normal", "a0"));
    bed.put_tenant("acme", "map.tpl", TEMPLATE);
    let more = "mappings = { echo = \"map.tpl\" }\n";
    let tenant = connection("shop", "test-adapter", &echo.base_url(), more);
    bed.put_tenant("acme", "tenant.toml", &tenant);
    let host = bed.host().await;

    // Nobody runs it: the tenant is told.
    let (generation, problems) = status(&host);
    assert_eq!(generation, None);
    assert!(problems[0].detail.contains("`.tpl`"), "{problems:?}");

    // Its engine arrives: the tenant serves, without anybody touching it.
    bed.put_plugin("script-tpl", &fixture("script-tpl"));
    until("the tenant to serve", || status(&host).0).await;
    let item = r#"{"item":"1","spec":"8G","on_hand":3539925204033339668}"#;
    let dry = host.dry_run(call("acme", "shop", "echo", item)).await;
    let mut dry = dry.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(
        dry.requests.remove(0).body.as_deref(),
        Some(r#"[{"sku":"1^^^8G","quantity":3539925204033339668,"shop":"shop of acme"}]"#)
    );

    // Its errors are told like any other's.
    let body = r#"[{"item":"1","on_hand":1},{"item":"2","spec":"","on_hand":2}]"#;
    let report = deliver(&host, call("acme", "shop", "echo", body)).await;
    let item = &report.items[0];
    assert_eq!(item.blame, Some(Blame::Script), "{item:?}");
    assert_eq!(item.message.as_deref(), Some("there is no `spec`"));
    let place = item.place.as_ref().unwrap();
    assert_eq!((place.line, place.column), (1, 16));
    assert_eq!(place.source.as_deref(), TEMPLATE.lines().next());
    assert_eq!(report.items[1].status, ItemStatus::Accepted);

    // So are those of a script that does not compile; the old one serves.
    bed.put_tenant("acme", "map.tpl", "sku = {item\n");
    let problem = until("the new script to be refused", || status(&host).1.pop()).await;
    assert_eq!(
        (problem.blame, &*problem.code),
        (Blame::Script, "script-compile")
    );
    assert!(problem.to_string().ends_with("      ^"), "{problem}");
    let dry = host.dry_run(call("acme", "shop", "echo", body)).await;
    assert!(dry.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_with_which_required_tests_fail_is_refused() {
    let bed = Bed::with_plugins(&[]);
    bed.configure(&base_config());
    bed.put_plugin("test-adapter", &test_adapter("normal", "a0"));
    let engine = fixture("script-tpl");
    bed.put_plugin("script-tpl", &engine);
    bed.put_tenant("acme", "map.tpl", TEMPLATE);
    bed.put_tenant(
        "acme",
        "map.test.json",
        r#"{"cases": [{"name": "says what is missing", "item": {"item": "1", "on_hand": 1}, "error": "there is no `spec`"}]}"#,
    );
    let more = "mappings = { echo = \"map.tpl\" }\n";
    let tenant = connection("shop", "test-adapter", "http://127.0.0.1:9", more);
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &format!("require_tests = true\n{tenant}"),
    );
    let host = bed.host().await;
    assert_eq!(status(&host).0, Some(1), "{:?}", status(&host).1);

    // The same engine, but for one of its sentences.
    let (old, new) = (b"there is no `", b"nobody has a`");
    let at = engine.windows(old.len()).position(|window| window == old);
    let at = at.expect("the engine's sentence");
    let mut changed = engine.clone();
    changed[at..at + old.len()].copy_from_slice(new);
    bed.put_plugin("script-tpl", &changed);
    let refused = until("the engine to be refused", || {
        let plugins = host.plugins();
        plugins.into_iter().find_map(|plugin| plugin.refused)
    })
    .await;
    assert!(
        refused.reason.contains("`says what is missing`"),
        "{refused:?}"
    );

    // The old one goes on.
    let dry = host.dry_run(call("acme", "shop", "echo", r#"{"item":"1","on_hand":1}"#));
    let dry = dry.await.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(dry.items[0].message.as_deref(), Some("there is no `spec`"));
}
