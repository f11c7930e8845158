//! Telling one state of a file from the next without reading it.

use std::fs::Metadata;
use std::path::Path;
use std::time::SystemTime;

/// Equal while nothing changed: for a folder which one it is, for a file also
/// its content as far as one can tell without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    identity: (u64, u64),
    content: Option<Content>,
}

/// The system's own note of the last change is among it: size and time of
/// modification can be those of the old file, as archives set them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Content {
    size: u64,
    modified: Option<SystemTime>,
    changed: (i64, i64),
}

impl Stamp {
    /// Of what is at a path, links followed.
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        let content = (!metadata.is_dir()).then(|| Content {
            size: metadata.len(),
            modified: metadata.modified().ok(),
            changed: changed(&metadata),
        });
        Some(Self {
            identity: identity(&metadata),
            content,
        })
    }

    /// Whether it is of a folder.
    pub fn is_folder(&self) -> bool {
        self.content.is_none()
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(unix)]
fn changed(metadata: &Metadata) -> (i64, i64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(metadata: &Metadata) -> (u64, u64) {
    let created = metadata.created().ok();
    let since = created.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    (since.map_or(0, |since| since.as_nanos() as u64), 0)
}

#[cfg(not(unix))]
fn changed(_: &Metadata) -> (i64, i64) {
    (0, 0)
}

/// Something that is looked at rather than watched.
pub(super) struct Outside {
    pub stamp: Option<Stamp>,
    changing: bool,
}

impl Outside {
    /// As it is known.
    pub fn new(stamp: Option<Stamp>) -> Self {
        Self {
            stamp,
            changing: false,
        }
    }

    /// Not looked at yet: it is reported once, even if there is nothing to be
    /// seen at the first look.
    pub fn unseen() -> Self {
        Self {
            stamp: None,
            changing: true,
        }
    }

    /// True once it has changed and then stayed the same from one look to the
    /// next.
    pub fn has_changed(&mut self, now: Option<Stamp>) -> bool {
        let differs = now != self.stamp;
        self.stamp = now;
        let done = self.changing && !differs;
        self.changing = differs;
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_looked_at_yet_is_reported_once_even_where_nothing_is_seen() {
        let mut outside = Outside::unseen();
        assert!(outside.has_changed(None));
        assert!(!outside.has_changed(None));
        let here = Stamp::of(Path::new(env!("CARGO_MANIFEST_DIR")));
        assert!(!outside.has_changed(here), "it may still be changing");
        assert!(outside.has_changed(here));
        assert!(!outside.has_changed(here));
    }
}
