//! Takes secrets, and everything derived from them, out of any text.
//!
//! A secret that leaves through a log line rarely looks the way it was typed: it
//! is percent-encoded in a URL, escaped in JSON, part of a `Basic` header's
//! base64, or hashed into a signature. So a text is searched as it is and with
//! its escapes taken out, for every value in each of its encodings, and whatever
//! any of them covers is replaced by `«name»` (a secret) or `«signature»` (a
//! derived value).
//!
//! There are two layers. Secrets belong to a connection's generation and are
//! spelled out once; scopes share them. Derived values belong to one delivery
//! and are added to its scope as they come into being.
//!
//! Where matches overlap, all that any of them covers goes, under the name of
//! the longest. A secret that is an ordinary word takes that word out of every
//! text: leaking it would be worse. The first eight bytes of a value are enough
//! where a text was cut. Not found are values that a guest has cut into pieces or
//! encrypted.

mod json;
mod needles;
mod spellings;
#[cfg(test)]
mod tests;
mod unescape;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use zeroize::Zeroizing;

use crate::config::Secret;
use needles::{Ends, Needles};
use unescape::{ALL, DEPTH, Unescaped, unescape};

/// Most derived values of one scope. With their spellings they take some
/// 1.5 KiB each.
const MAX_DERIVED: usize = 16 * 1024;

/// Bytes beyond the end of a text's beginning that are looked at.
const SEEN_AHEAD: usize = 1 << 10;

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

    /// A redactor of the same secrets and of some more, with nothing derived.
    pub fn with<'a>(&self, more: impl Iterator<Item = (&'a str, &'a Secret)>) -> Self {
        let secrets = Needles::clone(&self.secrets);
        more.fold(RedactorBuilder { secrets }, |builder, (name, secret)| {
            builder.secret(name, secret)
        })
        .build()
    }

    /// Adds a secret that came after the scope was made.
    pub fn learn(&self, name: &str, secret: &Secret) {
        let label = label(name);
        let mut derived = self.derived.write().unwrap_or_else(PoisonError::into_inner);
        let needles = &mut derived.needles;
        spellings::of_text(secret.expose(), |spelling| needles.add(spelling, &label));
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
        let derived = self.spelled();
        let stretches = self.stretches(&derived, text.as_bytes(), Ends::Last);
        if stretches.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut clean = String::new();
        let mut cursor = 0;
        for stretch in stretches {
            // Raw bytes of a digest may begin or end within a character.
            let start = text.floor_char_boundary(stretch.start).max(cursor);
            let end = text.ceil_char_boundary(stretch.end).max(cursor);
            clean.push_str(&text[cursor..start]);
            clean.push_str(stretch.label);
            cursor = end;
        }
        clean.push_str(&text[cursor..]);
        Cow::Owned(clean)
    }

    /// A JSON text without secrets, which is a JSON text again: each of its
    /// strings and numbers is looked at for itself.
    pub fn redact_json<'a>(&self, json: &'a str) -> Cow<'a, str> {
        let found = {
            let derived = self.spelled();
            !self
                .stretches(&derived, json.as_bytes(), Ends::Quoted)
                .is_empty()
        };
        if found {
            Cow::Owned(json::each_value(json, |text| self.redact(text)))
        } else {
            Cow::Borrowed(json)
        }
    }

    /// The beginning of a text without secrets, at most so many bytes of it: for
    /// texts that are shown in part. A secret that ends later goes as well. Where
    /// something is left out, `…` says so.
    pub fn start_of(&self, text: &str, most: usize) -> String {
        // So much more is looked at that a secret at the end is seen as one.
        let start = &text[..text.floor_char_boundary(most.saturating_add(SEEN_AHEAD))];
        let mut clean = self.redact(start).into_owned();
        if start.len() < text.len() || clean.len() > most {
            clean.truncate(clean.floor_char_boundary(most));
            clean.push('…');
        }
        clean
    }

    /// The same for bytes that need not be UTF-8.
    pub fn redact_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let derived = self.spelled();
        let stretches = self.stretches(&derived, bytes, Ends::Last);
        if stretches.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut clean = Vec::new();
        let mut cursor = 0;
        for stretch in stretches {
            clean.extend_from_slice(&bytes[cursor..stretch.start]);
            clean.extend_from_slice(stretch.label.as_bytes());
            cursor = stretch.end;
        }
        clean.extend_from_slice(&bytes[cursor..]);
        Cow::Owned(clean)
    }

    /// Every stretch that has to go, in order, none of them overlapping another.
    fn stretches<'a>(&'a self, derived: &'a Derived, text: &[u8], ends: Ends) -> Vec<Stretch<'a>> {
        let layers = [&*self.secrets, &derived.needles];
        if layers.iter().all(|needles| needles.len() == 0) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for needles in layers {
            found.extend(united(needles, text, ends));
        }
        if let Some(first) = unescape(text, ALL) {
            let signs = first.signs.clone();
            read_on(layers, first, ALL, ends, &mut found);
            for sign in signs.iter().filter(|_| signs.len() > 1) {
                let sign = std::slice::from_ref(sign);
                if let Some(first) = unescape(text, sign) {
                    read_on(layers, first, sign, ends, &mut found);
                }
            }
        }
        if found.len() > 1 {
            found.sort_by_key(|stretch| (stretch.start, stretch.end));
            found = unite(found.into_iter());
        }
        found
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

/// A stretch of a text that has to go.
struct Stretch<'a> {
    start: usize,
    end: usize,
    label: &'a str,
    /// Length of the needle that gave it its name.
    longest: usize,
}

/// What needles cover in a text whose escapes were taken out once, and in what
/// becomes of it when that is done again.
fn read_on<'a>(
    layers: [&'a Needles; 2],
    first: Unescaped,
    signs: &[u8],
    ends: Ends,
    found: &mut Vec<Stretch<'a>>,
) {
    let mut readings = vec![first];
    while let Some(reading) = readings.last() {
        for needles in layers {
            for mut stretch in united(needles, &reading.bytes, ends) {
                for reading in readings.iter().rev() {
                    (stretch.start, stretch.end) = reading.origin(stretch.start, stretch.end);
                }
                found.push(stretch);
            }
        }
        match unescape(&reading.bytes, signs) {
            Some(next) if readings.len() < DEPTH => readings.push(next),
            _ => break,
        }
    }
}

/// What needles cover in one text.
fn united<'a>(needles: &'a Needles, text: &[u8], ends: Ends) -> Vec<Stretch<'a>> {
    let mut from = 0;
    let hits = std::iter::from_fn(|| {
        let hit = needles.next_hit(text, from, ends)?;
        from = hit.start + 1;
        Some(Stretch {
            start: hit.start,
            end: hit.end,
            label: hit.label,
            longest: hit.end - hit.start,
        })
    });
    unite(hits)
}

/// Stretches that overlap as one, under the name of the longest.
fn unite<'a>(stretches: impl Iterator<Item = Stretch<'a>>) -> Vec<Stretch<'a>> {
    let mut united: Vec<Stretch<'a>> = Vec::new();
    for stretch in stretches {
        match united.last_mut() {
            Some(last) if stretch.start < last.end => {
                last.end = last.end.max(stretch.end);
                if stretch.longest > last.longest {
                    (last.label, last.longest) = (stretch.label, stretch.longest);
                }
            }
            _ => united.push(stretch),
        }
    }
    united
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
