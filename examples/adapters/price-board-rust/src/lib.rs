//! The adapter of the price board.

use crossdock_adapter::json::{self, RawValue, Text};
use crossdock_adapter::keys::{self, secret, text};
use crossdock_adapter::{Adapter, Context, Draft, Edit, Fault, Item, Mapped};
use crossdock_adapter::{Outcome, Parsed, Reply, Request, batch};
use serde::Deserialize;

/// Most rows the platform takes at once.
const MOST_ROWS: usize = 50;

/// The adapter.
pub struct PriceBoard;

#[derive(Deserialize)]
struct Settings<'a> {
    #[serde(borrow)]
    shop: Text<'a>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    sku: Text<'a>,
    /// Raw, so that every digit stays.
    #[serde(borrow)]
    price: &'a RawValue,
}

#[derive(Deserialize)]
struct Answer<'a> {
    ok: bool,
    #[serde(borrow, default)]
    failed: Vec<Failed<'a>>,
}

#[derive(Deserialize)]
struct Failed<'a> {
    row: usize,
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow)]
    message: Text<'a>,
}

impl Adapter for PriceBoard {
    fn describe() -> String {
        crossdock_adapter::manifest!("../manifest.json", "../examples/two-prices.json")
    }

    fn map(ctx: &Context, operation: &str, items: &[Item]) -> Result<Mapped, Fault> {
        if operation != "price.update" {
            return Err(Fault::unsupported(operation));
        }
        let settings: Settings = ctx.read_settings()?;
        let mut mapped = Mapped::default();
        let rows = batch::read(&mut mapped, items, |item| item.read::<Document>());
        for rows in rows.chunks(MOST_ROWS) {
            let body = batch::array(rows, |out, document: &Document| {
                out.push_str("{\"sku\":");
                json::push_string(out, &document.sku);
                out.push_str(",\"price\":");
                out.push_str(document.price.get());
                out.push('}');
            });
            let draft = Draft::post("/v1/prices")
                .with_query("shop", &*settings.shop)
                .json_body(body);
            mapped.send(draft, rows, true);
        }
        Ok(mapped)
    }

    fn sign(ctx: &Context, _: &str, draft: &Draft) -> Result<Vec<Edit>, Fault> {
        let time = (ctx.now_ms / 1000).to_string();
        let message = [
            secret("app-secret"),
            text(&*time),
            text(draft.body.text()),
            secret("app-secret"),
        ];
        let sign = keys::md5(&message)?.hex();
        Ok(vec![
            Edit::SetQuery(("time".into(), time)),
            Edit::SetQuery(("sign".into(), sign)),
        ])
    }

    fn parse_response(
        ctx: &Context,
        _: &str,
        request: &Request,
        reply: &Reply,
    ) -> Result<Parsed, Fault> {
        if let Some(outcome) = reply.http_failure(ctx, request) {
            return Ok(Parsed::every(request, outcome));
        }
        let answer: Answer = reply.json()?;
        if !answer.ok {
            return Err(Fault::invalid_reply(
                "/ok",
                "a refusal of everything is not documented",
            ));
        }
        let refused = |row: &Failed| (row.row, Outcome::rejected(&*row.code, &*row.message));
        let listed = answer.failed.iter().map(refused);
        Parsed::rows(request, Outcome::Accepted("{}".into()), listed, "/failed")
    }
}

crossdock_adapter::export_adapter!(PriceBoard);

#[cfg(test)]
mod tests {
    #[test]
    fn the_golden_examples_hold() {
        crossdock_adapter::testing::run_examples::<super::PriceBoard>();
    }
}
