use crate::{Fengchao, STOCK_UPDATE};
use crossdock_adapter::keys::{self, Value};
use crossdock_adapter::{Adapter, Body, Context, Draft, Item, encode, testing};
use crossdock_sku_stock::document::OWN_FIELDS;

const SECRETS: [(&str, &str); 1] = [("app_secret", "secret-demo")];

fn context(more: &str) -> Context {
    let settings = format!(r#"{{"appid":"app-demo","seller_nick":"38173182","path":"/p"{more}}}"#);
    Context {
        now_ms: 1_657_525_936_999,
        nonce: "0123456789abcdef0123456789abcdef".into(),
        settings,
    }
}

fn draft(ctx: &Context, document: &str) -> Draft {
    let item = Item {
        key: "item-key".into(),
        document: document.into(),
    };
    let mapped = Fengchao::map(ctx, STOCK_UPDATE, &[item]).expect("a request");
    mapped.requests[0].draft.clone()
}

fn sent(ctx: &Context, draft: &Draft) -> Vec<(String, String)> {
    let sent = testing::signed::<Fengchao>(ctx, STOCK_UPDATE, draft, &SECRETS);
    match sent.expect("a signed request").body {
        Body::Text(form) => encode::form_fields(&form),
        other => panic!("{other:?}"),
    }
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    let found = fields.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value)
}

fn md5(fields: &[(String, String)], keep: impl Fn(&str) -> bool) -> String {
    let pairs = fields
        .iter()
        .filter(|(name, _)| keep(name))
        .map(|(name, value)| (name.as_str(), Value::from(value)))
        .collect();
    let sign = || keys::md5(&keys::wrapped("app_secret", pairs));
    testing::with_secrets(SECRETS, sign).expect("a hash").hex()
}

#[test]
fn the_golden_examples_hold() {
    testing::run_examples::<Fengchao>();
}

#[test]
fn its_stock_record_is_everybodys() {
    testing::share_the_stock_core::<Fengchao>();
    let manifest: serde_json::Value = serde_json::from_str(&Fengchao::describe()).expect("JSON");
    let document = &manifest["operations"][0]["document"]["properties"];
    for field in OWN_FIELDS {
        assert!(document[field].is_object(), "{field} is not in the schema");
    }
    assert_eq!(document.as_object().map(|fields| fields.len()), Some(16));
}

#[test]
fn the_signed_set_is_the_sent_set_without_the_sign() {
    let ctx = context("");
    let document = r#"{"sku":"白 a&=+%","quantity":-5,"mode":"adjust","out_warehouse_id":"dy123"}"#;
    let fields = sent(&ctx, &draft(&ctx, document));
    assert_eq!(field(&fields, "incremental"), "true");
    let signature = field(&fields, "sign");
    assert_eq!(md5(&fields, |name| name != "sign"), signature);
    for left_out in ["appid", "timestamp", "incremental", "out_warehouse_id"] {
        let other = md5(&fields, |name| name != "sign" && name != left_out);
        assert_ne!(other, signature, "{left_out} is not signed");
    }
    assert_ne!(signature.to_uppercase(), signature);
}

#[test]
fn every_attempt_has_its_own_time_and_signature() {
    let ctx = context("");
    let draft = draft(&ctx, r#"{"sku":"a","quantity":1}"#);
    let later = Context {
        now_ms: ctx.now_ms + 1000,
        ..context("")
    };
    let (first, second) = (sent(&ctx, &draft), sent(&later, &draft));
    assert_eq!(field(&first, "timestamp"), "1657525936");
    assert_eq!(field(&second, "timestamp"), "1657525937");
    assert_ne!(field(&first, "sign"), field(&second, "sign"));
}

#[test]
fn both_transports_carry_the_same_fields() {
    let (form, multipart) = (context(""), context(r#","transport":"multipart""#));
    let document = r#"{"sku":"a b","quantity":1}"#;
    let fields = sent(&form, &draft(&form, document));
    let parts = testing::signed::<Fengchao>(
        &multipart,
        STOCK_UPDATE,
        &draft(&multipart, document),
        &SECRETS,
    )
    .expect("a signed request");
    let boundary = "crossdock-0123456789abcdef0123456789abcdef";
    let expected = Body::Text(encode::multipart(boundary, &fields));
    assert_eq!(parts.body, expected);
    let content_type = format!("multipart/form-data; boundary={boundary}");
    assert_eq!(parts.headers, [("content-type".into(), content_type)]);
}

#[test]
fn each_item_is_its_own_request() {
    for count in [0, 1, 2, 51] {
        let items: Vec<Item> = (0..count)
            .map(|index| Item {
                key: format!("key-{index}"),
                document: format!(r#"{{"sku":"s{index}","quantity":{index}}}"#),
            })
            .collect();
        let mapped = Fengchao::map(&context(""), STOCK_UPDATE, &items).expect("requests");
        assert_eq!(mapped.requests.len(), count);
        assert!(mapped.requests.iter().all(|request| request.repeatable));
    }
}
