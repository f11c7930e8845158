use super::*;
use crossdock_adapter::{Body, Draft};

fn context() -> Context {
    Context {
        now_ms: 0,
        nonce: String::new(),
        settings: r#"{"app_key":"k","rate_limit_pause_ms":2500}"#.into(),
    }
}

fn outcome(repeatable: bool, code: &str, sub_code: &str) -> Outcome {
    let body = format!(
        r#"{{"code":{code},"msg":"m","sub_code":"{sub_code}","sub_msg":"s","data":{{}},"log_id":"l"}}"#
    );
    let reply = Reply {
        status: 200,
        headers: Vec::new(),
        body: Body::Text(body),
    };
    let request = Request::of(Draft::post("/"), vec![0]).repeatable(repeatable);
    let parsed = parse(&context(), &request, &reply).expect("an answer");
    parsed.outcomes.into_iter().next().expect("an outcome")
}

fn status(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted(_) => "accepted",
        Outcome::Duplicate(_) => "duplicate",
        Outcome::Rejected(_) => "rejected",
        Outcome::Retry(_) => "retry",
        Outcome::Throttled(_) => "throttled",
        Outcome::Unauthenticated(_) => "unauthenticated",
        Outcome::Unknown(_) => "unknown",
    }
}

/// One row per code of the platform's tables.
#[test]
fn every_documented_code_has_its_outcome() {
    for (code, sub_code, expected) in [
        ("10000", "", "accepted"),
        ("10001", "isv.business-part-failed", "unknown"),
        ("20000", "dop.service-error", "retry"),
        ("20000", "isp.service-error:1", "retry"),
        ("20000", "isp.service-error:2010001", "retry"),
        ("20000", "isp.service-error:2010002", "retry"),
        ("30001", "dop.no-permissions", "unauthenticated"),
        (
            "30001",
            "isv.app-permissions-insufficient",
            "unauthenticated",
        ),
        ("30001", "dop.authorization-no-existed", "unauthenticated"),
        ("30001", "dop.authorization-closed", "unauthenticated"),
        ("30001", "dop.app-forbidden", "unauthenticated"),
        ("30002", "isv.invalid_ip", "unauthenticated"),
        ("40001", "isv.parameter-missing", "rejected"),
        ("40001", "isv.signature-missing", "unauthenticated"),
        ("40001", "isv.app-id-missing", "unauthenticated"),
        ("40001", "isv.access-token-missing", "unauthenticated"),
        ("40002", "isv.missing-parameter:2010004", "rejected"),
        ("40003", "isv.signature-invalid", "unauthenticated"),
        ("40003", "isv.access-token-expired", "unauthenticated"),
        ("40003", "isv.access-token-no-existed", "unauthenticated"),
        ("40003", "isv.access-token-invalid", "unauthenticated"),
        ("40003", "isv.app-id-invalid", "unauthenticated"),
        ("40003", "isv.timestamp-invalid", "retry"),
        ("40003", "isv.idempotent-id-existed", "unknown"),
        ("40003", "isv.something-else", "rejected"),
        ("40004", "isv.parameter-invalid:40010", "duplicate"),
        ("40004", "isv.parameter-invalid:40004", "retry"),
        ("40004", "isv.parameter-invalid:4", "rejected"),
        ("40004", "isv.parameter-invalid:5", "rejected"),
        ("40004", "isv.parameter-invalid:2010021", "unknown"),
        ("40004", "isv.parameter-invalid:2010013", "rejected"),
        ("50001", "dop.token-generate-failed:1", "unauthenticated"),
        ("50002", "isv.business-failed:2010401", "retry"),
        ("50002", "isv.business-failed:2010012", "rejected"),
        ("50002", "isv.business-failed:2010005", "rejected"),
        ("50002", "isv.business-failed:2010041", "rejected"),
        ("50002", "isv.business-failed:2010042", "rejected"),
        ("50002", "isv.business-failed:2010043", "rejected"),
        ("50002", "isv.business-failed:2010045", "rejected"),
        ("50002", "isv.business-failed:2010058", "rejected"),
        ("50002", "isv.business-failed:2010307", "rejected"),
        ("50002", "isv.business-failed:2010330", "rejected"),
        ("60000", "isv.traffic-limited", "throttled"),
        ("70000", "isp.api-service-off", "rejected"),
        ("90000", "dop.unknown-error", "unknown"),
        ("90000", "isv.env-suspected", "unknown"),
        // Of no table: whether it was applied is not said.
        ("31055", "", "unknown"),
        ("99999", "isv.something-new:1", "unknown"),
    ] {
        let found = outcome(true, code, sub_code);
        assert_eq!(status(&found), expected, "{code} {sub_code}");
    }
}

#[test]
fn a_service_error_is_repeated_only_where_that_is_harmless() {
    assert_eq!(
        status(&outcome(false, "20000", "dop.service-error")),
        "unknown"
    );
    assert_eq!(
        status(&outcome(false, "40003", "isv.timestamp-invalid")),
        "retry"
    );
}

#[test]
fn the_most_specific_code_and_text_are_reported_untouched() {
    assert_eq!(
        outcome(true, "50002", "isv.business-failed:2010012"),
        Outcome::rejected("isv.business-failed:2010012", "s")
    );
    assert_eq!(outcome(true, "70000", ""), Outcome::rejected("70000", "s"));
}

#[test]
fn throttling_pauses_as_long_as_the_setting_says() {
    let pause = Pause::new("isv.traffic-limited", "s").after_ms(Some(2500));
    assert_eq!(
        outcome(true, "60000", "isv.traffic-limited"),
        Outcome::Throttled(pause)
    );
}
