//! 抖店's tokens: token.create, token.refresh, and where a shop agrees.

mod common;

use common::*;
use crossdock_stand_ins::digest::hmac_sha256_hex;
use crossdock_stand_ins::platforms::doudian::{
    DoudianOptions, RefreshRule, TokenCounts, TokenOptions,
};
use crossdock_stand_ins::{Clock, Options, StandIns};
use serde_json::Value;

/// 2025-01-02 03:04:05 in China.
const NOW: i64 = 1_735_758_245;
const DAY: i64 = 86_400;

async fn start_by(refresh: RefreshRule) -> StandIns {
    let tokens = TokenOptions {
        refresh,
        ..TokenOptions::default()
    };
    start_with(Options {
        clock: Clock::Fixed(NOW),
        doudian: DoudianOptions {
            tokens,
            ..DoudianOptions::default()
        },
        ..Options::default()
    })
    .await
}

async fn call(
    stand_ins: &StandIns,
    (path, method): (&str, &str),
    token: Option<&str>,
    now: i64,
    body: &str,
) -> Value {
    stand_ins.set_clock(Clock::Fixed(now));
    let text = format!("secretapp_keyapp-keymethod{method}param_json{body}timestamp{now}v2secret");
    let now = now.to_string();
    let sign = hmac_sha256_hex("secret", &text);
    let mut query = vec![
        ("app_key", "app-key"),
        ("method", method),
        ("timestamp", &now),
        ("v", "2"),
        ("sign_method", "hmac-sha256"),
        ("sign", &sign),
    ];
    query.extend(token.map(|token| ("access_token", token)));
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    let target = format!("{path}?{query}");
    let json = [("content-type", "application/json")];
    send(
        stand_ins,
        "doudian",
        "POST",
        &target,
        &json,
        body.to_owned(),
    )
    .await
    .json()
}

async fn create(stand_ins: &StandIns, code: &str) -> Value {
    let body = format!(r#"{{"code":"{code}","grant_type":"authorization_code"}}"#);
    call(
        stand_ins,
        ("/token/create", "token.create"),
        None,
        NOW,
        &body,
    )
    .await
}

async fn refresh(stand_ins: &StandIns, token: &str, now: i64) -> Value {
    let body = format!(r#"{{"grant_type":"refresh_token","refresh_token":"{token}"}}"#);
    call(
        stand_ins,
        ("/token/refresh", "token.refresh"),
        None,
        now,
        &body,
    )
    .await
}

async fn update(stand_ins: &StandIns, token: &str, now: i64) -> Value {
    let body = r#"{"code":"dy001","stock_num":10}"#;
    let path = ("/sku/syncStock", "sku.syncStock");
    call(stand_ins, path, Some(token), now, body).await
}

fn pair(answer: &Value) -> (String, String) {
    assert_eq!(answer["code"], 10000, "{answer}");
    let text = |name: &str| answer["data"][name].as_str().expect("a token").to_owned();
    (text("access_token"), text("refresh_token"))
}

#[tokio::test]
async fn a_code_works_once_and_gives_a_token_of_seven_days() {
    let stand_ins = start_by(RefreshRule::Documented).await;
    let page = send(
        &stand_ins,
        "doudian",
        "GET",
        "/authorize?service_id=1234&state=s",
        &[],
        "",
    );
    let page = page.await.json();
    assert_eq!(page["state"], "s");
    let code = page["code"].as_str().expect("a code").to_owned();
    let answer = create(&stand_ins, &code).await;
    assert_eq!(answer["data"]["expires_in"], 7 * DAY);
    let (access, _) = pair(&answer);
    assert_eq!(create(&stand_ins, &code).await["code"], 50001);
    assert_eq!(update(&stand_ins, &access, NOW).await["code"], 10000);
    let over = update(&stand_ins, &access, NOW + 7 * DAY).await;
    assert_eq!(over["sub_code"], "isv.access-token-expired");
    let other = update(&stand_ins, "other", NOW).await;
    assert_eq!(other["sub_code"], "isv.access-token-no-existed");
    let late = stand_ins.doudian().issue_code();
    stand_ins.set_clock(Clock::Fixed(NOW - 601));
    let early = stand_ins.doudian().issue_code();
    assert_eq!(create(&stand_ins, &early).await["code"], 50001);
    assert_eq!(create(&stand_ins, &late).await["code"], 10000);
}

#[tokio::test]
async fn an_app_for_its_own_use_needs_no_code() {
    let stand_ins = start_by(RefreshRule::Documented).await;
    let own = |shop: &str| {
        format!(r#"{{"code":"","grant_type":"authorization_self","shop_id":"{shop}"}}"#)
    };
    let path = ("/token/create", "token.create");
    pair(&call(&stand_ins, path, None, NOW, &own("4463798")).await);
    let other = call(&stand_ins, path, None, NOW, &own("1")).await;
    assert_eq!(other["code"], 50001);
}

#[tokio::test]
async fn a_refresh_gives_what_the_document_says() {
    let stand_ins = start_by(RefreshRule::Documented).await;
    let code = stand_ins.doudian().issue_code();
    let first = pair(&create(&stand_ins, &code).await);
    // Earlier than an hour before the end: the same ones.
    let again = pair(&refresh(&stand_ins, &first.1, NOW + DAY).await);
    assert_eq!(again, first);
    // In the last hour: new ones, and the old ones work for another hour.
    let last = NOW + 7 * DAY - 600;
    let second = pair(&refresh(&stand_ins, &first.1, last).await);
    assert_ne!(second, first);
    assert_eq!(
        update(&stand_ins, &first.0, last + 3000).await["code"],
        10000
    );
    assert_eq!(
        update(&stand_ins, &first.0, last + 3601).await["code"],
        40003
    );
    // After the end: new ones, and the old ones are void.
    let end = last + 7 * DAY + 1;
    let third = pair(&refresh(&stand_ins, &second.1, end).await);
    assert_eq!(update(&stand_ins, &second.0, end).await["code"], 40003);
    assert_eq!(refresh(&stand_ins, &second.1, end + 1).await["code"], 50001);
    assert_eq!(update(&stand_ins, &third.0, end).await["code"], 10000);
    // A refresh token lives for fourteen days.
    assert_eq!(
        refresh(&stand_ins, &third.1, end + 14 * DAY).await["code"],
        50001
    );
}

#[tokio::test]
async fn a_refresh_token_can_be_made_to_work_once() {
    let stand_ins = start_by(RefreshRule::Once).await;
    let doudian = stand_ins.doudian();
    doudian.set_token_seconds(60);
    let code = doudian.issue_code();
    let answer = create(&stand_ins, &code).await;
    assert_eq!(answer["data"]["expires_in"], 60);
    let first = pair(&answer);
    let second = pair(&refresh(&stand_ins, &first.1, NOW).await);
    assert_eq!(refresh(&stand_ins, &first.1, NOW).await["code"], 50001);
    assert_eq!(
        doudian.token_counts(),
        TokenCounts {
            issued: 2,
            refreshes: 1,
            reused: 1,
            refused: 1,
        }
    );
    doudian.expire_tokens();
    assert_eq!(update(&stand_ins, &second.0, NOW).await["code"], 40003);
    let third = pair(&refresh(&stand_ins, &second.1, NOW).await);
    doudian.revoke_tokens();
    assert_eq!(update(&stand_ins, &third.0, NOW).await["code"], 40003);
    assert_eq!(refresh(&stand_ins, &third.1, NOW).await["code"], 50001);
    assert_eq!(doudian.tokens_given().len(), 6);
    let state = stand_ins.state("doudian");
    assert_eq!(state["tokens"]["issued"], 3);
}

#[tokio::test]
async fn a_token_call_is_signed_and_written_as_every_other() {
    let stand_ins = start_by(RefreshRule::Documented).await;
    let code = stand_ins.doudian().issue_code();
    let loose = format!(r#"{{"grant_type":"authorization_code","code":"{code}"}}"#);
    let path = ("/token/create", "token.create");
    let answer = call(&stand_ins, path, None, NOW, &loose).await;
    assert_eq!(answer["sub_code"], "isv.signature-invalid");
    let wrong = ("/token/create", "token.refresh");
    let answer = call(&stand_ins, wrong, None, NOW, &loose).await;
    assert_eq!(answer["code"], 40003);
    // The code was not used up by any of it.
    pair(&create(&stand_ins, &code).await);
}
