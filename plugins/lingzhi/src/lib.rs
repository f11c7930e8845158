//! The adapter of the lingzhi mini-program shop (灵智小程序).
//!
//! One call is known: "小程序商品更新库存(批量)", which sets the total stock of
//! products at stores. The platform's document says nothing about
//! authentication, so the adapter signs nothing: the connection's `auth` does.
//!
//! | module | what is in it |
//! |---|---|
//! | `settings` | what the document leaves open |
//! | `stock` | `stock.update`: documents → rows → requests |
//! | `answer` | the envelope `{code, msg, data}` |

mod answer;
mod settings;
mod stock;

use crossdock_adapter::{Adapter, Context, Fault, Item, Mapped, Parsed, Reply, Request};
use settings::Settings;

/// The only operation.
const STOCK_UPDATE: &str = "stock.update";

/// The adapter.
pub struct Lingzhi;

impl Adapter for Lingzhi {
    fn describe() -> String {
        crossdock_adapter::manifest!(
            "../manifest.json",
            "../examples/document.json",
            "../examples/batches.json",
            "../examples/byte-for-byte.json",
            "../examples/refused-documents.json",
            "../examples/other-answers.json",
        )
    }

    fn map(ctx: &Context, operation: &str, items: &[Item]) -> Result<Mapped, Fault> {
        if operation != STOCK_UPDATE {
            return Err(Fault::unsupported(operation));
        }
        stock::map(&ctx.read_settings::<Settings>()?, items)
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

crossdock_adapter::export_adapter!(Lingzhi);

#[cfg(test)]
mod tests {
    #[test]
    fn the_golden_examples_hold() {
        crossdock_adapter::testing::run_examples::<super::Lingzhi>();
    }

    #[test]
    fn its_stock_record_is_everybodys() {
        crossdock_adapter::testing::share_the_stock_core::<super::Lingzhi>();
    }
}
