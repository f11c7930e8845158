//! A plugin that breaks tenants and the tenants' files for it, which break
//! under the plugin that serves: they are published together or not at all.

use std::sync::Arc;

use crossdock::serving::snapshot::TenantGeneration;
use crossdock_tests::guests::{fixture, patched, test_adapter};
use crossdock_tests::live::{Live, Seen};
use crossdock_tests::wait::until;

/// The adapter with the setting `sign` under another name.
fn renamed_setting(label: &str) -> Vec<u8> {
    patched(
        &test_adapter("normal", label),
        br#""sign": { "type": "boolean""#,
        br#""sigh": { "type": "boolean""#,
    )
}

/// The tenant's file with a setting that only one of the versions has.
fn with_setting(live: &Live, label: &str, setting: &str) -> String {
    let with = format!("settings = {{ {setting} = false,");
    live.tenant(label).replace("settings = {", &with)
}

/// A host whose tenants `acme` and `names` have the old setting.
async fn old_setting(names: &[&str]) -> Live {
    let mut live = Live::lay_out("").await;
    for name in ["acme"].iter().chain(names) {
        live.bed
            .put_tenant(name, "map.jq", &crossdock_tests::live::script("s0"));
        let text = with_setting(&live, "t0", "sign");
        live.bed.put_tenant(name, "tenant.toml", &text);
    }
    live.watch().await;
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
    live
}

fn serving(live: &Live, tenant: &str) -> Arc<TenantGeneration> {
    live.host().snapshot().tenants[tenant].clone()
}

async fn adapter_refused(live: &Live) -> String {
    let refused = until("the adapter to be refused", || {
        let status = live.plugin("test-adapter")?;
        status.refused.filter(|_| !status.checking)
    })
    .await;
    assert_eq!(refused.step, "tenants", "{}", refused.reason);
    refused.reason
}

async fn tenant_refused(live: &Live, tenant: &str) {
    until("the tenant's files to be refused", || {
        let status = live.status(tenant)?;
        let settled = !status.checking && !status.problems.is_empty();
        settled.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_setting_is_rolled_out_adapter_first() {
    let live = old_setting(&[]).await;
    let traffic = live.traffic(2);
    let before = serving(&live, "acme");
    live.bed.put_plugin("test-adapter", &renamed_setting("a1"));
    let reason = adapter_refused(&live).await;
    assert!(reason.contains("tenants/acme"), "{reason}");
    assert!(Arc::ptr_eq(&before, &serving(&live, "acme")));

    let text = with_setting(&live, "t1", "sigh");
    live.bed.put_tenant("acme", "tenant.toml", &text);
    live.until_seen(&Seen::new("a1", "s0", "t1")).await;
    assert!(live.plugin("test-adapter").unwrap().refused.is_none());
    assert!(live.status("acme").unwrap().problems.is_empty());
    one_step(traffic.stop().await.seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_setting_is_rolled_out_tenants_first() {
    let live = old_setting(&[]).await;
    let traffic = live.traffic(2);
    let before = serving(&live, "acme");
    let text = with_setting(&live, "t1", "sigh");
    live.bed.put_tenant("acme", "tenant.toml", &text);
    tenant_refused(&live, "acme").await;
    assert!(Arc::ptr_eq(&before, &serving(&live, "acme")));

    live.bed.put_plugin("test-adapter", &renamed_setting("a1"));
    live.until_seen(&Seen::new("a1", "s0", "t1")).await;
    one_step(traffic.stop().await.seen);
}

/// No call saw one side without the other.
fn one_step(seen: std::collections::BTreeSet<Seen>) {
    let steps = [Seen::new("a0", "s0", "t0"), Seen::new("a1", "s0", "t1")];
    assert!(seen.iter().all(|seen| steps.contains(seen)), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn until_the_last_tenant_is_ready_nobody_moves_and_the_status_says_who_is() {
    let live = old_setting(&["other"]).await;
    live.bed.put_plugin("test-adapter", &renamed_setting("a1"));
    adapter_refused(&live).await;
    let before = (serving(&live, "acme"), serving(&live, "other"));

    let text = with_setting(&live, "t1", "sigh");
    live.bed.put_tenant("acme", "tenant.toml", &text);
    let waits_with = until("the tenant to wait", || live.status("acme")?.waits_with).await;
    assert_eq!(waits_with, live.bed.plugin_path("test-adapter"));
    let reason = until("the reason to name both", || {
        let reason = live.plugin("test-adapter")?.refused?.reason;
        reason.contains("ready for it").then_some(reason)
    })
    .await;
    let (against, ready) = reason.rsplit_once("; ").unwrap();
    assert!(against.contains("tenants/other"), "{reason}");
    assert!(!against.contains("tenants/acme"), "{reason}");
    assert!(ready.contains("acme"), "{reason}");
    assert!(Arc::ptr_eq(&before.0, &serving(&live, "acme")));
    assert!(Arc::ptr_eq(&before.1, &serving(&live, "other")));
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;

    live.bed.put_tenant("other", "tenant.toml", &text);
    live.until_seen(&Seen::new("a1", "s0", "t1")).await;
    let numbers = ["acme", "other"].map(|name| live.status(name).unwrap());
    assert_eq!(numbers.map(|status| status.generation), [Some(2), Some(2)]);
    assert_eq!(live.status("acme").unwrap().waits_with, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_whose_newer_files_are_wrong_for_both_holds_the_adapter_back() {
    let live = old_setting(&[]).await;
    let before = serving(&live, "acme");
    live.bed.put_plugin("test-adapter", &renamed_setting("a1"));
    adapter_refused(&live).await;
    let text = with_setting(&live, "t1", "signal");
    live.bed.put_tenant("acme", "tenant.toml", &text);
    tenant_refused(&live, "acme").await;
    let reason = until("both reasons", || {
        let reason = live.plugin("test-adapter")?.refused?.reason;
        reason.contains("newest files").then_some(reason)
    })
    .await;
    assert!(reason.contains("signal"), "{reason}");
    assert!(Arc::ptr_eq(&before, &serving(&live, "acme")));
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
}

/// The tests beside the script: what its error says.
fn expecting(error: &str) -> String {
    format!(
        r#"{{"cases": [{{"name": "says what is missing", "item": {{}}, "error": "{error}"}}]}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_engine_and_the_scripts_for_it_are_published_together() {
    let mut live = Live::lay_out("").await;
    let engine = fixture("script-tpl");
    live.bed.put_plugin("script-tpl", &engine);
    live.bed.put_tenant("acme", "map.tpl", "n = {number}\n");
    live.bed
        .put_tenant("acme", "map.test.json", &expecting("there is no `number`"));
    let text = live.tenant("t0").replace("map.jq", "map.tpl");
    let text = format!("require_tests = true\n{text}");
    live.bed.put_tenant("acme", "tenant.toml", &text);
    live.watch().await;
    assert_eq!(live.generation(), Some(1), "{:?}", live.status("acme"));
    let before = serving(&live, "acme");

    // The same engine, but for one of its sentences.
    let changed = patched(&engine, b"there is no `", b"nobody has a`");
    live.bed.put_plugin("script-tpl", &changed);
    let refused = until("the engine to be refused", || {
        let status = live.plugin("script-tpl")?;
        status.refused.filter(|_| !status.checking)
    })
    .await;
    assert_eq!(refused.step, "tenants", "{}", refused.reason);
    assert!(
        refused.reason.contains("map.test.json"),
        "{}",
        refused.reason
    );
    assert!(Arc::ptr_eq(&before, &serving(&live, "acme")));

    live.bed
        .put_tenant("acme", "map.test.json", &expecting("nobody has a`number`"));
    until("both to serve", || {
        let engine = live.plugin("script-tpl")?.serving?.number;
        (engine == 2 && live.generation() == Some(2)).then_some(())
    })
    .await;
    assert!(live.plugin("script-tpl").unwrap().refused.is_none());
    assert!(live.status("acme").unwrap().problems.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_that_need_one_another_are_published_together() {
    let live = old_setting(&[]).await;
    let engine = fixture("script-tpl");
    live.bed.put_plugin("script-tpl", &engine);
    // A version of the tenant that needs the script engine as it is.
    live.bed.put_tenant("acme", "map.tpl", "n = {number}\n");
    live.bed
        .put_tenant("acme", "map.test.json", &expecting("there is no `number`"));
    let tested = |label: &str, setting: &str| {
        let text = with_setting(&live, label, setting).replace("map.jq", "map.tpl");
        format!("require_tests = true\n{text}")
    };
    live.bed
        .put_tenant("acme", "tenant.toml", &tested("t1", "sign"));
    until("the tested tenant", || {
        (live.generation() >= Some(2)).then_some(())
    })
    .await;
    let before = (serving(&live, "acme"), live.generation());

    live.bed.put_plugin("test-adapter", &renamed_setting("a1"));
    adapter_refused(&live).await;
    let changed = patched(&engine, b"there is no `", b"nobody has a`");
    live.bed.put_plugin("script-tpl", &changed);
    until("the engine to be refused", || {
        let status = live.plugin("script-tpl")?;
        status.refused.filter(|_| !status.checking)
    })
    .await;
    assert!(Arc::ptr_eq(&before.0, &serving(&live, "acme")));

    // Right only under both of the new ones.
    live.bed
        .put_tenant("acme", "map.test.json", &expecting("nobody has a`number`"));
    live.bed
        .put_tenant("acme", "tenant.toml", &tested("t2", "sigh"));
    until("all of them to serve", || {
        let number = |name: &str| Some(live.plugin(name)?.serving?.number);
        let plugins = (number("test-adapter")?, number("script-tpl")?);
        (plugins == (2, 2) && live.generation() > before.1).then_some(())
    })
    .await;
}
