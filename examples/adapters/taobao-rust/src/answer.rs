//! Results, `{"…_response":{…}}`, and errors, `{"error_response":{…}}`.

use crate::{goods, stock};
use crossdock_adapter::json::{self, Members, RawValue};
use crossdock_adapter::{Context, Draft, Fault, Outcome, Parsed, Pause, Reply, Request};
use serde::Deserialize;

#[derive(Deserialize)]
struct Error<'a> {
    #[serde(borrow)]
    code: &'a RawValue,
    #[serde(borrow)]
    msg: Option<&'a RawValue>,
    #[serde(borrow)]
    sub_code: Option<&'a RawValue>,
    #[serde(borrow)]
    sub_msg: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    item: Option<&'a RawValue>,
    #[serde(borrow)]
    items: Option<Items<'a>>,
    total_results: Option<u64>,
}

#[derive(Deserialize)]
struct Items<'a> {
    #[serde(borrow)]
    item: Option<&'a RawValue>,
}

pub fn parse(ctx: &Context, request: &Request, reply: &Reply) -> Result<Parsed, Fault> {
    let mut next = None;
    let outcome = reply.outcome(ctx, request, || read(request, reply, &mut next))?;
    let parsed = Parsed::every(request, outcome);
    Ok(match next {
        Some(next) => parsed.then(next),
        None => parsed,
    })
}

fn read(request: &Request, reply: &Reply, next: &mut Option<Draft>) -> Result<Outcome, Fault> {
    let Members(members) = reply.json()?;
    let member = |wanted: &str| {
        let found = members.iter().find(|(name, _)| &**name == wanted);
        found.map(|(_, value)| value.get())
    };
    let unreadable = |error: serde_json::Error| Fault::invalid_reply("", error.to_string());
    if let Some(error) = member("error_response") {
        return Ok(refusal(
            request,
            &serde_json::from_str(error).map_err(unreadable)?,
        ));
    }
    let method = request.draft.query_value("method").unwrap_or_default();
    let call = method.strip_prefix("taobao.").unwrap_or(method);
    let name = format!("{}_response", call.replace('.', "_"));
    let result = member(&name).ok_or_else(|| {
        Fault::invalid_reply(
            format!("/{name}"),
            "the answer is neither a result nor an error",
        )
    })?;
    let result: Content = serde_json::from_str(result).map_err(unreadable)?;
    let item = result.item.map_or("{}", RawValue::get);
    Ok(Outcome::Accepted(match method {
        stock::METHOD => modified(item)?,
        goods::LIST => {
            let total = result.total_results.ok_or_else(|| {
                Fault::invalid_reply(
                    format!("/{name}/total_results"),
                    "the answer has no number of results",
                )
            })?;
            *next = page(&request.draft, total);
            let items = result.items.and_then(|items| items.item);
            let items = items.map_or("[]", RawValue::get);
            format!("{{\"items\":{items},\"total_results\":{total}}}")
        }
        _ => item.to_owned(),
    }))
}

fn modified(item: &str) -> Result<String, Fault> {
    let Members(members) =
        serde_json::from_str(item).map_err(|error| Fault::invalid_reply("", error.to_string()))?;
    let found = members.iter().find(|(name, _)| &**name == "modified");
    Ok(match found {
        Some((_, at)) => format!("{{\"modified\":{}}}", at.get()),
        None => "{}".into(),
    })
}

/// The request for the page after this one, if there is one.
fn page(draft: &Draft, total: u64) -> Option<Draft> {
    let number = |name| draft.query_value(name)?.parse::<u64>().ok();
    let (no, size) = (number("page_no")?, number("page_size")?);
    (no * size < total).then(|| draft.clone().set_query("page_no", (no + 1).to_string()))
}

fn refusal(request: &Request, error: &Error) -> Outcome {
    let number = json::text(Some(error.code));
    let (msg, sub_msg) = (json::text(error.msg), json::text(error.sub_msg));
    let sub_code = json::text(error.sub_code);
    let code = if sub_code.is_empty() {
        &number
    } else {
        &sub_code
    };
    let message = if sub_msg.is_empty() { &msg } else { &sub_msg };
    let (code, message) = (&**code, &**message);
    if number == "7" || sub_code.starts_with("accesscontrol.limited") {
        let after_ms = ban(&msg).or_else(|| ban(&sub_msg));
        return Outcome::Throttled(Pause::new(code, message).after_ms(after_ms));
    }
    match &*number {
        "11" | "12" | "13" | "24" | "25" | "26" | "27" | "28" | "29" => {
            Outcome::unauthenticated(code, message)
        }
        // Nothing was done under a wrong time: again with a new one.
        "31" => Outcome::retry(code, message),
        "40" | "41" => Outcome::rejected(code, message),
        _ if sub_code.starts_with("isv.") => Outcome::rejected(code, message),
        _ if request.repeatable => Outcome::retry(code, message),
        _ => Outcome::unknown(code, message),
    }
}

/// `This ban will last for 1 more seconds`, and one more.
fn ban(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("ban will last for ")?;
    let seconds: u32 = rest.split(' ').next()?.parse().ok()?;
    seconds.checked_add(1)?.checked_mul(1000)
}
