//! What is kept of an attempt beside what became of its items: the requests that
//! carried them, how the answer began, and what was said of each item. The store
//! takes both as bytes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crossdock_store::{AttemptEnd, AttemptView, ItemId, Outcome, limits};
use serde::{Deserialize, Serialize};

use super::blame;
use super::intent::Intended;
use crate::problem::Blame;
use crate::report::RequestReport;
use crate::text::shorten;

/// Requests of one attempt that are kept: its own, then pages and read-backs.
const REQUESTS: usize = 10;

/// Characters of a URL or an error that are kept.
const TEXT: usize = 500;

/// Characters of a message that are kept for each of several items.
const MESSAGE: usize = 300;

/// Bytes of what is said of several items, below what the store takes.
const SAID: usize = limits::ANSWER / 2;

/// A request that left, without its query, headers and body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestKept {
    /// HTTP method.
    pub method: String,
    /// URL without its query; of one of which no end is known, its path.
    pub url: String,
    /// HTTP status of the answer, if one came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Milliseconds from sending to the last byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// Why no answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What was said of an item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    /// Who has to act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blame: Option<Blame>,
    /// The platform's code or the host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The platform's message or the host's sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What is kept of an answer.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Answer {
    /// How it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// What was said of each item, by its number, where not the same was said of
    /// all of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    items: BTreeMap<u64, Said>,
}

/// The requests of a delivery, by the items that they carried.
pub(super) struct Sent<'r> {
    requests: &'r [RequestReport],
    of_item: HashMap<usize, Vec<usize>>,
}

impl<'r> Sent<'r> {
    /// Those of a report.
    pub fn of(requests: &'r [RequestReport]) -> Self {
        let mut of_item: HashMap<usize, Vec<usize>> = HashMap::new();
        for (place, request) in requests.iter().enumerate() {
            for item in &request.items {
                of_item.entry(*item).or_default().push(place);
            }
        }
        Self { requests, of_item }
    }

    /// The first request that carried an item, which stands for all of its
    /// attempt.
    pub fn first(&self, item: usize) -> Option<usize> {
        self.of_item.get(&item)?.first().copied()
    }

    /// Completes an attempt with these items of the delivery.
    pub fn describe(&self, end: &mut AttemptEnd, items: &[usize]) {
        let places = items.iter().filter_map(|item| self.of_item.get(item));
        let places: BTreeSet<usize> = places.flatten().copied().collect();
        let sent: Vec<&RequestReport> = places.iter().map(|place| &self.requests[*place]).collect();
        let mut answer = Answer::default();
        // What was written down before it left is known to be on its way.
        end.left = end.attempt.is_some() || !sent.is_empty();
        if let Some(last) = sent.last() {
            end.status = last.status;
            answer.text = sent.iter().rev().find_map(|sent| sent.answer.clone());
            let kept: Vec<RequestKept> =
                sent.iter().take(REQUESTS).map(|sent| kept(sent)).collect();
            end.request = serde_json::to_vec(&kept).unwrap_or_default();
        }
        match end.items.split_first() {
            Some((first, others)) if others.iter().all(|other| is_same(first, other)) => {
                end.blame = first.blame;
                (end.code, end.message) = (first.code.clone(), first.message.clone());
            }
            _ => answer.items = each(&end.items),
        }
        if answer.text.is_some() || !answer.items.is_empty() {
            end.answer = serde_json::to_vec(&answer).unwrap_or_default();
        }
    }
}

/// A request of which nothing but that it is about to leave is known.
pub(super) fn leaving(method: &str, path: &str) -> Vec<u8> {
    let request = RequestKept {
        method: short(method),
        url: short(path),
        status: None,
        ms: None,
        error: None,
    };
    serde_json::to_vec(&[request]).unwrap_or_default()
}

/// The requests of an attempt of which the first got no answer before the host
/// ended; the others asked about it.
pub(super) fn asked_about(method: &str, path: &str, asked: &[u8]) -> Vec<u8> {
    let lost = RequestKept {
        method: short(method),
        url: short(path),
        status: None,
        ms: None,
        error: Some("the host ended before its answer came".to_owned()),
    };
    let asked: Vec<RequestKept> = serde_json::from_slice(asked).unwrap_or_default();
    let kept: Vec<RequestKept> = std::iter::once(lost).chain(asked).take(REQUESTS).collect();
    serde_json::to_vec(&kept).unwrap_or_default()
}

/// The requests of an attempt again; none where something else was kept.
pub(super) fn requests(attempt: &AttemptView) -> Vec<RequestKept> {
    let kept = serde_json::from_slice(&attempt.request);
    kept.unwrap_or_else(|_| match Intended::read(&attempt.request) {
        Some(intended) => vec![unended(&intended)],
        None => Vec::new(),
    })
}

/// A request of which nothing but that it is about to leave is known.
fn unended(intended: &Intended) -> RequestKept {
    let (method, path) = intended.what();
    RequestKept {
        method: short(method),
        url: short(path),
        status: None,
        ms: None,
        error: None,
    }
}

/// How the answer of an attempt began, and what was said of an item.
pub(super) fn heard(attempt: &AttemptView, item: ItemId) -> (Option<String>, Said) {
    let mut answer: Answer = serde_json::from_slice(&attempt.answer).unwrap_or_default();
    let said = answer.items.remove(&item.0).unwrap_or_else(|| Said {
        blame: attempt.blame.map(blame::said),
        code: attempt.code.clone(),
        message: attempt.message.clone(),
    });
    (answer.text, said)
}

fn kept(sent: &RequestReport) -> RequestKept {
    RequestKept {
        method: short(&sent.method),
        url: short(&sent.url),
        status: sent.status,
        ms: Some(sent.ms),
        error: sent.error.as_deref().map(short),
    }
}

fn short(text: &str) -> String {
    let mut text = text.to_owned();
    shorten(&mut text, TEXT);
    text
}

fn said(outcome: &Outcome) -> Said {
    Said {
        blame: outcome.blame.map(blame::said),
        code: outcome.code.clone(),
        message: outcome.message.clone(),
    }
}

fn is_same(one: &Outcome, other: &Outcome) -> bool {
    one.blame == other.blame && one.code == other.code && one.message == other.message
}

/// What was said of each item of which something was, as much as there is room
/// for.
fn each(outcomes: &[Outcome]) -> BTreeMap<u64, Said> {
    let mut room = SAID;
    let mut items = BTreeMap::new();
    for outcome in outcomes {
        let mut said = said(outcome);
        if said == Said::default() {
            continue;
        }
        let shorten = |text: &mut String| shorten(text, MESSAGE);
        said.code.as_mut().map(shorten);
        said.message.as_mut().map(shorten);
        let written = serde_json::to_vec(&said).map_or(0, |bytes| bytes.len());
        // Its number, and what stands around it.
        let Some(left) = room.checked_sub(written + 32) else {
            break;
        };
        room = left;
        items.insert(outcome.item.0, said);
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossdock_store::{AttemptId, Next, Repeat, State};

    fn request(items: &[usize], status: u16, answer: &str) -> RequestReport {
        RequestReport {
            method: "POST".into(),
            url: "https://platform.example/stock".into(),
            status: Some(status),
            ms: 7,
            attempt: 1,
            error: None,
            items: items.to_vec(),
            answer: Some(answer.into()),
        }
    }

    fn outcome(item: u64, code: Option<&str>) -> Outcome {
        let mut outcome = Outcome::new(ItemId(item), Next::End(State::Failed));
        outcome.code = code.map(str::to_owned);
        outcome.blame = code.map(|_| crossdock_store::Blame::Platform);
        outcome
    }

    fn ended(sent: &Sent<'_>, outcomes: Vec<Outcome>, items: &[usize]) -> AttemptView {
        let mut end = AttemptEnd::new(None, Repeat::Safe, 1, 2, outcomes);
        sent.describe(&mut end, items);
        assert!(end.request.len() <= limits::REQUEST && end.answer.len() <= limits::ANSWER);
        AttemptView {
            attempt: AttemptId(1),
            repeat: end.repeat,
            began: 1,
            ended: Some(2),
            left: true,
            items: end.items.len(),
            generations: String::new(),
            status: end.status,
            blame: end.blame,
            code: end.code,
            message: end.message,
            request: end.request,
            answer: end.answer,
        }
    }

    #[test]
    fn an_attempt_has_the_requests_of_its_items_and_no_others() {
        let reports = [
            request(&[0, 1], 200, "page 1"),
            request(&[2], 500, "<html>"),
            request(&[0, 1], 429, "page 2"),
        ];
        let sent = Sent::of(&reports);
        assert_eq!(
            (sent.first(1), sent.first(2), sent.first(3)),
            (Some(0), Some(1), None)
        );
        let view = ended(&sent, vec![outcome(7, None), outcome(8, None)], &[0, 1]);
        assert_eq!(view.status, Some(429));
        let statuses: Vec<_> = requests(&view).iter().map(|kept| kept.status).collect();
        assert_eq!(statuses, [Some(200), Some(429)]);
        let (answer, said) = heard(&view, ItemId(7));
        assert_eq!((answer.as_deref(), said), (Some("page 2"), Said::default()));
        // Nothing left for this one.
        let view = ended(&sent, vec![outcome(9, Some("script-failed"))], &[3]);
        assert_eq!((view.status, requests(&view)), (None, Vec::new()));
        assert_eq!(
            heard(&view, ItemId(9)).1.code.as_deref(),
            Some("script-failed")
        );
    }

    #[test]
    fn what_was_said_of_each_item_is_told_apart() {
        let reports = [request(&[0, 1, 2], 200, "mixed")];
        let sent = Sent::of(&reports);
        let outcomes = vec![
            outcome(1, None),
            outcome(2, Some("A")),
            outcome(3, Some("B")),
        ];
        let view = ended(&sent, outcomes, &[0, 1, 2]);
        assert_eq!(view.code, None);
        let code = |item| heard(&view, ItemId(item)).1.code;
        assert_eq!(
            (code(1), code(2), code(3)),
            (None, Some("A".into()), Some("B".into()))
        );
        let same = vec![outcome(1, Some("A")), outcome(2, Some("A"))];
        let view = ended(&sent, same, &[0, 1]);
        assert_eq!(view.code.as_deref(), Some("A"));
    }

    #[test]
    fn whatever_a_platform_says_fits_into_what_the_store_takes() {
        let long = "库".repeat(5_000);
        let mut report = request(&[0], 200, "x");
        report.url = long.clone();
        report.error = Some(long.clone());
        let reports = vec![report; 50];
        let outcomes = (0..5_000)
            .map(|n| Outcome {
                message: Some(format!("{n}{long}")),
                ..outcome(n, Some("A"))
            })
            .collect();
        let view = ended(&Sent::of(&reports), outcomes, &[0]);
        assert_eq!(requests(&view).len(), REQUESTS);
        let (_, said) = heard(&view, ItemId(1));
        assert_eq!(said.code.as_deref(), Some("A"));
    }

    #[test]
    fn what_somebody_else_kept_is_no_request() {
        let mut view = ended(&Sent::of(&[]), vec![outcome(1, None)], &[0]);
        view.request = b"POST /stock".to_vec();
        view.answer = vec![0xff];
        assert_eq!(requests(&view), []);
        assert_eq!(heard(&view, ItemId(1)), (None, Said::default()));
        view.request = leaving("POST", "/stock");
        assert_eq!(requests(&view)[0].url, "/stock");
    }
}
