//! Messages to where a tenant wants to hear what became of its records.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crossdock_tests::client::Client;
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::until;

use crate::setting::{bed, notify, put_tenant, queue, record, serve, serves, told, verified};

async fn queue_all(client: &Client, numbers: std::ops::Range<usize>) -> Vec<String> {
    let mut queued = Vec::new();
    for number in numbers {
        queued.push(queue(client, "acme", &record(number)).await);
    }
    queued
}

fn sorted(deliveries: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = deliveries.into_iter().collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_is_told_of_each_end_in_signed_messages_within_their_bound() {
    let platform = Recorder::start().await;
    let receiver = Recorder::start().await;
    let bed = bed(&platform, "");
    let host = serve(&bed, &["acme"]).await;
    let client = host.client();
    // What ended before anybody wanted to hear of it is not told.
    queue_all(&client, 0..5).await;
    let mut stream = crate::setting::Stream::open(
        &host.base_url,
        "/v1/acme/deliveries/events?from=oldest",
        None,
    )
    .await;
    stream.deliveries(5).await;
    host.kill().await;
    put_tenant(
        &bed,
        "acme",
        &platform,
        &notify(&bed, &receiver, "most_events = 7"),
    );
    let host = serve(&bed, &["acme"]).await;
    let client = host.client();
    listening(&client, &receiver).await;
    let records: Vec<String> = (10..60).map(record).collect();
    let id = queue(&client, "acme", &format!("[{}]", records.join(","))).await;
    let told = until("the receiver to be told of all", || {
        let told = told(&receiver.requests());
        let of_these = told.iter().flatten().filter(|told| **told == id).count();
        (of_these >= 50).then_some(told)
    })
    .await;
    let later: Vec<&Vec<String>> = told.iter().filter(|told| told.contains(&id)).collect();
    assert_eq!(later.iter().map(|told| told.len()).sum::<usize>(), 50);
    assert!(later.iter().all(|told| told.len() <= 7), "{later:?}");
    let (_, body) = verified(&receiver.last());
    assert_eq!(
        (&body["data"]["tenant"], &body["data"]["missed"]),
        (&"acme".into(), &false.into())
    );
    let event = &body["data"]["events"][0];
    assert_eq!(
        (&event["status"], &event["connection"]),
        (&"accepted".into(), &"shop".into())
    );
    assert!(body["timestamp"].as_str().unwrap().ends_with('Z'), "{body}");
}

/// Waits until a receiver hears of what ends, and has heard of all so far.
async fn listening(client: &Client, receiver: &Recorder) {
    let before = receiver.count();
    let mut probes = Vec::new();
    crossdock_tests::wait::until_async("the receiver to hear of anything", async || {
        probes.push(queue(client, "acme", r#"{"sku":"probe","repeatable":true}"#).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
        (receiver.count() > before).then_some(())
    })
    .await;
    let last = probes.last().expect("a probe");
    until("the receiver to hear of the last", || {
        let mut heard = told(&receiver.requests()).into_iter().flatten();
        heard.any(|id| id == *last).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_down_hears_of_everything_once_it_is_up() {
    let down = Arc::new(AtomicBool::new(false));
    let is_down = down.clone();
    let platform = Recorder::start().await;
    let receiver = Recorder::answering(move |_| match is_down.load(Ordering::Relaxed) {
        true => Reply::text(503, "not now").with_header("retry-after", "1"),
        false => Reply::text(204, ""),
    })
    .await;
    let bed = bed(&platform, "");
    put_tenant(&bed, "acme", &platform, &notify(&bed, &receiver, ""));
    let host = serve(&bed, &["acme"]).await;
    let client = host.client();
    listening(&client, &receiver).await;
    down.store(true, Ordering::Relaxed);
    let queued = queue_all(&client, 0..20).await;
    let refused = receiver.count();
    until("the receiver to refuse a message again", || {
        (receiver.count() > refused + 1).then_some(())
    })
    .await;
    // It is not forgotten over a kill, either.
    host.kill().await;
    let host = serve(&bed, &["acme"]).await;
    let more = queue_all(&host.client(), 20..30).await;
    down.store(false, Ordering::Relaxed);
    let all = sorted(queued.into_iter().chain(more));
    let heard = until("the receiver to hear of all", || {
        let heard: Vec<String> = told(&receiver.requests()).into_iter().flatten().collect();
        all.iter().all(|id| heard.contains(id)).then_some(heard)
    })
    .await;
    let each = heard.iter().filter(|id| all.contains(id)).count();
    assert_eq!(each, all.len(), "each is told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_taken_without_the_host_knowing_comes_again_under_its_id() {
    let hangs = Arc::new(AtomicBool::new(false));
    let hanging = hangs.clone();
    let platform = Recorder::start().await;
    let receiver = Recorder::answering(move |_| match hanging.load(Ordering::Relaxed) {
        true => Reply::json("{}").after(Duration::from_secs(60)),
        false => Reply::json("{}"),
    })
    .await;
    let bed = bed(&platform, "");
    put_tenant(&bed, "acme", &platform, &notify(&bed, &receiver, ""));
    let host = serve(&bed, &["acme"]).await;
    let client = host.client();
    listening(&client, &receiver).await;
    hangs.store(true, Ordering::Relaxed);
    let mut queued = queue_all(&client, 0..5).await;
    // Something of these is with the receiver, and the host does not know.
    let (id, first) = until("a message to be with the receiver", || {
        let requests = receiver.requests();
        requests.iter().rev().map(verified).find(|(_, body)| {
            let events = body["data"]["events"].as_array().unwrap();
            events
                .iter()
                .any(|event| event["delivery"] == queued[0].as_str())
        })
    })
    .await;
    // More has ended meanwhile.
    queued.extend(queue_all(&client, 5..10).await);
    host.kill().await;
    hangs.store(false, Ordering::Relaxed);

    let before = receiver.count();
    let host = serve(&bed, &["acme"]).await;
    queued.extend(queue_all(&host.client(), 10..12).await);
    let heard = until("the receiver to hear of all", || {
        let heard: Vec<String> = told(&receiver.requests()).into_iter().flatten().collect();
        queued.iter().all(|id| heard.contains(id)).then_some(heard)
    })
    .await;
    // `told` counts each id once, and has seen that it says the same.
    assert_eq!(
        heard.iter().filter(|id| queued.contains(id)).count(),
        queued.len()
    );
    let (again, body) = verified(&receiver.requests()[before]);
    assert_eq!(
        (again, &body["data"]["events"]),
        (id, &first["data"]["events"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_is_left_alone_until_the_setting_changes() {
    let gone = Arc::new(AtomicBool::new(false));
    let is_gone = gone.clone();
    let platform = Recorder::start().await;
    let old = Recorder::answering(move |_| match is_gone.load(Ordering::Relaxed) {
        true => Reply::text(410, "gone"),
        false => Reply::json("{}"),
    })
    .await;
    let new = Recorder::start().await;
    let bed = bed(&platform, "");
    put_tenant(&bed, "acme", &platform, &notify(&bed, &old, ""));
    let host = serve(&bed, &["acme"]).await;
    let client = host.client();
    listening(&client, &old).await;
    gone.store(true, Ordering::Relaxed);
    let mut queued = queue_all(&client, 0..1).await;
    let told_gone = until("the receiver to say that it is gone", || {
        let heard = told(&old.requests()).into_iter().flatten();
        heard
            .into_iter()
            .any(|id| id == queued[0])
            .then(|| old.count())
    })
    .await;
    queued.extend(queue_all(&client, 1..5).await);
    // Neither what comes nor a restart has it called again.
    host.kill().await;
    let host = serve(&bed, &["acme"]).await;
    let client = host.client();
    queued.extend(queue_all(&client, 5..8).await);
    // Another setting has, and what was not taken is told there.
    put_tenant(&bed, "acme", &platform, &notify(&bed, &new, ""));
    let heard = until("the new receiver to hear of all", || {
        let heard: Vec<String> = told(&new.requests()).into_iter().flatten().collect();
        queued.iter().all(|id| heard.contains(id)).then_some(heard)
    })
    .await;
    assert_eq!(
        heard.iter().filter(|id| queued.contains(id)).count(),
        queued.len()
    );
    assert_eq!(old.count(), told_gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_given_up_after_its_hours_and_the_next_one_says_so() {
    let refuses = Arc::new(AtomicBool::new(false));
    let refusing = refuses.clone();
    let platform = Recorder::start().await;
    let receiver = Recorder::answering(move |_| match refusing.load(Ordering::Relaxed) {
        true => Reply::text(503, "not now"),
        false => Reply::json("{}"),
    })
    .await;
    let bed = bed(&platform, "");
    put_tenant(
        &bed,
        "acme",
        &platform,
        &notify(&bed, &receiver, "hours = 1"),
    );
    let host = serve(&bed, &["acme"]).await;
    let client = host.client();
    listening(&client, &receiver).await;
    refuses.store(true, Ordering::Relaxed);
    let lost = queue_all(&client, 0..1).await;
    let (id, _) = until("the message to be with the receiver", || {
        let requests = receiver.requests();
        requests
            .iter()
            .rev()
            .map(verified)
            .find(|(_, body)| body["data"]["events"][0]["delivery"] == lost[0].as_str())
    })
    .await;
    host.kill().await;
    // Two hours go by.
    let file = rusqlite::Connection::open(bed.path("data/outbox/outbox.db")).unwrap();
    let changed = file.execute("UPDATE change SET at = at - 7200000", []);
    assert!(changed.unwrap() > 0);
    drop(file);
    let before = receiver.count();
    let host = serve(&bed, &["acme"]).await;
    let client = host.client();
    // It is tried once more under its id, and then no more.
    until("it to be tried again", || {
        let requests = receiver.requests();
        let again = requests.iter().skip(before).map(verified);
        again
            .filter(|(again, _)| *again == id)
            .count()
            .ge(&1)
            .then_some(())
    })
    .await;
    let later = queue_all(&client, 1..2).await;
    until("the next message to come", || {
        let requests = receiver.requests();
        let mut next = requests.iter().skip(before).map(verified);
        next.any(|(next, _)| next != id).then_some(())
    })
    .await;
    refuses.store(false, Ordering::Relaxed);
    let (_, body) = until("the next message to be about the later record", || {
        let requests = receiver.requests();
        let mut all = requests.iter().skip(before).map(verified);
        all.find(|(_, body)| body["data"]["events"][0]["delivery"] == later[0].as_str())
    })
    .await;
    assert_eq!(body["data"]["missed"], true, "{body}");
    let tried = receiver.requests();
    let tried = tried.iter().skip(before).map(verified);
    assert_eq!(tried.filter(|(tried, _)| *tried == id).count(), 1);
    // The next one after that has nothing before it that was missed.
    let last = queue_all(&client, 2..3).await;
    let (_, body) = until("a message about the last record", || {
        let requests = receiver.requests();
        let mut all = requests.iter().map(verified);
        all.find(|(_, body)| body["data"]["events"][0]["delivery"] == last[0].as_str())
    })
    .await;
    assert_eq!(body["data"]["missed"], false, "{body}");
    host.terminate().await;
    let log = host.ended().await.stderr;
    assert!(log.contains("is given up"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_wanted_is_told_and_a_private_address_is_not_called() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let platform = Recorder::answering(|request| match request.text().contains("bad") {
        true => Reply::text(400, "no"),
        false => Reply::json("{}"),
    })
    .await;
    let receiver = Recorder::answering(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Reply::json("{}")
    })
    .await;
    let bed = bed(&platform, "");
    let states = "states = [\"rejected\", \"failed\", \"held\"]";
    let wanted = notify(&bed, &receiver, states);
    let public = wanted.replace("allow_private = true", "");
    put_tenant(&bed, "acme", &platform, &public);
    let host = serve(&bed, &["acme"]).await;
    let client = host.client();
    let bad = |number: usize| format!(r#"{{"sku":"bad {number}","repeatable":true}}"#);
    // The setting is followed once it serves; how far it is told begins there.
    let mut stream = crate::setting::Stream::open(
        &host.base_url,
        "/v1/acme/deliveries/events?status=rejected&status=failed",
        None,
    )
    .await;
    for number in 0..3 {
        queue(&client, "acme", &bad(number)).await;
    }
    stream.deliveries(3).await;
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    put_tenant(&bed, "acme", &platform, &wanted);
    serves(&client, "acme").await;
    crossdock_tests::wait::until_async("the receiver to hear of anything", async || {
        queue(&client, "acme", &record(1)).await;
        queue(&client, "acme", &bad(9)).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        (receiver.count() > 0).then_some(())
    })
    .await;
    for message in receiver.requests() {
        let (_, body) = verified(&message);
        for event in body["data"]["events"].as_array().unwrap() {
            assert_ne!(event["status"], "accepted", "{event}");
        }
    }
}
