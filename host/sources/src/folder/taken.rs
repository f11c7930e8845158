//! One file of a folder: its pages, and where it goes afterwards.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::rejects::Rejects;
use super::system;
use crate::failure::{Failure, FailureKind};
use crate::rows::{Page, Reader, Row};
use crate::settings::FolderSource;

/// Bytes of a file's beginning that are part of what it is.
const HEAD: u64 = 4096;

/// Which file it is, so that one that was begun is known again. A file that was
/// moved away and back is another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its name in the folder.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// Nanoseconds since 1970 at which its content changed.
    pub modified: u64,
    /// The same of its entry, which a rename changes.
    pub entry: u64,
    /// The SHA-256 of its beginning.
    pub head: String,
}

/// A file that is being read.
#[derive(Debug)]
pub struct Taken {
    source: FolderSource,
    identity: Identity,
    file: File,
    reader: Reader,
    rejects: Rejects,
}

/// Where a file went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The file itself.
    pub file: PathBuf,
    /// The list of its refused rows, if there are any.
    pub rejected: Option<PathBuf>,
    /// How many they are.
    pub bad: u64,
}

impl Taken {
    /// Which file a name stands for now.
    pub fn identify(source: &FolderSource, name: &str) -> Result<Identity, Failure> {
        Ok(identify(source, name)?.0)
    }

    /// Opens a file at its beginning.
    ///
    /// A failure of the kind [`FailureKind::Content`] is the file's own: it
    /// goes to `failed` by [`Taken::refuse`].
    pub fn open(source: &FolderSource, name: &str) -> Result<Taken, Failure> {
        let (identity, file) = identify(source, name)?;
        let second = file
            .try_clone()
            .map_err(|error| Failure::io(name, &error))?;
        let reader = Reader::new(second, name, &source.reading)?;
        Ok(Taken {
            source: source.clone(),
            rejects: Rejects::new(&source.failed, name),
            identity,
            file,
            reader,
        })
    }

    /// Opens a file for a look into it: nothing is written, not even the list of
    /// refused rows.
    pub fn open_dry(source: &FolderSource, name: &str) -> Result<Taken, Failure> {
        let mut taken = Taken::open(source, name)?;
        taken.rejects = Rejects::counting(&source.failed, name);
        Ok(taken)
    }

    /// Which file it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Passes rows that were given before, so that the next page goes on behind
    /// them. The refused ones among them are listed again.
    pub fn skip(&mut self, rows: u64) -> Result<(), Failure> {
        while self.reader.rows() < rows {
            match self.reader.next_row()? {
                Some(Row::Bad(bad)) => self.reject(&bad)?,
                Some(Row::Good(_)) => {}
                None => break,
            }
        }
        Ok(())
    }

    /// The next page. With the last one, the file has to be the one that was
    /// begun.
    pub fn page(&mut self, most: usize) -> Result<Page, Failure> {
        let page = self.reader.page(most)?;
        for bad in &page.bad {
            self.reject(bad)?;
        }
        if page.last {
            self.unchanged()?;
        }
        Ok(page)
    }

    fn reject(&mut self, bad: &crate::rows::BadRow) -> Result<(), Failure> {
        self.rejects
            .add(bad)
            .map_err(|error| unwritten(&self.source, &error))
    }

    /// What was read is what was begun.
    fn unchanged(&self) -> Result<(), Failure> {
        let name = &self.identity.name;
        let meta = self
            .file
            .metadata()
            .map_err(|error| Failure::io(name, &error))?;
        if meta.len() == self.identity.size && system::times(&meta).0 == self.identity.modified {
            return Ok(());
        }
        Err(Failure::new(
            FailureKind::Changed,
            format!(
                "{name:?} was changed while it was read, and is read again from its beginning: write it under another name and rename it"
            ),
        ))
    }

    /// Moves a file that was read to `done`, and lists its refused rows in
    /// `failed`.
    pub fn finish(self) -> Result<Finished, Failure> {
        self.end(None)
    }

    /// Moves a file that could not be read to its end to `failed`, with the
    /// reason beside it.
    pub fn fail(self, why: &Failure) -> Result<Finished, Failure> {
        self.end(Some(why))
    }

    /// The same for a file that could not even be begun.
    pub fn refuse(source: &FolderSource, name: &str, why: &Failure) -> Result<Finished, Failure> {
        let (_, file) = identify(source, name)?;
        let rejects = Rejects::new(&source.failed, name);
        end(source, name, &file, rejects, Some(why))
    }

    fn end(self, why: Option<&Failure>) -> Result<Finished, Failure> {
        end(
            &self.source,
            &self.identity.name,
            &self.file,
            self.rejects,
            why,
        )
    }
}

fn unwritten(source: &FolderSource, error: &std::io::Error) -> Failure {
    let failed = source.failed.display();
    Failure::unavailable(format!(
        "the refused rows cannot be listed in {failed}: {error}"
    ))
}

/// What a name stands for, open and at its beginning.
fn identify(source: &FolderSource, name: &str) -> Result<(Identity, File), Failure> {
    let failed = |error: std::io::Error| Failure::io(&format!("{name:?} cannot be read"), &error);
    if name.contains(['/', '\\', '\0']) || matches!(name, "" | "." | "..") {
        return Err(Failure::setting(format!("{name:?} is no file's name")));
    }
    let (mut file, meta) = system::open(&source.folder.join(name)).map_err(failed)?;
    let mut head = Vec::new();
    Read::by_ref(&mut file)
        .take(HEAD)
        .read_to_end(&mut head)
        .map_err(failed)?;
    file.rewind().map_err(failed)?;
    let (modified, entry) = system::times(&meta);
    let identity = Identity {
        name: name.to_owned(),
        size: meta.len(),
        modified,
        entry,
        head: hex::encode(Sha256::digest(&head)),
    };
    Ok((identity, file))
}

/// Moves a file away, its list first: a host that is killed between the two
/// reads the file again rather than losing the list.
fn end(
    source: &FolderSource,
    name: &str,
    file: &File,
    mut rejects: Rejects,
    why: Option<&Failure>,
) -> Result<Finished, Failure> {
    let goal = match why {
        None => &source.done,
        Some(_) => &source.failed,
    };
    let from = source.folder.join(name);
    let unmoved = |error: std::io::Error| {
        Failure::unavailable(format!(
            "{name:?} cannot be moved to {}: {error}",
            goal.display()
        ))
    };
    if let Some(why) = why {
        rejects
            .end_with(&why.sentence)
            .map_err(|error| unwritten(source, &error))?;
    }
    let own = file.metadata().map_err(unmoved)?;
    let there = std::fs::symlink_metadata(&from).map_err(unmoved)?;
    let replaced = || {
        Failure::new(
            FailureKind::Changed,
            format!("{name:?} was replaced while it was read: what is there now is read next"),
        )
    };
    if !system::same(&own, &there) {
        return Err(replaced());
    }
    let bad = rejects.count();
    let rejected = rejects
        .finish()
        .map_err(|error| unwritten(source, &error))?;
    let moved = system::move_into(&from, goal, name).map_err(unmoved)?;
    // Somebody may have put another file there in between.
    let now = std::fs::symlink_metadata(&moved).map_err(unmoved)?;
    if !system::same(&own, &now) {
        system::move_into(&moved, &source.folder, name).map_err(unmoved)?;
        return Err(replaced());
    }
    Ok(Finished {
        file: moved,
        rejected,
        bad,
    })
}
