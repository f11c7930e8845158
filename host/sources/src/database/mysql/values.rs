//! The server's texts to JSON, and cursors to SQL.

use serde_json::Value;

use super::results::Column;
use crate::failure::Failure;

/// Whether a column's values are numbers: whole ones, decimals, floats, years.
fn is_number(kind: u8) -> bool {
    matches!(kind, 0..=5 | 8 | 9 | 13 | 246)
}

/// Whether they are a day with its time.
fn is_moment(kind: u8) -> bool {
    matches!(kind, 7 | 12)
}

/// Whether they are kept as bytes or texts.
fn is_text(kind: u8) -> bool {
    matches!(kind, 15 | 249..=254)
}

/// A row as a JSON object.
pub(super) fn record(columns: &[Column], row: &[Option<&[u8]>]) -> String {
    let mut json = String::from("{");
    for (column, value) in columns.iter().zip(row) {
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&Value::from(column.name.as_str()).to_string());
        json.push(':');
        match value {
            None => json.push_str("null"),
            Some(value) => json.push_str(&one(column, value)),
        }
    }
    json.push('}');
    json
}

fn one(column: &Column, value: &[u8]) -> String {
    let text = std::str::from_utf8(value);
    match (column.kind, text) {
        // Where zeros fill a number up, it is a text.
        (kind, Ok(text)) if is_number(kind) && is_json(text) => text.to_owned(),
        (245, Ok(text)) if is_json(text) => text.to_owned(),
        (kind, Ok(text)) if is_moment(kind) => Value::from(text.replacen(' ', "T", 1)).to_string(),
        (kind, Ok(text)) if !(is_text(kind) && column.bytes || kind == 16) => {
            Value::from(text).to_string()
        }
        _ => Value::from(format!("\\x{}", hex::encode(value))).to_string(),
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// A value as it is kept for the next page.
pub(super) fn plain(value: Option<&[u8]>) -> Option<String> {
    String::from_utf8(value?.to_vec()).ok()
}

/// A value that a column is compared with. Nothing in it can end it.
pub(super) fn literal(column: &Column, value: &str) -> Result<String, Failure> {
    if is_number(column.kind) {
        let number = value.trim();
        if !is_json(number) || !number.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            return Err(Failure::setting(format!(
                "column {:?} has numbers, and the cursor {value:?} is none",
                column.name
            )));
        }
        return Ok(number.to_owned());
    }
    let text = format!("_utf8mb4 X'{}'", hex::encode(value));
    Ok(match column.kind {
        kind if is_moment(kind) => format!("CAST({text} AS DATETIME(6))"),
        10 => format!("CAST({text} AS DATE)"),
        _ if column.bytes => format!("X'{}'", hex::encode(value)),
        _ => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(kind: u8, bytes: bool) -> Column {
        Column {
            name: "a\"b".into(),
            kind,
            bytes,
        }
    }

    #[test]
    fn values_keep_every_digit() {
        let of = |kind, bytes, value: &[u8]| record(&[column(kind, bytes)], &[Some(value)]);
        for (kind, bytes, value, json) in [
            (8, true, &b"6912345678901234567"[..], "6912345678901234567"),
            (246, true, b"1.50", "1.50"),
            (3, true, b"00042", "\"00042\""),
            (
                12,
                true,
                b"2026-03-01 12:00:00.5",
                "\"2026-03-01T12:00:00.5\"",
            ),
            (253, false, "库'存".as_bytes(), "\"库'存\""),
            (252, true, b"\xff\x00", "\"\\\\xff00\""),
            (245, false, b"[1]", "[1]"),
            (253, false, b"\xff", "\"\\\\xff\""),
        ] {
            assert_eq!(of(kind, bytes, value), format!("{{\"a\\\"b\":{json}}}"));
        }
        assert_eq!(record(&[column(3, true)], &[None]), "{\"a\\\"b\":null}");
    }

    #[test]
    fn a_cursor_can_never_be_more_than_a_value() {
        let text = literal(&column(253, false), "' OR 1=1 -- \\").unwrap();
        assert_eq!(text, "_utf8mb4 X'27204f5220313d31202d2d205c'");
        assert_eq!(literal(&column(8, true), "-7").unwrap(), "-7");
        for wrong in ["1 OR 1=1", "x", "", "null", "true", "[1]", "\"1\""] {
            assert!(literal(&column(8, true), wrong).is_err(), "{wrong}");
        }
    }
}
