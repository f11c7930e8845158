//! JSON: one document, an array of records or one record, read an element at a
//! time.

use serde::de::IgnoredAny;

use super::lines::{is_null, not_json};
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

/// Bytes of a member's name on the way to the records.
const MOST_NAME: usize = 64 * 1024;

/// What to do about an element that is no record.
const ADVICE: &str = "write each record as a JSON object, as in {\"sku\": \"007\"}, with a comma between two of them";

/// What ends an element of an array, a member of an object.
const IN_ARRAY: &[u8] = b",]";
const IN_OBJECT: &[u8] = b",}";

pub(crate) struct JsonRows {
    text: Text,
    /// Names that lead to the records.
    way: Vec<String>,
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
    /// `records` is a JSON pointer.
    pub(crate) fn new(text: Text, records: Option<&str>) -> JsonRows {
        let way = records.unwrap_or_default().split('/').skip(1);
        let way = way.map(|name| name.replace("~1", "/").replace("~0", "~"));
        JsonRows {
            text,
            way: way.collect(),
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

    /// Goes to the value that the pointer leads to.
    fn descend(&mut self) -> Result<(), Failure> {
        let way = self.way.clone();
        for (depth, name) in way.iter().enumerate() {
            let missing = |line: u64, why: &str| {
                let way = way[..=depth].join("/");
                let why = format!("line {line}: {why}, and `records` leads to /{way}");
                Err(Failure::content(why))
            };
            if self.peek()? != Some(b'{') {
                return missing(self.lines + 1, "here is no object");
            }
            self.text.pass(1);
            loop {
                match self.peek()? {
                    Some(b'"') => {}
                    Some(b'}') => {
                        return missing(
                            self.lines + 1,
                            "the object that ends here has no such member",
                        );
                    }
                    _ => return missing(self.lines + 1, "here is no member of an object"),
                }
                let known = self.element(b":", MOST_NAME)?;
                let known: Option<String> = serde_json::from_slice(&known.bytes).ok();
                if known.as_ref() == Some(name) {
                    break;
                }
                let passed = self.element(IN_OBJECT, 0)?;
                if passed.behind == Some(b'}') {
                    return missing(
                        self.lines + 1,
                        "the object that ends here has no such member",
                    );
                }
            }
        }
        Ok(())
    }

    /// Takes what comes next up to what ends it, which is passed as well. Keeps
    /// at most so many bytes of it.
    fn element(&mut self, ends: &[u8], most: usize) -> Result<Element, Failure> {
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
                if !ends.is_empty() || depth > 0 || quoted {
                    return Err(Failure::content(format!(
                        "line {}: what begins here is never over: the file ends before a quote, `]` or `}}` that belongs to it; have the file written again to its end",
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
                    byte if depth == 0 && ends.contains(byte) => {
                        end = Some((at, *byte));
                        break;
                    }
                    _ => {}
                }
            }
            let stop = end.map_or(piece.len(), |(at, _)| at);
            let room = most.saturating_sub(element.bytes.len());
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
            let problem = not_json(&error, ADVICE);
            return bad(line, Some(error.column() as u64), problem);
        }
        if text == b"null" {
            return bad(element.line, None, is_null(ADVICE));
        }
        Row::Good(Record {
            json: String::from_utf8_lossy(text).into_owned(),
            line: element.line,
        })
    }

    /// Nothing may follow the document.
    fn finish(&mut self) -> Result<(), Failure> {
        self.place = Place::End;
        // What stands around an array in an object is not looked at.
        if !self.way.is_empty() {
            return Ok(());
        }
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
            self.descend()?;
            match self.peek()? {
                None => {
                    return Err(Failure::content("the file is empty, which is no JSON"));
                }
                Some(b'[') => {
                    self.text.pass(1);
                    self.place = Place::First;
                }
                Some(b'{') => {
                    let ends = if self.way.is_empty() { b"" } else { IN_OBJECT };
                    let element = self.element(ends, MOST_RECORD + 1)?;
                    self.place = Place::End;
                    return Ok(Some(self.row(&element)));
                }
                Some(_) => {
                    return Err(Failure::content(format!(
                        "line {}: here is neither an array nor an object; write the records as an array of objects, or say in `records` where in the document they are",
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
        let element = self.element(IN_ARRAY, MOST_RECORD + 1)?;
        let row = self.row(&element);
        self.place = match element.behind {
            Some(b']') => Place::Behind,
            _ => Place::Next,
        };
        Ok(Some(row))
    }
}
