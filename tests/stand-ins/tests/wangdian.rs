//! Seed documents 002 and 003, and the two ends of the stock workflow.

mod common;

use std::collections::BTreeMap;

use common::*;
use crossdock_stand_ins::digest::md5_hex;
use crossdock_stand_ins::{Breach, Clock, Misbehaviour, Options, Refusal, StandIns, Times};
use serde_json::{Value, json};

/// 2025-01-02 03:04:05 in China.
const NOW: i64 = 1_735_758_245;
const EPOCH: i64 = 1_325_347_200;
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

type Query = BTreeMap<String, String>;

fn query(method: &str, body: &str, timestamp: i64) -> Query {
    let mut query: Query = [
        ("sid", "wdtapi3"),
        ("key", "appkey"),
        ("salt", "testsalt"),
        ("method", method),
        ("v", "1.0"),
        ("timestamp", &timestamp.to_string()),
        ("body", body),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    let pairs: String = query
        .iter()
        .map(|(name, value)| format!("{name}{value}"))
        .collect();
    query.remove("body");
    query.insert(
        "sign".to_owned(),
        md5_hex(&format!("testsecret{pairs}testsecret")),
    );
    query
}

async fn post(stand_ins: &StandIns, query: &Query, body: &str) -> Reply {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    send(
        stand_ins,
        "wangdian",
        "POST",
        &format!("/openapi?{query}"),
        JSON,
        body.to_owned(),
    )
    .await
}

async fn call(stand_ins: &StandIns, method: &str, body: &str) -> Value {
    post(stand_ins, &query(method, body, NOW - EPOCH), body)
        .await
        .json()
}

async fn start_then() -> StandIns {
    start_with(Options {
        clock: Clock::Fixed(NOW),
        ..Options::default()
    })
    .await
}

/// 002, 6.1 正常响应示例.
const CALC_EXAMPLE: &str = r#"{"status":0,"data":{"match_code":"lz38","list_time":"","stock_syn_min":1.0000,"stock_num":0,
"stock_syn_warehouses":"6","sub_platform_id":0,"outer_id":"lz3","spec_outer_id":"lz38","stock_syn_percent":100,
"spec_id":"lz38","is_auto_delisting":1,"stock_syn_plus":1.0000,"is_auto_listing":1,"match_target_id":12581,
"match_target_type":1,"mask":0,"syn_stock":1,"reserve_s":"","stock_syn_rule_id":-10000,"stock_syn_mask":0,
"goods_id":"lz3","rec_id":2447,"last_syn_num":-1,"shop_id":69,"stock_syn_max":550.0000,"last_syn_time":"",
"delist_time":"","platform_id":127,"stock_syn_rule_no":"","status":1,"stock_change_count":2}}"#;

#[tokio::test]
async fn calc_stock_answers_the_documents_example() {
    let stand_ins = start_then().await;
    let body = "[\n2447,\nfalse\n]";
    let reply = call(&stand_ins, "sales.StockSync.calcStock", body).await;
    assert_eq!(stand_ins.violations("wangdian"), []);
    // Compared as text, because the digits of 1.0000 count.
    assert_eq!(reply.to_string(), parse(CALC_EXAMPLE).to_string());
}

#[tokio::test]
async fn a_disabled_row_is_calculated_only_by_force() {
    let stand_ins = start_then().await;
    let reply = call(&stand_ins, "sales.StockSync.calcStock", "[2448,false]").await;
    let expected =
        json!({"status": 100, "message": "货品id:jitx002规格Id:jitx002 已停用或者未开启同步"});
    assert_eq!(reply, expected);
    assert_eq!(
        call(&stand_ins, "sales.StockSync.calcStock", "[2448,true]").await["status"],
        0
    );
    assert_eq!(
        call(&stand_ins, "sales.StockSync.calcStock", "[99,false]").await["status"],
        100
    );
    assert_eq!(stand_ins.violations("wangdian"), []);
}

#[tokio::test]
async fn public_parameters_fail_with_the_error_guides_codes() {
    let stand_ins = start_then().await;
    let body = "[2447,false]";
    let method = "sales.StockSync.calcStock";
    let changed = |name: &str, value: &str| {
        let mut query = query(method, body, NOW - EPOCH);
        query.insert(name.to_owned(), value.to_owned());
        query
    };
    let without = |name: &str| {
        let mut query = query(method, body, NOW - EPOCH);
        query.remove(name);
        query
    };
    let cases = [
        (
            changed("sid", "x"),
            1,
            "sid is not exists",
            Breach::Credentials,
        ),
        (changed("key", "x"), 1, "app auth fail", Breach::Credentials),
        (changed("salt", "x"), 1, "验证失败", Breach::Credentials),
        (changed("v", "2.0"), 8, "版本错误", Breach::Enumeration),
        (changed("sign", "x"), 1, "验证失败", Breach::Signature),
        (
            changed("timestamp", "1665947116495"),
            1,
            "For input string: \"1665947116495\"",
            Breach::Type,
        ),
        (query(method, body, NOW), 7, "时间戳错误", Breach::Time),
        (
            query(method, body, NOW - EPOCH - 121),
            7,
            "时间戳错误",
            Breach::Time,
        ),
        (
            query(method, "[2447, false]", NOW - EPOCH),
            1,
            "验证失败",
            Breach::Signature,
        ),
        (without("salt"), 1, "参数错误", Breach::Missing),
        (changed("extra", "1"), 1, "参数错误", Breach::Unknown),
        (
            query("sales.Nothing.here", body, NOW - EPOCH),
            100,
            "权限不足",
            Breach::Enumeration,
        ),
    ];
    for (query, status, message, breach) in cases {
        let reply = post(&stand_ins, &query, body).await.json();
        assert_eq!(reply, json!({"status": status, "message": message}));
        assert_eq!(breaches(&stand_ins, "wangdian"), [breach], "{message}");
    }
    for edge in [120, -120] {
        post(&stand_ins, &query(method, body, NOW - EPOCH + edge), body).await;
        assert_eq!(breaches(&stand_ins, "wangdian"), [], "{edge}");
    }
}

#[tokio::test]
async fn arguments_are_counted_and_typed() {
    let stand_ins = start_then().await;
    let method = "sales.StockSync.calcStock";
    for (body, message) in [
        ("[2447]", "invalid argument count"),
        ("[\"2447\",false]", "argument type mismatch"),
        ("[2447,0]", "argument type mismatch"),
        ("{}", "参数错误"),
        ("[", "参数错误"),
    ] {
        assert_eq!(
            call(&stand_ins, method, body).await,
            json!({"status": 1, "message": message}),
            "{body}"
        );
    }
}

#[tokio::test]
async fn the_pending_list_is_the_documents_and_goes_on_where_it_stopped() {
    let stand_ins = start_then().await;
    let method = "sales.StockSync.getSelfWaitSyncIdListOpen";
    // The example's JSON has strings, its PHP numbers.
    for body in [r#"["500","0"]"#, "[500,0]"] {
        let reply = call(&stand_ins, method, body).await;
        let ids = "174004,175511,175512,175522,175523,175524,175525,175526,175527,175533,175534,175535,175536,175537,175538,\
                   175539,175540,175541,175568,175574,175576,173687,173688";
        assert_eq!(
            reply,
            parse(&format!(
                r#"{{"status":0,"data":{{"id_list":[{ids}],"position":239126414}}}}"#
            ))
        );
    }
    let mut seen = Vec::new();
    let mut position = json!(0);
    loop {
        let data =
            call(&stand_ins, method, &json!([10, position]).to_string()).await["data"].clone();
        let ids = data["id_list"].as_array().expect("ids").clone();
        if ids.is_empty() {
            break;
        }
        seen.push(ids.len());
        position = data["position"].clone();
    }
    assert_eq!(seen, [10, 10, 3]);
    assert_eq!(stand_ins.violations("wangdian"), []);
    for body in ["[9,0]", "[5001,0]"] {
        assert_eq!(call(&stand_ins, method, body).await["status"], 100);
        assert_eq!(breaches(&stand_ins, "wangdian"), [Breach::Range], "{body}");
    }
}

/// The `info` of syncSuccess's and syncFail's examples.
const INFO: &str = r#"{"stock_syn_min":1.0000,"stock_syn_rule_id":-10000,"stock_syn_mask":0,"stock_syn_warehouses":"6",
"stock_syn_max":550.0000,"stock_syn_percent":100,"is_auto_delisting":true,"stock_syn_plus":1.0000,"is_auto_listing":true,
"stock_syn_rule_no":"","syn_stock":1,"stock_change_count":2}"#;

#[tokio::test]
async fn a_confirmed_row_is_pending_no_longer_unless_it_changed_meanwhile() {
    let stand_ins = start_then().await;
    let wangdian = stand_ins.wangdian();
    let success = format!("[174004,{INFO}]");
    wangdian.change_stock(174_004, 8);
    assert_eq!(
        call(&stand_ins, "sales.StockSync.syncSuccess", &success).await,
        json!({"status": 0})
    );
    assert!(
        wangdian.pending().contains(&174_004),
        "the count has moved on"
    );
    let current = success.replace("\"stock_change_count\":2", "\"stock_change_count\":3.0000");
    call(&stand_ins, "sales.StockSync.syncSuccess", &current).await;
    assert!(!wangdian.pending().contains(&174_004));
    let failed = format!("[175511,{INFO}]");
    assert_eq!(
        call(&stand_ins, "sales.StockSync.syncFail", &failed).await,
        json!({"status": 0})
    );
    assert!(wangdian.pending().contains(&175_511));
    let goods = wangdian.api_goods(175_511).expect("a row");
    assert_eq!(goods.confirmations.len(), 1);
    assert!(!goods.confirmations[0].success);
    assert_eq!(stand_ins.violations("wangdian"), []);
    let unknown = format!("[1,{INFO}]");
    let expected = json!({"status": 1064, "message": " Unknown Database Error"});
    assert_eq!(
        call(&stand_ins, "sales.StockSync.syncSuccess", &unknown).await,
        expected
    );
}

#[tokio::test]
async fn a_confirmation_needs_what_the_example_has_and_may_have_what_the_table_has() {
    let stand_ins = start_then().await;
    let method = "sales.StockSync.syncSuccess";
    let mut info = parse(INFO);
    for (name, value) in [
        ("stock_syn_other", json!("")),
        ("is_syn_success", json!(true)),
        ("is_manual", json!(false)),
        ("syn_result", json!("ok")),
    ] {
        info[name] = value;
    }
    call(&stand_ins, method, &json!([2447, info]).to_string()).await;
    assert_eq!(breaches(&stand_ins, "wangdian"), []);
    let mut short = parse(INFO);
    short
        .as_object_mut()
        .map(|members| members.remove("syn_stock"));
    let reply = call(&stand_ins, method, &json!([2447, short]).to_string()).await;
    assert_eq!(
        reply,
        json!({"status": 100, "message": "syn_stock不能为空"})
    );
    let mut odd = parse(INFO);
    odd["stock"] = json!(1);
    let reply = call(&stand_ins, method, &json!([2447, odd]).to_string()).await;
    assert_eq!(reply, json!({"status": 2, "message": "stock"}));
}

/// 003, 5.请求示例, its first goods with one spec.
fn example_goods(number: usize, specs: usize) -> Value {
    let specs: Vec<Value> = (0..specs)
        .map(|spec| {
            json!({
                "spec_no": format!("spec_noQ12-26 11:28:14_{number}_{spec}"),
                "spec_name": format!("spec_nameQ12-26 11:28:14_{number}_{spec}"),
                "spec_code": "spec_code",
                "barcode": format!("spec_noQ12-26 11:28:14_{number}_{spec}"),
                "is_not_need_examine": 1, "pack_score": 12, "lowest_price": 200, "remark": "单品备注", "sn_type": 1,
                "retail_price": 1, "wholesale_price": 1, "market_price": 1, "is_single_batch": 1,
                "custom_price1": 1, "custom_price2": 2,
            })
        })
        .collect();
    json!({
        "goods_no": format!("testGoodsQ12-26 11:28:14_{number}"),
        "goods_name": format!("testGoodsNameQ12-26 11:28:14_{number}"),
        "short_name": "shortName", "auto_create_bc": true, "class_name": "社区团购三级", "brand_name": "新建品牌3",
        "goods_type": 1, "alias": "alias", "pinyin": "ceshi", "origin": "内蒙古呼和浩特市", "remark": "货品备注",
        "prop1": "P1", "prop2": "P2", "prop3": "P13", "prop4": "P14", "prop5": "P15", "prop6": "P16", "flag_name": "",
        "spec_list": specs,
    })
}

async fn push(stand_ins: &StandIns, goods: Vec<Value>) -> Value {
    call(
        stand_ins,
        "goods.Goods.batchPush",
        &json!([goods]).to_string(),
    )
    .await
}

#[tokio::test]
async fn batch_push_accepts_the_documents_example() {
    let stand_ins = start_then().await;
    let reply = push(&stand_ins, vec![example_goods(0, 2), example_goods(1, 2)]).await;
    assert_eq!(reply, parse(r#"{"status":0,"data":{"error_list":[]}}"#));
    assert_eq!(stand_ins.violations("wangdian"), []);
    let goods = stand_ins
        .wangdian()
        .goods("testGoodsQ12-26 11:28:14_1")
        .expect("goods");
    assert_eq!(goods.specs.len(), 2);
    assert_eq!(goods.fields["brand_name"], "新建品牌3");
    push(&stand_ins, vec![example_goods(1, 3)]).await;
    let goods = stand_ins
        .wangdian()
        .goods("testGoodsQ12-26 11:28:14_1")
        .expect("goods");
    assert_eq!((goods.writes, goods.specs.len()), (2, 3));
}

#[tokio::test]
async fn the_limits_of_batch_push_hold_at_their_edges() {
    let stand_ins = start_then().await;
    let fifty = (0..50).map(|number| example_goods(number, 1)).collect();
    assert_eq!(
        push(&stand_ins, fifty).await["data"]["error_list"],
        json!([])
    );
    let fifty_one: Vec<Value> = (100..151).map(|number| example_goods(number, 1)).collect();
    let reply = push(&stand_ins, fifty_one).await;
    assert_eq!(reply["status"], 0);
    assert_eq!(
        reply["data"]["error_list"].as_array().map(Vec::len),
        Some(51)
    );
    assert_eq!(breaches(&stand_ins, "wangdian"), [Breach::Limit]);
    let reply = push(
        &stand_ins,
        vec![
            example_goods(200, 500),
            example_goods(201, 501),
            example_goods(202, 0),
        ],
    )
    .await;
    let error = |number: i32| json!({"error": "单品条数不得超过500条或为空", "no": format!("testGoodsQ12-26 11:28:14_{number}")});
    assert_eq!(reply["data"]["error_list"], json!([error(201), error(202)]));
    assert_eq!(
        breaches(&stand_ins, "wangdian"),
        [Breach::Limit, Breach::Limit]
    );
    assert_eq!(stand_ins.wangdian().goods_count(), 51);
}

#[tokio::test]
async fn rows_are_refused_one_by_one_and_types_all_at_once() {
    let stand_ins = start_then().await;
    let mut long = example_goods(0, 1);
    long["goods_no"] = json!("货".repeat(41));
    let mut nameless = example_goods(1, 1);
    nameless
        .as_object_mut()
        .map(|members| members.remove("goods_name"));
    let mut foreign = example_goods(2, 1);
    foreign["spec_list"][0]["spec_no"] = json!("spec_noQ12-26 11:28:14_3_0");
    let reply = push(
        &stand_ins,
        vec![example_goods(3, 1), long, nameless, foreign],
    )
    .await;
    let errors = reply["data"]["error_list"]
        .as_array()
        .expect("a list")
        .clone();
    let texts: Vec<&str> = errors
        .iter()
        .filter_map(|error| error["error"].as_str())
        .collect();
    let expected = [
        "Data truncation: Data too long for column goods_no",
        "goods_name不能为空",
        "商家编码和货品编号不匹配",
    ];
    assert_eq!(texts, expected);
    assert_eq!(
        breaches(&stand_ins, "wangdian"),
        [Breach::Length, Breach::Missing]
    );
    assert_eq!(stand_ins.wangdian().goods_count(), 1);
    for (name, value, status, message) in [
        ("goods_type", json!("1"), 1, "argument type mismatch"),
        ("goods_name", json!(1), 1, "argument type mismatch"),
        ("colour", json!("red"), 2, "colour"),
    ] {
        let mut wrong = example_goods(4, 1);
        wrong[name] = value;
        assert_eq!(
            push(&stand_ins, vec![wrong]).await,
            json!({"status": status, "message": message})
        );
    }
    assert_eq!(stand_ins.wangdian().goods_count(), 1);
}

#[tokio::test]
async fn decimals_keep_their_digits_and_their_bounds() {
    let stand_ins = start_then().await;
    let body = r#"[[{"goods_no":"a","goods_name":"b","spec_list":[{"spec_no":"s","retail_price":123456789012345.6780}]}]]"#;
    call(&stand_ins, "goods.Goods.batchPush", body).await;
    assert_eq!(breaches(&stand_ins, "wangdian"), []);
    let goods = stand_ins.wangdian().goods("a").expect("goods");
    assert_eq!(
        goods.specs["s"]["retail_price"].to_string(),
        "123456789012345.6780"
    );
    for price in ["1.00001", "1234567890123456"] {
        call(
            &stand_ins,
            "goods.Goods.batchPush",
            &body.replace("123456789012345.6780", price),
        )
        .await;
        assert_eq!(breaches(&stand_ins, "wangdian"), [Breach::Range], "{price}");
    }
}

#[tokio::test]
async fn throttling_and_refusals_come_in_the_platforms_envelope() {
    let stand_ins = start_then().await;
    stand_ins.misbehave("wangdian", Misbehaviour::ThrottledByPlatform, Times::Once);
    let method = "sales.StockSync.calcStock";
    let expected = json!({"status": 100, "message": "超过每分钟最大调用频率限制，请稍后重试"});
    assert_eq!(call(&stand_ins, method, "[2447,false]").await, expected);
    stand_ins.misbehave(
        "wangdian",
        Misbehaviour::Refuse(Refusal::new(6, "ip限制")),
        Times::Once,
    );
    assert_eq!(
        call(&stand_ins, method, "[2447,false]").await,
        json!({"status": 6, "message": "ip限制"})
    );
}
