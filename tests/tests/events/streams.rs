//! Event streams.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crossdock_tests::bed::connection;
use crossdock_tests::process::{Serving, run};
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::until_async;
use http::{Method, StatusCode};

use crate::setting::{Stream, bed, put_tenant, queue, record, serve};

const EVENTS: &str = "/v1/acme/deliveries/events";

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_hears_of_each_end_once_and_in_order_over_restarts_of_the_host() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    let host = serve(&bed, &["acme"]).await;
    let client = host.client();
    let mut stream = Stream::open(&host.base_url, EVENTS, None).await;
    let mut queued = Vec::new();
    for number in 0..30 {
        queued.push(queue(&client, "acme", &record(number)).await);
    }
    let mut heard = stream.deliveries(10).await;
    let last = stream.last.clone().expect("an id");
    drop(stream);
    // What ends while nobody listens is there for whoever comes back.
    for number in 30..60 {
        queued.push(queue(&client, "acme", &record(number)).await);
    }
    host.kill().await;

    let host = serve(&bed, &["acme"]).await;
    let client = host.client();
    let mut stream = Stream::open(&host.base_url, EVENTS, Some(&last)).await;
    for number in 60..70 {
        queued.push(queue(&client, "acme", &record(number)).await);
    }
    heard.extend(stream.deliveries(60).await);
    let each: BTreeSet<&String> = heard.iter().collect();
    assert_eq!(each, queued.iter().collect());
    assert_eq!(heard.len(), queued.len());
    // The order is that in which they ended: another listener hears the same.
    let mut again = Stream::open(&host.base_url, &format!("{EVENTS}?from=oldest"), None).await;
    assert_eq!(again.deliveries(70).await, heard);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_says_what_became_of_which_record_and_a_filter_chooses() {
    let platform = Recorder::answering(|request| match request.text().contains("bad") {
        true => Reply::text(400, "no"),
        false => Reply::json("{}"),
    })
    .await;
    let bed = bed(&platform, "");
    let host = serve(&bed, &["acme"]).await;
    let client = host.client();
    let path = format!("{EVENTS}?status=rejected&status=failed&connection=shop&operation=keyed");
    let mut chosen = Stream::open(&host.base_url, &path, None).await;
    let path = format!("{EVENTS}?connection=nothing");
    let mut nothing = Stream::open(&host.base_url, &path, None).await;
    queue(&client, "acme", r#"{"sku":"good"}"#).await;
    let bad = queue(&client, "acme", r#"{"sku":"bad"}"#).await;
    let told = chosen.next().await.unwrap().data.unwrap();
    assert_eq!(told["delivery"], bad.as_str(), "{told}");
    assert_eq!((&told["index"], &told["attempts"]), (&0.into(), &1.into()));
    assert_eq!(told["tenant"], "acme");
    assert_eq!(
        (&told["connection"], &told["operation"]),
        (&"shop".into(), &"keyed".into())
    );
    assert_eq!(told["label"], "bad");
    assert!(
        told["code"].is_string() && told["message"].is_string(),
        "{told}"
    );
    assert!(
        told["at_ms"].as_u64() >= told["accepted_ms"].as_u64(),
        "{told}"
    );
    // A person's end is one, too, and whoever chose nothing of it hears nothing.
    let path = format!("/v1/acme/deliveries/{bad}/discard?reason=sold+out");
    let mut all = Stream::open(&host.base_url, EVENTS, None).await;
    client.post(&path, "").await.unwrap();
    let told = all.next().await.unwrap().data.unwrap();
    assert_eq!(
        (&told["status"], &told["message"]),
        (&"discarded".into(), &"sold out".into())
    );
    host.terminate().await;
    assert_eq!(chosen.next().await, None);
    assert_eq!(nothing.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_hears_nothing_of_another_and_cannot_take_up_its_place() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    put_tenant(&bed, "other", &platform, "");
    let host = serve(&bed, &["acme", "other"]).await;
    let client = host.client();
    let mut acme = Stream::open(&host.base_url, EVENTS, None).await;
    let others = "/v1/other/deliveries/events";
    let mut other = Stream::open(&host.base_url, others, None).await;
    let mut all = Stream::open(&host.base_url, "/v1/deliveries/events", None).await;
    let mut queued = Vec::new();
    for number in 0..10 {
        queue(&client, "acme", &record(number)).await;
    }
    for number in 0..10 {
        queued.push(queue(&client, "other", &record(number)).await);
    }
    let heard: BTreeSet<String> = other.deliveries(10).await.into_iter().collect();
    assert_eq!(heard, queued.into_iter().collect());
    acme.deliveries(10).await;
    all.deliveries(20).await;
    // The administrator may choose one.
    let path = "/v1/deliveries/events?tenant=acme&from=oldest";
    let mut chosen = Stream::open(&host.base_url, path, None).await;
    for _ in 0..10 {
        let told = chosen.next().await.unwrap().data.unwrap();
        assert_eq!(told["tenant"], "acme");
    }
    for (path, id) in [
        (others, acme.last.as_deref().unwrap()),
        ("/v1/deliveries/events", acme.last.as_deref().unwrap()),
        (EVENTS, "17"),
        (EVENTS, "not an id"),
    ] {
        let refused = Stream::ask(&host.base_url, path, Some(id)).await.err();
        let (status, told) = refused.expect("a refusal");
        assert_eq!(status, StatusCode::BAD_REQUEST, "{told}");
        assert_eq!(told["code"], "unknown-event", "{told}");
    }
    let query = format!("{others}?tenant=acme");
    let (status, _) = Stream::ask(&host.base_url, &query, None)
        .await
        .err()
        .unwrap();
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_bounded_and_a_place_is_given_back() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    put_tenant(&bed, "other", &platform, "");
    bed.configure("[limits]\nevent_streams = 3\nevent_streams_per_tenant = 2\n");
    let host = serve(&bed, &["acme", "other"]).await;
    let open = async |tenant: &str| {
        let path = format!("/v1/{tenant}/deliveries/events");
        Stream::ask(&host.base_url, &path, None).await
    };
    let first = open("acme").await.ok().unwrap();
    let _second = open("acme").await.ok().unwrap();
    let (status, told) = open("acme").await.err().unwrap();
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{told}");
    assert_eq!(told["code"], "too-many-streams", "{told}");
    let _third = open("other").await.ok().unwrap();
    let (status, told) = open("other").await.err().unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{told}");
    drop(first);
    until_async("the place to be free", async || {
        open("acme").await.ok().map(|_| ())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_whose_token_is_taken_away_hears_of_nothing_that_comes_after() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    let folder = bed.path("");
    let token = async || run(&folder, &["token", "new", "--json"]).await.json();
    let (stays, goes) = (token().await, token().await);
    let text = |token: &serde_json::Value| token["token"].as_str().unwrap().to_owned();
    let put = |hashes: &[&serde_json::Value]| {
        let hashes: Vec<String> = hashes.iter().map(|hash| hash["hash"].to_string()).collect();
        let shop = connection("shop", "test-adapter", &platform.base_url(), "");
        let file = format!("tokens = [{}]\n{shop}", hashes.join(","));
        bed.put_tenant("acme", "tenant.toml", &file);
    };
    put(&[&stays, &goes]);
    let host = Serving::start(&folder).await;
    let client = host.client().with_token(text(&stays));
    let other = host.client().with_token(text(&goes));
    crate::setting::serves(&client, "acme").await;
    let listening = Stream::ask_with(&host.base_url, EVENTS, None, Some(&text(&goes))).await;
    let mut listening = listening.expect("a stream");
    let heard = queue(&client, "acme", &record(1)).await;
    assert_eq!(listening.deliveries(1).await, [heard]);

    put(&[&stays]);
    until_async("the token to be refused", async || {
        let answer = other.send(Method::GET, "/v1/acme/deliveries", None);
        let (status, _) = answer.await.ok()?;
        (status == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
    queue(&client, "acme", &record(2)).await;
    assert_eq!(listening.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_at_once_when_the_host_is_told_to_end() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    // A stream that did not end would hold it up that long.
    bed.configure("[limits]\nshutdown_ms = 600000\n");
    let host = serve(&bed, &["acme"]).await;
    let mut stream = Stream::open(&host.base_url, EVENTS, None).await;
    host.terminate().await;
    assert_eq!(stream.next().await, None);
    assert_eq!(host.ended().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_reads_nothing_holds_nothing_up() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    let host = serve(&bed, &["acme"]).await;
    let client = host.client();
    let path = format!("{EVENTS}?from=oldest");
    let _slow = Stream::open(&host.base_url, &path, None).await;
    let mut quick = Stream::open(&host.base_url, &path, None).await;
    for round in 0..5 {
        let records: Vec<String> = (0..200).map(|n| record(round * 200 + n)).collect();
        queue(&client, "acme", &format!("[{}]", records.join(","))).await;
    }
    assert_eq!(quick.deliveries(1000).await.len(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_comes_too_late_is_told_that_it_missed_something() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    let host = serve(&bed, &["acme"]).await;
    let client = host.client();
    let mut stream = Stream::open(&host.base_url, EVENTS, None).await;
    let mut queued = Vec::new();
    for number in 0..6 {
        queued.push(queue(&client, "acme", &record(number)).await);
        // One after the other, so that they end in this order.
        assert_eq!(stream.deliveries(1).await, queued[number..]);
    }
    let mut early = Stream::open(&host.base_url, &format!("{EVENTS}?from=oldest"), None).await;
    early.deliveries(1).await;
    let (first, last) = (early.last.clone().unwrap(), stream.last.clone().unwrap());
    host.kill().await;
    // What is kept for some time only is gone: the first four.
    let file = rusqlite::Connection::open(bed.path("data/outbox/outbox.db")).unwrap();
    let gone = "DELETE FROM change WHERE seq IN (SELECT seq FROM change ORDER BY seq LIMIT 4)";
    assert_eq!(file.execute(gone, []).unwrap(), 4);
    drop(file);

    let host = serve(&bed, &["acme"]).await;
    let mut stream = Stream::open(&host.base_url, EVENTS, Some(&first)).await;
    let missed = stream.next().await.unwrap();
    assert_eq!(missed.name, "missed", "{missed:?}");
    assert!(missed.data.unwrap()["detail"].is_string());
    assert_eq!(stream.deliveries(2).await, queued[4..]);
    // Whoever has heard of everything, or asks for what is kept, has missed nothing.
    let mut stream = Stream::open(&host.base_url, &format!("{EVENTS}?from=oldest"), None).await;
    assert_eq!(stream.deliveries(2).await, queued[4..]);
    let mut stream = Stream::open(&host.base_url, EVENTS, Some(&last)).await;
    let new = queue(&host.client(), "acme", &record(9)).await;
    assert_eq!(stream.deliveries(1).await, [new]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_reads_nothing_is_cut_off() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    // Longer than the host waits for a client that reads nothing: 30 s.
    const BOUND: Duration = Duration::from_secs(120);
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    bed.configure("[limits]\nevent_streams_per_tenant = 2\n");
    let host = serve(&bed, &["acme"]).await;
    let client = host.client();
    // More than sockets hold for somebody who does not read.
    let long = "x".repeat(200);
    let mut quick = Stream::open(&host.base_url, EVENTS, None).await;
    for round in 0..10 {
        let records =
            (0..1000).map(|n| format!(r#"{{"sku":"{round} {n} {long}","repeatable":true}}"#));
        let records: Vec<String> = records.collect();
        queue(&client, "acme", &format!("[{}]", records.join(","))).await;
    }
    quick.deliveries(10_000).await;
    drop(quick);
    let address: std::net::SocketAddr = host.base_url["http://".len()..].parse().unwrap();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stalled = socket.connect(address).await.unwrap();
    let request = format!("GET {EVENTS}?from=oldest HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stalled.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    stalled.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    let _other = Stream::open(&host.base_url, EVENTS, None).await;
    let (status, _) = Stream::ask(&host.base_url, EVENTS, None)
        .await
        .err()
        .unwrap();
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    // Its place is given back, though it is still there.
    let began = Instant::now();
    while Stream::ask(&host.base_url, EVENTS, None).await.is_err() {
        assert!(began.elapsed() < BOUND, "it is not cut off");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // What was on its way comes, and then the end.
    let mut rest = Vec::new();
    let read = tokio::time::timeout(BOUND, stalled.read_to_end(&mut rest)).await;
    let ended = read.expect("an end of the connection");
    assert!(
        ended.is_err() || !rest.ends_with(b"0\r\n\r\n"),
        "it was served to the end"
    );
}
