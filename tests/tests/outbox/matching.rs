//! Lists, exports and what is done with everything that matches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossdock_tests::process::run;
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::until_async;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::setting::{bed, ended, item_is, put_tenant, queue, serve, show};

/// Refuses whatever is bad, as long as it is closed.
async fn refusing() -> (Recorder, Arc<AtomicBool>) {
    let open = Arc::new(AtomicBool::new(false));
    let gate = open.clone();
    let platform = Recorder::answering(move |request| {
        match request.text().contains("bad") && !gate.load(Ordering::Relaxed) {
            true => Reply::json(r#"{"outcome":"rejected","code":"E1","message":"no"}"#),
            false => Reply::json("{}"),
        }
    })
    .await;
    (platform, open)
}

fn labels(items: &[Value]) -> Vec<&str> {
    let labels = items.iter().map(|item| item["label"].as_str().unwrap());
    labels.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_found_by_everything_that_is_known_of_them_and_exported_by_the_same() {
    let (platform, _) = refusing().await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    for sku in ["good 1", "bad 1", "bad 2"] {
        let id = queue(&client, &format!("{{\n\"sku\":\"{sku}\"}}")).await;
        ended(&client, &id).await;
    }
    for (query, expected) in [
        ("", &["bad 2", "bad 1", "good 1"][..]),
        ("status=rejected", &["bad 2", "bad 1"]),
        (
            "status=rejected&status=accepted&label=1",
            &["bad 1", "good 1"],
        ),
        (
            "code=E1&blame=platform&operation=keyed",
            &["bad 2", "bad 1"],
        ),
        ("blame=script", &[]),
        (
            "since=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00%2B08:00",
            &["bad 2", "bad 1", "good 1"],
        ),
        ("since=2100-01-01T00:00:00Z", &[]),
        ("until=1700000000000", &[]),
        ("connection=other", &[]),
    ] {
        let listed = client
            .get(&format!("/v1/acme/deliveries?{query}"))
            .await
            .unwrap();
        assert_eq!(
            labels(listed["items"].as_array().unwrap()),
            expected,
            "{query}"
        );
        let lines = client
            .lines(&format!("/v1/acme/deliveries/export?{query}"))
            .await
            .unwrap();
        assert_eq!(labels(&lines), expected, "{query}");
        for line in lines {
            assert_eq!(line["input"]["sku"], line["label"], "{line}");
        }
    }
    let mut seen = Vec::new();
    let mut path = "/v1/acme/deliveries?limit=2".to_owned();
    loop {
        let page = client.get(&path).await.unwrap();
        seen.extend(
            labels(page["items"].as_array().unwrap())
                .into_iter()
                .map(str::to_owned),
        );
        let Some(next) = page["next"].as_u64() else {
            break;
        };
        path = format!("/v1/acme/deliveries?limit=2&before={next}");
    }
    assert_eq!(seen, ["bad 2", "bad 1", "good 1"]);
    for query in [
        "status=broken",
        "blame=nobody",
        "since=yesterday",
        "since=5",
        "until=1700000000",
        "label=",
        "connection=",
        "operation=+",
        "code=",
        "limit=0",
        "tenant=acme",
        "states=failed",
    ] {
        for path in ["", "/export"] {
            let path = format!("/v1/acme/deliveries{path}?{query}");
            let (status, answer) = client.send(Method::GET, &path, None).await.unwrap();
            assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {answer}");
            assert_eq!(answer["code"], "invalid-query");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_many_records_is_whole() {
    const RECORDS: usize = 700;
    let (platform, _) = refusing().await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    let pad = "x".repeat(2_000);
    let body: Vec<String> = (0..RECORDS)
        .map(|n| format!(r#"{{"sku":"{n}","mode":"adjust","pad":"{pad}"}}"#))
        .collect();
    queue(&client, &format!("[{}]", body.join(","))).await;
    let lines = client.lines("/v1/acme/deliveries/export").await.unwrap();
    let mut numbers: Vec<usize> = lines
        .iter()
        .map(|line| line["input"]["sku"].as_str().unwrap().parse().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..RECORDS).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_matches_is_shown_then_retried_and_nothing_else() {
    let (platform, open) = refusing().await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    let records: Vec<String> = (0..120)
        .map(|n| format!(r#"{{"sku":"bad {n}"}}"#))
        .collect();
    let id = queue(&client, &format!("[{}]", records.join(","))).await;
    let good = queue(&client, r#"{"sku":"good"}"#).await;
    ended(&client, &good).await;
    assert_eq!(ended(&client, &id).await["status"], "rejected");
    let before = platform.count();
    let dry = client
        .post("/v1/acme/deliveries/retry?status=rejected&dry_run=true", "")
        .await
        .unwrap();
    assert_eq!(
        (&dry["dry_run"], &dry["changed"]),
        (&true.into(), &120.into())
    );
    assert_eq!(dry["sends"].as_array().unwrap().len(), 1, "{dry}");
    let sends = &dry["sends"][0];
    assert_eq!(
        (&sends["connection"], &sends["operation"]),
        (&"shop".into(), &"keyed".into())
    );
    // Of the first hundred is shown what would be sent, the oldest first.
    assert_eq!(sends["of"].as_array().unwrap().len(), 100);
    assert_eq!(sends["of"][0]["index"], 20);
    assert_eq!(sends["run"]["requests"].as_array().unwrap().len(), 100);
    assert!(
        sends["run"]["requests"][0]["body"]
            .as_str()
            .unwrap()
            .contains("bad 20")
    );
    assert_eq!(platform.count(), before);
    assert_eq!(show(&client, &id).await["status"], "rejected");

    open.store(true, Ordering::Relaxed);
    let path = "/v1/acme/deliveries/retry?status=rejected&label=bad+1";
    let done = client.post(path, "").await.unwrap();
    // 1, 10 to 19 and 100 to 119.
    assert_eq!(
        (&done["changed"], &done["left"]),
        (&31.into(), &0.into()),
        "{done}"
    );
    assert_eq!(done["next"], Value::Null);
    let rest = "/v1/acme/deliveries?status=rejected&limit=1000";
    until_async("these to be delivered", async || {
        let shown = show(&client, &id).await;
        (shown["status"] == "partial").then_some(())
    })
    .await;
    let left = client.get(rest).await.unwrap();
    assert_eq!(left["items"].as_array().unwrap().len(), 120 - 31);

    let would = "/v1/acme/deliveries/discard?status=rejected&reason=old&dry_run=true";
    let would = client.post(would, "").await.unwrap();
    assert_eq!(
        (&would["dry_run"], &would["changed"]),
        (&true.into(), &89.into())
    );
    let done = "/v1/acme/deliveries/discard?status=rejected&reason=old";
    assert_eq!(client.post(done, "").await.unwrap()["changed"], 89);
    let shown = show(&client, &id).await;
    // A person gave some up: not everything arrived.
    assert_eq!(shown["status"], "partial", "{shown}");
    assert_eq!(shown["items"][0]["message"], "old", "{shown}");
    for query in [
        "",
        "label=bad",
        "status=accepted",
        "status=sending",
        "status=broken",
        "status=discarded&label=",
        "status=unknown&label=",
        "status=unknown&connection=",
        "status=unknown&operation=",
        "status=unknown&code=",
        "status=unknown&since=5",
    ] {
        for act in ["retry?", "discard?reason=x&"] {
            let path = format!("/v1/acme/deliveries/{act}{query}");
            let (status, answer) = client.send(Method::POST, &path, None).await.unwrap();
            assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_of_which_nothing_arrived_is_not_called_accepted() {
    let platform =
        Recorder::answering(|_| Reply::json(r#"{"outcome":"retry","after_ms":600000}"#)).await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    let record = |quantity: u32| {
        format!(r#"{{"sku":"a","quantity":{quantity},"mode":"set","repeatable":true}}"#)
    };
    let first = queue(&client, &record(1)).await;
    until_async("it to be tried", async || {
        let item = show(&client, &first).await["items"][0].clone();
        (item["status"] == "queued" && item["attempts"] == 1).then_some(())
    })
    .await;
    let second = queue(&client, &record(2)).await;
    item_is(&client, &first, 0, "superseded").await;
    assert_eq!(show(&client, &first).await["status"], "superseded");
    let path = format!("/v1/acme/deliveries/{second}/items/0/discard?reason=sold+out");
    assert_eq!(client.post(&path, "").await.unwrap()["changed"], 1);
    assert_eq!(show(&client, &second).await["status"], "discarded");
    // Nothing is left to do with either.
    for id in [&first, &second] {
        let path = format!("/v1/acme/deliveries/{id}/items/0/retry");
        let (status, answer) = client.send(Method::POST, &path, None).await.unwrap();
        assert_eq!(status, StatusCode::CONFLICT, "{answer}");
        assert_eq!(answer["code"], "not-open", "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_serves_now_and_which_record_a_newer_one_replaces() {
    let (platform, _) = refusing().await;
    let bed = bed(&platform, "");
    let mapped = "mappings.keyed = \"map.jq\"\n";
    bed.put_tenant("acme", "map.jq", ". + {via: \"one\"}");
    put_tenant(&bed, &platform, mapped);
    let host = serve(&bed).await;
    let client = host.client();
    let id = queue(&client, r#"{"sku":"bad","mode":"set"}"#).await;
    assert_eq!(ended(&client, &id).await["status"], "rejected");
    let path = format!("/v1/acme/deliveries/{id}/items/0/retry?dry_run=true");
    let body = async || {
        let dry = client.post(&path, "").await.unwrap();
        dry["sends"][0]["run"]["requests"][0]["body"]
            .as_str()
            .map(str::to_owned)
    };
    assert!(body().await.unwrap().contains(r#""via":"one""#));
    bed.put_tenant("acme", "map.jq", ". + {via: \"two\"}");
    until_async("the new script to be used", async || {
        body().await.filter(|body| body.contains(r#""via":"two""#))
    })
    .await;
    bed.put_tenant("acme", "map.jq", "error(\"not today\")");
    let failed = until_async("the script to fail", async || {
        let dry = client.post(&path, "").await.unwrap();
        let item = dry["sends"][0]["run"]["items"][0].clone();
        item.is_object().then_some(item)
    })
    .await;
    assert_eq!(failed["blame"], "script", "{failed}");
    assert_eq!(platform.count(), 1);
    assert_eq!(show(&client, &id).await["status"], "rejected");
    let elsewhere =
        crossdock_tests::bed::connection("other", "test-adapter", &platform.base_url(), "");
    bed.put_tenant("acme", "tenant.toml", &elsewhere);
    let gone = until_async("the connection to be gone", async || {
        let dry = client.post(&path, "").await.unwrap();
        let problem = dry["sends"][0]["problem"].clone();
        problem.is_object().then_some(problem)
    })
    .await;
    assert_eq!(gone["code"], "unknown-connection", "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_a_newer_one_would_replace_is_named_by_the_dry_run() {
    let calls = Arc::new(AtomicBool::new(true));
    let first = calls.clone();
    let platform = Recorder::answering(move |_| match first.swap(false, Ordering::Relaxed) {
        true => Reply::json(r#"{"outcome":"rejected","code":"E1","message":"no"}"#),
        false => Reply::json(r#"{"outcome":"retry","after_ms":600000}"#),
    })
    .await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    let record = r#"{"sku":"a","mode":"set","repeatable":true}"#;
    let old = queue(&client, record).await;
    assert_eq!(ended(&client, &old).await["status"], "rejected");
    let new = queue(&client, record).await;
    let number = show(&client, &new).await["items"][0]["id"].clone();
    let path = format!("/v1/acme/deliveries/{old}/retry?dry_run=true");
    let dry = client.post(&path, "").await.unwrap();
    assert_eq!(dry["superseded"][0]["superseded_by"], number, "{dry}");
    let successor = serde_json::json!({"delivery": new, "index": 0});
    assert_eq!(dry["superseded"][0]["delivery"], old.as_str());
    assert_eq!(dry["superseded"][0]["successor"], successor);
    assert_eq!(dry["sends"].as_array().unwrap().len(), 0, "{dry}");
    let done = client
        .post(&format!("/v1/acme/deliveries/{old}/retry"), "")
        .await
        .unwrap();
    // It is done with, and does not go again.
    assert_eq!(
        done,
        serde_json::json!({"changed": 1, "superseded": 1, "left": 0})
    );
    let item = item_is(&client, &old, 0, "superseded").await;
    assert_eq!(
        (&item["superseded_by"], &item["successor"]),
        (&number, &successor)
    );
    let listed = client
        .get("/v1/acme/deliveries?status=superseded")
        .await
        .unwrap();
    assert_eq!(listed["items"][0]["successor"], successor, "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_would_overwrite_what_was_delivered_later_is_named_by_the_dry_run() {
    let (platform, _) = refusing().await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    let record =
        |sku: &str, note: &str| format!(r#"{{"sku":"{sku}","mode":"set","note":"{note}"}}"#);
    let old = queue(&client, &record("a", "bad")).await;
    let alone = queue(&client, &record("b", "bad")).await;
    for id in [&old, &alone] {
        assert_eq!(ended(&client, id).await["status"], "rejected");
    }
    let path = "/v1/acme/deliveries/retry?status=rejected&dry_run=true";
    let dry = client.post(path, "").await.unwrap();
    assert!(dry.get("overwrites").is_none(), "{dry}");
    let new = queue(&client, &record("a", "good")).await;
    let shown = ended(&client, &new).await;
    assert_eq!(shown["status"], "accepted");
    let dry = client.post(path, "").await.unwrap();
    assert_eq!(
        dry["overwrites"],
        serde_json::json!([{
            "delivery": old, "index": 0,
            "newer": {"delivery": new, "index": 0, "accepted_ms": shown["accepted_ms"]},
        }])
    );
    assert!(dry.get("overwrites_incomplete").is_none(), "{dry}");
    // Nothing is kept back for it: a person decides.
    assert_eq!(dry["sends"][0]["of"].as_array().unwrap().len(), 2, "{dry}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sees_and_mends_what_is_of_all_tenants_and_a_tenant_does_not() {
    let (platform, open) = refusing().await;
    let bed = bed(&platform, "");
    let folder = bed.path("");
    let token = async || run(&folder, &["token", "new", "--json"]).await.json();
    let (admin, acme, other) = (token().await, token().await, token().await);
    let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
    bed.configure(&format!("server.admin_tokens = [{}]\n", admin["hash"]));
    for (tenant, token) in [("acme", &acme), ("other", &other)] {
        let shop =
            crossdock_tests::bed::connection("shop", "test-adapter", &platform.base_url(), "");
        let file = format!("tokens = [{}]\n{shop}", token["hash"]);
        bed.put_tenant(tenant, "tenant.toml", &file);
    }
    let host = crossdock_tests::process::Serving::start(&folder).await;
    let as_admin = host.client().with_token(text(&admin, "token"));
    let mut ids = Vec::new();
    for (tenant, token) in [("acme", &acme), ("other", &other)] {
        let client = host.client().with_token(text(token, "token"));
        let path = format!("/v1/{tenant}/shop/keyed?queue=true");
        let queued = until_async("the tenant to serve", async || {
            client.post(&path, r#"{"sku":"bad"}"#).await.ok()
        })
        .await;
        let id = text(&queued, "delivery");
        let path = format!("/v1/deliveries/{id}");
        until_async("it to be refused", async || {
            let shown = as_admin.get(&path).await.unwrap();
            assert_eq!(shown["tenant"], tenant);
            (shown["status"] == "rejected").then_some(())
        })
        .await;
        ids.push(id);
        // What is of all is none of a tenant's business.
        for path in ["/v1/deliveries".to_owned(), path] {
            let (status, _) = client.send(Method::GET, &path, None).await.unwrap();
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
        }
    }
    let listed = as_admin
        .get("/v1/deliveries?status=rejected")
        .await
        .unwrap();
    let tenants: Vec<&str> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["tenant"].as_str().unwrap())
        .collect();
    assert_eq!(tenants, ["other", "acme"]);
    let lines = as_admin
        .lines("/v1/deliveries/export?tenant=acme")
        .await
        .unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["tenant"], "acme");
    // A tenant cannot touch another's by its id, nor the administrator's token
    // open the tenant's door.
    let as_acme = host.client().with_token(text(&acme, "token"));
    for path in ["", "/items/0"] {
        let path = format!("/v1/acme/deliveries/{}{path}", ids[1]);
        let (status, answer) = as_acme.send(Method::GET, &path, None).await.unwrap();
        assert_eq!(
            (status, &answer["code"]),
            (StatusCode::NOT_FOUND, &"unknown-delivery".into())
        );
    }
    for act in ["retry?", "discard?reason=x", "edit?reason=x"] {
        let path = format!("/v1/acme/deliveries/{}/items/0/{act}", ids[1]);
        let (status, answer) = as_acme.send(Method::POST, &path, Some("{}")).await.unwrap();
        assert_eq!(
            (status, &answer["code"]),
            (StatusCode::NOT_FOUND, &"unknown-delivery".into())
        );
    }
    let (status, _) = as_admin
        .send(Method::GET, "/v1/acme/deliveries", None)
        .await
        .unwrap();
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    for (path, code) in [
        ("/v1/deliveries/x", "unknown-delivery".to_owned()),
        (
            &format!("/v1/deliveries/{}/items/7", ids[0]),
            "unknown-item".to_owned(),
        ),
    ] {
        let (status, answer) = as_admin.send(Method::GET, path, None).await.unwrap();
        assert_eq!(
            (status, answer["code"].as_str()),
            (StatusCode::NOT_FOUND, Some(&*code))
        );
    }

    open.store(true, Ordering::Relaxed);
    let done = as_admin
        .post("/v1/deliveries/retry?status=rejected&tenant=acme", "")
        .await
        .unwrap();
    assert_eq!(done["changed"], 1, "{done}");
    let done = as_admin
        .post(&format!("/v1/deliveries/{}/items/0/retry", ids[1]), "")
        .await
        .unwrap();
    assert_eq!(done["changed"], 1, "{done}");
    for id in &ids {
        until_async("it to be delivered", async || {
            let shown = as_admin.get(&format!("/v1/deliveries/{id}")).await.unwrap();
            (shown["status"] == "accepted").then_some(())
        })
        .await;
    }
}
