//! One field of an example that came out otherwise.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::compare;

/// Characters of a value that are shown around the place where it differs.
const SHOWN: usize = 160;

/// Characters shown before that place.
const BEFORE: usize = 40;

/// What is said after a file that an example lacks.
pub(crate) const WRITE_IT: &str =
    ": write it, or look at what `crossdock plugin test --bless` writes";

/// One field of an example that came out otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `map`, `sign` or `parse-response`.
    pub step: &'static str,
    /// `request 0`, `reply 1`, `the request after reply 1`; empty for the
    /// example as a whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// ``query `sign` ``, ``body at /items/0``, `items`, …
    pub what: String,
    /// What the example says; nothing where it does not have this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What came; nothing where nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub came: Option<String>,
    /// The file that would say it, of an example that was not written to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lacks: Option<String>,
}

impl Difference {
    /// The difference in a field of some place. Long values are shown around
    /// where they differ.
    pub(super) fn new(
        what: impl Into<String>,
        expected: Option<String>,
        came: Option<String>,
    ) -> Self {
        let (expected, came) = match (expected, came) {
            (Some(expected), Some(came)) => {
                let (expected, came) = around(&expected, &came);
                (Some(expected), Some(came))
            }
            (expected, came) => (expected.map(cut), came.map(cut)),
        };
        Self {
            step: "",
            place: String::new(),
            what: what.into(),
            expected,
            came,
            lacks: None,
        }
    }

    /// The same of an example in which the file that would say it is missing.
    pub(super) fn lacking(self, file: String) -> Self {
        Self {
            lacks: Some(file),
            ..self
        }
    }

    /// The same of a step.
    pub(super) fn at(self, step: &'static str, place: &str) -> Self {
        Self {
            step,
            place: place.to_owned(),
            ..self
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        let what = &self.what;
        if let (Some(file), Some(came)) = (&self.lacks, &self.came) {
            return write!(
                f,
                "{what} is {came}, and the example has no {file} for it{WRITE_IT}"
            );
        }
        match (&self.expected, &self.came) {
            (Some(expected), Some(came)) => write!(f, "{what} should be {expected}, is {came}"),
            (Some(expected), None) => write!(f, "{what} should be {expected}, is not there"),
            (None, Some(came)) => write!(f, "{what} should not be there, is {came}"),
            (None, None) => write!(f, "{what}"),
        }
    }
}

/// Two texts, where they differ marked by what is around it.
fn around(expected: &str, came: &str) -> (String, String) {
    let same = expected
        .chars()
        .zip(came.chars())
        .take_while(|(one, other)| one == other)
        .count();
    let from = match expected.chars().count().max(came.chars().count()) > SHOWN {
        true => same.saturating_sub(BEFORE),
        false => 0,
    };
    let window = |text: &str| {
        let rest: String = text.chars().skip(from).collect();
        let start = if from > 0 { "…" } else { "" };
        format!("{start}{}", cut(rest))
    };
    (window(expected), window(came))
}

fn cut(mut text: String) -> String {
    crate::text::shorten(&mut text, SHOWN);
    text
}

/// A value as it is shown: a text in JSON's quotes, so that blanks and line ends
/// are seen.
pub(super) fn shown(text: &str) -> String {
    Value::from(text).to_string()
}

/// Where two JSON values differ, one difference for each place.
pub(super) fn json(what: &str, expected: &Value, came: &Value) -> Vec<Difference> {
    let found = compare::differences(expected, came).into_iter();
    found
        .map(|one| {
            let what = match one.pointer.as_str() {
                "" => what.to_owned(),
                pointer => format!("{what} at {pointer}"),
            };
            let text = |value: Option<Value>| value.map(|value| value.to_string());
            Difference::new(what, text(one.old), text(one.new))
        })
        .collect()
}

/// Two texts that differ: line by line where they have several, and value by
/// value where both are JSON.
pub(super) fn texts(what: &str, expected: &str, came: &str) -> Vec<Difference> {
    let value = |text: &str| serde_json::from_str::<Value>(text).ok();
    if let (Some(one), Some(other)) = (value(expected), value(came)) {
        let found = json(what, &one, &other);
        if !found.is_empty() {
            return found;
        }
        // The same values in other bytes: blanks, or the order of members.
        let what = format!("{what}, the same JSON in other bytes,");
        return vec![Difference::new(
            what,
            Some(shown(expected)),
            Some(shown(came)),
        )];
    }
    if let (Some(one), Some(other)) = (form(expected), form(came)) {
        let found = pairs(what, &one, &other, |one, other| one == other);
        if !found.is_empty() {
            return found;
        }
    }
    if expected.lines().count() > 1 || came.lines().count() > 1 {
        let (mut wanted, mut lines) = (expected.lines(), came.lines());
        for number in 1.. {
            let (one, other) = (wanted.next(), lines.next());
            if one != other {
                let what = format!("{what}, line {number},");
                return vec![Difference::new(what, one.map(shown), other.map(shown))];
            }
            if one.is_none() {
                break;
            }
        }
    }
    vec![Difference::new(
        what,
        Some(shown(expected)),
        Some(shown(came)),
    )]
}

/// The fields of a form, as they are encoded; nothing where the text is none.
fn form(text: &str) -> Option<Vec<(String, String)>> {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '{' | '<' | '"');
    if !text.contains('=') || !text.chars().all(plain) {
        return None;
    }
    let fields = text.split('&').map(|field| {
        let (name, value) = field.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    fields.collect()
}

/// Where two lists of pairs differ: a value, a pair that lacks, one too many,
/// or only their order.
pub(super) fn pairs(
    what: &str,
    expected: &[(String, String)],
    came: &[(String, String)],
    same: fn(&str, &str) -> bool,
) -> Vec<Difference> {
    if expected == came {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut taken = vec![false; came.len()];
    for (name, value) in expected {
        let place = came
            .iter()
            .enumerate()
            .position(|(index, (other, _))| !taken[index] && same(other, name));
        let field = format!("{what} `{name}`");
        match place {
            None => found.push(Difference::new(field, Some(shown(value)), None)),
            Some(index) => {
                taken[index] = true;
                let (other_name, other) = &came[index];
                if other != value {
                    found.push(Difference::new(
                        field,
                        Some(shown(value)),
                        Some(shown(other)),
                    ));
                } else if other_name != name {
                    let what = format!("the spelling of {what} `{name}`");
                    found.push(Difference::new(
                        what,
                        Some(shown(name)),
                        Some(shown(other_name)),
                    ));
                }
            }
        }
    }
    for ((name, value), _) in came.iter().zip(&taken).filter(|(_, taken)| !**taken) {
        let field = format!("{what} `{name}`");
        found.push(Difference::new(field, None, Some(shown(value))));
    }
    if found.is_empty() {
        let order = |pairs: &[(String, String)]| {
            let names: Vec<&str> = pairs.iter().map(|(name, _)| &**name).collect();
            names.join(", ")
        };
        found.push(Difference::new(
            format!("the order of {what}"),
            Some(order(expected)),
            Some(order(came)),
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(found: &[Difference]) -> Vec<String> {
        found.iter().map(ToString::to_string).collect()
    }

    fn list(text: &str) -> Vec<(String, String)> {
        form(text).expect("pairs")
    }

    #[test]
    fn each_pair_is_told_by_its_name() {
        let same = |one: &str, other: &str| one == other;
        let between = |one, other| said(&pairs("query", &list(one), &list(other), same));
        assert_eq!(between("a=1&b=2", "a=1&b=2"), [""; 0]);
        assert_eq!(
            between("a=1&sign=x&gone=1", "a=1&sign=y&new=2"),
            [
                r#"query `sign` should be "x", is "y""#,
                r#"query `gone` should be "1", is not there"#,
                r#"query `new` should not be there, is "2""#,
            ]
        );
        assert_eq!(
            between("a=1&b=2", "b=2&a=1"),
            ["the order of query should be a, b, is b, a"]
        );
        assert_eq!(
            between("a=1&a=2", "a=1"),
            [r#"query `a` should be "2", is not there"#]
        );
    }

    #[test]
    fn a_body_is_told_value_by_value_field_by_field_or_line_by_line() {
        let between = |one: &str, other: &str| said(&texts("body", one, other));
        assert_eq!(
            between(r#"{"a":[1,2.0]}"#, r#"{"a":[1,2]}"#),
            ["body at /a/1 should be 2.0, is 2"]
        );
        assert!(between(r#"{"a":1}"#, r#"{"a": 1}"#)[0].contains("the same JSON in other bytes"));
        assert_eq!(
            between("a=1&sign=x", "a=1&sign=y"),
            [r#"body `sign` should be "x", is "y""#]
        );
        assert_eq!(
            between("one\ntwo", "one\nzwei\n"),
            [r#"body, line 2, should be "two", is "zwei""#]
        );
        assert_eq!(between("x", "y"), [r#"body should be "x", is "y""#]);
    }

    #[test]
    fn a_request_that_is_not_written_yet_is_one_sentence() {
        let came = Some("GET /a".to_owned());
        let found = Difference::new("request 0", None, came).lacking("request.http".into());
        assert_eq!(
            found.at("map", "").to_string(),
            "request 0 is GET /a, and the example has no request.http for it: write it, or look at what `crossdock plugin \
             test --bless` writes"
        );
    }

    #[test]
    fn a_long_value_is_shown_where_it_differs() {
        let one = format!("{}1{}", "a".repeat(500), "b".repeat(500));
        let other = format!("{}2{}", "a".repeat(500), "b".repeat(500));
        let found = &texts("body", &one, &other)[0];
        let expected = found.expected.as_deref().expect("one");
        assert!(expected.contains("a1b"), "{expected}");
        assert!(expected.chars().count() < 2 * SHOWN);
    }
}
