//! The adapter of 抖店, the shops of Douyin (op.jinritemai.com).
//!
//! One call: `sku.syncStock`, the full or incremental update of a SKU's stock,
//! signed with HMAC-SHA256 or MD5.
//!
//! | module | what is in it |
//! |---|---|
//! | `settings` | the app and how it signs |
//! | `stock` | `stock.update`: one document → one request |
//! | `grant` | `token.create` and `token.refresh`: the token, and another one |
//! | `sign` | the signature, version 2 |
//! | `answer` | the envelope and its codes |
//!
//! The documents are read by `crossdock-sku-stock`, as those of 蜂巢 are.

mod answer;
mod grant;
mod settings;
mod sign;
mod stock;

use crossdock_adapter::{
    Adapter, Context, Draft, Edit, Fault, Item, Mapped, Parsed, Reply, Request, composing,
};

/// The only operation that callers know.
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
            "../examples/token-create.json",
            "../examples/token-create-self.json",
            "../examples/token-refresh.json",
        )
    }

    fn map(ctx: &Context, operation: &str, items: &[Item]) -> Result<Mapped, Fault> {
        match operation {
            STOCK_UPDATE => stock::map(ctx, items),
            grant::GRANT => grant::map(ctx, items),
            other => Err(Fault::unsupported(other)),
        }
    }

    fn sign(ctx: &Context, operation: &str, draft: &Draft) -> Result<Vec<Edit>, Fault> {
        match operation {
            // Its body is the host's to write.
            grant::GRANT => Err(Fault::unsupported(operation)),
            _ => sign::sign(ctx, draft),
        }
    }

    fn compose(
        ctx: &Context,
        operation: &str,
        draft: &Draft,
    ) -> Result<Vec<composing::Edit>, Fault> {
        match operation {
            grant::GRANT => grant::compose(ctx, draft),
            _ => {
                let edits = sign::sign(ctx, draft)?;
                Ok(edits.into_iter().map(composing::Edit::from).collect())
            }
        }
    }

    fn parse_response(
        ctx: &Context,
        operation: &str,
        request: &Request,
        reply: &Reply,
    ) -> Result<Parsed, Fault> {
        match operation {
            grant::GRANT => answer::parse_grant(ctx, request, reply),
            _ => answer::parse(ctx, request, reply),
        }
    }
}

crossdock_adapter::export_adapter!(Doudian);
crossdock_adapter::export_composing!(Doudian);

#[cfg(test)]
mod tests;
