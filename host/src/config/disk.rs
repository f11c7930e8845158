//! Bounded reads, and a record of what was read.

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rand::Rng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::files::{self, Links, Refused};

/// How often a file that changes while it is read is read again before that is
/// an error.
const ATTEMPTS: usize = 3;

/// Why a file could not be read.
#[derive(Debug)]
pub(super) enum ReadError {
    Missing,
    NotAFile,
    TooLarge { max: usize },
    Changing,
    Io(io::Error),
}

impl ReadError {
    /// The code of the problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "config-file-missing",
            _ => "config-unreadable",
        }
    }
}

impl ReadError {
    /// Whether another look may find the file readable, though nobody changes
    /// what is in it: its permissions, a mount, a shortage of descriptors.
    fn may_pass(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Changing)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("does not exist"),
            Self::NotAFile => f.write_str("is not a regular file"),
            Self::TooLarge { max } if *max >= 1 << 20 => {
                write!(f, "is larger than {} MiB", max >> 20)
            }
            Self::TooLarge { max } => write!(f, "is larger than {} KiB", max >> 10),
            Self::Changing => f.write_str("kept changing while it was read"),
            Self::Io(error) => {
                write!(
                    f,
                    "cannot be read: {}",
                    crate::file_failure::sentence(error)
                )
            }
        }
    }
}

/// Reads files, remembers their names and digests what was in them.
#[derive(Default)]
pub(super) struct Disk {
    files: Vec<PathBuf>,
    digest: Sha256,
    unreadable: Option<String>,
}

/// What was read, of all files together.
pub(super) struct Record {
    /// Every file asked for, once.
    pub files: Vec<PathBuf>,
    /// The digest over all of them.
    pub fingerprint: [u8; 32],
    /// A file that is there and could not be read now, and why.
    pub unreadable: Option<String>,
}

impl Disk {
    /// The whole file, if it is not larger than `max`. It is `named` in the
    /// record and found at `path`: the two differ where a link was resolved.
    pub fn read(
        &mut self,
        named: &Path,
        path: &Path,
        max: usize,
    ) -> Result<Zeroizing<Vec<u8>>, ReadError> {
        let digested = self.read_digested(named, path, max);
        digested.map(|(bytes, _)| bytes)
    }

    /// The same, with the digest of what is in it.
    pub fn read_digested(
        &mut self,
        named: &Path,
        path: &Path,
        max: usize,
    ) -> Result<(Zeroizing<Vec<u8>>, [u8; 32]), ReadError> {
        let result = read_stable(path, max);
        let mut digest = [0; 32];
        self.record(named, &result, |bytes| {
            digest = Sha256::digest(bytes).into();
            digest
        });
        result.map(|bytes| (bytes, digest))
    }

    /// The same for a secret, whose bytes must not be guessable from the
    /// fingerprint: they enter it under a key that only this process has.
    pub fn read_secret(
        &mut self,
        path: &Path,
        max: usize,
    ) -> Result<Zeroizing<Vec<u8>>, ReadError> {
        let result = read_stable(path, max);
        self.record(path, &result, |bytes| {
            let keyed = Sha256::new().chain_update(process_key());
            keyed.chain_update(bytes).finalize().into()
        });
        result
    }

    /// Notes a secret that somebody else keeps, or why it is not there.
    pub fn note_secret(&mut self, shown: &str, secret: Result<&[u8], &str>) {
        let mut keyed = Sha256::new().chain_update(process_key());
        match secret {
            Ok(text) => keyed.update([&[1], text].concat()),
            Err(why) => keyed.update([&[0], why.as_bytes()].concat()),
        }
        self.digest.update((shown.len() as u64).to_be_bytes());
        self.digest.update(shown);
        self.digest.update(keyed.finalize());
    }

    /// Nothing is known of the whole until something else has come.
    pub fn wait_for(&mut self, what: String) {
        self.unreadable.get_or_insert(what);
    }

    /// Notes a file that would have to exist.
    pub fn note_missing(&mut self, path: &Path) {
        self.record(path, &Err(ReadError::Missing), |_| [0; 32]);
    }

    /// Every file asked for so far, once.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// What became of it all.
    pub fn finish(self) -> Record {
        Record {
            files: self.files,
            fingerprint: self.digest.finalize().into(),
            unreadable: self.unreadable,
        }
    }

    /// Notes a path of which the system does not even say what is there. True
    /// where it does: nothing is.
    pub fn note_unresolved(&mut self, path: &Path, error: io::Error) -> bool {
        let error = io_error(error);
        let missing = matches!(error, ReadError::Missing);
        self.record(path, &Err(error), |_| [0; 32]);
        missing
    }

    fn record(
        &mut self,
        path: &Path,
        result: &Result<Zeroizing<Vec<u8>>, ReadError>,
        digest: impl FnOnce(&[u8]) -> [u8; 32],
    ) {
        if !self.files.iter().any(|file| file == path) {
            self.files.push(path.to_owned());
        }
        let name = path.as_os_str().as_encoded_bytes();
        self.digest.update((name.len() as u64).to_be_bytes());
        self.digest.update(name);
        match result {
            Ok(bytes) => {
                self.digest.update([1]);
                self.digest.update(digest(bytes));
            }
            Err(error) => {
                if error.may_pass() && self.unreadable.is_none() {
                    self.unreadable = Some(format!("{} {error}", path.display()));
                }
                self.digest.update([0]);
                self.digest.update(error.to_string());
            }
        }
    }
}

fn process_key() -> &'static [u8; 32] {
    static KEY: OnceLock<[u8; 32]> = OnceLock::new();
    KEY.get_or_init(|| {
        let mut key = [0; 32];
        rand::rng().fill_bytes(&mut key);
        key
    })
}

fn read_stable(path: &Path, max: usize) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    for _ in 0..ATTEMPTS {
        if let Some(bytes) = read_once(path, max)? {
            return Ok(bytes);
        }
    }
    Err(ReadError::Changing)
}

/// Nothing when the file changed meanwhile.
fn read_once(path: &Path, max: usize) -> Result<Option<Zeroizing<Vec<u8>>>, ReadError> {
    let (mut file, before) = files::open(path, Links::Follow).map_err(|refused| match refused {
        Refused::NotAFile => ReadError::NotAFile,
        Refused::TooLarge(_) => ReadError::TooLarge { max },
        Refused::Io(error) => io_error(error),
    })?;
    let too_large = || ReadError::TooLarge { max };
    let size = usize::try_from(before.len()).map_err(|_| too_large())?;
    if size > max {
        return Err(too_large());
    }
    // One buffer of the final size and one byte to notice growth: a buffer that
    // had to grow would leave a copy behind that nobody zeroes.
    let mut bytes = Zeroizing::new(vec![0; size + 1]);
    let mut read = 0;
    while read < bytes.len() {
        match file.read(&mut bytes[read..]) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(io_error(error)),
        }
    }
    let after = file.metadata().map_err(io_error)?;
    let same = after.len() == before.len() && after.modified().ok() == before.modified().ok();
    if read != size || !same {
        return Ok(None);
    }
    bytes.truncate(size);
    Ok(Some(bytes))
}

fn io_error(error: io::Error) -> ReadError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ReadError::Missing,
        _ => ReadError::Io(error),
    }
}
