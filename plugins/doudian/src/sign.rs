//! The signature, version 2: over `app_key`, `method`, `param_json`,
//! `timestamp` and `v` and nothing else, in front and behind the app's secret,
//! which is also the key of the HMAC.

use crate::settings::{Settings, SignMethod, TimeFormat};
use crossdock_adapter::keys::{self, Digest, Value};
use crossdock_adapter::{Body, Context, Draft, Edit, Fault, time};

/// Secrets of the manifest.
const APP_SECRET: &str = "app_secret";
const ACCESS_TOKEN: &str = "access_token";

/// Query pairs that are signed; `sign_method` is not.
const SIGNED: [&str; 3] = ["app_key", "method", "v"];

/// The platform's time zone, hours east of Greenwich.
const ZONE: i8 = 8;

pub fn sign(ctx: &Context, draft: &Draft) -> Result<Vec<Edit>, Fault> {
    let settings: Settings = ctx.read_settings()?;
    let timestamp = match settings.time_format {
        TimeFormat::DateTime => time::date_time(ctx.now_ms, ZONE),
        TimeFormat::Unix => (ctx.now_ms / 1000).to_string(),
    };
    let param_json = match &draft.body {
        Body::Text(text) => text,
        _ => "{}",
    };
    let mut pairs: Vec<(&str, Value)> = draft
        .query
        .iter()
        .filter(|(name, _)| SIGNED.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str(), value.into()))
        .collect();
    pairs.push(("param_json", param_json.into()));
    pairs.push(("timestamp", (&timestamp).into()));
    let message = keys::wrapped(APP_SECRET, pairs);
    let signature = match settings.sign_method {
        SignMethod::HmacSha256 => keys::hmac(Digest::Sha256, &[keys::secret(APP_SECRET)], message)?,
        SignMethod::Md5 => keys::md5(&message)?,
    };
    Ok(vec![
        Edit::SetQuery(("timestamp".into(), timestamp)),
        Edit::SetQuery(("sign".into(), signature.hex())),
        Edit::SecretQuery(("access_token".into(), ACCESS_TOKEN.into())),
    ])
}
