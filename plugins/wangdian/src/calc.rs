//! `stock.calc`: the stock that a shop of one's own (自有平台) should show.

use crate::answer::{self, Answer, Effect};
use crate::call;
use crate::number;
use crate::settings::Settings;
use crossdock_adapter::json::RawValue;
use crossdock_adapter::{Context, Fault, Item, Mapped, Outcome, Parsed, Reply, Request, batch};
use serde::Deserialize;

/// The platform's name of the call.
const METHOD: &str = "sales.StockSync.calcStock";

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    api_goods_id: &'a RawValue,
    #[serde(default)]
    force_sync: bool,
}

pub fn map(settings: &Settings, items: &[Item]) -> Result<Mapped, Fault> {
    Ok(batch::each(items, true, |item| {
        let document: Document = item.read()?;
        let id = number::api_goods_id(document.api_goods_id)?;
        let arguments = format!("[{id},{}]", document.force_sync);
        Ok(call::draft(settings, METHOD, arguments))
    }))
}

pub fn parse(ctx: &Context, request: &Request, reply: &Reply) -> Result<Parsed, Fault> {
    let outcome = match answer::read(ctx, Effect::Reads, request, reply)? {
        Answer::Done(Some(data)) if data.get().starts_with('{') => {
            Outcome::Accepted(data.get().to_owned())
        }
        Answer::Done(_) => {
            return Err(Fault::invalid_reply(
                "/data",
                "the answer's data is no object, though its status is 0",
            ));
        }
        Answer::Failed(outcome) => outcome,
    };
    Ok(Parsed::every(request, outcome))
}
