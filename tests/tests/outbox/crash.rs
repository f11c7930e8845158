//! A host that is killed: what was accepted is delivered, and what must not be
//! repeated is not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossdock_tests::process::run;
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::{until, until_async};
use serde_json::Value;

use crate::setting::{bed, ended, item_is, queue, serve};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_accepted_is_lost_however_often_the_host_is_killed() {
    const ROUNDS: usize = 5;
    const EACH: usize = 40;
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    let mut accepted = Vec::new();
    for round in 0..ROUNDS {
        let host = serve(&bed).await;
        let client = host.client();
        for number in 0..EACH {
            let sku = round * EACH + number;
            let body = format!(r#"{{"sku":"s{sku}","repeatable":true}}"#);
            accepted.push(queue(&client, &body).await);
        }
        host.kill().await;
    }
    let host = serve(&bed).await;
    let client = host.client();
    for id in &accepted {
        assert_eq!(ended(&client, id).await["status"], "accepted");
    }
    let mut arrived: BTreeMap<String, usize> = BTreeMap::new();
    for request in platform.requests() {
        *arrived.entry(request.text()).or_default() += 1;
    }
    assert_eq!(arrived.len(), ROUNDS * EACH);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_repeated_and_was_under_way_is_unknown_and_stays_so() {
    let hangs = Arc::new(AtomicBool::new(true));
    let hanging = hangs.clone();
    let platform = Recorder::answering(move |_| match hanging.load(Ordering::Relaxed) {
        true => Reply::json("{}").after(Duration::from_secs(60)),
        false => Reply::json("{}"),
    })
    .await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    let once = queue(&client, r#"{"sku":"1","mode":"adjust"}"#).await;
    let again = queue(&client, r#"{"sku":"2","repeatable":true}"#).await;
    until("both to be under way", || {
        (platform.count() == 2).then_some(())
    })
    .await;
    item_is(&client, &once, 0, "sending").await;
    host.kill().await;
    hangs.store(false, Ordering::Relaxed);

    let host = serve(&bed).await;
    let client = host.client();
    assert_eq!(ended(&client, &again).await["status"], "accepted");
    let shown = ended(&client, &once).await;
    assert_eq!(shown["status"], "unknown", "{shown}");
    let item = &shown["items"][0];
    assert_eq!(
        (&item["code"], &item["blame"]),
        (&"host-ended".into(), &"host".into())
    );
    // What came behind it goes on, and it does not leave by itself.
    let next = queue(&client, r#"{"sku":"1","mode":"adjust"}"#).await;
    assert_eq!(ended(&client, &next).await["status"], "accepted");
    assert_eq!(platform.count(), 4);
    // A person who has looked may send it again.
    let path = format!("/v1/acme/deliveries/{once}/retry");
    let done = client.post(&path, "").await.unwrap();
    assert_eq!(done["changed"], 1, "{done}");
    assert_eq!(ended(&client, &once).await["status"], "accepted");
    assert_eq!(platform.count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_request_that_must_not_be_repeated_is_known_after_a_kill() {
    let platform = Recorder::answering(|_| Reply::json("{}").after(Duration::from_secs(60))).await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    let call = tokio::spawn(async move { client.post("/v1/acme/shop/echo", r#"{"id":7}"#).await });
    until("the call to be under way", || {
        (platform.count() == 1).then_some(())
    })
    .await;
    host.kill().await;
    assert!(call.await.unwrap().is_err());

    let host = serve(&bed).await;
    let client = host.client();
    let items = until_async("it to be listed", async || {
        let listed = client
            .get("/v1/acme/deliveries?status=unknown")
            .await
            .ok()?;
        let items = listed["items"].as_array()?.clone();
        (items.len() == 1).then_some(items)
    })
    .await;
    assert_eq!(items[0]["operation"], "echo");
    assert_eq!(items[0]["code"], "host-ended");
    assert_eq!(platform.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_on_one_data_folder_are_refused() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    let _host = serve(&bed).await;
    let second = run(&bed.path(""), &["serve", "--listen", "127.0.0.1:0"]).await;
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(
        second.stderr.contains("another host uses this outbox"),
        "{second:?}"
    );
    assert!(second.stderr.contains("outbox.lock"), "{second:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_is_read_back_where_the_platform_can_be_asked() {
    // By the article: what the platform says of the request that was lost.
    let platform = Recorder::answering(|request| match &*request.target {
        target if !target.starts_with("/read-back") => {
            Reply::json("{}").after(Duration::from_secs(600))
        }
        target if target.contains("applied") => Reply::json("{}"),
        target if target.contains("lost") => Reply::json(r#"{"outcome":"retry"}"#),
        target if target.contains("open") => {
            Reply::json(r#"{"outcome":"unknown","code":"no-trace"}"#)
        }
        _ => Reply::text(404, "no"),
    })
    .await;
    let bed = bed(&platform, "");
    let mut text = String::new();
    let names = ["applied", "lost", "open", "moved", "called"];
    let put = |text: &mut String, name: &str, path: &str| {
        let more = format!(
            "settings = {{ mode = \"read-back\", path = \"{path}\" }}\n\
             limits = {{ timeout_ms = 600000 }}\noutbox = {{ gather_ms = 0 }}\n"
        );
        *text +=
            &crossdock_tests::bed::connection(name, "test-adapter", &platform.base_url(), &more);
    };
    text += &crossdock_tests::bed::connection("shop", "test-adapter", &platform.base_url(), "");
    for name in names {
        put(
            &mut text,
            name,
            &format!("/{}", name.replace("called", "applied-call")),
        );
    }
    bed.put_tenant("acme", "tenant.toml", &text);
    let host = serve(&bed).await;
    let client = host.client();
    let mut ids = BTreeMap::new();
    for name in &names[..4] {
        let path = format!("/v1/acme/{name}/keyed?queue=true");
        let answer = client.post(&path, r#"{"sku":"1"}"#).await.unwrap();
        ids.insert(*name, answer["delivery"].as_str().unwrap().to_owned());
    }
    let caller = client.clone();
    let call =
        tokio::spawn(async move { caller.post("/v1/acme/called/keyed", r#"{"sku":"1"}"#).await });
    until("all to be under way", || {
        (platform.count() == 5).then_some(())
    })
    .await;
    host.kill().await;
    assert!(call.await.unwrap().is_err());
    // A request that went elsewhere is not asked about here.
    let moved = text.replace("path = \"/moved\"", "path = \"/moved-applied\"");
    bed.put_tenant("acme", "tenant.toml", &moved);

    let host = serve(&bed).await;
    let client = host.client();
    for (name, expected, code) in [
        ("applied", "accepted", Value::Null),
        ("open", "unknown", "no-trace".into()),
        ("moved", "unknown", "host-ended".into()),
    ] {
        let shown = ended(&client, &ids[name]).await;
        assert_eq!(shown["status"], expected, "{name}: {shown}");
        assert_eq!(shown["items"][0]["code"], code, "{name}: {shown}");
    }
    // What was read is in the history of the item, behind the request that was lost.
    let path = format!("/v1/acme/deliveries/{}/items/0", ids["open"]);
    let shown = client.get(&path).await.unwrap();
    let last = &shown["history"][0];
    let requests = last["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 2, "{shown}");
    assert!(
        requests[0]["url"].as_str().unwrap().ends_with("/open"),
        "{shown}"
    );
    assert!(requests[0]["error"].is_string(), "{shown}");
    let asked = requests[1]["url"].as_str().unwrap();
    assert!(asked.contains("/read-back"), "{shown}");
    assert_eq!(requests[1]["status"], 200, "{shown}");
    assert!(
        last["answer"].as_str().unwrap().contains("no-trace"),
        "{shown}"
    );
    // What never arrived, and cannot any more, goes again.
    let sent = |target: &str| {
        let requests = platform.requests();
        requests.iter().filter(|sent| sent.target == target).count()
    };
    until("it to go again", || (sent("/lost") == 2).then_some(())).await;
    item_is(&client, &ids["lost"], 0, "sending").await;
    let listed = client
        .get("/v1/acme/deliveries?connection=called&status=accepted")
        .await
        .unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    for name in ["/applied", "/open", "/moved", "/applied-call"] {
        assert_eq!(sent(name), 1, "{name}");
    }
}
