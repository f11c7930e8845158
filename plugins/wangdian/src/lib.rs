//! The adapter of 旺店通旗舰版 (WangDianTong flagship, wdt.wangdian.cn).
//!
//! Goods go to it (`goods.push`), and stock comes from it: `stock.pending` lists
//! whose stock changed, `stock.calc` calculates what a shop of one's own should
//! show, and `stock.confirm` tells how the shop took it.
//!
//! | module | what is in it |
//! |---|---|
//! | `settings` | account and what the platform leaves open |
//! | `call` | a method, its arguments, its signature |
//! | `answer` | the envelope `{status, message, data}` and its codes |
//! | `number` | ids and decimals |
//! | `goods` | `goods.push` |
//! | `pending`, `calc`, `confirm` | `stock.pending`, `stock.calc`, `stock.confirm` |

mod answer;
mod calc;
mod call;
mod confirm;
mod goods;
mod number;
mod pending;
mod settings;

use crossdock_adapter::{
    Adapter, Context, Draft, Edit, Fault, Item, Mapped, Parsed, Reply, Request,
};

/// The operations.
const GOODS_PUSH: &str = "goods.push";
const STOCK_CALC: &str = "stock.calc";
const STOCK_CONFIRM: &str = "stock.confirm";
const STOCK_PENDING: &str = "stock.pending";

/// The adapter.
pub struct Wangdian;

impl Adapter for Wangdian {
    fn describe() -> String {
        crossdock_adapter::manifest!(
            "../manifest.json",
            "../examples/calc.json",
            "../examples/calc-other-answers.json",
            "../examples/push-utf8.json",
            "../examples/push-document.json",
            "../examples/push-every-field.json",
            "../examples/push-partly-refused.json",
            "../examples/push-refused-documents.json",
            "../examples/pending-page.json",
            "../examples/pending-all.json",
            "../examples/confirm-success.json",
            "../examples/confirm-fail.json",
        )
    }

    fn map(ctx: &Context, operation: &str, items: &[Item]) -> Result<Mapped, Fault> {
        let settings = ctx.read_settings()?;
        match operation {
            GOODS_PUSH => goods::map(&settings, items),
            STOCK_CALC => calc::map(&settings, items),
            STOCK_CONFIRM => confirm::map(&settings, items),
            STOCK_PENDING => pending::map(&settings, items),
            other => Err(Fault::unsupported(other)),
        }
    }

    fn sign(ctx: &Context, _operation: &str, draft: &Draft) -> Result<Vec<Edit>, Fault> {
        call::sign(ctx, draft)
    }

    fn parse_response(
        ctx: &Context,
        operation: &str,
        request: &Request,
        reply: &Reply,
    ) -> Result<Parsed, Fault> {
        match operation {
            GOODS_PUSH => goods::parse(ctx, request, reply),
            STOCK_CALC => calc::parse(ctx, request, reply),
            STOCK_CONFIRM => confirm::parse(ctx, request, reply),
            STOCK_PENDING => pending::parse(ctx, request, reply),
            other => Err(Fault::unsupported(other)),
        }
    }
}

crossdock_adapter::export_adapter!(Wangdian);

#[cfg(test)]
mod tests;
