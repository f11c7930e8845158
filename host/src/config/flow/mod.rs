//! `[flows.NAME]` of a tenant's file: what a flow is, checked, except for what
//! only adapters and script engines can tell.
//!
//! | part | what it does |
//! |---|---|
//! | `source` | where records come from |
//! | `read` | the table of a flow, and when it runs |
//! | `read_source` | its `from` |
//! | `read_parts` | its `steps`, `to` and `confirm` |
//! | `reading` | what these share |
//! | `circles` | flows that would feed themselves, or write the same file |
//! | `folders` | flows that would take files out of each other's folders |

mod circles;
mod folders;
mod read;
mod read_parts;
mod read_source;
mod reading;
mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossdock_schedule::{Cron, Every, Schedule};

use super::ScriptSource;

pub(super) use circles::check as check_circles;
pub(super) use read::read_flows;
pub use source::{CursorRule, FlowSource};

/// `[flows.NAME]`.
#[derive(Debug, Clone)]
pub struct FlowConfig {
    /// The flow's name.
    pub name: Arc<str>,
    /// `every` or `cron`: when it runs by itself.
    pub trigger: Trigger,
    /// `missed`: what becomes of ticks at which it could not run.
    pub missed: Missed,
    /// `overlap`: what becomes of a tick during a run.
    pub overlap: Overlap,
    /// `changes_only`: what a target last accepted is not sent to it again.
    pub changes_only: bool,
    /// `may_echo`: what a platform pushed may be sent to it, as it does not push
    /// that again.
    pub may_echo: bool,
    /// `page`: records worked on at once, 1 to 10000; default 1000.
    pub page: usize,
    /// `from`.
    pub source: FlowSource,
    /// `steps`, in their order.
    pub steps: Vec<FlowStep>,
    /// `to`: at least one.
    pub targets: Vec<FlowTarget>,
    /// `confirm`.
    pub confirm: Option<FlowConfirm>,
    /// Line and column of each key, by dotted key below the flow (`from`,
    /// `from.cursor.to`, `steps.0.script`, …); the flow's own header under the
    /// empty key.
    pub places: BTreeMap<String, (u32, u32)>,
}

/// When a flow runs by itself.
#[derive(Debug, Clone)]
pub enum Trigger {
    /// `every`: at each multiple of it since 1970; at least a second.
    Every(Every),
    /// `cron` and `timezone`.
    Cron(Cron),
    /// When it is asked for, or when something arrives.
    Demand,
}

impl Trigger {
    /// Its ticks, if it has any.
    pub fn schedule(&self) -> Option<Schedule> {
        match self {
            Self::Every(every) => Some(Schedule::Every(*every)),
            Self::Cron(cron) => Some(Schedule::Cron(cron.clone())),
            Self::Demand => None,
        }
    }
}

impl std::fmt::Display for Trigger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Every(every) => write!(f, "every {every}"),
            Self::Cron(cron) => write!(f, "cron {cron}"),
            Self::Demand => f.write_str("on demand"),
        }
    }
}

/// `missed`: what becomes of ticks that passed while the host was down, or the
/// flow was busy or paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missed {
    /// They are run as one.
    #[default]
    Once,
    /// Each of them is run, up to a hundred.
    All,
    /// They are left out.
    None,
}

/// `overlap`: what becomes of a tick during a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlap {
    /// It is not run, and counted.
    #[default]
    Skip,
    /// It runs afterwards.
    Queue,
}

/// An element of `steps`: a call whose result the record goes on with.
#[derive(Debug, Clone)]
pub struct FlowStep {
    /// The connection.
    pub connection: String,
    /// Its operation.
    pub operation: String,
    /// `script`: makes the item of the record; without one, the record is it.
    pub script: Option<ScriptSource>,
    /// `as`: the member that the result becomes; without one, it takes the
    /// record's place.
    pub keep_as: Option<String>,
}

/// An element of `to`.
// A tenant has a few of them, which stay where they are.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone)]
pub enum FlowTarget {
    /// Records are queued for a connection.
    Operation {
        /// `name`, unique in the flow; the connection's where none was typed.
        name: String,
        /// The connection.
        connection: String,
        /// Its operation.
        operation: String,
        /// `script`: makes items of the record; without one, the record is one.
        script: Option<ScriptSource>,
        /// `when`: a jq expression; what it gives `false`, `null` or nothing for
        /// is not sent.
        when: Option<ScriptSource>,
    },
    /// Records are written to a file.
    File {
        /// `name`, unique in the flow; the file's where none was typed.
        name: String,
        /// The file, absolute or relative to the working folder as the tenant's
        /// own is; its name ends in `.ndjson` or `.csv`.
        path: PathBuf,
    },
}

impl FlowTarget {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Operation { name, .. } | Self::File { name, .. } => name,
        }
    }
}

/// `confirm`: tells the source what became of each record.
#[derive(Debug, Clone)]
pub struct FlowConfirm {
    /// The connection.
    pub connection: String,
    /// Its operation.
    pub operation: String,
    /// `script`: makes the item of the record and its outcomes; without one, both
    /// together are it.
    pub script: Option<ScriptSource>,
    /// `wait`: how long a record's outcomes are waited for; default 10 minutes.
    pub wait: Duration,
}

impl FlowConfig {
    /// Line and column of a key below the flow, or of what is around it.
    pub fn place(&self, key: &str) -> (u32, u32) {
        let mut at = key;
        loop {
            if let Some(place) = self.places.get(at) {
                return *place;
            }
            match at.rfind('.') {
                Some(end) => at = &at[..end],
                None => return self.places.get("").copied().unwrap_or_default(),
            }
        }
    }

    /// The connections that it names, each with its key below the flow.
    pub fn connections(&self) -> Vec<(String, &str)> {
        let mut named = Vec::new();
        if let FlowSource::Operation { connection, .. } | FlowSource::Inbound { connection } =
            &self.source
        {
            named.push(("from.connection".to_owned(), connection.as_str()));
        }
        for (index, step) in self.steps.iter().enumerate() {
            named.push((format!("steps.{index}.connection"), &step.connection));
        }
        for (index, target) in self.targets.iter().enumerate() {
            if let FlowTarget::Operation { connection, .. } = target {
                named.push((format!("to.{index}.connection"), connection));
            }
        }
        if let Some(confirm) = &self.confirm {
            named.push(("confirm.connection".to_owned(), &confirm.connection));
        }
        named
    }

    /// Every script of it, with its key below the flow.
    pub fn scripts(&self) -> impl Iterator<Item = (String, &ScriptSource)> {
        let steps = self.steps.iter().enumerate();
        let steps = steps.filter_map(|(index, step)| {
            let script = step.script.as_ref()?;
            Some((format!("steps.{index}.script"), script))
        });
        let targets = self.targets.iter().enumerate();
        let targets = targets.flat_map(|(index, target)| {
            let (script, when) = match target {
                FlowTarget::Operation { script, when, .. } => (script.as_ref(), when.as_ref()),
                FlowTarget::File { .. } => (None, None),
            };
            let script = script.map(|script| (format!("to.{index}.script"), script));
            let when = when.map(|when| (format!("to.{index}.when"), when));
            script.into_iter().chain(when)
        });
        let confirm = self.confirm.iter().filter_map(|confirm| {
            let script = confirm.script.as_ref()?;
            Some(("confirm.script".to_owned(), script))
        });
        steps.chain(targets).chain(confirm)
    }
}
