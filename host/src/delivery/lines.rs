//! NDJSON to pieces: items, one a line, in portions that a call can be made of.
//!
//! Where a piece ends depends on the lines alone, never on how they arrive: a
//! text that is sent again is cut at the same lines, which is what makes its
//! pieces known again.

use serde_json::value::RawValue;

use crate::json_failure;
use crate::problem::Problem;
use crate::text::without_mark;

/// Most items of one piece.
pub const PIECE_ITEMS: usize = 1000;

/// Most bytes of one piece's items, and of one line.
pub const PIECE_BYTES: usize = 4 << 20;

/// How large pieces are.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// Most items.
    pub items: usize,
    /// Most bytes of the items, and of a line.
    pub bytes: usize,
}

impl Cut {
    /// As large as pieces are and calls may be.
    pub fn within(items_per_call: usize, request_body: usize) -> Self {
        Self {
            items: PIECE_ITEMS.min(items_per_call).max(1),
            // Brackets and commas are around them.
            bytes: PIECE_BYTES.min(request_body.saturating_sub(2 * PIECE_ITEMS)),
        }
    }
}

/// Items from lines that follow each other.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Piece {
    /// 1 for the first piece of a text.
    pub number: u64,
    /// Each item's line, 1-based.
    pub lines: Vec<u64>,
    /// The items, as one JSON array.
    pub body: Vec<u8>,
}

impl Piece {
    /// The first line with an item.
    pub fn first_line(&self) -> u64 {
        self.lines.first().copied().unwrap_or_default()
    }

    /// The last line with an item.
    pub fn last_line(&self) -> u64 {
        self.lines.last().copied().unwrap_or_default()
    }

    /// What a caller's `Idempotency-Key` is for this piece. A line break is in no
    /// caller's own key.
    pub fn key(&self, of_all: &str) -> String {
        format!("{of_all}\n{}", self.number)
    }
}

/// A line that is no item.
#[derive(Debug, Clone)]
pub struct BadLine {
    /// 1-based.
    pub line: u64,
    /// What is wrong with it.
    pub problem: Box<Problem>,
}

/// The lines of one text.
#[derive(Debug)]
pub struct Pieces {
    cut: Cut,
    /// What came and is in no piece yet.
    buffer: Vec<u8>,
    /// Bytes of it that are done with.
    done: usize,
    /// Bytes of it that have no line break.
    looked: usize,
    /// Lines that are done with.
    line: u64,
    piece: Piece,
    /// Bytes of the piece's items.
    bytes: usize,
    pieces: u64,
}

impl Pieces {
    /// Before anything came.
    pub fn new(cut: Cut) -> Self {
        Self {
            cut,
            buffer: Vec::new(),
            done: 0,
            looked: 0,
            line: 0,
            piece: Piece::default(),
            bytes: 0,
            pieces: 0,
        }
    }

    /// Lines that are done with, blank ones included.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Takes what came next. Whoever calls this takes every piece out first, so
    /// that no more than a piece and this much is held.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.done);
        self.looked -= self.done.min(self.looked);
        self.done = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole piece of what came; nothing where more has to come first.
    /// At the `end` of the text the last piece is what is left.
    ///
    /// # Errors
    /// The first line that is no item. No item of the piece that it would be in
    /// has been given.
    pub fn next(&mut self, end: bool) -> Result<Option<Piece>, BadLine> {
        loop {
            let from = self.looked.max(self.done);
            let rest = self.buffer.get(from..).unwrap_or_default();
            let stop = rest.iter().position(|byte| *byte == b'\n');
            let (stop, next) = match stop {
                Some(at) => (from + at, from + at + 1),
                None if end && self.done < self.buffer.len() => {
                    (self.buffer.len(), self.buffer.len())
                }
                None => {
                    self.looked = self.buffer.len();
                    if self.buffer.len() - self.done > self.cut.bytes {
                        return Err(self.too_long());
                    }
                    return Ok(if end { self.close() } else { None });
                }
            };
            let line = self.buffer.get(self.done..stop).unwrap_or_default();
            // A mark at the beginning belongs to no item.
            let line = match self.line {
                0 => without_mark(line),
                _ => line,
            };
            if line.len() > self.cut.bytes {
                return Err(self.too_long());
            }
            let item = item(line).map_err(|problem| BadLine {
                line: self.line + 1,
                problem: problem.into(),
            })?;
            let Some(item) = item else {
                self.line += 1;
                (self.done, self.looked) = (next, next);
                continue;
            };
            let full = self.piece.lines.len() >= self.cut.items
                || (self.bytes + item.len() > self.cut.bytes && !self.piece.lines.is_empty());
            if full {
                // The line is looked at again for the next piece.
                return Ok(self.close());
            }
            self.piece.body.push(if self.piece.body.is_empty() {
                b'['
            } else {
                b','
            });
            self.piece.body.extend_from_slice(item.as_bytes());
            self.bytes += item.len();
            self.line += 1;
            self.piece.lines.push(self.line);
            (self.done, self.looked) = (next, next);
        }
    }

    fn close(&mut self) -> Option<Piece> {
        self.bytes = 0;
        let mut piece = std::mem::take(&mut self.piece);
        if piece.lines.is_empty() {
            return None;
        }
        self.pieces += 1;
        piece.number = self.pieces;
        piece.body.push(b']');
        Some(piece)
    }

    fn too_long(&self) -> BadLine {
        BadLine {
            line: self.line + 1,
            problem: Box::new(Problem::caller(
                "line-too-long",
                format!(
                    "it has more than {} bytes; a line is one item",
                    self.cut.bytes
                ),
            )),
        }
    }
}

/// A line's item; nothing for a blank one.
fn item(line: &[u8]) -> Result<Option<&str>, Problem> {
    let text = std::str::from_utf8(line).map_err(|error| {
        let at = error.valid_up_to() + 1;
        let detail = format!("it is not UTF-8 at byte {at}");
        Problem::caller("invalid-json", detail)
    })?;
    let text = text.trim_matches([' ', '\t', '\r']);
    if text.is_empty() {
        return Ok(None);
    }
    serde_json::from_str::<&RawValue>(text).map_err(|error| {
        let why = json_failure::within_a_line(&error);
        Problem::caller("invalid-json", format!("it is not JSON: {why}"))
    })?;
    if !text.starts_with('{') {
        let detail = "a line must be one JSON object; NDJSON has one item a line";
        return Err(Problem::caller("invalid-json", detail));
    }
    Ok(Some(text))
}

/// A whole text's items as one JSON array, with each item's line.
///
/// # Errors
/// The first line that is no item; a text without one.
pub fn array(text: &[u8], most: usize) -> Result<Piece, BadLine> {
    // One more than a call may have, so that it is refused as too many.
    let cut = Cut {
        items: most.saturating_add(1),
        bytes: text.len(),
    };
    let mut pieces = Pieces::new(cut);
    pieces.push(text);
    let found = pieces.next(true)?;
    found.ok_or_else(|| BadLine {
        line: pieces.line().max(1),
        problem: Box::new(Problem::caller(
            "no-items",
            "the body has no line with an item",
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUT: Cut = Cut {
        items: 3,
        bytes: 40,
    };

    /// The pieces of a text that comes in parts of this size, and what ended it.
    fn cut(text: &[u8], size: usize) -> (Vec<Piece>, Option<(u64, String)>) {
        let mut pieces = Pieces::new(CUT);
        let mut found = Vec::new();
        let mut parts: Vec<(&[u8], bool)> = text.chunks(size).map(|part| (part, false)).collect();
        parts.push((b"", true));
        for (part, end) in parts {
            pieces.push(part);
            loop {
                match pieces.next(end) {
                    Ok(Some(piece)) => found.push(piece),
                    Ok(None) => break,
                    Err(bad) => return (found, Some((bad.line, bad.problem.detail))),
                }
            }
        }
        (found, None)
    }

    fn shape(pieces: &[Piece]) -> Vec<(u64, Vec<u64>, &str)> {
        let text = |piece: &'_ Piece| (piece.number, piece.lines.clone());
        pieces
            .iter()
            .map(|piece| {
                let (number, lines) = text(piece);
                (number, lines, std::str::from_utf8(&piece.body).unwrap())
            })
            .collect()
    }

    #[test]
    fn a_text_is_cut_at_the_same_lines_however_it_arrives() {
        let text = "\u{feff}{\"a\":1}\r\n\n  {\"a\":2}\n{\"a\":3}\n{\"a\":4}\n{\"a\":\"0123456789012345678901234\"}\n{\"a\":6}";
        let (whole, none) = cut(text.as_bytes(), text.len());
        assert_eq!(none, None);
        assert_eq!(
            shape(&whole),
            [
                (1, vec![1, 3, 4], r#"[{"a":1},{"a":2},{"a":3}]"#),
                (
                    2,
                    vec![5, 6],
                    r#"[{"a":4},{"a":"0123456789012345678901234"}]"#
                ),
                (3, vec![7], r#"[{"a":6}]"#),
            ]
        );
        for size in [1, 2, 3, 7, 20] {
            assert_eq!(cut(text.as_bytes(), size), (whole.clone(), None), "{size}");
        }
        assert_eq!(cut(b"", 1), (Vec::new(), None));
        assert_eq!(cut(b"\n\n \n", 1), (Vec::new(), None));
    }

    #[test]
    fn a_bad_line_is_named_and_its_piece_is_not_given() {
        for (bad, says) in [
            (&b"{\"a\":"[..], "not JSON"),
            (b"7", "one JSON object"),
            (b"{} {}", "not JSON"),
            (b"{\"a\":\"\xff\"}", "not UTF-8 at byte 7"),
            (&[b'x'; 41], "more than 40 bytes"),
        ] {
            let text = [&b"{}\n{}\n{}\n{}\n\n"[..], bad, b"\n{}\n"].concat();
            for size in [1, 5, text.len()] {
                let (found, ended) = cut(&text, size);
                assert_eq!(found.len(), 1, "{bad:?}");
                let (line, detail) = ended.unwrap();
                assert_eq!(line, 6, "{detail}");
                assert!(detail.contains(says), "{detail}");
            }
        }
    }

    #[test]
    fn a_line_without_an_end_is_not_held_without_bound() {
        let mut pieces = Pieces::new(CUT);
        for _ in 0..3 {
            pieces.push(&[b' '; 20]);
            if let Err(bad) = pieces.next(false) {
                assert_eq!((bad.line, &*bad.problem.code), (1, "line-too-long"));
                return;
            }
        }
        panic!("it was held");
    }

    #[test]
    fn a_small_text_is_one_array() {
        let piece = array(b"{\"a\":1}\n\n{\"b\":2}", 5).unwrap();
        assert_eq!(piece.body, br#"[{"a":1},{"b":2}]"#);
        assert_eq!(piece.lines, [1, 3]);
        assert_eq!(array(b"\n", 5).unwrap_err().problem.code, "no-items");
        assert_eq!(array(b"{}\n[]", 5).unwrap_err().line, 2);
        assert_eq!(array(b"{}\n{}\n{}", 1).unwrap().lines.len(), 2);
    }
}
