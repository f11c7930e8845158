//! What belongs to the account, and what the platform's document leaves open,
//! as settings of the connection.

use crossdock_adapter::json::Text;
use serde::Deserialize;

/// Settings with their defaults, which the manifest's schema repeats.
#[derive(Deserialize)]
pub struct Settings<'a> {
    /// 租户ID, the first segment of every path.
    #[serde(borrow)]
    pub tenant_id: Text<'a>,
    /// 操作人 of documents that name none.
    #[serde(borrow, default)]
    pub operator: Option<Text<'a>>,
    /// Store of documents that name none.
    #[serde(borrow, default)]
    pub default_store_id: Option<Text<'a>>,
    /// Warehouse of stock records that name none.
    #[serde(borrow, default)]
    pub default_warehouse_id: Option<Text<'a>>,
    /// Most rows in one request where the document names no limit, or fewer
    /// than the document's limit.
    #[serde(default = "default_batch_size")]
    pub batch_size: usize,
    /// Rows per page of queries with `all`.
    #[serde(default = "default_page_size")]
    pub page_size: u32,
    /// What a lock of a part of an order counts as.
    #[serde(default)]
    pub partial_lock: PartialLock,
    /// Query parameter of the store in `order.stocks`.
    #[serde(default)]
    pub stocks_store_parameter: StoreParameter,
}

/// What 部分占货 counts as.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartialLock {
    /// A refusal that says what is held.
    #[default]
    Reject,
    /// A success whose result says what is held.
    Accept,
}

/// The document lists `shop_id` twice, the second time for the store.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreParameter {
    /// As everywhere else in the document.
    #[default]
    StoreId,
    /// As in this call's table.
    ShopId,
}

impl StoreParameter {
    /// The parameter's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::StoreId => "store_id",
            Self::ShopId => "shop_id",
        }
    }
}

fn default_batch_size() -> usize {
    100
}

/// The document's most rows of a page.
fn default_page_size() -> u32 {
    1000
}
