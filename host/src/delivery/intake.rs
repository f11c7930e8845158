//! A call's body to items.

use serde_json::value::RawValue;

use crate::json_failure;
use crate::problem::Problem;

/// The items of a body: an array's elements, or the one object.
pub fn items(body: &[u8], most: usize) -> Result<Vec<&RawValue>, Problem> {
    let text = std::str::from_utf8(body).map_err(|error| {
        Problem::caller(
            "invalid-json",
            format!("the body is not UTF-8 at byte {}", error.valid_up_to()),
        )
    })?;
    let start = text.trim_start_matches([' ', '\t', '\r', '\n']);
    let items: Vec<&RawValue> = match start.as_bytes().first() {
        Some(b'[') => serde_json::from_str(text).map_err(not_json)?,
        Some(b'{') => vec![serde_json::from_str(text).map_err(not_json)?],
        None => {
            return Err(Problem::caller(
                "invalid-json",
                "the body is empty; send a JSON object or an array of objects",
            ));
        }
        Some(_) => {
            // Whether it is JSON at all decides which of two sentences helps.
            serde_json::from_str::<&RawValue>(text).map_err(not_json)?;
            return Err(Problem::caller(
                "invalid-json",
                "the body must be a JSON object or an array of objects",
            ));
        }
    };
    if items.is_empty() {
        return Err(Problem::caller(
            "no-items",
            "the array is empty; there is nothing to deliver",
        ));
    }
    if items.len() > most {
        return Err(Problem::caller(
            "too-many-items",
            format!(
                "{} items in one call, `[limits] items_per_call` allows {most}",
                items.len()
            ),
        ));
    }
    if let Some(index) = items.iter().position(|item| !item.get().starts_with('{')) {
        return Err(
            Problem::caller("invalid-json", "an item must be a JSON object")
                .item(index)
                .at(format!("/{index}")),
        );
    }
    Ok(items)
}

fn not_json(error: serde_json::Error) -> Problem {
    let why = json_failure::sentence(&error);
    Problem::caller("invalid-json", format!("the body is not JSON: {why}"))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn code(body: &str) -> Cow<'static, str> {
        items(body.as_bytes(), 3).unwrap_err().code
    }

    #[test]
    fn an_object_is_one_item_and_keeps_its_bytes() {
        let found = items(b" {\"id\": 1234567890123456789} ", 3).unwrap();
        assert_eq!(found[0].get(), "{\"id\": 1234567890123456789}");
    }

    #[test]
    fn bad_bodies_are_told_apart() {
        assert_eq!(code(""), "invalid-json");
        assert_eq!(code("[{}"), "invalid-json");
        assert_eq!(code("42"), "invalid-json");
        assert_eq!(code("[]"), "no-items");
        assert_eq!(code("[{},{},{},{}]"), "too-many-items");
        let problem = items(b"[{},7]", 3).unwrap_err();
        assert_eq!(
            (problem.item, problem.pointer.as_deref()),
            (Some(1), Some("/1"))
        );
        assert!(items(b"[{}\xff]", 3).is_err());
    }
}
