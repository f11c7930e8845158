//! Which run begins when: ticks that are due, those that passed while a flow was
//! not free, and the next one.

use crossdock_schedule::Schedule;

use crate::config::{Missed, Overlap, Trigger};

/// Ticks that are run one after the other, at most: older ones are run with the
/// first of them.
const MOST: usize = 100;

/// What is known of a flow at a moment, in Unix milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub now: u64,
    /// The newest tick that was begun or passed by; when the flow was made, if
    /// there is none.
    pub last: u64,
    /// From when on it could have run: the host had started, nobody had paused it,
    /// its tenant served.
    pub free_since: u64,
    /// When its last run of this process began and ended.
    pub busy: Option<(u64, u64)>,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A run for this tick begins.
    Begin(u64),
    /// This tick is passed by, by rule.
    Skip(u64),
    /// Nothing before then.
    At(u64),
    /// Nothing by the clock.
    Never,
}

/// What to do now.
pub(super) fn next(trigger: &Trigger, missed: Missed, overlap: Overlap, moment: &Moment) -> Next {
    let Some(schedule) = schedule(trigger) else {
        return Next::Never;
    };
    let due = schedule.ticks_between(moment.last, moment.now, MOST);
    let Some(newest) = due.last().copied() else {
        let next = schedule.next(moment.now.max(moment.last));
        return next.map_or(Next::Never, Next::At);
    };
    let runs = |tick: u64| {
        let busy = moment.busy;
        match busy.is_some_and(|(from, until)| (from..=until).contains(&tick)) {
            true => overlap == Overlap::Queue,
            false => tick >= moment.free_since || missed != Missed::None,
        }
    };
    let mut running = due.iter().copied().filter(|tick| runs(*tick));
    let chosen = match missed {
        Missed::All => running.next(),
        Missed::Once | Missed::None => running.next_back(),
    };
    match chosen {
        Some(tick) if missed != Missed::All => Next::Begin(tick),
        // Those before it are not run, and counted.
        Some(tick) => match due.iter().find(|due| **due < tick) {
            Some(passed) => Next::Skip(*passed),
            None => Next::Begin(tick),
        },
        None => Next::Skip(due.first().copied().unwrap_or(newest)),
    }
}

/// A trigger as a schedule; nothing on demand.
fn schedule(trigger: &Trigger) -> Option<Schedule> {
    match trigger {
        Trigger::Every(every) => Some(Schedule::Every(*every)),
        Trigger::Cron(cron) => Some(Schedule::Cron(cron.clone())),
        Trigger::Demand => None,
    }
}

#[cfg(test)]
mod tests {
    use crossdock_schedule::Every;

    use super::*;

    const MINUTE: u64 = 60_000;

    fn every() -> Trigger {
        Trigger::Every(Every::parse("1m").unwrap())
    }

    /// Three ticks passed.
    fn moment() -> Moment {
        Moment {
            now: 10 * MINUTE + 10,
            last: 7 * MINUTE,
            free_since: 0,
            busy: None,
        }
    }

    #[test]
    fn a_tick_that_comes_is_run_at_once_and_the_next_one_is_waited_for() {
        let mut moment = Moment {
            last: 9 * MINUTE,
            ..moment()
        };
        for missed in [Missed::Once, Missed::All, Missed::None] {
            let next = next(&every(), missed, Overlap::Skip, &moment);
            assert_eq!(next, Next::Begin(10 * MINUTE), "{missed:?}");
        }
        moment.last = 10 * MINUTE;
        let next = next(&every(), Missed::Once, Overlap::Skip, &moment);
        assert_eq!(next, Next::At(11 * MINUTE));
    }

    #[test]
    fn ticks_that_passed_while_the_host_was_down_are_run_once_or_each_or_not() {
        let down = Moment {
            free_since: 10 * MINUTE + 5,
            ..moment()
        };
        let of = |missed| next(&every(), missed, Overlap::Skip, &down);
        assert_eq!(of(Missed::Once), Next::Begin(10 * MINUTE));
        assert_eq!(of(Missed::All), Next::Begin(8 * MINUTE));
        assert_eq!(of(Missed::None), Next::Skip(8 * MINUTE));
    }

    #[test]
    fn a_tick_during_a_run_is_left_out_or_run_afterwards() {
        let busy = Moment {
            busy: Some((7 * MINUTE, 10 * MINUTE + 5)),
            ..moment()
        };
        let of = |missed, overlap| next(&every(), missed, overlap, &busy);
        for missed in [Missed::Once, Missed::All, Missed::None] {
            let skipped = of(missed, Overlap::Skip);
            assert_eq!(skipped, Next::Skip(8 * MINUTE), "{missed:?}");
        }
        assert_eq!(of(Missed::Once, Overlap::Queue), Next::Begin(10 * MINUTE));
        assert_eq!(of(Missed::All, Overlap::Queue), Next::Begin(8 * MINUTE));
    }

    #[test]
    fn of_very_many_missed_ticks_a_hundred_are_run() {
        let long = Moment {
            now: 10_000 * MINUTE,
            last: MINUTE,
            free_since: u64::MAX,
            busy: None,
        };
        let first = next(&every(), Missed::All, Overlap::Skip, &long);
        assert_eq!(first, Next::Begin(9_901 * MINUTE));
    }

    #[test]
    fn a_clock_that_jumps_back_begins_nothing_twice() {
        let back = Moment {
            now: 3 * MINUTE,
            ..moment()
        };
        let next = next(&every(), Missed::All, Overlap::Queue, &back);
        assert_eq!(next, Next::At(8 * MINUTE));
    }
}
