use super::{context, map, outcomes, refused_at, reply, text};
use crate::{STOCK_CALC, STOCK_CONFIRM, STOCK_PENDING, Wangdian};
use crossdock_adapter::{Adapter, Fault, Outcome, Parsed};

fn body(operation: &str, document: &str) -> String {
    let mapped = map(operation, &[document]);
    text(&mapped.requests[0].draft.body).to_owned()
}

#[test]
fn a_calculation_names_goods_of_any_size() {
    for (document, expected) in [
        (r#"{"api_goods_id":2447}"#, "[2447,false]"),
        (
            r#"{"api_goods_id":"2447","force_sync":true}"#,
            "[2447,true]",
        ),
        (
            r#"{"api_goods_id":12345678901234567890,"force_sync":false}"#,
            "[12345678901234567890,false]",
        ),
    ] {
        assert_eq!(body(STOCK_CALC, document), expected);
    }
    for wrong in ["\"x\"", "-1", "1.5", "true"] {
        let document = format!(r#"{{"api_goods_id":{wrong}}}"#);
        assert_eq!(refused_at(STOCK_CALC, &document), "/api_goods_id");
    }
}

#[test]
fn a_calculation_keeps_every_digit() {
    let mapped = map(STOCK_CALC, &[r#"{"api_goods_id":1}"#]);
    let data = r#"{"syn_stock":1.0000,"rec_id":12345678901234567890,"area_stock":[ 1 ]}"#;
    let answer = format!(r#"{{"status":0,"data":{data}}}"#);
    assert_eq!(
        outcomes(&mapped, STOCK_CALC, &answer),
        Ok(vec![Outcome::Accepted(data.into())])
    );
    for answer in [r#"{"status":0}"#, r#"{"status":0,"data":[]}"#] {
        let found = outcomes(&mapped, STOCK_CALC, answer);
        assert!(matches!(found, Err(Fault::InvalidReply(_))), "{found:?}");
    }
}

#[test]
fn a_page_has_from_10_to_5000_ids() {
    assert_eq!(body(STOCK_PENDING, "{}"), "[500,0]");
    for count in [10, 5000] {
        let document = format!(r#"{{"count":{count},"position":239126414}}"#);
        assert_eq!(
            body(STOCK_PENDING, &document),
            format!("[{count},239126414]")
        );
    }
    for count in [9, 5001] {
        let document = format!(r#"{{"count":{count}}}"#);
        assert_eq!(refused_at(STOCK_PENDING, &document), "/count");
    }
    assert_eq!(
        refused_at(STOCK_PENDING, r#"{"position":"x"}"#),
        "/position"
    );
}

/// What an answer to the query is read as, and the next page's arguments.
fn page(document: &str, data: &str) -> (String, Option<String>) {
    let mapped = map(STOCK_PENDING, &[document]);
    let answer = reply(&format!(r#"{{"status":0,"data":{data}}}"#));
    let parsed = Wangdian::parse_response(&context(), STOCK_PENDING, &mapped.requests[0], &answer);
    let Parsed { outcomes, next } = parsed.expect("a page");
    let Outcome::Accepted(result) = &outcomes[0] else {
        panic!("{outcomes:?}");
    };
    (
        result.clone(),
        next.map(|draft| text(&draft.body).to_owned()),
    )
}

#[test]
fn one_page_is_not_followed() {
    let data = r#"{"id_list":[174004, 175511],"position":239126414}"#;
    let expected = r#"{"id_list":[174004,175511],"position":239126414}"#;
    assert_eq!(page("{}", data), (expected.into(), None));
}

#[test]
fn all_pages_are_followed_until_one_is_empty_or_the_position_stays() {
    let all = r#"{"all":true,"count":10}"#;
    assert_eq!(body(STOCK_PENDING, all), "[10, 0]");
    let (_, next) = page(all, r#"{"id_list":[1],"position":77}"#);
    assert_eq!(next.as_deref(), Some("[10, 77]"));
    for last in [
        r#"{"id_list":[],"position":88}"#,
        r#"{"id_list":[]}"#,
        r#"{"id_list":[2]}"#,
        r#"{"id_list":[2],"position":null}"#,
        r#"{"id_list":[2],"position":0}"#,
    ] {
        assert_eq!(page(all, last).1, None, "{last}");
    }
    let from = r#"{"all":true,"count":10,"position":50}"#;
    assert_eq!(page(from, r#"{"id_list":[2],"position":50}"#).1, None);
    let (_, next) = page(from, r#"{"id_list":[2],"position":51}"#);
    assert_eq!(next.as_deref(), Some("[10, 51]"));
}

#[test]
fn a_page_that_is_none_is_unreadable() {
    let mapped = map(STOCK_PENDING, &["{}"]);
    for answer in [
        r#"{"status":0}"#,
        r#"{"status":0,"data":{}}"#,
        r#"{"status":0,"data":{"id_list":{}}}"#,
        r#"{"status":0,"data":{"id_list":[1],"position":"x"}}"#,
    ] {
        let found = outcomes(&mapped, STOCK_PENDING, answer);
        assert!(
            matches!(found, Err(Fault::InvalidReply(_))),
            "{answer}: {found:?}"
        );
    }
}

#[test]
fn a_confirmation_echoes_what_was_calculated() {
    let document = r#"{"api_goods_id":"2447","success":false,"syn_stock":"1.5000","is_auto_listing":1,
        "is_auto_delisting":0,"stock_change_count":12345678901234,"syn_result":"门店\"不存在","is_manual":true}"#;
    let mapped = map(STOCK_CONFIRM, &[document]);
    let request = &mapped.requests[0];
    assert!(!request.repeatable);
    assert!(
        request
            .draft
            .query
            .contains(&("method".into(), "sales.StockSync.syncFail".into()))
    );
    assert_eq!(
        text(&request.draft.body),
        r#"[2447,{"is_auto_delisting":false,"is_auto_listing":true,"syn_stock":1.5000,"stock_change_count":12345678901234,"is_manual":true,"syn_result":"门店\"不存在"}]"#
    );
}

#[test]
fn a_confirmation_is_refused_where_it_is_wrong() {
    for (document, pointer) in [
        (r#"{"success":true}"#, "/api_goods_id"),
        (r#"{"api_goods_id":1}"#, "/success"),
        (r#"{"api_goods_id":1,"success":1}"#, "/success"),
        (
            r#"{"api_goods_id":1,"success":true,"syn_stock":"x"}"#,
            "/syn_stock",
        ),
        (
            r#"{"api_goods_id":1,"success":true,"is_manual":2}"#,
            "/is_manual",
        ),
    ] {
        assert_eq!(refused_at(STOCK_CONFIRM, document), pointer, "{document}");
    }
}
