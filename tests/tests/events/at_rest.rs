//! What lies on disk of records, where they are to be encrypted.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossdock_tests::bed::Bed;
use crossdock_tests::client::Client;
use crossdock_tests::process::run;
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::until_async;
use serde_json::Value;

use crate::setting::{bed, queue, serve};

/// What nobody may find on the disk.
const PAYLOAD: &str = "plain-payload-of-acme";

/// A platform that takes nothing until it is open, and quotes what it refuses.
async fn platform() -> (Recorder, Arc<AtomicBool>) {
    let open = Arc::new(AtomicBool::new(false));
    let is_open = open.clone();
    let platform = Recorder::answering(move |request| {
        let text = request.text();
        if text.contains("bad") {
            return Reply::text(400, format!("this is refused: {text}"));
        }
        match is_open.load(Ordering::Relaxed) {
            true => Reply::json("{}"),
            false => Reply::text(503, "not now"),
        }
    })
    .await;
    (platform, open)
}

fn record(sku: &str) -> String {
    format!(r#"{{"sku":"{sku}","note":"{PAYLOAD}","repeatable":true}}"#)
}

/// Whether the payload is in any of the outbox's files.
fn is_found(bed: &Bed) -> bool {
    let mut found = false;
    let mut bytes = 0;
    for entry in std::fs::read_dir(bed.path("data/outbox")).unwrap() {
        let content = std::fs::read(entry.unwrap().path()).unwrap();
        bytes += content.len();
        let mut windows = content.windows(PAYLOAD.len());
        found |= windows.any(|window| window == PAYLOAD.as_bytes());
    }
    assert!(bytes > 10_000, "{bytes}");
    found
}

async fn item(client: &Client, id: &str) -> Value {
    let path = format!("/v1/acme/deliveries/{id}");
    client.get(&path).await.expect("the delivery")["items"][0].clone()
}

async fn item_is(client: &Client, id: &str, status: &str) -> Value {
    until_async(&format!("it to be {status}"), async || {
        let item = item(client, id).await;
        (item["status"] == status).then_some(item)
    })
    .await
}

/// Queues a record that waits, one that is refused and one that is given up, and
/// waits until all that is to be said of them was said.
async fn fill(client: &Client) -> (String, String) {
    let waits = queue(client, "acme", &record("waits")).await;
    let bad = queue(client, "acme", &record("bad")).await;
    let given_up = queue(client, "acme", &record("given-up")).await;
    until_async("it to be tried", async || {
        let item = item(client, &waits).await;
        (item["attempts"].as_u64() > Some(0)).then_some(())
    })
    .await;
    until_async("it to be refused", async || {
        let item = item(client, &bad).await;
        item["finished_ms"].is_u64().then_some(())
    })
    .await;
    let path = format!("/v1/acme/deliveries/{given_up}/discard?reason={PAYLOAD}");
    until_async("it to be given up", async || {
        let done = client.post(&path, "").await.ok()?;
        (done["changed"] == 1).then_some(())
    })
    .await;
    (waits, bad)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_outbox_has_no_payload_on_disk_and_stays_readable_when_that_changes() {
    let (platform, open) = platform().await;
    let plain = bed(&platform, "");
    let host = serve(&plain, &["acme"]).await;
    let (before, _) = fill(&host.client()).await;
    host.kill().await;
    assert!(is_found(&plain), "this looks where payloads are");

    let bed = bed(&platform, "");
    bed.configure("[outbox]\nencrypt = true\n[recording]\nenabled = false\n");
    let host = serve(&bed, &["acme"]).await;
    let client = host.client();
    let (waits, bad) = fill(&client).await;
    let refused = item(&client, &bad).await;
    let message = refused["message"].as_str().unwrap();
    assert!(!message.contains("cannot be read"), "{refused}");
    let path = "/v1/acme/deliveries?label=waits";
    let listed = client.get(path).await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    host.kill().await;
    assert!(!is_found(&bed));

    // What was encrypted is read when nothing is to be encrypted any more, and
    // the other way round.
    bed.configure("");
    plain.configure("[outbox]\nencrypt = true\n");
    open.store(true, Ordering::Relaxed);
    for (bed, id) in [(&bed, &waits), (&plain, &before)] {
        let host = serve(bed, &["acme"]).await;
        item_is(&host.client(), id, "accepted").await;
    }
    assert!(platform.last().text().contains(PAYLOAD));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_whose_key_is_missing_waits_and_says_so_and_goes_out_when_it_is_back() {
    let (platform, open) = platform().await;
    let bed = bed(&platform, "");
    let key = bed.path("outbox.key");
    let text = "5".repeat(64);
    std::fs::write(&key, &text).unwrap();
    let keyed = |encrypt: bool| {
        format!(
            "[outbox]\nencrypt = {encrypt}\n[recording]\nenabled = false\nkey = {{ file = \"outbox.key\" }}\n"
        )
    };
    bed.configure(&keyed(true));
    let host = serve(&bed, &["acme"]).await;
    let (waits, bad) = fill(&host.client()).await;
    host.kill().await;

    std::fs::remove_file(&key).unwrap();
    // Nothing can be encrypted, so nothing is taken in.
    let refused = run(
        Path::new(&bed.path("")),
        &["serve", "--listen", "127.0.0.1:0"],
    )
    .await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("outbox.key"), "{refused:?}");
    assert!(
        refused.stderr.contains("cannot be encrypted"),
        "{refused:?}"
    );
    // Where nothing has to be, what was taken in waits.
    bed.configure(&keyed(false));
    open.store(true, Ordering::Relaxed);
    let host = serve(&bed, &["acme"]).await;
    let client = host.client();
    let new = queue(&client, "acme", &record("new")).await;
    item_is(&client, &new, "accepted").await;
    let path = format!("/v1/acme/deliveries/{waits}/retry");
    client.post(&path, "").await.unwrap();
    let held = item_is(&client, &waits, "held").await;
    assert_eq!(
        (&held["code"], &held["blame"]),
        (&"record-unreadable".into(), &"host".into())
    );
    let message = held["message"].as_str().unwrap();
    assert!(message.contains("which this host does not have"), "{held}");
    let told = item(&client, &bad).await;
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("cannot be read now"), "{told}");
    let sent = platform.requests();
    assert!(
        sent.iter().all(
            |request| !request.text().contains("\"waits\"") || request.text().contains(PAYLOAD)
        )
    );
    host.kill().await;

    std::fs::write(&key, &text).unwrap();
    let host = serve(&bed, &["acme"]).await;
    item_is(&host.client(), &waits, "accepted").await;
}
