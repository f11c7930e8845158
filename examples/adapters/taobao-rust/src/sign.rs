//! The signature: over everything that is sent, query, form and session.

use crate::Settings;
use crossdock_adapter::keys::{self, Digest, Value, secret};
use crossdock_adapter::{Context, Draft, Edit, Fault, encode, time};
use serde::Deserialize;

/// Secrets of the manifest.
const SECRET: &str = "app-secret";
const SESSION: &str = "session";

/// How requests are signed.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    #[default]
    Md5,
    Hmac,
    HmacSha256,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Hmac => "hmac",
            Self::HmacSha256 => "hmac-sha256",
        }
    }
}

pub fn sign(ctx: &Context, draft: &Draft) -> Result<Vec<Edit>, Fault> {
    let settings: Settings = ctx.read_settings()?;
    let method = settings.sign_method;
    let timestamp = time::date_time(ctx.now_ms, 8);
    let form = encode::form_fields(draft.body.text());
    let mut pairs: Vec<(&str, Value)> = draft
        .query
        .iter()
        .chain(&form)
        .map(|(name, value)| (name.as_str(), value.into()))
        .collect();
    pairs.extend([
        ("timestamp", (&timestamp).into()),
        ("sign_method", method.name().into()),
        ("session", Value::Secret(SESSION)),
    ]);
    let hmac = |digest, pairs| keys::hmac(digest, &[secret(SECRET)], keys::sorted(pairs, "", ""));
    let signature = match method {
        Method::Md5 => keys::md5(&keys::wrapped(SECRET, pairs))?,
        Method::Hmac => hmac(Digest::Md5, pairs)?,
        Method::HmacSha256 => hmac(Digest::Sha256, pairs)?,
    };
    Ok(vec![
        Edit::SetQuery(("timestamp".into(), timestamp)),
        Edit::SetQuery(("sign_method".into(), method.name().into())),
        Edit::SecretQuery(("session".into(), SESSION.into())),
        Edit::SetQuery(("sign".into(), signature.hex_upper())),
    ])
}
