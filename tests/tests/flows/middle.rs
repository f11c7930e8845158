//! What changes in the middle of a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crossdock_tests::bed::Bed;
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::{until, until_async};

use crate::setting::{
    Erp, PENDING, bed, begin, ended, flow, held_up, host, items, quantities, tenant,
};

const TO_MINI: &str = r#"{ connection = "mini", operation = "keyed", script = "update.jq" }"#;
const TO_DOUYIN: &str = r#"{ connection = "douyin", operation = "keyed", script = "update.jq" }"#;

/// Puts a file into the tenant's folder as one that was written long ago.
fn put(bed: &Bed, text: &str) {
    let folder = bed.path("tenants/acme/in");
    std::fs::create_dir_all(&folder).expect("a folder");
    let beside = folder.join(".stock.part");
    std::fs::write(&beside, text).expect("a file");
    let file = std::fs::File::options().write(true).open(&beside);
    let past = SystemTime::now() - Duration::from_secs(60);
    file.expect("it is there")
        .set_modified(past)
        .expect("a time");
    std::fs::rename(beside, folder.join("stock.csv")).expect("a name");
}

fn skus(shop: &Recorder) -> Vec<String> {
    let items = items(shop).into_iter();
    items
        .map(|item| item["sku"].as_str().expect("an article").to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_in_the_middle_of_a_run_is_read_again_from_its_beginning() {
    let (erp, mini) = (Erp::start().await, Recorder::start().await);
    let bed = bed();
    put(&bed, "sku\na1\na2\na3\na4\n");
    let source = "{ folder = \"in\" }";
    let flow = flow("page = 2", source, &format!("[ {TO_MINI} ]"), "");
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &tenant(&erp, &[("mini", &mini)], &flow),
    );
    let host = host(&bed).await;
    erp.stock().closed = true;
    let run = begin(&host).await;
    held_up(&host).await;
    // Its first page is on disk and goes on; the other one is gone.
    put(&bed, "sku\nb1\nb2\nb3\n");
    erp.stock().closed = false;
    let shown = ended(&host, run).await;
    assert_eq!(
        (shown.state, shown.counts.incoming),
        ("done", 5),
        "{shown:?}"
    );
    assert_eq!(skus(&mini), ["a1", "a2", "b1", "b2", "b3"]);
    let moved = std::fs::read_to_string(bed.path("tenants/acme/in/done/stock.csv"));
    assert_eq!(moved.expect("it is moved"), "sku\nb1\nb2\nb3\n");
}

/// Waits until the flow that serves has so many targets.
async fn targets(host: &crossdock::host::Host, count: usize) {
    until("the other file to serve", || {
        let snapshot = host.snapshot();
        let flow = snapshot.tenants.get("acme")?.flows.get("stock")?.clone();
        (flow.config.targets.len() == count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_removed_in_the_middle_of_a_run_gets_nothing_more() {
    let (erp, mini, douyin) = (
        Erp::start().await,
        Recorder::start().await,
        Recorder::start().await,
    );
    for (sku, quantity) in [("1", 7), ("2", 8)] {
        erp.change(sku, 69, quantity);
    }
    let bed = bed();
    let shops = [("mini", &mini), ("douyin", &douyin)];
    let with = |targets: &str| tenant(&erp, &shops, &flow("", PENDING, targets, ""));
    let both = with(&format!("[ {TO_MINI}, {TO_DOUYIN} ]"));
    bed.put_tenant("acme", "tenant.toml", &both);
    let host = host(&bed).await;
    erp.stock().closed = true;
    let run = begin(&host).await;
    held_up(&host).await;
    bed.put_tenant("acme", "tenant.toml", &with(&format!("[ {TO_MINI} ]")));
    targets(&host, 1).await;
    erp.stock().closed = false;
    let shown = ended(&host, run).await;
    assert_eq!((shown.state, shown.counts.sent), ("done", 2), "{shown:?}");
    assert_eq!(quantities(&mini), [("1".into(), 7), ("2".into(), 8)]);
    assert_eq!(douyin.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_with_what_serves_while_its_tenants_newest_file_is_refused() {
    let (erp, mini) = (Erp::start().await, Recorder::start().await);
    erp.change("1", 69, 7);
    let bed = bed();
    let good = tenant(
        &erp,
        &[("mini", &mini)],
        &flow("", PENDING, &format!("[ {TO_MINI} ]"), ""),
    );
    bed.put_tenant("acme", "tenant.toml", &good);
    let host = host(&bed).await;
    erp.stock().closed = true;
    let run = begin(&host).await;
    held_up(&host).await;
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &good.replace("update.jq", "nowhere.jq"),
    );
    until("the refusal", || {
        let tenants = host.tenants();
        (!tenants.first()?.problems.is_empty()).then_some(())
    })
    .await;
    erp.stock().closed = false;
    let shown = ended(&host, run).await;
    assert_eq!(
        (shown.state, shown.counts.accepted),
        ("done", 1),
        "{shown:?}"
    );
    assert_eq!(quantities(&mini), [("1".into(), 7)]);
}

/// Two runs of records that together do not fit into what the tenant may keep, before
/// a shop that takes nothing while it is closed. The second run is held up.
struct Full {
    bed: Bed,
    host: crossdock::host::Host,
    erp: Erp,
    mini: Recorder,
    douyin: Recorder,
    closed: Arc<AtomicBool>,
    second: u64,
}

impl Full {
    async fn begin() -> Self {
        let closed = Arc::new(AtomicBool::new(true));
        let closed_now = closed.clone();
        let mini = Recorder::answering(move |_| match closed_now.load(Ordering::Relaxed) {
            true => Reply::json(r#"{"outcome":"retry","after_ms":500}"#),
            false => Reply::json("{}"),
        })
        .await;
        let (erp, douyin) = (Erp::start().await, Recorder::start().await);
        let bed = bed();
        bed.configure("limits.guest_instances = 64\nlimits.outbox_tenant_mb = 1\nserver.listen = \"127.0.0.1:0\"\n");
        // Of what waits, two fit and a third one does not.
        bed.put_tenant(
            "acme",
            "large.jq",
            r#"{sku, quantity: .stock.reply.quantity, repeatable: true, more: ("x" * 400000)}"#,
        );
        erp.change("1", 69, 7);
        erp.change("2", 69, 8);
        let targets = Self::targets(TO_DOUYIN);
        let text = tenant(
            &erp,
            &[("mini", &mini), ("douyin", &douyin)],
            &flow("", PENDING, &targets, ""),
        );
        bed.put_tenant("acme", "tenant.toml", &text);
        let host = host(&bed).await;
        let first = begin(&host).await;
        until_async("the first run to be queued", async || {
            let flows = host.flows().ok()?;
            let run = flows.run_report("acme", "stock", first).await.ok()?;
            (run.state == "waiting").then_some(())
        })
        .await;
        erp.stock().pending.clear();
        erp.change("3", 69, 9);
        let second = begin(&host).await;
        let problem = held_up(&host).await;
        assert_eq!(problem.code, "outbox-tenant-full", "{problem}");
        Self {
            bed,
            host,
            erp,
            mini,
            douyin,
            closed,
            second,
        }
    }

    /// The one that takes nothing, and another one.
    fn targets(other: &str) -> String {
        let mini = TO_MINI.replace("update.jq", "large.jq");
        format!("[ {other}, {mini} ]")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_outbox_holds_a_run_up_until_there_is_room_and_nothing_is_lost_or_sent_twice() {
    let full = Full::begin().await;
    full.closed.store(false, Ordering::Relaxed);
    let shown = ended(&full.host, full.second).await;
    assert_eq!(
        (shown.state, shown.counts.accepted),
        ("done", 2),
        "{shown:?}"
    );
    // Those that the shop did not take were sent again.
    let mut sent = skus(&full.mini);
    sent.dedup();
    assert_eq!(sent, ["1", "2", "3"]);
    assert_eq!(skus(&full.douyin), ["1", "2", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_for_a_target_that_is_removed_is_counted_as_skipped() {
    let full = Full::begin().await;
    let shops = [("mini", &full.mini), ("douyin", &full.douyin)];
    let flow = flow("", PENDING, &format!("[ {TO_DOUYIN} ]"), "");
    let text = tenant(&full.erp, &shops, &flow);
    full.bed.put_tenant("acme", "tenant.toml", &text);
    targets(&full.host, 1).await;
    let shown = ended(&full.host, full.second).await;
    let counts = (shown.counts.sent, shown.counts.skipped);
    assert_eq!((shown.state, counts), ("done", (1, 1)), "{shown:?}");
    assert_eq!(skus(&full.douyin), ["1", "2", "3"]);
    assert!(!skus(&full.mini).contains(&"3".to_owned()));
}
