use crate::{Doudian, STOCK_UPDATE};
use crossdock_adapter::{Adapter, Body, Context, Draft, Item, testing};
use crossdock_sku_stock::document::OWN_FIELDS;

const SECRETS: [(&str, &str); 2] = [("app_secret", "secret"), ("access_token", "token")];

/// 2025-01-02 03:04:05 in GMT+8.
const NOW_MS: u64 = 1_735_758_245_000;

fn context(settings: &str) -> Context {
    Context {
        now_ms: NOW_MS,
        nonce: "0".repeat(32),
        settings: settings.into(),
    }
}

fn draft(method: &str, param_json: &str) -> Draft {
    Draft::post("/")
        .with_query("app_key", "app-key")
        .with_query("method", method)
        .with_query("v", "2")
        .with_query("sign_method", "hmac-sha256")
        .json_body(param_json)
}

fn query<'a>(sent: &'a Draft, name: &str) -> &'a str {
    let found = sent.query.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value)
}

fn sign(settings: &str, draft: &Draft) -> String {
    let sent = testing::signed::<Doudian>(&context(settings), STOCK_UPDATE, draft, &SECRETS);
    query(&sent.expect("a signed request"), "sign").to_owned()
}

const HMAC: &str = r#"{"app_key":"app-key"}"#;

#[test]
fn the_golden_examples_hold() {
    testing::run_examples::<Doudian>();
}

#[test]
fn its_stock_record_is_everybodys() {
    testing::share_the_stock_core::<Doudian>();
    let manifest: serde_json::Value = serde_json::from_str(&Doudian::describe()).expect("JSON");
    let document = &manifest["operations"][0]["document"]["properties"];
    for field in OWN_FIELDS {
        assert!(document[field].is_object(), "{field} is not in the schema");
    }
    assert_eq!(document.as_object().map(|fields| fields.len()), Some(16));
}

/// Third party: published in somebody's unit test for `product.detail`. MD5 of the same is
/// computed.
#[test]
fn the_published_signature_comes_out() {
    let draft = draft("product.detail", r#"{"a":1,"b":2}"#);
    assert_eq!(
        sign(HMAC, &draft),
        "4eaefa2d3044c9f9711928edc8cfe5df1b7a8fd2d79d5d62866c79bbc4a09f2a"
    );
    assert_eq!(
        sign(r#"{"app_key":"app-key","sign_method":"md5"}"#, &draft),
        "0f859a7475d5f9fb52a9b319ceba8db4"
    );
}

#[test]
fn token_and_sign_method_are_not_signed_and_everything_else_is() {
    let base = draft("sku.syncStock", "{}");
    let signature = sign(HMAC, &base);
    let mut other = base.clone();
    other.query.retain(|(name, _)| name != "sign_method");
    assert_eq!(sign(HMAC, &other), signature);
    let changed = |change: &dyn Fn(&mut Draft)| {
        let mut draft = base.clone();
        change(&mut draft);
        sign(HMAC, &draft)
    };
    for wrong in [
        changed(&|draft| draft.body = Body::Text("{ }".into())),
        changed(&|draft| draft.query[0].1 = "other".into()),
        changed(&|draft| draft.query[1].1 = "other".into()),
        changed(&|draft| draft.query[2].1 = "1".into()),
        sign(r#"{"app_key":"app-key","time_format":"unix"}"#, &base),
        sign(r#"{"app_key":"app-key","sign_method":"md5"}"#, &base),
        signature.to_uppercase(),
    ] {
        assert_ne!(wrong, signature);
    }
}

#[test]
fn every_attempt_has_its_own_time_and_signature() {
    let draft = draft("sku.syncStock", "{}");
    let send = |now_ms, settings: &str| {
        let ctx = Context {
            now_ms,
            ..context(settings)
        };
        let sent = testing::signed::<Doudian>(&ctx, STOCK_UPDATE, &draft, &SECRETS);
        sent.expect("a signed request")
    };
    let (first, second) = (send(NOW_MS, HMAC), send(NOW_MS + 1000, HMAC));
    assert_eq!(query(&first, "timestamp"), "2025-01-02 03:04:05");
    assert_eq!(query(&second, "timestamp"), "2025-01-02 03:04:06");
    assert_ne!(query(&first, "sign"), query(&second, "sign"));
    assert_eq!(query(&first, "access_token"), "token");
    let unix = send(NOW_MS, r#"{"app_key":"app-key","time_format":"unix"}"#);
    assert_eq!(query(&unix, "timestamp"), "1735758245");
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
        let mapped = Doudian::map(&context(HMAC), STOCK_UPDATE, &items).expect("requests");
        assert_eq!(mapped.requests.len(), count);
        assert!(mapped.requests.iter().all(|request| request.repeatable));
    }
}
