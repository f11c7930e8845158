//! `[flows.NAME]` of a tenant's file: what a flow is, checked, except for what
//! only adapters and script engines can tell.
//!
//! | part | what it does |
//! |---|---|
//! | [`source`] | where records come from |

mod source;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::ScriptSource;

pub use source::{
    Check, CursorRule, DatabaseSource, Digits, Encoding, FlowSource, FolderSource, Format, Header,
    WebhookSource,
};

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
    Every(Duration),
    /// `cron` and `timezone`.
    Cron(CronRule),
    /// When it is asked for, or when something arrives.
    Demand,
}

/// `cron` and `timezone`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronRule {
    /// The five fields as they were typed.
    pub text: String,
    /// The zone's name; `UTC` where none was typed.
    pub zone: String,
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
