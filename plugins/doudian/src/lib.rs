//! The adapter of 抖店, the shops of Douyin (op.jinritemai.com).
//!
//! One call: `sku.syncStock`, the full or incremental update of a SKU's stock,
//! signed with HMAC-SHA256 or MD5.
//!
//! | module | what is in it |
//! |---|---|
//! | `settings` | the app and how it signs |
//! | `stock` | `stock.update`: one document → one request |
//! | `sign` | the signature, version 2 |
//! | `answer` | the envelope and its codes |
//!
//! The documents are read by `crossdock-sku-stock`, as those of 蜂巢 are.

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
pub struct Doudian;

impl Adapter for Doudian {
    fn describe() -> String {
        crossdock_adapter::manifest!(
            "../manifest.json",
            "../examples/incremental-hmac.json",
            "../examples/incremental-md5.json",
            "../examples/every-field.json",
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

crossdock_adapter::export_adapter!(Doudian);

#[cfg(test)]
mod tests;
