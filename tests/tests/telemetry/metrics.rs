//! What is counted is what happened.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossdock::telemetry::catalogue;
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::until_async;
use http::Method;

use crate::setting::{KEYED, bed, call, item_is, page, put_tenant, queue, serve};

const SHOP: [(&str, &str); 2] = [("tenant", "acme"), ("connection", "shop")];

/// The labels of a connection, and these.
fn shop<'l>(more: &[(&'l str, &'l str)]) -> Vec<(&'l str, &'l str)> {
    SHOP.into_iter().chain(more.iter().copied()).collect()
}

/// The labels of an operation's count.
fn keyed<'l>(status: &'l str, blame: &'l str) -> Vec<(&'l str, &'l str)> {
    shop(&[("operation", "keyed"), ("status", status), ("blame", blame)])
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_items_requests_and_steps_are_counted_by_connection() {
    let platform = Recorder::answering(|request| match &*request.text() {
        text if text.contains("refused") => Reply::text(400, "no"),
        text if text.contains("broken") => Reply::text(503, "not now"),
        _ => Reply::json("{}"),
    })
    .await;
    let more = "mappings.keyed = \"map.jq\"\nlimits = { attempts = 2 }\n";
    let bed = bed(&platform, "", more);
    bed.put_tenant("acme", "map.jq", ". + {mapped: true}");
    put_tenant(&bed, &platform, "acme", more);
    let host = serve(&bed).await;
    let client = host.client();
    let before = page(&client).await;
    // What an alarm is about is there from the first call on, with 0.
    assert_eq!(before.sum("crossdock_items_total", &[]), 0.0);

    call(&client, r#"[{"sku":"1"},{"sku":"2"}]"#).await;
    call(&client, r#"{"sku":"refused"}"#).await;
    call(&client, r#"{"sku":"broken","repeatable":true}"#).await;
    client
        .post(&format!("{KEYED}?dry_run=true"), r#"{"sku":"1"}"#)
        .await
        .unwrap();
    for path in [
        "/v1/acme/shop/keyed?queue=perhaps",
        "/v1/acme/shop/nothing",
        "/v1/nobody/shop/keyed",
    ] {
        let refused = client.send(Method::POST, path, Some("{}")).await.unwrap();
        assert!(refused.0.is_client_error(), "{path}");
    }
    let (status, _) = client.send(Method::POST, KEYED, Some("{")).await.unwrap();
    assert!(status.is_client_error());

    let page = page(&client).await;
    let number = |name, labels: &[(&str, &str)]| page.number(name, labels);
    assert_eq!(
        number("crossdock_calls_total", &keyed("accepted", "none")),
        Some(1.0)
    );
    assert_eq!(
        number("crossdock_calls_total", &keyed("dry-run", "none")),
        Some(1.0)
    );
    assert_eq!(
        number("crossdock_calls_total", &keyed("refused", "caller")),
        Some(1.0)
    );
    // What named nothing that is there has no names.
    let nobody = [("status", "refused"), ("blame", "caller")];
    assert_eq!(number("crossdock_calls_total", &nobody), Some(3.0));
    assert_eq!(page.sum("crossdock_calls_total", &[]), 8.0);
    assert_eq!(
        number("crossdock_items_total", &keyed("accepted", "none")),
        Some(2.0)
    );
    assert_eq!(page.sum("crossdock_items_total", &SHOP), 4.0);

    let requests = |attempt, answer| {
        page.sum(
            "crossdock_requests_total",
            &shop(&[("attempt", attempt), ("answer", answer)]),
        )
    };
    assert_eq!(requests("first", "2xx"), 2.0);
    assert_eq!(requests("first", "4xx"), 1.0);
    assert_eq!(
        (requests("first", "5xx"), requests("again", "5xx")),
        (1.0, 1.0)
    );
    assert_eq!(
        page.sum("crossdock_http_duration_seconds_count", &SHOP),
        5.0
    );
    assert_eq!(page.sum("crossdock_turn_wait_seconds_count", &SHOP), 5.0);
    let steps = |step| {
        page.sum(
            "crossdock_step_duration_seconds_count",
            &shop(&[("step", step)]),
        )
    };
    // One run for each call that has items, the dry one among them; an attempt is
    // mapped anew.
    assert_eq!(steps("script"), 4.0);
    assert_eq!(steps("map"), 5.0);
    assert_eq!(steps("sign"), 6.0);
    assert!(steps("parse") >= 3.0, "{}", steps("parse"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_shown_by_connection_with_its_age() {
    let open = Arc::new(AtomicBool::new(false));
    let gate = open.clone();
    let platform = Recorder::answering(move |request| match gate.load(Ordering::Relaxed) {
        false if request.text().contains("unknown") => Reply::json(r#"{"outcome":"unknown"}"#),
        false => Reply::json(r#"{"outcome":"retry","after_ms":2000}"#),
        true => Reply::json("{}"),
    })
    .await;
    let bed = bed(&platform, "", "");
    let host = serve(&bed).await;
    let client = host.client();
    let waits = queue(&client, r#"{"sku":"a","mode":"adjust","repeatable":true}"#).await;
    let behind = queue(&client, r#"{"sku":"a","mode":"adjust","repeatable":true}"#).await;
    let lost = queue(&client, r#"{"sku":"unknown"}"#).await;
    item_is(&client, &lost, "unknown").await;
    let of = |state| shop(&[("state", state)]);
    let page_now = until_async("it to be seen", async || {
        let page = page(&client).await;
        let seen = page.number("crossdock_outbox_items", &of("unknown"))? == 1.0
            && page.number("crossdock_outbox_items", &of("queued"))? == 1.0
            && page.number("crossdock_outbox_items", &of("behind"))? == 1.0
            && page.number("crossdock_outbox_oldest_seconds", &SHOP)? > 0.0;
        seen.then_some(page)
    })
    .await;
    assert_eq!(page_now.number("crossdock_outbox_up", &[]), Some(1.0));
    open.store(true, Ordering::Relaxed);
    for id in [&waits, &behind] {
        item_is(&client, id, "accepted").await;
    }
    until_async("it to be gone", async || {
        let page = page(&client).await;
        let gone = page
            .number("crossdock_outbox_items", &of("queued"))
            .is_none()
            && page
                .number("crossdock_outbox_oldest_seconds", &SHOP)
                .is_none();
        gone.then_some(())
    })
    .await;
    let page = page(&client).await;
    assert_eq!(
        page.number("crossdock_calls_total", &keyed("queued", "none")),
        Some(3.0)
    );
    assert_eq!(
        page.number("crossdock_items_total", &keyed("accepted", "none")),
        Some(2.0)
    );
    assert_eq!(
        page.sum("crossdock_items_total", &[("status", "unknown")]),
        1.0
    );
    let again = shop(&[("operation", "keyed"), ("why", "again")]);
    assert!(page.sum("crossdock_items_postponed_total", &again) >= 1.0);
    assert_eq!(page.sum("crossdock_outbox_wait_seconds_count", &SHOP), 3.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_throttles_is_counted() {
    let throttled = r#"{"outcome":"throttled","after_ms":60000}"#;
    let platform = Recorder::answering(move |_| Reply::json(throttled)).await;
    let bed = bed(&platform, "", "limits = { attempts = 1 }\n");
    let host = serve(&bed).await;
    let client = host.client();
    call(&client, r#"{"sku":"1","repeatable":true}"#).await;
    let page = page(&client).await;
    assert_eq!(page.number("crossdock_throttles_total", &SHOP), Some(1.0));
    let paused = shop(&[("state", "paused")]);
    assert_eq!(
        page.number("crossdock_connection_state", &paused),
        Some(1.0)
    );
    let allowed = page.number("crossdock_connection_requests_allowed", &SHOP);
    // It lets fewer leave at once.
    assert!(allowed.is_some_and(|allowed| allowed < 4.0), "{allowed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_bound_are_counted_as_other() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "[telemetry]\nmetrics_connections = 1\n", "");
    put_tenant(&bed, &platform, "zeta", "");
    let host = serve(&bed).await;
    let client = host.client();
    for tenant in ["acme", "zeta"] {
        until_async("both to serve", async || {
            let path = format!("/v1/{tenant}/shop/keyed");
            client.post(&path, r#"{"sku":"1"}"#).await.ok()
        })
        .await;
    }
    let page = page(&client).await;
    assert_eq!(
        page.number("crossdock_connections_counted_as_other", &[]),
        Some(1.0)
    );
    let of = |tenant| {
        let labels = [("tenant", tenant), ("status", "accepted")];
        page.sum("crossdock_calls_total", &labels)
    };
    assert_eq!(of("other"), 1.0);
    assert_eq!(of("acme") + of("zeta"), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn reloads_and_generations_are_counted() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "", "");
    let host = serve(&bed).await;
    let client = host.client();
    let reloads = async |of: &str, result: &str| {
        let page = page(&client).await;
        page.number("crossdock_reloads_total", &[("of", of), ("result", result)])
    };
    let served = reloads("tenant", "accepted").await.unwrap();
    bed.put_tenant("acme", "tenant.toml", "nonsense");
    until_async("the refusal to be counted", async || {
        (reloads("tenant", "refused").await? >= 1.0).then_some(())
    })
    .await;
    put_tenant(&bed, &platform, "acme", "limits = { attempts = 7 }\n");
    until_async("the change to be counted", async || {
        (reloads("tenant", "accepted").await? > served).then_some(())
    })
    .await;
    let page = page(&client).await;
    let generation = [("plugin", "test-adapter"), ("kind", "adapter")];
    assert_eq!(
        page.number("crossdock_plugin_generation", &generation),
        Some(1.0)
    );
    let plugins = |state| page.number("crossdock_plugins", &[("state", state)]);
    assert_eq!(
        (plugins("serving"), plugins("refused")),
        (Some(2.0), Some(0.0))
    );
    assert_eq!(reloads("plugin", "accepted").await, Some(2.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_has_every_metric_of_the_catalogue_and_no_other() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "", "");
    let host = serve(&bed).await;
    let client = host.client();
    call(&client, r#"[{"sku":"1"},{"sku":"2"}]"#).await;
    let id = queue(&client, r#"{"sku":"1"}"#).await;
    item_is(&client, &id, "accepted").await;
    let page = page(&client).await;
    let here: BTreeSet<(&str, &str)> = page
        .kinds
        .iter()
        .map(|(name, kind)| (&**name, &**kind))
        .collect();
    let linux = cfg!(target_os = "linux");
    let all = catalogue::ALL.iter();
    let all = all.filter(|about| linux || !about.name.starts_with("process_"));
    let all: BTreeSet<(&str, &str)> = all.map(|about| (about.name, about.kind.as_str())).collect();
    assert_eq!(here, all);
    for about in catalogue::ALL {
        let known: BTreeSet<String> = about.labels.iter().map(|l| (*l).to_owned()).collect();
        let mut found = page.labels_of(about.name);
        found.remove("le");
        assert!(found.is_subset(&known), "{}: {found:?}", about.name);
    }
    if linux {
        let resident = page.number("process_resident_memory_bytes", &[]);
        assert!(resident.is_some_and(|bytes| bytes > 1e6));
    }
    let memory = page.number("crossdock_calls_memory_limit_bytes", &[]);
    assert_eq!(memory, Some(512.0 * 1024.0 * 1024.0));
    let warm = page.number("crossdock_warm_instances", &[("kind", "adapter")]);
    assert!(warm.is_some_and(|warm| warm >= 1.0), "{warm:?}");
}
