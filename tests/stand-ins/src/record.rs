//! What came in, and what became of it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use crate::check::{Breach, Violation};
use crate::exchange::Call;
use crate::misbehave::Misbehaviour;
use crate::time;

/// The log forgets the oldest requests beyond this many …
pub const MOST_REQUESTS: usize = 100_000;
/// … and beyond this many bytes of bodies.
pub const MOST_BYTES: usize = 64 * 1024 * 1024;

/// One request and what became of it.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub method: String,
    /// The platform's own path as it was on the wire, percent-encoding kept.
    pub path: String,
    /// The query's pairs in their order, decoded.
    pub query: Vec<(String, String)>,
    /// The query as it was on the wire.
    pub raw_query: String,
    /// Names in lower case, in the order of the wire.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    pub at: SystemTime,
    pub verdict: Verdict,
}

/// What the stand-in made of a request.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Everything that does not follow the document; empty for a good request.
    pub violations: Vec<Violation>,
    /// Whether the request was carried out; a query that was answered counts.
    pub applied: bool,
    /// What was done wrong on purpose.
    pub misbehaviour: Option<Misbehaviour>,
    /// The HTTP status; `None` where the connection was reset instead.
    pub status: Option<u16>,
    /// The answer's body, without what a misbehaviour took away or added.
    pub answer: Bytes,
}

impl Verdict {
    /// Whether some finding is of this kind.
    pub fn has(&self, breach: Breach) -> bool {
        self.violations
            .iter()
            .any(|violation| violation.breach == breach)
    }
}

impl Recorded {
    pub fn new(call: &Call, verdict: Verdict) -> Self {
        let headers = call.headers.iter();
        Self {
            method: call.method.to_string(),
            path: call.path.clone(),
            query: call.query(),
            raw_query: call.raw_query.clone(),
            headers: headers
                .map(|(name, value)| {
                    (
                        name.to_string(),
                        String::from_utf8_lossy(value.as_bytes()).into_owned(),
                    )
                })
                .collect(),
            body: call.body.clone(),
            at: SystemTime::now(),
            verdict,
        }
    }

    /// The body as JSON, null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The first value of a query parameter, decoded.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// For the control endpoint.
    pub fn to_json(&self) -> Value {
        let elapsed = self
            .at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        json!({
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": self.headers,
            "body": String::from_utf8_lossy(&self.body),
            "at": time::format_china(i64::try_from(elapsed.as_secs()).unwrap_or_default()),
            "verdict": {
                "violations": self.verdict.violations,
                "applied": self.verdict.applied,
                "misbehaviour": self.verdict.misbehaviour,
                "status": self.verdict.status,
                "answer": String::from_utf8_lossy(&self.verdict.answer),
            },
        })
    }

    fn weight(&self) -> usize {
        self.body.len() + self.verdict.answer.len()
    }
}

/// The bounded log of one platform.
#[derive(Debug, Default)]
pub struct RequestLog(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    list: VecDeque<Recorded>,
    bytes: usize,
    /// How many entries came before the first that is still there.
    forgotten: u64,
}

impl RequestLog {
    /// Returns the entry's number, for [`Self::applied_late`].
    pub fn add(&self, recorded: Recorded) -> u64 {
        let mut entries = self.entries();
        let number = entries.forgotten + entries.list.len() as u64;
        entries.bytes += recorded.weight();
        entries.list.push_back(recorded);
        while entries.list.len() > MOST_REQUESTS
            || (entries.bytes > MOST_BYTES && entries.list.len() > 1)
        {
            if let Some(oldest) = entries.list.pop_front() {
                entries.bytes -= oldest.weight();
                entries.forgotten += 1;
            }
        }
        number
    }

    /// Says of an entry that it was carried out after all.
    pub fn applied_late(&self, number: u64) {
        let mut entries = self.entries();
        let index = number.checked_sub(entries.forgotten);
        let index = index.and_then(|index| usize::try_from(index).ok());
        if let Some(entry) = index.and_then(|index| entries.list.get_mut(index)) {
            entry.verdict.applied = true;
        }
    }

    /// All that is still known, oldest first.
    pub fn all(&self) -> Vec<Recorded> {
        self.entries().list.iter().cloned().collect()
    }

    pub fn clear(&self) {
        let mut entries = self.entries();
        *entries = Entries {
            forgotten: entries.forgotten + entries.list.len() as u64,
            ..Entries::default()
        };
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many requests of one platform; also counted when the log is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counters {
    /// Requests that were read to their end.
    pub received: u64,
    /// Requests that were carried out, once each.
    pub applied: u64,
    /// Requests with at least one violation.
    pub violating: u64,
    /// Requests that met a misbehaviour.
    pub misbehaved: u64,
    /// Requests beyond the configured rate.
    pub throttled: u64,
}

/// The same while they are counted.
#[derive(Debug, Default)]
pub struct LiveCounters {
    pub received: AtomicU64,
    pub applied: AtomicU64,
    pub violating: AtomicU64,
    pub misbehaved: AtomicU64,
    pub throttled: AtomicU64,
}

impl LiveCounters {
    pub fn read(&self) -> Counters {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            received: load(&self.received),
            applied: load(&self.applied),
            violating: load(&self.violating),
            misbehaved: load(&self.misbehaved),
            throttled: load(&self.throttled),
        }
    }

    pub fn clear(&self) {
        for counter in [
            &self.received,
            &self.applied,
            &self.violating,
            &self.misbehaved,
            &self.throttled,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
    }
}

/// One more.
pub fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::*;

    fn recorded(body: Vec<u8>) -> Recorded {
        let call = Call {
            method: Method::POST,
            path: "/".to_owned(),
            raw_query: String::new(),
            headers: HeaderMap::new(),
            body: body.into(),
        };
        Recorded::new(&call, Verdict::default())
    }

    #[test]
    fn the_log_forgets_the_oldest_beyond_its_number() {
        let log = RequestLog::default();
        for index in 0..=MOST_REQUESTS {
            log.add(recorded(index.to_string().into_bytes()));
        }
        let all = log.all();
        assert_eq!(all.len(), MOST_REQUESTS);
        assert_eq!(all[0].body, "1");
    }

    #[test]
    fn an_entry_is_found_by_its_number_while_it_is_there() {
        let log = RequestLog::default();
        let first = log.add(recorded(Vec::new()));
        log.clear();
        let second = log.add(recorded(Vec::new()));
        log.applied_late(first);
        assert!(!log.all()[0].verdict.applied);
        log.applied_late(second);
        assert!(log.all()[0].verdict.applied);
    }

    #[test]
    fn the_log_forgets_the_oldest_beyond_its_bytes() {
        let log = RequestLog::default();
        for _ in 0..3 {
            log.add(recorded(vec![b'x'; MOST_BYTES / 2]));
        }
        assert_eq!(log.all().len(), 2);
    }
}
