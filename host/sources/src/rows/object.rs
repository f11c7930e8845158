//! Fields and the names of their columns to a record.

use crate::failure::Failure;
use crate::settings::Header;

/// Columns of a row: more are no table of records.
pub(crate) const MOST_COLUMNS: usize = 2000;

/// The names of columns, made ready for records.
#[derive(Debug)]
pub(crate) enum Columns {
    /// The first row will say them.
    Awaited,
    /// The first row will say how many they are.
    Counted,
    /// The names, as JSON texts with the colon behind them.
    Named(Vec<String>),
}

impl Columns {
    pub(crate) fn new(header: Header) -> Result<Columns, Failure> {
        match header {
            Header::FirstRow => Ok(Columns::Awaited),
            Header::Numbers => Ok(Columns::Counted),
            Header::Names(names) => Columns::named(names.iter().map(String::as_str), 0),
        }
    }

    /// The columns that a first row names. One without a name has its number.
    pub(crate) fn named<'a>(
        names: impl Iterator<Item = &'a str>,
        line: u64,
    ) -> Result<Columns, Failure> {
        let mut known = Vec::new();
        for (index, name) in names.enumerate() {
            let name = match name.trim() {
                "" => (index + 1).to_string(),
                name => name.to_owned(),
            };
            if known.contains(&name) {
                return Err(Failure::content(format!(
                    "line {line}: two columns have the name {name:?}: give each its own, or set `header` to names"
                )));
            }
            known.push(name);
            if known.len() > MOST_COLUMNS {
                return Err(Failure::content(format!(
                    "line {line}: there are more than {MOST_COLUMNS} columns"
                )));
            }
        }
        let ready = known.iter().map(|name| {
            let mut text = String::new();
            quote(&mut text, name);
            text.push(':');
            text
        });
        Ok(Columns::Named(ready.collect()))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        match self {
            Columns::Named(names) => names.len(),
            Columns::Awaited | Columns::Counted => 0,
        }
    }

    /// A record of these fields. The error says why there is none.
    pub(crate) fn record<'a>(
        &self,
        fields: impl ExactSizeIterator<Item = &'a str>,
    ) -> Result<String, String> {
        let Columns::Named(names) = self else {
            return Err("the columns have no names yet".into());
        };
        if fields.len() != names.len() {
            return Err(format!(
                "it has {} fields, and there are {} columns: is a separator within a field that is not quoted?",
                fields.len(),
                names.len()
            ));
        }
        let mut json = String::from("{");
        for (name, field) in names.iter().zip(fields) {
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(name);
            quote(&mut json, field);
        }
        json.push('}');
        Ok(json)
    }

    /// Takes the names of a first row, or their number. Says whether the row was
    /// no more than names.
    pub(crate) fn begin<'a>(
        &mut self,
        fields: impl Iterator<Item = &'a str>,
        line: u64,
    ) -> Result<bool, Failure> {
        match self {
            Columns::Awaited => {
                *self = Columns::named(fields, line)?;
                return Ok(true);
            }
            Columns::Counted => *self = Columns::named(fields.map(|_| ""), line)?,
            Columns::Named(_) => {}
        }
        Ok(false)
    }
}

/// A text as JSON.
fn quote(into: &mut String, text: &str) {
    into.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x00..=0x1f => "",
            _ => continue,
        };
        into.push_str(&text[plain..at]);
        plain = at + 1;
        if short.is_empty() {
            into.push_str(&format!("\\u{byte:04x}"));
        } else {
            into.push_str(short);
        }
    }
    into.push_str(&text[plain..]);
    into.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_becomes_the_same_text_in_json() {
        let every: String = (0u8..128).map(char::from).chain("é库𠀀".chars()).collect();
        let mut json = String::new();
        quote(&mut json, &every);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), every);
    }
}
