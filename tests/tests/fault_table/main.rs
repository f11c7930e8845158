//! Each stand-in × each misbehaviour × what may be repeated and what must not.
//!
//! The expected table is in `expected`; the found one is printed. Beside it,
//! every row is held to the rule that matters most: a request that must not
//! be repeated is not sent again once it may have been applied.

mod expected;
mod requests;

use std::sync::Arc;
use std::time::Duration;

use crossdock_stand_ins::{Misbehaviour, Options, Plan, Recorded, Refusal, Times};
use crossdock_tests::platforms::{PLATFORMS, Platforms, code};
use crossdock_tests::wait::until;
use expected::EXPECTED;
use requests::{Kind, REQUESTS, Tried};

/// Time of one request. Long for a stand-in that answers at once, however busy
/// the machine is.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A misbehaviour by its name in the table.
fn plan(platform: &str, fault: &str) -> Plan {
    let answer = |status, body: &str| Misbehaviour::Answer {
        status,
        content_type: "text/html".into(),
        body: body.into(),
    };
    match fault {
        "http 500" => Plan::new(Misbehaviour::Http500),
        "http 500, applied" => Plan::new(Misbehaviour::Http500).after_applying(),
        "http 502, a page" => Plan::new(answer(502, "<html>Bad Gateway</html>")),
        "http 401" => Plan::new(answer(401, "who are you?")),
        "http 404" => Plan::new(answer(404, "no such page")),
        "reset before applying" => Plan::new(Misbehaviour::ResetBeforeApplying),
        "reset after applying" => Plan::new(Misbehaviour::ResetAfterApplying),
        "too slow" => Plan::new(Misbehaviour::Slow(Duration::from_secs(600))),
        "applied late" => Plan::new(Misbehaviour::ApplyLate { answers: 1 }),
        "truncated" => Plan::new(Misbehaviour::Truncated),
        "a page" => Plan::new(Misbehaviour::Html),
        "a page, applied" => Plan::new(Misbehaviour::Html).after_applying(),
        "empty body" => Plan::new(Misbehaviour::EmptyBody),
        "50 MB" => Plan::new(Misbehaviour::Huge),
        "redirect" => Plan::new(Misbehaviour::Redirect),
        "http 429" => Plan::new(Misbehaviour::Throttled { retry_after: 0 }),
        "platform's throttle" => Plan::new(Misbehaviour::ThrottledByPlatform),
        "platform's refusal" => Plan::new(Misbehaviour::Refuse(refusal(platform))),
        other => panic!("the table has no misbehaviour {other}"),
    }
}

/// A code that says that nothing was done: of the platform's table, or any
/// where the document calls every other number a failure.
fn refusal(platform: &str) -> Refusal {
    match platform {
        "doudian" => Refusal::new(50002, "no").with_sub_code("isv.business-failed:2010042"),
        "wangdian" => Refusal::new(100, "no"),
        _ => Refusal::new(7777, "no"),
    }
}

/// A row as it was found.
struct Row {
    line: String,
    wrong: Vec<String>,
}

async fn row(platforms: &Platforms, tried: &Tried, fault: &str, times: Times) -> Row {
    let stand_ins = &platforms.stand_ins;
    stand_ins.reset(tried.platform);
    (tried.prepare)(stand_ins);
    let plan = match tried.only {
        // A read-back is spared.
        Some(text) => plan(tried.platform, fault).only(text),
        None => plan(tried.platform, fault),
    };
    stand_ins.misbehave_as(tried.platform, plan.times(times));

    let report = platforms
        .deliver_text(tried.connection, tried.operation, tried.record)
        .await;
    // A request whose caller gave up is logged when the stand-in notices.
    let requests = until("the log of every request", || {
        let requests = stand_ins.requests(tried.platform);
        let received = stand_ins.counters(tried.platform).received;
        (requests.len() as u64 == received).then_some(requests)
    })
    .await;
    let writes: Vec<&Recorded> = requests
        .iter()
        .filter(|request| request.method != "GET")
        .collect();
    let applied = writes
        .iter()
        .filter(|request| request.verdict.applied)
        .count();
    let item = &report.items[0];
    let status = format!("{:?}", item.status).to_lowercase();
    let blame = item.blame.map_or("", |blame| blame.as_str());
    let found = format!("{status} {} {blame}", code(item));
    let found = found.split_whitespace().collect::<Vec<_>>().join(" ");
    let outcome = format!("{found} {}/{applied}", requests.len());

    let mut wrong = Vec::new();
    let wanted = expected::of(fault, times, tried.kind);
    if !expected::fits(wanted, &outcome) {
        wrong.push(format!("{outcome}, not {wanted}"));
    }
    let violations = stand_ins.violations(tried.platform);
    if !violations.is_empty() {
        wrong.push(format!("{violations:?}"));
    }
    if tried.kind.must_not_be_repeated() {
        wrong.extend(repeated(&requests));
    }
    if let Some(what) = (tried.wrong_state)(stand_ins, item.status, applied) {
        wrong.push(what);
    }
    let how_often = if times == Times::Always {
        "always"
    } else {
        "once"
    };
    let line = format!(
        "{:<9} {:<25} {:<14} {fault:<22} {how_often:<6} {outcome}",
        tried.platform,
        tried.name,
        tried.kind.as_str(),
    );
    let wrong = wrong.into_iter().map(|what| format!("{line}: {what}"));
    Row {
        wrong: wrong.collect(),
        line,
    }
}

/// Writes that were sent again although the one before may have been applied:
/// all but those that followed a refusal or a read-back.
fn repeated(requests: &[Recorded]) -> Option<String> {
    let certain = |request: &Recorded| {
        request.method == "GET"
            || matches!(
                request.verdict.misbehaviour,
                Some(Misbehaviour::Throttled { .. } | Misbehaviour::ThrottledByPlatform)
            )
    };
    let again = requests
        .windows(2)
        .filter(|pair| pair[1].method != "GET" && !certain(&pair[0]))
        .count();
    let applied = |request: &&Recorded| request.method != "GET" && request.verdict.applied;
    let twice = requests.iter().filter(applied).count() > 1;
    (again > 0 || twice).then(|| format!("repeated {again} times, applied twice: {twice}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_misbehaviour_makes_a_request_count_twice_and_each_has_its_outcome() {
    let connections = requests::connections(TIMEOUT);
    let platforms = Arc::new(Platforms::start(Options::default(), &connections).await);
    // A platform's rows one after the other, the platforms side by side.
    let tasks = PLATFORMS.map(|platform| {
        let platforms = platforms.clone();
        tokio::spawn(async move {
            let mut rows = Vec::new();
            for tried in REQUESTS.iter().filter(|tried| tried.platform == platform) {
                for expected in EXPECTED {
                    rows.push(row(&platforms, tried, expected.fault, Times::Once).await);
                    // What must not be repeated is the same at once and always.
                    if !tried.kind.must_not_be_repeated() {
                        rows.push(row(&platforms, tried, expected.fault, Times::Always).await);
                    }
                }
            }
            rows
        })
    });
    println!(
        "platform  request                   kind           misbehaviour           times  outcome, requests received/applied"
    );
    let mut wrong = Vec::new();
    for task in tasks {
        for row in task.await.expect("a platform's rows") {
            println!("{}", row.line);
            wrong.extend(row.wrong);
        }
    }
    assert_eq!(platforms.stand_ins.redirects_followed(), 0);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The order of document 004 is locked once, the answer is lost, and so is the
/// first read-back: what is left is `unknown`, and a person asks again.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_whose_read_back_is_lost_too_stays_unknown_and_is_found_by_asking() {
    let connections = requests::connections(TIMEOUT);
    let platforms = Platforms::start(Options::default(), &connections).await;
    let tried = REQUESTS
        .iter()
        .find(|tried| tried.operation == "order.lock")
        .expect("the lock");
    (tried.prepare)(&platforms.stand_ins);
    let lost = Plan::new(Misbehaviour::ResetAfterApplying).times(Times::Always);
    platforms.stand_ins.misbehave_as("dingliyun", lost);
    let report = platforms
        .deliver_text(tried.connection, tried.operation, tried.record)
        .await;
    assert_eq!(
        format!("{:?} {}", report.items[0].status, code(&report.items[0])),
        "Unknown no-answer"
    );
    let locks = |platforms: &Platforms| {
        let state = platforms.stand_ins.dingliyun().snapshot();
        state.orders["o-1"].lock_requests
    };
    assert_eq!(locks(&platforms), 1);

    platforms.stand_ins.behave("dingliyun");
    let asked = platforms
        .deliver_text(
            tried.connection,
            "order.lock-result",
            r#"{"order_id":"o-1"}"#,
        )
        .await;
    assert_eq!(
        crossdock_tests::platforms::data(&asked.items[0])["lock_result"],
        "lock_all"
    );
    assert_eq!(locks(&platforms), 1);
}

#[test]
fn the_table_has_every_misbehaviour_of_the_stand_ins() {
    // A new variant has to be given its row.
    for expected in EXPECTED {
        match plan("lingzhi", expected.fault).misbehaviour {
            Misbehaviour::Http500
            | Misbehaviour::ResetBeforeApplying
            | Misbehaviour::ResetAfterApplying
            | Misbehaviour::Slow(_)
            | Misbehaviour::ApplyLate { .. }
            | Misbehaviour::Truncated
            | Misbehaviour::Html
            | Misbehaviour::Throttled { .. }
            | Misbehaviour::ThrottledByPlatform
            | Misbehaviour::Huge
            | Misbehaviour::EmptyBody
            | Misbehaviour::Redirect
            | Misbehaviour::Refuse(_)
            | Misbehaviour::Answer { .. } => {}
        }
    }
    assert!(
        Kind::ALL
            .iter()
            .all(|kind| REQUESTS.iter().any(|tried| tried.kind == *kind))
    );
}
