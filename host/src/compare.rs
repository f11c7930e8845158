//! Where two JSON values differ, number by number and digit by digit.

use serde::Serialize;
use serde_json::Value;

use crate::text::{pointer_part, shorten};

/// Differences that are told of one pair of values.
const MOST: usize = 50;

/// Characters of a value that a line shows.
const SHOWN: usize = 120;

/// One place at which two values differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// RFC 6901 pointer; empty for the values as a whole.
    pub pointer: String,
    /// What is there in the first; absent when nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// What is there in the second; absent when nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

/// Every place at which `new` differs from `old`, the first fifty. The order of
/// an object's members does not count; the spelling of a number does: `1.0` is
/// not `1`.
pub fn differences(old: &Value, new: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(Some(old), Some(new), &mut String::new(), &mut found);
    found
}

fn compare(
    old: Option<&Value>,
    new: Option<&Value>,
    pointer: &mut String,
    found: &mut Vec<Difference>,
) {
    if old == new || found.len() >= MOST {
        return;
    }
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                below(pointer, &pointer_part(key), |pointer| {
                    compare(old.get(key), new.get(key), pointer, found);
                });
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for index in 0..old.len().max(new.len()) {
                below(pointer, &index.to_string(), |pointer| {
                    compare(old.get(index), new.get(index), pointer, found);
                });
            }
        }
        _ => found.push(Difference {
            pointer: pointer.clone(),
            old: old.cloned(),
            new: new.cloned(),
        }),
    }
}

fn below(pointer: &mut String, part: &str, compare: impl FnOnce(&mut String)) {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(part);
    compare(pointer);
    pointer.truncate(length);
}

/// A value on one line, as long as a person reads it.
pub fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return "nothing".to_owned();
    };
    let mut text = value.to_string();
    shorten(&mut text, SHOWN);
    text
}

impl Difference {
    /// Three lines for people: where, what was there, what is.
    pub fn lines(&self) -> [String; 3] {
        let pointer = if self.pointer.is_empty() {
            "the whole value"
        } else {
            &self.pointer
        };
        [
            pointer.to_owned(),
            format!("- {}", shown(self.old.as_ref())),
            format!("+ {}", shown(self.new.as_ref())),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(old: &str, new: &str) -> Vec<String> {
        let value = |text: &str| serde_json::from_str(text).unwrap();
        differences(&value(old), &value(new))
            .iter()
            .map(|difference| difference.lines().join(" "))
            .collect()
    }

    #[test]
    fn each_difference_has_its_place() {
        assert_eq!(
            between(
                r#"{"a":1,"b":{"c/d":[1,2]},"gone":null}"#,
                r#"{"b":{"c/d":[1,3,4]},"a":1,"new":{"x":1}}"#
            ),
            [
                "/b/c~1d/1 - 2 + 3",
                "/b/c~1d/2 - nothing + 4",
                "/gone - null + nothing",
                "/new - nothing + {\"x\":1}",
            ]
        );
        assert_eq!(between("[1]", "{}"), ["the whole value - [1] + {}"]);
    }

    #[test]
    fn every_digit_counts_and_the_order_of_members_does_not() {
        assert_eq!(between("12.340", "12.34").len(), 1);
        assert_eq!(between("9007199254740993", "9007199254740992").len(), 1);
        assert_eq!(between("12.340", "12.340").len(), 0);
        assert_eq!(between(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#).len(), 0);
    }

    #[test]
    fn what_is_told_is_bounded() {
        let zeros = format!("[{}]", vec!["0"; 1000].join(","));
        let ones = format!("[{}]", vec!["1"; 1000].join(","));
        assert_eq!(between(&zeros, &ones).len(), MOST);
        assert!(shown(Some(&"x".repeat(1000).into())).len() < 200);
    }
}
