//! Flows and their runs, as people and programs see them. Times are Unix
//! milliseconds.

use crossdock_store::{ParkedRow, RunRow};
use serde::Serialize;
use serde_json::value::RawValue;

use super::page::raw;
use crate::config::{FlowConfig, FlowSource, Trigger};
use crate::problem::Problem;
use crate::report::DryRun;

/// A tenant's flows.
#[derive(Debug, Serialize)]
pub struct FlowsShown {
    /// By name.
    pub flows: Vec<FlowShown>,
}

/// One of them.
#[derive(Debug, Serialize)]
pub struct FlowShown {
    /// Its name.
    pub flow: String,
    /// `operation`, `inbound`, `folder`, `database` or `webhook`.
    pub source: &'static str,
    /// Where its records come from, for people.
    pub from: String,
    /// When it runs: `every 5m`, `cron */5 * * * * UTC`, `on demand`, `when something
    /// arrives`.
    pub runs: String,
    /// `idle`; `running`; `retrying`, which is running and held up by `problem`;
    /// `paused`.
    pub state: &'static str,
    /// Whether it begins no run: it is paused, or will be behind the page under way.
    pub paused: bool,
    /// The run that is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// What holds it up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// When the next run begins by the clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_ms: Option<u64>,
    /// Ticks that were passed by, ever.
    pub ticks_skipped: u64,
    /// Records that are parked.
    pub parked: u64,
    /// Records that came in and are not queued yet.
    pub received: u64,
    /// Its newest run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<RunShown>,
}

/// Where a flow's records come from, for people. A database's URL is a secret.
pub(crate) fn from(flow: &FlowConfig) -> String {
    match &flow.source {
        FlowSource::Operation {
            connection,
            operation,
            ..
        } => format!("{operation} of {connection}"),
        FlowSource::Inbound { connection } => format!("what {connection} pushes"),
        FlowSource::Folder(source) => format!("folder {}", source.folder.display()),
        FlowSource::Database(_) => "a query of a database".to_owned(),
        FlowSource::Webhook(_) => "what is posted to it".to_owned(),
    }
}

/// When a flow runs, for people.
pub(crate) fn runs(flow: &FlowConfig) -> String {
    let by_itself = matches!(
        flow.source,
        FlowSource::Inbound { .. } | FlowSource::Webhook(_)
    );
    match &flow.trigger {
        Trigger::Demand if by_itself => "when something arrives".to_owned(),
        trigger => trigger.to_string(),
    }
}

/// A flow with what people look for when it does not do as it should.
#[derive(Debug, Serialize)]
pub struct FlowWhole {
    /// What the list shows.
    #[serde(flatten)]
    pub flow: FlowShown,
    /// Where its source is read from next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Box<RawValue>>,
    /// Its newest runs.
    pub newest: Vec<RunShown>,
    /// The first records that are parked.
    pub parked_records: Vec<ParkedShown>,
}

/// Runs of a flow, newest first.
#[derive(Debug, Serialize)]
pub struct RunsShown {
    /// The runs.
    pub runs: Vec<RunShown>,
    /// The id to ask for older ones with; none at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
}

/// A run.
#[derive(Debug, Clone, Serialize)]
pub struct RunShown {
    /// Its number.
    pub run: u64,
    /// `running`, `waiting`, `done`, `failed` or `stopped`.
    pub state: &'static str,
    /// Why it runs.
    pub cause: String,
    /// The tick for which it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tick_ms: Option<u64>,
    /// When it began.
    pub began_ms: u64,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
    /// Pages so far.
    pub pages: u32,
    /// Pages that are not queued yet, or of which outcomes still come.
    pub open_pages: u32,
    /// What it counted so far.
    pub counts: CountsShown,
    /// How long its stages took so far.
    pub stages: StagesShown,
    /// Why it failed or was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// What a run counts.
#[derive(Debug, Clone, Serialize)]
pub struct CountsShown {
    /// Records that the source gave.
    #[serde(rename = "in")]
    pub incoming: u64,
    /// Not sent, since the target has the same already.
    pub unchanged: u64,
    /// Not sent, since nothing was to be sent of it.
    pub skipped: u64,
    /// Items that were queued.
    pub sent: u64,
    /// Of these, taken by their platform, or followed by a newer one.
    pub accepted: u64,
    /// Of these, refused, given up, or with people.
    pub refused: u64,
    /// Of these, without an end in time.
    pub waiting: u64,
    /// Parked with a problem.
    pub parked: u64,
    /// Records that were confirmed at the source, which has taken it.
    pub confirmed: u64,
    /// Records whose confirmation the source did not take, or nobody knows.
    pub unconfirmed: u64,
    /// Rows and files of the source that could not be read.
    pub unreadable: u64,
}

/// How long the stages of a run took, in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct StagesShown {
    /// Reading the source.
    pub source_ms: u64,
    /// Its steps.
    pub steps_ms: u64,
    /// Scripts of targets, and queueing.
    pub targets_ms: u64,
    /// Confirming.
    pub confirm_ms: u64,
}

/// A record that is parked.
#[derive(Debug, Serialize)]
pub struct ParkedShown {
    /// Its number. One that goes again and fails again is parked under another one.
    pub id: u64,
    /// When.
    pub at_ms: u64,
    /// By which run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// The target for which it failed; none if a step did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What it failed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<RawValue>>,
    /// Why the record cannot be read now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

/// What came of asking for a resync.
#[derive(Debug, Serialize)]
pub struct Resynced {
    /// Of how many things it was forgotten what targets have.
    pub forgotten: u64,
}

/// What came of having parked records go again.
#[derive(Debug, Serialize)]
pub struct Retried {
    /// How many go again. Those that are on their way in a page are left as they are.
    pub retried: u64,
    /// The run that takes them, if one began for it. Otherwise the next one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
}

/// What came of giving up parked records.
#[derive(Debug, Serialize)]
pub struct Discarded {
    /// How many are gone. Those that are on their way in a page are left as they are.
    pub discarded: u64,
}

/// What a run would send: nothing was queued, and no place has moved.
#[derive(Debug, Serialize)]
pub struct FlowDryRun {
    /// Always true.
    pub dry_run: bool,
    /// The records as the source gives them.
    pub given: Vec<Box<RawValue>>,
    /// The same after the steps.
    pub records: Vec<Box<RawValue>>,
    /// What a step failed with.
    pub problems: Vec<Problem>,
    /// Why a step was not asked, and so no target: it may change something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_asked: Option<Problem>,
    /// What goes to each target.
    pub targets: Vec<TargetDryRun>,
}

/// What would go to a target.
#[derive(Debug, Serialize)]
pub struct TargetDryRun {
    /// Its name.
    pub target: String,
    /// Records of which nothing would be sent.
    pub skipped: usize,
    /// Records that it has already.
    pub unchanged: usize,
    /// Why records would be parked.
    pub problems: Vec<Problem>,
    /// The items that would be queued.
    pub items: Vec<Box<RawValue>>,
    /// The requests that would leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<DryRun>,
}

impl From<RunRow> for RunShown {
    fn from(row: RunRow) -> Self {
        let (counts, stages) = (row.counts, row.stages);
        Self {
            run: row.id.0,
            state: row.state.as_str(),
            cause: row.cause,
            tick_ms: row.tick,
            began_ms: row.began,
            ended_ms: row.ended,
            pages: row.pages,
            open_pages: row.open_pages,
            counts: CountsShown {
                incoming: counts.incoming,
                unchanged: counts.unchanged,
                skipped: counts.skipped,
                sent: counts.sent,
                accepted: counts.accepted,
                refused: counts.refused,
                waiting: counts.waiting,
                parked: counts.parked,
                confirmed: counts.confirmed,
                unconfirmed: counts.unconfirmed,
                unreadable: counts.unreadable,
            },
            stages: StagesShown {
                source_ms: stages.source,
                steps_ms: stages.steps,
                targets_ms: stages.targets,
                confirm_ms: stages.confirm,
            },
            problem: row
                .problem
                .and_then(|problem| serde_json::from_slice(&problem).ok()),
        }
    }
}

impl From<ParkedRow> for ParkedShown {
    fn from(row: ParkedRow) -> Self {
        let record = String::from_utf8(row.record).ok();
        Self {
            id: row.id.0,
            at_ms: row.at,
            run: row.run.map(|run| run.0),
            target: row.target,
            problem: serde_json::from_slice(&row.problem).ok(),
            record: record.and_then(raw),
            unreadable: row.unreadable,
        }
    }
}
