//! Takes escapes out of a text, whoever put them in.
//!
//! A value can be escaped in more ways than there are libraries: each decides
//! which characters need it, in which case it writes hex digits, and whether a
//! space becomes `+`. But all of it is read back in one way. So a text is
//! searched as it is and with its escapes taken out, and no list of spellings
//! has to be complete.

/// How often escapes are taken out: a URL in a JSON text in a JSON text.
pub(super) const DEPTH: usize = 3;

/// The signs that escapes begin with: in URLs, in JSON and program text, in HTML.
///
/// They are taken out together, since they stand beside each other, and each
/// kind for itself: a `%` that only happens to stand before a value would take
/// the value's first characters with it.
pub(super) const ALL: &[u8] = br"%\&";

/// A text without its escapes, and where each of its bytes stood.
pub(super) struct Unescaped {
    pub bytes: Vec<u8>,
    /// With which of the signs escapes really began.
    pub signs: Vec<u8>,
    /// In the order of both.
    segments: Vec<Segment>,
    /// Length of the text it was made from.
    length: usize,
}

/// A stretch from one escape to the next, or what an escape stands for.
struct Segment {
    at: usize,
    from: usize,
    escape: bool,
}

/// What stands at a place of a text.
enum Found {
    /// Nothing to be taken out.
    Plain,
    /// So many bytes that stand for the others.
    Escape(usize, Character),
    /// The beginning of an escape, where the text was cut off.
    Begun,
}

struct Character {
    bytes: [u8; 4],
    length: usize,
}

/// The text without the escapes that begin with these signs; nothing if there
/// are none.
pub(super) fn unescape(text: &[u8], signs: &[u8]) -> Option<Unescaped> {
    let mut table = [false; 256];
    signs
        .iter()
        .for_each(|sign| table[usize::from(*sign)] = true);
    let begins = |byte: &u8| table[usize::from(*byte)];
    let mut at = text.iter().position(begins)?;
    let mut unescaped = Unescaped {
        bytes: Vec::new(),
        signs: Vec::new(),
        segments: vec![Segment {
            at: 0,
            from: 0,
            escape: false,
        }],
        length: text.len(),
    };
    let mut copied = 0;
    loop {
        match found(&text[at..]) {
            Found::Plain => at += 1,
            Found::Escape(length, character) => {
                unescaped.used(text[at]);
                unescaped.bytes.extend_from_slice(&text[copied..at]);
                unescaped.segment(at, true);
                let bytes = &character.bytes[..character.length];
                unescaped.bytes.extend_from_slice(bytes);
                at += length;
                copied = at;
                unescaped.segment(at, false);
            }
            Found::Begun => {
                unescaped.used(text[at]);
                unescaped.bytes.extend_from_slice(&text[copied..at]);
                unescaped.segment(at, true);
                (at, copied) = (text.len(), text.len());
            }
        }
        match text[at..].iter().position(begins) {
            Some(next) => at += next,
            None => break,
        }
    }
    if copied == 0 {
        return None;
    }
    unescaped.bytes.extend_from_slice(&text[copied..]);
    Some(unescaped)
}

impl Unescaped {
    fn used(&mut self, sign: u8) {
        if !self.signs.contains(&sign) {
            self.signs.push(sign);
        }
    }

    fn segment(&mut self, from: usize, escape: bool) {
        let at = self.bytes.len();
        if self.segments.last().is_some_and(|last| last.at == at) {
            self.segments.pop();
        }
        self.segments.push(Segment { at, from, escape });
    }

    /// Where a stretch of this text begins and ends in the other.
    pub fn origin(&self, start: usize, end: usize) -> (usize, usize) {
        let index = |at: usize| self.segments.partition_point(|segment| segment.at <= at) - 1;
        let place = |at: usize| {
            let Segment {
                at: begin,
                from,
                escape,
            } = &self.segments[index(at)];
            if *escape { *from } else { from + (at - begin) }
        };
        let end = if end >= self.bytes.len() {
            // With an escape that was begun and cut off.
            self.length
        } else {
            let last = index(end.saturating_sub(1));
            match self.segments.get(last + 1) {
                Some(next) if self.segments[last].escape => next.from,
                _ => place(end.saturating_sub(1)) + 1,
            }
        };
        (place(start), end)
    }
}

fn found(rest: &[u8]) -> Found {
    match rest {
        [b'%', digits @ ..] => hex(digits, 2, 1).unwrap_or(Found::Plain),
        [b'\\'] => Found::Begun,
        [b'\\', b'u', digits @ ..] => utf16(digits),
        [b'\\', b'x', digits @ ..] => hex(digits, 2, 2).unwrap_or(Found::Plain),
        [b'\\', letter, ..] => {
            let byte = match letter {
                b'"' | b'\\' | b'/' | b'\'' => *letter,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'b' => 8,
                b'f' => 12,
                _ => return Found::Plain,
            };
            Found::Escape(2, byte.into())
        }
        [b'&', name @ ..] => entity(name),
        _ => Found::Plain,
    }
}

/// A byte in so many hex digits, after so many bytes.
fn hex(rest: &[u8], count: usize, before: usize) -> Option<Found> {
    match number(rest.get(..count).unwrap_or(rest), 16) {
        Some(value) if rest.len() >= count => Some(Found::Escape(
            before + count,
            u8::try_from(value).ok()?.into(),
        )),
        Some(_) => Some(Found::Begun),
        None if rest.is_empty() => Some(Found::Begun),
        None => None,
    }
}

/// What follows `\u`: JSON writes UTF-16.
fn utf16(rest: &[u8]) -> Found {
    let unit = |digits: Option<&[u8]>| number(digits?, 16);
    let Some(first) = unit(rest.get(..4)) else {
        let begun = rest.len() < 4 && rest.iter().all(u8::is_ascii_hexdigit);
        return if begun { Found::Begun } else { Found::Plain };
    };
    if let Some(character) = char::from_u32(first) {
        return Found::Escape(6, character.into());
    }
    let second = match rest.get(4..6) {
        Some(b"\\u") => unit(rest.get(6..10)),
        _ => None,
    };
    let pair = second.and_then(|second| {
        let units = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
        char::decode_utf16(units).next()?.ok()
    });
    match pair {
        Some(character) => Found::Escape(12, character.into()),
        None if rest.len() < 10 => Found::Begun,
        None => Found::Plain,
    }
}

/// What follows `&`, in HTML and XML.
fn entity(rest: &[u8]) -> Found {
    /// Longest of those that are known.
    const MOST: usize = 9;
    let start = &rest[..rest.len().min(MOST)];
    let Some(end) = start.iter().position(|byte| *byte == b';') else {
        return Found::Plain;
    };
    let character = match &start[..end] {
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        b"nbsp" => Some('\u{a0}'),
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16).and_then(char::from_u32),
        [b'#', digits @ ..] => number(digits, 10).and_then(char::from_u32),
        _ => None,
    };
    match character {
        Some(character) => Found::Escape(end + 2, character.into()),
        None => Found::Plain,
    }
}

/// At most eight digits.
fn number(digits: &[u8], radix: u32) -> Option<u32> {
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    digits.iter().try_fold(0_u32, |value, digit| {
        let digit = char::from(*digit).to_digit(radix)?;
        value.checked_mul(radix)?.checked_add(digit)
    })
}

impl From<u8> for Character {
    fn from(byte: u8) -> Self {
        Self {
            bytes: [byte, 0, 0, 0],
            length: 1,
        }
    }
}

impl From<char> for Character {
    fn from(character: char) -> Self {
        let mut bytes = [0; 4];
        let length = character.encode_utf8(&mut bytes).len();
        Self { bytes, length }
    }
}
