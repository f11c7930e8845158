//! `stock.pending`: the goods whose stock waits to be synchronised.
//!
//! One page as asked, or with `all` every page: each answer names the position
//! of the next, and a page without ids is the last.

use crate::answer::{self, Answer, Effect};
use crate::call;
use crate::settings::Settings;
use crossdock_adapter::json::{self, RawValue};
use crossdock_adapter::{
    Body, Context, Draft, Fault, Item, Mapped, Outcome, Parsed, Reply, Request, batch,
};
use serde::Deserialize;
use std::borrow::Cow;

/// The platform's name of the call.
const METHOD: &str = "sales.StockSync.getSelfWaitSyncIdListOpen";

/// Page size of the document's example.
const COUNT: u32 = 500;

/// What stands between the two arguments. A request comes back to `parse` as it
/// was drafted, and JSON's white space means nothing to the platform: the space
/// tells that all pages are wanted.
const ONE_PAGE: &str = ",";
const ALL_PAGES: &str = ", ";

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(default = "count")]
    count: u32,
    #[serde(borrow)]
    position: Option<&'a RawValue>,
    #[serde(default)]
    all: bool,
}

fn count() -> u32 {
    COUNT
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    id_list: Vec<&'a RawValue>,
    #[serde(borrow)]
    position: Option<&'a RawValue>,
}

pub fn map(settings: &Settings, items: &[Item]) -> Result<Mapped, Fault> {
    Ok(batch::each(items, true, |item| {
        Ok(call::draft(settings, METHOD, arguments(item)?))
    }))
}

fn arguments(item: &Item) -> Result<String, Fault> {
    let document: Document = item.read()?;
    if !(10..=5000).contains(&document.count) {
        return Err(Fault::invalid_input(
            "/count",
            "count has to be from 10 to 5000",
        ));
    }
    let position = document.position.map_or(Some("0"), json::digits);
    let position = position.ok_or_else(|| {
        Fault::invalid_input(
            "/position",
            "position has to be a whole number of at least 0",
        )
    })?;
    let separator = if document.all { ALL_PAGES } else { ONE_PAGE };
    Ok(format!("[{}{separator}{position}]", document.count))
}

pub fn parse(ctx: &Context, request: &Request, reply: &Reply) -> Result<Parsed, Fault> {
    let data = match answer::read(ctx, Effect::Reads, request, reply)? {
        Answer::Done(Some(data)) => data,
        Answer::Done(None) => {
            return Err(Fault::invalid_reply("/data", "the answer has no data"));
        }
        Answer::Failed(outcome) => return Ok(Parsed::every(request, outcome)),
    };
    let page: Page = serde_json::from_str(data.get())
        .map_err(|error| Fault::invalid_reply("/data", error.to_string()))?;
    let position = page.position.map(|raw| {
        // Some Java encoders write every number as 12.0.
        let digits = json::digits(raw).map(Cow::Borrowed);
        let position = digits.or_else(|| json::integer(raw).filter(|text| json::is_digits(text)));
        position.ok_or_else(|| {
            Fault::invalid_reply("/data/position", "the next position is no whole number")
        })
    });
    let position = position.transpose()?;
    let position = position.as_deref();
    let parsed = Parsed::every(request, Outcome::Accepted(result(&page, position)));
    if page.id_list.is_empty() {
        return Ok(parsed);
    }
    Ok(
        match position.and_then(|next| follow(&request.draft, next)) {
            Some(next) => parsed.then(next),
            None => parsed,
        },
    )
}

/// The request for the page at `position`, if all pages are wanted and the
/// position has moved from where the first page was.
fn follow(draft: &Draft, position: &str) -> Option<Draft> {
    let arguments = draft.body.text();
    let (count, first) = arguments.strip_suffix(']')?.split_once(ALL_PAGES)?;
    if position == first || position == "0" {
        return None;
    }
    let mut next = draft.clone();
    next.body = Body::Text(format!("{count}{ALL_PAGES}{position}]"));
    Some(next)
}

fn result(page: &Page, position: Option<&str>) -> String {
    let mut out = String::from("{\"id_list\":[");
    for (index, id) in page.id_list.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(id.get());
    }
    out.push(']');
    if let Some(position) = position {
        out.push_str(",\"position\":");
        out.push_str(position);
    }
    out.push('}');
    out
}
