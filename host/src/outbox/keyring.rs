//! The keys of what the outbox keeps encrypted. What was written under an older
//! setting stays readable: each value says whether and with which key it is
//! encrypted.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use crossdock_store::limits;

use crate::config::{HostConfig, RecordingKey};
use crate::problem::Problem;
use crate::seal::{Cipher, GROWTH};

/// What an encrypted value begins with, and one that is not and begins with
/// these bytes itself. Neither JSON nor a request's first line does.
const SEALED: &[u8] = b"\0cd1e";
const PLAIN: &[u8] = b"\0cd1p";

/// The same of texts, which hold no byte 0.
const SEALED_TEXT: &str = "\u{1}cd1e";
const PLAIN_TEXT: &str = "\u{1}cd1p";

/// Bytes by which a value grows.
pub(super) const OVERHEAD: usize = SEALED.len() + 4 + GROWTH;

/// Bytes of a text that fit where the store cuts texts, as Base64 and encrypted.
const MOST_TEXT: usize = (limits::MESSAGE - SEALED_TEXT.len()) / 4 * 3 - 4 - GROWTH;

/// What a value is. One that is put into another's place does not open.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Input,
    Result,
    Request,
    Answer,
    Message,
    FlowRecords,
    FlowPlan,
    FlowCursor,
    FlowOrigin,
    FlowProblem,
    FlowParked,
    FlowReceived,
}

impl Kind {
    fn whose(self) -> &'static [u8] {
        match self {
            Self::Input => b"outbox input",
            Self::Result => b"outbox result",
            Self::Request => b"outbox request",
            Self::Answer => b"outbox answer",
            Self::Message => b"outbox message",
            Self::FlowRecords => b"flow records",
            Self::FlowPlan => b"flow plan",
            Self::FlowCursor => b"flow cursor",
            Self::FlowOrigin => b"flow origin",
            Self::FlowProblem => b"flow problem",
            Self::FlowParked => b"flow parked",
            Self::FlowReceived => b"flow received",
        }
    }
}

/// A value that is there and cannot be read now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable(pub String);

/// The keys.
pub(super) struct Keyring {
    /// Whether what is written from now on is encrypted, with the first key.
    writes: bool,
    keys: Vec<Cipher>,
}

impl Keyring {
    /// As the configuration wants it: with the key of `[recording]`, and with
    /// older ones for what was written before.
    ///
    /// # Errors
    /// If there is no key for what is to be written.
    pub fn new(config: &HostConfig) -> Result<Self, Problem> {
        let (recording, data) = (&config.recording, &config.data_dir);
        let mut keys = Vec::new();
        if config.outbox.encrypt {
            let key = Cipher::load(&recording.key, data).map_err(|why| unusable(&why))?;
            keys.push(key);
        }
        let mut older = vec![Cipher::load_generated(data)];
        let others = std::iter::once(&recording.key).chain(&recording.old_keys);
        let others = others.filter(|key| **key != RecordingKey::Generated);
        older.extend(others.map(|key| Cipher::load(key, data).map(Some)));
        for key in older {
            match key {
                Ok(Some(key)) if keys.iter().all(|known: &Cipher| known.id() != key.id()) => {
                    keys.push(key);
                }
                Ok(_) => {}
                Err(why) => tracing::warn!(
                    why,
                    "a key of `[recording]` cannot be had; records in the outbox that were encrypted with it wait until the host is started with it"
                ),
            }
        }
        Ok(Self {
            writes: config.outbox.encrypt,
            keys,
        })
    }

    /// The names of all keys. What cannot be read with these waits for others.
    pub fn names(&self) -> String {
        let mut names: Vec<String> = self.keys.iter().map(|key| hex::encode(key.id())).collect();
        names.sort();
        match names.is_empty() {
            true => "no recording key".into(),
            false => format!("recording key {}", names.join(" ")),
        }
    }

    /// A value as it is written. Nothing stays nothing.
    pub fn close(&self, kind: Kind, value: Vec<u8>) -> Option<Vec<u8>> {
        match self.keys.first() {
            Some(key) if self.writes && !value.is_empty() => {
                let sealed = key.seal(kind.whose(), &value)?;
                Some([SEALED, &key.id(), &sealed].concat())
            }
            _ if value.starts_with(SEALED) || value.starts_with(PLAIN) => {
                Some([PLAIN, &value].concat())
            }
            _ => Some(value),
        }
    }

    /// A value as it was.
    pub fn open(&self, kind: Kind, value: Vec<u8>) -> Result<Vec<u8>, Unreadable> {
        if let Some(plain) = value.strip_prefix(PLAIN) {
            return Ok(plain.to_vec());
        }
        let Some(sealed) = value.strip_prefix(SEALED) else {
            return Ok(value);
        };
        let damaged = || Unreadable("it is damaged".into());
        let (id, sealed) = sealed.split_first_chunk::<4>().ok_or_else(damaged)?;
        let key = self.keys.iter().find(|key| key.id() == *id);
        let key = key.ok_or_else(|| {
            let name = hex::encode(id);
            Unreadable(format!(
                "it is encrypted with recording key {name}, which this host does not have; start the host with that key in `[recording] key` or `old_keys`"
            ))
        })?;
        key.open(kind.whose(), sealed).ok_or_else(damaged)
    }

    /// A text for people as it is written.
    pub fn close_text(&self, text: &str) -> Option<String> {
        if !self.writes {
            return Some(match text.starts_with('\u{1}') {
                true => format!("{PLAIN_TEXT}{text}"),
                false => text.to_owned(),
            });
        }
        let text = &text[..text.floor_char_boundary(MOST_TEXT)];
        let sealed = self.close(Kind::Message, text.as_bytes().to_vec())?;
        let sealed = sealed.strip_prefix(SEALED).unwrap_or_default();
        Some(format!("{SEALED_TEXT}{}", STANDARD_NO_PAD.encode(sealed)))
    }

    /// A text for people as it was, or why it cannot be read.
    pub fn open_text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if let Some(plain) = text.strip_prefix(PLAIN_TEXT) {
            return plain.into();
        }
        let Some(sealed) = text.strip_prefix(SEALED_TEXT) else {
            return text.into();
        };
        let sealed = STANDARD_NO_PAD.decode(sealed).unwrap_or_default();
        if sealed.is_empty() {
            return "".into();
        }
        match self.open(Kind::Message, [SEALED, &sealed].concat()) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned().into(),
            Err(Unreadable(why)) => format!("what is said here cannot be read now: {why}").into(),
        }
    }
}

/// Why records cannot be encrypted, where they are to be: without the key that is
/// named, the host does not start. Nothing is made: a key that the host makes by
/// itself is there when it starts.
pub fn missing(config: &HostConfig) -> Option<Problem> {
    let key = &config.recording.key;
    let named = config.outbox.encrypt && *key != RecordingKey::Generated;
    let why = named.then(|| Cipher::load(key, &config.data_dir).err());
    why.flatten().map(|why| unusable(&why))
}

fn unusable(why: &str) -> Problem {
    Problem::host(
        "recording-key",
        format!(
            "records in the outbox cannot be encrypted: {why}; put the key there, or set `[outbox] encrypt = false`"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn config(data: &Path, encrypt: bool) -> HostConfig {
        let mut config = crate::config::load_host(None).unwrap();
        config.data_dir = data.to_owned();
        config.outbox.encrypt = encrypt;
        config
    }

    fn ring(data: &Path, encrypt: bool) -> Keyring {
        Keyring::new(&config(data, encrypt)).unwrap()
    }

    #[test]
    fn what_was_written_under_another_setting_stays_readable() {
        let data = tempfile::tempdir().unwrap();
        let before = ring(data.path(), false);
        assert_eq!(before.names(), "no recording key");
        let plain = before.close(Kind::Input, b"{}".to_vec()).unwrap();
        assert_eq!(plain, b"{}");
        let on = ring(data.path(), true);
        let sealed = on.close(Kind::Input, b"{\"a\":1}".to_vec()).unwrap();
        assert_eq!(sealed.len(), 7 + OVERHEAD);
        for ring in [&on, &ring(data.path(), false)] {
            assert_eq!(ring.open(Kind::Input, plain.clone()).unwrap(), b"{}");
            let opened = ring.open(Kind::Input, sealed.clone()).unwrap();
            assert_eq!(opened, b"{\"a\":1}");
        }
        let why = before.open(Kind::Input, sealed.clone()).unwrap_err();
        assert!(why.0.contains("which this host does not have"), "{why:?}");
        assert!(on.open(Kind::Result, sealed.clone()).is_err());
        let cut = sealed[..sealed.len() - 1].to_vec();
        assert_eq!(on.open(Kind::Input, cut).unwrap_err().0, "it is damaged");
        assert_eq!(on.close(Kind::Input, Vec::new()).unwrap(), b"");
    }

    #[test]
    fn an_older_key_is_still_known() {
        let data = tempfile::tempdir().unwrap();
        let old = ring(data.path(), true);
        let sealed = old.close(Kind::Answer, b"no".to_vec()).unwrap();
        let file = |name: &str, digit: &str| {
            let path = data.path().join(name);
            std::fs::write(&path, digit.repeat(64)).unwrap();
            RecordingKey::File(path)
        };
        let mut next = config(data.path(), true);
        next.recording.key = file("second", "2");
        let second = Keyring::new(&next).unwrap();
        // The one that was generated is looked for by itself.
        assert_eq!(second.open(Kind::Answer, sealed).unwrap(), b"no");
        let sealed = second.close(Kind::Answer, b"yes".to_vec()).unwrap();
        next.recording.key = file("third", "3");
        assert!(
            Keyring::new(&next)
                .unwrap()
                .open(Kind::Answer, sealed.clone())
                .is_err()
        );
        next.recording.old_keys = vec![file("second", "2")];
        let third = Keyring::new(&next).unwrap();
        assert_eq!(third.open(Kind::Answer, sealed).unwrap(), b"yes");
        assert_ne!(third.names(), second.names());
    }

    #[test]
    fn bytes_that_look_like_encrypted_ones_come_back_as_they_were() {
        let data = tempfile::tempdir().unwrap();
        let off = ring(data.path(), false);
        for value in [&b"\0cd1e1234"[..], b"\0cd1p", b"\0cd1", b""] {
            let closed = off.close(Kind::Answer, value.to_vec()).unwrap();
            assert_eq!(off.open(Kind::Answer, closed).unwrap(), value);
        }
        for text in ["\u{1}cd1eAAAA", "\u{1}cd1p", "\u{1}", "", "no"] {
            let closed = off.close_text(text).unwrap();
            assert_eq!(off.open_text(&closed), text);
        }
    }

    #[test]
    fn a_text_is_encrypted_too_and_fits_where_texts_are_cut() {
        let data = tempfile::tempdir().unwrap();
        let on = ring(data.path(), true);
        let closed = on.close_text("the sku 17 is unknown").unwrap();
        assert!(!closed.contains("sku"), "{closed}");
        assert_eq!(on.open_text(&closed), "the sku 17 is unknown");
        let long = on.close_text(&"ü".repeat(5_000)).unwrap();
        assert!(long.len() <= limits::MESSAGE, "{}", long.len());
        assert!(on.open_text(&long).starts_with("üüü"));
        let other = tempfile::tempdir().unwrap();
        let told = ring(other.path(), false).open_text(&closed).into_owned();
        assert!(told.contains("cannot be read now"), "{told}");
        assert_eq!(on.open_text(&on.close_text("").unwrap()), "");
    }

    #[test]
    fn a_key_that_is_missing_is_told_where_something_is_to_be_written() {
        let data = tempfile::tempdir().unwrap();
        let mut wanted = config(data.path(), true);
        wanted.recording.key = RecordingKey::File(data.path().join("nowhere"));
        let problem = Keyring::new(&wanted).err().unwrap();
        assert_eq!(problem.code, "recording-key");
        assert!(
            problem.detail.contains("`[outbox] encrypt = false`"),
            "{problem}"
        );
        // The same is known without starting, whether or not anything is recorded.
        for enabled in [true, false] {
            wanted.recording.enabled = enabled;
            assert_eq!(missing(&wanted).unwrap().detail, problem.detail);
        }
        let generated = config(data.path(), true);
        assert!(missing(&generated).is_none());
        assert!(
            Cipher::load_generated(data.path()).unwrap().is_none(),
            "a look makes none"
        );
        wanted.outbox.encrypt = false;
        assert!(missing(&wanted).is_none());
        assert_eq!(Keyring::new(&wanted).unwrap().names(), "no recording key");
    }
}
