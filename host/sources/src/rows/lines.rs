//! NDJSON: a record on each line.

use serde::de::IgnoredAny;
use serde_json::error::Category;

use super::{BadRow, MOST_RECORD, Record, Row, Rows, not_of_the_encoding};
use crate::failure::Failure;
use crate::text::Text;

/// What to do about a line that is no record.
const ADVICE: &str =
    "write each record as one JSON object on a line of its own, as in {\"sku\": \"007\"}";

pub(crate) struct LineRows {
    text: Text,
    line: u64,
}

impl LineRows {
    pub(crate) fn new(text: Text) -> LineRows {
        LineRows { text, line: 0 }
    }

    /// The next line without its end, cut where it is longer than a record, and
    /// how long it is. None at the end.
    fn line(&mut self) -> Result<Option<(Vec<u8>, usize)>, Failure> {
        let mut line = Vec::new();
        let mut length = 0;
        let mut any = false;
        loop {
            let piece = self
                .text
                .look()
                .map_err(|error| Failure::io("the file cannot be read", &error))?;
            if piece.is_empty() {
                return Ok(any.then_some((line, length)));
            }
            any = true;
            let end = piece.iter().position(|byte| *byte == b'\n');
            let part = &piece[..end.unwrap_or(piece.len())];
            length += part.len();
            let room = (MOST_RECORD + 1).saturating_sub(line.len());
            line.extend_from_slice(&part[..part.len().min(room)]);
            let passed = part.len() + usize::from(end.is_some());
            self.text.pass(passed);
            if end.is_some() {
                return Ok(Some((line, length)));
            }
        }
    }
}

impl Rows for LineRows {
    fn next(&mut self) -> Result<Option<Row>, Failure> {
        loop {
            let from = self.text.place();
            let Some((line, length)) = self.line()? else {
                return Ok(None);
            };
            self.line += 1;
            let bad = |column, problem| {
                let row = BadRow::new(self.line, column, problem, &line);
                Ok(Some(Row::Bad(row)))
            };
            if let Some(bytes) = self.text.bad_between(from, self.text.place()) {
                return bad(None, not_of_the_encoding(&bytes, self.text.encoding()));
            }
            if length > MOST_RECORD {
                return bad(None, format!("it has more than {MOST_RECORD} bytes"));
            }
            let text = line.trim_ascii();
            if text.is_empty() {
                continue;
            }
            if let Err(error) = serde_json::from_slice::<IgnoredAny>(text) {
                let skipped = line.len() - line.trim_ascii_start().len();
                let column = (error.column() + skipped) as u64;
                return bad(Some(column), not_json(&error, ADVICE));
            }
            if text == b"null" {
                return bad(None, is_null(ADVICE));
            }
            let json = String::from_utf8_lossy(text).into_owned();
            return Ok(Some(Row::Good(Record {
                json,
                line: self.line,
            })));
        }
    }
}

/// What is wrong with a text that is not JSON, and what to do.
pub(super) fn not_json(error: &serde_json::Error, advice: &str) -> String {
    let why = match error.classify() {
        Category::Eof => "it ends too early",
        _ => "what stands in this column does not belong there",
    };
    format!("it is not JSON: {why}; {advice}")
}

/// What is wrong with a value that says nothing.
pub(super) fn is_null(advice: &str) -> String {
    format!("it is `null`, and a record has to be a JSON object; {advice}")
}
