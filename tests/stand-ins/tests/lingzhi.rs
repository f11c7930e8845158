//! Seed document 000: 小程序商品更新库存(批量).

mod common;

use common::*;
use crossdock_stand_ins::platforms::lingzhi::Auth;
use crossdock_stand_ins::{Breach, Options};

const PATH: &str = "/gateway/api/erp/update_goods_stock";
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

/// 参数示例.
const EXAMPLE: &str = r#"[
{"type":"normal","key":"1^^^8Gú128G","stock":20,"store_code":"aaa"},
{"type":"integral","key":"2^^^白色","stock":30,"store_code":"aaa"},
{"type":"group","key":"2","stock":40,"store_code":"aaa"}
]"#;

#[tokio::test]
async fn the_documents_example_is_accepted_and_answered_as_in_the_document() {
    let stand_ins = start().await;
    let reply = send(&stand_ins, "lingzhi", "POST", PATH, JSON, EXAMPLE).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json(), parse(r#"{"code":0,"data":[],"msg":""}"#));
    assert_eq!(stand_ins.violations("lingzhi"), []);
    let stock = |kind, key| {
        stand_ins
            .lingzhi()
            .stock(kind, key, "aaa")
            .map(|stock| stock.stock)
    };
    assert_eq!(stock("normal", "1^^^8Gú128G"), Some(20));
    assert_eq!(stock("integral", "2^^^白色"), Some(30));
    assert_eq!(stock("group", "2"), Some(40));
}

#[tokio::test]
async fn stock_is_set_not_added() {
    let stand_ins = start().await;
    for stock in [5, 7] {
        let body = format!(r#"[{{"type":"group","key":"9","stock":{stock},"store_code":"s"}}]"#);
        send(&stand_ins, "lingzhi", "POST", PATH, JSON, body).await;
    }
    let stock = stand_ins
        .lingzhi()
        .stock("group", "9", "s")
        .expect("a stock");
    assert_eq!((stock.stock, stock.writes), (7, 2));
    assert_eq!(stand_ins.counters("lingzhi").applied, 2);
}

#[tokio::test]
async fn each_departure_from_the_table_is_named_and_nothing_is_applied() {
    let stand_ins = start().await;
    let cases = [
        (
            r#"[{"type":"normal","key":"1^^^a","stock":"20","store_code":"s"}]"#,
            Breach::Type,
        ),
        (
            r#"[{"type":"normal","key":"1^^^a","stock":20.0,"store_code":"s"}]"#,
            Breach::Type,
        ),
        (
            r#"[{"type":"normal","key":1,"stock":20,"store_code":"s"}]"#,
            Breach::Type,
        ),
        (
            r#"[{"type":"other","key":"1^^^a","stock":20,"store_code":"s"}]"#,
            Breach::Enumeration,
        ),
        (
            r#"[{"type":"normal","key":"1^^^a","stock":20}]"#,
            Breach::Missing,
        ),
        (
            r#"[{"type":"normal","key":"1^^^a","stock":20,"store_code":"s","sku":"x"}]"#,
            Breach::Unknown,
        ),
        (
            r#"[{"type":"normal","key":"1","stock":20,"store_code":"s"}]"#,
            Breach::Type,
        ),
        (
            r#"[{"type":"group","key":"1^^^a","stock":20,"store_code":"s"}]"#,
            Breach::Type,
        ),
        (
            r#"{"type":"group","key":"1","stock":20,"store_code":"s"}"#,
            Breach::Type,
        ),
        ("[", Breach::Syntax),
    ];
    for (body, breach) in cases {
        let reply = send(&stand_ins, "lingzhi", "POST", PATH, JSON, body).await;
        assert_eq!(breaches(&stand_ins, "lingzhi"), [breach], "{body}");
        assert_ne!(reply.json()["code"], 0, "{body}");
    }
    assert!(stand_ins.lingzhi().is_empty());
    assert_eq!(stand_ins.counters("lingzhi").violating, cases.len() as u64);
}

#[tokio::test]
async fn path_method_content_type_and_query_are_checked() {
    let stand_ins = start().await;
    assert_eq!(
        send(
            &stand_ins,
            "lingzhi",
            "POST",
            "/gateway/api/erp",
            JSON,
            EXAMPLE
        )
        .await
        .status,
        404
    );
    assert_eq!(breaches(&stand_ins, "lingzhi"), [Breach::Path]);
    assert_eq!(
        send(&stand_ins, "lingzhi", "PUT", PATH, JSON, EXAMPLE)
            .await
            .status,
        405
    );
    assert_eq!(breaches(&stand_ins, "lingzhi"), [Breach::Method]);
    send(
        &stand_ins,
        "lingzhi",
        "POST",
        PATH,
        &[("content-type", "text/plain")],
        EXAMPLE,
    )
    .await;
    assert_eq!(breaches(&stand_ins, "lingzhi"), [Breach::ContentType]);
    send(
        &stand_ins,
        "lingzhi",
        "POST",
        &format!("{PATH}?a=1"),
        JSON,
        EXAMPLE,
    )
    .await;
    assert_eq!(breaches(&stand_ins, "lingzhi"), [Breach::Unknown]);
}

#[tokio::test]
async fn what_the_document_leaves_open_follows_the_options() {
    let mut options = Options::default();
    options.lingzhi.auth = Auth::Header {
        name: "X-Token".into(),
        value: "abc".into(),
    };
    options.lingzhi.most_rows = Some(2);
    options.lingzhi.refusal_code = 77;
    options.lingzhi.refuse_negative_stock = true;
    let stand_ins = start_with(options).await;
    assert_eq!(
        send(&stand_ins, "lingzhi", "POST", PATH, JSON, EXAMPLE)
            .await
            .status,
        401
    );
    assert_eq!(breaches(&stand_ins, "lingzhi"), [Breach::Credentials]);
    let headers = [JSON[0], ("x-token", "abc")];
    let reply = send(&stand_ins, "lingzhi", "POST", PATH, &headers, EXAMPLE).await;
    assert_eq!(breaches(&stand_ins, "lingzhi"), [Breach::Limit]);
    assert_eq!(reply.json()["code"], 77);
    let negative = r#"[{"type":"group","key":"1","stock":-1,"store_code":"s"}]"#;
    send(&stand_ins, "lingzhi", "POST", PATH, &headers, negative).await;
    assert_eq!(breaches(&stand_ins, "lingzhi"), [Breach::Range]);
}

#[tokio::test]
async fn a_token_in_the_query_is_accepted_where_it_is_configured() {
    let mut options = Options::default();
    options.lingzhi.auth = Auth::Query {
        name: "token".into(),
        value: "a b".into(),
    };
    let stand_ins = start_with(options).await;
    assert_eq!(
        send(
            &stand_ins,
            "lingzhi",
            "POST",
            &format!("{PATH}?token=a%20b"),
            JSON,
            EXAMPLE
        )
        .await
        .status,
        200
    );
    assert_eq!(stand_ins.violations("lingzhi"), []);
}
