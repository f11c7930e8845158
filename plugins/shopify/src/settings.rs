//! Settings of a connection to a shop.

use crossdock_adapter::json::Text;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Most entries of an input list of the API.
pub const MOST_ROWS: usize = 250;

/// Settings with their defaults, which the manifest's schema repeats.
#[derive(Deserialize)]
#[serde(default)]
pub struct Settings<'a> {
    /// The API's version, a part of the path.
    #[serde(borrow)]
    pub api_version: Text<'a>,
    /// Which quantity is written.
    pub quantity_name: QuantityName,
    /// Why it is written, for the shop's history.
    pub reason: Text<'a>,
    /// Where documents without a location count.
    pub default_location: Option<Text<'a>>,
    /// Shopify's id of each of the tenant's locations.
    pub location_ids: BTreeMap<Text<'a>, Text<'a>>,
    /// Most totals in one call.
    pub batch_size: usize,
}

/// Which quantity is written.
#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuantityName {
    /// What can be sold.
    #[default]
    Available,
    /// What lies there.
    OnHand,
}

impl QuantityName {
    /// As the platform writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::OnHand => "on_hand",
        }
    }
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Self {
            api_version: "2026-10".into(),
            quantity_name: QuantityName::default(),
            reason: "correction".into(),
            default_location: None,
            location_ids: BTreeMap::new(),
            batch_size: MOST_ROWS,
        }
    }
}
