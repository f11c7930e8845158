//! The envelope `{"code":0,"data":[],"msg":""}`: 0 is success, anything else is
//! a failure, and both concern the request as a whole.

use crossdock_adapter::json::{self, RawValue};
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
    if let Some(outcome) = reply.http_failure(ctx, request) {
        return Ok(Parsed::every(request, outcome));
    }
    let answer: Answer = reply.json()?;
    let outcome = match answer.code.get() {
        "0" => Outcome::Accepted(WHOLE_REQUEST.into()),
        // Neither the number that means success nor a failure's code.
        "\"0\"" => return Err(no_code("is the text \"0\", not the number 0")),
        _ => {
            let code = json::scalar(answer.code).ok_or_else(|| no_code("is no number"))?;
            let message = answer.msg.and_then(json::scalar).unwrap_or_default();
            Outcome::rejected(code, message)
        }
    };
    Ok(Parsed::every(request, outcome))
}

fn no_code(what: &str) -> Fault {
    Fault::invalid_reply("/code", format!("the answer's code {what}"))
}
