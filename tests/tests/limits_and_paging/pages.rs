//! Pages: one as it was asked for, or all of them as one result.

use crossdock::report::ItemStatus;
use crossdock_stand_ins::platforms::dingliyun::{Entity, State};
use crossdock_stand_ins::{Misbehaviour, Options, Plan, Recorded, Times};
use crossdock_tests::platforms::{Connection, Platforms, code, data, message};
use serde_json::{Map, Value, json};

/// The queries of 004 and the lists of their answers.
const QUERIES: [(&str, &str); 3] = [
    ("brand.query", "brands"),
    ("category.query", "categories"),
    ("sku.search", "skus"),
];

/// As many brands, categories and skus, called n000000 and so on.
fn fill(platforms: &Platforms, count: usize) {
    let entities = || {
        (0..count).map(|index| {
            let id = format!("n{index:06}");
            let mut fields = Map::new();
            fields.insert("id".into(), json!(id));
            fields.insert("name".into(), json!("耐克"));
            let entity = Entity {
                fields,
                ..Entity::default()
            };
            (id, entity)
        })
    };
    platforms.stand_ins.dingliyun().change(|state: &mut State| {
        state.brands = entities().collect();
        state.categories = entities().collect();
        state.skus = entities().collect();
    });
}

fn ids(result: &Value, list: &str) -> Vec<String> {
    let rows = result[list].as_array().into_iter().flatten();
    rows.filter_map(|row| row["id"].as_str())
        .map(str::to_owned)
        .collect()
}

fn expected(rows: std::ops::Range<usize>) -> Vec<String> {
    rows.map(|index| format!("n{index:06}")).collect()
}

/// `page` and `page_size` of each request.
fn asked(requests: &[Recorded]) -> Vec<(String, String)> {
    let value = |request: &Recorded, name: &str| {
        let value = request.query_value(name);
        value.unwrap_or("absent").to_owned()
    };
    requests
        .iter()
        .map(|request| (value(request, "page"), value(request, "page_size")))
        .collect()
}

fn pair(page: &str, size: &str) -> (String, String) {
    (page.to_owned(), size.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_asked_for_as_it_was_given() {
    let platforms = Platforms::start(Options::default(), &[Connection::to("dingliyun")]).await;
    for (operation, list) in QUERIES {
        for (document, sent, rows) in [
            (json!({}), pair("absent", "absent"), 0..25),
            (json!({"page": 0}), pair("0", "absent"), 0..25),
            (json!({"page_size": 10}), pair("absent", "10"), 0..10),
            (json!({"page": 1, "page_size": 10}), pair("1", "10"), 10..20),
            (json!({"page": 2, "page_size": 10}), pair("2", "10"), 20..25),
            (json!({"page_size": 10, "page": 3}), pair("3", "10"), 25..25),
        ] {
            platforms.stand_ins.reset("dingliyun");
            fill(&platforms, 25);
            let report = platforms.deliver("dingliyun", operation, &document).await;
            let item = &report.items[0];
            assert_eq!(item.status, ItemStatus::Accepted, "{document}: {item:?}");
            let requests = platforms.stand_ins.requests("dingliyun");
            assert_eq!(asked(&requests), [sent], "{operation} {document}");
            assert_eq!(
                ids(&data(item), list),
                expected(rows),
                "{operation} {document}"
            );
            // Where the page is is said in the query, not in the filter.
            assert_eq!(requests[0].json(), json!({}));
        }
    }
    assert!(platforms.stand_ins.violations("dingliyun").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn all_pages_come_as_one_result_in_their_order() {
    let platforms = Platforms::start(Options::default(), &[Connection::to("dingliyun")]).await;
    for (operation, list) in QUERIES {
        for (rows, pages) in [(0, 1), (1, 1), (9, 1), (10, 1), (11, 2), (20, 2), (25, 3)] {
            platforms.stand_ins.reset("dingliyun");
            fill(&platforms, rows);
            let document = json!({"all": true, "page_size": 10});
            let report = platforms.deliver("dingliyun", operation, &document).await;
            let item = &report.items[0];
            assert_eq!(
                item.status,
                ItemStatus::Accepted,
                "{operation} {rows}: {item:?}"
            );
            let wanted: Vec<_> = (0..pages)
                .map(|page| pair(&page.to_string(), "10"))
                .collect();
            let requests = platforms.stand_ins.requests("dingliyun");
            assert_eq!(asked(&requests), wanted, "{operation} {rows}");
            let result = data(item);
            assert_eq!(ids(&result, list), expected(0..rows), "{operation} {rows}");
            assert_eq!(result["total"], json!(rows));
        }
    }
    assert!(platforms.stand_ins.violations("dingliyun").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setting_gives_the_page_size_of_all_pages() {
    let small = Connection::to("dingliyun")
        .named("small")
        .setting("page_size", "7");
    let connections = [Connection::to("dingliyun"), small];
    let platforms = Platforms::start(Options::default(), &connections).await;
    for (connection, rows, size, pages) in [
        ("dingliyun", 999, "1000", 1),
        ("dingliyun", 1000, "1000", 1),
        ("dingliyun", 1001, "1000", 2),
        ("small", 6, "7", 1),
        ("small", 7, "7", 1),
        ("small", 8, "7", 2),
    ] {
        platforms.stand_ins.reset("dingliyun");
        fill(&platforms, rows);
        let document = json!({"all": true});
        let report = platforms.deliver(connection, "sku.search", &document).await;
        let wanted: Vec<_> = (0..pages)
            .map(|page| pair(&page.to_string(), size))
            .collect();
        assert_eq!(asked(&platforms.stand_ins.requests("dingliyun")), wanted);
        assert_eq!(ids(&data(&report.items[0]), "skus"), expected(0..rows));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_pages_than_the_host_follows_are_reported_and_not_cut_off() {
    let platforms = Platforms::start_configured(
        Options::default(),
        &["dingliyun", "wangdian"].map(Connection::to),
        "[limits]\nfollow_up_requests = 2\n",
    )
    .await;
    // The first page and two that follow it.
    for (rows, goes) in [(29, true), (30, true), (31, false)] {
        platforms.stand_ins.reset("dingliyun");
        fill(&platforms, rows);
        let document = json!({"all": true, "page_size": 10});
        let report = platforms
            .deliver("dingliyun", "brand.query", &document)
            .await;
        let item = &report.items[0];
        assert_eq!(platforms.stand_ins.counters("dingliyun").received, 3);
        if goes {
            assert_eq!(ids(&data(item), "brands"), expected(0..rows));
        } else {
            assert_eq!(item.status, ItemStatus::Failed, "{item:?}");
            assert_eq!(code(item), "too-many-follow-ups");
            for said in ["2 follow-up", "follow_up_requests"] {
                assert!(message(item).contains(said), "{item:?}");
            }
            assert!(item.data.is_none(), "{item:?}");
        }
    }
    for (ids, goes) in [(20, true), (21, false)] {
        pending(&platforms, ids);
        let document = json!({"all": true, "count": 10});
        let report = platforms
            .deliver("wangdian", "stock.pending", &document)
            .await;
        let item = &report.items[0];
        assert_eq!(item.status == ItemStatus::Accepted, goes, "{ids}: {item:?}");
        if !goes {
            assert_eq!(code(item), "too-many-follow-ups");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_fails_makes_no_shorter_result() {
    let connection = Connection::to("dingliyun").limit("attempts", 1);
    let platforms = Platforms::start(Options::default(), &[connection]).await;
    fill(&platforms, 25);
    let fault = Plan::new(Misbehaviour::Http500).times(Times::Always);
    platforms
        .stand_ins
        .misbehave_as("dingliyun", fault.only("page=1"));
    let document = json!({"all": true, "page_size": 10});
    let report = platforms
        .deliver("dingliyun", "brand.query", &document)
        .await;
    let item = &report.items[0];
    assert_eq!(code(item), "http-500");
    assert!(item.data.is_none(), "{item:?}");
    // Tried again it begins with the first page.
    platforms.stand_ins.behave("dingliyun");
    let report = platforms
        .deliver("dingliyun", "brand.query", &document)
        .await;
    assert_eq!(ids(&data(&report.items[0]), "brands"), expected(0..25));
}

/// Makes exactly so many ids of 旺店通 pending, from 1 on.
fn pending(platforms: &Platforms, count: i64) {
    platforms.stand_ins.reset("wangdian");
    let wangdian = platforms.stand_ins.wangdian();
    wangdian.clear_pending();
    for id in 1..=count {
        wangdian.put_api_goods(id, 1);
        wangdian.change_stock(id, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_are_followed_until_a_page_is_empty() {
    let platforms = Platforms::start(Options::default(), &[Connection::to("wangdian")]).await;
    for (count, pages) in [(0, 1), (9, 2), (10, 2), (11, 3), (25, 4)] {
        pending(&platforms, count);
        let document = json!({"all": true, "count": 10});
        let report = platforms
            .deliver("wangdian", "stock.pending", &document)
            .await;
        let result = data(&report.items[0]);
        let wanted: Vec<i64> = (1..=count).collect();
        assert_eq!(result["id_list"], json!(wanted), "{count}");
        let requests = platforms.stand_ins.requests("wangdian");
        assert_eq!(requests.len(), pages, "{count}");
        assert!(
            requests
                .iter()
                .all(|request| request.json()[0] == json!(10))
        );
        assert_eq!(requests[0].json()[1], json!(0));
    }
    // One page, and the one after its position.
    pending(&platforms, 25);
    let page = platforms
        .deliver("wangdian", "stock.pending", &json!({"count": 10}))
        .await;
    let page = data(&page.items[0]);
    assert_eq!(page["id_list"], json!((1..=10).collect::<Vec<_>>()));
    let document = json!({"count": 10, "position": page["position"]});
    let next = platforms
        .deliver("wangdian", "stock.pending", &document)
        .await;
    let next = data(&next.items[0]);
    assert_eq!(next["id_list"], json!((11..=20).collect::<Vec<_>>()));
    assert_eq!(platforms.stand_ins.counters("wangdian").received, 2);
    assert!(platforms.stand_ins.violations("wangdian").is_empty());
}
