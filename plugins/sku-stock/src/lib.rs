//! The stock update of 抖店 (`sku.syncStock`): full or incremental, of ordinary,
//! regional, tier or store stock. 蜂巢 relays it with the same parameters, so
//! both adapters read their documents here; how the parameters travel and are
//! signed is each adapter's own.
//!
//! | module | what is in it |
//! |---|---|
//! | [`document`] | a document's fields beside the core |
//! | [`settings`] | what `sku` and `location` are to the platform |
//! | [`params`] | the platform's twelve parameters |

pub mod document;
pub mod params;
pub mod settings;

pub use document::Own;
pub use params::{Params, StoreId, Value};
pub use settings::StockSettings;

use crossdock_adapter::stock::{LocationKind, Mode, StockRecord};
use crossdock_adapter::{Fault, Item};
use params::{Field, number};
use settings::{LocationField, SkuField};
use std::borrow::Cow;

/// The platform's parameters for one item.
///
/// # Errors
/// [`Fault::InvalidInput`] with a pointer to what cannot be sent.
pub fn read<'a>(
    settings: &StockSettings<'a>,
    store_id: StoreId,
    item: &'a Item,
) -> Result<Params<'a>, Fault> {
    let record: StockRecord<'a, Own<'a>> = item.read()?;
    let mut params = Params::new(store_id);
    let sku = record.optional_sku().map(|sku| sku.0);
    match record.mode {
        Mode::Set => {
            params.set(Field::StockNum, Value::Number(record.total()?), "/quantity")?;
            // A total may arrive twice without one.
            if let Some(id) = record.idempotency_key {
                params.set(Field::IdempotentId, Value::Text(id.0), "/idempotency_key")?;
            }
        }
        Mode::Adjust => {
            params.set(
                Field::StockNum,
                Value::Number(record.quantity()?),
                "/quantity",
            )?;
            params.set(Field::Incremental, Value::Bool(true), "/mode")?;
            let id = record.idempotency_id(item);
            params.set(Field::IdempotentId, Value::Text(id.0), "/idempotency_key")?;
        }
    }
    let field = record.own.sku_field.unwrap_or(settings.sku_field);
    if let Some(sku) = sku {
        match field {
            SkuField::Code => params.set(Field::Code, Value::Text(sku), "/sku")?,
            SkuField::SkuId => params.set(Field::SkuId, number(sku, "/sku")?, "/sku")?,
            SkuField::OutSkuId => params.set(Field::OutSkuId, number(sku, "/sku")?, "/sku")?,
        }
    }
    if let Some(location) = record.location {
        let field = match record.location_kind {
            LocationKind::Store => settings.store_location,
            LocationKind::Warehouse => settings.warehouse_location,
        };
        let id: Cow<'a, str> = match settings.location_ids.get(&location) {
            Some(id) => id.0.clone(),
            None => location.0,
        };
        match field {
            LocationField::StoreId => {
                let id = params.store(id, "/location")?;
                params.set(Field::StoreId, id, "/location")?;
            }
            LocationField::OutWarehouseId => {
                params.set(Field::OutWarehouseId, Value::Text(id), "/location")?;
            }
            LocationField::None => {}
        }
    }
    record.own.into_params(&mut params)?;
    if !params.names_an_article() {
        return Err(Fault::invalid_input("/sku", NO_ARTICLE));
    }
    Ok(params)
}

/// What the platform's document lets name an article.
const NO_ARTICLE: &str = "nothing says which article is meant: send `sku`, `code` (sku编码), \
                          `sku_id` (规格id) or `out_sku_id` (外部skuid); or `product_id` (or \
                          `out_product_id`) together with `store_id`, or with a `location` that \
                          is sent as `store_id`";

#[cfg(test)]
mod tests;
