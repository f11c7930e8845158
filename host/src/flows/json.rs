//! Places in JSON: a pointer looked up, a value put in its place.

use serde_json::{Map, Value};

/// The steps of an RFC 6901 pointer.
fn tokens(pointer: &str) -> impl Iterator<Item = String> {
    let tokens = pointer.split('/').skip(1);
    tokens.map(|token| token.replace("~1", "/").replace("~0", "~"))
}

/// Puts a value where a pointer leads, making the objects on the way. False if
/// something else is in its way.
pub(super) fn put(into: &mut Value, pointer: &str, value: Value) -> bool {
    let mut here = into;
    for token in tokens(pointer) {
        if here.is_null() {
            *here = Value::Object(Map::new());
        }
        here = match here {
            Value::Object(members) => members.entry(token).or_insert(Value::Null),
            Value::Array(elements) => {
                let index = token.parse::<usize>().ok();
                match index.and_then(|index| elements.get_mut(index)) {
                    Some(element) => element,
                    None => return false,
                }
            }
            _ => return false,
        };
    }
    *here = value;
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_is_put_where_a_pointer_leads() {
        let mut value = json!({"a": [1, {"b": 2}]});
        assert!(put(&mut value, "/a/1/b", json!(3)));
        assert!(put(&mut value, "/new/x~1y", json!(4)));
        assert_eq!(value, json!({"a": [1, {"b": 3}], "new": {"x/y": 4}}));
        assert!(!put(&mut value, "/a/7", json!(0)));
        assert!(!put(&mut value, "/new/x~1y/z", json!(0)));
        assert!(put(&mut value, "", json!(null)) && value.is_null());
    }
}
