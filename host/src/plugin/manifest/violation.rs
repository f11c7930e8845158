//! What is wrong with a manifest, in a sentence: where, what, and which word was
//! probably meant.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use crate::config::did_you_mean;
use crate::text::{one_line, pointer_part, quoted, shorten};

/// Characters of a violation that are told: it quotes what is wrong.
const VIOLATION_CHARS: usize = 300;

/// The types of JSON Schema.
const TYPES: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

/// One thing that is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// RFC 6901 pointer into the manifest, to what an author looks for: a member
    /// that does not belong there, or what lacks one.
    pub pointer: String,
    /// `` at `/operations/0`: … ``, on one line.
    pub sentence: String,
    /// The member that is missing, if that is what is wrong.
    pub missing: Option<String>,
}

/// What is wrong, and where.
pub(super) fn violation(error: &ValidationError<'_>, schema: &Value) -> Violation {
    let pointer = error.instance_path().to_string();
    let at = match pointer.as_str() {
        "" => "at its top".to_owned(),
        pointer => format!("at `{pointer}`"),
    };
    let mut said = one_line(&what(error, &pointer, schema));
    shorten(&mut said, VIOLATION_CHARS);
    let sentence = format!("{at}: {said}");
    let mut missing = None;
    let pointer = match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => match unexpected.first() {
            Some(name) => format!("{pointer}/{}", pointer_part(name)),
            None => pointer,
        },
        ValidationErrorKind::Required { property } => {
            missing = property.as_str().map(str::to_owned);
            pointer
        }
        _ => pointer,
    };
    Violation {
        pointer,
        sentence,
        missing,
    }
}

fn what(error: &ValidationError<'_>, pointer: &str, schema: &Value) -> String {
    let known = |pointer: &str| members(schema, pointer);
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = known(pointer);
            let names = known.iter().map(|name| &**name);
            let first = unexpected.first().map_or("", String::as_str);
            let meant = did_you_mean(first, names, "what may be there is");
            let are = if unexpected.len() == 1 {
                "is not a member that a manifest has here"
            } else {
                "are not members that a manifest has here"
            };
            format!("{} {are}; {meant}", quoted(unexpected, ", "))
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            format!("`{name}` is missing")
        }
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
            let options: Vec<&str> = options.iter().filter_map(Value::as_str).collect();
            match error.instance().as_str() {
                Some(typed) if !options.is_empty() => {
                    let meant = did_you_mean(typed, options.iter().copied(), "it may be");
                    format!("`{typed}` is none of the words that may be here; {meant}")
                }
                _ => error.to_string(),
            }
        }
        ValidationErrorKind::AnyOf { .. } if pointer.ends_with("/type") => {
            match error.instance().as_str() {
                Some(typed) => {
                    let meant = did_you_mean(typed, TYPES, "the types are");
                    format!("`{typed}` is no type of JSON Schema; {meant}")
                }
                None => error.to_string(),
            }
        }
        _ => error.to_string(),
    }
}

/// The members that the manifest's schema knows at a place of the manifest.
fn members(schema: &Value, pointer: &str) -> Vec<String> {
    let mut place = resolved(schema, schema);
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        let below = match part.parse::<usize>() {
            Ok(_) => place.get("items"),
            Err(_) => place.get("properties").and_then(|known| known.get(&part)),
        };
        match below {
            Some(below) => place = resolved(schema, below),
            None => return Vec::new(),
        }
    }
    let known = place.get("properties").and_then(Value::as_object);
    known.map_or_else(Vec::new, |known| known.keys().cloned().collect())
}

/// A schema, or the one that it refers to.
fn resolved<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let target = schema.get("$ref").and_then(Value::as_str);
    let target = target.and_then(|target| root.pointer(target.strip_prefix('#')?));
    target.unwrap_or(schema)
}
