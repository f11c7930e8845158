//! What the module `crossdock` does with bytes, quicker than in JavaScript: a call
//! spends a sixth of its time on the hexadecimal digits of one signature
//! otherwise. Nothing is given of what is neither text nor bytes, or of text with
//! half a character in it: JavaScript decides then.

use crate::take;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rquickjs::{Ctx, Result, TypedArray, Value};

/// `hex(value)`: lower-case hexadecimal of bytes, or of text as UTF-8.
pub fn hex(value: Value<'_>) -> Option<String> {
    raw(&value).map(hex::encode)
}

/// `base64(value)`, with padding.
pub fn base64(value: Value<'_>) -> Option<String> {
    raw(&value).map(|bytes| STANDARD.encode(bytes))
}

/// `utf8(text)`: a Uint8Array.
pub fn utf8<'js>(ctx: Ctx<'js>, value: Value<'js>) -> Result<Option<TypedArray<'js, u8>>> {
    let text = value.as_string().and_then(|text| text.to_string().ok());
    text.map(|text| TypedArray::new_copy(ctx, text)).transpose()
}

/// `fromUtf8(bytes)`: text, of bytes that are UTF-8.
pub fn from_utf8(value: Value<'_>) -> Option<String> {
    bytes(&value).and_then(|bytes| String::from_utf8(bytes).ok())
}

fn raw(value: &Value<'_>) -> Option<Vec<u8>> {
    match value.as_string() {
        Some(text) => text.to_string().ok().map(String::into_bytes),
        None => bytes(value),
    }
}

fn bytes(value: &Value<'_>) -> Option<Vec<u8>> {
    value.as_object().and_then(take::bytes)
}
