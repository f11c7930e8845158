//! What became of a delivery: the answer of every interface.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::problem::{Blame, Excerpt, Place, Problem};

/// A delivery's answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// The delivery's id: 32 hex digits.
    pub delivery: String,
    /// Over all items.
    pub status: DeliveryStatus,
    /// One per item, in the caller's order.
    pub items: Vec<ItemReport>,
    /// Attempts to send a request, the first thousand, by their place in the
    /// delivery: several may have been on their way at once.
    pub requests: Vec<RequestReport>,
    /// Which versions handled it.
    pub generations: Generations,
    /// What the adapter logged, without secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogReport>,
}

/// Longest code of an item that is reported in short.
const SHORT_CODE: usize = 64;

/// Status over all items of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Of the several documents that the tenant's script made of it, some
    /// arrived and some did not.
    Partial,
    /// Kept for later.
    Queued,
    /// The tenant's script gave no document for it.
    Skipped,
}

/// What became of one item.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<DetailReport>,
    /// Milliseconds after which it may be tried again, when somebody said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u32>,
    /// There was more to say than the call has memory for: message, data,
    /// pointer, excerpt and details are left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shortened: bool,
    /// Attempts ran out and nothing speaks against another one: whoever keeps the
    /// item may try it again.
    #[serde(skip)]
    pub goes_again: bool,
    /// Nothing of it was sent, as it did not get its turn: whoever keeps it has
    /// it as it was before.
    #[serde(skip)]
    pub untried: bool,
}

/// A platform's remark about a part of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailReport {
    /// RFC 6901 pointer into the item.
    pub pointer: String,
    /// The remark.
    pub message: String,
}

/// A request that was sent, without its query: that may carry a signature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// The items that it carried, where somebody writes down what leaves.
    #[serde(skip)]
    pub items: Vec<usize>,
    /// How its answer began, without secrets, where somebody writes that down.
    #[serde(skip)]
    pub answer: Option<String>,
}

/// The versions that handled a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generations {
    /// The adapter's generation: name, version, number and first digits of its
    /// hash.
    #[serde(with = "shared")]
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
mod shared {
    use super::*;

    pub fn serialize<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(text: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(text).map(Arc::from)
    }
}

/// A line an adapter logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogReport {
    /// `debug`, `info`, `warn` or `error`.
    pub level: Cow<'static, str>,
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
            shortened: false,
            goes_again: false,
            untried: false,
        }
    }

    /// Bytes that its texts take, and take again in the answer.
    pub fn weight(&self) -> usize {
        let problem = |problem: &Problem| {
            let excerpt = problem
                .excerpt
                .as_ref()
                .map_or(0, |excerpt| excerpt.text.len());
            problem.detail.len() + excerpt
        };
        let place = |place: &Place| {
            place.file.as_os_str().len() + place.source.as_ref().map_or(0, String::len)
        };
        let details = self.details.iter();
        let texts = [
            self.code.as_ref().map_or(0, |code| code.len()),
            self.message.as_ref().map_or(0, String::len),
            self.data.as_ref().map_or(0, |data| data.get().len()),
            self.reply_error.as_deref().map_or(0, problem),
            self.pointer.as_ref().map_or(0, String::len),
            self.place.as_ref().map_or(0, place),
            self.excerpt
                .as_ref()
                .map_or(0, |excerpt| excerpt.text.len()),
            details
                .map(|detail| {
                    size_of::<DetailReport>() + detail.pointer.len() + detail.message.len()
                })
                .sum(),
        ];
        texts.iter().sum::<usize>() * 2
    }

    /// Leaves status, code and who has to act.
    pub fn shorten(&mut self) {
        *self = Self {
            code: self.code.take().filter(|code| code.len() <= SHORT_CODE),
            blame: self.blame,
            retry_after_ms: self.retry_after_ms,
            shortened: true,
            goes_again: self.goes_again,
            untried: self.untried,
            ..Self::new(self.index, self.status)
        };
    }

    /// An item that failed before the platform could answer.
    pub fn failed(index: usize, problem: Problem) -> Self {
        Self {
            code: Some(problem.code),
            message: Some(problem.detail),
            blame: Some(problem.blame),
            pointer: problem.pointer,
            place: problem.place,
            excerpt: problem.excerpt,
            retry_after_ms: problem
                .retry_after_ms
                .map(|ms| u32::try_from(ms).unwrap_or(u32::MAX)),
            ..Self::new(index, ItemStatus::Failed)
        }
    }
}

impl ItemReport {
    /// A failed item's problem again, for interfaces that show problems.
    pub fn problem(self) -> Option<Problem> {
        Some(Problem {
            blame: self.blame?,
            code: self.code?,
            detail: self.message.unwrap_or_default(),
            pointer: self.pointer,
            item: Some(self.index),
            retry_after_ms: self.retry_after_ms.map(u64::from),
            place: self.place,
            excerpt: self.excerpt,
        })
    }
}

impl DeliveryStatus {
    /// The word used in every interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Partial => "partial",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Queued => "queued",
        }
    }

    /// The status over some items. No items at all are accepted.
    pub fn over(items: &[ItemReport]) -> Self {
        let count = |status| items.iter().filter(|item| item.status == status).count();
        let done =
            count(ItemStatus::Accepted) + count(ItemStatus::Duplicate) + count(ItemStatus::Skipped);
        if done == items.len() {
            Self::Accepted
        } else if count(ItemStatus::Queued) == items.len() {
            Self::Queued
        } else if done > 0 || count(ItemStatus::Partial) > 0 {
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
    fn a_report_is_read_back_as_it_was_written() {
        let problem = Problem::script("script-failed", "it stopped")
            .at("/stock")
            .place(Place::whole("stock.jq"));
        let mut failed = ItemReport::failed(1, problem.clone());
        failed.details.push(DetailReport {
            pointer: "/stock".into(),
            message: "too many".into(),
        });
        let mut accepted = ItemReport::new(0, ItemStatus::Accepted);
        accepted.code = Some("200".into());
        accepted.data = RawValue::from_string("{\"id\": 12345678901234567890}".into()).ok();
        accepted.reply_error = Some(Box::new(problem));
        let report = Report {
            delivery: "0123".into(),
            status: DeliveryStatus::Partial,
            items: vec![accepted, failed],
            requests: vec![RequestReport {
                method: "POST".into(),
                url: "https://example.com/stock".into(),
                status: None,
                ms: 7,
                attempt: 2,
                error: Some("no answer".into()),
                items: Vec::new(),
                answer: None,
            }],
            generations: Generations {
                adapter: "lingzhi 0.1.0".into(),
                script: None,
                reply: Some("reply.jq".into()),
                tenant: 3,
            },
            log: vec![LogReport {
                level: "warn".into(),
                message: "slow".into(),
            }],
        };
        let written = serde_json::to_string(&report).unwrap();
        let read: Report = serde_json::from_str(&written).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), written);
    }

    #[test]
    fn a_delivery_is_as_good_as_its_items() {
        use ItemStatus::*;
        for (items, expected) in [
            (vec![], DeliveryStatus::Accepted),
            (vec![Accepted, Duplicate, Skipped], DeliveryStatus::Accepted),
            (vec![Accepted, Rejected], DeliveryStatus::Partial),
            (vec![Accepted, Unknown], DeliveryStatus::Partial),
            (vec![Partial], DeliveryStatus::Partial),
            (vec![Partial, Unknown, Failed], DeliveryStatus::Partial),
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
