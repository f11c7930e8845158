use super::{NOW_MS, context};
use crate::{STOCK_CALC, Wangdian};
use crossdock_adapter::keys::{self, Value};
use crossdock_adapter::{Body, Context, Draft, testing};

const SECRETS: [(&str, &str); 2] = [("secret", "testsecret"), ("salt", "testsalt")];

/// The sign of the vector wdt.flagship.calcStock (computed).
const SIGN: &str = "ede1881f21147afe1ac3ef5a067fd5d7";

fn draft() -> Draft {
    Draft::post("/openapi")
        .with_query("sid", "wdtapi3")
        .with_query("key", "appkey")
        .with_query("method", "sales.StockSync.calcStock")
        .with_query("v", "1.0")
        .json_body("[2447,false]")
}

fn send(now_ms: u64, draft: &Draft) -> Draft {
    let ctx = Context {
        now_ms,
        ..context()
    };
    testing::signed::<Wangdian>(&ctx, STOCK_CALC, draft, &SECRETS).expect("a signed request")
}

fn query<'a>(sent: &'a Draft, name: &str) -> &'a str {
    let found = sent.query.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value)
}

/// MD5 over the pairs, wrapped in the secret.
fn md5(pairs: Vec<(&str, Value)>) -> String {
    let sign = || keys::md5(&keys::wrapped("secret", pairs));
    testing::with_secrets(SECRETS, sign).expect("a hash").hex()
}

#[test]
fn the_signed_set_is_the_sent_set_without_the_sign_and_with_the_body() {
    let sent = send(NOW_MS, &draft());
    assert_eq!(query(&sent, "sign"), SIGN);
    assert_eq!(query(&sent, "salt"), "testsalt");
    let Body::Text(body) = &sent.body else {
        panic!("no body");
    };
    let mut pairs: Vec<(&str, Value)> = sent
        .query
        .iter()
        .filter(|(name, _)| name != "sign")
        .map(|(name, value)| (name.as_str(), value.into()))
        .collect();
    pairs.push(("body", body.into()));
    assert_eq!(md5(pairs.clone()), SIGN);
    for left_out in ["body", "salt", "sid", "key", "method", "timestamp", "v"] {
        let mut pairs = pairs.clone();
        pairs.retain(|(name, _)| *name != left_out);
        assert_ne!(md5(pairs), SIGN, "{left_out} is not signed");
    }
}

#[test]
fn upper_case_another_body_and_plain_unix_time_give_other_signatures() {
    assert_ne!(SIGN.to_uppercase(), SIGN);
    let mut spaced = draft();
    spaced.body = Body::Text("[2447, false]".into());
    assert_ne!(query(&send(NOW_MS, &spaced), "sign"), SIGN);
    let mut pairs: Vec<(&str, Value)> = vec![
        ("body", "[2447,false]".into()),
        ("salt", Value::Secret("salt")),
        ("timestamp", "1425347200".into()),
    ];
    let draft = draft();
    let query = draft.query.iter();
    pairs.extend(query.map(|(name, value)| (name.as_str(), Value::from(value))));
    assert_ne!(md5(pairs), SIGN);
}

#[test]
fn every_attempt_has_its_own_time_and_signature() {
    let (first, second) = (send(NOW_MS, &draft()), send(NOW_MS + 1000, &draft()));
    assert_eq!(query(&first, "timestamp"), "100000000");
    assert_eq!(query(&second, "timestamp"), "100000001");
    assert_ne!(query(&first, "sign"), query(&second, "sign"));
    assert_eq!(query(&send(0, &draft()), "timestamp"), "-1325347200");
}

/// The pager of other calls is in the query and so in the signature.
#[test]
fn more_query_parameters_are_signed_too() {
    let paged = draft()
        .with_query("page_size", "100")
        .with_query("page_no", "0");
    assert_ne!(query(&send(NOW_MS, &paged), "sign"), SIGN);
}
