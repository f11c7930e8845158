//! What an adapter promises by its contract, checked before anything is sent.

use serde_json::value::RawValue;

use super::contract::{Draft, Mapped, Outcome, Parsed, Pause, Refusal};
use super::manifest::Repeatable;

/// Requests one `map` may make.
const MOST_REQUESTS: usize = 10_000;

/// Header and query pairs of one draft.
const MOST_PAIRS: usize = 200;

/// A promise of the contract that an adapter broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenPromise {
    /// An index in neither a request nor a failure.
    #[error("`map` left out item {0}: every item must be in exactly one request or failure")]
    Missing(usize),
    /// An index more than once.
    #[error("`map` used item {0} twice: every item must be in exactly one request or failure")]
    Twice(u32),
    /// An index there is no item for.
    #[error("`map` used item {index}, but there {} only {}", are(*items), counted(*items, "item"))]
    OutOfRange {
        /// The index.
        index: u32,
        /// How many items there are.
        items: usize,
    },
    /// A request without items.
    #[error("`map` made request {0} without any item")]
    EmptyRequest(usize),
    /// Too many requests.
    #[error("`map` made {0} requests, more than {MOST_REQUESTS}")]
    TooManyRequests(usize),
    /// More items in a request than the manifest allows.
    #[error("`map` put {} into request {request}, the manifest allows {most}", counted(*items, "item"))]
    TooManyItems {
        /// The request's index.
        request: usize,
        /// How many it carries.
        items: usize,
        /// How many it may carry.
        most: u32,
    },
    /// A request says it is repeatable though the manifest says never.
    #[error("request {0} says it is repeatable, the manifest says the operation never is")]
    NotRepeatable(usize),
    /// Outcomes do not match the request's items.
    #[error("`parse-response` gave {} for {}", counted(*found, "outcome"), counted(*expected, "item"))]
    OutcomeCount {
        /// Items of the request.
        expected: usize,
        /// Outcomes given.
        found: usize,
    },
    /// A draft that cannot be sent.
    #[error("{0}")]
    Draft(String),
    /// A result document that is not JSON.
    #[error("outcome {index} holds a result that is not JSON: {why}")]
    NotJson {
        /// The outcome's index.
        index: usize,
        /// What the parser said.
        why: String,
    },
}

/// `1 item`, `2 items`.
fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn are(count: usize) -> &'static str {
    match count {
        1 => "is",
        _ => "are",
    }
}

/// Every item once; no empty request; within the manifest's limits.
pub fn check_mapped(
    mapped: &Mapped,
    items: usize,
    most_items: Option<u32>,
    repeatable: Repeatable,
) -> Result<(), BrokenPromise> {
    if mapped.requests.len() > MOST_REQUESTS {
        return Err(BrokenPromise::TooManyRequests(mapped.requests.len()));
    }
    let mut seen = vec![false; items];
    let mut mark = |index: u32| match seen.get_mut(index as usize) {
        None => Err(BrokenPromise::OutOfRange { index, items }),
        Some(true) => Err(BrokenPromise::Twice(index)),
        Some(slot) => {
            *slot = true;
            Ok(())
        }
    };
    for (number, request) in mapped.requests.iter().enumerate() {
        if request.items.is_empty() {
            return Err(BrokenPromise::EmptyRequest(number));
        }
        if let Some(most) = most_items.filter(|&most| request.items.len() > most as usize) {
            return Err(BrokenPromise::TooManyItems {
                request: number,
                items: request.items.len(),
                most,
            });
        }
        if repeatable == Repeatable::Never && request.repeatable {
            return Err(BrokenPromise::NotRepeatable(number));
        }
        request.items.iter().try_for_each(|&index| mark(index))?;
        check_draft(&request.draft)?;
    }
    mapped
        .failures
        .iter()
        .try_for_each(|failure| mark(failure.item))?;
    match seen.iter().position(|seen| !seen) {
        Some(index) => Err(BrokenPromise::Missing(index)),
        None => Ok(()),
    }
}

/// A draft within bounds. Its path, names and values are checked when the
/// request is built.
pub fn check_draft(draft: &Draft) -> Result<(), BrokenPromise> {
    let pairs = draft.query.len() + draft.headers.len();
    if pairs > MOST_PAIRS {
        return Err(BrokenPromise::Draft(format!(
            "a draft has {pairs} query and header pairs, more than {MOST_PAIRS}"
        )));
    }
    Ok(())
}

/// What an adapter read in an answer, checked.
#[derive(Debug)]
pub struct Answered {
    /// One for each item of the request.
    pub outcomes: Vec<ItemOutcome>,
    /// What is asked next.
    pub next: Option<Draft>,
}

/// An adapter's outcome for one item. Its result was read once and is known to
/// be JSON, so that nothing reads it again on its way to the caller.
#[derive(Debug)]
pub enum ItemOutcome {
    /// The platform took it, with this result.
    Accepted(Box<RawValue>),
    /// The platform had taken it before.
    Duplicate(Box<RawValue>),
    /// The platform refused it for good.
    Rejected(Refusal),
    /// The platform did not let the connection in.
    Unauthenticated(Refusal),
    /// Nobody knows what became of it.
    Unknown(Refusal),
    /// It may be tried again.
    Retry(Pause),
    /// It came too fast.
    Throttled(Pause),
}

impl ItemOutcome {
    /// The error says why a result is not JSON.
    fn new(outcome: Outcome) -> serde_json::Result<Self> {
        Ok(match outcome {
            Outcome::Accepted(json) => Self::Accepted(RawValue::from_string(json)?),
            Outcome::Duplicate(json) => Self::Duplicate(RawValue::from_string(json)?),
            Outcome::Rejected(refusal) => Self::Rejected(refusal),
            Outcome::Unauthenticated(refusal) => Self::Unauthenticated(refusal),
            Outcome::Unknown(refusal) => Self::Unknown(refusal),
            Outcome::Retry(pause) => Self::Retry(pause),
            Outcome::Throttled(pause) => Self::Throttled(pause),
        })
    }
}

/// One outcome per item of the request, its results JSON.
pub fn check_parsed(parsed: Parsed, items: usize) -> Result<Answered, BrokenPromise> {
    if parsed.outcomes.len() != items {
        return Err(BrokenPromise::OutcomeCount {
            expected: items,
            found: parsed.outcomes.len(),
        });
    }
    let outcomes = parsed.outcomes.into_iter().enumerate();
    let outcomes = outcomes.map(|(index, outcome)| {
        ItemOutcome::new(outcome).map_err(|why| BrokenPromise::NotJson {
            index,
            why: why.to_string(),
        })
    });
    let outcomes = outcomes.collect::<Result<_, _>>()?;
    if let Some(next) = &parsed.next {
        check_draft(next)?;
    }
    Ok(Answered {
        outcomes,
        next: parsed.next,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::contract::{Body, Failure, Fault, Request};

    fn draft() -> Draft {
        Draft {
            method: "POST".into(),
            path: "/".into(),
            query: vec![],
            headers: vec![],
            body: Body::Empty,
        }
    }

    fn mapped(requests: &[&[u32]], failures: &[u32]) -> Mapped {
        Mapped {
            requests: requests
                .iter()
                .map(|items| Request {
                    draft: draft(),
                    items: items.to_vec(),
                    repeatable: true,
                })
                .collect(),
            failures: failures
                .iter()
                .map(|&item| Failure {
                    item,
                    fault: Fault::Other(String::new()),
                })
                .collect(),
        }
    }

    #[test]
    fn every_item_once_is_a_kept_promise() {
        assert_eq!(
            check_mapped(&mapped(&[&[0, 2], &[3]], &[1]), 4, None, Repeatable::Always),
            Ok(())
        );
        assert_eq!(
            check_mapped(&mapped(&[], &[]), 0, None, Repeatable::Always),
            Ok(())
        );
    }

    #[test]
    fn each_broken_promise_is_named() {
        use BrokenPromise::*;
        for (candidate, items, expected) in [
            (mapped(&[&[0]], &[]), 2, Missing(1)),
            (mapped(&[&[0, 0]], &[]), 1, Twice(0)),
            (mapped(&[&[0]], &[0]), 1, Twice(0)),
            (mapped(&[&[7]], &[]), 1, OutOfRange { index: 7, items: 1 }),
            (mapped(&[&[]], &[]), 0, EmptyRequest(0)),
        ] {
            assert_eq!(
                check_mapped(&candidate, items, None, Repeatable::Always),
                Err(expected)
            );
        }
        assert_eq!(
            check_mapped(&mapped(&[&[0, 1]], &[]), 2, Some(1), Repeatable::Always),
            Err(TooManyItems {
                request: 0,
                items: 2,
                most: 1
            })
        );
        assert_eq!(
            check_mapped(&mapped(&[&[0]], &[]), 1, None, Repeatable::Never),
            Err(NotRepeatable(0))
        );
    }

    #[test]
    fn one_of_a_thing_is_no_several() {
        for (broken, expected) in [
            (
                BrokenPromise::OutOfRange { index: 7, items: 1 },
                "`map` used item 7, but there is only 1 item",
            ),
            (
                BrokenPromise::OutOfRange { index: 7, items: 2 },
                "`map` used item 7, but there are only 2 items",
            ),
            (
                BrokenPromise::OutcomeCount {
                    expected: 2,
                    found: 1,
                },
                "`parse-response` gave 1 outcome for 2 items",
            ),
        ] {
            assert_eq!(broken.to_string(), expected);
        }
    }

    #[test]
    fn outcomes_match_items_and_hold_json() {
        let parsed = |outcomes| Parsed {
            outcomes,
            next: None,
        };
        let read = check_parsed(parsed(vec![Outcome::Accepted("{}".into())]), 1);
        assert!(matches!(
            read.unwrap().outcomes.as_slice(),
            [ItemOutcome::Accepted(data)] if data.get() == "{}"
        ));
        assert!(matches!(
            check_parsed(parsed(vec![]), 1),
            Err(BrokenPromise::OutcomeCount {
                expected: 1,
                found: 0
            })
        ));
        assert!(matches!(
            check_parsed(parsed(vec![Outcome::Accepted("{".into())]), 1),
            Err(BrokenPromise::NotJson { index: 0, .. })
        ));
    }
}
