//! `goods.show` and `goods.list`: one product, and all that are on sale.

use crate::{Settings, call};
use crossdock_adapter::json::{self, RawValue, Text};
use crossdock_adapter::{Draft, Fault, Item, Mapped, batch};
use serde::Deserialize;

/// The platform's names of the calls.
const SHOW: &str = "taobao.item.seller.get";
pub const LIST: &str = "taobao.items.onsale.get";

#[derive(Deserialize)]
struct Wanted<'a> {
    #[serde(borrow)]
    fields: Text<'a>,
    #[serde(borrow)]
    num_iid: Option<&'a RawValue>,
    page_size: Option<u32>,
}

pub fn show(settings: &Settings, items: &[Item]) -> Mapped {
    batch::each(items, true, |item| {
        let wanted: Wanted = item.read()?;
        let product = wanted.num_iid.and_then(json::digits);
        let product = product.ok_or_else(|| {
            Fault::invalid_input("/num_iid", "the platform wants the product's id")
        })?;
        Ok(get(settings, SHOW)
            .with_query("fields", &*wanted.fields)
            .with_query("num_iid", product))
    })
}

pub fn list(settings: &Settings, items: &[Item]) -> Mapped {
    batch::each(items, true, |item| {
        let wanted: Wanted = item.read()?;
        Ok(get(settings, LIST)
            .with_query("fields", &*wanted.fields)
            .with_query("page_no", "1")
            .with_query("page_size", wanted.page_size.unwrap_or(200).to_string()))
    })
}

fn get(settings: &Settings, method: &str) -> Draft {
    call(Draft::get("/router/rest"), settings, method)
}
