//! storepriceservice (门店价格服务): what a store charges.

use crate::list::{Extra, List, Scope};

/// POS更新门店商品价格到鼎力云.
pub const LISTS: &[List] = &[List {
    operation: "price.update",
    service: "storepriceservice",
    scope: Scope::Store,
    call: "prices",
    // The document's table says prices, its example says this.
    member: "skus",
    key: "sku_id",
    limit: None,
    // The only call about rows whose table names no operator.
    operator: false,
    extra: Extra::None,
}];
