//! CSV: fields between separators, a record on each row. Every field is a text.

use csv_core::{ReadRecordResult, ReaderBuilder};

use super::object::MOST_COLUMNS;
use super::{BadRow, Columns, MOST_RECORD, MOST_SHOWN, Record, Row, Rows, not_of_the_encoding};
use crate::failure::Failure;
use crate::settings::{Csv, Header};
use crate::text::Text;

/// Bytes of a row as it stands in the file that are kept: enough to see that it is
/// longer than what is shown.
const MOST_KEPT: usize = MOST_SHOWN + 4;

/// Characters of the columns' names that are shown.
const MOST_NAME: usize = 100;

/// What else may stand between fields, with how it is written in a setting.
const SEPARATORS: [(u8, &str); 3] = [(b';', ";"), (b'\t', "\\t"), (b'|', "|")];

pub(crate) struct CsvRows {
    text: Text,
    parser: Box<csv_core::Reader>,
    settings: Csv,
    header: Option<Header>,
    columns: Columns,
    /// Lines before the place where the text is.
    lines: u64,
    fields: Vec<u8>,
    ends: Vec<usize>,
    /// The row as it stands in the file, as far as it may be shown.
    row: Vec<u8>,
    /// The text's last byte that was passed, and whether the end was told.
    last: u8,
    over: bool,
}

/// A row as it was cut: how many fields it has, where it began.
struct Cut {
    fields: usize,
    line: u64,
    from: u64,
}

impl CsvRows {
    pub(crate) fn new(text: Text, settings: Csv, header: Header) -> CsvRows {
        let mut builder = ReaderBuilder::new();
        builder.delimiter(settings.separator);
        match settings.quote {
            Some(quote) => builder.quote(quote),
            None => builder.quoting(false),
        };
        CsvRows {
            text,
            parser: Box::new(builder.build()),
            settings,
            header: Some(header),
            columns: Columns::Awaited,
            lines: 0,
            fields: vec![0; 4096],
            ends: vec![0; 64],
            row: Vec::new(),
            last: b'\n',
            over: false,
        }
    }

    /// Passes the ends of lines that are before a row.
    fn pass_blank_lines(&mut self) -> Result<(), Failure> {
        loop {
            let piece = look(&mut self.text)?;
            let blank = piece
                .iter()
                .position(|byte| !matches!(byte, b'\r' | b'\n'))
                .unwrap_or(piece.len());
            self.lines += lines(&piece[..blank]);
            let all = !piece.is_empty() && blank == piece.len();
            if let Some(last) = piece[..blank].last() {
                self.last = *last;
            }
            self.text.pass(blank);
            if !all {
                return Ok(());
            }
        }
    }

    /// Cuts the next row.
    fn cut(&mut self) -> Result<Option<Cut>, Failure> {
        self.pass_blank_lines()?;
        let line = self.lines + 1;
        let from = self.text.place();
        let (mut bytes, mut fields) = (0, 0);
        self.row.clear();
        loop {
            let piece = look(&mut self.text)?;
            let at_end = piece.is_empty();
            // At the end, a line's end first: a row that goes on behind it is in
            // a quote that nobody closed.
            let feed: &[u8] = match (at_end, self.over) {
                (false, _) => piece,
                (true, false) if self.last != b'\n' => b"\n",
                (true, _) => b"",
            };
            if at_end {
                self.over = true;
            }
            let told = feed.is_empty();
            let (result, read, wrote, ended) =
                self.parser
                    .read_record(feed, &mut self.fields[bytes..], &mut self.ends[fields..]);
            if let Some(last) = feed[..read].last() {
                self.last = *last;
            }
            self.lines += lines(&feed[..read]);
            if !at_end {
                let room = MOST_KEPT.saturating_sub(self.row.len());
                self.row.extend_from_slice(&feed[..read.min(room)]);
                self.text.pass(read);
            }
            bytes += wrote;
            fields += ended;
            match result {
                ReadRecordResult::Record if told && bytes + fields > 0 => {
                    return Err(self.open_quote(line));
                }
                ReadRecordResult::Record => {
                    return Ok(Some(Cut { fields, line, from }));
                }
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.fields.len() >= MOST_RECORD => {
                    return Err(self.too_long(line));
                }
                ReadRecordResult::OutputFull => self.fields.resize(self.fields.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if self.ends.len() > MOST_COLUMNS => {
                    return Err(Failure::content(format!(
                        "line {line}: the row has more than {MOST_COLUMNS} fields"
                    )));
                }
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
            }
        }
    }

    fn open_quote(&self, line: u64) -> Failure {
        let quote = char::from(self.settings.quote.unwrap_or(b'"'));
        Failure::content(format!(
            "line {line}: the row that begins here is never over: a {quote} is missing; where it is part of a text, set `quote` to another character or to \"\""
        ))
    }

    fn too_long(&self, line: u64) -> Failure {
        Failure::content(format!(
            "line {line}: the row that begins here has more than {MOST_RECORD} bytes: is the quote missing that closes a field?"
        ))
    }

    /// The row that was cut, as it stands in the file.
    fn row(&self) -> &[u8] {
        let mut row = &self.row[..];
        while let [rest @ .., b'\r' | b'\n'] = row {
            row = rest;
        }
        row
    }

    /// Refuses a file that would be read as one column, with all its fields in it.
    fn is_cut(&self, names: &[&str], line: u64) -> Result<(), Failure> {
        let [name] = names else { return Ok(()) };
        let other = SEPARATORS
            .iter()
            .find(|(byte, _)| *byte != self.settings.separator && name.as_bytes().contains(byte));
        let Some((_, written)) = other else {
            return Ok(());
        };
        let shown: String = name.chars().take(MOST_NAME).collect();
        Err(Failure::content(format!(
            "line {line}: the columns' names are one column, {shown:?}, which has the separator of another kind of CSV in it: set `separator = \"{written}\"`"
        )))
    }

    /// The fields of a row that was cut.
    fn fields<'a>(&'a self, cut: &Cut) -> Vec<&'a str> {
        let mut from = 0;
        self.ends[..cut.fields]
            .iter()
            .map(|end| {
                let field = std::str::from_utf8(&self.fields[from..*end]).unwrap_or_default();
                from = *end;
                field
            })
            .collect()
    }
}

fn look(text: &mut Text) -> Result<&[u8], Failure> {
    text.look()
        .map_err(|error| Failure::io("the file cannot be read", &error))
}

fn lines(piece: &[u8]) -> u64 {
    piece.iter().filter(|byte| **byte == b'\n').count() as u64
}

impl Rows for CsvRows {
    fn next(&mut self) -> Result<Option<Row>, Failure> {
        if let Some(header) = self.header.take() {
            self.columns = Columns::new(header)?;
        }
        loop {
            let Some(cut) = self.cut()? else {
                return Ok(None);
            };
            let bytes = self.text.bad_between(cut.from, self.text.place());
            let fields = self.fields(&cut);
            if let Some(bytes) = bytes {
                let problem = not_of_the_encoding(&bytes, self.text.encoding());
                if matches!(self.columns, Columns::Awaited) {
                    return Err(Failure::content(format!(
                        "line {}: the row with the columns' names: {problem}",
                        cut.line
                    )));
                }
                let column = fields
                    .iter()
                    .position(|field| field.contains('\u{fffd}'))
                    .map(|index| index as u64 + 1);
                let row = BadRow::new(cut.line, column, problem, self.row());
                return Ok(Some(Row::Bad(row)));
            }
            // What spreadsheets write for a row without anything.
            if fields.iter().all(|field| field.is_empty()) {
                continue;
            }
            if matches!(self.columns, Columns::Awaited | Columns::Counted) {
                let mut columns = std::mem::replace(&mut self.columns, Columns::Awaited);
                let fields = self.fields(&cut);
                if matches!(columns, Columns::Awaited) {
                    self.is_cut(&fields, cut.line)?;
                }
                let only_names = columns.begin(fields.iter().copied(), cut.line)?;
                self.columns = columns;
                if only_names {
                    continue;
                }
            }
            let fields = self.fields(&cut);
            return Ok(Some(match self.columns.record(fields.iter().copied()) {
                Ok(json) => Row::Good(Record {
                    json,
                    line: cut.line,
                }),
                Err(problem) => Row::Bad(BadRow::new(cut.line, None, problem, self.row())),
            }));
        }
    }
}
