//! What each misbehaviour becomes: `status code blame received/applied`, `*`
//! where the code is the platform's own word. With two attempts.

use crossdock_stand_ins::Times;

use crate::requests::Kind;

/// One misbehaviour.
pub struct Expected {
    pub fault: &'static str,
    /// Once, of a repeatable request: the second attempt mends it.
    repeatable: &'static str,
    /// Always, of a repeatable request.
    repeatable_always: &'static str,
    /// Once, of a change with an id.
    with_id: &'static str,
    /// Always, of a change with an id.
    with_id_always: &'static str,
    /// Of a request that must not be repeated.
    once: &'static str,
    /// The same, where the platform can be asked.
    read_back: &'static str,
}

pub const EXPECTED: &[Expected] = &[
    Expected {
        fault: "http 500",
        repeatable: "accepted 2/1",
        repeatable_always: "unknown http-500 platform 2/0",
        with_id: "accepted 2/1",
        with_id_always: "unknown http-500 platform 2/0",
        once: "unknown http-500 platform 1/0",
        read_back: "unknown not-confirmed platform 2/0",
    },
    Expected {
        fault: "http 500, applied",
        repeatable: "accepted 2/2",
        repeatable_always: "unknown http-500 platform 2/2",
        with_id: "duplicate 2/1",
        with_id_always: "unknown http-500 platform 2/1",
        once: "unknown http-500 platform 1/1",
        read_back: "unknown not-confirmed platform 2/1",
    },
    Expected {
        fault: "http 502, a page",
        repeatable: "accepted 2/1",
        repeatable_always: "unknown http-502 platform 2/0",
        with_id: "accepted 2/1",
        with_id_always: "unknown http-502 platform 2/0",
        once: "unknown http-502 platform 1/0",
        read_back: "unknown not-confirmed platform 2/0",
    },
    Expected {
        fault: "http 401",
        repeatable: "failed http-401 host 1/0",
        repeatable_always: "failed http-401 host 1/0",
        with_id: "failed http-401 host 1/0",
        with_id_always: "failed http-401 host 1/0",
        once: "failed http-401 host 1/0",
        read_back: "failed http-401 host 1/0",
    },
    Expected {
        fault: "http 404",
        repeatable: "rejected http-404 platform 1/0",
        repeatable_always: "rejected http-404 platform 1/0",
        with_id: "rejected http-404 platform 1/0",
        with_id_always: "rejected http-404 platform 1/0",
        once: "rejected http-404 platform 1/0",
        read_back: "rejected http-404 platform 1/0",
    },
    Expected {
        fault: "reset before applying",
        repeatable: "accepted 2/1",
        repeatable_always: "unknown connection-lost platform 2/0",
        with_id: "accepted 2/1",
        with_id_always: "unknown connection-lost platform 2/0",
        once: "unknown connection-lost platform 1/0",
        read_back: "unknown not-confirmed platform 2/0",
    },
    Expected {
        fault: "reset after applying",
        repeatable: "accepted 2/2",
        repeatable_always: "unknown connection-lost platform 2/2",
        with_id: "duplicate 2/1",
        with_id_always: "unknown connection-lost platform 2/1",
        once: "unknown connection-lost platform 1/1",
        read_back: "unknown not-confirmed platform 2/1",
    },
    Expected {
        fault: "too slow",
        repeatable: "accepted 2/2",
        repeatable_always: "unknown timeout platform 2/2",
        with_id: "duplicate 2/1",
        with_id_always: "unknown timeout platform 2/1",
        once: "unknown timeout platform 1/1",
        read_back: "unknown not-confirmed platform 2/1",
    },
    Expected {
        fault: "applied late",
        repeatable: "accepted 2/2",
        repeatable_always: "unknown timeout platform 2/0",
        with_id: "accepted 2/1",
        with_id_always: "unknown timeout platform 2/0",
        once: "unknown timeout platform 1/0",
        read_back: "unknown not-confirmed platform 2/1",
    },
    Expected {
        fault: "truncated",
        repeatable: "accepted 2/2",
        repeatable_always: "unknown connection-lost platform 2/2",
        with_id: "duplicate 2/1",
        with_id_always: "unknown connection-lost platform 2/1",
        once: "unknown connection-lost platform 1/1",
        read_back: "unknown not-confirmed platform 2/1",
    },
    Expected {
        fault: "a page",
        repeatable: "accepted 2/1",
        repeatable_always: "unknown unreadable-answer platform 2/0",
        with_id: "accepted 2/1",
        with_id_always: "unknown unreadable-answer platform 2/0",
        once: "unknown unreadable-answer platform 1/0",
        read_back: "unknown not-confirmed platform 2/0",
    },
    Expected {
        fault: "a page, applied",
        repeatable: "accepted 2/2",
        repeatable_always: "unknown unreadable-answer platform 2/2",
        with_id: "duplicate 2/1",
        with_id_always: "unknown unreadable-answer platform 2/1",
        once: "unknown unreadable-answer platform 1/1",
        read_back: "unknown not-confirmed platform 2/1",
    },
    Expected {
        fault: "empty body",
        repeatable: "accepted 2/1",
        repeatable_always: "unknown unreadable-answer platform 2/0",
        with_id: "accepted 2/1",
        with_id_always: "unknown unreadable-answer platform 2/0",
        once: "unknown unreadable-answer platform 1/0",
        read_back: "unknown not-confirmed platform 2/0",
    },
    Expected {
        fault: "50 MB",
        repeatable: "unknown answer-too-large platform 1/1",
        repeatable_always: "unknown answer-too-large platform 1/1",
        with_id: "unknown answer-too-large platform 1/1",
        with_id_always: "unknown answer-too-large platform 1/1",
        once: "unknown answer-too-large platform 1/1",
        read_back: "unknown not-confirmed platform 2/1",
    },
    Expected {
        fault: "redirect",
        repeatable: "failed redirected platform 1/0",
        repeatable_always: "failed redirected platform 1/0",
        with_id: "failed redirected platform 1/0",
        with_id_always: "failed redirected platform 1/0",
        once: "unknown redirected platform 1/0",
        read_back: "unknown redirected platform 1/0",
    },
    Expected {
        fault: "http 429",
        repeatable: "accepted 2/1",
        repeatable_always: "failed http-429 platform 2/0",
        with_id: "accepted 2/1",
        with_id_always: "failed http-429 platform 2/0",
        once: "accepted 2/1",
        read_back: "accepted 2/1",
    },
    Expected {
        fault: "platform's throttle",
        repeatable: "accepted 2/1",
        repeatable_always: "failed * platform 2/0",
        with_id: "accepted 2/1",
        with_id_always: "failed * platform 2/0",
        once: "accepted 2/1",
        read_back: "accepted 2/1",
    },
    Expected {
        fault: "platform's refusal",
        repeatable: "rejected * platform 1/0",
        repeatable_always: "rejected * platform 1/0",
        with_id: "rejected * platform 1/0",
        with_id_always: "rejected * platform 1/0",
        once: "rejected * platform 1/0",
        read_back: "rejected * platform 1/0",
    },
];

/// The expected cell.
pub fn of(fault: &str, times: Times, kind: Kind) -> &'static str {
    let row = EXPECTED
        .iter()
        .find(|row| row.fault == fault)
        .expect("a row of the table");
    match (kind, times) {
        (Kind::Repeatable, Times::Always) => row.repeatable_always,
        (Kind::Repeatable, _) => row.repeatable,
        (Kind::WithId, Times::Always) => row.with_id_always,
        (Kind::WithId, _) => row.with_id,
        (Kind::Once, _) => row.once,
        (Kind::ReadBack, _) => row.read_back,
    }
}

/// Whether an outcome is the expected one; `*` is any word.
pub fn fits(wanted: &str, found: &str) -> bool {
    let (mut wanted, mut found) = (wanted.split(' '), found.split(' '));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => return false,
        }
    }
}
