use crate::document::OWN_FIELDS;
use crate::{StockSettings, StoreId, read};
use crossdock_adapter::{Fault, Item};

/// The parameters as one line of JSON members, or the pointer of the fault.
fn params(settings: &str, store_id: StoreId, document: &str) -> Result<String, String> {
    let settings: StockSettings = serde_json::from_str(settings).expect("settings");
    let item = Item {
        key: "item-key".into(),
        document: document.into(),
    };
    match read(&settings, store_id, &item) {
        Ok(params) => {
            let mut out = String::new();
            for (name, value) in params.iter() {
                out.push_str(&format!(" {name}="));
                value.push_json(&mut out);
            }
            Ok(out.trim_start().to_owned())
        }
        Err(Fault::InvalidInput(detail)) => Err(detail.pointer),
        Err(other) => panic!("{other:?}"),
    }
}

fn number(settings: &str, document: &str) -> Result<String, String> {
    params(settings, StoreId::Number, document)
}

#[test]
fn a_core_record_is_enough() {
    assert_eq!(
        number("{}", r#"{"sku":"dy001","quantity":100}"#).as_deref(),
        Ok(r#"code="dy001" stock_num=100"#)
    );
}

#[test]
fn an_adjustment_always_has_an_id() {
    assert_eq!(
        number("{}", r#"{"sku":"a","quantity":-5,"mode":"adjust"}"#).as_deref(),
        Ok(r#"code="a" idempotent_id="item-key" incremental=true stock_num=-5"#)
    );
    let own = r#"{"sku":"a","quantity":5,"mode":"adjust","idempotency_key":"20220602"}"#;
    assert_eq!(
        number("{}", own).as_deref(),
        Ok(r#"code="a" idempotent_id="20220602" incremental=true stock_num=5"#)
    );
}

#[test]
fn a_total_has_an_id_only_if_the_caller_gives_one() {
    let own = r#"{"sku":"a","quantity":0,"idempotency_key":"k"}"#;
    assert_eq!(
        number("{}", own).as_deref(),
        Ok(r#"code="a" idempotent_id="k" stock_num=0"#)
    );
}

#[test]
fn all_twelve_parameters_keep_types_digits_and_order() {
    let document = r#"{
        "sku": "dy001", "quantity": 100, "mode": "adjust", "idempotency_key": "i",
        "sku_id": 1737398770243598, "out_sku_id": "44354354", "product_id": 3539925204033339668,
        "out_product_id": "435243654356", "out_warehouse_id": "dy123", "supplier_id": "1",
        "step_stock_num": 100, "store_id": 12345 }"#;
    assert_eq!(
        number("{}", document).as_deref(),
        Ok(
            "code=\"dy001\" idempotent_id=\"i\" incremental=true out_product_id=435243654356 \
             out_sku_id=44354354 out_warehouse_id=\"dy123\" product_id=3539925204033339668 \
             sku_id=1737398770243598 step_stock_num=100 stock_num=100 store_id=12345 \
             supplier_id=\"1\""
        )
    );
}

#[test]
fn the_sku_is_what_document_or_settings_say() {
    let settings = r#"{"sku_field":"out_sku_id"}"#;
    assert_eq!(
        number(settings, r#"{"sku":"44354354","quantity":1}"#).as_deref(),
        Ok("out_sku_id=44354354 stock_num=1")
    );
    let document = r#"{"sku":"1737398770243598","sku_field":"sku_id","quantity":1}"#;
    assert_eq!(
        number(settings, document).as_deref(),
        Ok("sku_id=1737398770243598 stock_num=1")
    );
    let wrong = number(settings, r#"{"sku":"dy001","quantity":1}"#);
    assert_eq!(wrong, Err("/sku".into()));
}

#[test]
fn every_identification_of_the_document_names_an_article() {
    for (document, expected) in [
        (
            r#"{"quantity":1,"code":"dy001"}"#,
            r#"code="dy001" stock_num=1"#,
        ),
        (
            r#"{"quantity":1,"sku_id":1737398770243598}"#,
            "sku_id=1737398770243598 stock_num=1",
        ),
        (
            r#"{"quantity":1,"out_sku_id":"44354354"}"#,
            "out_sku_id=44354354 stock_num=1",
        ),
        (
            r#"{"quantity":1,"product_id":3539925204033339668,"store_id":12345}"#,
            "product_id=3539925204033339668 stock_num=1 store_id=12345",
        ),
        (
            r#"{"quantity":1,"product_id":3539925204033339668,"location":"12345"}"#,
            "product_id=3539925204033339668 stock_num=1 store_id=12345",
        ),
        (
            r#"{"quantity":1,"out_product_id":435243654356,"store_id":"12345"}"#,
            "out_product_id=435243654356 stock_num=1 store_id=12345",
        ),
        (
            r#"{"quantity":3.0,"product_id":3539925204033339668,"sku_id":17}"#,
            "product_id=3539925204033339668 sku_id=17 stock_num=3",
        ),
    ] {
        assert_eq!(
            number("{}", document).as_deref(),
            Ok(expected),
            "{document}"
        );
    }
}

#[test]
fn a_document_that_names_no_article_is_told_what_would() {
    let settings = StockSettings::default();
    for document in [
        r#"{"quantity":1}"#,
        r#"{"quantity":1,"sku_field":"sku_id"}"#,
        r#"{"quantity":1,"product_id":3539925204033339668}"#,
        r#"{"quantity":1,"store_id":12345}"#,
        r#"{"quantity":1,"location":"12345"}"#,
        r#"{"quantity":1,"product_id":3539925204033339668,"out_warehouse_id":"dy123"}"#,
        r#"{"quantity":1,"product_id":3539925204033339668,"location":"w","location_kind":"warehouse"}"#,
    ] {
        let item = Item {
            key: "item-key".into(),
            document: document.into(),
        };
        let Err(Fault::InvalidInput(detail)) = read(&settings, StoreId::Number, &item) else {
            panic!("{document} names an article");
        };
        assert_eq!(detail.pointer, "/sku", "{document}");
        for name in [
            "`sku`",
            "`code`",
            "`sku_id`",
            "`out_sku_id`",
            "`product_id`",
            "`out_product_id`",
            "`store_id`",
            "`location`",
        ] {
            assert!(detail.message.contains(name), "{name}: {}", detail.message);
        }
    }
}

#[test]
fn a_location_is_what_the_settings_make_of_it() {
    let store = r#"{"sku":"a","quantity":1,"location":"12345"}"#;
    let warehouse = r#"{"sku":"a","quantity":1,"location":"w1","location_kind":"warehouse"}"#;
    for (settings, document, expected) in [
        ("{}", store, r#"code="a" stock_num=1 store_id=12345"#),
        (
            "{}",
            warehouse,
            r#"code="a" out_warehouse_id="w1" stock_num=1"#,
        ),
        (
            r#"{"store_location":"out_warehouse_id"}"#,
            store,
            r#"code="a" out_warehouse_id="12345" stock_num=1"#,
        ),
        (
            r#"{"store_location":"none"}"#,
            store,
            r#"code="a" stock_num=1"#,
        ),
        (
            r#"{"location_ids":{"w1":"dy123","门店":"7"}}"#,
            warehouse,
            r#"code="a" out_warehouse_id="dy123" stock_num=1"#,
        ),
    ] {
        assert_eq!(
            number(settings, document).as_deref(),
            Ok(expected),
            "{settings}"
        );
    }
}

#[test]
fn a_store_is_a_number_only_where_the_platform_says_so() {
    let store = r#"{"sku":"a","quantity":1,"location":"aaa"}"#;
    assert_eq!(number("{}", store), Err("/location".into()));
    assert_eq!(
        number(r#"{"location_ids":{"aaa":"12345"}}"#, store).as_deref(),
        Ok(r#"code="a" stock_num=1 store_id=12345"#)
    );
    assert_eq!(
        params("{}", StoreId::Any, store).as_deref(),
        Ok(r#"code="a" stock_num=1 store_id="aaa""#)
    );
}

#[test]
fn what_cannot_be_sent_is_refused_where_it_stands() {
    for (document, pointer) in [
        (r#"{"sku":"a","quantity":-1}"#, "/quantity"),
        (r#"{"sku":"a","quantity":1.5}"#, "/quantity"),
        (r#"{"sku":"a","quantity":1,"sku_id":"x"}"#, "/sku_id"),
        (r#"{"sku":"a","quantity":1,"sku_id":-1}"#, "/sku_id"),
        (r#"{"sku":"a","quantity":1,"sku_id":[1]}"#, "/sku_id"),
        (
            r#"{"sku":"a","quantity":1,"product_id":1.5}"#,
            "/product_id",
        ),
        (
            r#"{"sku":"a","quantity":1,"step_stock_num":1.5}"#,
            "/step_stock_num",
        ),
        (r#"{"sku":"a","quantity":1,"store_id":"s1"}"#, "/store_id"),
        (r#"{"sku":"a","quantity":1,"code":"b"}"#, "/code"),
        (
            r#"{"sku":"a","quantity":1,"location":"1","store_id":2}"#,
            "/store_id",
        ),
    ] {
        assert_eq!(number("{}", document), Err(pointer.into()), "{document}");
    }
    let same = r#"{"sku":"a","quantity":1,"code":"a","location":"1","store_id":1}"#;
    assert_eq!(
        number("{}", same).as_deref(),
        Ok(r#"code="a" stock_num=1 store_id=1"#)
    );
}

#[test]
fn every_own_field_is_read() {
    use crossdock_adapter::stock::StockRecord;
    for field in OWN_FIELDS {
        // A field that is read refuses an object; one that is not ignores it.
        let document = format!(r#"{{"sku":"a","quantity":1,"{field}":{{"x":1}}}}"#);
        let read = serde_json::from_str::<StockRecord<crate::Own>>(&document);
        let raw = matches!(&read, Ok(record) if !matches!(
            (record.own.sku_id, record.own.out_sku_id, record.own.product_id,
             record.own.out_product_id, record.own.step_stock_num, record.own.store_id),
            (None, None, None, None, None, None)
        ));
        assert!(read.is_err() || raw, "{field} is not read");
    }
}
