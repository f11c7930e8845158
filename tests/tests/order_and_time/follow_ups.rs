//! What became of a follow-up says nothing about the request before it.

use crossdock::report::{ItemReport, ItemStatus};
use crossdock_tests::recorder::{Recorder, Reply};

use crate::{Shop, outcome};

const ONCE: &str = r#"{"sku":"1"}"#;
const REPEATABLE: &str = r#"{"sku":"1","repeatable":true}"#;

/// The item and how many requests arrived, where the first answer is `first`
/// and that of the follow-up `second`.
async fn followed(operation: &str, item: &str, first: Reply, second: Reply) -> (ItemReport, usize) {
    let platform = Recorder::answering(move |request| match request.target.contains("page=2") {
        true => second.clone(),
        false => first.clone(),
    })
    .await;
    let more = "settings = { mode = \"two-pages\" }\nlimits = { attempts = 2 }";
    let shop = Shop::start(platform, "", more).await;
    let mut report = shop.call(operation, item).await;
    (report.items.remove(0), shop.platform.count())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_or_refused_read_back_leaves_a_request_unknown_and_unrepeated() {
    for answer in [
        Reply::text(429, "slower").with_header("retry-after", "0"),
        Reply::text(401, "who are you?"),
        Reply::text(403, "not you"),
        outcome("throttled", ",\"after_ms\":1"),
        outcome("unauthenticated", ""),
        Reply::text(302, "elsewhere").with_header("location", "/login"),
        Reply::text(500, "oh"),
    ] {
        let unknown = outcome("unknown", "");
        let (item, requests) = followed("keyed", ONCE, unknown, answer.clone()).await;
        assert_eq!(item.status, ItemStatus::Unknown, "{answer:?}: {item:?}");
        assert_eq!(requests, 2, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_sent_is_not_called_failed_for_its_follow_up() {
    for (answer, requests) in [
        // Sent again, for it may be: two attempts of two requests each.
        (
            Reply::text(429, "slower").with_header("retry-after", "0"),
            4,
        ),
        (Reply::text(401, "who are you?"), 2),
        (
            Reply::text(302, "elsewhere").with_header("location", "/x"),
            2,
        ),
    ] {
        let found = followed("keyed", REPEATABLE, Reply::json("{}"), answer.clone()).await;
        assert_eq!(found.0.status, ItemStatus::Unknown, "{answer:?}: {found:?}");
        assert_eq!(found.1, requests, "{answer:?}");
        // A read changes nothing, so that nothing is unknown about it.
        let found = followed("read", ONCE, Reply::json("{}"), answer.clone()).await;
        assert_eq!(found.0.status, ItemStatus::Failed, "{answer:?}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_without_a_turn_leaves_a_write_unknown() {
    for (operation, item, status) in [
        ("keyed", ONCE, ItemStatus::Accepted),
        ("keyed", REPEATABLE, ItemStatus::Unknown),
        ("read", ONCE, ItemStatus::Failed),
    ] {
        let platform = Recorder::start().await;
        // The second request of this minute has no turn within the call.
        let more = "settings = { mode = \"two-pages\" }\nlimits = { requests_per_minute = 1 }";
        let shop = Shop::start(platform, "call_timeout_ms = 5000", more).await;
        let report = shop.call(operation, item).await;
        assert_eq!(report.items[0].status, status, "{operation} {report:?}");
        assert_eq!(shop.platform.count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_follow_ups_leave_a_write_unknown() {
    for (operation, item, status) in [
        ("keyed", ONCE, ItemStatus::Unknown),
        ("keyed", REPEATABLE, ItemStatus::Unknown),
        ("read", ONCE, ItemStatus::Failed),
    ] {
        let platform = Recorder::start().await;
        let more = "settings = { mode = \"next-forever\" }";
        let shop = Shop::start(platform, "follow_up_requests = 2", more).await;
        let report = shop.call(operation, item).await;
        let found = (report.items[0].status, report.items[0].code.as_deref());
        assert_eq!(
            found,
            (status, Some("too-many-follow-ups")),
            "{operation} {item}"
        );
        assert_eq!(shop.platform.count(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_platform_is_through_with_stays_known() {
    let refused = outcome("rejected", "");
    let (item, _) = followed("keyed", REPEATABLE, refused, Reply::text(401, "no")).await;
    assert_eq!(item.status, ItemStatus::Rejected, "{item:?}");
}
