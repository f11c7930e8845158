//! JSON: one document, an array of records or one record, read an element at a
//! time.

use serde::de::IgnoredAny;

use super::lines::not_json;
use super::{BadRow, MOST_RECORD, Record, Row, Rows, not_of_the_encoding};
use crate::failure::Failure;
use crate::text::Text;

/// Where in the document the reader is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before anything.
    Beginning,
    /// In the array: before its first element.
    First,
    /// In the array: behind a comma.
    Next,
    /// Behind the array, where nothing may follow.
    Behind,
    /// Behind everything.
    End,
}

pub(crate) struct JsonRows {
    text: Text,
    place: Place,
    /// Lines before the place where the text is.
    lines: u64,
}

/// An element's text, cut where it is longer than a record.
struct Element {
    bytes: Vec<u8>,
    length: usize,
    line: u64,
    from: u64,
    /// What came behind it: `,`, `]`, or nothing at the end of the file.
    behind: Option<u8>,
}

impl JsonRows {
    pub(crate) fn new(text: Text) -> JsonRows {
        JsonRows {
            text,
            place: Place::Beginning,
            lines: 0,
        }
    }

    fn look(&mut self) -> Result<&[u8], Failure> {
        self.text
            .look()
            .map_err(|error| Failure::io("the file cannot be read", &error))
    }

    /// Passes spaces and lines, and says which byte is next.
    fn peek(&mut self) -> Result<Option<u8>, Failure> {
        loop {
            let piece = self.look()?;
            if piece.is_empty() {
                return Ok(None);
            }
            let spaces = piece
                .iter()
                .position(|byte| !byte.is_ascii_whitespace())
                .unwrap_or(piece.len());
            let next = piece.get(spaces).copied();
            let lines = count(&piece[..spaces]);
            self.lines += lines;
            self.text.pass(spaces);
            if next.is_some() {
                return Ok(next);
            }
        }
    }

    /// Takes an element up to what ends it, which is passed as well.
    fn element(&mut self, in_array: bool) -> Result<Element, Failure> {
        self.peek()?;
        let mut element = Element {
            bytes: Vec::new(),
            length: 0,
            line: self.lines + 1,
            from: self.text.place(),
            behind: None,
        };
        let (mut depth, mut quoted, mut escaped) = (0u32, false, false);
        loop {
            let piece = self.look()?;
            if piece.is_empty() {
                if in_array || depth > 0 || quoted {
                    return Err(Failure::content(format!(
                        "line {}: what begins here is never over: the file ends within it",
                        element.line
                    )));
                }
                return Ok(element);
            }
            let mut end = None;
            for (at, byte) in piece.iter().enumerate() {
                if quoted {
                    match byte {
                        _ if escaped => escaped = false,
                        b'\\' => escaped = true,
                        b'"' => quoted = false,
                        _ => {}
                    }
                    continue;
                }
                match byte {
                    b'"' => quoted = true,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' if depth > 0 => depth -= 1,
                    b',' | b']' if in_array && depth == 0 => {
                        end = Some((at, *byte));
                        break;
                    }
                    _ => {}
                }
            }
            let stop = end.map_or(piece.len(), |(at, _)| at);
            let room = (MOST_RECORD + 1).saturating_sub(element.bytes.len());
            element.bytes.extend_from_slice(&piece[..stop.min(room)]);
            element.length += stop;
            let lines = count(&piece[..stop]);
            self.lines += lines;
            self.text.pass(stop + usize::from(end.is_some()));
            if let Some((_, byte)) = end {
                element.behind = Some(byte);
                return Ok(element);
            }
        }
    }

    /// An element as a row.
    fn row(&mut self, element: &Element) -> Row {
        let bad =
            |line, column, problem| Row::Bad(BadRow::new(line, column, problem, &element.bytes));
        if let Some(bytes) = self.text.bad_between(element.from, self.text.place()) {
            let problem = not_of_the_encoding(&bytes, self.text.encoding());
            return bad(element.line, None, problem);
        }
        if element.length > MOST_RECORD {
            let problem = format!("it has more than {MOST_RECORD} bytes");
            return bad(element.line, None, problem);
        }
        let text = element.bytes.trim_ascii();
        if let Err(error) = serde_json::from_slice::<IgnoredAny>(text) {
            let line = element.line + error.line().saturating_sub(1) as u64;
            return bad(line, Some(error.column() as u64), not_json(&error));
        }
        Row::Good(Record {
            json: String::from_utf8_lossy(text).into_owned(),
            line: element.line,
        })
    }

    /// Nothing may follow the document.
    fn finish(&mut self) -> Result<(), Failure> {
        self.place = Place::End;
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(Failure::content(format!(
                "line {}: something follows the end of the document: one JSON document is a file, and records on lines are `format = \"ndjson\"`",
                self.lines + 1
            ))),
        }
    }
}

fn count(piece: &[u8]) -> u64 {
    piece.iter().filter(|byte| **byte == b'\n').count() as u64
}

impl Rows for JsonRows {
    fn next(&mut self) -> Result<Option<Row>, Failure> {
        if self.place == Place::Beginning {
            match self.peek()? {
                None => {
                    return Err(Failure::content("the file is empty, which is no JSON"));
                }
                Some(b'[') => {
                    self.text.pass(1);
                    self.place = Place::First;
                }
                Some(b'{') => {
                    let element = self.element(false)?;
                    self.place = Place::End;
                    return Ok(Some(self.row(&element)));
                }
                Some(_) => {
                    return Err(Failure::content(format!(
                        "line {}: the document is neither an array nor an object",
                        self.lines + 1
                    )));
                }
            }
        }
        if self.place == Place::Behind {
            self.finish()?;
        }
        if self.place == Place::End {
            return Ok(None);
        }
        if self.place == Place::First && self.peek()? == Some(b']') {
            self.text.pass(1);
            self.finish()?;
            return Ok(None);
        }
        let element = self.element(true)?;
        let row = self.row(&element);
        self.place = match element.behind {
            Some(b']') => Place::Behind,
            _ => Place::Next,
        };
        Ok(Some(row))
    }
}
