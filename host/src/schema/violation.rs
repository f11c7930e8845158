//! What is wrong with a document, for its sender and for the log.

use std::fmt;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use crate::text::{first_of, pointer_part, shorten};

/// Characters of a violation's text: it quotes the value.
const CHARS: usize = 300;

/// Bytes that are written to be cut to that.
const WRITTEN_BYTES: usize = CHARS * 4;

/// Bytes of a pointer.
const POINTER_BYTES: usize = 512;

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// RFC 6901 pointer to what a person would look at: the missing or surplus
    /// field itself, not the object around it.
    pub pointer: String,
    /// One sentence that quotes the value, for whoever sent it.
    pub message: String,
    /// The same with the value's type and length, for the log.
    pub masked: String,
}

impl Violation {
    pub(super) fn new(error: &ValidationError<'_>) -> Self {
        let mut pointer = error.instance_path().to_string();
        let mut name = |field: &str| {
            pointer.push('/');
            pointer.push_str(&pointer_part(field));
        };
        match error.kind() {
            ValidationErrorKind::Required { property } => {
                if let Some(field) = property.as_str() {
                    name(field);
                }
            }
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                if let Some(field) = unexpected.first() {
                    name(field);
                }
            }
            _ => {}
        }
        crate::text::truncate(&mut pointer, POINTER_BYTES);
        Self {
            pointer,
            message: quoted(error),
            masked: masked(error),
        }
    }

    /// It does not fit, and saying why took too long.
    pub(super) fn unexplained() -> Self {
        let message = "it does not fit the adapter's schema; saying where takes too many steps";
        Self {
            pointer: String::new(),
            message: message.into(),
            masked: message.into(),
        }
    }
}

/// The library's sentence. It writes the whole value, which may have megabytes.
fn quoted(error: &ValidationError<'_>) -> String {
    match error.kind() {
        // Names of the record, all of them.
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let names = unexpected.iter().map(|name| {
                let mut name = name.clone();
                shorten(&mut name, 60);
                format!("'{name}'")
            });
            let (mut list, more) = first_of(names, 5);
            if more > 0 {
                list.push_str(", …");
            }
            let were = if unexpected.len() == 1 { "was" } else { "were" };
            format!("Additional properties are not allowed ({list} {were} unexpected)")
        }
        _ => written(error),
    }
}

/// Without anything that is in the record.
fn masked(error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            format!("{} additional properties are not allowed", unexpected.len())
        }
        ValidationErrorKind::PropertyNames { .. } => "a property's name is not allowed".into(),
        _ => written(error.masked_with(kind_of(error.instance()))),
    }
}

/// Writes no more than will be shown: a value, or a schema's list of values,
/// may have megabytes.
fn written(what: impl fmt::Display) -> String {
    struct Start(String);
    impl fmt::Write for Start {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0
                .push_str(&text[..text.floor_char_boundary(WRITTEN_BYTES)]);
            match self.0.len() <= WRITTEN_BYTES {
                true => Ok(()),
                false => Err(fmt::Error),
            }
        }
    }
    let mut start = Start(String::new());
    // An error means that there is enough.
    let _ = fmt::write(&mut start, format_args!("{what}"));
    shorten(&mut start.0, CHARS);
    start.0
}

/// A value's type and length.
fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "a boolean".into(),
        Value::Number(number) => format!("a number of {} characters", number.as_str().len()),
        Value::String(text) => format!("a string of {} characters", text.chars().count()),
        Value::Array(list) => format!("an array of {} elements", list.len()),
        Value::Object(members) => format!("an object of {} members", members.len()),
    }
}
