//! Lengths of texts and ranges of numbers at their edges: the last that goes
//! arrives as it was, and the first that does not is refused where it is.

use crossdock::report::ItemStatus;
use crossdock_stand_ins::Options;
use crossdock_tests::platforms::{Connection, Platforms};
use serde_json::{Value, json};

/// A field, by its pointer in a document, and the most characters it takes.
type Length = (&'static str, usize);

/// 003, goodsInfo and its spec_list: the column 长度.
const GOODS: &[Length] = &[
    ("/goods_no", 40),
    ("/goods_name", 255),
    ("/class_name", 64),
    ("/brand_name", 64),
    ("/unit_name", 20),
    ("/aux_unit_name", 20),
    ("/flag_name", 32),
    ("/short_name", 255),
    ("/alias", 255),
    ("/pinyin", 40),
    ("/origin", 64),
    ("/remark", 512),
    ("/prop1", 255),
    ("/prop2", 255),
    ("/prop3", 255),
    ("/prop4", 255),
    ("/prop5", 255),
    ("/prop6", 255),
    ("/spec_list/0/spec_no", 40),
    ("/spec_list/0/spec_code", 40),
    ("/spec_list/0/barcode", 50),
    ("/spec_list/0/spec_name", 100),
    ("/spec_list/0/goods_label", 11),
    ("/spec_list/0/prop1", 255),
    ("/spec_list/0/prop2", 255),
    ("/spec_list/0/prop3", 255),
    ("/spec_list/0/prop4", 255),
    ("/spec_list/0/prop5", 255),
    ("/spec_list/0/prop6", 255),
    ("/spec_list/0/img_url", 1024),
    ("/spec_list/0/remark", 512),
    ("/spec_list/0/tax_code", 40),
    ("/spec_list/0/unit_name", 20),
    ("/spec_list/0/aux_unit_name", 20),
];

/// The pages syncSuccess and syncFail: the column 长度.
const CONFIRMED: &[Length] = &[
    ("/stock_syn_rule_no", 40),
    ("/stock_syn_other", 1024),
    ("/syn_result", 1024),
];

/// 004, 2.12 ImageDetail: 图片名称,长度不能超过64.
const IMAGES: &[Length] = &[
    ("/image/name", 64),
    ("/sub_images/0/name", 64),
    ("/detail_images/0/name", 64),
];

fn goods() -> Value {
    json!({"goods_no": "G1", "goods_name": "苹果", "spec_list": [{"spec_no": "G1-1"}]})
}

fn confirmed() -> Value {
    json!({"api_goods_id": 2447, "success": true, "syn_stock": 1, "stock_change_count": 2,
        "stock_syn_rule_id": -10000, "stock_syn_rule_no": "", "stock_syn_warehouses": "6",
        "stock_syn_mask": 0, "stock_syn_percent": 100, "stock_syn_plus": 1, "stock_syn_min": 1,
        "stock_syn_max": 550, "is_auto_listing": 1, "is_auto_delisting": 1})
}

fn images() -> Value {
    let image = json!({"name": "a.jpg", "url": "http://aa.png"});
    json!({"sku_id": "s1", "image": image, "sub_images": [image], "detail_images": [image]})
}

/// The document with another value at a pointer whose parent is there.
fn with(mut document: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    document.pointer_mut(parent).expect("the parent")[name] = value;
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_of_the_documents_length_arrives_and_one_character_more_is_refused() {
    let connections = ["wangdian", "dingliyun"].map(Connection::to);
    let platforms = Platforms::start(Options::default(), &connections).await;
    let mut wrong = Vec::new();
    for (platform, operation, document, lengths, body) in [
        ("wangdian", "goods.push", goods(), GOODS, "/0/0"),
        ("wangdian", "stock.confirm", confirmed(), CONFIRMED, "/1"),
        (
            "dingliyun",
            "image.update",
            images(),
            IMAGES,
            "/sku_images/0",
        ),
    ] {
        for (pointer, most) in lengths {
            for count in [most - 1, *most, most + 1] {
                platforms.stand_ins.reset(platform);
                // Characters count, not bytes.
                let text = "长".repeat(count);
                let item = with(document.clone(), pointer, json!(text));
                let report = platforms.deliver(platform, operation, &item).await;
                let item = &report.items[0];
                let requests = platforms.stand_ins.requests(platform);
                let fits = match count <= *most {
                    true => {
                        let arrived = requests.first().map(|request| request.json());
                        let arrived = arrived.and_then(|sent| {
                            let sent = sent.pointer(&format!("{body}{pointer}"))?;
                            Some(sent.as_str()? == text)
                        });
                        item.status == ItemStatus::Accepted
                            && arrived == Some(true)
                            && platforms.stand_ins.violations(platform).is_empty()
                    }
                    false => {
                        item.status == ItemStatus::Failed
                            && item.pointer.as_deref() == Some(pointer)
                            && requests.is_empty()
                    }
                };
                if !fits {
                    wrong.push(format!(
                        "{operation} {pointer}, {count} of {most}: {item:?}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A number as its text; `true` if it goes.
type Number = (&'static str, bool);

/// Decimal(19,4): 15 digits before the point and 4 after it.
const DECIMAL: &[Number] = &[
    ("0", true),
    ("-1.5", true),
    ("0.0001", true),
    ("999999999999999.9999", true),
    ("-999999999999999.9999", true),
    ("1000000000000000", false),
    ("999999999999999.99999", false),
    ("0.00001", false),
    ("1e3", false),
];

#[tokio::test(flavor = "multi_thread")]
async fn numbers_go_up_to_their_edges_with_every_digit() {
    let connections = ["wangdian", "dingliyun"].map(Connection::to);
    let platforms = Platforms::start(Options::default(), &connections).await;
    let digits: &[Number] = &[("9", false), ("10", true), ("5000", true), ("5001", false)];
    let page: &[Number] = &[
        ("-1", false),
        ("0", true),
        ("2147483647", true),
        ("2147483648", false),
    ];
    let size: &[Number] = &[("0", false), ("1", true), ("1000", true), ("1001", false)];
    // The document gives categories no range: beyond 1000 it is the platform's to say.
    let open_size: &[Number] = &[("0", false), ("1", true), ("1000", true)];
    let goods = |number: &str| {
        format!(
            r#"{{"goods_no":"G1","goods_name":"a","spec_list":[{{"spec_no":"b","retail_price":{number}}}]}}"#
        )
    };
    type Write<'a> = &'a dyn Fn(&str) -> String;
    let cases: Vec<(&str, &str, &str, Write, &[Number])> = vec![
        (
            "wangdian",
            "goods.push",
            "/spec_list/0/retail_price",
            &goods,
            DECIMAL,
        ),
        (
            "wangdian",
            "stock.pending",
            "/count",
            &|number| format!(r#"{{"count":{number}}}"#),
            digits,
        ),
        (
            "dingliyun",
            "brand.query",
            "/page",
            &|number| format!(r#"{{"page":{number}}}"#),
            page,
        ),
        (
            "dingliyun",
            "brand.query",
            "/page_size",
            &|number| format!(r#"{{"page_size":{number}}}"#),
            size,
        ),
        (
            "dingliyun",
            "sku.search",
            "/page_size",
            &|number| format!(r#"{{"all":true,"page_size":{number}}}"#),
            size,
        ),
        (
            "dingliyun",
            "category.query",
            "/page_size",
            &|number| format!(r#"{{"page_size":{number}}}"#),
            open_size,
        ),
    ];
    let mut wrong = Vec::new();
    for (platform, operation, pointer, write, numbers) in cases {
        for (number, goes) in numbers {
            platforms.stand_ins.reset(platform);
            let report = platforms
                .deliver_text(platform, operation, write(number))
                .await;
            let item = &report.items[0];
            let requests = platforms.stand_ins.requests(platform);
            let fits = match goes {
                true => {
                    item.status == ItemStatus::Accepted
                        && platforms.stand_ins.violations(platform).is_empty()
                        && requests.iter().any(|request| {
                            let body = String::from_utf8_lossy(&request.body).into_owned();
                            body.contains(number) || request.raw_query.contains(number)
                        })
                }
                false => {
                    item.status == ItemStatus::Failed
                        && item.pointer.as_deref() == Some(pointer)
                        && requests.is_empty()
                }
            };
            if !fits {
                wrong.push(format!("{operation} {pointer} {number}: {item:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
