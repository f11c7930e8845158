//! The adapter of Heading's DingLiYun (海鼎鼎力云), its inventory cloud:
//! `/{tenant_id}/invc/…`.
//!
//! The platform authenticates by HTTP Basic, so the adapter signs nothing: the
//! connection's `auth` does.
//!
//! | module | what is in it |
//! |---|---|
//! | `settings` | the account, and what the document leaves open |
//! | `path` | paths, the headers of every call |
//! | `members` | JSON objects that pass through as they were written |
//! | `envelope` | ActionResult and its `errors[]` |
//! | `list`, `read`, `page` | the three kinds of calls: lists of rows, reads, pages |
//! | `stock` | wrhinvservice, storeinvservice |
//! | `item` | itemservice |
//! | `store_sku` | storeskuservice |
//! | `price` | storepriceservice |
//! | `order` | orderstockservice |

mod envelope;
mod item;
mod list;
mod members;
mod order;
mod page;
mod path;
mod price;
mod read;
mod settings;
mod stock;
mod store_sku;

use crossdock_adapter::{Adapter, Context, Draft, Fault, Item, Mapped, Parsed, Reply, Request};
use list::List;
use order::Change;
use page::Query;
use read::Answered;
use settings::Settings;

/// The adapter.
pub struct DingLiYun;

/// What an operation is.
enum Call {
    Stock,
    List(&'static List),
    Query(&'static Query),
    Read(fn(&Settings, &Item) -> Result<Draft, Fault>, Answered),
    Change(Change),
}

impl Call {
    fn of(operation: &str) -> Result<Self, Fault> {
        Ok(match operation {
            "stock.update" => Self::Stock,
            "sku.get" => Self::Read(item::sku, item::SKU),
            "sku.list" => Self::Read(item::skus, item::SKUS),
            "order.lock" => Self::Change(Change::Lock),
            "order.lock-result" => Self::Read(order::lock_result, order::LOCKED),
            "order.stocks" => Self::Read(order::stocks, order::STOCKS),
            "order.ship" => Self::Change(Change::Ship),
            "order.unlock" => Self::Change(Change::Unlock),
            other => {
                let mut lists = [item::LISTS, store_sku::LISTS, price::LISTS]
                    .into_iter()
                    .flatten();
                let mut queries = item::QUERIES.iter();
                if let Some(list) = lists.find(|list| list.operation == other) {
                    Self::List(list)
                } else if let Some(query) = queries.find(|query| query.operation == other) {
                    Self::Query(query)
                } else {
                    return Err(Fault::unsupported(other));
                }
            }
        })
    }
}

impl Adapter for DingLiYun {
    fn describe() -> String {
        crossdock_adapter::manifest!(
            "../manifest.json",
            operations: [
                "../operations/stock.update.json",
                "../operations/brand.query.json",
                "../operations/brand.update.json",
                "../operations/category.query.json",
                "../operations/category.update.json",
                "../operations/product.update.json",
                "../operations/image.update.json",
                "../operations/sku.get.json",
                "../operations/sku.list.json",
                "../operations/sku.search.json",
                "../operations/sku.update.json",
                "../operations/tag.update.json",
                "../operations/shelf.update.json",
                "../operations/store-sku.update.json",
                "../operations/price.update.json",
                "../operations/order.lock.json",
                "../operations/order.lock-result.json",
                "../operations/order.stocks.json",
                "../operations/order.ship.json",
                "../operations/order.unlock.json",
            ],
            examples: [
                "../examples/brand.query.all.json",
                "../examples/brand.query.json",
                "../examples/brand.update.json",
                "../examples/category.query.json",
                "../examples/category.update.json",
                "../examples/image.update.json",
                "../examples/order.lock-result.json",
                "../examples/order.lock.answers.json",
                "../examples/order.lock.json",
                "../examples/order.lock.partial.json",
                "../examples/order.ship.answers.json",
                "../examples/order.ship.json",
                "../examples/order.stocks.json",
                "../examples/order.stocks.store.json",
                "../examples/order.unlock.answers.json",
                "../examples/order.unlock.json",
                "../examples/other-answers.json",
                "../examples/price.update.json",
                "../examples/product.update.json",
                "../examples/shelf.update.json",
                "../examples/sku.get.answers.json",
                "../examples/sku.get.json",
                "../examples/sku.list.json",
                "../examples/sku.search.json",
                "../examples/sku.update.errors.json",
                "../examples/sku.update.json",
                "../examples/sku.update.products.json",
                "../examples/stock.update.decimals.json",
                "../examples/stock.update.locations.json",
                "../examples/stock.update.refused.json",
                "../examples/stock.update.store.json",
                "../examples/stock.update.warehouse.json",
                "../examples/store-sku.update.errors.json",
                "../examples/store-sku.update.json",
                "../examples/tag.update.json",
            ],
        )
    }

    fn map(ctx: &Context, operation: &str, items: &[Item]) -> Result<Mapped, Fault> {
        let settings: Settings = ctx.read_settings()?;
        match Call::of(operation)? {
            Call::Stock => stock::map(&settings, items),
            Call::List(list) => list.map(&settings, items),
            Call::Query(query) => query.map(&settings, items),
            Call::Read(draft, _) => read::map(items, |item| draft(&settings, item)),
            Call::Change(change) => change.map(&settings, items),
        }
    }

    fn parse_response(
        ctx: &Context,
        operation: &str,
        request: &Request,
        reply: &Reply,
    ) -> Result<Parsed, Fault> {
        match Call::of(operation)? {
            Call::Stock => stock::parse(ctx, request, reply),
            Call::List(list) => list.parse(ctx, request, reply),
            Call::Query(query) => query.parse(ctx, request, reply),
            Call::Read(_, answered) => read::parse(answered, ctx, request, reply),
            Call::Change(change) => change.parse(ctx, &ctx.read_settings()?, request, reply),
        }
    }
}

crossdock_adapter::export_adapter!(DingLiYun);

#[cfg(test)]
mod tests;
