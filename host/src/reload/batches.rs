//! When a change is finished: what is known of every path that something
//! happened to, as a state machine that is told the time.
//!
//! ```text
//!            Writing ─── closed, or silent for `unclosed` ──> ready ──┐
//! event ──<                                                           ├─ nothing new for `quiet`,
//!            Complete (renamed here, closed, removed, a link) ─> ready ┘  or `longest` ──> batch
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Most paths kept at once. More is a flood (an unpacked archive, a checkout):
/// looking at everything once is cheaper than naming each.
const MOST_PATHS: usize = 4096;

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// It was not there before. `complete`: nobody is still writing it, as with
    /// a folder or a symbolic link.
    Appeared { complete: bool },
    /// Somebody is writing it.
    Writing,
    /// Its content is whole: closed by its writer, or renamed to here.
    Complete,
    /// Its permissions or times changed, which says nothing about a writer.
    Touched,
    /// It was removed or renamed away.
    Gone,
}

/// How long to wait for what.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    /// A batch is handed out when nothing has become ready for so long.
    pub quiet: Duration,
    /// A batch is handed out at the latest so long after its first path was
    /// ready.
    pub longest: Duration,
    /// A file that was written to and never closed counts as finished after so
    /// long without another write.
    pub unclosed: Duration,
    /// Whether the source of events tells when a writer closes a file. If not,
    /// every path waits for `unclosed`.
    pub tells_close: bool,
}

impl Policy {
    /// For events of the operating system.
    pub fn notified() -> Self {
        // Only inotify tells when a writer closes a file; elsewhere a pause in
        // the writing has to do.
        let tells_close = cfg!(target_os = "linux");
        Self {
            quiet: Duration::from_millis(10),
            longest: Duration::from_millis(250),
            unclosed: Duration::from_millis(if tells_close { 2000 } else { 200 }),
            tells_close,
        }
    }

    /// For a scan every `interval`: a file is finished when a scan finds it as
    /// the scan before did. A quarter on top, because scanning takes time.
    pub fn polled(interval: Duration) -> Self {
        Self {
            unclosed: interval + interval / 4,
            tells_close: false,
            ..Self::notified()
        }
    }
}

/// Changes that belong together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    /// What changed.
    pub paths: BTreeSet<PathBuf>,
    /// Events were lost: anything may have changed.
    pub rescan: bool,
}

#[derive(Debug)]
struct Pending {
    /// The last event, or the moment of becoming ready.
    last: Instant,
    ready: bool,
    /// When it was first ready since the last batch: a file that is rewritten
    /// without a pause must not postpone its batch for ever.
    ready_since: Option<Instant>,
    /// It did not exist at the last batch, so that nobody can know of it.
    born: bool,
}

/// Collects events and hands out batches of finished changes.
#[derive(Debug)]
pub(super) struct Batches {
    policy: Policy,
    paths: BTreeMap<PathBuf, Pending>,
    /// First and last loss of events since the last batch.
    rescan: Option<(Instant, Instant)>,
}

impl Batches {
    /// With nothing pending.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            paths: BTreeMap::new(),
            rescan: None,
        }
    }

    /// Takes an event in.
    pub fn note(&mut self, now: Instant, path: &Path, signal: Signal) {
        if signal == Signal::Gone && self.forget_below(path) {
            return;
        }
        if self.paths.len() >= MOST_PATHS && !self.paths.contains_key(path) {
            self.paths.clear();
            self.rescan(now);
            return;
        }
        let known = self.paths.contains_key(path);
        let pending = self.paths.entry(path.to_owned()).or_insert(Pending {
            last: now,
            ready: false,
            ready_since: None,
            born: matches!(signal, Signal::Appeared { .. }),
        });
        let ready = match signal {
            Signal::Appeared { complete } => complete,
            Signal::Writing => false,
            Signal::Complete | Signal::Gone => true,
            // Whoever writes a file may change its permissions meanwhile.
            Signal::Touched => !known || pending.ready,
        };
        pending.ready = ready && self.policy.tells_close;
        pending.last = now;
        if pending.ready {
            pending.ready_since.get_or_insert(now);
        }
    }

    /// Events were lost.
    pub fn rescan(&mut self, now: Instant) {
        let first = self.rescan.map_or(now, |(first, _)| first);
        self.rescan = Some((first, now));
    }

    /// When [`take`](Self::take) is worth calling again, if nothing else happens.
    pub fn due(&self) -> Option<Instant> {
        let unclosed = self
            .paths
            .values()
            .filter(|pending| !pending.ready)
            .map(|pending| pending.last + self.policy.unclosed)
            .min();
        [self.batch_due(), unclosed].into_iter().flatten().min()
    }

    /// What is finished at `now`.
    pub fn take(&mut self, now: Instant) -> Option<Batch> {
        for pending in self.paths.values_mut() {
            if !pending.ready && pending.last + self.policy.unclosed <= now {
                pending.ready = true;
                pending.last = now;
                pending.ready_since.get_or_insert(now);
            }
        }
        if self.batch_due()? > now {
            return None;
        }
        let mut batch = Batch {
            paths: BTreeSet::new(),
            rescan: self.rescan.take().is_some(),
        };
        let paths = std::mem::take(&mut self.paths);
        for (path, mut pending) in paths {
            if pending.ready {
                batch.paths.insert(path);
            } else {
                // Whoever acts on this batch may see the unfinished file too.
                pending.born = false;
                pending.ready_since = None;
                self.paths.insert(path, pending);
            }
        }
        Some(batch)
    }

    /// When what is ready now becomes a batch.
    fn batch_due(&self) -> Option<Instant> {
        let ready = || self.paths.values().filter(|pending| pending.ready);
        let last = ready()
            .map(|pending| pending.last)
            .chain(self.rescan.map(|(_, last)| last))
            .max()?;
        let first = self
            .paths
            .values()
            .filter_map(|pending| pending.ready_since)
            .chain(self.rescan.map(|(first, _)| first))
            .min()?;
        let latest = first + self.policy.longest;
        if self.neighbour_is_written() {
            return Some(latest);
        }
        Some(latest.min(last + self.policy.quiet))
    }

    /// Whether a file is being written in the folder of a path that is ready,
    /// or in a folder that itself is ready: they are probably saved together.
    fn neighbour_is_written(&self) -> bool {
        let mut written = self
            .paths
            .iter()
            .filter(|(_, pending)| !pending.ready)
            .map(|(path, _)| path)
            .peekable();
        if written.peek().is_none() {
            return false;
        }
        let ready = || self.paths.iter().filter(|(_, pending)| pending.ready);
        let ready_paths: BTreeSet<&Path> = ready().map(|(path, _)| path.as_path()).collect();
        let folders: BTreeSet<&Path> = ready().filter_map(|(path, _)| path.parent()).collect();
        written.any(|path| {
            let beside = path.parent().is_some_and(|folder| folders.contains(folder));
            let mut around = path.ancestors().skip(1);
            beside || around.any(|folder| ready_paths.contains(folder))
        })
    }

    /// What was below a folder went with it. True when there is nothing to
    /// tell, because nobody can have known the path.
    fn forget_below(&mut self, path: &Path) -> bool {
        self.paths
            .retain(|known, _| known == path || !known.starts_with(path));
        let unknown = self.paths.get(path).is_some_and(|pending| pending.born);
        if unknown {
            self.paths.remove(path);
        }
        unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPEARED: Signal = Signal::Appeared { complete: false };
    const LINKED: Signal = Signal::Appeared { complete: true };

    /// Batches that are told milliseconds.
    struct Clock {
        batches: Batches,
        start: Instant,
    }

    impl Clock {
        fn notified() -> Self {
            Self::with(Policy {
                quiet: Duration::from_millis(10),
                longest: Duration::from_millis(250),
                unclosed: Duration::from_millis(2000),
                tells_close: true,
            })
        }

        fn with(policy: Policy) -> Self {
            Self {
                batches: Batches::new(policy),
                start: Instant::now(),
            }
        }

        fn note(&mut self, ms: u64, path: &str, signal: Signal) {
            let now = self.start + Duration::from_millis(ms);
            self.batches.note(now, Path::new(path), signal);
        }

        /// Runs until something is handed out: when, and what.
        fn next(&mut self) -> Option<(u64, Vec<String>)> {
            // Each step either makes a path ready or hands out a batch.
            for _ in 0..10_000 {
                let due = self.batches.due()?;
                if let Some(batch) = self.batches.take(due) {
                    let shown = batch.paths.iter().map(|path| path.display().to_string());
                    let rescan = batch.rescan.then(|| "rescan".to_owned());
                    let ms = (due - self.start).as_millis() as u64;
                    return Some((ms, shown.chain(rescan).collect()));
                }
            }
            panic!("never a batch: {:?}", self.batches);
        }

        fn take(&mut self, ms: u64) -> Option<Batch> {
            self.batches.take(self.start + Duration::from_millis(ms))
        }
    }

    fn paths(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|path| path.to_string()).collect()
    }

    #[test]
    fn a_rename_is_a_change_after_ten_milliseconds() {
        let mut clock = Clock::notified();
        clock.note(0, "p/a.wasm", Signal::Complete);
        assert_eq!(clock.take(9), None);
        assert_eq!(clock.next(), Some((10, paths(&["p/a.wasm"]))));
        assert_eq!(clock.next(), None);
    }

    #[test]
    fn several_files_saved_together_are_one_change() {
        let mut clock = Clock::notified();
        clock.note(0, "t/a.jq", Signal::Complete);
        clock.note(8, "t/b.jq", Signal::Complete);
        clock.note(16, "t/tenant.toml", Signal::Complete);
        let all = paths(&["t/a.jq", "t/b.jq", "t/tenant.toml"]);
        assert_eq!(clock.next(), Some((26, all)));
    }

    #[test]
    fn constant_changes_do_not_postpone_a_batch_beyond_a_quarter_of_a_second() {
        let mut clock = Clock::notified();
        for ms in (0..=248).step_by(8) {
            clock.note(ms, &format!("t/{ms:03}"), Signal::Complete);
            assert_eq!(clock.take(ms), None);
        }
        let (ms, paths) = clock.next().unwrap();
        assert_eq!((ms, paths.len()), (250, 32));
    }

    #[test]
    fn a_file_rewritten_without_a_pause_is_handed_out_all_the_same() {
        let mut clock = Clock::notified();
        for ms in (0..300).step_by(5) {
            clock.note(ms, "t/a.jq", Signal::Complete);
            if ms >= 250 {
                assert!(clock.take(ms).is_some());
                return;
            }
            assert_eq!(clock.take(ms), None);
            clock.note(ms + 4, "t/a.jq", Signal::Writing);
        }
        unreachable!("a batch was due");
    }

    #[test]
    fn a_file_that_is_being_written_waits_for_its_writer_to_close_it() {
        let mut clock = Clock::notified();
        clock.note(0, "p/a.wasm", APPEARED);
        for ms in (100..5000).step_by(100) {
            clock.note(ms, "p/a.wasm", Signal::Writing);
            assert_eq!(clock.take(ms + 99), None);
        }
        clock.note(5000, "p/a.wasm", Signal::Complete);
        assert_eq!(clock.next(), Some((5010, paths(&["p/a.wasm"]))));
    }

    #[test]
    fn a_file_that_nobody_closes_is_taken_after_two_seconds_of_silence() {
        let mut clock = Clock::notified();
        clock.note(0, "p/a.wasm", APPEARED);
        clock.note(500, "p/a.wasm", Signal::Writing);
        assert_eq!(clock.next(), Some((2510, paths(&["p/a.wasm"]))));
    }

    #[test]
    fn a_finished_file_waits_briefly_for_its_neighbour_to_be_finished() {
        let mut clock = Clock::notified();
        clock.note(0, "t/acme/tenant.toml", Signal::Complete);
        clock.note(5, "t/acme/a.jq", Signal::Writing);
        assert_eq!(clock.take(30), None);
        clock.note(40, "t/acme/a.jq", Signal::Complete);
        let both = paths(&["t/acme/a.jq", "t/acme/tenant.toml"]);
        assert_eq!(clock.next(), Some((50, both)));

        clock.note(100, "t/acme", LINKED);
        clock.note(105, "t/acme/a.jq", Signal::Writing);
        assert_eq!(clock.next(), Some((350, paths(&["t/acme"]))));
    }

    #[test]
    fn a_slow_copy_elsewhere_does_not_hold_a_change_up() {
        let mut clock = Clock::notified();
        clock.note(0, "plugins/big.wasm", Signal::Writing);
        clock.note(5, "tenants/acme/a.jq", Signal::Complete);
        assert_eq!(clock.next(), Some((15, paths(&["tenants/acme/a.jq"]))));
        clock.note(100, "plugins/old/b.wasm", Signal::Complete);
        assert_eq!(clock.next(), Some((110, paths(&["plugins/old/b.wasm"]))));
        clock.note(200, "a.wasm", Signal::Complete);
        assert_eq!(clock.next(), Some((210, paths(&["a.wasm"]))));
        clock.note(900, "plugins/big.wasm", Signal::Complete);
        assert_eq!(clock.next(), Some((910, paths(&["plugins/big.wasm"]))));
    }

    #[test]
    fn a_temporary_file_that_comes_and_goes_is_no_change() {
        let mut clock = Clock::notified();
        clock.note(0, "t/a.jq.new", APPEARED);
        clock.note(1, "t/a.jq.new", Signal::Complete);
        clock.note(2, "t/a.jq.new", Signal::Gone);
        clock.note(2, "t/a.jq", Signal::Complete);
        assert_eq!(clock.next(), Some((12, paths(&["t/a.jq"]))));
    }

    #[test]
    fn a_removed_file_is_a_change_even_when_it_had_come_back() {
        let mut clock = Clock::notified();
        clock.note(0, "t/a.jq", Signal::Gone);
        clock.note(1, "t/a.jq", APPEARED);
        clock.note(2, "t/a.jq", Signal::Gone);
        assert_eq!(clock.next(), Some((12, paths(&["t/a.jq"]))));
    }

    #[test]
    fn an_unfinished_file_that_a_batch_may_have_shown_is_reported_when_it_goes() {
        let mut clock = Clock::notified();
        clock.note(0, "t/a.jq", APPEARED);
        clock.note(0, "t/tenant.toml", Signal::Complete);
        assert_eq!(clock.next(), Some((250, paths(&["t/tenant.toml"]))));
        clock.note(300, "t/a.jq", Signal::Gone);
        assert_eq!(clock.next(), Some((310, paths(&["t/a.jq"]))));
    }

    #[test]
    fn a_removed_folder_speaks_for_everything_in_it() {
        let mut clock = Clock::notified();
        clock.note(0, "t/acme/a.jq", Signal::Writing);
        clock.note(1, "t/acme/b.jq", Signal::Complete);
        clock.note(2, "t/acme", Signal::Gone);
        assert_eq!(clock.next(), Some((12, paths(&["t/acme"]))));
        assert_eq!(clock.next(), None);
    }

    #[test]
    fn new_permissions_are_a_change_but_not_the_end_of_writing() {
        let mut clock = Clock::notified();
        clock.note(0, "t/a.jq", Signal::Touched);
        assert_eq!(clock.next(), Some((10, paths(&["t/a.jq"]))));
        clock.note(20, "t/a.jq", Signal::Writing);
        clock.note(21, "t/a.jq", Signal::Touched);
        assert_eq!(clock.take(1000), None);
    }

    #[test]
    fn lost_events_ask_for_a_rescan() {
        let mut clock = Clock::notified();
        clock.note(0, "t/a.jq", Signal::Complete);
        clock.batches.rescan(clock.start);
        assert_eq!(clock.next(), Some((10, paths(&["t/a.jq", "rescan"]))));
        assert_eq!(clock.next(), None);
    }

    #[test]
    fn a_flood_of_paths_becomes_a_rescan() {
        let mut clock = Clock::notified();
        for i in 0..=MOST_PATHS {
            clock.note(0, &format!("t/{i}"), Signal::Complete);
        }
        assert_eq!(clock.next(), Some((10, paths(&["rescan"]))));
    }

    #[test]
    fn a_polled_file_waits_until_a_scan_finds_it_unchanged() {
        let mut clock = Clock::with(Policy {
            tells_close: false,
            unclosed: Duration::from_millis(1250),
            ..Policy::polled(Duration::from_millis(1000))
        });
        clock.note(0, "t/a.jq", Signal::Writing);
        clock.note(1000, "t/a.jq", Signal::Writing);
        clock.note(1000, "t/b.jq", Signal::Gone);
        let both = paths(&["t/a.jq", "t/b.jq"]);
        assert_eq!(clock.next(), Some((2260, both)));
    }
}
