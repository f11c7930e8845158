//! What `sku` and `location` of the core are to the platform: it differs by
//! shop, so it is the connection's.

use crossdock_adapter::json::Text;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Settings with their defaults, which the manifests' schemas repeat.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct StockSettings<'a> {
    /// What `sku` is sent as, unless the document says.
    pub sku_field: SkuField,
    /// What a location of kind store is sent as.
    pub store_location: LocationField,
    /// What a location of kind warehouse is sent as.
    pub warehouse_location: LocationField,
    /// The platform's ids of locations; other locations are sent as they are.
    #[serde(borrow)]
    pub location_ids: BTreeMap<Text<'a>, Text<'a>>,
}

impl Default for StockSettings<'_> {
    fn default() -> Self {
        Self {
            sku_field: SkuField::Code,
            store_location: LocationField::StoreId,
            warehouse_location: LocationField::OutWarehouseId,
            location_ids: BTreeMap::new(),
        }
    }
}

/// The parameter that a `sku` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkuField {
    /// SKU编码, the shop's own code.
    Code,
    /// 规格id, the platform's number.
    SkuId,
    /// 外部skuid, the shop's own number.
    OutSkuId,
}

/// The parameter that a location is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocationField {
    /// 门店id: the stock of a store.
    StoreId,
    /// 外部仓库id编码: regional stock.
    OutWarehouseId,
    /// Not sent: ordinary stock.
    None,
}
