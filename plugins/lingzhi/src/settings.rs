//! What the platform's document leaves open, as settings of the connection.

use crossdock_adapter::json::Text;
use serde::Deserialize;

/// Settings with their defaults, which the manifest's schema repeats.
#[derive(Deserialize)]
#[serde(default)]
pub struct Settings<'a> {
    /// Path below the base URL.
    #[serde(borrow)]
    pub path: Text<'a>,
    /// Most rows in one request; the document names no limit.
    pub batch_size: usize,
    /// `store_code` of documents that name no location.
    pub default_store_code: Option<Text<'a>>,
    /// `type` of documents that name none.
    pub default_type: Text<'a>,
    /// The document shows JSON and names no content type.
    pub content_type: Text<'a>,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Self {
            path: "/gateway/api/erp/update_goods_stock".into(),
            batch_size: 100,
            default_store_code: None,
            default_type: "normal".into(),
            content_type: "application/json".into(),
        }
    }
}
