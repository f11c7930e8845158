//! What a component carries besides its code, as custom sections at its end:
//! the source file that a language runtime is to run, and golden examples.
//!
//! Both are data: no compiler looks at them. So the compiled code of a runtime
//! belongs to the bytes without them ([`bare`]), and is shared by all sources
//! that are packed with it.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The section with the source file: `{"name":"price-board.js","text":"…"}`.
pub const SOURCE: &str = "crossdock:source";

/// The section with golden examples: a JSON array, each as in a manifest.
pub const EXAMPLES: &str = "crossdock:examples";

/// The longest source file.
pub const SOURCE_BYTES: usize = 1 << 20;

/// The longest section of examples.
pub const EXAMPLES_BYTES: usize = 4 << 20;

/// The longest name of a source file.
const NAME_BYTES: usize = 255;

/// What the section of a source may be longer than its text: every character
/// escaped, and the name.
const SOURCE_SECTION_BYTES: usize = 6 * (SOURCE_BYTES + NAME_BYTES) + 64;

/// Preamble of every WebAssembly file: magic, version, layer.
const PREAMBLE_BYTES: usize = 8;

/// A source file that a language runtime runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Its name without a folder; the part after the last dot says the language.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl SourceFile {
    /// A source file, if its name and its length are as they may be.
    pub fn new(name: &str, text: &str) -> Result<Self, String> {
        let file = Self {
            name: name.to_owned(),
            text: text.to_owned(),
        };
        file.check()?;
        Ok(file)
    }

    /// The part of the name after its last dot, which says the language.
    pub fn extension(&self) -> &str {
        self.name.rsplit_once('.').map_or("", |(_, ext)| ext)
    }

    fn check(&self) -> Result<(), String> {
        let plain = |c: char| !c.is_control() && !matches!(c, '/' | '\\');
        let (stem, ext) = self.name.rsplit_once('.').unwrap_or_default();
        if stem.is_empty()
            || ext.is_empty()
            || self.name.len() > NAME_BYTES
            || !self.name.chars().all(plain)
        {
            return Err(format!(
                "a source file's name is one like `price-board.js`, of at most {NAME_BYTES} bytes \
                 and without a folder: name it so"
            ));
        }
        if self.text.len() > SOURCE_BYTES {
            return Err(format!(
                "the source file has {} bytes, and {SOURCE_BYTES} is the most: take out what it \
                 does not need, such as tables, which can be settings",
                self.text.len()
            ));
        }
        Ok(())
    }
}

/// What was found in a component's sections.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Packed {
    /// The source to run, if the component is a runtime that was packed with one.
    pub source: Option<SourceFile>,
    /// Golden examples besides those of the manifest.
    pub examples: Vec<serde_json::Value>,
}

/// Reads what a component carries. A component without these sections gives
/// an empty [`Packed`].
pub fn read(bytes: &[u8]) -> Result<Packed, String> {
    let (mut source, mut examples) = (None, None);
    for section in sections(bytes)? {
        let Some(name) = section.name else { continue };
        let place = match name {
            SOURCE => &mut source,
            EXAMPLES => &mut examples,
            _ => continue,
        };
        let payload = bytes.get(section.payload).unwrap_or_default();
        if place.replace(payload).is_some() {
            return Err(format!(
                "the file has two sections `{name}`: pack it again, from the component without them"
            ));
        }
    }
    let mut packed = Packed::default();
    if let Some(payload) = source {
        bounded(SOURCE, payload, SOURCE_SECTION_BYTES)?;
        let file: SourceFile = serde_json::from_slice(payload).map_err(|error| {
            format!(
                "the section `{SOURCE}` is not `{{\"name\", \"text\"}}`: {error}; pack it again"
            )
        })?;
        file.check()?;
        packed.source = Some(file);
    }
    if let Some(payload) = examples {
        bounded(EXAMPLES, payload, EXAMPLES_BYTES)?;
        packed.examples = serde_json::from_slice(payload).map_err(|error| {
            format!("the section `{EXAMPLES}` is no JSON array of examples: {error}; pack it again")
        })?;
    }
    Ok(packed)
}

/// A component with one more section at its end.
pub fn append(mut bytes: Vec<u8>, section: &str, payload: &[u8]) -> Vec<u8> {
    let name_length = leb(section.len());
    bytes.push(0);
    bytes.extend(leb(name_length.len() + section.len() + payload.len()));
    bytes.extend(name_length);
    bytes.extend(section.as_bytes());
    bytes.extend(payload);
    bytes
}

/// A runtime component with a source to run.
pub fn with_source(runtime: &[u8], source: &SourceFile) -> Result<Vec<u8>, String> {
    let payload = serde_json::to_vec(source).map_err(|error| error.to_string())?;
    Ok(append(bare(runtime).to_vec(), SOURCE, &payload))
}

/// A component without the sections of this module that end it. Where others
/// follow them, they stay: the code is the same, only not shared.
pub fn bare(bytes: &[u8]) -> &[u8] {
    let Ok(sections) = sections(bytes) else {
        return bytes;
    };
    let end = sections
        .iter()
        .rev()
        .take_while(|section| matches!(section.name, Some(SOURCE | EXAMPLES)))
        .last()
        .map_or(bytes.len(), |section| section.start);
    bytes.get(..end).unwrap_or(bytes)
}

/// One section of the file's top level.
struct Section<'a> {
    /// Its first byte.
    start: usize,
    /// The name, if it is a custom one.
    name: Option<&'a str>,
    /// Its content; of a custom one, what follows the name.
    payload: Range<usize>,
}

/// The sections at the top, in their order. What is nested in them is not
/// looked into.
fn sections(bytes: &[u8]) -> Result<Vec<Section<'_>>, String> {
    let torn = || "the file ends within a section: copy it again".to_owned();
    let mut found = Vec::new();
    let mut start = PREAMBLE_BYTES;
    if bytes.len() < start {
        return Err(torn());
    }
    while let Some(id) = bytes.get(start) {
        let (length, body) = length(bytes, start + 1).ok_or_else(torn)?;
        let end = body.checked_add(length).ok_or_else(torn)?;
        if end > bytes.len() {
            return Err(torn());
        }
        let mut section = Section {
            start,
            name: None,
            payload: body..end,
        };
        if *id == 0 {
            let custom = bytes.get(..end).ok_or_else(torn)?;
            let (length, name) = self::length(custom, body).ok_or_else(torn)?;
            let payload = name.checked_add(length).ok_or_else(torn)?;
            let text = custom.get(name..payload).ok_or_else(torn)?;
            section.name = std::str::from_utf8(text).ok();
            section.payload = payload..end;
        }
        found.push(section);
        start = end;
    }
    Ok(found)
}

/// The LEB128 number at a byte, and the byte after it.
fn length(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut number = 0_u64;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.get(at)?;
        at += 1;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some((usize::try_from(number).ok()?, at));
        }
    }
    None
}

/// A number as LEB128.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn bounded(section: &str, payload: &[u8], most: usize) -> Result<(), String> {
    if payload.len() > most {
        return Err(format!(
            "the section `{section}` has {} bytes, and {most} is the most: pack less",
            payload.len()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest component.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    #[test]
    fn what_was_packed_is_read_and_can_be_taken_off_again() {
        assert_eq!(read(EMPTY).unwrap(), Packed::default());
        let other = append(EMPTY.to_vec(), "producers", b"x");
        let file = SourceFile::new("price-board.js", "export const a = '\u{4ef7}\"';\n").unwrap();
        assert_eq!(file.extension(), "js");
        let packed = with_source(&other, &file).unwrap();
        let packed = append(packed, EXAMPLES, br#"[{"name":"one"}]"#);
        let found = read(&packed).unwrap();
        assert_eq!(found.source, Some(file.clone()));
        assert_eq!(found.examples, [serde_json::json!({"name": "one"})]);
        assert_eq!(bare(&packed), other);
        assert_eq!(bare(&other), other);
        // Packed again: the new source takes the old one's place.
        let newer = SourceFile::new("b.mjs", "2").unwrap();
        let again = read(&with_source(&packed, &newer).unwrap()).unwrap();
        assert_eq!(again.source, Some(newer));
        // What others put behind stays, and hides nothing.
        let behind = append(packed.clone(), "other", b"y");
        assert_eq!(bare(&behind), behind);
        assert_eq!(read(&behind).unwrap().source, Some(file));
    }

    #[test]
    fn sections_of_every_length_are_read() {
        for length in [0, 1, 127, 128, 16_383, 16_384, SOURCE_BYTES] {
            let file = SourceFile::new("a.js", &"x".repeat(length)).unwrap();
            let packed = with_source(EMPTY, &file).unwrap();
            assert_eq!(read(&packed).unwrap().source, Some(file), "{length}");
            assert_eq!(bare(&packed), EMPTY);
        }
    }

    #[test]
    fn what_is_not_as_it_must_be_is_refused_with_a_sentence() {
        let with = |section, payload: &[u8]| read(&append(EMPTY.to_vec(), section, payload));
        let twice = append(append(EMPTY.to_vec(), EXAMPLES, b"[]"), EXAMPLES, b"[]");
        let long = serde_json::json!({"name": "a.js", "text": "x".repeat(SOURCE_BYTES + 1)});
        let cases = [
            (read(&twice), "two sections `crossdock:examples`"),
            (with(SOURCE, b"[]"), "is not `{\"name\", \"text\"}`"),
            (
                with(SOURCE, br#"{"name":"a/b.js","text":""}"#),
                "without a folder",
            ),
            (
                with(SOURCE, br#"{"name":".js","text":""}"#),
                "`price-board.js`",
            ),
            (
                with(SOURCE, br#"{"name":"a","text":""}"#),
                "`price-board.js`",
            ),
            (
                with(SOURCE, long.to_string().as_bytes()),
                "1048576 is the most",
            ),
            (with(EXAMPLES, b"{}"), "no JSON array"),
            (
                with(EXAMPLES, &vec![b' '; EXAMPLES_BYTES + 1]),
                "is the most",
            ),
        ];
        for (result, part) in cases {
            let said = result.unwrap_err();
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn a_torn_file_is_refused_and_never_read_past_its_end() {
        let file = SourceFile::new("a.js", &"x".repeat(200)).unwrap();
        let packed = with_source(EMPTY, &file).unwrap();
        for end in 0..packed.len() {
            let torn = &packed[..end];
            assert_eq!(read(torn).is_ok(), end == EMPTY.len(), "{end}");
            assert!(bare(torn).len() <= end);
        }
        // A length that no file has, and one that never ends.
        for tail in [
            &[0, 0xff, 0xff, 0xff, 0xff, 0x0f][..],
            &[1, 0x80, 0x80, 0x80, 0x80, 0x80, 0],
        ] {
            assert!(read(&[EMPTY, tail].concat()).is_err());
        }
    }
}
