//! Calls that read: one item is one request, and the platform's answer is the
//! result as it was written.

use crate::envelope::{self, Answer};
use crate::members::Members;
use crossdock_adapter::json::RawValue;
use crossdock_adapter::{Context, Draft, Fault, Item, Mapped, Outcome, Parsed, Reply, Request};

/// What tells the answer that was asked for from an ActionResult.
#[derive(Clone, Copy)]
pub enum Answered {
    /// It has this member.
    Member(&'static str),
    /// It has a list of this name.
    List(&'static str),
}

/// An answer's content.
pub struct Content {
    /// The result document.
    pub result: String,
    /// Whether the list has no row; `false` where there is no list.
    pub empty: bool,
}

/// One request per item. Reading twice changes nothing.
pub fn map(
    items: &[Item],
    mut draft: impl FnMut(&Item) -> Result<Draft, Fault>,
) -> Result<Mapped, Fault> {
    let mut mapped = Mapped::default();
    for (index, item) in (0..).zip(items) {
        match draft(item) {
            Ok(draft) => {
                let request = Request::of(draft, vec![index]).repeatable(true);
                mapped.requests.push(request);
            }
            Err(fault @ Fault::InvalidInput(_)) => mapped.fail(index, fault),
            Err(fault) => return Err(fault),
        }
    }
    Ok(mapped)
}

/// The answer's content as the result.
pub fn parse(
    answered: Answered,
    ctx: &Context,
    request: &Request,
    reply: &Reply,
) -> Result<Parsed, Fault> {
    if let Some(outcome) = envelope::http_failure(ctx, request, reply) {
        return Ok(Parsed::every(request, outcome));
    }
    let outcome = match content(answered, &reply.json()?, reply)? {
        Ok(content) => Outcome::Accepted(content.result),
        Err(refusal) => refusal,
    };
    Ok(Parsed::every(request, outcome))
}

/// What an answer of HTTP's 2xx holds, or the refusal that it is.
pub fn content(
    answered: Answered,
    answer: &Members,
    reply: &Reply,
) -> Result<Result<Content, Outcome>, Fault> {
    let unchanged = |empty| Content {
        result: reply.text().into_owned(),
        empty,
    };
    let name = match answered {
        Answered::Member(name) | Answered::List(name) => name,
    };
    let found = match (answered, answer.get(name)) {
        (Answered::Member(_), Some(_)) => Some(unchanged(false)),
        (Answered::List(_), Some(list)) => is_empty(list).map(unchanged),
        (_, None) => None,
    };
    if let Some(found) = found {
        return Ok(Ok(found));
    }
    if let Ok(answer) = reply.json::<Answer>()
        && answer.success == Some(false)
    {
        return Ok(Err(answer.refusal()));
    }
    match answered {
        // How some servers write a list without rows. The host joins pages by
        // joining lists, so a list it has to be.
        Answered::List(_) if answer.has(name) && answer.get(name).is_none() => Ok(Ok(Content {
            result: answer.with(name, "[]"),
            empty: true,
        })),
        _ => Err(Fault::invalid_reply(
            format!("/{name}"),
            format!("the answer has no `{name}`, which this call is answered with"),
        )),
    }
}

/// Whether an array has no element; `None` for what is no array.
fn is_empty(list: &RawValue) -> Option<bool> {
    let inside = list.get().strip_prefix('[')?;
    Some(inside.trim_start().starts_with(']'))
}
