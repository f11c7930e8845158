//! How many requests arrive for so many items, and how many rows each carries.

use crossdock::problem::Blame;
use crossdock::report::{DeliveryStatus, ItemStatus};
use crossdock_stand_ins::{Options, Recorded};
use crossdock_tests::platforms::{Connection, Platforms, problems_of};
use serde_json::{Value, json};

/// One operation's limit.
struct Limit {
    platform: &'static str,
    operation: &'static str,
    /// A setting of the connection, if it is not the document's number.
    setting: Option<(&'static str, &'static str)>,
    /// Most rows of one request.
    most: usize,
    /// The list in the body; empty where the body is the list or a request has
    /// one item only.
    list: &'static str,
    item: fn(usize) -> Value,
}

const fn of(platform: &'static str, operation: &'static str, most: usize) -> Limit {
    Limit {
        platform,
        operation,
        setting: None,
        most,
        list: "",
        item: |index| json!({"sku": format!("{index}^^^a"), "quantity": index, "location": "S1"}),
    }
}

impl Limit {
    const fn list(mut self, pointer: &'static str) -> Self {
        self.list = pointer;
        self
    }

    const fn item(mut self, item: fn(usize) -> Value) -> Self {
        self.item = item;
        self
    }

    const fn set(mut self, name: &'static str, value: &'static str) -> Self {
        self.setting = Some((name, value));
        self
    }

    fn connection(&self) -> Connection {
        let plain = Connection::to(self.platform);
        match self.setting {
            None => plain,
            Some((name, value)) => plain.named(self.connection_name()).setting(name, value),
        }
    }

    fn connection_name(&self) -> String {
        match self.setting {
            None => self.platform.to_owned(),
            Some((name, value)) => format!("{}-{name}-{value}", self.platform).replace('_', "-"),
        }
    }

    /// Rows of a request that arrived.
    fn rows(&self, request: &Recorded) -> usize {
        if self.most == 1 {
            return 1;
        }
        let body = request.json();
        let list = body.pointer(self.list).and_then(Value::as_array);
        list.map_or(0, Vec::len)
    }
}

fn goods(index: usize) -> Value {
    json!({"goods_no": format!("G{index}"), "goods_name": "苹果",
        "spec_list": [{"spec_no": format!("G{index}-1")}]})
}

fn named(index: usize) -> Value {
    json!({"id": format!("n{index}"), "name": "耐克"})
}

fn in_store(index: usize) -> Value {
    json!({"sku_id": format!("s{index}"), "store_id": "S1"})
}

fn in_warehouse(index: usize) -> Value {
    json!({"sku": format!("s{index}"), "quantity": 1, "location": "W1", "location_kind": "warehouse"})
}

/// What the documents say, and what the settings make of their silence.
fn limits() -> Vec<Limit> {
    let goods_push = of("wangdian", "goods.push", 50).list("/0").item(goods);
    let shelves = |index| json!({"sku_id": format!("s{index}"), "store_id": "S1", "shelf_position_codes": ["A"]});
    vec![
        // 003: spu维度一次不超过50条.
        goods_push,
        // 004: 每次更新不超过100条.
        of("dingliyun", "brand.update", 100)
            .list("/brands")
            .item(named),
        of("dingliyun", "sku.update", 100).list("/skus").item(named),
        of("dingliyun", "image.update", 100)
            .list("/sku_images")
            .item(
                |index| json!({"sku_id": format!("s{index}"), "image": {"url": "http://aa.png"}}),
            ),
        of("dingliyun", "store-sku.update", 100)
            .list("/store_skus")
            .item(in_store),
        of("dingliyun", "shelf.update", 100)
            .list("/store_sku_shelf_position_codes")
            .item(shelves),
        // One thing at a time.
        of("fengchao", "stock.update", 1)
            .item(|index| json!({"sku": format!("s{index}"), "quantity": index})),
        of("doudian", "stock.update", 1)
            .item(|index| json!({"sku": format!("s{index}"), "quantity": index})),
        of("wangdian", "stock.calc", 1).item(|_| json!({"api_goods_id": 2447})),
        of("wangdian", "stock.pending", 1).item(|_| json!({})),
        of("dingliyun", "sku.list", 1).item(|index| json!({"ids": [format!("s{index}")]})),
        of("dingliyun", "order.stocks", 1)
            .item(|index| json!({"sku_ids": [format!("s{index}")], "store_id": "S1"})),
        // Silence: the setting `batch_size`, 100 if it is not set.
        of("lingzhi", "stock.update", 100),
        of("dingliyun", "stock.update", 100).list("/skus"),
        of("dingliyun", "stock.update", 100)
            .list("/skus")
            .item(in_warehouse),
        of("dingliyun", "category.update", 100)
            .list("/categories")
            .item(named),
        of("dingliyun", "product.update", 100)
            .list("/products")
            .item(named),
        of("dingliyun", "tag.update", 100)
            .list("/tags")
            .item(|index| json!({"code": format!("t{index}"), "name": "新品"})),
        of("dingliyun", "price.update", 100)
            .list("/skus")
            .item(in_store),
        // The setting at its own edges.
        of("lingzhi", "stock.update", 1).set("batch_size", "1"),
        of("lingzhi", "stock.update", 1000).set("batch_size", "1000"),
        of("dingliyun", "stock.update", 1).set("batch_size", "1"),
        of("dingliyun", "stock.update", 1000)
            .list("/skus")
            .set("batch_size", "1000"),
        of("dingliyun", "category.update", 1000)
            .list("/categories")
            .item(named)
            .set("batch_size", "1000"),
        // It makes the document's number smaller, never larger.
        of("dingliyun", "brand.update", 7)
            .list("/brands")
            .item(named)
            .set("batch_size", "7"),
        of("dingliyun", "brand.update", 100)
            .list("/brands")
            .item(named)
            .set("batch_size", "1000"),
    ]
}

/// `count` items in requests of at most `most`.
fn sizes(count: usize, most: usize) -> Vec<usize> {
    let mut sizes = vec![most; count / most];
    if !count.is_multiple_of(most) {
        sizes.push(count % most);
    }
    sizes
}

#[tokio::test(flavor = "multi_thread")]
async fn items_arrive_in_requests_of_the_documents_or_the_settings_size() {
    let limits = limits();
    let mut connections: Vec<Connection> = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    for limit in &limits {
        if names.insert(limit.connection_name()) {
            connections.push(limit.connection());
        }
    }
    let platforms = Platforms::start(Options::default(), &connections).await;
    println!("platform  operation         most  items: rows of each request");
    let mut wrong = Vec::new();
    for limit in &limits {
        let most = limit.most;
        let mut counts = vec![most - 1, most, most + 1, 2 * most, 2 * most + 1];
        counts.retain(|count| *count > 0);
        counts.dedup();
        for count in counts {
            platforms.stand_ins.reset(limit.platform);
            let items: Vec<Value> = (0..count).map(limit.item).collect();
            let name = limit.connection_name();
            let report = platforms
                .deliver(&name, limit.operation, &Value::Array(items))
                .await;
            let requests = platforms.stand_ins.requests(limit.platform);
            let rows = requests.iter().map(|request| limit.rows(request));
            let mut found: Vec<usize> = rows.collect();
            // Several are on their way at once; which arrives first is chance.
            found.sort_unstable_by(|one, other| other.cmp(one));
            let line = format!(
                "{:<9} {:<17} {most:>4}  {count}: {found:?}",
                limit.platform, limit.operation
            );
            println!("{line}");
            if found != sizes(count, most) {
                wrong.push(format!("{line}, not {:?}", sizes(count, most)));
            }
            let violations = platforms.stand_ins.violations(limit.platform);
            if report.status != DeliveryStatus::Accepted || !violations.is_empty() {
                wrong.push(format!("{line}: {:?} {violations:?}", report.status));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// 003: 一个goodsInfo下sku维度一次不超过500条.
#[tokio::test(flavor = "multi_thread")]
async fn goods_of_more_than_500_skus_fail_alone() {
    let platforms = Platforms::start(Options::default(), &[Connection::to("wangdian")]).await;
    let goods = |number: usize, skus: usize| {
        let specs: Vec<Value> = (0..skus)
            .map(|sku| json!({"spec_no": format!("G{number}-{sku}")}))
            .collect();
        json!({"goods_no": format!("G{number}"), "goods_name": "苹果", "spec_list": specs})
    };
    let counts = [499, 500, 501, 1, 0];
    let items: Vec<Value> = counts
        .iter()
        .enumerate()
        .map(|(number, skus)| goods(number, *skus))
        .collect();
    let report = platforms
        .deliver("wangdian", "goods.push", &Value::Array(items))
        .await;
    for (item, skus) in report.items.iter().zip(counts) {
        let expected = match skus {
            1..=500 => (ItemStatus::Accepted, None, None),
            _ => (ItemStatus::Failed, Some(Blame::Caller), Some("/spec_list")),
        };
        let found = (item.status, item.blame, item.pointer.as_deref());
        assert_eq!(found, expected, "{skus} SKUs: {item:?}");
    }
    let requests = platforms.stand_ins.requests("wangdian");
    let sent: Vec<usize> = requests[0].json()[0]
        .as_array()
        .expect("goods")
        .iter()
        .map(|goods| goods["spec_list"].as_array().map_or(0, Vec::len))
        .collect();
    assert_eq!((requests.len(), sent), (1, vec![499, 500, 1]));
    assert!(platforms.stand_ins.violations("wangdian").is_empty());
}

/// A setting is checked when the tenant is loaded, not when it is used.
#[tokio::test(flavor = "multi_thread")]
async fn a_setting_beyond_its_edges_keeps_the_tenant_out() {
    for (platform, setting, good, bad) in [
        ("lingzhi", "batch_size", ["1", "1000"], ["0", "1001"]),
        ("dingliyun", "batch_size", ["1", "1000"], ["0", "1001"]),
        ("dingliyun", "page_size", ["1", "1000"], ["0", "1001"]),
        (
            "wangdian",
            "rate_limit_pause_ms",
            ["0", "3600000"],
            ["-1", "3600001"],
        ),
        (
            "doudian",
            "rate_limit_pause_ms",
            ["0", "3600000"],
            ["-1", "3600001"],
        ),
    ] {
        for value in good {
            let problems = problems_of(&Connection::to(platform).setting(setting, value)).await;
            assert!(
                problems.is_empty(),
                "{platform} {setting} = {value}: {problems:?}"
            );
        }
        for value in bad {
            let problems = problems_of(&Connection::to(platform).setting(setting, value)).await;
            assert!(
                problems
                    .iter()
                    .any(|problem| problem.to_string().contains(setting)),
                "{platform} {setting} = {value}: {problems:?}"
            );
        }
    }
}
