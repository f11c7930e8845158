//! What became of a delivery: the answer of every interface.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::plugin::contract::Detail;
use crate::problem::{Blame, Excerpt, Place, Problem};

/// A delivery's answer.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The delivery's id: 32 hex digits.
    pub delivery: String,
    /// Over all items.
    pub status: DeliveryStatus,
    /// One per item, in the caller's order.
    pub items: Vec<ItemReport>,
    /// Every attempt to send a request, in order; the first thousand.
    pub requests: Vec<RequestReport>,
    /// Which versions handled it.
    pub generations: Generations,
    /// What the adapter logged, without secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogReport>,
}

/// Status over all items of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    /// Every item is accepted, a duplicate, or skipped by the script.
    Accepted,
    /// Some are, some are not.
    Partial,
    /// The platform refused every item.
    Rejected,
    /// No item arrived.
    Failed,
    /// At least one item may or may not have been applied, none was accepted.
    Unknown,
    /// Kept for later.
    Queued,
}

/// Status of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemStatus {
    /// The platform took it.
    Accepted,
    /// The platform had it already.
    Duplicate,
    /// The platform refused it for good.
    Rejected,
    /// It did not get there, or the platform could not take it now.
    Failed,
    /// Nobody knows whether it was applied.
    Unknown,
    /// Kept for later.
    Queued,
    /// The tenant's script gave no document for it.
    Skipped,
}

/// What became of one item.
#[derive(Debug, Clone, Serialize)]
pub struct ItemReport {
    /// Its position in the call.
    pub index: usize,
    /// What became of it.
    pub status: ItemStatus,
    /// The platform's code, or the host's name of the failure.
    pub code: Option<Cow<'static, str>>,
    /// The platform's message untouched, or one sentence of the host's.
    pub message: Option<String>,
    /// The operation's result document.
    pub data: Option<Box<RawValue>>,
    /// Why `data` is as the platform gave it, although the operation has a
    /// reply script: that failed. It says nothing about the item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_error: Option<Box<Problem>>,
    /// Who has to act, when it is neither accepted nor a duplicate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blame: Option<Blame>,
    /// RFC 6901 pointer into the item, or into the script's output when the
    /// script is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Where in the script, when the script is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What the script failed on, when it is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<Box<Excerpt>>,
    /// What the platform said about parts of the item.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<DetailReport>,
    /// Milliseconds after which it may be tried again, when somebody said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u32>,
}

/// A platform's remark about a part of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DetailReport {
    /// RFC 6901 pointer into the item.
    pub pointer: String,
    /// The remark.
    pub message: String,
}

impl From<Detail> for DetailReport {
    fn from(detail: Detail) -> Self {
        Self {
            pointer: detail.pointer,
            message: detail.message,
        }
    }
}

/// A request that was sent, without its query: that may carry a signature.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequestReport {
    /// HTTP method.
    pub method: String,
    /// URL without its query.
    pub url: String,
    /// HTTP status; absent when no answer came.
    pub status: Option<u16>,
    /// Milliseconds from sending to the last byte.
    pub ms: u64,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Why no answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The versions that handled a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Generations {
    /// The adapter's generation: name, version, number and first digits of its
    /// hash.
    #[serde(serialize_with = "shared")]
    pub adapter: Arc<str>,
    /// The script's, where one ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// The reply script's, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// The tenant file's generation.
    pub tenant: u32,
}

/// Shared text as text.
fn shared<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// A line an adapter logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogReport {
    /// `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    /// The line, without secrets.
    pub message: String,
}

/// What would be sent: the answer of a dry run.
#[derive(Debug, Serialize)]
pub struct DryRun {
    /// Always true, so that nobody takes it for a delivery.
    pub dry_run: bool,
    /// Items that would not be sent: failed, or skipped by the script. The
    /// others are absent.
    pub items: Vec<ItemReport>,
    /// In the order in which they would be sent.
    pub requests: Vec<DryRequest>,
    /// Which versions would handle it.
    pub generations: Generations,
}

/// A request that would be sent, secrets and signatures replaced by `«name»`.
#[derive(Debug, Clone, Serialize)]
pub struct DryRequest {
    /// HTTP method.
    pub method: String,
    /// The whole URL; what is masked is not percent-encoded.
    pub url: String,
    /// Header pairs.
    pub headers: Vec<(String, String)>,
    /// The body as text, if it is text.
    pub body: Option<String>,
    /// The body in base64, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
    /// Indices of the items it carries.
    pub items: Vec<usize>,
    /// Whether it may be sent again after an unknown outcome.
    pub repeatable: bool,
}

impl ItemReport {
    /// An item with nothing but its index and status.
    pub fn new(index: usize, status: ItemStatus) -> Self {
        Self {
            index,
            status,
            code: None,
            message: None,
            data: None,
            reply_error: None,
            blame: None,
            pointer: None,
            place: None,
            excerpt: None,
            details: Vec::new(),
            retry_after_ms: None,
        }
    }

    /// An item that failed before the platform could answer.
    pub fn failed(index: usize, problem: Problem) -> Self {
        Self {
            code: Some(problem.code.into()),
            message: Some(problem.detail),
            blame: Some(problem.blame),
            pointer: problem.pointer,
            place: problem.place,
            excerpt: problem.excerpt,
            ..Self::new(index, ItemStatus::Failed)
        }
    }
}

impl ItemReport {
    /// A failed item's problem again, for interfaces that show problems.
    pub fn problem(self) -> Option<Problem> {
        Some(Problem {
            blame: self.blame?,
            code: match self.code? {
                Cow::Borrowed(code) => code,
                Cow::Owned(_) => "refused",
            },
            detail: self.message.unwrap_or_default(),
            pointer: self.pointer,
            item: Some(self.index),
            place: self.place,
            excerpt: self.excerpt,
        })
    }
}

impl DeliveryStatus {
    /// The status over some items. No items at all are accepted.
    pub fn over(items: &[ItemReport]) -> Self {
        let count = |status| items.iter().filter(|item| item.status == status).count();
        let done =
            count(ItemStatus::Accepted) + count(ItemStatus::Duplicate) + count(ItemStatus::Skipped);
        if done == items.len() {
            Self::Accepted
        } else if count(ItemStatus::Queued) == items.len() {
            Self::Queued
        } else if done > 0 {
            Self::Partial
        } else if count(ItemStatus::Unknown) > 0 {
            Self::Unknown
        } else if count(ItemStatus::Rejected) == items.len() {
            Self::Rejected
        } else {
            Self::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_as_good_as_its_items() {
        use ItemStatus::*;
        for (items, expected) in [
            (vec![], DeliveryStatus::Accepted),
            (vec![Accepted, Duplicate, Skipped], DeliveryStatus::Accepted),
            (vec![Accepted, Rejected], DeliveryStatus::Partial),
            (vec![Accepted, Unknown], DeliveryStatus::Partial),
            (vec![Rejected, Rejected], DeliveryStatus::Rejected),
            (vec![Rejected, Unknown], DeliveryStatus::Unknown),
            (vec![Rejected, Failed], DeliveryStatus::Failed),
            (vec![Queued], DeliveryStatus::Queued),
        ] {
            let reports: Vec<_> = items
                .iter()
                .enumerate()
                .map(|(index, &status)| ItemReport::new(index, status))
                .collect();
            assert_eq!(DeliveryStatus::over(&reports), expected, "{items:?}");
        }
    }
}
