//! The adapter of Shopify's shops.
//!
//! Two mutations of the Admin GraphQL API: `inventorySetQuantities` for totals,
//! many of them in a call, and `inventoryAdjustQuantities` for changes, one in
//! a call. The adapter signs nothing: the connection's `auth` puts its token
//! into the header `X-Shopify-Access-Token`.
//!
//! | module | what is in it |
//! |---|---|
//! | `settings` | the API's version, and what the shop calls its locations |
//! | `stock` | `stock.update`: documents → mutations |
//! | `key` | what a mutation is known by when it arrives twice |
//! | `answer` | errors, user errors and what they mean |

mod answer;
mod key;
mod settings;
mod stock;

use crossdock_adapter::{Adapter, Context, Fault, Item, Mapped, Parsed, Reply, Request};
use settings::Settings;

/// The only operation.
const STOCK_UPDATE: &str = "stock.update";

/// The adapter.
pub struct Shopify;

impl Adapter for Shopify {
    fn describe() -> String {
        crossdock_adapter::manifest!(
            "../manifest.json",
            "../examples/totals.json",
            "../examples/change.json",
            "../examples/placed-by-settings.json",
            "../examples/compared.json",
            "../examples/refused-documents.json",
            "../examples/user-errors.json",
            "../examples/other-answers.json",
        )
    }

    fn map(ctx: &Context, operation: &str, items: &[Item]) -> Result<Mapped, Fault> {
        match operation {
            STOCK_UPDATE => stock::map(&ctx.read_settings::<Settings>()?, items),
            other => Err(Fault::unsupported(other)),
        }
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

crossdock_adapter::export_adapter!(Shopify);

#[cfg(test)]
mod tests {
    #[test]
    fn the_golden_examples_hold() {
        crossdock_adapter::testing::run_examples::<super::Shopify>();
    }

    #[test]
    fn its_stock_record_is_everybodys() {
        crossdock_adapter::testing::share_the_stock_core::<super::Shopify>();
    }
}
