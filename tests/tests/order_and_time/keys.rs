//! Items' keys under an `Idempotency-Key`, and items of which only a part
//! arrived.

use crossdock::host::Call;
use crossdock::report::{DeliveryStatus, ItemStatus};
use crossdock_tests::bed::{call, deliver};
use crossdock_tests::recorder::{Recorder, Reply};

use crate::{Shop, outcome};

impl Shop {
    /// Each item's key, in the order in which the items arrived.
    async fn keys(&self, body: &str) -> Vec<String> {
        let before = self.platform.count();
        let call = Call {
            idempotency_key: Some("o1".into()),
            ..call("acme", "shop", "echo", body)
        };
        deliver(&self.host, call).await;
        let requests = self.platform.requests();
        let new = requests[before..].iter();
        new.map(|request| request.header("x-item-keys").expect("a key").to_owned())
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_only_what_failed_again_mixes_up_no_items() {
    let platform = Recorder::start().await;
    let shop = Shop::start(platform, "", "settings = { send_keys = true }").await;
    let (a, b) = (r#"{"sku":"A","q":-1}"#, r#"{"sku":"B","q":-200}"#);
    let both = shop.keys(&format!("[{a},{b}]")).await;
    assert_eq!(shop.keys(&format!("[{b}]")).await, both[1..]);
    // The corrected one is neither of them: no platform calls it a duplicate.
    let corrected = shop.keys(r#"[{"sku":"B","q":-2}]"#).await;
    assert!(!both.contains(&corrected[0]), "{corrected:?}");
    // Equal items are two, and the same two each time.
    let twice = shop.keys(&format!("[{a},{a}]")).await;
    assert_ne!(twice[0], twice[1]);
    assert_eq!(twice[0], both[0]);
    assert_eq!(shop.keys(&format!("[{a},{a}]")).await, twice);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_of_which_a_part_arrived_is_partial() {
    let platform = Recorder::answering(|request| match request.text().contains("bad") {
        true => outcome("rejected", ""),
        false => Reply::json("{}"),
    })
    .await;
    let shop = Shop::with_plugins(
        &["script-jq"],
        platform,
        "",
        "mappings = { echo = \"parts.jq\" }",
        &[("parts.jq", ".parts[] | {n: .}")],
    )
    .await;
    let report = shop
        .call(
            "echo",
            r#"[{"parts":["good","bad"]},{"parts":["bad","bad"]}]"#,
        )
        .await;
    let statuses: Vec<ItemStatus> = report.items.iter().map(|item| item.status).collect();
    assert_eq!(statuses, [ItemStatus::Partial, ItemStatus::Rejected]);
    assert_eq!(report.status, DeliveryStatus::Partial);
    let item = &report.items[0];
    assert_eq!(item.code.as_deref(), Some("c"));
    let data = item.data.as_ref().expect("the parts").get();
    assert!(
        data.contains("accepted") && data.contains("rejected"),
        "{data}"
    );
}
