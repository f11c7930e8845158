//! Whether a schema lets a document have something at a place. Where it does not
//! say, it may: adapters describe what they know of an answer, and platforms add to
//! it.

use serde_json::{Map, Value};

/// References that are followed one after the other.
const MOST_REFERENCES: usize = 32;

/// What a schema says of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Something may be there.
    May,
    /// Nothing can be there.
    Never {
        /// The part of the pointer behind which nothing can be.
        at: String,
        /// The members that could stand there in its place, if these are known.
        known: Vec<String>,
    },
    /// Something may be there, and it is no array.
    NoArray,
}

/// Whether a document of this schema may have something where the pointer leads, and
/// an array if that is wanted.
pub fn reach(schema: &Value, pointer: &str, wants_array: bool) -> Reach {
    let mut here = schema;
    let mut at = String::new();
    for token in pointer.split('/').skip(1) {
        at.push('/');
        at.push_str(token);
        let name = token.replace("~1", "/").replace("~0", "~");
        let Some(members) = plain(schema, here) else {
            return Reach::May;
        };
        let next = match of_type(members) {
            Some("object") => match member(members, &name) {
                Ok(next) => next,
                Err(known) => return Reach::Never { at, known },
            },
            Some("array") if name.bytes().all(|byte| byte.is_ascii_digit()) => members.get("items"),
            Some(_) => {
                return Reach::Never {
                    at,
                    known: Vec::new(),
                };
            }
            // It may be of several.
            None => return Reach::May,
        };
        match next {
            Some(next) => here = next,
            None => return Reach::May,
        }
    }
    let ends = plain(schema, here).and_then(of_type);
    match wants_array && ends.is_some_and(|ends| ends != "array") {
        true => Reach::NoArray,
        false => Reach::May,
    }
}

/// A schema's members, behind its references; nothing where it is put together of
/// others, so that what it says is not in one place.
fn plain<'s>(root: &'s Value, schema: &'s Value) -> Option<&'s Map<String, Value>> {
    let mut members = schema.as_object()?;
    for _ in 0..MOST_REFERENCES {
        let together = ["allOf", "anyOf", "oneOf", "if", "not", "$dynamicRef"];
        if together.iter().any(|key| members.contains_key(*key)) {
            return None;
        }
        let Some(reference) = members.get("$ref") else {
            return Some(members);
        };
        let inside = reference.as_str()?.strip_prefix('#')?;
        members = root.pointer(inside)?.as_object()?;
    }
    None
}

/// The one type of a schema, if it says one.
fn of_type(members: &Map<String, Value>) -> Option<&str> {
    members.get("type")?.as_str()
}

/// The schema of a member; nothing where it may be anything. Refused with the
/// members that there are, where it cannot be there.
fn member<'s>(
    members: &'s Map<String, Value>,
    name: &str,
) -> Result<Option<&'s Value>, Vec<String>> {
    let properties = members.get("properties").and_then(Value::as_object);
    if let Some(found) = properties.and_then(|properties| properties.get(name)) {
        return Ok(Some(found));
    }
    let open = members.contains_key("patternProperties");
    match members.get("additionalProperties") {
        Some(Value::Bool(false)) if !open => {
            let known = properties.into_iter().flat_map(Map::keys);
            Err(known.cloned().collect())
        }
        Some(more) if !open => Ok(Some(more)),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "ids": {"type": "array", "items": {"$ref": "#/$defs/id"}},
                "position": {"type": "integer"},
                "a/b": {"type": "object"},
                "more": {"type": "object", "additionalProperties": {"type": "array"}},
                "either": {"anyOf": [{"type": "string"}, {"type": "object"}]},
                "any": true,
            },
            "$defs": {"id": {"type": "integer"}, "loop": {"$ref": "#/$defs/loop"}},
        })
    }

    #[test]
    fn what_a_schema_rules_out_is_never_there() {
        let of = |pointer| reach(&schema(), pointer, false);
        for pointer in [
            "",
            "/ids",
            "/ids/0",
            "/position",
            "/a~1b/anything",
            "/more/x",
            "/either/x",
            "/any/x/y",
        ] {
            assert_eq!(of(pointer), Reach::May, "{pointer}");
        }
        let Reach::Never { at, known } = of("/id_list/0") else {
            panic!("there is no such member");
        };
        assert_eq!(at, "/id_list");
        assert!(known.contains(&"ids".to_owned()), "{known:?}");
        for (pointer, at) in [
            ("/position/x", "/position/x"),
            ("/ids/first", "/ids/first"),
            ("/ids/0/x", "/ids/0/x"),
        ] {
            let never = Reach::Never {
                at: at.to_owned(),
                known: Vec::new(),
            };
            assert_eq!(of(pointer), never, "{pointer}");
        }
    }

    #[test]
    fn an_array_is_wanted_where_the_schema_has_one() {
        let of = |pointer| reach(&schema(), pointer, true);
        for pointer in ["/ids", "/more/x", "/either", "/any"] {
            assert_eq!(of(pointer), Reach::May, "{pointer}");
        }
        for pointer in ["", "/position", "/a~1b", "/ids/0"] {
            assert_eq!(of(pointer), Reach::NoArray, "{pointer}");
        }
    }

    #[test]
    fn a_schema_that_leads_nowhere_says_nothing() {
        for schema in [
            json!(true),
            json!({}),
            json!({"$ref": "#/$defs/loop", "$defs": {"loop": {"$ref": "#/$defs/loop"}}}),
            json!({"$ref": "#/nowhere"}),
            json!({"$ref": "https://example.com/schema"}),
        ] {
            assert_eq!(reach(&schema, "/a/b", true), Reach::May, "{schema}");
        }
    }
}
