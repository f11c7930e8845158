//! The list of refused rows, a file beside what failed.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::system;
use crate::rows::BadRow;

/// Rows that are listed; more are counted.
const MOST_LISTED: u64 = 10_000;

/// Refused rows of one file, written as they are found. Nothing is made before
/// the first one, and what was not finished is removed.
#[derive(Debug)]
pub(super) struct Rejects {
    folder: PathBuf,
    name: String,
    open: Option<BufWriter<File>>,
    count: u64,
    /// Without it, rows are counted only.
    lists: bool,
}

impl Rejects {
    pub(super) fn new(folder: &Path, name: &str) -> Rejects {
        Rejects {
            folder: folder.to_owned(),
            name: name.to_owned(),
            open: None,
            count: 0,
            lists: true,
        }
    }

    /// The same without a list, beside whoever may be writing one.
    pub(super) fn counting(folder: &Path, name: &str) -> Rejects {
        let mut rejects = Rejects::new(folder, name);
        rejects.lists = false;
        rejects
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    fn unfinished(&self) -> PathBuf {
        self.folder.join(format!(".{}.rejected.part", self.name))
    }

    pub(super) fn add(&mut self, row: &BadRow) -> io::Result<()> {
        self.count += 1;
        if self.lists && self.count <= MOST_LISTED {
            self.line(&serde_json::to_string(row)?)?;
        }
        Ok(())
    }

    /// Why a file was not read to its end.
    pub(super) fn end_with(&mut self, why: &str) -> io::Result<()> {
        self.line(&serde_json::json!({ "problem": why }).to_string())
    }

    fn line(&mut self, json: &str) -> io::Result<()> {
        if self.open.is_none() {
            let path = self.unfinished();
            // One of a host that was killed.
            system::remove(&path)?;
            self.open = Some(BufWriter::new(system::create(&path)?));
        }
        if let Some(open) = &mut self.open {
            open.write_all(json.as_bytes())?;
            open.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Gives the list its name. None where no row was refused.
    pub(super) fn finish(mut self) -> io::Result<Option<PathBuf>> {
        if self.count > MOST_LISTED {
            let more = self.count - MOST_LISTED;
            let said = serde_json::json!({ "problem": format!("{more} more rows were refused") });
            self.line(&said.to_string())?;
        }
        let Some(mut open) = self.open.take() else {
            return Ok(None);
        };
        open.flush()?;
        open.get_ref().sync_all()?;
        let name = format!("{}.rejected.ndjson", self.name);
        system::move_into(&self.unfinished(), &self.folder, &name).map(Some)
    }
}

impl Drop for Rejects {
    fn drop(&mut self) {
        if self.open.take().is_some() {
            let _ = system::remove(&self.unfinished());
        }
    }
}
