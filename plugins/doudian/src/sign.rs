//! The signature, version 2: over `app_key`, `method`, `param_json`,
//! `timestamp` and `v` and nothing else, in front and behind the app's secret,
//! which is also the key of the HMAC.

use crate::settings::{Settings, SignMethod, TimeFormat};
use crossdock_adapter::keys::{self, Chunk, Digest, Value};
use crossdock_adapter::{Body, Context, Draft, Edit, Fault, Pair, time};

/// Secrets of the manifest.
pub const APP_SECRET: &str = "app_secret";
const ACCESS_TOKEN: &str = "access_token";

/// Query pairs that are signed; `sign_method` is not.
const SIGNED: [&str; 3] = ["app_key", "method", "v"];

/// The body's name in the signature.
const PARAM_JSON: &str = "param_json";

/// The platform's time zone, hours east of Greenwich.
const ZONE: i8 = 8;

pub fn sign(ctx: &Context, draft: &Draft) -> Result<Vec<Edit>, Fault> {
    let param_json = match &draft.body {
        Body::Text(text) => text,
        _ => "{}",
    };
    let signed = signed(ctx, draft, &[keys::text(param_json)])?;
    let [timestamp, sign] = signed.pairs();
    Ok(vec![
        Edit::SetQuery(timestamp),
        Edit::SetQuery(sign),
        Edit::SecretQuery(("access_token".into(), ACCESS_TOKEN.into())),
    ])
}

/// The time and the signature of a request.
pub struct Signed {
    timestamp: String,
    sign: String,
}

impl Signed {
    /// The query pairs that say them.
    pub fn pairs(self) -> [Pair; 2] {
        [
            ("timestamp".into(), self.timestamp),
            ("sign".into(), self.sign),
        ]
    }
}

/// Signs a request whose `param_json` is these chunks: a secret may be in it.
pub fn signed(ctx: &Context, draft: &Draft, param_json: &[Chunk]) -> Result<Signed, Fault> {
    let settings: Settings = ctx.read_settings()?;
    let timestamp = match settings.time_format {
        TimeFormat::DateTime => time::date_time(ctx.now_ms, ZONE),
        TimeFormat::Unix => (ctx.now_ms / 1000).to_string(),
    };
    // Sorted, `param_json` stands between `method` and `timestamp`.
    let mut before: Vec<(&str, Value)> = Vec::new();
    let mut after: Vec<(&str, Value)> = vec![("timestamp", (&timestamp).into())];
    for (name, value) in &draft.query {
        if SIGNED.contains(&name.as_str()) {
            let side = match name.as_str() < PARAM_JSON {
                true => &mut before,
                false => &mut after,
            };
            side.push((name, value.into()));
        }
    }
    let mut message = vec![keys::secret(APP_SECRET)];
    message.extend(keys::sorted(before, "", ""));
    message.push(keys::text(PARAM_JSON));
    message.extend_from_slice(param_json);
    message.extend(keys::sorted(after, "", ""));
    message.push(keys::secret(APP_SECRET));
    let signature = match settings.sign_method {
        SignMethod::HmacSha256 => keys::hmac(Digest::Sha256, &[keys::secret(APP_SECRET)], message)?,
        SignMethod::Md5 => keys::md5(&message)?,
    };
    Ok(Signed {
        timestamp,
        sign: signature.hex(),
    })
}
