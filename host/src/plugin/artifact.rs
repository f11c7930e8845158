//! A plugin file as it was read: whole, stable, hashed.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::packed::SOURCE_BYTES;
use crate::files::{self, Links, Refused};

/// SHA-256 of a plugin's bytes. Two files with the same hash are the same plugin.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha(pub [u8; 32]);

impl Sha {
    /// The hash of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The hash of something that is made of others.
    pub fn over(parts: &[Self]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.0);
        }
        Self(hash.finalize().into())
    }

    /// The first twelve hex digits, for people.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }
}

impl std::fmt::Display for Sha {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for Sha {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sha({self})")
    }
}

impl serde::Serialize for Sha {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A plugin file's bytes.
#[derive(Clone)]
pub struct Artifact {
    /// Where it was read.
    pub path: PathBuf,
    /// The whole file.
    pub bytes: Vec<u8>,
    /// Its hash.
    pub sha256: Sha,
}

/// Whether a plugin file's name says that it is a component.
pub fn is_component(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "wasm")
}

/// What tells one state of a file from the next without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
    inode: u64,
    /// The system's own note of the last change: other than the time of
    /// modification, nobody can set it.
    changed: (i64, i64),
}

/// Why a file could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("the file cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// A folder, a FIFO, a device.
    #[error("it is not a regular file")]
    NotAFile,
    /// Larger than the bound.
    #[error("the file is larger than {most} bytes, which `[limits] plugin_mb` allows")]
    TooLarge {
        /// The bound in bytes.
        most: usize,
    },
    /// A source file larger than the bound.
    #[error(
        "the source file is larger than {most} bytes, which is the most; tables can be settings of the connection"
    )]
    SourceTooLarge {
        /// The bound in bytes.
        most: usize,
    },
    /// It changed while it was read.
    #[error("the file changed while it was being read; it is read again when the writing ends")]
    Unstable,
}

impl ReadError {
    /// Whether the reason may pass by itself.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Unstable)
    }
}

impl Stamp {
    /// The state of the file at `path`, links followed.
    fn of(path: &Path) -> std::io::Result<Self> {
        std::fs::metadata(path).map(|meta| Self::from_metadata(&meta))
    }

    fn from_metadata(meta: &std::fs::Metadata) -> Self {
        #[cfg(unix)]
        let (inode, changed) = {
            use std::os::unix::fs::MetadataExt;
            (meta.ino(), (meta.ctime(), meta.ctime_nsec()))
        };
        #[cfg(not(unix))]
        let (inode, changed) = (0, (0, 0));
        Self {
            size: meta.len(),
            modified: meta.modified().ok(),
            inode,
            changed,
        }
    }
}

impl Artifact {
    /// Reads a plugin file of any kind: a component of at most `most` bytes, or
    /// a source file.
    pub fn read_any(path: &Path, most: usize) -> Result<Self, ReadError> {
        if is_component(path) {
            return Self::read(path, most);
        }
        Self::read(path, SOURCE_BYTES).map_err(|error| match error {
            ReadError::TooLarge { most } => ReadError::SourceTooLarge { most },
            other => other,
        })
    }

    /// Reads the whole file, and refuses it when it changed meanwhile.
    pub fn read(path: &Path, most: usize) -> Result<Self, ReadError> {
        let too_large = || ReadError::TooLarge { most };
        let (mut file, meta) =
            files::open(path, Links::Follow).map_err(|refused| match refused {
                Refused::NotAFile => ReadError::NotAFile,
                Refused::TooLarge(_) => too_large(),
                Refused::Io(error) => ReadError::Io(error),
            })?;
        let before = Stamp::from_metadata(&meta);
        if before.size > most as u64 {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(before.size as usize);
        (&mut file).take(most as u64 + 1).read_to_end(&mut bytes)?;
        let after = Stamp::from_metadata(&file.metadata()?);
        // The name may point to another file by now; then that one is read next.
        if before != after || Stamp::of(path)? != after || bytes.len() as u64 != after.size {
            return Err(ReadError::Unstable);
        }
        let artifact = Self {
            path: path.to_owned(),
            sha256: Sha::of(&bytes),
            bytes,
        };
        Ok(artifact)
    }
}
