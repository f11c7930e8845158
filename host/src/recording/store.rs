//! Recorded items on disk: two files per connection and operation. Records are
//! appended to one; when it has as many as are kept, it becomes the other.

use std::collections::HashMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::seal::Seal;
use crate::files::{self, Links, Refused, private_folder};

/// Bytes of a file's header and of the length before a record.
const HEADER: u64 = 8;
const LENGTH: u64 = 4;

/// Files whose fill level is remembered.
const REMEMBERED: usize = 4096;

/// What is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Items of one connection and operation.
    pub items: usize,
    /// Bytes of one connection and operation.
    pub bytes: u64,
    /// Bytes over all.
    pub total: u64,
}

/// Tenant, connection and operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Tenant.
    pub tenant: String,
    /// Connection.
    pub connection: String,
    /// Operation.
    pub operation: String,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tenant, self.connection, self.operation)
    }
}

impl Subject {
    /// What a record is bound to.
    fn whose(&self) -> Vec<u8> {
        let Self {
            tenant,
            connection,
            operation,
        } = self;
        format!("{tenant}\n{connection}\n{operation}").into_bytes()
    }

    /// Names of tenants and connections are safe in paths; that of an operation
    /// comes from an adapter.
    fn file(&self, root: &Path) -> PathBuf {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        let operation = &self.operation;
        let name = if operation.chars().all(plain) && operation.len() <= 64 {
            operation.clone()
        } else {
            hex::encode(&Sha256::digest(operation)[..16])
        };
        root.join(&self.tenant)
            .join(&self.connection)
            .join(name + ".rec")
    }
}

/// Recorded items below one folder.
pub(super) struct Store {
    root: PathBuf,
    seal: Seal,
    bounds: Bounds,
    levels: HashMap<PathBuf, Level>,
    /// Bytes of all files, once they were counted.
    total: Option<u64>,
}

/// How full a file is.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    items: usize,
    bytes: u64,
}

impl Store {
    pub fn new(root: PathBuf, seal: Seal, bounds: Bounds) -> Self {
        Self {
            root,
            seal,
            bounds,
            levels: HashMap::new(),
            total: None,
        }
    }

    /// Most items that are worth adding at once.
    pub fn most_items(&self) -> usize {
        self.bounds.items
    }

    /// Appends records, oldest first. Returns how many were left out because
    /// they are too large.
    pub fn append(&mut self, subject: &Subject, records: &[String]) -> io::Result<usize> {
        // Two files, each at most half of what is allowed.
        let most_bytes = self.bounds.bytes / 2;
        let whose = subject.whose();
        let mut frames = Vec::new();
        let mut left_out = 0;
        for record in records {
            let closed = self.seal.close(&whose, record.as_bytes());
            let frame = closed.filter(|frame| HEADER + LENGTH + frame.len() as u64 <= most_bytes);
            match frame {
                Some(frame) => frames.push(frame),
                None => left_out += 1,
            }
        }
        let path = subject.file(&self.root);
        let mut level = self.level(&path);
        let mut pending = Vec::new();
        for frame in frames {
            let length = LENGTH + frame.len() as u64;
            if level.items >= self.bounds.items || level.bytes + length > most_bytes {
                self.flush(&path, &mut pending)?;
                self.rotate(&path)?;
                level = Level::default();
            }
            if level.bytes == 0 {
                pending.extend_from_slice(self.seal.header());
                level.bytes = HEADER;
            }
            pending
                .extend_from_slice(&u32::try_from(frame.len()).unwrap_or(u32::MAX).to_be_bytes());
            pending.extend_from_slice(&frame);
            level.items += 1;
            level.bytes += length;
        }
        self.flush(&path, &mut pending)?;
        if self.levels.len() >= REMEMBERED {
            self.levels.clear();
        }
        self.levels.insert(path, level);
        self.make_room()?;
        Ok(left_out)
    }

    /// The newest records, oldest first, at most `most`.
    pub fn read(&self, subject: &Subject, most: usize) -> io::Result<Vec<String>> {
        let path = subject.file(&self.root);
        let whose = subject.whose();
        let mut records = Vec::new();
        for path in [old(&path), path] {
            let mut bytes = Vec::new();
            match open(&path) {
                Ok(file) => file.take(self.bounds.bytes + 1).read_to_end(&mut bytes)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let Some(rest) = bytes.strip_prefix(self.seal.header()) else {
                continue;
            };
            let opened = frames(rest).filter_map(|frame| self.seal.open(&whose, frame));
            records.extend(opened.filter_map(|record| String::from_utf8(record).ok()));
        }
        let surplus = records.len().saturating_sub(most);
        Ok(records.split_off(surplus))
    }

    /// How full a file is. One that is not ours, or ends within a record, is
    /// moved out of the way.
    fn level(&mut self, path: &Path) -> Level {
        let Ok(size) = std::fs::symlink_metadata(path).map(|meta| meta.len()) else {
            return Level::default();
        };
        match self.levels.get(path) {
            // Another process may have written, too.
            Some(level) if level.bytes == size => *level,
            _ => match self.count(path, size) {
                Ok(Some(level)) => level,
                Ok(None) | Err(_) => {
                    // What cannot be moved cannot be appended to, either.
                    let _ = self.rotate(path);
                    Level::default()
                }
            },
        }
    }

    fn count(&self, path: &Path, size: u64) -> io::Result<Option<Level>> {
        let mut file = open(path)?;
        let mut header = [0; HEADER as usize];
        file.read_exact(&mut header)?;
        if header != *self.seal.header() {
            return Ok(None);
        }
        let mut level = Level {
            items: 0,
            bytes: HEADER,
        };
        while level.bytes < size {
            let mut length = [0; LENGTH as usize];
            file.seek(SeekFrom::Start(level.bytes))?;
            file.read_exact(&mut length)?;
            level.bytes += LENGTH + u64::from(u32::from_be_bytes(length));
            level.items += 1;
        }
        Ok((level.bytes == size).then_some(level))
    }

    fn flush(&mut self, path: &Path, pending: &mut Vec<u8>) -> io::Result<()> {
        if pending.is_empty() {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            private_folder(folder)?;
        }
        // One write, so that whoever reads meanwhile sees whole records.
        let mut file = private_file().append(true).create(true).open(path)?;
        if !file.metadata()?.is_file() {
            let what = format!("{} is not a regular file", path.display());
            return Err(io::Error::other(what));
        }
        file.write_all(pending)?;
        self.total = self.total.map(|total| total + pending.len() as u64);
        pending.clear();
        Ok(())
    }

    fn rotate(&mut self, path: &Path) -> io::Result<()> {
        let old = old(path);
        let freed = std::fs::metadata(&old).map_or(0, |meta| meta.len());
        match std::fs::rename(path, &old) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        self.total = self.total.map(|total| total.saturating_sub(freed));
        Ok(())
    }

    /// Removes the oldest files when there are too many bytes over all.
    fn make_room(&mut self) -> io::Result<()> {
        if self.total.is_some_and(|total| total <= self.bounds.total) {
            return Ok(());
        }
        let mut files = Vec::new();
        list(&self.root, &mut files)?;
        let mut total = files.iter().map(|(_, size, _)| size).sum::<u64>();
        if total > self.bounds.total {
            files.sort();
            // Somewhat below, so that this is not done for every record.
            let enough = self.bounds.total / 10 * 9;
            for (_, size, path) in files {
                if total <= enough {
                    break;
                }
                std::fs::remove_file(&path)?;
                self.levels.remove(&path);
                total -= size;
            }
        }
        self.total = Some(total);
        Ok(())
    }
}

/// The whole records of a file after its header.
fn frames(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (frame, after) = after.split_at_checked(length)?;
        rest = after;
        Some(frame)
    })
}

fn old(path: &Path) -> PathBuf {
    path.with_extension("rec.old")
}

fn list(dir: &Path, files: &mut Vec<(SystemTime, u64, PathBuf)>) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        if meta.is_dir() {
            list(&entry.path(), files)?;
        } else if meta.is_file() {
            files.push((meta.modified()?, meta.len(), entry.path()));
        }
    }
    Ok(())
}

/// Options of a file that nobody but its owner may read.
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    files::never_wait(&mut options, Links::Refuse);
    options
}

/// One of the store's own files: neither a link nor anything that waits.
fn open(path: &Path) -> io::Result<File> {
    match files::open(path, Links::Refuse) {
        Ok((file, _)) => Ok(file),
        Err(Refused::Io(error)) => Err(error),
        Err(refused) => Err(io::Error::other(format!("{}: {refused}", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RecordingConfig;

    fn subject(tenant: &str) -> Subject {
        Subject {
            tenant: tenant.into(),
            connection: "shop".into(),
            operation: "stock.update".into(),
        }
    }

    fn store(dir: &Path, items: usize, bytes: u64, total: u64) -> Store {
        let bounds = Bounds {
            items,
            bytes,
            total,
        };
        let seal = Seal::new(&RecordingConfig::default(), dir).unwrap();
        Store::new(dir.join("recordings"), seal, bounds)
    }

    fn used(dir: &Path) -> u64 {
        let mut files = Vec::new();
        list(&dir.join("recordings"), &mut files).unwrap();
        files.iter().map(|(_, size, _)| size).sum()
    }

    #[test]
    fn the_last_records_are_kept_over_restarts_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        for round in 0..7 {
            let mut store = store(dir.path(), 3, 1 << 20, 1 << 20);
            let records: Vec<String> = (0..2).map(|n| format!("{}", round * 2 + n)).collect();
            assert_eq!(store.append(&subject("acme"), &records).unwrap(), 0);
        }
        let store = store(dir.path(), 3, 1 << 20, 1 << 20);
        let read = |most| store.read(&subject("acme"), most).unwrap();
        assert_eq!(read(3), ["11", "12", "13"]);
        assert_eq!(read(1), ["13"]);
        assert_eq!(store.read(&subject("other"), 9).unwrap(), [""; 0]);
    }

    #[test]
    fn bytes_are_bounded_for_one_and_over_all() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path(), 1000, 4096, 10_000);
        let record = "x".repeat(500);
        for n in 0..20 {
            let subject = subject(&format!("t{}", n % 10));
            for _ in 0..10 {
                store
                    .append(&subject, std::slice::from_ref(&record))
                    .unwrap();
            }
            assert!(used(dir.path()) <= 10_000, "{}", used(dir.path()));
        }
        assert!(store.read(&subject("t9"), 100).unwrap().len() >= 3);
        let large = "x".repeat(5000);
        assert_eq!(store.append(&subject("t1"), &[large]).unwrap(), 1);
    }

    #[test]
    fn a_file_that_ends_within_a_record_loses_that_record_only() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path(), 9, 1 << 20, 1 << 20);
        let acme = subject("acme");
        store.append(&acme, &["one".into(), "two".into()]).unwrap();
        let path = acme.file(&dir.path().join("recordings"));
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(store.read(&acme, 9).unwrap(), ["one"]);
        store.append(&acme, &["three".into()]).unwrap();
        assert_eq!(store.read(&acme, 9).unwrap(), ["one", "three"]);
    }
}
