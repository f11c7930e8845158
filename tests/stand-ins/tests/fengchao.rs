//! Seed document 001: 全量/增量更新商品sku库存.

mod common;

use common::*;
use crossdock_stand_ins::digest::md5_hex;
use crossdock_stand_ins::platforms::fengchao::Repeat;
use crossdock_stand_ins::platforms::shop_stock::UnknownSku;
use crossdock_stand_ins::{Breach, Clock, Misbehaviour, Options, Refusal, StandIns, Times};

const PATH: &str = "/gateway/dd/sku/syncstock";
const NOW: i64 = 1_657_525_936;

/// The fields of the document's code, with the sample account.
const EXAMPLE: &[(&str, &str)] = &[
    ("code", "sk100"),
    ("stock_num", "500"),
    ("step_stock_num", "100"),
];
const INCREMENT: &[(&str, &str)] = &[
    ("code", "sk100"),
    ("incremental", "true"),
    ("idempotent_id", "202206021500001001"),
    ("stock_num", "-5"),
];

fn signed(fields: &[(&str, &str)], timestamp: i64) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    all.push(("appid".to_owned(), "app-demo".to_owned()));
    all.push(("timestamp".to_owned(), timestamp.to_string()));
    all.push(("seller_nick".to_owned(), "38173182".to_owned()));
    all.sort();
    let pairs: String = all
        .iter()
        .map(|(name, value)| format!("{name}{value}"))
        .collect();
    all.push((
        "sign".to_owned(),
        md5_hex(&format!("secret-demo{pairs}secret-demo")),
    ));
    all
}

async fn post(stand_ins: &StandIns, fields: &[(String, String)]) -> Reply {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let headers = [(
        "content-type",
        "application/x-www-form-urlencoded;charset=UTF-8",
    )];
    send(stand_ins, "fengchao", "POST", PATH, &headers, body).await
}

async fn update(stand_ins: &StandIns, fields: &[(&str, &str)]) -> Reply {
    post(stand_ins, &signed(fields, NOW)).await
}

async fn start_then() -> StandIns {
    start_with(Options {
        clock: Clock::Fixed(NOW),
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn the_documents_example_is_accepted_and_answered_as_in_the_document() {
    let stand_ins = start_then().await;
    let reply = update(&stand_ins, EXAMPLE).await;
    assert_eq!(stand_ins.violations("fengchao"), []);
    assert_eq!(
        reply.json(),
        parse(r#"{"code":0,"message":"ok","data":null}"#)
    );
    let stock = stand_ins.fengchao().stock("code:sk100").expect("a stock");
    assert_eq!((stock.stock, stock.step_stock), (500, Some(100)));
}

#[tokio::test]
async fn a_multipart_form_is_as_good_and_both_paths_answer() {
    let stand_ins = start_then().await;
    let mut body = String::new();
    for (name, value) in signed(EXAMPLE, NOW) {
        body +=
            &format!("--q\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body += "--q--\r\n";
    let headers = [("content-type", "multipart/form-data; boundary=q")];
    for path in [PATH, "/gateway/dd/sku/sync/stock"] {
        let reply = send(&stand_ins, "fengchao", "POST", path, &headers, body.clone()).await;
        assert_eq!(reply.json()["code"], 0, "{path}");
    }
    assert_eq!(stand_ins.violations("fengchao"), []);
    assert_eq!(
        send(
            &stand_ins,
            "fengchao",
            "POST",
            "/gateway/dd/sku",
            &headers,
            body
        )
        .await
        .status,
        404
    );
}

#[tokio::test]
async fn every_field_of_the_document_is_known() {
    let stand_ins = start_then().await;
    let all = [
        ("code", "dy001"),
        ("sku_id", "1737398770243598"),
        ("out_sku_id", "44354354"),
        ("product_id", "3539925204033339668"),
        ("out_product_id", "435243654356"),
        ("out_warehouse_id", "dy123"),
        ("supplier_id", "1"),
        ("incremental", "false"),
        ("idempotent_id", "202206021500001001"),
        ("stock_num", "100"),
        ("step_stock_num", "100"),
        ("store_id", "12345"),
    ];
    update(&stand_ins, &all).await;
    assert_eq!(stand_ins.violations("fengchao"), []);
    let key = "product_id:3539925204033339668/out_product_id:435243654356/sku_id:1737398770243598/\
               out_sku_id:44354354/code:dy001/warehouse:dy123/store:12345";
    assert_eq!(
        stand_ins.fengchao().stock(key).map(|stock| stock.stock),
        Some(100)
    );
}

#[tokio::test]
async fn an_increment_is_applied_once_and_never_below_zero() {
    let stand_ins = start_then().await;
    stand_ins.fengchao().set_stock("code:sk100", 10);
    assert_eq!(update(&stand_ins, INCREMENT).await.json()["code"], 0);
    let again = update(&stand_ins, INCREMENT).await.json();
    assert_eq!(again["message"], "[idempotent_id]重复，操作已执行");
    let mut more = INCREMENT.to_vec();
    more[2].1 = "2";
    more[3].1 = "-6";
    let short = update(&stand_ins, &more).await.json();
    assert_eq!(short["message"], "系统错误:更新库存数失败: 31055 40 5");
    assert_eq!(stand_ins.violations("fengchao"), []);
    assert_eq!(
        stand_ins
            .fengchao()
            .stock("code:sk100")
            .map(|stock| stock.stock),
        Some(5)
    );
    let used = stand_ins
        .fengchao()
        .id("202206021500001001")
        .expect("an id");
    assert_eq!((used.seen, used.applied), (2, 1));
    assert_eq!(stand_ins.counters("fengchao").applied, 1);
}

#[tokio::test]
async fn what_happens_to_repeats_and_unknown_skus_is_an_option() {
    for (repeat, code, stock) in [
        (Repeat::Accept, 0, 5),
        (Repeat::ApplyAgain, 0, 0),
        (Repeat::Refuse, 9, 5),
    ] {
        let mut options = Options {
            clock: Clock::Fixed(NOW),
            ..Options::default()
        };
        options.fengchao.repeat = repeat;
        options.fengchao.refusal_code = 9;
        options.fengchao.unknown_sku = UnknownSku::Refuse;
        let stand_ins = start_with(options).await;
        assert_eq!(update(&stand_ins, INCREMENT).await.json()["code"], 9);
        stand_ins.fengchao().set_stock("code:sk100", 10);
        update(&stand_ins, INCREMENT).await;
        assert_eq!(
            update(&stand_ins, INCREMENT).await.json()["code"],
            code,
            "{repeat:?}"
        );
        assert_eq!(
            stand_ins
                .fengchao()
                .stock("code:sk100")
                .map(|entry| entry.stock),
            Some(stock),
            "{repeat:?}"
        );
    }
}

#[tokio::test]
async fn a_wrong_signature_and_a_wrong_account_are_caught() {
    let stand_ins = start_then().await;
    let mut upper = signed(EXAMPLE, NOW);
    if let Some((_, sign)) = upper.last_mut() {
        *sign = sign.to_uppercase();
    }
    assert_ne!(post(&stand_ins, &upper).await.json()["code"], 0);
    assert_eq!(breaches(&stand_ins, "fengchao"), [Breach::Signature]);
    let mut unsigned_field = signed(EXAMPLE, NOW);
    unsigned_field.push(("supplier_id".to_owned(), "1".to_owned()));
    post(&stand_ins, &unsigned_field).await;
    assert_eq!(breaches(&stand_ins, "fengchao"), [Breach::Signature]);
    let mut other = signed(EXAMPLE, NOW);
    other[0].1 = "app-other".to_owned();
    post(&stand_ins, &other).await;
    assert_eq!(
        breaches(&stand_ins, "fengchao"),
        [Breach::Credentials, Breach::Signature]
    );
}

#[tokio::test]
async fn the_timestamp_may_be_off_by_five_minutes_and_no_more() {
    let stand_ins = start_then().await;
    for (offset, expected) in [
        (300, vec![]),
        (301, vec![Breach::Time]),
        (-300, vec![]),
        (-301, vec![Breach::Time]),
    ] {
        post(&stand_ins, &signed(EXAMPLE, NOW + offset)).await;
        assert_eq!(breaches(&stand_ins, "fengchao"), expected, "{offset}");
    }
}

#[tokio::test]
async fn each_departure_from_the_table_is_named() {
    let stand_ins = start_then().await;
    let cases: [(&[(&str, &str)], Breach); 9] = [
        (&[("code", "a")], Breach::Missing),
        (&[("stock_num", "1")], Breach::Missing),
        (&[("code", "a"), ("stock_num", "1.0")], Breach::Type),
        (
            &[("code", "a"), ("stock_num", "1"), ("incremental", "1")],
            Breach::Type,
        ),
        (&[("code", "a"), ("stock_num", "-1")], Breach::Range),
        (
            &[("code", "a"), ("stock_num", "-1"), ("incremental", "true")],
            Breach::Missing,
        ),
        (
            &[
                ("code", "a"),
                ("stock_num", "1"),
                ("product_id", "353992520403333966"),
            ],
            Breach::Length,
        ),
        (
            &[("code", "a"), ("stock_num", "1"), ("qty", "1")],
            Breach::Unknown,
        ),
        (&[("sku_id", "abc"), ("stock_num", "1")], Breach::Type),
    ];
    for (fields, breach) in cases {
        update(&stand_ins, fields).await;
        assert_eq!(breaches(&stand_ins, "fengchao"), [breach], "{fields:?}");
    }
    let json = [("content-type", "application/json")];
    send(&stand_ins, "fengchao", "POST", PATH, &json, "{}").await;
    assert_eq!(breaches(&stand_ins, "fengchao"), [Breach::ContentType]);
    assert_eq!(stand_ins.counters("fengchao").applied, 0);
}

#[tokio::test]
async fn a_refusal_comes_in_the_platforms_envelope() {
    let stand_ins = start_then().await;
    stand_ins.misbehave(
        "fengchao",
        Misbehaviour::Refuse(Refusal::new(31055, "库存不足")),
        Times::Once,
    );
    let expected = parse(r#"{"code":31055,"message":"库存不足","data":null}"#);
    assert_eq!(update(&stand_ins, EXAMPLE).await.json(), expected);
}
