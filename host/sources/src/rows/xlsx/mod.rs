//! XLSX: a sheet's rows, one after the other. Every cell is a text.
//!
//! Of the workbook only its texts are in memory, which it keeps in one place and
//! rows point to. Nothing is unpacked beyond its bound.
//!
//! | module | responsibility |
//! |---|---|
//! | `zip` | parts of the file, unpacked as they are read |
//! | `xml` | their elements, within bounds |
//! | `book` | sheets, texts and formats of a workbook |
//! | `format` | which formats of cells are dates, times and codes |
//! | `value` | numbers to the texts that people mean |

mod book;
mod format;
mod value;
mod xml;
mod zip;

use std::fs::File;

use super::{BadRow, Columns, MOST_COLUMNS, MOST_RECORD, Record, Row, Rows};
use crate::failure::Failure;
use crate::settings::Header;
use book::Book;
use xml::{Element, Xml};

/// A sheet that is read.
pub(crate) struct Sheet {
    book: Book,
    xml: Xml,
    columns: Columns,
    /// The row that was read last.
    row: u64,
    fields: Vec<String>,
}

/// A cell while it is read.
#[derive(Default)]
struct Cell {
    column: usize,
    kind: Kind,
    style: usize,
    text: String,
}

/// The first thing that is wrong with a row: the column's index, and why.
type Wrong = Option<(usize, String)>;

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[default]
    Number,
    Shared,
    Text,
    Bool,
    Error,
}

impl Sheet {
    pub(crate) fn open(file: File, sheet: Option<&str>, header: Header) -> Result<Sheet, Failure> {
        let (book, part) = Book::open(file, sheet)?;
        Ok(Sheet {
            book,
            xml: Xml::new(part),
            columns: Columns::new(header)?,
            row: 0,
            fields: Vec::new(),
        })
    }

    /// Reads the next row's cells into `fields`. Gives its number and the first
    /// thing that is wrong with it.
    fn cells(&mut self) -> Result<Option<(u64, Wrong)>, Failure> {
        loop {
            match self.xml.next()? {
                Element::End(name) if name == "sheetData" => return Ok(None),
                Element::Over => return Ok(None),
                Element::Start(tag) if tag.name == "row" => {
                    let number = tag.attribute("r").and_then(|text| text.parse().ok());
                    self.row = number.unwrap_or(self.row + 1);
                    break;
                }
                _ => {}
            }
        }
        self.fields.clear();
        let mut wrong: Wrong = None;
        let mut cell: Option<Cell> = None;
        let mut taking = false;
        let mut size = 0;
        let mut next = 0;
        loop {
            match self.xml.next()? {
                Element::Over => return Err(Failure::content("the sheet ends within a row")),
                Element::End(name) if name == "row" => break,
                Element::Start(tag) if tag.name == "c" => {
                    let place = tag.attribute("r");
                    let column = place.as_deref().and_then(column).unwrap_or(next);
                    next = column + 1;
                    cell = Some(Cell {
                        column,
                        kind: match tag.attribute("t").as_deref() {
                            Some("s") => Kind::Shared,
                            Some("str" | "inlineStr" | "d") => Kind::Text,
                            Some("b") => Kind::Bool,
                            Some("e") => Kind::Error,
                            _ => Kind::Number,
                        },
                        style: tag
                            .attribute("s")
                            .and_then(|text| text.parse().ok())
                            .unwrap_or(0),
                        text: String::new(),
                    });
                }
                // A formula is beside its value, and how a text is pronounced
                // beside the text.
                Element::Start(tag) if tag.name == "f" || tag.name == "rPh" => {
                    self.xml.skip(&tag.name)?;
                }
                Element::Start(tag) if tag.name == "v" || tag.name == "t" => taking = true,
                Element::End(name) if name == "v" || name == "t" => taking = false,
                Element::Text(text) if taking => {
                    if let Some(cell) = &mut cell {
                        cell.text.push_str(&text);
                        if cell.text.len() > MOST_RECORD {
                            return Err(self.too_large());
                        }
                    }
                }
                Element::End(name) if name == "c" => {
                    let Some(cell) = cell.take() else { continue };
                    let text = match self.text(&cell) {
                        Ok(text) => text,
                        Err(problem) => {
                            wrong.get_or_insert((cell.column, problem));
                            cell.text
                        }
                    };
                    if text.is_empty() {
                        continue;
                    }
                    if cell.column >= MOST_COLUMNS {
                        return Err(Failure::content(format!(
                            "row {}: there are more than {MOST_COLUMNS} columns",
                            self.row
                        )));
                    }
                    size += text.len();
                    if size > MOST_RECORD {
                        return Err(self.too_large());
                    }
                    if self.fields.len() <= cell.column {
                        self.fields.resize(cell.column + 1, String::new());
                    }
                    self.fields[cell.column] = text;
                }
                _ => {}
            }
        }
        Ok(Some((self.row, wrong)))
    }

    fn too_large(&self) -> Failure {
        let row = self.row;
        Failure::content(format!("row {row}: it has more than {MOST_RECORD} bytes"))
    }

    /// What a person sees in a cell, as text. The error says why it can't be told.
    fn text(&self, cell: &Cell) -> Result<String, String> {
        let text = &cell.text;
        match cell.kind {
            Kind::Shared => {
                let index: Option<usize> = text.parse().ok();
                let found = index.and_then(|index| self.book.texts.get(index));
                let found = found.ok_or("the cell's text is missing in the workbook")?;
                Ok(found.to_owned())
            }
            Kind::Text => Ok(xml::unescape(text)),
            Kind::Bool => Ok(match text.as_str() {
                "1" | "true" => "true".into(),
                "0" | "false" => "false".into(),
                other => other.to_owned(),
            }),
            Kind::Error => Err(format!("the cell shows the error {text}")),
            Kind::Number if text.is_empty() => Ok(String::new()),
            Kind::Number => value::text(text, self.book.format(cell.style), self.book.since_1904),
        }
    }
}

/// The index of a cell's column, of a place like `AB12`.
fn column(place: &str) -> Option<usize> {
    let mut column = 0usize;
    for letter in place.bytes().take_while(u8::is_ascii_alphabetic) {
        let value = usize::from(letter.to_ascii_uppercase() - b'A') + 1;
        column = column.checked_mul(26)?.checked_add(value)?;
        if column > 1 << 20 {
            return None;
        }
    }
    column.checked_sub(1)
}

/// The letters of a column, as people know it.
fn letters(mut index: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(char::from(b'A' + (index % 26) as u8));
        if index < 26 {
            break;
        }
        index = index / 26 - 1;
    }
    letters.iter().rev().collect()
}

impl Rows for Sheet {
    fn next(&mut self) -> Result<Option<Row>, Failure> {
        loop {
            let Some((row, wrong)) = self.cells()? else {
                return Ok(None);
            };
            if self.fields.iter().all(String::is_empty) && wrong.is_none() {
                continue;
            }
            if !matches!(self.columns, Columns::Named(_)) {
                if let Some((column, problem)) = &wrong {
                    return Err(Failure::content(format!(
                        "row {row}, column {}: the row with the columns' names: {problem}",
                        letters(*column)
                    )));
                }
                let names = self.fields.iter().map(String::as_str);
                if self.columns.begin(names, row)? {
                    continue;
                }
            }
            let bad = |column: Option<usize>, problem: String| {
                let shown = self.fields.join("\t");
                let column = column.map(|column| column as u64 + 1);
                Row::Bad(BadRow::new(row, column, problem, shown.as_bytes()))
            };
            if let Some((column, problem)) = wrong {
                let problem = format!("cell {}{row}: {problem}", letters(column));
                return Ok(Some(bad(Some(column), problem)));
            }
            // A sheet leaves cells out that are empty.
            let wanted = self.columns.count();
            if self.fields.len() < wanted {
                self.fields.resize(wanted, String::new());
            }
            let record = self.columns.record(self.fields.iter().map(String::as_str));
            return Ok(Some(match record {
                Ok(json) => Row::Good(Record { json, line: row }),
                Err(_) => {
                    let problem = format!(
                        "it has a value in column {}, which has no name",
                        letters(wanted)
                    );
                    Row::Bad(BadRow::new(
                        row,
                        Some(wanted as u64 + 1),
                        problem,
                        self.fields.join("\t").as_bytes(),
                    ))
                }
            }));
        }
    }
}

#[cfg(test)]
mod tests;
