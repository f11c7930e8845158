//! The adapter of Taobao and Tmall shops (淘宝, 天猫): TOP, the Taobao Open
//! Platform.
//!
//! | module | what is in it |
//! |---|---|
//! | `stock` | `stock.update` |
//! | `goods` | `goods.show`, `goods.list` |
//! | `sign` | the signature |
//! | `answer` | results and errors |

mod answer;
mod goods;
mod sign;
mod stock;

use crossdock_adapter::json::Text;
use crossdock_adapter::{Adapter, Context, Draft, Edit, Fault, Item, Mapped};
use crossdock_adapter::{Parsed, Reply, Request};
use serde::Deserialize;

/// The adapter.
pub struct Taobao;

/// Settings with their defaults, which the manifest's schema repeats.
#[derive(Deserialize)]
struct Settings<'a> {
    #[serde(borrow)]
    app_key: Text<'a>,
    #[serde(default)]
    sign_method: sign::Method,
    #[serde(default)]
    sku_field: stock::SkuField,
}

/// The query of a call, but for what each attempt has anew.
fn call(draft: Draft, settings: &Settings, method: &str) -> Draft {
    draft
        .with_query("method", method)
        .with_query("app_key", &*settings.app_key)
        .with_query("format", "json")
        .with_query("v", "2.0")
}

impl Adapter for Taobao {
    fn describe() -> String {
        crossdock_adapter::manifest!(
            "../manifest.json",
            "../examples/goods-show-official.json",
            "../examples/goods-list-pages.json",
            "../examples/stock-update-totals.json",
            "../examples/stock-update-change.json",
        )
    }

    fn map(ctx: &Context, operation: &str, items: &[Item]) -> Result<Mapped, Fault> {
        let settings = ctx.read_settings()?;
        match operation {
            "stock.update" => Ok(stock::map(&settings, items)),
            "goods.show" => Ok(goods::show(&settings, items)),
            "goods.list" => Ok(goods::list(&settings, items)),
            other => Err(Fault::unsupported(other)),
        }
    }

    fn sign(ctx: &Context, _: &str, draft: &Draft) -> Result<Vec<Edit>, Fault> {
        sign::sign(ctx, draft)
    }

    fn parse_response(
        ctx: &Context,
        _: &str,
        request: &Request,
        reply: &Reply,
    ) -> Result<Parsed, Fault> {
        answer::parse(ctx, request, reply)
    }
}

crossdock_adapter::export_adapter!(Taobao);

#[cfg(test)]
mod tests {
    #[test]
    fn the_golden_examples_hold() {
        crossdock_adapter::testing::run_examples::<super::Taobao>();
    }
}
