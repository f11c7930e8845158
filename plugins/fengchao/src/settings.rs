//! Settings of a connection to 蜂巢, beside those of the shared stock document.

use crossdock_adapter::json::Text;
use serde::Deserialize;

/// Settings with their defaults, which the manifest's schema repeats.
#[derive(Deserialize)]
pub struct Settings<'a> {
    /// The partner's AppId.
    #[serde(borrow)]
    pub appid: Text<'a>,
    /// The shop's account.
    pub seller_nick: Text<'a>,
    /// Path of the call: the vendor's pages spell it in more than one way.
    pub path: Text<'a>,
    /// How the form travels.
    #[serde(default)]
    pub transport: Transport,
    /// What the message of a failure contains when the platform has executed
    /// the idempotent_id before.
    #[serde(default = "executed_text")]
    pub executed_text: Text<'a>,
}

/// 抖店's words, which 蜂巢 relays, as far as its document shows.
fn executed_text() -> Text<'static> {
    "操作已执行".into()
}

/// How the form travels; the vendor's samples do both.
#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// `application/x-www-form-urlencoded`, as the C# sample.
    #[default]
    Urlencoded,
    /// `multipart/form-data`, as the Java and PHP samples.
    Multipart,
}
