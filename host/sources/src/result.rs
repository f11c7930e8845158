//! Records as a file, once per run.
//!
//! Each page lies in a part of its own until the run ends, so that a page that is
//! written again after a kill replaces itself. Then the parts become one file,
//! which gets its name at once and replaces nothing.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::Failure;
use crate::folder::system;

/// A run's file.
#[derive(Debug, Clone)]
pub struct ResultFile {
    folder: PathBuf,
    name: String,
    csv: bool,
}

impl ResultFile {
    /// The file of a run, as `out/stock-42.ndjson` for `out/stock.ndjson`. The
    /// name has to end in `.ndjson` or `.csv`.
    pub fn new(path: &Path, run: u64) -> Result<ResultFile, Failure> {
        let wrong = || {
            Failure::setting(format!(
                "{}: a result's file ends in .ndjson or .csv",
                path.display()
            ))
        };
        let name = path.file_name().and_then(|name| name.to_str());
        let (stem, ending) = name
            .and_then(|name| name.rsplit_once('.'))
            .ok_or_else(wrong)?;
        if !matches!(ending, "ndjson" | "csv") {
            return Err(wrong());
        }
        Ok(ResultFile {
            folder: match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
                _ => PathBuf::from("."),
            },
            name: format!("{stem}-{run}.{ending}"),
            csv: ending == "csv",
        })
    }

    /// Where the file is once the run ended.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    fn parts(&self) -> PathBuf {
        self.folder.join(format!(".{}.parts", self.name))
    }

    fn failed(&self, error: &io::Error) -> Failure {
        Failure::unavailable(format!(
            "{} cannot be written: {error}",
            self.path().display()
        ))
    }

    /// Writes a page's records, JSON texts. The same page again takes the place
    /// of what was there.
    pub fn page<'a>(
        &self,
        number: u32,
        records: impl Iterator<Item = &'a str>,
    ) -> Result<(), Failure> {
        self.try_page(number, records)
            .map_err(|error| self.failed(&error))
    }

    fn try_page<'a>(&self, number: u32, records: impl Iterator<Item = &'a str>) -> io::Result<()> {
        let parts = self.parts();
        std::fs::create_dir_all(&parts)?;
        let unfinished = parts.join("unfinished");
        system::remove(&unfinished)?;
        let mut out = BufWriter::new(system::create(&unfinished)?);
        for record in records {
            // A record is one line, however it was written.
            let record: Value = serde_json::from_str(record)?;
            serde_json::to_writer(&mut out, &record)?;
            out.write_all(b"\n")?;
        }
        out.flush()?;
        out.get_ref().sync_all()?;
        std::fs::rename(&unfinished, parts.join(format!("{number:010}")))
    }

    /// Makes the file of its parts. Called again, it gives the file that is
    /// there; none where the run had no records.
    pub fn finish(&self) -> Result<Option<PathBuf>, Failure> {
        self.try_finish().map_err(|error| self.failed(&error))
    }

    fn try_finish(&self) -> io::Result<Option<PathBuf>> {
        let (path, parts) = (self.path(), self.parts());
        if !parts.is_dir() {
            return Ok(path.is_file().then_some(path));
        }
        let mut pages: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(&parts)? {
            let entry = entry?;
            let name = entry.file_name();
            let digits = name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
            if digits {
                pages.push(entry.path());
            }
        }
        pages.sort_unstable();
        let whole = parts.join("whole");
        system::remove(&whole)?;
        let mut out = BufWriter::new(system::create(&whole)?);
        match self.csv {
            false => {
                for page in &pages {
                    io::copy(&mut File::open(page)?, &mut out)?;
                }
            }
            true => table(&pages, &mut out)?,
        }
        out.flush()?;
        out.get_ref().sync_all()?;
        match system::rename_new(&whole, &path) {
            Ok(()) => {}
            // A host that was killed had made it already: a run's number is its own.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        if let Ok(folder) = File::open(&self.folder) {
            let _ = folder.sync_all();
        }
        std::fs::remove_dir_all(&parts)?;
        Ok(Some(path))
    }
}

/// Bytes of a line of a part: one record.
const MOST_LINE: u64 = 64 << 20;

/// Writes records as CSV. Its columns are the members of all records, in the
/// order in which they come first.
fn table(pages: &[PathBuf], out: &mut impl Write) -> io::Result<()> {
    let mut columns: Vec<String> = Vec::new();
    let mut known = std::collections::HashSet::new();
    each(pages, |record| {
        match record {
            Value::Object(members) => {
                for name in members.keys() {
                    if known.insert(name.clone()) {
                        columns.push(name.clone());
                    }
                }
            }
            _ => {
                if known.insert("value".to_owned()) {
                    columns.push("value".to_owned());
                }
            }
        }
        Ok(())
    })?;
    if columns.is_empty() {
        return Ok(());
    }
    row(out, columns.iter().map(String::as_str))?;
    each(pages, |record| {
        let fields = columns.iter().map(|column| match &record {
            Value::Object(members) => members.get(column).map(field).unwrap_or_default(),
            other if column == "value" => field(other),
            _ => String::new(),
        });
        let fields: Vec<String> = fields.collect();
        row(out, fields.iter().map(String::as_str))
    })
}

fn each(pages: &[PathBuf], mut with: impl FnMut(Value) -> io::Result<()>) -> io::Result<()> {
    for page in pages {
        let mut lines = BufReader::new(File::open(page)?);
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut bounded = Read::by_ref(&mut lines).take(MOST_LINE);
            if io::BufRead::read_until(&mut bounded, b'\n', &mut line)? == 0 {
                break;
            }
            with(serde_json::from_slice(&line)?)?;
        }
    }
    Ok(())
}

fn field(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn row<'a>(out: &mut impl Write, fields: impl Iterator<Item = &'a str>) -> io::Result<()> {
    for (index, field) in fields.enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        let quoted = field.is_empty() || field.contains([',', '"', '\n', '\r']);
        match quoted {
            false => out.write_all(field.as_bytes())?,
            true => write!(out, "\"{}\"", field.replace('"', "\"\""))?,
        }
    }
    out.write_all(b"\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runs_pages_become_one_file_at_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out/stock.ndjson");
        std::fs::create_dir(dir.path().join("out")).unwrap();
        let file = ResultFile::new(&path, 42).unwrap();
        file.page(2, ["{\"n\":6912345678901234567}"].into_iter())
            .unwrap();
        file.page(1, ["{ \"n\":\n 1.50 }", "[2]"].into_iter())
            .unwrap();
        // The same page after a kill.
        ResultFile::new(&path, 42)
            .unwrap()
            .page(1, ["{\"n\":1.50}", "[3]"].into_iter())
            .unwrap();
        assert!(!file.path().exists());
        let made = file.finish().unwrap().unwrap();
        assert_eq!(made, dir.path().join("out/stock-42.ndjson"));
        let text = "{\"n\":1.50}\n[3]\n{\"n\":6912345678901234567}\n";
        assert_eq!(std::fs::read_to_string(&made).unwrap(), text);
        assert_eq!(file.finish().unwrap(), Some(made));
        let left: Vec<_> = std::fs::read_dir(dir.path().join("out")).unwrap().collect();
        assert_eq!(left.len(), 1);
        assert_eq!(ResultFile::new(&path, 43).unwrap().finish().unwrap(), None);
    }

    #[test]
    fn a_csv_file_has_a_column_for_each_member() {
        let dir = tempfile::tempdir().unwrap();
        let file = ResultFile::new(&dir.path().join("a.csv"), 1).unwrap();
        file.page(
            1,
            [
                "{\"sku\":\"007\",\"n\":1}",
                "{\"n\":null,\"t\":\"a,\\\"b\\\"\"}",
            ]
            .into_iter(),
        )
        .unwrap();
        let made = file.finish().unwrap().unwrap();
        assert_eq!(
            std::fs::read_to_string(made).unwrap(),
            "sku,n,t\r\n007,1,\"\"\r\n\"\",\"\",\"a,\"\"b\"\"\"\r\n"
        );
    }

    #[test]
    fn a_file_that_is_there_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a-1.ndjson"), "older").unwrap();
        let file = ResultFile::new(&dir.path().join("a.ndjson"), 1).unwrap();
        file.page(1, ["1"].into_iter()).unwrap();
        file.finish().unwrap();
        assert_eq!(
            std::fs::read_to_string(dir.path().join("a-1.ndjson")).unwrap(),
            "older"
        );
        assert!(ResultFile::new(&dir.path().join("a.txt"), 1).is_err());
    }
}
