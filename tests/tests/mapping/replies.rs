//! Results out, in the tenant's own field names.

use crossdock::problem::Blame;
use crossdock::report::{DeliveryStatus, ItemStatus};
use crossdock_tests::bed::{call, deliver};
use serde_json::json;

use crate::{Shop, problems};

const KEYS: &str = "mappings.echo = \"in.jq\"\nreplies.echo = \"out.jq\"";

async fn shop(reply: &str) -> Shop {
    let shop = Shop::new(KEYS).await;
    shop.put("in.jq", "if .skip then empty else {sku: .\"货号\"} end");
    shop.put("out.jq", reply);
    shop
}

const ITEMS: &str = r#"[{"货号":"1"},{"货号":"2","skip":true},{"货号":"3"}]"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_script_gives_the_result_the_tenants_names() {
    let shop = shop(
        r#"{"货号": .item."货号", "单号": .data.reply.order, "状态": .status, "第": .index, "租户": $context.tenant}"#,
    )
    .await;
    let host = shop.host().await;
    let report = deliver(&host, call("acme", "shop", "echo", ITEMS)).await;
    assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
    let data = |item: usize| {
        let data = report.items[item].data.as_deref();
        data.map(|data| data.get().to_owned())
    };
    assert_eq!(
        data(0).as_deref(),
        Some(r#"{"货号":"1","单号":"A-1","状态":"accepted","第":0,"租户":"acme"}"#)
    );
    // What was skipped has no result.
    assert_eq!(report.items[1].status, ItemStatus::Skipped);
    assert_eq!(data(1), None);
    assert!(data(2).unwrap().contains(r#""货号":"3""#));
    assert!(report.generations.reply.unwrap().starts_with("out.jq ("));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_script_that_fails_changes_nothing_about_the_outcome() {
    for (reply, code) in [
        (
            r#"if .index == 0 then error("no") else .data end"#,
            "script-failed",
        ),
        ("if .index == 0 then 1, 2 else .data end", "reply-not-one"),
        (
            "if .index == 0 then last(range(1e12)) else .data end",
            "script-deadline",
        ),
    ] {
        let shop = shop(reply).await;
        let host = shop.host().await;
        let report = deliver(&host, call("acme", "shop", "echo", ITEMS)).await;
        assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
        let item = &report.items[0];
        assert_eq!(item.status, ItemStatus::Accepted, "{item:?}");
        assert_eq!((item.blame, &item.code), (None, &None));
        let data = item.data.as_deref().unwrap().get();
        assert!(data.contains("A-1"), "{data}");
        let problem = item.reply_error.as_deref().unwrap();
        assert_eq!((problem.blame, &*problem.code), (Blame::Script, code));
        assert_eq!(problem.item, Some(0));
        let file = &problem.place.as_ref().unwrap().file;
        assert!(file.ends_with("acme/out.jq"), "{file:?}");
        if code != "script-deadline" {
            assert_eq!(report.items[2].reply_error, None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_script_may_give_nothing_and_a_dry_run_needs_none() {
    let shop = shop("empty").await;
    let host = shop.host().await;
    let report = deliver(&host, call("acme", "shop", "echo", ITEMS)).await;
    assert!(report.items.iter().all(|item| item.data.is_none()));
    let report = serde_json::to_value(&report).unwrap();
    assert_eq!(report["items"][0].get("reply_error"), None);
    let dry = host.dry_run(call("acme", "shop", "echo", ITEMS)).await;
    assert_eq!(json!(dry.unwrap())["requests"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_script_that_does_not_compile_refuses_the_tenant() {
    let shop = shop("{a: }").await;
    let host = shop.host().await;
    let problem = problems(&host).concat();
    assert!(problem.contains("out.jq:1:5: "), "{problem}");
    shop.configure("", "replies.nothing = \"in.jq\"");
    let problem = problems(&shop.host().await).concat();
    assert!(problem.contains("no operation `nothing`"), "{problem}");
}
