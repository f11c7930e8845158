//! `/{tenant_id}/invc/…`: paths, and the headers that every call carries.

use crate::settings::Settings;
use crossdock_adapter::encode::segment;
use crossdock_adapter::{Body, Draft, Fault};

/// The path of a call: `call` is encoded already.
pub fn path(settings: &Settings, call: &str) -> Result<String, Fault> {
    let tenant = segment("/tenant_id", &settings.tenant_id).map_err(|fault| match fault {
        Fault::InvalidInput(detail) => Fault::InvalidSettings(detail),
        other => other,
    })?;
    Ok(format!("/{tenant}/invc/{call}"))
}

/// A call without query and body. The platform's clients send both headers
/// even where there is no body.
pub fn draft(method: &str, path: String) -> Draft {
    Draft::new(method, path)
        .with_header("content-type", "application/json;charset=UTF-8")
        .with_header("accept", "application/json")
}

/// The same with a body that is JSON already.
pub fn with_body(mut draft: Draft, json: String) -> Draft {
    draft.body = Body::Text(json);
    draft
}
