//! One call: a method's name in the query, its positional arguments as the
//! body, and what authenticates it.

use crate::settings::Settings;
use crossdock_adapter::keys::{self, Value};
use crossdock_adapter::{Context, Draft, Edit, Fault};

/// Secrets of the manifest: the two halves of the appsecret.
const SECRET: &str = "secret";
const SALT: &str = "salt";

/// The API's version.
const VERSION: &str = "1.0";

/// The platform counts seconds from 2012-01-01 00:00:00 +08:00.
const EPOCH: i64 = 1_325_347_200;

/// A request whose body is the JSON array of the method's arguments. The text
/// that is signed is the text that is sent.
pub fn draft(settings: &Settings, method: &str, arguments: String) -> Draft {
    Draft::post(&*settings.path)
        .with_query("sid", &*settings.sid)
        .with_query("key", &*settings.key)
        .with_query("method", method)
        .with_query("v", VERSION)
        .json_body(arguments)
}

/// Signs everything that is sent: the query, salt and time included, and the
/// body as a member of its own.
pub fn sign(ctx: &Context, draft: &Draft) -> Result<Vec<Edit>, Fault> {
    // A u64 of milliseconds fits an i64 of seconds.
    let timestamp = ((ctx.now_ms / 1000) as i64 - EPOCH).to_string();
    let mut pairs: Vec<(&str, Value)> = draft
        .query
        .iter()
        .map(|(name, value)| (name.as_str(), value.into()))
        .collect();
    pairs.extend([
        ("body", draft.body.text().into()),
        ("salt", Value::Secret(SALT)),
        ("timestamp", (&timestamp).into()),
    ]);
    let signature = keys::md5(&keys::wrapped(SECRET, pairs))?.hex();
    Ok(vec![
        Edit::SecretQuery(("salt".into(), SALT.into())),
        Edit::SetQuery(("timestamp".into(), timestamp)),
        Edit::SetQuery(("sign".into(), signature)),
    ])
}
