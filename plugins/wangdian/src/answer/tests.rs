use super::*;
use crossdock_adapter::{Body, Draft};

fn outcome(effect: Effect, status: &str, message: &str) -> Option<Outcome> {
    let ctx = Context {
        now_ms: 0,
        nonce: String::new(),
        settings: r#"{"sid":"s","key":"k","rate_limit_pause_ms":300000}"#.into(),
    };
    let mut body = format!("{{\"status\":{status},\"message\":");
    json::push_string(&mut body, message);
    body.push('}');
    let reply = Reply {
        status: 200,
        headers: Vec::new(),
        body: Body::Text(body),
    };
    let request = Request::of(Draft::post("/"), vec![0]);
    match read(&ctx, effect, &request, &reply).expect("an answer") {
        Answer::Done(_) => None,
        Answer::Failed(outcome) => Some(outcome),
    }
}

/// One row per line of the official table (错误码说明) that differs from the
/// others in what has to be done.
#[test]
fn every_documented_status_has_its_outcome() {
    type Make = fn(&str, &str) -> Outcome;
    let rejected: Make = |code, message| Outcome::rejected(code, message);
    let unauthenticated: Make = |code, message| Outcome::unauthenticated(code, message);
    let retry: Make = |code, message| Outcome::retry(code, message);
    let unknown: Make = |code, message| Outcome::unknown(code, message);
    let throttled: Make =
        |code, message| Outcome::Throttled(Pause::new(code, message).after_ms(Some(300_000)));
    for (status, message, reads, writes) in [
        ("1", "参数错误", rejected, rejected),
        ("1", "invalid argument count", rejected, rejected),
        ("1", "参数个数错误", rejected, rejected),
        ("1", "argument type mismatch", rejected, rejected),
        (
            "1",
            "For input string: \"1665947116495\"",
            rejected,
            rejected,
        ),
        ("1", "验证失败", unauthenticated, unauthenticated),
        ("1", "app auth fail", unauthenticated, unauthenticated),
        ("1", "sid is not exists", unauthenticated, unauthenticated),
        ("1", "sid is not found", unauthenticated, unauthenticated),
        ("2", "shop_no", rejected, rejected),
        ("3", "需要动态口令", unauthenticated, unauthenticated),
        ("4", "数据库错误", retry, unknown),
        ("5", "数据库错误", retry, unknown),
        ("6", "ip限制", unauthenticated, unauthenticated),
        ("7", "时间戳错误", retry, retry),
        ("8", "版本错误", rejected, rejected),
        ("99", "其他错误", rejected, unknown),
        ("100", "权限不足", rejected, rejected),
        ("100", "店铺平台不是自有平台", rejected, rejected),
        (
            "100",
            "此方法仅支持分页查询：接口method",
            rejected,
            rejected,
        ),
        (
            "100",
            "超过每分钟最大调用频率限制，请稍后重试",
            throttled,
            throttled,
        ),
        (
            "100",
            "超过每分钟最大调用频率限制,请稍后重试",
            throttled,
            throttled,
        ),
        (
            "100",
            "超过每分钟最大并发次数限制，请稍后重试",
            throttled,
            throttled,
        ),
        (
            "100",
            "超过每分钟最大并发次数限制,请稍后重试",
            throttled,
            throttled,
        ),
        // The texts count with status 100 only, and only at the beginning.
        (
            "99",
            "超过每分钟最大调用频率限制，请稍后重试",
            rejected,
            unknown,
        ),
        (
            "100",
            "订单：超过每分钟最大调用频率限制",
            rejected,
            rejected,
        ),
        ("1064", " Unknown Database Error", retry, unknown),
        // Of no table: whether something was written is not said.
        ("12345", "?", rejected, unknown),
    ] {
        assert_eq!(
            outcome(Effect::Reads, status, message),
            Some(reads(status, message)),
            "{status} {message}, reading"
        );
        assert_eq!(
            outcome(Effect::Writes, status, message),
            Some(writes(status, message)),
            "{status} {message}, writing"
        );
    }
    assert_eq!(outcome(Effect::Writes, "0", ""), None);
}
