//! `/{tenant_id}/invc/…`: paths, their encoded segments, and the headers that
//! every call carries.

use crate::settings::Settings;
use crossdock_adapter::{Body, Draft, Fault, encode};

/// One segment of a path from data, percent-encoded. `.` and `..` are no
/// names: whoever normalises the path would take them for folders.
pub fn segment(pointer: &str, text: &str) -> Result<String, Fault> {
    match text {
        "" | "." | ".." => Err(Fault::invalid_input(
            pointer,
            format!("{text:?} cannot be part of a path"),
        )),
        text => Ok(encode::percent(text)),
    }
}

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

/// The text of an encoded segment; `None` if it is not well encoded UTF-8.
pub fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_survives_encoding_and_decoding() {
        for (text, encoded) in [
            ("A 1/门店", "A%201%2F%E9%97%A8%E5%BA%97"),
            ("100%", "100%25"),
            ("a?b#c&d=e", "a%3Fb%23c%26d%3De"),
        ] {
            assert_eq!(segment("/id", text).as_deref(), Ok(encoded));
            assert_eq!(decoded(encoded).as_deref(), Some(text));
        }
    }

    #[test]
    fn folders_are_no_names() {
        for text in ["", ".", ".."] {
            assert!(matches!(
                segment("/location", text),
                Err(Fault::InvalidInput(detail)) if detail.pointer == "/location"
            ));
        }
    }

    #[test]
    fn what_is_not_encoded_well_is_nothing() {
        for text in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }
}
