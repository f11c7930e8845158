//! Settings of a connection to 抖店, beside those of the shared stock document.

use crossdock_adapter::json::Text;
use serde::Deserialize;

/// Settings with their defaults, which the manifest's schema repeats.
#[derive(Deserialize)]
pub struct Settings<'a> {
    /// The app's key.
    #[serde(borrow)]
    pub app_key: Text<'a>,
    /// How requests are signed.
    #[serde(default)]
    pub sign_method: SignMethod,
    /// How `timestamp` is written.
    #[serde(default)]
    pub time_format: TimeFormat,
    /// Pause after code 60000, which names no time.
    pub rate_limit_pause_ms: Option<u32>,
    /// The shop of an app for one's own use, which needs no code.
    #[serde(borrow)]
    pub shop_id: Option<Text<'a>>,
}

/// How requests are signed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum SignMethod {
    /// Recommended by the platform.
    #[default]
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    /// To be retired, the platform says, without a date.
    #[serde(rename = "md5")]
    Md5,
}

impl SignMethod {
    /// The value of the query parameter `sign_method`.
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::Md5 => "md5",
        }
    }
}

/// How `timestamp` is written.
#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeFormat {
    /// `yyyy-MM-dd HH:mm:ss` in GMT+8.
    #[default]
    DateTime,
    /// Unix seconds.
    Unix,
}
