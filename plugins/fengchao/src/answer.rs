//! The envelope `{code, message, data}`: 0 is success, anything else a failure
//! whose reason is `message`. No table of codes is public, and the message is
//! relayed from 抖店 in changing words, so one thing only is read out of it:
//! that an id was executed before. Taken for a refusal, an applied change would
//! be sent again under a new id.

use crate::settings::Settings;
use crossdock_adapter::json::{self, Code, RawValue};
use crossdock_adapter::{Context, Fault, Outcome, Parsed, Reply, Request, encode};
use serde::Deserialize;

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    code: &'a RawValue,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

pub fn parse(ctx: &Context, request: &Request, reply: &Reply) -> Result<Parsed, Fault> {
    reply.every(ctx, request, || envelope(ctx, request, reply))
}

fn envelope(ctx: &Context, request: &Request, reply: &Reply) -> Result<Outcome, Fault> {
    let answer: Answer = reply.json()?;
    let result = || {
        let data = answer.data.map_or("null", RawValue::get);
        format!("{{\"data\":{data}}}")
    };
    let code = match json::code(answer.code, "/code", "0")? {
        Code::Success => return Ok(Outcome::Accepted(result())),
        Code::Failure(code) => code,
    };
    let message = json::text(answer.message);
    let settings: Settings = ctx.read_settings()?;
    let executed = !settings.executed_text.is_empty()
        && message.contains(&*settings.executed_text)
        && has_id(request);
    Ok(if executed {
        Outcome::Duplicate(result())
    } else {
        Outcome::rejected(code, message)
    })
}

/// Whether a request carries an id that can have been executed before.
fn has_id(request: &Request) -> bool {
    let mut fields = encode::form_fields(request.draft.body.text()).into_iter();
    fields.any(|(name, _)| name == "idempotent_id")
}
