//! The envelope `{"code":0,"data":[],"msg":""}`: 0 is success, anything else is
//! a failure, and both concern the request as a whole.

use crossdock_adapter::json::{self, Code, RawValue};
use crossdock_adapter::{Context, Fault, Outcome, Parsed, Reply, Request};
use serde::Deserialize;

/// What an accepted item knows: that its whole request was accepted.
const WHOLE_REQUEST: &str = r#"{"batch":true}"#;

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    code: &'a RawValue,
    #[serde(borrow)]
    msg: Option<&'a RawValue>,
}

pub fn parse(ctx: &Context, request: &Request, reply: &Reply) -> Result<Parsed, Fault> {
    reply.every(ctx, request, || envelope(reply))
}

fn envelope(reply: &Reply) -> Result<Outcome, Fault> {
    let answer: Answer = reply.json()?;
    Ok(match json::code(answer.code, "/code", "0")? {
        Code::Success => Outcome::Accepted(WHOLE_REQUEST.into()),
        Code::Failure(code) => Outcome::rejected(code, json::text(answer.msg)),
    })
}
