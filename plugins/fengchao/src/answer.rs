//! The envelope `{code, message, data}`: 0 is success, anything else a failure
//! whose reason is `message`. No table of codes is public, and the message is
//! relayed from 抖店 in changing words, so nothing is read out of either.

use crossdock_adapter::json::{self, RawValue};
use crossdock_adapter::{Context, Fault, Outcome, Parsed, Reply, Request};
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
    if let Some(outcome) = reply.http_failure(ctx, request) {
        return Ok(Parsed::every(request, outcome));
    }
    let answer: Answer = reply.json()?;
    let code = json::number(answer.code)
        .ok_or_else(|| Fault::invalid_reply("/code", "the answer's code is no number"))?;
    let outcome = if code == "0" {
        let data = answer.data.map_or("null", RawValue::get);
        Outcome::Accepted(format!("{{\"data\":{data}}}"))
    } else {
        let message = answer.message.and_then(json::scalar).unwrap_or_default();
        Outcome::rejected(code, message)
    };
    Ok(Parsed::every(request, outcome))
}
