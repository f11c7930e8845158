//! Each misbehaviour does on the wire what it says, and leaves the state as it says.

mod common;

use std::time::{Duration, Instant};

use common::*;
use crossdock_stand_ins::misbehave::HUGE_BODY;
use crossdock_stand_ins::{Misbehaviour, Options, Plan, Refusal, StandIns, Times};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATH: &str = "/gateway/api/erp/update_goods_stock";
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const BODY: &str = r#"[{"type":"group","key":"1","stock":3,"store_code":"s"}]"#;

async fn update(stand_ins: &StandIns) -> Result<Reply, Failure> {
    try_send(stand_ins, "lingzhi", "POST", PATH, JSON, BODY).await
}

fn applied(stand_ins: &StandIns) -> bool {
    stand_ins.lingzhi().stock("group", "1", "s").is_some()
}

/// Everything that comes back on a bare socket, and how it ended.
async fn raw(stand_ins: &StandIns) -> (Vec<u8>, std::io::Result<()>) {
    let mut stream = TcpStream::connect(stand_ins.address())
        .await
        .expect("a connection");
    let request = format!(
        "POST /lingzhi{PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("a request that leaves");
    let mut answer = Vec::new();
    let end = tokio::time::timeout(LIMIT, stream.read_to_end(&mut answer))
        .await
        .expect("an end");
    (answer, end.map(drop))
}

async fn misbehaving(misbehaviour: Misbehaviour) -> StandIns {
    let stand_ins = start().await;
    stand_ins.misbehave("lingzhi", misbehaviour, Times::Once);
    stand_ins
}

#[tokio::test]
async fn http_500_is_answered_and_not_applied() {
    let stand_ins = misbehaving(Misbehaviour::Http500).await;
    assert_eq!(update(&stand_ins).await.expect("an answer").status, 500);
    assert!(!applied(&stand_ins));
    assert_eq!(update(&stand_ins).await.expect("an answer").status, 200);
    assert!(applied(&stand_ins));
    assert_eq!(stand_ins.counters("lingzhi").misbehaved, 1);
}

#[tokio::test]
async fn a_reset_is_a_reset_and_not_an_end() {
    for (misbehaviour, is_applied) in [
        (Misbehaviour::ResetBeforeApplying, false),
        (Misbehaviour::ResetAfterApplying, true),
    ] {
        let stand_ins = misbehaving(misbehaviour.clone()).await;
        let (answer, end) = raw(&stand_ins).await;
        assert!(answer.is_empty(), "{misbehaviour:?}");
        let error = end.expect_err("a reset");
        assert_eq!(
            error.kind(),
            std::io::ErrorKind::ConnectionReset,
            "{misbehaviour:?}"
        );
        assert_eq!(applied(&stand_ins), is_applied, "{misbehaviour:?}");
        let verdict = last(&stand_ins, "lingzhi").verdict;
        assert_eq!((verdict.status, verdict.applied), (None, is_applied));
    }
}

#[tokio::test]
async fn a_slow_answer_is_applied_first_and_answered_late() {
    let delay = Duration::from_millis(150);
    let stand_ins = misbehaving(Misbehaviour::Slow(delay)).await;
    let start = Instant::now();
    assert_eq!(update(&stand_ins).await.expect("an answer").status, 200);
    assert!(start.elapsed() >= delay);
    assert!(applied(&stand_ins));
}

#[tokio::test]
async fn a_client_that_gives_up_on_a_slow_request_leaves_nothing_applied() {
    let stand_ins = start().await;
    stand_ins.misbehave_as(
        "lingzhi",
        Plan::new(Misbehaviour::Slow(LIMIT)).before_applying(),
    );
    let patience = tokio::time::timeout(Duration::from_millis(50), update(&stand_ins)).await;
    assert!(patience.is_err());
    // The next request is answered at once, and is the only one applied.
    assert_eq!(update(&stand_ins).await.expect("an answer").status, 200);
    assert_eq!(stand_ins.counters("lingzhi").applied, 1);
}

#[tokio::test]
async fn a_late_request_is_applied_after_its_client_gave_up_and_others_were_answered() {
    let stand_ins = misbehaving(Misbehaviour::ApplyLate { answers: 2 }).await;
    let patience = tokio::time::timeout(Duration::from_millis(50), update(&stand_ins)).await;
    assert!(patience.is_err());
    assert!(!applied(&stand_ins));
    let other = r#"[{"type":"group","key":"2","stock":3,"store_code":"s"}]"#;
    for is_applied in [false, true] {
        let answer = try_send(&stand_ins, "lingzhi", "POST", PATH, JSON, other).await;
        assert_eq!(answer.expect("an answer").status, 200);
        assert_eq!(applied(&stand_ins), is_applied);
    }
    assert_eq!(stand_ins.counters("lingzhi").applied, 3);
    let verdicts = stand_ins.requests("lingzhi");
    assert!(verdicts.iter().all(|request| request.verdict.applied));
    assert_eq!(verdicts[0].verdict.status, None);
}

#[tokio::test]
async fn what_was_applied_before_the_client_gave_up_is_not_forgotten() {
    let stand_ins = misbehaving(Misbehaviour::Slow(LIMIT)).await;
    let patience = tokio::time::timeout(Duration::from_millis(50), update(&stand_ins)).await;
    assert!(patience.is_err());
    assert!(applied(&stand_ins));
    assert_eq!(stand_ins.counters("lingzhi").applied, 1);
    while stand_ins.requests("lingzhi").is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(last(&stand_ins, "lingzhi").verdict.applied);
}

#[tokio::test]
async fn a_truncated_answer_announces_all_and_sends_half() {
    let stand_ins = misbehaving(Misbehaviour::Truncated).await;
    let (answer, end) = raw(&stand_ins).await;
    end.expect("an end without a reset");
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(
        head.to_ascii_lowercase().contains("content-length: 29"),
        "{head}"
    );
    assert_eq!(body, r#"{"code":0,"dat"#);
    assert!(applied(&stand_ins));
}

#[tokio::test]
async fn a_truncated_answer_is_an_error_for_an_http_client() {
    let stand_ins = misbehaving(Misbehaviour::Truncated).await;
    assert!(update(&stand_ins).await.is_err());
}

#[tokio::test]
async fn html_comes_with_http_200() {
    let stand_ins = misbehaving(Misbehaviour::Html).await;
    let reply = update(&stand_ins).await.expect("an answer");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["content-type"], "text/html; charset=utf-8");
    assert!(reply.body.starts_with(b"<!DOCTYPE html>"));
    assert!(!applied(&stand_ins));
}

#[tokio::test]
async fn throttling_says_when_to_come_back() {
    let stand_ins = misbehaving(Misbehaviour::Throttled { retry_after: 7 }).await;
    let reply = update(&stand_ins).await.expect("an answer");
    assert_eq!(
        (reply.status, reply.headers["retry-after"].as_bytes()),
        (429, b"7".as_slice())
    );
    assert!(!applied(&stand_ins));
}

#[tokio::test]
async fn a_huge_answer_has_no_length_and_a_right_end() {
    let stand_ins = misbehaving(Misbehaviour::Huge).await;
    let reply = update(&stand_ins).await.expect("an answer");
    assert_eq!(reply.headers.get("content-length"), None);
    assert!(reply.body.len() as u64 > HUGE_BODY);
    assert_eq!(reply.json()["code"], 0);
    assert!(applied(&stand_ins));
}

#[tokio::test]
async fn an_empty_answer_is_200_without_a_byte() {
    let stand_ins = misbehaving(Misbehaviour::EmptyBody).await;
    let reply = update(&stand_ins).await.expect("an answer");
    assert_eq!((reply.status, reply.body.len()), (200, 0));
    assert!(!applied(&stand_ins));
}

#[tokio::test]
async fn a_redirect_points_to_a_page_that_counts_its_visitors() {
    let stand_ins = misbehaving(Misbehaviour::Redirect).await;
    let reply = update(&stand_ins).await.expect("an answer");
    assert_eq!(reply.status, 302);
    let location = reply.headers["location"].to_str().expect("text");
    assert_eq!(
        location,
        format!("http://{}/_elsewhere", stand_ins.address())
    );
    assert_eq!(stand_ins.redirects_followed(), 0);
    assert!(!applied(&stand_ins));
}

#[tokio::test]
async fn a_refusal_comes_in_the_platforms_envelope() {
    let stand_ins = misbehaving(Misbehaviour::Refuse(Refusal::new(4001, "商品不存在"))).await;
    let reply = update(&stand_ins).await.expect("an answer");
    assert_eq!(
        reply.json(),
        parse(r#"{"code":4001,"data":[],"msg":"商品不存在"}"#)
    );
    assert!(!applied(&stand_ins));
}

#[tokio::test]
async fn any_answer_can_be_given_after_applying() {
    let stand_ins = start().await;
    let answer = Misbehaviour::Answer {
        status: 502,
        content_type: "text/plain".into(),
        body: "bad gateway".into(),
    };
    stand_ins.misbehave_as("lingzhi", Plan::new(answer).after_applying());
    let reply = update(&stand_ins).await.expect("an answer");
    assert_eq!(
        (reply.status, reply.body.as_ref()),
        (502, b"bad gateway".as_slice())
    );
    assert!(applied(&stand_ins));
}

#[tokio::test]
async fn the_rate_is_kept_once_it_is_configured() {
    let mut options = Options::default();
    options.calls_per_minute.insert("lingzhi".to_owned(), 2);
    let stand_ins = start_with(options).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(update(&stand_ins).await.expect("an answer").status);
    }
    assert_eq!(seen, [200, 200, 429]);
    assert_eq!(stand_ins.counters("lingzhi").throttled, 1);
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let stand_ins = start().await;
    let mut stream = TcpStream::connect(stand_ins.address())
        .await
        .expect("a connection");
    let request = format!(
        "POST /lingzhi{PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    for _ in 0..50 {
        stream
            .write_all(request.as_bytes())
            .await
            .expect("a request that leaves");
        let mut answer = Vec::new();
        while !answer.ends_with(br#""msg":""}"#) {
            let read = tokio::time::timeout(LIMIT, stream.read_buf(&mut answer))
                .await
                .expect("in time");
            assert_ne!(read.expect("an answer"), 0);
        }
    }
    assert_eq!(stand_ins.counters("lingzhi").applied, 50);
}

#[tokio::test]
async fn a_quiet_stand_in_counts_but_does_not_log() {
    let stand_ins = start_with(Options {
        quiet: true,
        ..Options::default()
    })
    .await;
    update(&stand_ins).await.expect("an answer");
    assert_eq!(stand_ins.counters("lingzhi").applied, 1);
    assert!(stand_ins.requests("lingzhi").is_empty());
}

#[tokio::test]
async fn everything_can_be_controlled_over_http() {
    let stand_ins = start().await;
    let plan = r#"{"misbehaviour":{"throttled":{"retry_after":3}},"times":{"times":2},"only":"update_goods"}"#;
    assert_eq!(
        control(&stand_ins, "POST", "/lingzhi/misbehave", plan)
            .await
            .status,
        200
    );
    assert_eq!(
        control(&stand_ins, "POST", "/lingzhi/misbehave", "{}")
            .await
            .status,
        400
    );
    assert_eq!(
        control(&stand_ins, "POST", "/nobody/misbehave", plan)
            .await
            .status,
        404
    );
    assert_eq!(update(&stand_ins).await.expect("an answer").status, 429);
    assert_eq!(
        control(&stand_ins, "GET", "/lingzhi/misbehave", "")
            .await
            .json()[0]["times"]["times"],
        1
    );
    assert_eq!(
        control(&stand_ins, "DELETE", "/lingzhi/misbehave", "")
            .await
            .status,
        200
    );
    update(&stand_ins).await.expect("an answer");
    assert_eq!(
        control(&stand_ins, "GET", "/lingzhi/state", "")
            .await
            .json()[0]["stock"],
        3
    );
    assert_eq!(
        control(&stand_ins, "GET", "/lingzhi/counters", "")
            .await
            .json()["received"],
        2
    );
    let requests = control(&stand_ins, "GET", "/lingzhi/requests?limit=1", "")
        .await
        .json();
    assert_eq!(requests[0]["verdict"]["applied"], true);
    assert_eq!(requests[0]["body"], BODY);
    assert_eq!(
        control(&stand_ins, "POST", "/lingzhi/reset", "")
            .await
            .status,
        200
    );
    assert!(!applied(&stand_ins));
    assert_eq!(stand_ins.counters("lingzhi").received, 0);
}

#[test]
fn stand_ins_on_their_own_threads_answer_a_caller_that_blocks() {
    use std::io::{Read, Write};
    let stand_ins = StandIns::start_in_background(Options::default(), 1).expect("a free port");
    let mut stream = std::net::TcpStream::connect(stand_ins.address()).expect("a connection");
    stream.set_read_timeout(Some(LIMIT)).expect("a bound");
    stream
        .write_all(b"GET /_control HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains("lingzhi"), "{answer}");
    let address = stand_ins.address();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(stand_ins.stop());
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn stand_ins_on_their_own_threads_start_within_a_runtime_too() {
    let stand_ins = StandIns::start_in_background(Options::default(), 1).expect("a free port");
    assert_eq!(update(&stand_ins).await.expect("an answer").status, 200);
    stand_ins.stop().await;
}

#[tokio::test]
async fn stopping_lets_requests_under_way_finish() {
    let stand_ins = misbehaving(Misbehaviour::Slow(Duration::from_millis(200))).await;
    let address = stand_ins.address();
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head =
        format!("POST /lingzhi{PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n");
    let request = format!("{head}content-length: {}\r\n\r\n{BODY}", BODY.len());
    stream
        .write_all(request.as_bytes())
        .await
        .expect("a request that leaves");
    while stand_ins.counters("lingzhi").received == 0 {
        tokio::task::yield_now().await;
    }
    stand_ins.stop().await;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    assert!(answer.ends_with(br#""msg":""}"#));
    assert!(TcpStream::connect(address).await.is_err());
}
