//! A lookup table in memory: every row once, found by its key.
//!
//! What is kept is as large as the file: keys and values one after the other, and
//! where each row begins. A row becomes JSON when somebody asks for it.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;
use serde_json::value::RawValue;

/// Stands between what a row is made of: no byte of UTF-8 text.
const BETWEEN: u8 = 0xff;

/// Most bytes of a row with its key, and so of what one look-up gives.
pub(super) const MAX_ROW: usize = 64 << 10;

/// Most bytes of JSON that a table has which every script gets in its context.
const IN_CONTEXT: usize = 64 << 10;

/// Most bytes of JSON of a table that a script may have as a whole.
pub(super) const MAX_WHOLE: usize = 2 << 20;

/// A lookup table.
pub struct Table(Shape);

enum Shape {
    /// JSON text that scripts get in their context.
    Text(Box<RawValue>),
    Rows(Rows),
}

/// Rows, which stay where they are.
struct Rows {
    bytes: Box<[u8]>,
    /// From where to where each row is in there.
    places: Box<[(u32, u32)]>,
    /// Which row has a key.
    index: HashTable<u32>,
    hashes: RandomState,
    columns: Columns,
    copyable: bool,
}

/// What a row's bytes are, after its key.
pub(super) enum Columns {
    /// JSON, as it was in its file.
    Json,
    /// The values of these columns, of which the key is the first. Each name is JSON
    /// with its colon.
    Named(Vec<String>),
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("rows", &self.rows())
            .field("held_bytes", &self.held_bytes())
            .finish()
    }
}

impl Table {
    /// A table that is not looked up by the host.
    pub(super) fn of_text(text: Box<RawValue>) -> Self {
        Self(Shape::Text(text))
    }

    /// The JSON text of a table that belongs into the context: a small one, or one
    /// that is no object of rows.
    pub fn in_context(&self) -> Option<&RawValue> {
        match &self.0 {
            Shape::Text(text) => Some(text),
            Shape::Rows(_) => None,
        }
    }

    /// How many rows can be looked up.
    pub fn rows(&self) -> usize {
        match &self.0 {
            Shape::Text(_) => 0,
            Shape::Rows(rows) => rows.places.len(),
        }
    }

    /// Whether [`whole`](Self::whole) gives it.
    pub fn is_copyable(&self) -> bool {
        match &self.0 {
            Shape::Text(_) => true,
            Shape::Rows(rows) => rows.copyable,
        }
    }

    /// What belongs to a key, as JSON.
    pub fn lookup(&self, key: &str) -> Option<String> {
        let Shape::Rows(rows) = &self.0 else {
            return None;
        };
        let row = rows.find(key.as_bytes())?;
        let mut json = String::with_capacity(256);
        rows.write(row, &mut json);
        Some(json)
    }

    /// The table as JSON, if it is small enough for that.
    pub fn whole(&self) -> Option<String> {
        match &self.0 {
            Shape::Text(text) => Some(text.get().to_owned()),
            Shape::Rows(rows) => rows.copyable.then(|| rows.whole()).flatten(),
        }
    }

    /// Bytes of memory that it takes.
    pub fn held_bytes(&self) -> usize {
        match &self.0 {
            Shape::Text(text) => text.get().len(),
            Shape::Rows(rows) => {
                rows.bytes.len()
                    + size_of_val(&*rows.places)
                    + rows.index.capacity() * (size_of::<u32>() + 1) * 8 / 7
            }
        }
    }
}

impl Rows {
    fn row(&self, row: u32) -> &[u8] {
        let (from, to) = self.places.get(row as usize).copied().unwrap_or_default();
        let row = self.bytes.get(from as usize..to as usize);
        row.unwrap_or_default()
    }

    fn find(&self, key: &[u8]) -> Option<u32> {
        let hash = self.hashes.hash_one(key);
        let row = self
            .index
            .find(hash, |row| key_of(self.row(*row)).0 == key)?;
        Some(*row)
    }

    /// Appends a row as JSON.
    fn write(&self, row: u32, json: &mut String) {
        let row = self.row(row);
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        let columns = match &self.columns {
            Columns::Json => return json.push_str(text(key_of(row).1)),
            Columns::Named(columns) => columns,
        };
        json.push('{');
        let values = row.split(|byte| *byte == BETWEEN);
        for (position, (column, value)) in columns.iter().zip(values).enumerate() {
            if position > 0 {
                json.push(',');
            }
            json.push_str(column);
            push_text(json, text(value));
        }
        json.push('}');
    }

    /// All of it, if that is little enough.
    fn whole(&self) -> Option<String> {
        let mut json = String::from("{");
        for row in 0..u32::try_from(self.places.len()).ok()? {
            if row > 0 {
                json.push(',');
            }
            let key = std::str::from_utf8(key_of(self.row(row)).0).ok()?;
            push_text(&mut json, key);
            json.push(':');
            self.write(row, &mut json);
            if json.len() > MAX_WHOLE {
                return None;
            }
        }
        json.push('}');
        Some(json)
    }
}

/// A row's key and what follows it.
fn key_of(row: &[u8]) -> (&[u8], &[u8]) {
    match row.iter().position(|byte| *byte == BETWEEN) {
        Some(end) => (&row[..end], &row[end + 1..]),
        None => (row, &[]),
    }
}

/// Appends a text as JSON.
fn push_text(json: &mut String, text: &str) {
    let plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        json.push('"');
        json.push_str(text);
        json.push('"');
    } else {
        json.push_str(&serde_json::Value::from(text).to_string());
    }
}

/// Names of columns, as [`Columns::Named`] has them.
pub(super) fn names<'n>(columns: impl Iterator<Item = &'n str>) -> Columns {
    let named = columns.map(|name| {
        let mut json = String::new();
        push_text(&mut json, name);
        json.push(':');
        json
    });
    Columns::Named(named.collect())
}

/// A table that is being read.
pub(super) struct Builder {
    bytes: Vec<u8>,
    places: Vec<(u32, u32)>,
    index: HashTable<u32>,
    hashes: RandomState,
    columns: Columns,
}

/// What became of a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Added {
    Yes,
    /// Its key has this row already.
    Again(usize),
    /// It has more than [`MAX_ROW`].
    TooLarge,
}

impl Builder {
    /// Without a row; `bytes` is a guess at what all rows will take.
    pub fn new(columns: Columns, bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            places: Vec::new(),
            index: HashTable::new(),
            hashes: RandomState::new(),
            columns,
        }
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.places.len()
    }

    /// Adds a row of several parts, of which the first is its key.
    pub fn add<'p>(&mut self, parts: impl Iterator<Item = &'p str>) -> Added {
        let from = self.bytes.len();
        for (position, part) in parts.enumerate() {
            if position > 0 {
                self.bytes.push(BETWEEN);
            }
            self.bytes.extend_from_slice(part.as_bytes());
        }
        let to = self.bytes.len();
        let (Ok(start), Ok(end)) = (u32::try_from(from), u32::try_from(to)) else {
            return Added::TooLarge;
        };
        let Ok(row) = u32::try_from(self.places.len()) else {
            return Added::TooLarge;
        };
        if to - from > MAX_ROW {
            return Added::TooLarge;
        }
        let (bytes, places, hashes) = (&self.bytes, &mut self.places, &self.hashes);
        let key = key_of(&bytes[from..to]).0;
        let key_of = |places: &[(u32, u32)], row: u32| {
            let (from, to) = places[row as usize];
            key_of(&bytes[from as usize..to as usize]).0
        };
        let hash = hashes.hash_one(key);
        if let Some(known) = self.index.find(hash, |row| key_of(places, *row) == key) {
            return Added::Again(*known as usize);
        }
        places.push((start, end));
        self.index
            .insert_unique(hash, row, |row| hashes.hash_one(key_of(places, *row)));
        Added::Yes
    }

    /// Puts what was added last in the place of an earlier row.
    pub fn replace(&mut self, row: usize, last: usize) {
        let from = u32::try_from(last).unwrap_or(u32::MAX);
        let to = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        if let Some(place) = self.places.get_mut(row) {
            *place = (from, to);
        }
    }

    /// Where the next row begins.
    pub fn end(&self) -> usize {
        self.bytes.len()
    }

    /// The table; `may_copy` says whether scripts may have it as a whole, as far as
    /// its size allows.
    pub fn finish(mut self, may_copy: bool) -> Table {
        let places = &self.places;
        let (bytes, hashes) = (&self.bytes, &self.hashes);
        self.index.shrink_to_fit(|row| {
            let (from, to) = places[*row as usize];
            hashes.hash_one(key_of(&bytes[from as usize..to as usize]).0)
        });
        let mut rows = Rows {
            bytes: self.bytes.into_boxed_slice(),
            places: self.places.into_boxed_slice(),
            index: self.index,
            hashes: self.hashes,
            columns: self.columns,
            copyable: false,
        };
        if let Some(json) = may_copy.then(|| rows.whole()).flatten() {
            rows.copyable = true;
            if json.len() <= IN_CONTEXT
                && let Ok(text) = RawValue::from_string(json)
            {
                return Table::of_text(text);
            }
        }
        Table(Shape::Rows(rows))
    }
}

/// Tables by name.
pub type Tables = Vec<(String, Arc<Table>)>;
