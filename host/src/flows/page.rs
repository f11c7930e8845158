//! A page as it lies on disk: what the source gave, what it became, and which
//! record became which item.

use crossdock_store::DeliveryId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::outbox::pages::Keys;
use crate::problem::{Blame, Problem};

/// Bytes of a problem's text that a page keeps.
const MESSAGE: usize = 1 << 10;

/// Records before anything is done with them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Given {
    pub records: Vec<Record>,
}

/// A record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    /// What it is.
    #[serde(rename = "r")]
    pub json: Box<RawValue>,
    /// The one target that it is for: it was parked for that, and has been through
    /// the steps.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    /// What a step failed with: it goes to no target.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
    /// A step left it out: it goes to no target, and nothing is wrong.
    #[serde(rename = "s", default, skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
}

/// What a record failed with, for its confirmation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failed {
    pub code: String,
    pub message: String,
    pub blame: Blame,
}

impl From<&Problem> for Failed {
    fn from(problem: &Problem) -> Self {
        let text = &problem.detail;
        Self {
            code: problem.code.to_string(),
            message: text[..text.floor_char_boundary(MESSAGE)].to_owned(),
            blame: problem.blame,
        }
    }
}

impl Record {
    pub fn new(json: Box<RawValue>) -> Self {
        Self {
            json,
            only: None,
            failed: None,
            skipped: false,
        }
    }

    /// Whether it goes to a target.
    pub fn is_for(&self, target: &str) -> bool {
        let only = self.only.as_deref();
        self.failed.is_none() && !self.skipped && only.is_none_or(|only| only == target)
    }
}

/// What a page became: exactly this is queued, whatever scripts say by then.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Work {
    pub records: Vec<Record>,
    pub targets: Vec<ForTarget>,
}

/// What goes to one target.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct ForTarget {
    pub name: String,
    pub connection: String,
    pub operation: String,
    /// The items, and of which record each is.
    pub items: Vec<Box<RawValue>>,
    pub of: Vec<u32>,
    /// Records that are not sent.
    pub left: Left,
    /// Whether what the target takes is remembered.
    #[serde(default)]
    pub changes_only: bool,
    /// What the items are about, unless this was read from the disk.
    #[serde(skip)]
    pub keys: Option<Keys>,
    /// What each of the records failed with that are parked, in full.
    #[serde(skip)]
    pub problems: Vec<Problem>,
}

impl ForTarget {
    /// A record that cannot be sent.
    pub fn fails(&mut self, record: u32, problem: Problem) {
        self.left.failed.push((record, Failed::from(&problem)));
        self.problems.push(problem);
    }
}

/// Records that are not sent to a target.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Left {
    /// Its condition does not hold, or its script makes nothing of them.
    pub skipped: Vec<u32>,
    /// It has the same already. One of which another item is sent is not here.
    pub unchanged: Vec<u32>,
    /// They are parked.
    pub failed: Vec<(u32, Failed)>,
}

/// Which record became which item, once a page is queued.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Plan {
    pub targets: Vec<Planned>,
    /// What the source was told so far, or is about to be. It is written down where
    /// the source is told of some records before the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rounds: Vec<Round>,
}

/// Records of which the source is told together.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Round {
    pub of: Vec<u32>,
    /// Nothing until that is queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
}

/// Confirmations as they were queued.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    /// The deliveries, which have the items one after the other.
    pub deliveries: Vec<String>,
    /// Of which record each item is.
    pub of: Vec<u32>,
    /// Records that the script of `confirm` failed on.
    pub failed: u32,
}

/// The same for one target.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Planned {
    pub name: String,
    pub operation: String,
    /// Its deliveries, which have the items one after the other.
    pub deliveries: Vec<String>,
    pub of: Vec<u32>,
    pub left: Left,
    #[serde(default)]
    pub changes_only: bool,
}

impl Planned {
    pub fn deliveries(&self) -> impl Iterator<Item = DeliveryId> {
        ids(&self.deliveries)
    }
}

impl Told {
    pub fn deliveries(&self) -> impl Iterator<Item = DeliveryId> {
        ids(&self.deliveries)
    }
}

fn ids(written: &[String]) -> impl Iterator<Item = DeliveryId> {
    written.iter().filter_map(|id| id.parse().ok())
}

/// What is on disk, read.
///
/// # Errors
/// If it is damaged, or a newer version wrote it.
pub(super) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|_| {
        Problem::host(
            "flow-page-unreadable",
            "a page of the flow cannot be read from the outbox; `crossdock outbox check` looks for damage",
        )
    })
}

/// What is put on disk.
pub(super) fn written<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// The JSON text of something that is a record or an item.
pub(super) fn raw(text: String) -> Option<Box<RawValue>> {
    RawValue::from_string(text).ok()
}

/// Why a page is not written down.
pub(super) fn too_large() -> Problem {
    Problem::caller(
        "flow-page-too-large",
        "the records of one page are too large together; set a smaller `page`, or have the source give fewer at once",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_comes_back_from_the_disk_with_every_digit() {
        let record = |text: &str| Record::new(raw(text.to_owned()).unwrap());
        let given = Given {
            records: vec![record("{\"id\":1234567890123456789.10}"), record("[1e2]")],
        };
        let bytes = written(&given);
        let back: Given = read(&bytes).unwrap();
        assert_eq!(
            back.records[0].json.get(),
            "{\"id\":1234567890123456789.10}"
        );
        assert_eq!(back.records[1].json.get(), "[1e2]");
        assert_eq!(read::<Given>(b"{").unwrap_err().blame, Blame::Host);
    }

    #[test]
    fn a_record_goes_where_it_is_meant_for() {
        let mut record = Record::new(raw("{}".into()).unwrap());
        assert!(record.is_for("shop"));
        record.only = Some("other".into());
        assert!(!record.is_for("shop") && record.is_for("other"));
        record.skipped = true;
        assert!(!record.is_for("other"));
    }
}
