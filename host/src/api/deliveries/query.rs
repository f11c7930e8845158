//! What the query of a request about deliveries asks for.

use std::collections::HashSet;

use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::super::problem::Refused;
use crate::outbox::people::{MOST_PAGE, PAGE, Wanted};

/// Longest value of a parameter.
const MOST_BYTES: usize = 1000;

/// Most values of `status`.
const MOST_STATES: usize = 20;

/// Least number that is taken for Unix milliseconds: a smaller one is seconds, or
/// was meant as a number of hours.
pub(crate) const LEAST_MS: u64 = 1_000_000_000_000;

/// Parameters that choose items.
pub(super) const CHOOSING: &[&str] = &[
    "connection",
    "operation",
    "status",
    "code",
    "blame",
    "label",
    "since",
    "until",
];

/// What a query asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    pub wanted: Wanted,
    pub before: Option<u64>,
    pub limit: usize,
    pub reason: String,
    pub who: Option<String>,
    pub dry_run: bool,
}

impl Query {
    /// Reads a query of which these parameters are known. One that is not, and one
    /// that is there twice, is refused: whoever mistypes a filter or `dry_run` must
    /// not act on everything.
    pub fn read(query: &str, known: &[&[&str]]) -> Result<Self, Refused> {
        let mut read = Self {
            wanted: Wanted::default(),
            before: None,
            limit: PAGE,
            reason: String::new(),
            who: None,
            dry_run: false,
        };
        let mut seen = HashSet::new();
        for (name, value) in pairs(query)? {
            if !known.iter().any(|known| known.contains(&&*name)) {
                return Err(unknown(known));
            }
            if name != "status" && !seen.insert(name.clone()) {
                return Err(wrong(format!(
                    "`{name}` is in the query twice; write it once"
                )));
            }
            if value.len() > MOST_BYTES {
                return Err(wrong(format!("`{name}` has more than {MOST_BYTES} bytes")));
            }
            if name == "tenant" || CHOOSING.contains(&&*name) {
                chooses(&name, &value)?;
            }
            read.set(&name, value)?;
        }
        Ok(read)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Refused> {
        let wanted = &mut self.wanted;
        match name {
            "tenant" => wanted.tenant = Some(value),
            "connection" => wanted.connection = Some(value),
            "operation" => wanted.operation = Some(value),
            "status" if wanted.states.len() < MOST_STATES => wanted.states.push(value),
            "status" => return Err(wrong("`status` is there too often; leave it out for all")),
            "code" => wanted.code = Some(value),
            "blame" => wanted.blame = Some(value),
            "label" => wanted.label = Some(value),
            "since" => wanted.since = Some(time(name, &value)?),
            "until" => wanted.until = Some(time(name, &value)?),
            "before" => {
                let number = value.parse();
                self.before = Some(number.map_err(|_| {
                    wrong("`before` must be a number: give the `next` of the answer before")
                })?);
            }
            "limit" => {
                let number = value.parse().ok();
                let number = number.filter(|number| (1..=MOST_PAGE).contains(number));
                self.limit = number.ok_or_else(|| {
                    wrong(format!("`limit` must be a number from 1 to {MOST_PAGE}"))
                })?;
            }
            "reason" => self.reason = value,
            "who" => self.who = Some(value),
            "dry_run" => {
                self.dry_run = match &*value {
                    "" | "true" => true,
                    "false" => false,
                    _ => return Err(wrong("`dry_run` must be `true` or `false`")),
                };
            }
            _ => {}
        }
        Ok(())
    }

    /// Why something is given up or changed.
    pub fn reason(&self) -> Result<&str, Refused> {
        match self.reason.trim() {
            "" => Err(wrong(format!(
                "say why: `?reason=…`, with 1 to {MOST_BYTES} bytes"
            ))),
            reason => Ok(reason),
        }
    }
}

/// Refuses a value that says nothing: in a filter it would exclude nothing, and
/// whoever acts on what matches would act on everything.
pub(in crate::api) fn chooses(name: &str, value: &str) -> Result<(), Refused> {
    match value.trim() {
        "" => Err(wrong(format!(
            "`{name}` is empty; give it a value, or leave it out"
        ))),
        _ => Ok(()),
    }
}

/// A time: as RFC 3339 writes it, or in Unix milliseconds.
fn time(name: &str, value: &str) -> Result<u64, Refused> {
    let number = value.bytes().all(|byte| byte.is_ascii_digit());
    let ms = match number {
        true => value.parse().ok(),
        false => {
            let at = value.parse::<Timestamp>().ok();
            at.and_then(|at| u64::try_from(at.as_millisecond()).ok())
        }
    };
    if number && ms.is_some_and(|ms| ms < LEAST_MS) {
        return Err(wrong(format!(
            "`{name}` is a number of Unix milliseconds, and {value} is a moment before 2001; give all 13 digits, or a time as in 2026-03-01T03:00:00Z (`crossdock deliveries` also takes `5h` for 5 hours ago)"
        )));
    }
    ms.ok_or_else(|| {
        wrong(format!(
            "`{name}` must be a time as in 2026-03-01T03:00:00Z or 2026-03-01T11:00:00+08:00 (`+` is written %2B), or in Unix milliseconds"
        ))
    })
}

pub(super) fn wrong(detail: impl Into<String>) -> Refused {
    Refused::bad_request("invalid-query", detail)
}

pub(in crate::api) fn unknown(known: &[&[&str]]) -> Refused {
    let names: Vec<String> = known
        .iter()
        .copied()
        .flatten()
        .map(|name| format!("`{name}`"))
        .collect();
    let known = match names.is_empty() {
        true => "none is".to_owned(),
        false => format!("these are: {}", names.join(", ")),
    };
    wrong(format!(
        "the query has a parameter that is not known here; {known}"
    ))
}

/// Names and values of a query.
pub(in crate::api) fn pairs(query: &str) -> Result<Vec<(String, String)>, Refused> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        let decoded = percent_decode_str(&text).decode_utf8();
        decoded
            .map(|text| text.into_owned())
            .map_err(|_| wrong("the query is not UTF-8 text"))
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[&[&str]] = &[CHOOSING, &["before", "limit", "reason", "dry_run"]];

    #[test]
    fn a_list_is_asked_for_by_what_is_known_and_nothing_else() {
        let query = "status=failed&status=unknown&label=a%2Fb+c&before=17&blame=platform&limit=5";
        let read = Query::read(query, ALL).unwrap();
        assert_eq!(read.wanted.states, ["failed", "unknown"]);
        assert_eq!(read.wanted.label.as_deref(), Some("a/b c"));
        assert_eq!(read.wanted.blame.as_deref(), Some("platform"));
        assert_eq!(
            (read.before, read.limit, read.dry_run),
            (Some(17), 5, false)
        );
        for query in [
            "states=failed",
            "before=x",
            "label=%ff",
            "label=a&label=b",
            "limit=0",
            "limit=1001",
            "dry_run=yes",
            "dry_run=true&dry_run=false",
            "tenant=other",
            "since=yesterday",
            "since=2026-02-30T00:00:00Z",
            "until=-1",
            "label=",
            "label",
            "label=+",
            "label=%09",
            "connection=",
            "operation=",
            "code=",
            "blame=",
            "status=",
            "since=",
            "until=",
            "since=5",
            "since=1700000000",
            "until=999999999999",
            &format!("label={}", "x".repeat(1001)),
            &"status=failed&".repeat(21),
        ] {
            let refused = Query::read(query, ALL).unwrap_err();
            assert_eq!(refused.problem.code, "invalid-query", "{query}");
        }
    }

    #[test]
    fn a_filter_that_says_nothing_is_refused_by_its_name() {
        const OF_ALL: &[&[&str]] = &[&["tenant"], CHOOSING];
        for name in CHOOSING.iter().chain(&["tenant"]) {
            for value in ["", "+", "%20%0a"] {
                let refused = Query::read(&format!("{name}={value}"), OF_ALL).unwrap_err();
                let detail = &refused.problem.detail;
                assert!(detail.contains(&format!("`{name}` is empty")), "{detail}");
            }
        }
        let hours = Query::read("since=5", OF_ALL).unwrap_err();
        assert!(hours.problem.detail.contains("`5h`"), "{hours:?}");
    }

    #[test]
    fn a_time_is_written_in_two_ways() {
        let since = |text: &str| {
            let query = format!("since={text}");
            Query::read(&query, ALL).unwrap().wanted.since
        };
        assert_eq!(since("1700000000123"), Some(1_700_000_000_123));
        assert_eq!(since("2023-11-14T22:13:20Z"), Some(1_700_000_000_000));
        assert_eq!(
            since("2023-11-15T06:13:20%2B08:00"),
            Some(1_700_000_000_000)
        );
    }

    #[test]
    fn a_reason_says_something() {
        for (query, says) in [("reason=sold+out", true), ("reason=+", false), ("", false)] {
            assert_eq!(Query::read(query, ALL).unwrap().reason().is_ok(), says);
        }
    }
}
