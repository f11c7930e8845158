use super::{context, items, map, outcomes, refused_at, text};
use crate::{GOODS_PUSH, Wangdian};
use crossdock_adapter::{Adapter, Context, Fault, Outcome, Refusal};

fn goods(number: &str, specs: usize) -> String {
    let specs: Vec<String> = (0..specs)
        .map(|index| format!(r#"{{"spec_no":"{number}-{index}"}}"#))
        .collect();
    format!(
        r#"{{"goods_no":"{number}","goods_name":"n","spec_list":[{}]}}"#,
        specs.join(",")
    )
}

fn sizes(documents: &[String]) -> Vec<usize> {
    let mapped = map(GOODS_PUSH, documents);
    assert!(mapped.failures.is_empty());
    mapped
        .requests
        .iter()
        .map(|request| request.items.len())
        .collect()
}

#[test]
fn fifty_goods_make_one_request() {
    for (count, expected) in [
        (0, vec![]),
        (1, vec![1]),
        (49, vec![49]),
        (50, vec![50]),
        (51, vec![50, 1]),
        (100, vec![50, 50]),
        (101, vec![50, 50, 1]),
    ] {
        let documents: Vec<String> = (0..count).map(|i| goods(&format!("G{i}"), 1)).collect();
        assert_eq!(sizes(&documents), expected, "{count} goods");
    }
}

#[test]
fn five_hundred_skus_are_one_goods() {
    for count in [1, 499, 500] {
        assert_eq!(sizes(&[goods("A", count)]), [1], "{count} SKUs");
    }
    assert_eq!(refused_at(GOODS_PUSH, &goods("A", 501)), "/spec_list");
    assert_eq!(refused_at(GOODS_PUSH, &goods("A", 0)), "/spec_list");
}

#[test]
fn a_goods_that_is_refused_does_not_hold_up_the_others() {
    let documents = [goods("A", 1), goods("B", 501), goods("C", 500)];
    let mapped = map(GOODS_PUSH, &documents);
    assert_eq!(mapped.requests.len(), 1);
    assert_eq!(mapped.requests[0].items, [0, 2]);
    assert_eq!(mapped.failures[0].item, 1);
}

#[test]
fn the_same_goods_twice_are_in_two_requests() {
    let documents: Vec<String> = ["A", "B", "A", "C", "A"].map(|no| goods(no, 1)).into();
    let mapped = map(GOODS_PUSH, &documents);
    let carried: Vec<_> = mapped
        .requests
        .iter()
        .map(|request| &request.items)
        .collect();
    assert_eq!(carried, [&vec![0, 1], &vec![2, 3], &vec![4]]);
}

#[test]
fn decimals_keep_their_digits_and_become_numbers() {
    let document = r#"{"goods_no":"A","goods_name":"n","spec_list":[
        {"spec_no":"1","retail_price":"123456789012345.6700","weight":0.0001,"barcode":"0071"}]}"#;
    let mapped = map(GOODS_PUSH, &[document]);
    assert_eq!(
        text(&mapped.requests[0].draft.body),
        r#"[[{"goods_no":"A","goods_name":"n","spec_list":[{"spec_no":"1","retail_price":123456789012345.6700,"weight":0.0001,"barcode":"0071"}]}]]"#
    );
    for wrong in ["0.12345", "\"1e3\"", "1234567890123456", "\"\"", "true"] {
        let document =
            format!(r#"{{"goods_no":"A","spec_list":[{{"spec_no":"1"}},{{"weight":{wrong}}}]}}"#);
        let pointer = refused_at(GOODS_PUSH, &document);
        assert_eq!(pointer, "/spec_list/1/weight", "{wrong}");
    }
}

#[test]
fn what_the_adapter_needs_is_refused_where_it_is_missing() {
    assert_eq!(refused_at(GOODS_PUSH, r#"{"goods_no":"A"}"#), "/spec_list");
    assert_eq!(
        refused_at(GOODS_PUSH, r#"{"goods_no":"A","spec_list":{}}"#),
        "/spec_list"
    );
    let document = r#"{"goods_no":7,"spec_list":[{"spec_no":"1"}]}"#;
    assert_eq!(refused_at(GOODS_PUSH, document), "/goods_no");
}

#[test]
fn whether_a_push_is_repeated_is_a_setting() {
    let items = items(&[goods("A", 1)]);
    for (settings, expected) in [
        (r#"{"sid":"s","key":"k"}"#, true),
        (
            r#"{"sid":"s","key":"k","goods_push_repeatable":false}"#,
            false,
        ),
    ] {
        let ctx = Context {
            settings: settings.into(),
            ..context()
        };
        let mapped = Wangdian::map(&ctx, GOODS_PUSH, &items).expect("requests");
        assert_eq!(mapped.requests[0].repeatable, expected);
    }
}

fn accepted() -> Outcome {
    Outcome::Accepted("{}".into())
}

#[test]
fn refused_rows_are_the_items_with_their_number() {
    let mapped = map(
        GOODS_PUSH,
        &[goods("A", 1), goods("B\\\"1", 1), goods("C", 1)],
    );
    let answer = r#"{"status":0,"data":{"error_list":[
        {"no":"B\"1","error":"e1"},{"error":"e2","no":"C"},{"no":"C","error":"e3"}]}}"#;
    assert_eq!(
        outcomes(&mapped, GOODS_PUSH, answer),
        Ok(vec![
            accepted(),
            Outcome::rejected("error_list", "e1"),
            Outcome::Rejected(Refusal::new("error_list", "e2").with_detail("", "e3")),
        ])
    );
}

#[test]
fn a_refused_row_that_names_no_goods_leaves_the_others_unknown() {
    let mapped = map(GOODS_PUSH, &[goods("A", 1), goods("B", 1)]);
    for answer in [
        r#"{"status":0,"data":{"error_list":[{"no":"A","error":"e1"},{"no":"B-0","error":"e2"}]}}"#,
        r#"{"status":0,"data":{"error_list":[{"no":"A","error":"e1"},{"error":"e2"}]}}"#,
    ] {
        let found = outcomes(&mapped, GOODS_PUSH, answer).expect("outcomes");
        assert_eq!(found[0], Outcome::rejected("error_list", "e1"));
        let Outcome::Unknown(refusal) = &found[1] else {
            panic!("{:?}", found[1]);
        };
        assert_eq!(refusal.message, "e2");
    }
    let alone = map(GOODS_PUSH, &[goods("A", 1)]);
    let answer = r#"{"status":0,"data":{"error_list":[{"no":"A-0","error":"e2"}]}}"#;
    assert_eq!(
        outcomes(&alone, GOODS_PUSH, answer),
        Ok(vec![Outcome::rejected("error_list", "e2")])
    );
}

#[test]
fn status_0_without_a_list_of_errors_is_no_success() {
    let mapped = map(GOODS_PUSH, &[goods("A", 1)]);
    for answer in [
        r#"{"status":0}"#,
        r#"{"status":0,"data":null}"#,
        r#"{"status":0,"data":{}}"#,
        r#"{"status":0,"data":{"error_list":null}}"#,
        r#"{"status":0,"data":[]}"#,
        r#"{"status":"0","data":{"error_list":[]}}"#,
    ] {
        let found = outcomes(&mapped, GOODS_PUSH, answer);
        assert!(
            matches!(found, Err(Fault::InvalidReply(_))),
            "{answer}: {found:?}"
        );
    }
}
