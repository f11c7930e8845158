//! Queries in pages: `{"total":..,"page":..,"page_count":..,"page_size":..}`
//! and a list. Pages count from 0.
//!
//! A document says which page it wants, or `all`: then the adapter asks for one
//! page after the other, and the host joins their lists.

use crate::envelope;
use crate::members::Members;
use crate::path::{draft, path, with_body};
use crate::read::{self, Answered};
use crate::settings::Settings;
use crossdock_adapter::json;
use crossdock_adapter::{Context, Draft, Fault, Item, Mapped, Outcome, Parsed, Reply, Request};

/// One such call.
pub struct Query {
    /// The operation's name.
    pub operation: &'static str,
    /// Path below `/{tenant_id}/invc/`.
    pub call: &'static str,
    /// The list's name in the answer.
    pub member: &'static str,
}

/// Fields of a document that are not the filter's.
const PAGING: &[&str] = &["all", "desc", "page", "page_size", "sort_key"];

impl Query {
    /// One request per item.
    pub fn map(&self, settings: &Settings, items: &[Item]) -> Result<Mapped, Fault> {
        read::map(items, |item| self.draft(settings, item))
    }

    fn draft(&self, settings: &Settings, item: &Item) -> Result<Draft, Fault> {
        let members = Members::of(item)?;
        let mut draft = draft("POST", path(settings, self.call)?);
        let given = |name| members.get(name).and_then(json::scalar);
        if let Some(desc) = given("desc") {
            draft = draft.with_query("desc", desc);
        }
        if members.flag("all")? {
            if members.get("page").is_some() {
                return Err(Fault::invalid_input(
                    "/page",
                    "`all` asks for every page: send `page` or `all`, not both",
                ));
            }
            let size = given("page_size").unwrap_or_else(|| settings.page_size.to_string().into());
            // The size before the page: `turns_pages`.
            draft = draft.with_query("page_size", size).with_query("page", "0");
        } else {
            for name in ["page", "page_size"] {
                if let Some(value) = given(name) {
                    draft = draft.with_query(name, value);
                }
            }
        }
        if let Some(key) = given("sort_key") {
            draft = draft.with_query("sort_key", key);
        }
        Ok(with_body(draft, members.without(PAGING)))
    }

    /// A page as the result and, with `all`, the request for the next one.
    pub fn parse(&self, ctx: &Context, request: &Request, reply: &Reply) -> Result<Parsed, Fault> {
        if let Some(outcome) = envelope::http_failure(ctx, request, reply) {
            return Ok(Parsed::every(request, outcome));
        }
        let page: Members = reply.json()?;
        let content = match read::content(Answered::List(self.member), &page, reply)? {
            Ok(content) => content,
            Err(refusal) => return Ok(Parsed::every(request, refusal)),
        };
        let next = match turns_pages(&request.draft) && !content.empty {
            true => next(&request.draft, &page)?,
            false => None,
        };
        let mut parsed = Parsed::every(request, Outcome::Accepted(content.result));
        parsed.next = next;
        Ok(parsed)
    }
}

/// Whether the adapter chose the pages. A reply comes back with its request
/// alone, so the request has to tell: `page_size` stands before `page` where
/// the adapter turns the pages, and after it where the document named one.
fn turns_pages(draft: &Draft) -> bool {
    let names = draft.query.iter().map(|(name, _)| name.as_str());
    names
        .filter(|name| name.starts_with("page"))
        .eq(["page_size", "page"])
}

/// The request for the page after this one, if there is one. Every page has to
/// be later than the one before, so this ends.
fn next(draft: &Draft, page: &Members) -> Result<Option<Draft>, Fault> {
    let number = |name: &str| {
        let value = page.get(name).and_then(json::integer);
        value.and_then(|digits| digits.parse::<u32>().ok())
    };
    let asked = draft.query_value("page");
    let asked: u32 = asked.and_then(|page| page.parse().ok()).unwrap_or(0);
    let here = number("page").unwrap_or(asked);
    if here < asked {
        return Err(Fault::invalid_reply(
            "/page",
            format!("page {asked} was asked for, and page {here} came"),
        ));
    }
    let Some(count) = number("page_count") else {
        return Err(Fault::invalid_reply(
            "/page_count",
            "the answer does not say how many pages there are",
        ));
    };
    let next = here.saturating_add(1);
    if next >= count {
        return Ok(None);
    }
    Ok(Some(draft.clone().set_query("page", next.to_string())))
}
