//! `stock.update`: taobao.skus.quantity.update, up to 20 SKUs of one product.

use crate::{Settings, call};
use crossdock_adapter::json::{self, RawValue};
use crossdock_adapter::stock::{Mode, OwnFields, StockRecord};
use crossdock_adapter::{Draft, Fault, Item, Mapped, batch};
use serde::Deserialize;
use serde::de::MapAccess;

/// The platform's name of the call.
pub const METHOD: &str = "taobao.skus.quantity.update";

const MOST_SKUS: usize = 20;

/// What `sku` of a record is.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkuField {
    #[default]
    SkuId,
    OuterId,
}

/// What a document has beside the core that all platforms share.
#[derive(Default)]
struct Own<'a> {
    num_iid: Option<&'a RawValue>,
}

impl<'a> OwnFields<'a> for Own<'a> {
    fn take<A: MapAccess<'a>>(&mut self, name: &str, values: &mut A) -> Result<bool, A::Error> {
        match name {
            "num_iid" => self.num_iid = values.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// One SKU.
struct Sku {
    product: String,
    adjust: bool,
    /// `id:quantity`.
    written: String,
}

pub fn map(settings: &Settings, items: &[Item]) -> Mapped {
    let mut mapped = Mapped::default();
    let rows = batch::read(&mut mapped, items, read);
    for ((product, adjust), rows) in batch::group(rows, |sku| (sku.product.clone(), sku.adjust)) {
        for rows in rows.chunks(MOST_SKUS) {
            let skus: Vec<&str> = rows.iter().map(|row| &*row.value.written).collect();
            let list = match settings.sku_field {
                SkuField::SkuId => "skuid_quantities",
                SkuField::OuterId => "outerid_quantities",
            };
            let fields = [
                ("num_iid", &*product),
                (list, &*skus.join(";")),
                ("type", if adjust { "2" } else { "1" }),
            ];
            let draft = call(Draft::post("/router/rest"), settings, METHOD).form_body(&fields);
            // A total may arrive twice, a change may not.
            mapped.send(draft, rows, !adjust);
        }
    }
    mapped
}

fn read(item: &Item) -> Result<Sku, Fault> {
    let record: StockRecord<Own> = item.read()?;
    if record.location.is_some() {
        return Err(Fault::invalid_input(
            "/location",
            "the platform knows one stock for each SKU: leave the location out",
        ));
    }
    let product = record.own.num_iid.and_then(json::digits);
    let product = product
        .ok_or_else(|| Fault::invalid_input("/num_iid", "the platform wants the product's id"))?;
    let sku = record.sku()?;
    if sku.contains([':', ';']) {
        return Err(Fault::invalid_input(
            "/sku",
            "the platform separates SKUs with ':' and ';', so none may be in one",
        ));
    }
    let adjust = record.mode == Mode::Adjust;
    let quantity = match adjust {
        true => record.quantity()?,
        false => record.total()?,
    };
    Ok(Sku {
        product: product.to_owned(),
        adjust,
        written: format!("{}:{quantity}", &*sku),
    })
}
