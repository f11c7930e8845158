//! The free part of a connection: TOML to JSON, and the place of every key.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};
use toml::de::{DeTable, DeValue};

use super::mistakes::Report;
use super::reader::{Typed, elements, entries};

/// A table as JSON. Numbers keep every digit that was typed; dates and times
/// become strings. Nothing when JSON has no such value, which is reported.
pub(super) fn to_json(typed: &Typed<&DeValue>, report: &mut Report) -> Option<Value> {
    convert(typed)
        .map_err(|unfit| {
            unfit.refuse(
                report,
                "config-bad-value",
                "is a number that JSON cannot carry; write a finite one.",
            );
        })
        .ok()
}

/// The value, or the one inside it that JSON does not have.
fn convert(typed: &Typed<&DeValue>) -> Result<Value, Typed<()>> {
    let number = |text: &str| decimal(text).ok_or_else(|| typed.without_value());
    Ok(match typed.value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(boolean) => Value::Bool(*boolean),
        DeValue::Datetime(datetime) => Value::String(datetime.to_string()),
        DeValue::Float(float) => number(float.as_str())?,
        DeValue::Integer(integer) if integer.radix() == 10 => number(integer.as_str())?,
        DeValue::Integer(integer) => {
            let value = i128::from_str_radix(integer.as_str(), integer.radix());
            number(&value.map_err(|_| typed.without_value())?.to_string())?
        }
        DeValue::Array(array) => {
            let values = elements(&typed.key, array).map(|element| convert(&element));
            Value::Array(values.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => {
            let pairs = entries(&typed.key, table)
                .map(|entry| Ok((entry.name.to_owned(), convert(&entry.value)?)));
            Value::Object(pairs.collect::<Result<Map<_, _>, _>>()?)
        }
    })
}

/// TOML allows a plus sign where JSON does not; the digits stay as typed.
fn decimal(text: &str) -> Option<Value> {
    let text = text.strip_prefix('+').unwrap_or(text);
    serde_json::from_str::<Number>(text).ok().map(Value::Number)
}

/// Notes line and column of every key of `table` and below, by dotted key; elements of
/// arrays are counted from 0.
pub(super) fn note_places(
    table: &DeTable,
    prefix: &str,
    report: &Report,
    places: &mut BTreeMap<String, (u32, u32)>,
) {
    for (key, value) in table {
        let name = join(prefix, key.get_ref());
        places.insert(name.clone(), report.position(key.span().start));
        note_below(value.get_ref(), &name, report, places);
    }
}

fn note_below(
    value: &DeValue,
    name: &str,
    report: &Report,
    places: &mut BTreeMap<String, (u32, u32)>,
) {
    match value {
        DeValue::Table(table) => note_places(table, name, report, places),
        DeValue::Array(array) => {
            for (index, element) in array.iter().enumerate() {
                let name = join(name, &index.to_string());
                places.insert(name.clone(), report.position(element.span().start));
                note_below(element.get_ref(), &name, report, places);
            }
        }
        _ => {}
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}.{name}")
    }
}
