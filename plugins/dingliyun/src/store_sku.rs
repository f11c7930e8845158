//! storeskuservice (门店商品服务): what a store sells, and on which shelves.

use crate::list::{Extra, List, Scope};

/// 批量更新门店商品 and 批量更新门店商品货架位.
pub const LISTS: &[List] = &[
    List {
        operation: "store-sku.update",
        service: "storeskuservice",
        scope: Scope::StoreInRow,
        call: "skus/updates",
        // The document's table says storeSkus, its example says this.
        member: "store_skus",
        key: "sku_id",
        limit: Some(100),
        operator: true,
        extra: Extra::None,
    },
    List {
        operation: "shelf.update",
        service: "storeskuservice",
        scope: Scope::Store,
        call: "skus/shelfPositionCode",
        member: "store_sku_shelf_position_codes",
        key: "sku_id",
        limit: Some(100),
        operator: true,
        extra: Extra::None,
    },
];
