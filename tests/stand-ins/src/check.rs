//! Testing JSON against the tables of a document.
//!
//! A table becomes a constant: a list of [`Field`]s, each with its [`Shape`].
//! Everything that does not fit is listed with a pointer; nothing stops at the
//! first finding, so a test sees all that is wrong with a request.

use serde::Serialize;
use serde_json::{Map, Number, Value};

use crate::decimal::Decimal;
use crate::time;

/// How many findings one request can have; a body of a million wrong rows
/// must not cost more than a few.
pub const MOST_VIOLATIONS: usize = 100;

/// What kind of rule was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Breach {
    Method,
    Path,
    ContentType,
    /// The body is not the JSON or form it is said to be.
    Syntax,
    /// Account, key, token or password.
    Credentials,
    Signature,
    Time,
    /// A mandatory field, parameter or header is absent.
    Missing,
    /// A field, parameter or header that no table and no example has.
    Unknown,
    Type,
    Length,
    Range,
    Enumeration,
    /// Too many rows.
    Limit,
    /// Bytes that should have been percent-encoded, sorted or compact.
    Encoding,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    pub breach: Breach,
    /// RFC 6901 pointer into the body, or `query/name`, `header/name`, `path`.
    pub pointer: String,
    pub message: String,
}

impl Violation {
    pub fn new(breach: Breach, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            breach,
            pointer: pointer.into(),
            message: message.into(),
        }
    }

    /// The field that is meant: the pointer's last segment that is no index.
    pub fn field(&self) -> &str {
        self.pointer
            .rsplit('/')
            .find(|segment| !segment.is_empty() && !segment.bytes().all(|b| b.is_ascii_digit()))
            .unwrap_or("")
    }
}

/// What a value must look like.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A string.
    Text,
    /// A string of at most so many characters.
    TextUpTo(usize),
    /// A string that is not empty: what identifies something.
    Filled,
    /// The same of at most so many characters.
    FilledUpTo(usize),
    /// A string of one of these.
    OneOf(&'static [&'static str]),
    /// A string `yyyy-MM-dd HH:mm:ss`.
    DateTime,
    /// A number without fraction and exponent that fits in 64 bits.
    Int,
    /// The same within bounds, both inclusive.
    IntIn(i64, i64),
    /// The same, one of these.
    IntAmong(&'static [i64]),
    /// A number without fraction, or a string of its digits.
    IntOrDigits,
    /// Any number without an exponent.
    Number,
    /// `Decimal(digits, fraction)`.
    Decimal(usize, usize),
    Bool,
    /// A boolean, or 0 or 1.
    BoolOrBit,
    Object(&'static [Field]),
    /// A list of any length.
    List(&'static Shape),
    /// A list of at most so many.
    ListUpTo(&'static Shape, usize),
    /// `null`, or this.
    Nullable(&'static Shape),
    /// One or the other: a field whose table and example disagree.
    Either(&'static Shape, &'static Shape),
    /// Anything: a field whose inside no source describes.
    Any,
}

/// A row of a document's table.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub shape: Shape,
    pub required: bool,
}

/// A row whose `必须` column says yes.
pub const fn required(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        required: true,
    }
}

/// A row whose `必须` column says no, or nothing.
pub const fn optional(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        required: false,
    }
}

/// All that is wrong with `value` as a document of `shape`. `at` is where the
/// value stands.
pub fn check(value: &Value, shape: Shape, at: &str) -> Vec<Violation> {
    let mut findings = Findings {
        list: Vec::new(),
        pointer: at.to_owned(),
    };
    findings.value(value, shape);
    findings.list
}

struct Findings {
    list: Vec<Violation>,
    pointer: String,
}

impl Findings {
    fn add(&mut self, breach: Breach, message: impl Into<String>) {
        if self.list.len() < MOST_VIOLATIONS {
            self.list
                .push(Violation::new(breach, self.pointer.clone(), message));
        }
    }

    fn within(&mut self, segment: &str, inside: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer
            .push_str(&segment.replace('~', "~0").replace('/', "~1"));
        inside(self);
        self.pointer.truncate(length);
    }

    fn wrong_type(&mut self, wanted: &str, value: &Value) {
        self.add(
            Breach::Type,
            format!("{} where the document has {wanted}", kind_of(value)),
        );
    }

    fn value(&mut self, value: &Value, shape: Shape) {
        if self.list.len() >= MOST_VIOLATIONS {
            return;
        }
        match shape {
            Shape::Text => match value {
                Value::String(_) => {}
                other => self.wrong_type("a string", other),
            },
            Shape::TextUpTo(most) => match value {
                Value::String(text) => {
                    let length = text.chars().count();
                    if length > most {
                        self.add(
                            Breach::Length,
                            format!("{length} characters where the document allows {most}"),
                        );
                    }
                }
                other => self.wrong_type("a string", other),
            },
            Shape::Filled | Shape::FilledUpTo(_) if value.as_str() == Some("") => {
                self.add(Breach::Missing, "an empty string identifies nothing");
            }
            Shape::Filled => self.value(value, Shape::Text),
            Shape::FilledUpTo(most) => self.value(value, Shape::TextUpTo(most)),
            Shape::OneOf(allowed) => match value {
                Value::String(text) if allowed.contains(&text.as_str()) => {}
                Value::String(_) => self.add(
                    Breach::Enumeration,
                    format!("not one of {}", allowed.join(", ")),
                ),
                other => self.wrong_type("a string", other),
            },
            Shape::DateTime => match value {
                Value::String(text) if time::parse_local(text).is_some() => {}
                Value::String(_) => {
                    self.add(Breach::Type, "not a time of the form yyyy-MM-dd HH:mm:ss")
                }
                other => self.wrong_type("a time as a string", other),
            },
            Shape::Int => {
                self.integer(value);
            }
            Shape::IntIn(least, most) => {
                if let Some(number) = self.integer(value)
                    && !(least..=most).contains(&number)
                {
                    self.add(
                        Breach::Range,
                        format!("{number} is not within {least} and {most}"),
                    );
                }
            }
            Shape::IntAmong(allowed) => {
                if let Some(number) = self.integer(value)
                    && !allowed.contains(&number)
                {
                    self.add(
                        Breach::Enumeration,
                        format!("{number} is not one of {allowed:?}"),
                    );
                }
            }
            Shape::IntOrDigits => match value {
                Value::String(text) if text.parse::<i64>().is_ok() => {}
                Value::String(_) => self.add(Breach::Type, "a string that is no whole number"),
                other => {
                    self.integer(other);
                }
            },
            Shape::Number => match value {
                Value::Number(number) => {
                    if Decimal::parse(number.as_str()).is_none() {
                        self.add(
                            Breach::Type,
                            "a number written with an exponent, or too long",
                        );
                    }
                }
                other => self.wrong_type("a number", other),
            },
            Shape::Decimal(digits, fraction) => match value {
                Value::Number(number) => self.decimal(number, digits, fraction),
                other => self.wrong_type("a decimal", other),
            },
            Shape::Bool => match value {
                Value::Bool(_) => {}
                other => self.wrong_type("a boolean", other),
            },
            Shape::BoolOrBit => match value {
                Value::Bool(_) => {}
                Value::Number(number) if matches!(number.as_str(), "0" | "1") => {}
                other => self.wrong_type("a boolean, 0 or 1", other),
            },
            Shape::Object(fields) => match value {
                Value::Object(members) => self.object(members, fields),
                other => self.wrong_type("an object", other),
            },
            Shape::List(of) => match value {
                Value::Array(rows) => self.rows(rows, *of),
                other => self.wrong_type("a list", other),
            },
            Shape::ListUpTo(of, most) => match value {
                Value::Array(rows) => {
                    if rows.len() > most {
                        self.add(
                            Breach::Limit,
                            format!("{} rows where the document allows {most}", rows.len()),
                        );
                    }
                    self.rows(rows, *of);
                }
                other => self.wrong_type("a list", other),
            },
            Shape::Any => {}
            Shape::Either(one, other) => {
                if !check(value, *one, "").is_empty() {
                    self.value(value, *other);
                }
            }
            Shape::Nullable(of) => {
                if !value.is_null() {
                    self.value(value, *of);
                }
            }
        }
    }

    fn integer(&mut self, value: &Value) -> Option<i64> {
        let Value::Number(number) = value else {
            self.wrong_type("a whole number", value);
            return None;
        };
        let parsed = number.as_str().parse().ok();
        if parsed.is_none() {
            self.add(
                Breach::Type,
                format!("{number} where the document has a whole number of 64 bits"),
            );
        }
        parsed
    }

    fn decimal(&mut self, number: &Number, digits: usize, fraction: usize) {
        let text = number.as_str().trim_start_matches('-');
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        if !whole
            .bytes()
            .chain(part.bytes())
            .all(|byte| byte.is_ascii_digit())
        {
            self.add(
                Breach::Type,
                format!("{number} is written with an exponent"),
            );
        } else if part.len() > fraction || whole.len() > digits - fraction {
            self.add(
                Breach::Range,
                format!("{number} does not fit in Decimal({digits},{fraction})"),
            );
        }
    }

    fn rows(&mut self, rows: &[Value], of: Shape) {
        for (index, row) in rows.iter().enumerate() {
            self.within(&index.to_string(), |findings| findings.value(row, of));
        }
    }

    fn object(&mut self, members: &Map<String, Value>, fields: &[Field]) {
        for field in fields {
            match members.get(field.name) {
                Some(value) => {
                    self.within(field.name, |findings| findings.value(value, field.shape))
                }
                None if field.required => {
                    self.within(field.name, |findings| {
                        findings.add(Breach::Missing, "a mandatory field is absent")
                    });
                }
                None => {}
            }
        }
        for name in members.keys() {
            if !fields.iter().any(|field| field.name == name) {
                self.within(name, |findings| {
                    findings.add(
                        Breach::Unknown,
                        "no table and no example of the document has this field",
                    );
                });
            }
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Parses a JSON body; what is not JSON becomes a finding.
pub fn parse_json(body: &[u8]) -> Result<Value, Violation> {
    serde_json::from_slice(body).map_err(|error| {
        Violation::new(Breach::Syntax, "", format!("the body is no JSON: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ROW: &[Field] = &[
        required("id", Shape::TextUpTo(3)),
        optional("price", Shape::Decimal(19, 4)),
        optional("count", Shape::IntIn(0, 5)),
        optional("flag", Shape::BoolOrBit),
        optional("when", Shape::DateTime),
        optional("gone", Shape::Nullable(&Shape::Bool)),
    ];

    fn breaches(text: &str) -> Vec<(Breach, String)> {
        let value = serde_json::from_str(text).unwrap_or(Value::Null);
        check(&value, Shape::ListUpTo(&Shape::Object(ROW), 2), "")
            .into_iter()
            .map(|violation| (violation.breach, violation.pointer))
            .collect()
    }

    #[test]
    fn a_fitting_document_has_no_findings() {
        let text = r#"[{"id":"货1","price":123456789012345.1234,"count":5,"flag":1,"when":"2019-07-30 00:00:00","gone":null}]"#;
        assert_eq!(breaches(text), []);
    }

    #[test]
    fn every_finding_is_listed_with_its_pointer() {
        let text = r#"[{"price":1.23456,"count":6,"flag":2,"when":"2019-02-30 00:00:00","x/y":1},{"id":"abcd","count":1.0,"price":1e3}]"#;
        let expected = [
            (Breach::Missing, "/0/id"),
            (Breach::Range, "/0/price"),
            (Breach::Range, "/0/count"),
            (Breach::Type, "/0/flag"),
            (Breach::Type, "/0/when"),
            (Breach::Unknown, "/0/x~1y"),
            (Breach::Length, "/1/id"),
            (Breach::Type, "/1/price"),
            (Breach::Type, "/1/count"),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|(breach, pointer)| (*breach, (*pointer).to_owned()))
            .collect();
        assert_eq!(breaches(text), expected);
    }

    #[test]
    fn one_row_too_many_is_a_limit() {
        assert_eq!(
            breaches(r#"[{"id":"a"},{"id":"b"},{"id":"c"}]"#),
            [(Breach::Limit, String::new())]
        );
    }

    #[test]
    fn a_body_of_wrong_rows_costs_a_bounded_number_of_findings() {
        let rows = Value::Array(vec![json!({}); 1000]);
        assert_eq!(
            check(&rows, Shape::List(&Shape::Object(ROW)), "").len(),
            MOST_VIOLATIONS
        );
    }

    #[test]
    fn a_finding_knows_its_field() {
        let violation = Violation::new(Breach::Type, "/0/3/spec_list/7/prop1", "");
        assert_eq!(violation.field(), "prop1");
        assert_eq!(
            Violation::new(Breach::Limit, "/goods/3", "").field(),
            "goods"
        );
    }
}
