//! Many byte strings, looked for at once.
//!
//! Needles of eight bytes and more stand in a hash table by their first eight
//! bytes: one multiplication and one load per position of the text, whatever
//! their number. Compared with an Aho-Corasick automaton it grows by one needle
//! without being built anew (a delivery makes signatures all the time), reports
//! overlapping matches by itself, and keeps the secrets' bytes where they can be
//! zeroed.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::spellings::Spelling;

/// How many bytes the table looks at.
const WINDOW: usize = 8;

/// Slots per needle, at least: most positions of a text then meet an empty one.
const SLOTS: usize = 8;

#[derive(Clone)]
pub(super) struct Needles {
    needles: Vec<Needle>,
    /// Open addressing, linear probing; a power of two.
    table: Zeroizing<Vec<Slot>>,
    /// 64 - log2 of the table's length.
    shift: u32,
    /// The needles that are shorter than a window.
    short: Vec<Needle>,
    /// The bytes with which those begin.
    short_first: Box<[bool; 256]>,
}

#[derive(Clone)]
struct Needle {
    bytes: Zeroizing<Vec<u8>>,
    /// Unpadded base64: padding may follow.
    base64: bool,
    label: Arc<str>,
}

/// 1 + index of a needle in the low half, its [`tag`] in the high one; or 0.
type Slot = u64;

/// A stretch of a text that has to go.
pub(super) struct Hit<'a> {
    pub start: usize,
    pub end: usize,
    pub label: &'a str,
}

impl Default for Needles {
    fn default() -> Self {
        Self {
            needles: Vec::new(),
            table: Zeroizing::new(vec![0; 2]),
            shift: 63,
            short: Vec::new(),
            short_first: Box::new([false; 256]),
        }
    }
}

impl Needles {
    pub fn len(&self) -> usize {
        self.needles.len() + self.short.len()
    }

    /// Adds a needle, unless it is empty or already there: the first label stays.
    pub fn add(&mut self, spelling: Spelling, label: &Arc<str>) {
        let Spelling { bytes, base64 } = spelling;
        let needle = Needle {
            bytes: Zeroizing::new(bytes),
            base64,
            label: Arc::clone(label),
        };
        let Some(window) = needle.bytes.first_chunk() else {
            let known = self.short.iter().any(|other| other.bytes == needle.bytes);
            if let (false, Some(first)) = (known, needle.bytes.first()) {
                self.short_first[usize::from(*first)] = true;
                self.short.push(needle);
            }
            return;
        };
        let hash = hash(window);
        let mut known = false;
        self.probe(hash, |other| known |= other.bytes == needle.bytes);
        if known {
            return;
        }
        self.needles.push(needle);
        if self.needles.len() * SLOTS > self.table.len() {
            self.rebuild();
        } else {
            self.enter(hash, self.needles.len());
        }
    }

    /// The first position from `from` on at which a needle stands; the longest
    /// one there, with its padding. Where a text was cut off, the beginning of a
    /// needle counts, if it is as long as a window.
    pub fn next_hit(&self, text: &[u8], from: usize, ends: Ends) -> Option<Hit<'_>> {
        if self.len() == 0 {
            return None;
        }
        let rest = text.get(from..)?;
        for (offset, window) in rest.array_windows::<WINDOW>().enumerate() {
            let hash = hash(window);
            let slot = self.table[(hash >> self.shift) as usize];
            // Rarely true: what follows is out of the loop's way.
            if (slot != 0 || self.short_first[usize::from(window[0])])
                && let Some(hit) = self.longest_at(text, from + offset, Some(hash), ends)
            {
                return Some(hit);
            }
        }
        let tail = from.max(text.len().saturating_sub(WINDOW - 1));
        (tail..text.len()).find_map(|at| self.longest_at(text, at, None, ends))
    }

    /// `hash` is that of the window at this position, if there is one.
    #[cold]
    fn longest_at(&self, text: &[u8], at: usize, hash: Option<u64>, ends: Ends) -> Option<Hit<'_>> {
        let rest = &text[at..];
        let mut longest: Option<Hit<'_>> = None;
        let mut compare = |needle| {
            let Needle {
                bytes,
                base64,
                label,
            }: &Needle = needle;
            let common = rest.iter().zip(&**bytes).take_while(|(a, b)| a == b);
            let end = at + common.count();
            let whole = end - at == bytes.len();
            let begun = end - at >= WINDOW && is_cut(&text[end..], ends);
            if !whole && !begun {
                return;
            }
            let end = if whole && *base64 {
                after_padding(text, end)
            } else {
                end
            };
            if longest.as_ref().is_none_or(|other| other.end < end) {
                longest = Some(Hit {
                    start: at,
                    end,
                    label,
                });
            }
        };
        if let Some(hash) = hash {
            self.probe(hash, &mut compare);
        }
        self.short.iter().for_each(compare);
        longest
    }

    /// Calls `visit` with every needle whose window may have this hash.
    fn probe<'a>(&'a self, hash: u64, mut visit: impl FnMut(&'a Needle)) {
        let mask = self.table.len() - 1;
        let mut at = (hash >> self.shift) as usize;
        // An eighth of the slots is taken at most: there is always an end.
        while self.table[at] != 0 {
            let slot = self.table[at];
            if slot >> 32 == tag(hash) {
                visit(&self.needles[slot as u32 as usize - 1]);
            }
            at = (at + 1) & mask;
        }
    }

    fn enter(&mut self, hash: u64, number: usize) {
        let mask = self.table.len() - 1;
        let mut at = (hash >> self.shift) as usize;
        while self.table[at] != 0 {
            at = (at + 1) & mask;
        }
        self.table[at] = tag(hash) << 32 | number as u64;
    }

    fn rebuild(&mut self) {
        let size = (self.needles.len() * SLOTS * 2).next_power_of_two();
        self.table = Zeroizing::new(vec![0; size]);
        self.shift = 64 - size.trailing_zeros();
        for number in 1..=self.needles.len() {
            if let Some(window) = self.needles[number - 1].bytes.first_chunk() {
                self.enter(hash(window), number);
            }
        }
    }
}

/// Fibonacci hashing: the product's high bits depend on all of the window.
fn hash(window: &[u8; WINDOW]) -> u64 {
    u64::from_le_bytes(*window).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Bits of the hash that the table's index does not use, unless it is huge.
fn tag(hash: u64) -> u64 {
    hash & 0xffff_ffff
}

/// Where a text ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// At its end.
    Last,
    /// Also at every quotation mark: it is JSON, and has many texts in it.
    Quoted,
}

/// Whether a text ends before `rest`, by itself or because somebody cut it there:
/// hosts, adapters and platforms shorten what they quote, and mark the place.
fn is_cut(rest: &[u8], ends: Ends) -> bool {
    match rest {
        [] | [b'*', ..] => true,
        [b'"', ..] => ends == Ends::Quoted,
        // The text is cut within an escape, which a quotation mark follows.
        [b'%' | b'\\', ..] => {
            let begun = rest.iter().take(5).position(|byte| *byte == b'"');
            ends == Ends::Quoted && begun.is_some()
        }
        rest => rest.starts_with("…".as_bytes()) || rest.starts_with(b"..."),
    }
}

/// The end of at most two padding characters at `at`, in any of their spellings.
fn after_padding(text: &[u8], mut at: usize) -> usize {
    for _ in 0..2 {
        at += match &text[at..] {
            [b'=', ..] => 1,
            [b'%', b'3', b'D' | b'd', ..] => 3,
            _ => return at,
        };
    }
    at
}
