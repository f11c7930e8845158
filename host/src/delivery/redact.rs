//! Takes secrets, and everything derived from them, out of any text.
//!
//! A secret that leaves through a log line rarely looks the way it was typed: it
//! is percent-encoded in a URL, escaped in JSON, part of a `Basic` header's
//! base64, or hashed into a signature. So every spelling a value is likely to
//! have is looked for, and whatever any of them covers is replaced by `«name»`
//! (a secret) or `«signature»` (a derived value).
//!
//! There are two layers. Secrets belong to a connection's generation and are
//! spelled out once; scopes share them. Derived values belong to one delivery
//! and are added to its scope as they come into being.
//!
//! Where matches overlap, all that any of them covers goes, under the name of
//! the longest. A secret that is an ordinary word takes that word out of every
//! text: leaking it would be worse. Not found are values that a guest has cut
//! into pieces or encrypted.

mod needles;
mod spellings;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use zeroize::Zeroizing;

use crate::config::Secret;
use needles::{Hit, Needles};

/// Most derived values of one scope. With their spellings they take some
/// 1.5 KiB each.
const MAX_DERIVED: usize = 16 * 1024;

/// A scope holds as many derived values as it may: nothing more can be derived
/// in it, because it couldn't be taken out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {MAX_DERIVED} signatures were made for one delivery; split it")]
pub struct TooManyDerived;

/// Removes secrets from text. Prints none of them.
pub struct Redactor {
    secrets: Arc<Needles>,
    derived: RwLock<Derived>,
}

#[derive(Default)]
struct Derived {
    needles: Needles,
    /// Not among the needles yet: most values never meet a text that has to be
    /// redacted, and spelling one out takes longer than making it.
    unspelled: Vec<(Arc<str>, Zeroizing<Vec<u8>>)>,
    values: usize,
}

/// Collects what a [`Redactor`] removes.
#[derive(Default)]
pub struct RedactorBuilder {
    secrets: Needles,
}

impl RedactorBuilder {
    /// A secret by its name. An empty one is left out.
    pub fn secret(self, name: &str, secret: &Secret) -> Self {
        self.text(name, secret.expose())
    }

    /// What HTTP basic authentication makes of a user and a secret (RFC 7617).
    pub fn basic(self, name: &str, user: &str, secret: &Secret) -> Self {
        let pair = Zeroizing::new([user, ":", secret.expose()].concat());
        self.text(name, &pair)
    }

    /// Any other text that must not be seen, under the name of its secret.
    pub fn text(mut self, name: &str, text: &str) -> Self {
        let label = label(name);
        spellings::of_text(text, |spelling| self.secrets.add(spelling, &label));
        self
    }

    /// The redactor, with nothing derived yet.
    pub fn build(self) -> Redactor {
        Redactor {
            secrets: Arc::new(self.secrets),
            derived: RwLock::default(),
        }
    }
}

impl Redactor {
    /// A redactor of secrets by name. See [`Redactor::builder`] for more.
    pub fn new(secrets: impl Iterator<Item = (String, Secret)>) -> Self {
        secrets
            .fold(Self::builder(), |builder, (name, secret)| {
                builder.secret(&name, &secret)
            })
            .build()
    }

    /// For secrets that also occur within other values.
    pub fn builder() -> RedactorBuilder {
        RedactorBuilder::default()
    }

    /// A redactor of the same secrets with nothing derived: one for each
    /// delivery. Costs a reference count.
    pub fn scope(&self) -> Self {
        Self {
            secrets: Arc::clone(&self.secrets),
            derived: RwLock::default(),
        }
    }

    /// Adds a value that was computed from a secret (a digest, a MAC), to be
    /// replaced by `«label»`. To be called before the value is handed on.
    ///
    /// # Errors
    /// If the scope is full; the value must then not be handed on.
    pub fn derive(&self, label: &str, bytes: &[u8]) -> Result<(), TooManyDerived> {
        let mut derived = self.derived.write().unwrap_or_else(PoisonError::into_inner);
        if derived.values >= MAX_DERIVED {
            return Err(TooManyDerived);
        }
        derived.values += 1;
        let bytes = Zeroizing::new(bytes.to_vec());
        derived.unspelled.push((self::label(label), bytes));
        Ok(())
    }

    /// The text without secrets; the text itself if there are none in it.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut clean = String::new();
        let mut cursor = 0;
        self.each_hit(text.as_bytes(), |hit| {
            // Raw bytes of a digest may begin or end within a character.
            let start = text.floor_char_boundary(hit.start).max(cursor);
            let end = text.ceil_char_boundary(hit.end).max(cursor);
            clean.push_str(&text[cursor..start]);
            clean.push_str(hit.label);
            cursor = end;
        });
        if cursor == 0 {
            return Cow::Borrowed(text);
        }
        clean.push_str(&text[cursor..]);
        Cow::Owned(clean)
    }

    /// The same for bytes that need not be UTF-8.
    pub fn redact_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut clean = Vec::new();
        let mut cursor = 0;
        self.each_hit(bytes, |hit| {
            clean.extend_from_slice(&bytes[cursor..hit.start]);
            clean.extend_from_slice(hit.label.as_bytes());
            cursor = hit.end;
        });
        if cursor == 0 {
            return Cow::Borrowed(bytes);
        }
        clean.extend_from_slice(&bytes[cursor..]);
        Cow::Owned(clean)
    }

    /// Calls `report` with every stretch that has to go, in order, none of them
    /// overlapping another.
    fn each_hit(&self, text: &[u8], mut report: impl FnMut(Hit<'_>)) {
        let derived = self.spelled();
        let layers = [&*self.secrets, &derived.needles];
        let mut next = layers.map(|layer| layer.next_hit(text, 0));
        // The stretch that is still growing, and the length of the needle that
        // gave it its name.
        let mut open: Option<(Hit<'_>, usize)> = None;
        loop {
            let first = match &next {
                [None, None] => break,
                [Some(_), None] => 0,
                [None, Some(_)] => 1,
                [Some(secret), Some(derived)] => usize::from(derived.start < secret.start),
            };
            let Some(hit) = next[first].take() else { break };
            next[first] = layers[first].next_hit(text, hit.start + 1);
            let length = hit.end - hit.start;
            match &mut open {
                Some((growing, longest)) if hit.start < growing.end => {
                    growing.end = growing.end.max(hit.end);
                    if length > *longest {
                        (growing.label, *longest) = (hit.label, length);
                    }
                }
                _ => {
                    if let Some((done, _)) = open.replace((hit, length)) {
                        report(done);
                    }
                }
            }
        }
        if let Some((done, _)) = open {
            report(done);
        }
    }

    /// The derived values, all of them spelled out.
    fn spelled(&self) -> RwLockReadGuard<'_, Derived> {
        let derived = self.derived.read().unwrap_or_else(PoisonError::into_inner);
        if derived.unspelled.is_empty() {
            return derived;
        }
        drop(derived);
        let mut derived = self.derived.write().unwrap_or_else(PoisonError::into_inner);
        let Derived {
            needles, unspelled, ..
        } = &mut *derived;
        for (label, bytes) in unspelled.drain(..) {
            spellings::of_derived(&bytes, |spelling| needles.add(spelling, &label));
        }
        // Whoever derives something now does not have it in a text yet.
        RwLockWriteGuard::downgrade(derived)
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let derived = self.derived.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Redactor")
            .field("spellings", &self.secrets.len())
            .field("derived", &derived.values)
            .finish()
    }
}

impl fmt::Debug for RedactorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactorBuilder")
            .field("spellings", &self.secrets.len())
            .finish()
    }
}

fn label(name: &str) -> Arc<str> {
    format!("«{name}»").into()
}
