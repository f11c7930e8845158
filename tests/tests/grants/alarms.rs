//! What somebody has to know of: in the log, in metrics, in `/readyz`, in events and in
//! messages, long before a token is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossdock_stand_ins::{Misbehaviour, Times};
use crossdock_tests::client::Client;
use crossdock_tests::grants::{self, Shops, Way, credentials};
use crossdock_tests::listener::Stream;
use crossdock_tests::recorder::{Recorded, Recorder, Reply};
use crossdock_tests::wait::{until, until_async};
use serde_json::Value;

use super::{living, nothing_shows, ready, said, until_state};

const HOUR: u64 = 3_600_000;

const EVENTS: &str = "/v1/acme/connections/events";

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// `[notify]` to a receiver.
fn notify(shops: &Shops, receiver: &Recorder) {
    shops.bed.put_tenant("acme", "webhook.secret", SECRET);
    let url = receiver.base_url();
    shops.tell(&format!(
        "[notify]\nurl = \"{url}/hook\"\nsecret = {{ file = \"webhook.secret\" }}\nallow_private = true\n"
    ));
}

/// A message's id and body, after its signature was checked with nothing of the host's.
fn verified(message: &Recorded) -> (String, Value) {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use hmac::{Hmac, KeyInit, Mac};

    let header = |name: &str| message.header(name).expect(name).to_owned();
    let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
    let key = STANDARD.decode(&SECRET["whsec_".len()..]).unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{at}.{}", message.text()).as_bytes());
    let expected = STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{expected}"));
    let body: Value = serde_json::from_slice(&message.body).expect("JSON");
    assert_eq!(
        (&body["type"], &body["data"]["tenant"]),
        (&"credentials.changed".into(), &"acme".into())
    );
    (id, body)
}

/// The states that messages tell of a connection, in their order.
fn messages(receiver: &Recorder) -> Vec<String> {
    let mut states = Vec::new();
    for message in receiver.requests() {
        let (_, body) = verified(&message);
        for event in body["data"]["events"].as_array().expect("events") {
            assert_eq!(event["connection"], "shop");
            states.push(event["state"].as_str().expect("a state").to_owned());
        }
    }
    states
}

async fn next(stream: &mut Stream) -> Value {
    let told = stream.next().await.expect("an event");
    assert_eq!(told.name, "");
    told.data.expect("how it is")
}

/// Has the host try to renew, which fails.
async fn fail_to_renew(host: &Client) {
    let renewed = host.post(&credentials("shop", "/renew"), "{}").await;
    assert!(renewed.is_err(), "{renewed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_fails_is_told_everywhere_long_before_the_end() {
    let receiver = Recorder::start().await;
    let shops = Shops::new(living(HOUR), &[Way::Code], "");
    notify(&shops, &receiver);
    let serving = ready(&shops, &[Way::Code]).await;
    let host = serving.client();
    // Nobody had authorized it, and somebody did.
    let mut stream = Stream::open(&serving.base_url, &format!("{EVENTS}?from=oldest"), None).await;
    assert_eq!(next(&mut stream).await["state"], "missing");
    assert_eq!(next(&mut stream).await["state"], "ready");
    let only = format!("{EVENTS}?connection=shop&state=failing");
    let mut only = Stream::open(&serving.base_url, &only, None).await;

    let down = Misbehaviour::Http500;
    shops.stand_ins.misbehave("oauth", down, Times::Always);
    fail_to_renew(&host).await;
    let told = next(&mut stream).await;
    assert_eq!(
        (&told["tenant"], &told["connection"], &told["state"]),
        (&"acme".into(), &"shop".into(), &"failing".into()),
        "{told}"
    );
    assert!(told["failure"]["message"].is_string(), "{told}");
    let at = told["at_ms"].as_u64().expect("a time");
    let left = told["expires_ms"].as_u64().expect("an end") - at;
    assert!(left > HOUR / 2, "only {left} ms are left");
    assert_eq!(next(&mut only).await, told);
    until("the message", || {
        (messages(&receiver).last()? == "failing").then_some(())
    })
    .await;
    let (_, _, readiness) = host.text("/readyz").await.expect("readiness");
    assert!(readiness.contains("1 are `failing`"), "{readiness}");
    let (_, _, metrics) = host.text("/metrics").await.expect("metrics");
    let line = "crossdock_grants{state=\"failing\"} 1";
    assert!(metrics.lines().any(|it| it == line), "{metrics}");
    // What there is goes on.
    let (status, _) = grants::deliver(&host, "shop", 1, 1)
        .await
        .expect("an answer");
    assert_eq!(status, "accepted");

    shops.stand_ins.behave("oauth");
    let place = stream.last.clone();
    let told = next(&mut stream).await;
    assert_eq!(told["state"], "ready", "{told}");
    assert!(told.get("failure").is_none(), "{told}");
    let mut again = Stream::open(&serving.base_url, EVENTS, place.as_deref()).await;
    assert_eq!(next(&mut again).await, told);
    until("the message", || {
        (messages(&receiver).last()? == "ready").then_some(())
    })
    .await;
    until_async("the host to be well", async || {
        let (_, _, readiness) = host.text("/readyz").await.ok()?;
        (!readiness.contains("credentials")).then_some(())
    })
    .await;
    let messages = receiver.requests();
    let messages: Vec<String> = messages.iter().map(Recorded::text).collect();
    let said = said(&host, "shop").await;
    nothing_shows(&shops, &[&said, &messages.join("\n"), &told.to_string()]);
    serving.terminate().await;
    let log = serving.ended().await.stderr;
    assert!(
        log.contains("cannot be renewed; it is tried again"),
        "{log}"
    );
    nothing_shows(&shops, &[&log]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_down_hears_how_it_is_now_and_so_does_one_after_a_restart() {
    let down = Arc::new(AtomicBool::new(true));
    let is_down = down.clone();
    let receiver = Recorder::answering(move |_| match is_down.load(Ordering::Relaxed) {
        true => Reply::text(503, "not now"),
        false => Reply::text(204, ""),
    })
    .await;
    let shops = Shops::new(living(HOUR), &[Way::Code], "");
    notify(&shops, &receiver);
    let serving = ready(&shops, &[Way::Code]).await;
    let host = serving.client();
    until("a message", || (receiver.count() > 0).then_some(())).await;
    shops.stand_ins.oauth().revoke(Way::Code.client());
    fail_to_renew(&host).await;
    until_state(&host, "shop", "needs-person").await;
    until("the newest to be tried", || {
        (messages(&receiver).last()? == "needs-person").then_some(())
    })
    .await;
    let refused = receiver.count();
    down.store(false, Ordering::Relaxed);
    until("it to be taken", || {
        (receiver.count() > refused).then_some(())
    })
    .await;
    assert_eq!(messages(&receiver)[refused..], ["needs-person"]);
    // The same message has the same id, however often it is tried.
    let requests = receiver.requests();
    let of_that = requests.iter().map(verified);
    let of_that = of_that.filter(|(_, body)| body["data"]["events"][0]["state"] == "needs-person");
    let ids: std::collections::BTreeSet<String> = of_that.map(|(id, _)| id).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");

    // A host that starts tells what somebody has to see to, and not that the rest is well.
    serving.kill().await;
    let taken = receiver.count();
    let serving = crossdock_tests::process::Serving::start(&shops.bed.path("")).await;
    until("it to be told anew", || {
        (receiver.count() > taken).then_some(())
    })
    .await;
    assert_eq!(messages(&receiver)[taken..], ["needs-person"]);
    grants::authorise(&serving.client(), &serving.base_url, "shop")
        .await
        .expect("a new grant");
    until("the message", || {
        (messages(&receiver).last()? == "ready").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_credentials_is_its_tenants_and_its_ids_are_no_others() {
    let shops = Shops::new(living(HOUR), &[Way::Code], "");
    let serving = ready(&shops, &[Way::Code]).await;
    let mut stream = Stream::open(&serving.base_url, &format!("{EVENTS}?from=oldest"), None).await;
    next(&mut stream).await;
    let place = stream.last.clone();
    for path in ["/v1/acme/flows/events", "/v1/acme/deliveries/events"] {
        let refused = Stream::ask(&serving.base_url, path, place.as_deref()).await;
        let (status, problem) = refused.err().expect("no stream");
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (400, &"unknown-event".into())
        );
    }
    for (path, status) in [
        ("/v1/nobody/connections/events", 404),
        ("/v1/acme/connections/events?state=well", 400),
    ] {
        let refused = Stream::ask(&serving.base_url, path, None).await;
        let (answered, problem) = refused.err().expect("no stream");
        assert_eq!(answered.as_u16(), status, "{problem}");
    }
    // A host after this one has none of its events.
    serving.kill().await;
    let serving = crossdock_tests::process::Serving::start(&shops.bed.path("")).await;
    until_async("the tenant", async || {
        Stream::ask(&serving.base_url, EVENTS, None).await.ok()
    })
    .await;
    let mut stream = Stream::open(&serving.base_url, EVENTS, place.as_deref()).await;
    let told = stream.next().await.expect("an event");
    assert_eq!(told.name, "missed");
}
