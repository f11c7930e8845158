//! The envelope `{status, message, data}` and the official table of its codes.
//! Status 0 means that the call was made, not that every row was taken: each
//! operation reads its own `data`.

use crate::settings::Settings;
use crossdock_adapter::json::{self, Code, RawValue};
use crossdock_adapter::{Context, Fault, Outcome, Pause, Reply, Request};
use serde::Deserialize;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    status: &'a RawValue,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// What a call does, and so what may be done after an unclear answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing at the platform.
    Reads,
    /// Something.
    Writes,
}

/// An answer.
pub enum Answer<'a> {
    /// Status 0, with its data.
    Done(Option<&'a RawValue>),
    /// Something else, for every item of the request.
    Failed(Outcome),
}

/// How the two messages about limits begin. Their commas differ between the
/// platform's pages, so the rest is not compared.
const LIMITS: [&str; 2] = ["超过每分钟最大调用频率限制", "超过每分钟最大并发次数限制"];

/// How the messages of status 1 begin that are about credentials: wrong appkey
/// or appsecret; appkey, sid or address not allowed; wrong sid or environment.
const CREDENTIALS: [&str; 3] = ["验证失败", "app auth fail", "sid is not"];

pub fn read<'a>(
    ctx: &Context,
    effect: Effect,
    request: &Request,
    reply: &'a Reply,
) -> Result<Answer<'a>, Fault> {
    if (200..300).contains(&reply.status) {
        return envelope(ctx, effect, reply);
    }
    let outcome = reply.outcome(ctx, request, || {
        Ok(match envelope(ctx, effect, reply)? {
            Answer::Done(_) => Outcome::Accepted(String::new()),
            Answer::Failed(outcome) => outcome,
        })
    })?;
    Ok(Answer::Failed(outcome))
}

fn envelope<'a>(ctx: &Context, effect: Effect, reply: &'a Reply) -> Result<Answer<'a>, Fault> {
    let envelope: Envelope = reply.json()?;
    let status = match json::code(envelope.status, "/status", "0")? {
        Code::Success => return Ok(Answer::Done(envelope.data)),
        Code::Failure(status) => status,
    };
    let message = json::text(envelope.message);
    let begins = |beginnings: &[&str]| {
        let message = message.trim_start();
        beginnings.iter().any(|text| message.starts_with(text))
    };
    Ok(Answer::Failed(match &*status {
        "1" if begins(&CREDENTIALS) => Outcome::unauthenticated(status, message),
        // A dynamic password is demanded; the address is not allowed.
        "3" | "6" => Outcome::unauthenticated(status, message),
        // Database errors, which do not say what was done before them.
        "4" | "5" | "1064" => match effect {
            Effect::Reads => Outcome::retry(status, message),
            Effect::Writes => Outcome::unknown(status, message),
        },
        // The clocks differ by more than two minutes. Refused before anything
        // was done, and every attempt has a new time.
        "7" => Outcome::retry(status, message),
        "100" if begins(&LIMITS) => {
            let settings: Settings = ctx.read_settings()?;
            let pause = Pause::new(status, message).after_ms(Some(settings.rate_limit_pause_ms));
            Outcome::Throttled(pause)
        }
        // Arguments, a field, the version, the business.
        "1" | "2" | "8" | "100" => Outcome::rejected(status, message),
        // 其他错误, or a status of no table: what was done before it is not said.
        _ => match effect {
            Effect::Reads => Outcome::rejected(status, message),
            Effect::Writes => Outcome::unknown(status, message),
        },
    }))
}

#[cfg(test)]
mod tests;
