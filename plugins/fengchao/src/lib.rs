//! The adapter of 蜂巢 (开放蜂巢, fw199.com), which relays to 抖店.
//!
//! One call is known: 全量/增量更新商品sku库存, the full or incremental update
//! of a SKU's stock.
//!
//! | module | what is in it |
//! |---|---|
//! | `settings` | the partner, the shop, the path, how the form travels |
//! | `stock` | `stock.update`: one document → one request |
//! | `sign` | time and signature, in the form |
//! | `answer` | the envelope `{code, message, data}` |
//!
//! The documents are read by `crossdock-sku-stock`, as those of 抖店 are.

mod answer;
mod settings;
mod sign;
mod stock;

use crossdock_adapter::{
    Adapter, Context, Draft, Edit, Fault, Item, Mapped, Parsed, Reply, Request,
};

/// The only operation.
const STOCK_UPDATE: &str = "stock.update";

/// The adapter.
pub struct Fengchao;

impl Adapter for Fengchao {
    fn describe() -> String {
        crossdock_adapter::manifest!(
            "../manifest.json",
            "../examples/document.json",
            "../examples/full.json",
            "../examples/incremental.json",
            "../examples/every-field.json",
            "../examples/multipart.json",
            "../examples/core-records.json",
            "../examples/identifications.json",
            "../examples/refused-documents.json",
            "../examples/other-answers.json",
        )
    }

    fn map(ctx: &Context, operation: &str, items: &[Item]) -> Result<Mapped, Fault> {
        match operation {
            STOCK_UPDATE => stock::map(ctx, items),
            other => Err(Fault::unsupported(other)),
        }
    }

    fn sign(ctx: &Context, _operation: &str, draft: &Draft) -> Result<Vec<Edit>, Fault> {
        sign::sign(ctx, draft)
    }

    fn parse_response(
        ctx: &Context,
        _operation: &str,
        request: &Request,
        reply: &Reply,
    ) -> Result<Parsed, Fault> {
        answer::parse(ctx, request, reply)
    }
}

crossdock_adapter::export_adapter!(Fengchao);

#[cfg(test)]
mod tests;
