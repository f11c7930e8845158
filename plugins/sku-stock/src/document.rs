//! A document's fields beside the core that all platforms share.

use crate::params::{Field, Params, Value, number};
use crate::settings::SkuField;
use crossdock_adapter::Fault;
use crossdock_adapter::json::{self, RawValue, Text};
use crossdock_adapter::stock::OwnFields;
use serde::de::MapAccess;
use std::borrow::Cow;

/// The fields, by the platform's own names except `sku_field`.
#[derive(Debug, Default)]
pub struct Own<'a> {
    /// What `sku` is sent as; the setting of the same name if absent.
    pub sku_field: Option<SkuField>,
    /// SKU编码.
    pub code: Option<Text<'a>>,
    /// 规格id.
    pub sku_id: Option<&'a RawValue>,
    /// 外部skuid.
    pub out_sku_id: Option<&'a RawValue>,
    /// 商品ID.
    pub product_id: Option<&'a RawValue>,
    /// 外部商品id.
    pub out_product_id: Option<&'a RawValue>,
    /// 外部仓库id编码: regional stock.
    pub out_warehouse_id: Option<Text<'a>>,
    /// 供应商ID.
    pub supplier_id: Option<Text<'a>>,
    /// 阶梯库存.
    pub step_stock_num: Option<&'a RawValue>,
    /// 门店id.
    pub store_id: Option<&'a RawValue>,
}

/// The names of the fields of [`Own`], for the manifests' tests.
pub const OWN_FIELDS: [&str; 10] = [
    "sku_field",
    "code",
    "sku_id",
    "out_sku_id",
    "product_id",
    "out_product_id",
    "out_warehouse_id",
    "supplier_id",
    "step_stock_num",
    "store_id",
];

impl<'a> OwnFields<'a> for Own<'a> {
    fn take<A: MapAccess<'a>>(&mut self, name: &str, values: &mut A) -> Result<bool, A::Error> {
        match name {
            "sku_field" => self.sku_field = values.next_value()?,
            "code" => self.code = values.next_value()?,
            "sku_id" => self.sku_id = values.next_value()?,
            "out_sku_id" => self.out_sku_id = values.next_value()?,
            "product_id" => self.product_id = values.next_value()?,
            "out_product_id" => self.out_product_id = values.next_value()?,
            "out_warehouse_id" => self.out_warehouse_id = values.next_value()?,
            "supplier_id" => self.supplier_id = values.next_value()?,
            "step_stock_num" => self.step_stock_num = values.next_value()?,
            "store_id" => self.store_id = values.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'a> Own<'a> {
    /// Adds the fields that the document has.
    pub(crate) fn into_params(self, params: &mut Params<'a>) -> Result<(), Fault> {
        let texts = [
            (self.code, Field::Code, "/code"),
            (
                self.out_warehouse_id,
                Field::OutWarehouseId,
                "/out_warehouse_id",
            ),
            (self.supplier_id, Field::SupplierId, "/supplier_id"),
        ];
        for (text, field, pointer) in texts {
            if let Some(text) = text {
                params.set(field, Value::Text(text.0), pointer)?;
            }
        }
        let ids = [
            (self.sku_id, Field::SkuId, "/sku_id"),
            (self.out_sku_id, Field::OutSkuId, "/out_sku_id"),
            (self.product_id, Field::ProductId, "/product_id"),
            (self.out_product_id, Field::OutProductId, "/out_product_id"),
        ];
        for (id, field, pointer) in ids {
            if let Some(raw) = id {
                params.set(field, number(scalar(raw), pointer)?, pointer)?;
            }
        }
        if let Some(raw) = self.step_stock_num {
            let digits = json::integer(raw).ok_or_else(|| {
                Fault::invalid_input("/step_stock_num", "step_stock_num has to be a whole number")
            })?;
            params.set(
                Field::StepStockNum,
                Value::Number(digits),
                "/step_stock_num",
            )?;
        }
        if let Some(raw) = self.store_id {
            let id = params.store(scalar(raw), "/store_id")?;
            params.set(Field::StoreId, id, "/store_id")?;
        }
        Ok(())
    }
}

/// A scalar's text. Lists and objects, which the schema refuses, stay what they
/// are and are no identifiers.
fn scalar(raw: &RawValue) -> Cow<'_, str> {
    json::scalar(raw).unwrap_or_else(|| raw.get().into())
}
