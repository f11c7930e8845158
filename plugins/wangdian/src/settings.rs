//! Settings of a connection to 旺店通旗舰版.

use crossdock_adapter::json::Text;
use serde::Deserialize;

/// Settings with their defaults, which the manifest's schema repeats.
#[derive(Deserialize)]
pub struct Settings<'a> {
    /// The seller's account.
    #[serde(borrow)]
    pub sid: Text<'a>,
    /// The appkey.
    pub key: Text<'a>,
    /// Path of all calls below the base URL.
    #[serde(default = "path")]
    pub path: Text<'a>,
    /// Pause after the two rate-limit messages, which name no time.
    #[serde(default = "rate_limit_pause_ms")]
    pub rate_limit_pause_ms: u32,
    /// Whether a push may be sent again after an unknown outcome.
    #[serde(default = "goods_push_repeatable")]
    pub goods_push_repeatable: bool,
}

fn path() -> Text<'static> {
    "/openapi".into()
}

fn rate_limit_pause_ms() -> u32 {
    60_000
}

fn goods_push_repeatable() -> bool {
    true
}
