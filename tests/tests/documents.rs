//! Records arrive byte for byte, and one that cannot be sent says what is wrong
//! with it while the others go.

use crossdock::host::{Call, Host};
use crossdock::problem::{Blame, Problem};
use crossdock::report::{DeliveryStatus, ItemStatus, Report};
use crossdock_stand_ins::{Options, StandIns};
use crossdock_tests::bed::{Bed, call, connection, deliver};
use crossdock_tests::guests;
use crossdock_tests::recorder::{Recorder, Reply};

/// Low, to go beyond it in one line.
const MOST_ITEMS: usize = 5;

/// Numbers that a binary float or a 64-bit integer would change, and texts in
/// the spelling of their sender.
const EXACT: &str = concat!(
    r#"{"id":1234567890123456789,"beyond":123456789012345678901234567890,"#,
    r#""price":12.3400,"rate":0.1000000000000000055511151231257827,"tiny":1E-400,"#,
    r#""zero":-0.0,"name":"灵智小程序","escaped":"\u7075\u667a\/","emoji":"😀","spec":"1^^^8G 白"}"#
);

fn limits() -> String {
    format!("[limits]\nguest_instances = 64\nitems_per_call = {MOST_ITEMS}\n")
}

struct Shop {
    platforms: StandIns,
    host: Host,
    _bed: Bed,
}

/// A tenant of the lingzhi stand-in.
async fn shop() -> Shop {
    let platforms = StandIns::start(Options::default())
        .await
        .expect("stand-ins");
    let bed = Bed::with_plugins(&["lingzhi"]);
    bed.configure(&limits());
    let shop = connection("shop", "lingzhi", &platforms.base_url("lingzhi"), "");
    bed.put_tenant("acme", "tenant.toml", &shop);
    Shop {
        host: bed.host_unwatched().await,
        platforms,
        _bed: bed,
    }
}

impl Shop {
    async fn update(&self, body: &str) -> Report {
        deliver(&self.host, stock_update(body)).await
    }

    async fn refused(&self, body: &str) -> Problem {
        let answer = self.host.call(stock_update(body)).await;
        answer.expect_err("the body is not acceptable")
    }
}

fn stock_update(body: &str) -> Call {
    call("acme", "shop", "stock.update", body)
}

/// The test adapter at a recording server, for documents of any shape.
async fn echo_bed(platform: &Recorder, settings: &str) -> Bed {
    let bed = Bed::new();
    bed.put_plugin("test", &guests::test_adapter("normal", "g1"));
    bed.configure(&limits());
    let shop = connection("shop", "test-adapter", &platform.base_url(), settings);
    for tenant in ["acme", "other"] {
        bed.put_tenant(tenant, "tenant.toml", &shop);
    }
    bed
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_records_arrive_byte_for_byte() {
    let shop = shop().await;
    let report = shop
        .update(
            r#"[ { "sku":"1234567890123456789^^^8Gú128G", "quantity": 9007199254740993, "location":"门店-001" },
                 {"location":"aaa","type":"group","quantity":-3,"sku":"2"},
                 {"sku":"3^^^\u767d\"\\","quantity":0,"location":"b/b"} ]"#,
        )
        .await;
    assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
    let requests = shop.platforms.requests("lingzhi");
    assert_eq!(requests.len(), 1);
    assert_eq!(
        String::from_utf8_lossy(&requests[0].body),
        concat!(
            r#"[{"type":"normal","key":"1234567890123456789^^^8Gú128G","stock":9007199254740993,"store_code":"门店-001"},"#,
            r#"{"type":"group","key":"2","stock":-3,"store_code":"aaa"},"#,
            r#"{"type":"normal","key":"3^^^白\"\\","stock":0,"store_code":"b/b"}]"#
        )
    );
    assert!(shop.platforms.violations("lingzhi").is_empty());
    let stock = shop.platforms.lingzhi();
    let stock = stock.stock("normal", "1234567890123456789^^^8Gú128G", "门店-001");
    assert_eq!(stock.map(|stock| stock.stock), Some(9_007_199_254_740_993));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_and_texts_keep_every_byte_there_and_back() {
    let platform = Recorder::answering(|_| Reply::json(EXACT)).await;
    let bed = echo_bed(&platform, "").await;
    let host = bed.host_unwatched().await;
    let report = deliver(&host, call("acme", "shop", "echo", EXACT)).await;
    assert_eq!(platform.last().text(), format!("[{EXACT}]"));
    let data = report.items[0].data.as_deref().expect("a result").get();
    assert_eq!(data, format!(r#"{{"generation":"g1","reply":{EXACT}}}"#));
    // What the interfaces answer is this text as it is.
    let answer = serde_json::to_string(&report).expect("JSON");
    assert!(answer.contains(data), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_the_bytes_that_would_be_sent() {
    let platform = Recorder::start().await;
    let bed = echo_bed(&platform, "").await;
    let host = bed.host_unwatched().await;
    let dry_run = host.dry_run(call("acme", "shop", "echo", EXACT)).await;
    let dry_run = dry_run.expect("a dry run");
    let body = dry_run.requests[0].body.as_deref();
    assert_eq!(body, Some(format!("[{EXACT}]").as_str()));
    assert_eq!(platform.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_keeps_every_digit() {
    let platform = Recorder::start().await;
    let bed = echo_bed(&platform, "mappings = { echo = \"echo.jq\" }").await;
    bed.put_plugin("script-jq", &guests::plugin("script-jq"));
    let script = r#"{id: ."编号", key: "\(."编号")^^^\(."规格")", price: ."价格"}"#;
    for tenant in ["acme", "other"] {
        bed.put_tenant(tenant, "echo.jq", script);
    }
    let host = bed.host_unwatched().await;
    let item = r#"{"编号":1234567890123456789,"规格":"8G 白","价格":1234567890123456.7890}"#;
    let report = deliver(&host, call("acme", "shop", "echo", item)).await;
    assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
    assert_eq!(
        platform.last().text(),
        r#"[{"id":1234567890123456789,"key":"1234567890123456789^^^8G 白","price":1234567890123456.7890}]"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pages_become_one_result() {
    let platform = Recorder::answering(|request| {
        let second = request.target.contains("page=2");
        Reply::json(if second {
            r#"{"rows":[3]}"#
        } else {
            r#"{"rows":[1,2]}"#
        })
    })
    .await;
    let bed = echo_bed(&platform, "settings = { mode = \"two-pages\" }").await;
    let host = bed.host_unwatched().await;
    let report = deliver(
        &host,
        call("acme", "shop", "echo", r#"{"repeatable":true}"#),
    )
    .await;
    assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
    assert_eq!((platform.count(), report.requests.len()), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_body_is_the_callers_fault_and_sends_nothing() {
    let shop = shop().await;
    let good = r#"{"sku":"1^^^a","quantity":1,"location":"s"}"#;
    let too_many = format!("[{}]", [good; MOST_ITEMS + 1].join(","));
    for (body, code, item) in [
        ("", "invalid-json", None),
        ("nonsense", "invalid-json", None),
        ("[{\"sku\":\"1\"", "invalid-json", None),
        ("{\"sku\":\"1\"} {}", "invalid-json", None),
        ("42", "invalid-json", None),
        ("\"text\"", "invalid-json", None),
        ("[]", "no-items", None),
        ("[{},7]", "invalid-json", Some(1)),
        (&too_many, "too-many-items", None),
    ] {
        let problem = shop.refused(body).await;
        let found = (problem.blame, &*problem.code, problem.item);
        assert_eq!(found, (Blame::Caller, code, item), "{body}: {problem}");
    }
    let problem = shop.host.call(Call {
        body: vec![b'[', 0xff, b']'].into(),
        ..stock_update("")
    });
    assert_eq!(problem.await.expect_err("no UTF-8").code, "invalid-json");
    assert_eq!(shop.platforms.counters("lingzhi").received, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_do_not_exist_are_told_apart() {
    let shop = shop().await;
    for (tenant, connection, operation, code) in [
        ("nobody", "shop", "stock.update", "unknown-tenant"),
        ("acme", "nowhere", "stock.update", "unknown-connection"),
        ("acme", "shop", "stock.burn", "unknown-operation"),
    ] {
        let answer = shop.host.call(call(tenant, connection, operation, "{}"));
        let problem = answer.await.expect_err("a problem");
        assert_eq!((problem.blame, &*problem.code), (Blame::Caller, code));
    }
    assert_eq!(shop.platforms.counters("lingzhi").received, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_item_names_its_field_and_the_others_go() {
    let shop = shop().await;
    for (bad, pointer) in [
        (r#"{"quantity":1,"location":"s"}"#, "/sku"),
        (r#"{"sku":"2^^^b","location":"s"}"#, "/quantity"),
        (
            r#"{"sku":"2^^^b","quantity":"1","location":"s"}"#,
            "/quantity",
        ),
        (r#"{"sku":7,"quantity":1,"location":"s"}"#, "/sku"),
        (
            r#"{"sku":"2^^^b","quantity":1,"location":"s","colour":"red"}"#,
            "/colour",
        ),
        (
            r#"{"sku":"2^^^b","quantity":1,"location":"s","a/b~c":1}"#,
            "/a~1b~0c",
        ),
        // These pass the schema; the adapter refuses them.
        (
            r#"{"sku":"2^^^b","quantity":1.5,"location":"s"}"#,
            "/quantity",
        ),
        (
            r#"{"sku":"2^^^b","quantity":1e99,"location":"s"}"#,
            "/quantity",
        ),
        (r#"{"sku":"2^^^b","quantity":1}"#, "/location"),
        (
            r#"{"sku":"2^^^b","quantity":1,"location":"s","mode":"adjust"}"#,
            "/mode",
        ),
    ] {
        let before = shop.platforms.counters("lingzhi").received;
        let report = shop
            .update(&format!(
                r#"[{{"sku":"1^^^a","quantity":1,"location":"s"}},{bad},{{"sku":"3^^^c","quantity":3,"location":"s"}}]"#
            ))
            .await;
        assert_eq!(report.status, DeliveryStatus::Partial, "{bad}");
        let statuses: Vec<_> = report.items.iter().map(|item| item.status).collect();
        use ItemStatus::{Accepted, Failed};
        assert_eq!(statuses, [Accepted, Failed, Accepted], "{bad}");
        let item = &report.items[1];
        assert_eq!(item.index, 1);
        assert_eq!(item.code.as_deref(), Some("invalid-document"), "{bad}");
        assert_eq!(item.blame, Some(Blame::Caller), "{bad}");
        assert_eq!(item.pointer.as_deref(), Some(pointer), "{bad}: {item:?}");
        // One request, with the other two rows only.
        assert_eq!(shop.platforms.counters("lingzhi").received - before, 1);
        let rows = shop.platforms.requests("lingzhi");
        let rows = rows.last().map(|request| request.json());
        assert_eq!(rows.and_then(|rows| Some(rows.as_array()?.len())), Some(2));
    }
    assert!(shop.platforms.violations("lingzhi").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn when_every_item_is_bad_nothing_is_sent() {
    let shop = shop().await;
    let report = shop.update(r#"[{"sku":"1^^^a"},{"quantity":1}]"#).await;
    assert_eq!(report.status, DeliveryStatus::Failed);
    assert_eq!(report.requests.len(), 0);
    assert_eq!(shop.platforms.counters("lingzhi").received, 0);
}

/// Keys of a call's items as they arrived.
async fn keys(host: &Host, platform: &Recorder, call: Call) -> Vec<String> {
    deliver(host, call).await;
    let request = platform.last();
    let keys = request.header("x-item-keys").expect("keys");
    keys.split(',').map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_gives_equal_item_keys() {
    let platform = Recorder::start().await;
    let bed = echo_bed(
        &platform,
        "settings = { send_keys = true, per_request = 9 }",
    )
    .await;
    let host = bed.host_unwatched().await;
    let keyed = |tenant: &str, key: Option<&str>| Call {
        idempotency_key: key.map(str::to_owned),
        ..call(tenant, "shop", "echo", "[{},{}]")
    };
    let first = keys(&host, &platform, keyed("acme", Some("order-1"))).await;
    assert_eq!(first.len(), 2);
    assert_ne!(first[0], first[1]);
    let again = keys(&host, &platform, keyed("acme", Some("order-1"))).await;
    assert_eq!(again, first);
    let mut seen = first;
    for other in [
        keyed("acme", Some("order-2")),
        keyed("other", Some("order-1")),
        keyed("acme", None),
        keyed("acme", None),
    ] {
        for key in keys(&host, &platform, other).await {
            assert!(!seen.contains(&key), "{key} was there already");
            seen.push(key);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_items_key_stays_the_same_over_attempts() {
    let platform = Recorder::answering(|_| Reply::text(503, "not now")).await;
    let bed = echo_bed(&platform, "settings = { send_keys = true }").await;
    let host = bed.host_unwatched().await;
    deliver(
        &host,
        call("acme", "shop", "echo", r#"{"repeatable":true}"#),
    )
    .await;
    let requests = platform.requests();
    let keys: Vec<_> = requests.iter().map(|it| it.header("x-item-keys")).collect();
    assert_eq!(keys.len(), 3);
    assert!(
        keys[0].is_some() && keys.iter().all(|key| *key == keys[0]),
        "{keys:?}"
    );
}
