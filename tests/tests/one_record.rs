//! One stock record fits all: what a tenant sends to one platform it sends to
//! the others, byte for byte the same and without a script.

use std::collections::BTreeMap;

use crossdock::problem::Blame;
use crossdock::report::{DeliveryStatus, ItemStatus};
use crossdock_stand_ins::decimal::Decimal;
use crossdock_stand_ins::{Options, Recorded};
use crossdock_tests::platforms::{Connection, PLATFORMS, Platforms, STOCK_PLATFORMS};
use serde_json::{Value, json};

/// Every field of the core. The sku is of the form that lingzhi needs, and the
/// location a number, which 抖店 needs.
const RECORD: &str = r#"[{"sku":"1001^^^红色","quantity":9007199254740993,"mode":"set","location":"2001","location_kind":"store","idempotency_key":"202206021500001001"}]"#;

/// Fields of a form, or members of a JSON object or of a list's first.
fn fields(request: &Recorded) -> BTreeMap<String, String> {
    let form = request
        .header("content-type")
        .is_some_and(|kind| kind.contains("form"));
    if form {
        return url::form_urlencoded::parse(&request.body)
            .into_owned()
            .collect();
    }
    let body = request.json();
    let row = match body.get(0).or_else(|| body["skus"].get(0)) {
        Some(row) => row.clone(),
        None => body,
    };
    let members = row.as_object().into_iter().flatten();
    members
        .map(|(name, value)| (name.clone(), value.to_string()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_record_goes_to_four_platforms_without_a_script() {
    let connections = STOCK_PLATFORMS.map(Connection::to);
    let platforms = Platforms::start(Options::default(), &connections).await;
    for platform in STOCK_PLATFORMS {
        let report = platforms
            .deliver_text(platform, "stock.update", RECORD)
            .await;
        assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
        assert!(platforms.stand_ins.violations(platform).is_empty());
        let requests = platforms.stand_ins.requests(platform);
        assert_eq!(requests.len(), 1, "{platform}");
        let found = fields(&requests[0]);
        // Each platform's own names; what it has no field for is not sent.
        let wanted: &[(&str, &str)] = match platform {
            "lingzhi" => &[
                ("type", r#""normal""#),
                ("key", r#""1001^^^红色""#),
                ("stock", "9007199254740993"),
                ("store_code", r#""2001""#),
            ],
            "fengchao" => &[
                ("code", "1001^^^红色"),
                ("stock_num", "9007199254740993"),
                ("store_id", "2001"),
                ("idempotent_id", "202206021500001001"),
            ],
            "doudian" => &[
                ("code", r#""1001^^^红色""#),
                ("stock_num", "9007199254740993"),
                ("store_id", "2001"),
                ("idempotent_id", r#""202206021500001001""#),
            ],
            _ => &[
                ("available", "9007199254740993"),
                ("sku_id", r#""1001^^^红色""#),
            ],
        };
        let public = ["appid", "seller_nick", "sign", "timestamp"];
        let found: BTreeMap<&str, &str> = found
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| !public.contains(name))
            .collect();
        assert_eq!(found, wanted.iter().copied().collect(), "{platform}");
    }
    let path = &platforms.stand_ins.requests("dingliyun")[0].path;
    assert_eq!(path, "/demo/invc/storeinvservice/store/2001/invs");

    // And each platform keeps the same stock of it.
    let stand_ins = &platforms.stand_ins;
    let stock = 9_007_199_254_740_993;
    let lingzhi = stand_ins.lingzhi();
    let kept = lingzhi.stock("normal", "1001^^^红色", "2001");
    assert_eq!(kept.map(|kept| kept.stock), Some(stock));
    let state = stand_ins.dingliyun().snapshot();
    let kept = state.store_inventory("2001", "1001^^^红色");
    assert_eq!(
        kept.map(|kept| kept.available),
        Decimal::parse("9007199254740993")
    );
    for platform in ["fengchao", "doudian"] {
        let state = stand_ins.state(platform).to_string();
        assert!(state.contains("9007199254740993"), "{platform}: {state}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_records_keeps_its_items_apart_on_every_platform() {
    let connections = STOCK_PLATFORMS.map(Connection::to);
    let platforms = Platforms::start(Options::default(), &connections).await;
    let list = json!([
        {"sku": "1001^^^红色", "quantity": 120, "location": "2001"},
        {"sku": "1002^^^蓝色", "location": "2001"},
        {"sku": "1003^^^黑色", "quantity": 0, "location": "2002"},
    ]);
    for platform in STOCK_PLATFORMS {
        let report = platforms.deliver(platform, "stock.update", &list).await;
        let found: Vec<_> = report
            .items
            .iter()
            .map(|item| (item.index, item.status, item.pointer.as_deref()))
            .collect();
        use ItemStatus::{Accepted, Failed};
        let wanted = [
            (0, Accepted, None),
            (1, Failed, Some("/quantity")),
            (2, Accepted, None),
        ];
        assert_eq!(found, wanted, "{platform}");
        assert!(platforms.stand_ins.violations(platform).is_empty());
    }
}

/// A change goes where the platform can take one, once; where it cannot, the
/// caller hears so and nothing is sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_counts_once_or_is_refused_before_it_is_sent() {
    let connections = STOCK_PLATFORMS.map(Connection::to);
    let platforms = Platforms::start(Options::default(), &connections).await;
    let stand_ins = &platforms.stand_ins;
    let set = json!({"sku": "1001^^^红色", "quantity": 10, "location": "2001"});
    let change = json!({"sku": "1001^^^红色", "quantity": -4, "location": "2001", "mode": "adjust", "idempotency_key": "order-7741"});
    for platform in STOCK_PLATFORMS {
        platforms.deliver(platform, "stock.update", &set).await;
        let before = stand_ins.counters(platform).received;
        let first = platforms.deliver(platform, "stock.update", &change).await;
        let again = platforms.deliver(platform, "stock.update", &change).await;
        let found = [&first, &again].map(|report| report.items[0].status);
        let sent = stand_ins.counters(platform).received - before;
        if ["fengchao", "doudian"].contains(&platform) {
            assert_eq!(found, [ItemStatus::Accepted, ItemStatus::Duplicate]);
            assert_eq!(sent, 2);
        } else {
            assert_eq!(found, [ItemStatus::Failed; 2], "{platform}");
            assert_eq!(sent, 0, "{platform}");
            let item = &first.items[0];
            assert_eq!(
                (item.blame, item.pointer.as_deref()),
                (Some(Blame::Caller), Some("/mode"))
            );
        }
    }
    // 10 - 4, once.
    for platform in ["fengchao", "doudian"] {
        let requests = stand_ins.requests(platform);
        let applied: Vec<bool> = requests
            .iter()
            .map(|request| request.verdict.applied)
            .collect();
        assert_eq!(applied, [true, true, false], "{platform}");
    }
}

/// Goods sold by weight have decimals where the platform has them; a platform
/// that counts pieces says so before anything is sent, and takes 3.0 as 3.
#[tokio::test(flavor = "multi_thread")]
async fn a_quantity_keeps_its_decimals_or_is_refused_where_the_platform_counts_pieces() {
    const RECORDS: &str = r#"[
        {"sku":"1001^^^红色","quantity":12.3750,"location":"2001"},
        {"sku":"1002^^^蓝色","quantity":3.0,"location":"2001"}]"#;
    let connections = STOCK_PLATFORMS.map(Connection::to);
    let platforms = Platforms::start(Options::default(), &connections).await;
    let stand_ins = &platforms.stand_ins;
    for platform in STOCK_PLATFORMS {
        let report = platforms
            .deliver_text(platform, "stock.update", RECORDS)
            .await;
        assert!(stand_ins.violations(platform).is_empty());
        let item = &report.items[0];
        if platform == "dingliyun" {
            assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
            let body = stand_ins.requests(platform)[0].body.clone();
            let body = String::from_utf8_lossy(&body);
            assert!(body.contains("\"available\":12.3750,"), "{body}");
            assert!(body.contains("\"available\":3.0,"), "{body}");
            let state = stand_ins.dingliyun().snapshot();
            let kept = state.store_inventory("2001", "1001^^^红色");
            assert_eq!(kept.map(|kept| kept.available), Decimal::parse("12.375"));
            continue;
        }
        assert_eq!(
            (item.status, item.blame, item.pointer.as_deref()),
            (ItemStatus::Failed, Some(Blame::Caller), Some("/quantity")),
            "{platform}"
        );
        let message = item.message.as_deref().unwrap_or_default();
        assert!(message.contains("whole numbers only"), "{message}");
        assert_eq!(report.items[1].status, ItemStatus::Accepted, "{platform}");
        let requests = stand_ins.requests(platform);
        assert_eq!(requests.len(), 1, "{platform}");
        let stock = fields(&requests[0]);
        let stock = stock.get("stock").or_else(|| stock.get("stock_num"));
        assert_eq!(stock.map(String::as_str), Some("3"), "{platform}");
    }
}

/// Whoever made the document hears that the platform counts pieces.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_makes_decimals_for_pieces_is_to_blame() {
    let script = "{sku: .key, quantity: (.stock / 2), location: \"2001\"}";
    let connection = Connection::to("lingzhi").script("stock.update", script);
    let platforms = Platforms::start(Options::default(), &[connection]).await;
    let report = platforms
        .deliver("lingzhi", "stock.update", &json!({"key": "1", "stock": 3}))
        .await;
    let item = &report.items[0];
    assert_eq!(
        (item.status, item.blame, item.pointer.as_deref()),
        (ItemStatus::Failed, Some(Blame::Script), Some("/quantity"))
    );
    assert_eq!(platforms.stand_ins.counters("lingzhi").received, 0);
}

/// An article is named in every way that the shop's document knows.
#[tokio::test(flavor = "multi_thread")]
async fn every_identification_of_the_shops_document_reaches_its_stock() {
    let connections = ["fengchao", "doudian"].map(Connection::to);
    let platforms = Platforms::start(Options::default(), &connections).await;
    let product = 3_539_925_204_033_339_668_u64;
    let list = json!([
        {"quantity": 1, "code": "dy001"},
        {"quantity": 2, "sku_id": 1737398770243598_u64},
        {"quantity": 3, "out_sku_id": "44354354"},
        {"quantity": 4, "product_id": product, "store_id": 12345},
        {"quantity": 5, "product_id": product, "location": "12346"},
        {"quantity": 6, "product_id": product},
        {"quantity": 7, "store_id": 12345},
    ]);
    for platform in ["fengchao", "doudian"] {
        let report = platforms.deliver(platform, "stock.update", &list).await;
        let found: Vec<_> = report
            .items
            .iter()
            .map(|item| (item.status, item.pointer.as_deref()))
            .collect();
        let accepted = (ItemStatus::Accepted, None);
        let refused = (ItemStatus::Failed, Some("/sku"));
        assert_eq!(found[..5], [accepted; 5], "{platform}: {report:?}");
        assert_eq!(found[5..], [refused; 2], "{platform}");
        assert!(platforms.stand_ins.violations(platform).is_empty());
        let state = platforms.stand_ins.state(platform);
        let kept: BTreeMap<&str, i64> = state["stock"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|stock| Some((stock["sku"].as_str()?, stock["stock_num"].as_i64()?)))
            .collect();
        let wanted = [
            ("code:dy001", 1),
            ("sku_id:1737398770243598", 2),
            ("out_sku_id:44354354", 3),
            ("product_id:3539925204033339668/store:12345", 4),
            ("product_id:3539925204033339668/store:12346", 5),
        ];
        assert_eq!(kept, BTreeMap::from(wanted), "{platform}");
    }
}

/// What a schema demands, without what it tells people.
fn bare(schema: &Value) -> Value {
    let members = schema.as_object().into_iter().flatten();
    members
        .filter(|(name, _)| !["title", "description", "examples"].contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_core_is_the_same_in_every_stock_update() {
    const CORE: [&str; 6] = [
        "sku",
        "quantity",
        "mode",
        "location",
        "location_kind",
        "idempotency_key",
    ];
    let connections = PLATFORMS.map(Connection::to);
    let platforms = Platforms::start(Options::default(), &connections).await;
    let snapshot = platforms.host.snapshot();
    let mut cores = BTreeMap::new();
    for (name, adapter) in &snapshot.adapters {
        let Some(operation) = adapter.manifest.operation("stock.update") else {
            continue;
        };
        let document = &operation.document;
        let fields: BTreeMap<&str, Value> = CORE
            .iter()
            .map(|field| (*field, bare(&document["properties"][field])))
            .collect();
        assert!(fields.values().all(|field| *field != json!({})), "{name}");
        let own = document["properties"].as_object().into_iter().flatten();
        println!(
            "{name}: {:?} beside the core",
            own.map(|(field, _)| field)
                .filter(|field| !CORE.contains(&field.as_str()))
                .collect::<Vec<_>>()
        );
        // What the core has is enough everywhere; a platform may do with less.
        for field in document["required"].as_array().into_iter().flatten() {
            assert!(["sku", "quantity"].contains(&field.as_str().unwrap_or_default()));
        }
        let core = (
            fields,
            document["additionalProperties"].clone(),
            document["type"].clone(),
        );
        cores.insert(name.clone(), core);
    }
    let names: Vec<&str> = cores.keys().map(|name| name.as_ref()).collect();
    let mut expected = STOCK_PLATFORMS.to_vec();
    expected.push("shopify");
    expected.sort_unstable();
    assert_eq!(names, expected);
    let first = &cores["lingzhi"];
    for (name, core) in &cores {
        assert_eq!(core, first, "{name}");
    }
}
