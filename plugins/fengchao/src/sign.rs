//! The signature: MD5 over every field that is sent, sorted by name, in front
//! and behind the app's secret. It travels in the form, as the time does, so
//! the form is written here.

use crate::settings::{Settings, Transport};
use crossdock_adapter::encode;
use crossdock_adapter::keys::{self, Value};
use crossdock_adapter::{Body, Context, Draft, Edit, Fault};

/// The secret of the manifest.
const APP_SECRET: &str = "app_secret";

pub fn sign(ctx: &Context, draft: &Draft) -> Result<Vec<Edit>, Fault> {
    let settings: Settings = ctx.read_settings()?;
    let mut fields = encode::form_fields(draft.body.text());
    fields.push(("timestamp".into(), (ctx.now_ms / 1000).to_string()));
    let pairs = fields
        .iter()
        .map(|(name, value)| (name.as_str(), Value::from(value)))
        .collect();
    let signature = keys::md5(&keys::wrapped(APP_SECRET, pairs))?.hex();
    fields.push(("sign".into(), signature));
    Ok(match settings.transport {
        Transport::Urlencoded => vec![Edit::ReplaceBody(Body::Text(encode::form(&fields)))],
        Transport::Multipart => {
            // New for every attempt, and in no field.
            let boundary = format!("crossdock-{}", ctx.nonce);
            let body = encode::multipart(&boundary, &fields);
            let content_type = format!("multipart/form-data; boundary={boundary}");
            vec![
                Edit::SetHeader(("content-type".into(), content_type)),
                Edit::ReplaceBody(Body::Text(body)),
            ]
        }
    })
}
