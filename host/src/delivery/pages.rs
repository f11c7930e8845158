//! The pages of one query as one result.

use serde_json::{Map, Value};

/// Adds a page to what came before: arrays are joined, everything else is the
/// newer page's. Anything but two objects: the newer page.
pub fn merge(before: &str, page: &str) -> Result<String, serde_json::Error> {
    let before: Value = serde_json::from_str(before)?;
    let page: Value = serde_json::from_str(page)?;
    let merged = match (before, page) {
        (Value::Object(before), Value::Object(page)) => Value::Object(merge_objects(before, page)),
        (Value::Array(mut before), Value::Array(page)) => {
            before.extend(page);
            Value::Array(before)
        }
        (_, page) => page,
    };
    serde_json::to_string(&merged)
}

fn merge_objects(mut before: Map<String, Value>, page: Map<String, Value>) -> Map<String, Value> {
    for (key, value) in page {
        match (before.get_mut(&key), value) {
            (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
            (_, value) => {
                before.insert(key, value);
            }
        }
    }
    before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_joined_and_digits_kept() {
        let first = r#"{"total":3,"page":0,"brands":[{"id":1234567890123456789},{"id":2}]}"#;
        let second = r#"{"total":3,"page":1,"brands":[{"price":12.3400}]}"#;
        assert_eq!(
            merge(first, second).unwrap(),
            r#"{"total":3,"page":1,"brands":[{"id":1234567890123456789},{"id":2},{"price":12.3400}]}"#
        );
    }
}
