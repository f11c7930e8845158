//! Elements of a part, within bounds.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::zip::Part;
use crate::failure::Failure;

/// Bytes of one element's tag, or of the text between two.
const MOST_TOKEN: usize = 2 << 20;

/// What comes next in a part. Names are without their prefix.
pub(super) enum Element {
    Start(Tag),
    End(String),
    Text(String),
    Over,
}

/// An element's beginning.
pub(super) struct Tag {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let found = self.attributes.iter().find(|(known, _)| known == name)?;
        Some(found.1.clone())
    }
}

pub(super) struct Xml {
    reader: Reader<Bounded>,
    buffer: Vec<u8>,
    /// An element without content is a beginning and an end.
    end: Option<String>,
}

/// Ends a token that goes on and on.
struct Bounded {
    from: BufReader<Part>,
    taken: usize,
}

impl Read for Bounded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.from.read(into)
    }
}

impl BufRead for Bounded {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken > MOST_TOKEN {
            let why = format!("a text in it has more than {MOST_TOKEN} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        self.from.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.taken += bytes;
        self.from.consume(bytes);
    }
}

fn failed(error: &quick_xml::Error) -> Failure {
    match error {
        quick_xml::Error::Io(error) if error.kind() != io::ErrorKind::InvalidData => {
            Failure::io("the workbook cannot be read", error)
        }
        other => Failure::content(format!("a part of the workbook cannot be read: {other}")),
    }
}

impl Xml {
    pub(super) fn new(part: Part) -> Xml {
        let mut reader = Reader::from_reader(Bounded {
            from: BufReader::with_capacity(64 * 1024, part),
            taken: 0,
        });
        reader.config_mut().check_end_names = false;
        Xml {
            reader,
            buffer: Vec::new(),
            end: None,
        }
    }

    pub(super) fn next(&mut self) -> Result<Element, Failure> {
        if let Some(name) = self.end.take() {
            return Ok(Element::End(name));
        }
        loop {
            self.buffer.clear();
            self.reader.get_mut().taken = 0;
            let event = self
                .reader
                .read_event_into(&mut self.buffer)
                .map_err(|error| failed(&error))?;
            return Ok(match event {
                Event::Start(start) => Element::Start(tag(&start)?),
                Event::Empty(start) => {
                    let tag = tag(&start)?;
                    self.end = Some(tag.name.clone());
                    Element::Start(tag)
                }
                Event::End(end) => Element::End(local(end.local_name().as_ref())),
                Event::Text(text) => Element::Text(text.into_inner().into_owned()),
                Event::CData(text) => Element::Text(text.into_inner().into_owned()),
                Event::GeneralRef(known) => Element::Text(match known.resolve_char_ref() {
                    Ok(Some(one)) => one.to_string(),
                    _ => match &*known.into_inner() {
                        "lt" => "<".into(),
                        "gt" => ">".into(),
                        "amp" => "&".into(),
                        "quot" => "\"".into(),
                        "apos" => "'".into(),
                        _ => {
                            return Err(Failure::content(
                                "a part of the workbook cannot be read: it has an entity of its own",
                            ));
                        }
                    },
                }),
                Event::Eof => Element::Over,
                _ => continue,
            });
        }
    }

    /// Passes everything in an element that was begun.
    pub(super) fn skip(&mut self, name: &str) -> Result<(), Failure> {
        let mut depth = 1;
        while depth > 0 {
            match self.next()? {
                Element::Start(tag) if tag.name == name => depth += 1,
                Element::End(end) if end == name => depth -= 1,
                Element::Over => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    }
}

fn local(name: &str) -> String {
    name.to_owned()
}

fn tag(start: &BytesStart<'_>) -> Result<Tag, Failure> {
    let mut attributes = Vec::new();
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| {
            Failure::content(format!("a part of the workbook cannot be read: {error}"))
        })?;
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .unwrap_or(Cow::Borrowed(""));
        let name = local(attribute.key.local_name().as_ref());
        attributes.push((name, value.into_owned()));
    }
    Ok(Tag {
        name: local(start.local_name().as_ref()),
        attributes,
    })
}

/// A workbook writes characters that XML doesn't have as `_x000D_`.
pub(super) fn unescape(text: &str) -> String {
    if !text.contains("_x") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 2..at + 6);
        let code = code.filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let one = code.and_then(|code| u32::from_str_radix(code, 16).ok());
        match one.and_then(char::from_u32) {
            Some(one) if rest[at + 6..].starts_with('_') => {
                out.push(one);
                rest = &rest[at + 7..];
            }
            _ => {
                out.push_str("_x");
                rest = &rest[at + 2..];
            }
        }
    }
    out.push_str(rest);
    out
}
