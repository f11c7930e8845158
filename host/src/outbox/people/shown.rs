//! Deliveries, items, attempts and edits, as they are shown.

use crossdock_store::{AttemptView, EditView, ItemId, ItemSummary, Repeat, State};
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::attempt::{self, RequestKept};
use super::super::blame;
use super::super::event::{Named, earlier};
use super::super::status::Status;
use crate::problem::{Blame, Problem};
use crate::report::{DetailReport, ItemReport};

/// A delivery, as far as it has come.
#[derive(Debug, Serialize)]
pub struct DeliveryShown {
    /// Its id.
    pub delivery: String,
    /// Over all items; `queued` while one of them is open.
    pub status: Status,
    /// Its tenant, for somebody who sees those of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Its connection.
    pub connection: String,
    /// Its operation.
    pub operation: String,
    /// Why nothing of its connection leaves now, if so: `stopped`, `broken` or
    /// `probing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_state: Option<&'static str>,
    /// When it was accepted, Unix milliseconds.
    pub accepted_ms: u64,
    /// One per item, in the caller's order.
    pub items: Vec<ItemShown>,
}

/// An item, as far as it has come.
#[derive(Debug, Serialize)]
pub struct ItemShown {
    /// Its number, which no other item of this outbox has.
    pub id: u64,
    /// Its position in the delivery, by which it is shown, retried, edited or
    /// discarded alone.
    pub index: u32,
    /// `queued`, `behind`, `sending`, `held`, `accepted`, `duplicate`,
    /// `skipped`, `superseded`, `rejected`, `failed`, `unknown` or `discarded`.
    pub status: &'static str,
    /// The platform's code, or the host's name of the failure.
    pub code: Option<String>,
    /// The platform's message, or one sentence of the host's.
    pub message: Option<String>,
    /// Who has to act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blame: Option<Blame>,
    /// Attempts so far.
    pub attempts: u32,
    /// What it is about: the values of its order key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// When it leaves, if it waits; Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<u64>,
    /// When it ended, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_ms: Option<u64>,
    /// The number of the item that left in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<u64>,
    /// Where that one is found, as long as it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successor: Option<Named>,
    /// `unknown` if an attempt before the last one, or before a person retried it,
    /// may have been applied: what the last one says is not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earlier: Option<&'static str>,
    /// What a held item waits to be replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for_another: Option<String>,
    /// The operation's result document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<RawValue>>,
    /// What the platform said about parts of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<DetailReport>,
    /// RFC 6901 pointer into what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Why `data` is as the platform gave it, although there is a reply script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_error: Option<Box<Problem>>,
    /// There was more to show than one answer has room for: `data` and `details`
    /// are left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shortened: bool,
    /// Why some of what is kept of it cannot be read now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

/// A part of a list.
#[derive(Debug, Serialize)]
pub struct ListShown {
    /// The items, newest first.
    pub items: Vec<ListedItem>,
    /// What to give as `before` for the next part; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// An item of a list, with its delivery.
#[derive(Debug, Serialize)]
pub struct ListedItem {
    /// Its delivery.
    pub delivery: String,
    /// Its tenant, for somebody who sees those of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Its connection.
    pub connection: String,
    /// Its operation.
    pub operation: String,
    /// When it was accepted, Unix milliseconds.
    pub accepted_ms: u64,
    /// What the delivery shows of it.
    #[serde(flatten)]
    pub item: ItemShown,
}

/// A listed item with what was given. Lines of an export are such.
#[derive(Debug, Serialize)]
pub struct ExportedItem {
    /// What the list shows of it, with its result.
    #[serde(flatten)]
    pub item: ListedItem,
    /// What was given, or what a person made of it.
    pub input: Input,
}

/// An item with everything that is known of it.
#[derive(Debug, Serialize)]
pub struct ItemWhole {
    /// What the export shows of it.
    #[serde(flatten)]
    pub item: ExportedItem,
    /// Why nothing of its connection leaves now, if so: `stopped`, `broken` or
    /// `probing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_state: Option<&'static str>,
    /// Its attempts, newest first, at most 100.
    pub history: Vec<AttemptShown>,
    /// What people made of it, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<EditShown>,
}

/// One attempt.
#[derive(Debug, Serialize)]
pub struct AttemptShown {
    /// When it began, Unix milliseconds.
    pub began_ms: u64,
    /// When it ended; absent while it is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
    /// Whether anything may have left.
    pub left: bool,
    /// Whether what left may be sent again though nothing is known of its end.
    pub repeatable: bool,
    /// Items that it carried.
    pub items: usize,
    /// Which versions of adapter and script made it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub generations: String,
    /// HTTP status of the answer, if one came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// Who had to act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blame: Option<Blame>,
    /// The platform's code, or the host's name of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The platform's message, or one sentence of the host's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The requests that left.
    pub requests: Vec<RequestKept>,
    /// How the answer began, without secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// What a person changed.
#[derive(Debug, Serialize)]
pub struct EditShown {
    /// When, Unix milliseconds.
    pub at_ms: u64,
    /// Who, as they said.
    pub who: String,
    /// Why, as they said.
    pub reason: String,
    /// What the item was before; absent where all edits together are too large.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Input>,
}

/// What was given: JSON as it came. What is none is shown as text.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Input {
    /// JSON.
    Json(Box<RawValue>),
    /// Anything else.
    Text(String),
}

impl Input {
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => return Self::Text(String::from_utf8_lossy(error.as_bytes()).into()),
        };
        // Line breaks within it would be lines of an export.
        match serde_json::from_str::<&RawValue>(&text) {
            Ok(json) if !json.get().contains(['\n', '\r']) => Self::Json(json.to_owned()),
            Ok(json) => RawValue::from_string(on_one_line(json.get()))
                .map_or_else(|_| Self::Text(text.clone()), Self::Json),
            Err(_) => Self::Text(text),
        }
    }
}

/// JSON without its line breaks: within a string none can be.
fn on_one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ")
}

impl ItemShown {
    pub(super) fn of(summary: &ItemSummary) -> Self {
        let waits = matches!(summary.state, State::Queued | State::Behind);
        Self {
            id: summary.item.0,
            index: summary.index,
            status: summary.state.as_str(),
            code: summary.code.clone(),
            message: summary.message.clone(),
            blame: summary.blame.map(blame::said),
            attempts: summary.attempts,
            label: summary.label.clone(),
            due_ms: waits.then_some(summary.due),
            finished_ms: summary.finished,
            superseded_by: summary.superseded_by.map(|item| item.0),
            successor: summary.successor.map(Named::from),
            earlier: earlier(summary.state, summary.doubt),
            waits_for_another: summary.held_for.clone(),
            data: None,
            details: Vec::new(),
            pointer: None,
            reply_error: None,
            shortened: false,
            unreadable: None,
        }
    }

    /// The same with the result that is kept, if the item has ended with one.
    /// Otherwise why it cannot be read.
    pub(super) fn with_result(mut self, result: &[u8], unreadable: Option<String>) -> Self {
        self.unreadable = unreadable;
        if self.finished_ms.is_some()
            && let Ok(report) = serde_json::from_slice::<ItemReport>(result)
        {
            self.data = report.data;
            self.details = report.details;
            self.pointer = report.pointer;
            self.reply_error = report.reply_error;
            self.shortened |= report.shortened;
        }
        self
    }
}

impl AttemptShown {
    pub(super) fn of(view: AttemptView, item: ItemId) -> Self {
        let (answer, said) = attempt::heard(&view, item);
        Self {
            requests: attempt::requests(&view),
            began_ms: view.began,
            ended_ms: view.ended,
            left: view.left,
            repeatable: view.repeat == Repeat::Safe,
            items: view.items,
            generations: view.generations,
            http_status: view.status,
            blame: said.blame,
            code: said.code,
            message: said.message,
            answer,
        }
    }
}

impl From<EditView> for EditShown {
    fn from(view: EditView) -> Self {
        Self {
            at_ms: view.at,
            who: view.who,
            reason: view.reason,
            before: view.input_before.map(Input::of),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_shows_everything_that_a_waiting_caller_would_have_been_told() {
        let mut report = ItemReport::new(0, crate::report::ItemStatus::Unknown);
        report.details = vec![DetailReport {
            pointer: "/order".into(),
            message: "lock_result = 2".into(),
        }];
        report.pointer = Some("/order".into());
        let kept = serde_json::to_vec(&report).unwrap();
        let shown = |finished: Option<u64>| {
            let summary = ItemSummary {
                item: ItemId(1),
                delivery: "01939a5e-5c1b-7d3e-9a53-1f0c6b1b8a11".parse().unwrap(),
                index: 0,
                lane: crossdock_store::LaneId(1),
                state: State::Unknown,
                holds_key: false,
                due: 0,
                accepted: 0,
                finished,
                attempts: 1,
                blame: None,
                code: None,
                message: None,
                label: String::new(),
                order: crossdock_store::Order::None,
                held_for: None,
                superseded_by: None,
                successor: None,
                doubt: false,
            };
            serde_json::to_value(ItemShown::of(&summary).with_result(&kept, None)).unwrap()
        };
        let ended = shown(Some(1));
        assert_eq!(ended["details"][0]["message"], "lock_result = 2", "{ended}");
        assert_eq!(ended["pointer"], "/order");
        // One that goes again has no result any more.
        assert!(shown(None).get("details").is_none());
    }

    #[test]
    fn an_input_is_shown_on_one_line_with_every_digit() {
        let shown = |bytes: &[u8]| serde_json::to_string(&Input::of(bytes.to_vec())).unwrap();
        assert_eq!(
            shown(br#"{"id": 12345678901234567890}"#),
            r#"{"id": 12345678901234567890}"#
        );
        assert_eq!(
            shown(b"{\n  \"a\": \"x\\ny\"\r\n}"),
            "{   \"a\": \"x\\ny\"  }"
        );
        assert_eq!(shown(b"no json\n"), r#""no json\n""#);
        assert_eq!(shown(b"\xff"), "\"\u{fffd}\"");
    }
}
