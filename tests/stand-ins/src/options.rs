//! What a set of stand-ins is told at its start.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;

use crate::platforms::dingliyun::DingliyunOptions;
use crate::platforms::doudian::DoudianOptions;
use crate::platforms::fengchao::FengchaoOptions;
use crate::platforms::lingzhi::LingzhiOptions;
use crate::platforms::oauth::OauthOptions;
use crate::platforms::shopify::ShopifyOptions;
use crate::platforms::wangdian::WangdianOptions;
use crate::time::Clock;

/// Options of all platforms. The defaults are accounts for tests and demo;
/// they belong to nobody.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// No request log: for benchmarks. Counters go on.
    pub quiet: bool,
    /// What all platforms take for the present.
    pub clock: Clock,
    /// Requests a minute by platform. No document gives a number; absent means
    /// no limit.
    pub calls_per_minute: BTreeMap<String, u32>,
    pub lingzhi: LingzhiOptions,
    pub fengchao: FengchaoOptions,
    pub doudian: DoudianOptions,
    pub wangdian: WangdianOptions,
    pub dingliyun: DingliyunOptions,
    pub shopify: ShopifyOptions,
    /// The token server.
    pub oauth: OauthOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            quiet: false,
            clock: Clock::System,
            calls_per_minute: BTreeMap::new(),
            lingzhi: LingzhiOptions::default(),
            fengchao: FengchaoOptions::default(),
            doudian: DoudianOptions::default(),
            wangdian: WangdianOptions::default(),
            dingliyun: DingliyunOptions::default(),
            shopify: ShopifyOptions::default(),
            oauth: OauthOptions::default(),
        }
    }
}
