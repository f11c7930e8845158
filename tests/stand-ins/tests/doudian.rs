//! 抖店's own sku.syncStock.

mod common;

use common::*;
use crossdock_stand_ins::digest::{hmac_sha256_hex, md5_hex};
use crossdock_stand_ins::{Breach, Clock, Misbehaviour, Options, Refusal, StandIns, Times};

/// 2025-01-02 03:04:05 in China.
const NOW: i64 = 1_735_758_245;
const STAMP: &str = "2025-01-02 03:04:05";
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const INCREMENT: &str =
    r#"{"code":"dy001","idempotent_id":"202206021500001001","incremental":true,"stock_num":-5}"#;

fn query(body: &str, timestamp: &str, sign_method: Option<&str>) -> Vec<(&'static str, String)> {
    let text = format!(
        "secretapp_keyapp-keymethodsku.syncStockparam_json{body}timestamp{timestamp}v2secret"
    );
    let sign = match sign_method {
        Some("hmac-sha256") => hmac_sha256_hex("secret", &text),
        _ => md5_hex(&text),
    };
    let mut query = vec![
        ("app_key", "app-key".to_owned()),
        ("method", "sku.syncStock".to_owned()),
        ("access_token", "token-demo".to_owned()),
        ("timestamp", timestamp.to_owned()),
        ("v", "2".to_owned()),
        ("sign", sign),
    ];
    query.extend(sign_method.map(|method| ("sign_method", method.to_owned())));
    query
}

async fn post(stand_ins: &StandIns, query: &[(&str, String)], body: &str) -> Reply {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    let target = format!("/sku/syncStock?{query}");
    send(stand_ins, "doudian", "POST", &target, JSON, body.to_owned()).await
}

async fn update(stand_ins: &StandIns, body: &str) -> Reply {
    post(stand_ins, &query(body, STAMP, Some("hmac-sha256")), body).await
}

async fn start_then() -> StandIns {
    start_with(Options {
        clock: Clock::Fixed(NOW),
        ..Options::default()
    })
    .await
}

/// Computed, not published: the project's doudian vectors.
#[test]
fn the_tests_sign_as_the_known_vectors_do() {
    let sign = |method| query(INCREMENT, STAMP, method)[5].1.clone();
    assert_eq!(
        sign(Some("hmac-sha256")),
        "5ef4e49f16efd74782e04b31c9797004152d52c02804f7c1bbe8ca726bb437f3"
    );
    assert_eq!(sign(None), "785ea2707aef18c2d36c86472c8f2b17");
}

#[tokio::test]
async fn both_digests_and_both_spellings_of_time_are_accepted() {
    let stand_ins = start_then().await;
    let body = r#"{"code":"dy001","stock_num":10}"#;
    let unix = NOW.to_string();
    for (timestamp, method) in [
        (STAMP, Some("hmac-sha256")),
        (STAMP, Some("md5")),
        (&unix, None),
    ] {
        let reply = post(&stand_ins, &query(body, timestamp, method), body)
            .await
            .json();
        assert_eq!(
            (&reply["code"], &reply["msg"], &reply["data"]),
            (&parse("10000"), &parse("\"success\""), &parse("{}"))
        );
        assert!(reply["log_id"].as_str().is_some_and(|id| !id.is_empty()));
    }
    assert_eq!(stand_ins.violations("doudian"), []);
    assert_eq!(
        stand_ins
            .doudian()
            .stock("code:dy001")
            .map(|stock| stock.stock),
        Some(10)
    );
}

#[tokio::test]
async fn a_repeat_is_40010_and_is_not_applied() {
    let stand_ins = start_then().await;
    stand_ins.doudian().set_stock("code:dy001", 12);
    assert_eq!(update(&stand_ins, INCREMENT).await.json()["code"], 10000);
    let repeat = update(&stand_ins, INCREMENT).await.json();
    assert_eq!(repeat["code"], 40004);
    assert_eq!(repeat["sub_code"], "isv.parameter-invalid:40010");
    assert_eq!(repeat["sub_msg"], "[idempotent_id]重复，操作已执行");
    assert_eq!(stand_ins.violations("doudian"), []);
    assert_eq!(
        stand_ins
            .doudian()
            .stock("code:dy001")
            .map(|stock| stock.stock),
        Some(7)
    );
}

#[tokio::test]
async fn too_little_stock_is_refused() {
    let stand_ins = start_then().await;
    let reply = update(&stand_ins, INCREMENT).await.json();
    assert_eq!(
        (&reply["code"], &reply["sub_msg"]),
        (&parse("50002"), &parse("\"更新库存数失败: 库存不足\""))
    );
    assert_eq!(stand_ins.counters("doudian").applied, 0);
}

#[tokio::test]
async fn nineteen_digits_arrive_as_they_were_sent() {
    let stand_ins = start_then().await;
    let body = r#"{"out_warehouse_id":"dy123","product_id":3539925204033339668,"sku_id":1737398770243598,"stock_num":1}"#;
    assert_eq!(update(&stand_ins, body).await.json()["code"], 10000);
    let key = "product_id:3539925204033339668/sku_id:1737398770243598/warehouse:dy123";
    assert!(stand_ins.doudian().stock(key).is_some());
}

#[tokio::test]
async fn public_parameters_fail_with_their_published_codes() {
    let stand_ins = start_then().await;
    let body = r#"{"code":"a","stock_num":1}"#;
    let changed = |name: &str, value: Option<&str>| {
        let mut list = query(body, STAMP, Some("hmac-sha256"));
        match value {
            Some(value) => list
                .iter_mut()
                .filter(|pair| pair.0 == name)
                .for_each(|pair| value.clone_into(&mut pair.1)),
            None => list.retain(|pair| pair.0 != name),
        }
        list
    };
    let cases = [
        (
            changed("sign", None),
            40001,
            "isv.signature-missing",
            Breach::Missing,
        ),
        (
            changed("access_token", None),
            40001,
            "isv.access-token-missing",
            Breach::Missing,
        ),
        (
            changed("app_key", None),
            40001,
            "isv.app-id-missing",
            Breach::Missing,
        ),
        (
            changed("timestamp", None),
            40001,
            "isv.parameter-missing",
            Breach::Missing,
        ),
        (
            changed("app_key", Some("x")),
            40003,
            "isv.app-id-invalid",
            Breach::Credentials,
        ),
        (
            changed("access_token", Some("x")),
            40003,
            "isv.access-token-no-existed",
            Breach::Credentials,
        ),
        (
            changed("v", Some("1")),
            40003,
            "isv.parameter-invalid",
            Breach::Enumeration,
        ),
        (
            changed("timestamp", Some("yesterday")),
            40003,
            "isv.timestamp-format-error",
            Breach::Type,
        ),
        (
            query(body, "2025-01-02 02:54:04", None),
            40003,
            "isv.timestamp-invalid",
            Breach::Time,
        ),
        (
            changed("sign", Some("00")),
            40003,
            "isv.signature-invalid",
            Breach::Signature,
        ),
        (
            query(INCREMENT, STAMP, None),
            40003,
            "isv.signature-invalid",
            Breach::Signature,
        ),
    ];
    for (query, code, sub_code, breach) in cases {
        let reply = post(&stand_ins, &query, body).await.json();
        assert_eq!(
            (&reply["code"], &reply["sub_code"]),
            (&parse(&code.to_string()), &sub_code.into())
        );
        assert_eq!(breaches(&stand_ins, "doudian"), [breach], "{sub_code}");
    }
    assert_eq!(stand_ins.counters("doudian").applied, 0);
    post(&stand_ins, &query(body, "2025-01-02 02:54:05", None), body).await;
    assert_eq!(breaches(&stand_ins, "doudian"), []);
}

#[tokio::test]
async fn a_body_that_is_signed_but_not_sorted_and_compact_is_refused() {
    let stand_ins = start_then().await;
    for body in [
        r#"{"stock_num":1,"code":"a"}"#,
        r#"{"code": "a","stock_num":1}"#,
        r#"{"code":"\u0061","stock_num":1}"#,
    ] {
        assert_eq!(
            update(&stand_ins, body).await.json()["sub_code"],
            "isv.signature-invalid"
        );
        assert_eq!(
            breaches(&stand_ins, "doudian"),
            [Breach::Encoding],
            "{body}"
        );
    }
}

#[tokio::test]
async fn each_departure_from_the_table_is_named() {
    let stand_ins = start_then().await;
    let cases = [
        (r#"{"code":"a"}"#, 40002, Breach::Missing),
        (r#"{"stock_num":1}"#, 40002, Breach::Missing),
        (
            r#"{"code":"a","incremental":true,"stock_num":1}"#,
            40002,
            Breach::Missing,
        ),
        (r#"{"code":"a","stock_num":"1"}"#, 40004, Breach::Type),
        (r#"{"code":"a","stock_num":1.5}"#, 40004, Breach::Type),
        (r#"{"code":"a","stock_num":-1}"#, 40004, Breach::Range),
        (
            r#"{"code":"a","product_id":353992520403333966,"stock_num":1}"#,
            40004,
            Breach::Range,
        ),
        (r#"{"sku_id":"1","stock_num":1}"#, 40004, Breach::Type),
        (
            r#"{"code":"a","qty":1,"stock_num":1}"#,
            40004,
            Breach::Unknown,
        ),
        (
            r#"{"code":"a","stock_num":1,"store_id":null}"#,
            40004,
            Breach::Type,
        ),
    ];
    for (body, code, breach) in cases {
        assert_eq!(
            update(&stand_ins, body).await.json()["code"],
            code,
            "{body}"
        );
        assert_eq!(breaches(&stand_ins, "doudian"), [breach], "{body}");
    }
}

#[tokio::test]
async fn a_query_that_is_not_encoded_is_named() {
    let stand_ins = start_then().await;
    let body = r#"{"code":"a","stock_num":1}"#;
    let query = query(body, STAMP, None);
    let query: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace(' ', "+")))
        .collect();
    let target = format!("/sku/syncStock?{}", query.join("&"));
    send(&stand_ins, "doudian", "POST", &target, JSON, body).await;
    assert_eq!(
        breaches(&stand_ins, "doudian"),
        [],
        "a colon and a plus may stand for themselves"
    );
    send(
        &stand_ins,
        "doudian",
        "POST",
        &format!("{target}&sign_method=%e4"),
        JSON,
        body,
    )
    .await;
    assert_eq!(breaches(&stand_ins, "doudian"), [Breach::Encoding]);
}

#[tokio::test]
async fn another_path_is_an_api_that_is_offline() {
    let stand_ins = start_then().await;
    let reply = send(&stand_ins, "doudian", "POST", "/sku/other", JSON, "{}")
        .await
        .json();
    assert_eq!(
        (&reply["code"], &reply["sub_code"]),
        (&parse("70000"), &parse("\"isp.api-service-off\""))
    );
    assert_eq!(breaches(&stand_ins, "doudian"), [Breach::Path]);
}

#[tokio::test]
async fn throttling_and_refusals_come_in_the_platforms_envelope() {
    let stand_ins = start_then().await;
    stand_ins.misbehave("doudian", Misbehaviour::ThrottledByPlatform, Times::Once);
    let reply = update(&stand_ins, INCREMENT).await.json();
    assert_eq!(
        (&reply["code"], &reply["sub_code"]),
        (&parse("60000"), &parse("\"isv.traffic-limited\""))
    );
    let busy = Refusal::new(50002, "2010401:系统繁忙，请稍后再试")
        .with_sub_code("isv.business-failed:2010401");
    stand_ins.misbehave("doudian", Misbehaviour::Refuse(busy), Times::Once);
    let reply = update(&stand_ins, INCREMENT).await.json();
    assert_eq!(
        (&reply["code"], &reply["msg"]),
        (&parse("50002"), &parse("\"业务处理失败\""))
    );
    assert_eq!(reply["sub_code"], "isv.business-failed:2010401");
}
