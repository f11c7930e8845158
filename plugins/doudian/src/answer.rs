//! The envelope `{code, msg, sub_code, sub_msg, data, log_id}` and what its
//! codes mean for the item. The most specific code and text are reported.

use crate::settings::Settings;
use crossdock_adapter::json::{self, Code, RawValue};
use crossdock_adapter::{Context, Fault, Outcome, Parsed, Pause, Reply, Request, log};
use serde::Deserialize;

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    code: &'a RawValue,
    #[serde(borrow)]
    msg: Option<&'a RawValue>,
    #[serde(borrow)]
    sub_code: Option<&'a RawValue>,
    #[serde(borrow)]
    sub_msg: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    log_id: Option<&'a RawValue>,
}

/// The code of success.
const SUCCESS: &str = "10000";

/// What another code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// The id was executed before.
    Duplicate,
    Rejected,
    /// The request was not executed: again with a new time.
    Restamp,
    /// It may have been executed: again with the same id.
    Again,
    Throttled,
    Unauthenticated,
    Unknown,
}

/// Codes that say more than their class. The part before the dot (isv, isp,
/// dop) says only who is to act.
const SUB_CODES: [(&str, Meaning); 14] = [
    ("parameter-invalid:40010", Meaning::Duplicate),
    // Lookup of the regional warehouse failed or timed out.
    ("parameter-invalid:40004", Meaning::Again),
    // The same id, but the text does not say that it was executed.
    ("parameter-invalid:2010021", Meaning::Unknown),
    ("business-failed:2010401", Meaning::Again),
    ("service-error:2010001", Meaning::Again),
    ("service-error:2010002", Meaning::Again),
    ("timestamp-invalid", Meaning::Restamp),
    ("idempotent-id-existed", Meaning::Unknown),
    ("signature-invalid", Meaning::Unauthenticated),
    ("signature-missing", Meaning::Unauthenticated),
    ("app-id-invalid", Meaning::Unauthenticated),
    ("app-id-missing", Meaning::Unauthenticated),
    ("env-suspected", Meaning::Unknown),
    ("traffic-limited", Meaning::Throttled),
];

fn meaning(code: &str, sub_code: &str) -> Meaning {
    let name = sub_code.split_once('.').map_or(sub_code, |(_, name)| name);
    if let Some((_, meaning)) = SUB_CODES.iter().find(|(known, _)| *known == name) {
        return *meaning;
    }
    if name.starts_with("access-token-") {
        return Meaning::Unauthenticated;
    }
    match code {
        // Which part of the one item failed is not said.
        "10001" => Meaning::Unknown,
        "20000" => Meaning::Again,
        // No permission, no allowed address, no token: the connection's, not
        // the item's.
        "30001" | "30002" | "50001" => Meaning::Unauthenticated,
        "60000" => Meaning::Throttled,
        // A parameter is missing or wrong, the business refuses, the API is off.
        "40001" | "40002" | "40003" | "40004" | "50002" | "70000" => Meaning::Rejected,
        // Other, or of no table: what was done is not said.
        _ => Meaning::Unknown,
    }
}

/// The answer to `token.create` and `token.refresh`, whose failures are those of every
/// call. What was granted is the host's to know.
pub fn parse_grant(ctx: &Context, request: &Request, reply: &Reply) -> Result<Parsed, Fault> {
    let parsed = parse(ctx, request, reply)?;
    let accepted = |outcome| match outcome {
        Outcome::Accepted(_) | Outcome::Duplicate(_) => Outcome::Accepted("{}".into()),
        other => other,
    };
    let outcomes = parsed.outcomes.into_iter().map(accepted).collect();
    Ok(Parsed { outcomes, ..parsed })
}

pub fn parse(ctx: &Context, request: &Request, reply: &Reply) -> Result<Parsed, Fault> {
    reply.every(ctx, request, || envelope(ctx, request, reply))
}

fn envelope(ctx: &Context, request: &Request, reply: &Reply) -> Result<Outcome, Fault> {
    let answer: Answer = reply.json()?;
    let data = answer.data.map_or("null", RawValue::get);
    let code = match json::code(answer.code, "/code", SUCCESS)? {
        Code::Success => return Ok(Outcome::Accepted(result(data))),
        Code::Failure(code) => code,
    };
    let sub_code = json::text(answer.sub_code);
    let meaning = meaning(&code, &sub_code);
    let (message, sub_message, log_id) = (
        json::text(answer.msg),
        json::text(answer.sub_msg),
        json::text(answer.log_id),
    );
    log::info(&format!(
        "code {code} {message:?}, sub_code {sub_code} {sub_message:?}, log_id {log_id}"
    ));
    let code = first(&sub_code, &code);
    let message = first(&sub_message, &message);
    Ok(match meaning {
        Meaning::Duplicate => Outcome::Duplicate(result(data)),
        Meaning::Rejected => Outcome::rejected(code, message),
        Meaning::Restamp => Outcome::retry(code, message),
        Meaning::Again if request.repeatable => Outcome::retry(code, message),
        Meaning::Again | Meaning::Unknown => Outcome::unknown(code, message),
        Meaning::Throttled => {
            let settings: Settings = ctx.read_settings()?;
            let pause = Pause::new(code, message).after_ms(settings.rate_limit_pause_ms);
            Outcome::Throttled(pause)
        }
        Meaning::Unauthenticated => Outcome::unauthenticated(code, message),
    })
}

fn result(data: &str) -> String {
    format!("{{\"data\":{data}}}")
}

/// The more specific of two texts, if the platform gives it.
fn first<'a>(specific: &'a str, general: &'a str) -> &'a str {
    if specific.is_empty() {
        general
    } else {
        specific
    }
}

#[cfg(test)]
mod tests;
