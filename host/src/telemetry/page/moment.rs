//! What the page shows that is not counted but looked at.

use std::sync::Arc;
use std::time::Duration;

use super::{FlowMoment, GrantMoment};
use crate::telemetry::process::Process;

/// What is not counted but looked at when the page is asked for.
#[derive(Debug, Default)]
pub struct Moment {
    /// This version.
    pub version: &'static str,
    /// Connections that serve.
    pub gates: Vec<Gate>,
    /// Connections whose credentials renew themselves.
    pub grants: Vec<GrantMoment>,
    /// What the outbox holds; nothing where this host has none.
    pub outbox: Option<Waiting>,
    /// Flows of which something is kept.
    pub flows: Vec<FlowMoment>,
    /// Plugins that serve: name, kind, generation.
    pub generations: Vec<(String, &'static str, u32)>,
    /// Plugin files that serve, and that are refused.
    pub plugins: (u64, u64),
    /// Tenants, likewise.
    pub tenants: (u64, u64),
    /// Idle adapter and script instances.
    pub warm: (u64, u64),
    /// Memory of the latter.
    pub warm_script_bytes: u64,
    /// Guest time so far.
    pub guest_time: Duration,
    /// What calls hold now, and may hold.
    pub memory: (u64, u64),
    /// Log lines that were lost.
    pub log_lost: u64,
    /// Calls that were not recorded.
    pub recordings_lost: u64,
    /// Spans that were sent, and lost.
    pub spans: (u64, u64),
    /// The process, where the system tells.
    pub process: Option<Process>,
}

/// How queued requests of a connection may leave.
#[derive(Debug, Clone)]
pub struct Gate {
    /// Its tenant.
    pub tenant: Arc<str>,
    /// Its name.
    pub connection: Arc<str>,
    /// One word.
    pub state: &'static str,
    /// Requests that may be under way at once.
    pub allowed: u64,
    /// Requests that are.
    pub under_way: u64,
}

/// What waits in the outbox.
#[derive(Debug, Clone, Default)]
pub struct Waiting {
    /// It takes records and can be read.
    pub up: bool,
    /// Its file is damaged.
    pub damaged: bool,
    /// How many tenants' webhooks are in each state.
    pub webhooks: Vec<(&'static str, u64)>,
    /// What ended without its platform having a say, by lane.
    pub set_aside: Vec<SetAside>,
    /// By lane.
    pub lanes: Vec<Lane>,
}

/// What of a lane was superseded and discarded since the host began.
#[derive(Debug, Clone)]
pub struct SetAside {
    /// Its tenant.
    pub tenant: String,
    /// Its connection.
    pub connection: String,
    /// Its operation.
    pub operation: String,
    /// By status.
    pub items: [(&'static str, u64); 2],
}

/// One lane of it.
#[derive(Debug, Clone)]
pub struct Lane {
    /// Its tenant.
    pub tenant: String,
    /// Its connection.
    pub connection: String,
    /// Items by state.
    pub items: Vec<(&'static str, u64)>,
    /// Age of its oldest open item.
    pub oldest: Option<Duration>,
}
