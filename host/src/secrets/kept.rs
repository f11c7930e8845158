//! What is known of each secret, and when it is asked for again.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Absent, Source, Text};

/// The first pause after a failure; each next is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How long one that nobody uses is remembered.
const UNUSED: Duration = Duration::from_secs(60);

/// Everything that is known.
#[derive(Default)]
pub(super) struct Kept {
    secrets: HashMap<Source, One>,
    /// Folders whose secrets are others than they were.
    pub changed: BTreeSet<PathBuf>,
}

struct One {
    text: Option<Text>,
    failure: Option<String>,
    failures: u32,
    every: Duration,
    /// When it is asked for; nothing while somebody does.
    due: Option<Instant>,
    used_by: BTreeSet<PathBuf>,
    /// It was due, and nobody used it.
    unused: bool,
}

impl Kept {
    /// A secret as it is known, which is asked for from now on.
    pub fn read(
        &mut self,
        tenant: &Path,
        source: &Source,
        every: Duration,
        now: Instant,
    ) -> Result<Text, Absent> {
        let one = self.secrets.entry(source.clone()).or_insert_with(|| One {
            text: None,
            failure: None,
            failures: 0,
            every,
            due: Some(now),
            used_by: BTreeSet::new(),
            unused: false,
        });
        one.unused = false;
        one.every = match one.used_by.is_empty() {
            true => every,
            false => one.every.min(every),
        };
        one.used_by.insert(tenant.to_owned());
        one.due = one.due.map(|due| due.min(now + one.every));
        match (&one.text, &one.failure) {
            (Some(text), _) => Ok(text.clone()),
            (None, Some(failure)) => Err(Absent::Failed(failure.clone())),
            (None, None) => Err(Absent::Pending),
        }
    }

    /// This tenant uses nothing, until it reads something.
    pub fn forget(&mut self, tenant: &Path) {
        for one in self.secrets.values_mut() {
            one.used_by.remove(tenant);
        }
    }

    /// Those that are due, each of which is answered by [`answered`](Self::answered).
    pub fn due(&mut self, now: Instant) -> Vec<Source> {
        let mut due = Vec::new();
        self.secrets.retain(|source, one| {
            if one.due.is_some_and(|at| at <= now) {
                if one.used_by.is_empty() {
                    // Its tenant may be about to be read.
                    one.due = Some(now + UNUSED);
                    return !std::mem::replace(&mut one.unused, true);
                }
                one.due = None;
                due.push(source.clone());
            }
            true
        });
        due
    }

    /// Whether this one is due, which is answered likewise.
    pub fn is_due(&mut self, source: &Source, now: Instant) -> bool {
        let Some(one) = self.secrets.get_mut(source) else {
            return false;
        };
        let due = one.due.is_some_and(|at| at <= now);
        if due {
            one.due = None;
        }
        due
    }

    /// When the next one is due.
    pub fn next(&self) -> Option<Instant> {
        self.secrets.values().filter_map(|one| one.due).min()
    }

    /// Somebody answered, or did not. `early` is the part of the time after which the
    /// secret is asked for again that is taken off.
    pub fn answered(
        &mut self,
        source: &Source,
        answer: Result<Text, String>,
        early: f64,
        now: Instant,
    ) {
        let Some(one) = self.secrets.get_mut(source) else {
            return;
        };
        match answer {
            Ok(text) => {
                if one.failures > 0 {
                    tracing::info!(source = source.shown(), "the secret can be had again");
                }
                let same = one.text.as_ref().is_some_and(|before| **before == *text);
                if !same {
                    self.changed.extend(one.used_by.iter().cloned());
                    one.text = Some(text);
                }
                one.failure = None;
                one.failures = 0;
                one.due = Some(now + one.every.mul_f64(1.0 - early));
            }
            Err(why) => {
                let first = one.failures == 0;
                if first && one.text.is_some() {
                    tracing::warn!(
                        source = source.shown(),
                        why,
                        "the secret cannot be asked for; the one that is known goes on being used"
                    );
                }
                if one.text.is_none() && one.failure.as_ref() != Some(&why) {
                    self.changed.extend(one.used_by.iter().cloned());
                }
                one.failure = Some(why);
                let doubled = FIRST_PAUSE * 2_u32.saturating_pow(one.failures.min(16));
                one.failures = one.failures.saturating_add(1);
                let pause = doubled.min(LONGEST_PAUSE).min(one.every.max(FIRST_PAUSE));
                one.due = Some(now + pause);
            }
        }
    }
}
