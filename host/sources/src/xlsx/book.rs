//! A workbook: its sheets, its texts and the formats of its cells.

use std::collections::HashMap;
use std::fs::File;

use super::format::Format;
use super::xml::{Element, Xml, unescape};
use super::zip::{Part, Zip};
use crate::failure::Failure;

/// Bytes of a part that says how the workbook is made.
const MOST_OUTLINE: u64 = 16 << 20;

/// Bytes of the texts, as they are written.
const MOST_TEXTS: u64 = 128 << 20;

/// How many texts there are.
const MOST_TEXT_COUNT: usize = 4_000_000;

/// Bytes of a sheet, unpacked.
const MOST_SHEET: u64 = 4 << 30;

/// Formats of cells.
const MOST_FORMATS: usize = 65_536;

#[derive(Debug)]
pub(super) struct Book {
    pub(super) texts: Texts,
    formats: Vec<Format>,
    pub(super) since_1904: bool,
}

/// Texts one behind the other.
#[derive(Debug, Default)]
pub(super) struct Texts {
    all: String,
    ends: Vec<u32>,
}

impl Texts {
    pub(super) fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)? as usize;
        let from = match index {
            0 => 0,
            index => *self.ends.get(index - 1)? as usize,
        };
        self.all.get(from..end)
    }
}

/// A sheet as the workbook lists it.
struct Listed {
    name: String,
    id: String,
}

impl Book {
    /// Opens a workbook, and the part of one of its sheets.
    pub(super) fn open(file: File, sheet: Option<&str>) -> Result<(Book, Part), Failure> {
        let zip = Zip::open(file)?;
        let missing = |what: &str| {
            Failure::content(format!(
                "the file is no workbook that can be read: it has no {what}"
            ))
        };
        let outline = relations(&zip, "_rels/.rels", "")?;
        let path = outline
            .iter()
            .find(|relation| relation.kind == "officeDocument")
            .map_or("xl/workbook.xml", |relation| &relation.target)
            .to_owned();
        let part = zip
            .part(&path, MOST_OUTLINE)?
            .ok_or_else(|| missing("list of sheets"))?;
        let (sheets, since_1904) = workbook(part)?;
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let links = relations(&zip, &format!("{folder}/_rels/{name}.rels"), folder)?;
        let listed = match sheet {
            None => sheets.first().ok_or_else(|| missing("sheet"))?,
            Some(wanted) => sheets
                .iter()
                .find(|listed| listed.name == wanted)
                .ok_or_else(|| no_sheet(wanted, &sheets))?,
        };
        let target = links
            .iter()
            .find(|relation| relation.id == listed.id && relation.kind == "worksheet")
            .ok_or_else(|| missing("part for the sheet, which may be a chart"))?;
        let of_kind = |kind: &str| links.iter().find(|relation| relation.kind == kind);
        let mut formats = Vec::new();
        if let Some(relation) = of_kind("styles")
            && let Some(part) = zip.part(&relation.target, MOST_OUTLINE)?
        {
            formats = styles(part)?;
        }
        let mut texts = Texts::default();
        if let Some(relation) = of_kind("sharedStrings")
            && let Some(part) = zip.part(&relation.target, MOST_TEXTS)?
        {
            texts = shared(part)?;
        }
        let part = zip
            .part(&target.target, MOST_SHEET)?
            .ok_or_else(|| missing("part for the sheet"))?;
        let book = Book {
            texts,
            formats,
            since_1904,
        };
        Ok((book, part))
    }

    pub(super) fn format(&self, style: usize) -> Format {
        self.formats.get(style).copied().unwrap_or_default()
    }
}

fn no_sheet(wanted: &str, sheets: &[Listed]) -> Failure {
    let names: Vec<String> = sheets
        .iter()
        .take(10)
        .map(|listed| format!("{:?}", listed.name))
        .collect();
    Failure::content(format!(
        "the workbook has no sheet {wanted:?}: it has {}",
        names.join(", ")
    ))
}

struct Relation {
    id: String,
    kind: String,
    target: String,
}

/// What a part leads to; paths are from the file's root.
fn relations(zip: &Zip, path: &str, folder: &str) -> Result<Vec<Relation>, Failure> {
    let Some(part) = zip.part(path, MOST_OUTLINE)? else {
        return Ok(Vec::new());
    };
    let mut xml = Xml::new(part);
    let mut found = Vec::new();
    loop {
        match xml.next()? {
            Element::Over => return Ok(found),
            Element::Start(tag) if tag.name == "Relationship" => {
                let of = |name| tag.attribute(name).unwrap_or_default();
                let target = of("Target");
                let target = match target.strip_prefix('/') {
                    Some(whole) => whole.to_owned(),
                    None if folder.is_empty() => target,
                    None => format!("{folder}/{target}"),
                };
                let kind = of("Type");
                let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
                found.push(Relation {
                    id: of("Id"),
                    kind,
                    target,
                });
            }
            _ => {}
        }
    }
}

/// The sheets, and whether days count from 1904.
fn workbook(part: Part) -> Result<(Vec<Listed>, bool), Failure> {
    let mut xml = Xml::new(part);
    let (mut sheets, mut since_1904) = (Vec::new(), false);
    loop {
        match xml.next()? {
            Element::Over => return Ok((sheets, since_1904)),
            Element::Start(tag) if tag.name == "sheet" => sheets.push(Listed {
                name: tag.attribute("name").unwrap_or_default(),
                id: tag.attribute("id").unwrap_or_default(),
            }),
            Element::Start(tag) if tag.name == "workbookPr" => {
                let set = tag.attribute("date1904");
                since_1904 = matches!(set.as_deref(), Some("1" | "true" | "on"));
            }
            _ => {}
        }
    }
}

fn styles(part: Part) -> Result<Vec<Format>, Failure> {
    let mut xml = Xml::new(part);
    let mut codes: HashMap<u32, String> = HashMap::new();
    let mut formats = Vec::new();
    let mut in_cells = false;
    loop {
        match xml.next()? {
            Element::Over => return Ok(formats),
            Element::End(name) if name == "cellXfs" => in_cells = false,
            Element::Start(tag) => {
                let number = tag
                    .attribute("numFmtId")
                    .and_then(|text| text.parse().ok())
                    .unwrap_or(0);
                match tag.name.as_str() {
                    "numFmt" if codes.len() < MOST_FORMATS => {
                        codes.insert(number, tag.attribute("formatCode").unwrap_or_default());
                    }
                    "cellXfs" => in_cells = true,
                    "xf" if in_cells && formats.len() < MOST_FORMATS => {
                        formats.push(match codes.get(&number) {
                            Some(code) => Format::of_code(code),
                            None => Format::of_number(number),
                        });
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

fn shared(part: Part) -> Result<Texts, Failure> {
    let mut xml = Xml::new(part);
    let mut texts = Texts::default();
    let mut taking = false;
    let mut one = String::new();
    loop {
        match xml.next()? {
            Element::Over => return Ok(texts),
            Element::Start(tag) if tag.name == "si" => one.clear(),
            Element::Start(tag) if tag.name == "rPh" => xml.skip("rPh")?,
            Element::Start(tag) if tag.name == "t" => taking = true,
            Element::End(name) if name == "t" => taking = false,
            Element::Text(text) if taking => one.push_str(&text),
            Element::End(name) if name == "si" => {
                texts.all.push_str(&unescape(&one));
                let end = u32::try_from(texts.all.len()).ok();
                match end.filter(|_| texts.ends.len() < MOST_TEXT_COUNT) {
                    Some(end) => texts.ends.push(end),
                    None => {
                        return Err(Failure::content(format!(
                            "the workbook has more than {MOST_TEXT_COUNT} texts"
                        )));
                    }
                }
            }
            _ => {}
        }
    }
}
