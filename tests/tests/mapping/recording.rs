//! Recorded items, and what a new script would change about them.

use std::path::Path;

use crossdock::recording::Subject;
use crossdock_tests::bed::{call, deliver};
use crossdock_tests::process::run;
use serde_json::json;

use crate::Shop;

const SECRET: &str = "a-key-nobody-may-see";

const KEYS: &str = "mappings.echo = \"stock.jq\"\nsecrets = { key = { file = \"key.txt\" } }\n\
                    tables = { stores = \"stores.json\" }\nreplies.echo = \"out.jq\"";

/// With a data folder of its own.
async fn shop(config: &str) -> Shop {
    let shop = Shop::new("").await;
    shop.bed
        .configure(&format!("limits.guest_instances = 64\n{config}"));
    shop.bed.share_compiled_code();
    shop.configure("", KEYS);
    shop.put("stock.jq", "{sku, stock: .stock, key}");
    shop.put("out.jq", ".data");
    shop.put("stores.json", r#"{"a": "007"}"#);
    shop.put("key.txt", SECRET);
    shop
}

fn subject() -> Subject {
    Subject {
        tenant: "acme".into(),
        connection: "shop".into(),
        operation: "echo".into(),
    }
}

/// Calls once for each body, and lets everything be written.
async fn calls(shop: &Shop, bodies: &[&str]) {
    let host = shop.host().await;
    for body in bodies {
        deliver(&host, call("acme", "shop", "echo", *body)).await;
    }
    assert_eq!(host.recordings_dropped(), 0);
}

async fn recorded(shop: &Shop, most: usize) -> Vec<String> {
    let recorded = shop.host().await.recorded(&subject(), most).unwrap();
    let items = recorded.iter().map(|recorded| recorded.item.get());
    items.map(str::to_owned).collect()
}

/// Whether any file below holds the text.
fn holds(dir: &Path, text: &str) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, text);
        }
        let bytes = std::fs::read(path).unwrap();
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_items_are_kept_encrypted_and_without_secrets() {
    let shop = shop("recording.items = 3\n").await;
    let with_secret = format!(r#"{{"sku":"d","key":"{SECRET}","price":12.3400}}"#);
    calls(
        &shop,
        &[
            r#"[{"sku":"a"},{"sku":"b"}]"#,
            r#"{"sku":"c"}"#,
            &with_secret,
        ],
    )
    .await;
    assert_eq!(
        recorded(&shop, 100).await,
        [
            r#"{"sku":"b"}"#,
            r#"{"sku":"c"}"#,
            r#"{"sku":"d","key":"«key»","price":12.3400}"#
        ]
    );
    assert_eq!(recorded(&shop, 1).await.len(), 1);
    assert!(!holds(&shop.bed.path("data/recordings"), "sku"));
    // A dry run leaves nothing behind.
    let host = shop.host().await;
    host.dry_run(call("acme", "shop", "echo", r#"{"sku":"e"}"#))
        .await
        .unwrap();
    drop(host);
    assert!(recorded(&shop, 1).await[0].contains(r#""sku":"d""#));
}

#[tokio::test(flavor = "multi_thread")]
async fn recording_can_be_left_open_or_off_for_one_tenant_or_all() {
    let item = [r#"{"sku":"a"}"#];
    let open = shop("recording.encrypt = false\n").await;
    calls(&open, &item).await;
    assert!(holds(&open.bed.path("data/recordings"), r#""sku":"a""#));

    let off = shop("recording.enabled = false\n").await;
    calls(&off, &item).await;
    let tenants = shop("").await;
    tenants.configure("recording = false", KEYS);
    calls(&tenants, &item).await;
    for shop in [&off, &tenants] {
        assert!(!shop.bed.path("data/recordings").exists());
    }
}

const NEW: &str =
    "if .stock == 0 then empty else {sku, stock: (.stock // error(\"no stock\") | . + 1), key} end";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_script_is_compared_with_the_one_in_service_item_by_item() {
    let shop = shop("").await;
    let bodies = [
        r#"[{"sku":"a","stock":1},{"sku":"b","stock":0}]"#,
        r#"[{"sku":"c"},{"sku":"d","stock":9007199254740993}]"#,
    ];
    calls(&shop, &bodies).await;
    let sent = shop.platform.count();
    let folder = shop.bed.path("");

    shop.put("stock.new.jq", NEW);
    let new = "tenants/acme/stock.new.jq";
    let ended = run(&folder, &["script", "diff", new]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let text = &ended.stdout;
    assert!(text.starts_with("acme/shop/echo: stock.jq ("), "{text}");
    for part in [
        "item 0 (",
        "  documents\n    /0/stock\n      - 1\n      + 2\n",
        "  requests\n    /0/body/0/stock\n      - 1\n      + 2\n",
        "item 1 (",
        "item 2 (",
        "    - no failure\n    + failed: no stock\n",
        "      - 9007199254740993\n      + 9007199254740994\n",
        "4 of 4 items would change\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let ended = run(&folder, &["script", "diff", new, "--last", "1", "--json"]).await;
    let comparison = ended.json();
    assert_eq!(comparison["changed"], 1);
    assert_eq!(comparison["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        comparison["items"][0]["documents"][0]["pointer"],
        "/0/stock"
    );

    // A change of spelling changes nothing.
    shop.put(
        "stock.new.jq",
        "{key: .key, sku: .sku, stock: .stock} | {sku, stock, key}",
    );
    let ended = run(&folder, &["script", "diff", new]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.ends_with("nothing changes for 4 items\n"),
        "{ended:?}"
    );
    assert_eq!(shop.platform.count(), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_script_is_compared_over_a_folder_of_items() {
    let shop = shop("").await;
    let folder = shop.bed.path("");
    std::fs::create_dir(shop.bed.path("samples")).unwrap();
    std::fs::write(
        shop.bed.path("samples/one.json"),
        r#"[{"sku":"a","stock":5}]"#,
    )
    .unwrap();
    std::fs::write(
        shop.bed.path("samples/two.json"),
        r#"{"sku":"b","stock":0}"#,
    )
    .unwrap();
    std::fs::write(shop.bed.path("new.jq"), NEW).unwrap();
    let diff = async |more: &[&str]| {
        let arguments = [&["script", "diff", "new.jq", "--json"][..], more].concat();
        run(&folder, &arguments).await
    };
    let of = ["--for", "acme/shop/echo"];
    let against = ["--against", "samples"];
    let ended = diff(&[of, against].concat()).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let items = &ended.json()["items"];
    assert_eq!(items[0]["source"], "one.json#0");
    assert_eq!(
        items[0]["requests"],
        json!([{"pointer": "/0/body/0/stock", "old": 5, "new": 6}])
    );

    for (arguments, says) in [
        (
            &against[..],
            "say whose mapping it is to replace with --for",
        ),
        (&of[..], "no items of this operation are recorded"),
        (&["--for", "acme/shop/nothing"], "no operation `nothing`"),
    ] {
        let ended = diff(arguments).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(says), "{ended:?}");
    }
    let itself = ["script", "diff", "tenants/acme/stock.jq"];
    let ended = run(&folder, &itself).await;
    assert!(
        ended.stderr.contains("is the script in service itself"),
        "{ended:?}"
    );
    std::fs::write(shop.bed.path("new.jq"), "{a: }").unwrap();
    let ended = diff(&[of, against].concat()).await;
    assert!(ended.stderr.contains("new.jq:1:5: "), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_to_record_is_counted_and_delivered_all_the_same() {
    let shop = shop("limits.request_body_mb = 32\n").await;
    let host = shop.host().await;
    // More than may wait to be recorded.
    let body = format!(r#"[{{"sku":"a"}},{{"sku":"{}"}}]"#, "x".repeat(17 << 20));
    let report = host.call(call("acme", "shop", "echo", &body)).await;
    let report = report.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(report.items.len(), 2);
    assert_eq!(host.recordings_dropped(), 1);
}
