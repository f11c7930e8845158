//! Every line that belongs to a delivery has its id.

use crossdock_tests::recorder::{Recorder, Reply};

use crate::setting::{bed, call, item_is, put_tenant, queue, serve};

/// The lines with a text.
fn lines<'l>(log: &'l str, text: &str) -> Vec<&'l str> {
    log.lines().filter(|line| line.contains(text)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_a_call_and_of_a_queued_batch_name_the_delivery() {
    let platform = Recorder::answering(|_| Reply::text(200, "<html>not JSON</html>")).await;
    let more = "settings = { json_only = true }\nmappings.keyed = \"map.jq\"\n";
    let bed = bed(&platform, "", more);
    let script = "if .bad then error(\"no\") else . end";
    bed.put_tenant("acme", "map.jq", script);
    put_tenant(&bed, &platform, "acme", more);
    let host = serve(&bed).await;
    let client = host.client();
    let failed = call(&client, r#"{"sku":"1","bad":true}"#).await;
    let failed = failed["delivery"].as_str().unwrap().to_owned();
    let held = queue(&client, r#"{"sku":"1","bad":true}"#).await;
    item_is(&client, &held, "held").await;
    let lost = queue(&client, r#"{"sku":"3"}"#).await;
    item_is(&client, &lost, "unknown").await;
    // Written down before it leaves, and so found under the outbox's id.
    let unread = call(&client, r#"{"sku":"2"}"#).await;
    let unread = unread["delivery"].as_str().unwrap().to_owned();
    host.terminate().await;
    let log = host.ended().await.stderr;
    let named = |lines: &[&str], id: &str| lines.iter().any(|line| line.contains(id));
    // Of queued records a script's failure is told once, when the first comes in.
    let script = lines(&log, "a script failed");
    assert!(named(&script, &failed), "{failed}\n{log}");
    let batches = lines(&log, "crossdock::outbox: batch");
    assert!(
        named(&batches, &held) && named(&batches, &lost),
        "{held} {lost}\n{log}"
    );
    let answers = lines(&log, "answer cannot be read");
    assert_eq!(answers.len(), 2, "{log}");
    assert!(
        named(&answers, &lost) && named(&answers, &unread),
        "{unread}\n{log}"
    );
}
