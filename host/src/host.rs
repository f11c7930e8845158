//! The parts put together: what the command line and inbound HTTP talk to.

mod arrivals;
mod credentials;
mod kept;
mod scrape;
mod trying;

use std::sync::Arc;
use std::time::Duration;

use crate::budget::Budget;
use crate::budget::bounds::Bounds;
use crate::config::{HostConfig, RecordingKey, did_you_mean};
use crate::delivery::dry_run::dry_run;
use crate::delivery::intake::items;
use crate::delivery::item_keys::DeliveryId;
use crate::delivery::order;
use crate::delivery::path::deliver;
use crate::files;
use crate::flows::Flows;
use crate::grants::Grants;
use crate::outbox::{self, CallJournal, Outbox, Queued};
use crate::plugin::cache::CodeCache;
use crate::plugin::code;
use crate::plugin::compile::Compiler;
use crate::plugin::load::Loader;
use crate::plugin::manifest::Repeatable;
use crate::plugin::sandbox::Sandbox;
use crate::plugin::trust::{Trust, pin_name};
use crate::problem::Problem;
use crate::recording::{self, Recorded, Recorder, Subject};
use crate::reload::current::{Following, Handle};
use crate::reload::manager;
use crate::reload::status::{PluginStatus, TenantStatus};
use crate::report::{DryRun, Report};
use crate::serving::connection_limits::Channels;
use crate::serving::route::Route;
use crate::serving::snapshot::Snapshot;
use crate::telemetry::Telemetry;
use crate::telemetry::incoming::Incoming;
use crate::telemetry::meters::CallStatus;
use crate::vital::{Part, Trouble, Vital};
use scrape::Scrape;

/// How long a call waits for memory that other calls hold.
const ROOM_TIME: Duration = Duration::from_secs(5);

/// A running host. Cloning is cheap.
#[derive(Clone)]
pub struct Host {
    config: Arc<HostConfig>,
    loaded: Handle,
    loader: Arc<Loader>,
    channels: Arc<Channels>,
    /// Nothing where recording is off.
    recorder: Option<Arc<Recorder>>,
    /// Nothing where nobody takes records in: only a host that serves does.
    outbox: Option<Outbox>,
    /// The flows of its tenants, where it has an outbox.
    flows: Option<Flows>,
    /// The grants of its connections, likewise.
    grants: Option<Grants>,
    /// What everything that is being received or worked on may hold together.
    memory: Budget,
    vital: Arc<Vital>,
    telemetry: Telemetry,
    /// What of it is looked at when the page is asked for.
    scrape: Arc<Scrape>,
}

/// A call of one operation.
#[derive(Debug, Clone)]
pub struct Call {
    /// Name of the tenant.
    pub tenant: String,
    /// Name of the connection.
    pub connection: String,
    /// Name of the operation.
    pub operation: String,
    /// A JSON object or array, as text.
    pub body: bytes::Bytes,
    /// Makes the items' keys stable over repeated calls.
    pub idempotency_key: Option<String>,
    /// The trace that it belongs to.
    pub trace: Incoming,
}

impl Host {
    /// Loads everything and, with `watch`, keeps it current; then it does not
    /// wait for what is slow to check, which serves as soon as it is ready. Fails
    /// only on what makes serving impossible (the sandbox); what is wrong with a
    /// plugin or a tenant is in [`plugins`](Self::plugins) and
    /// [`tenants`](Self::tenants).
    pub async fn start(config: HostConfig, watch: bool) -> Result<Self, Problem> {
        let sandbox = Sandbox::new(&config.limits).map_err(|error| {
            Problem::host("sandbox-failed", crate::wasm_failure::unstarted(&error))
        })?;
        let compiler = Compiler::new(config.compile_program.clone(), &config.limits);
        let cache =
            CodeCache::new(code::folder(&config.data_dir)).bounded(config.limits.compiled_code);
        let clock = sandbox.clone();
        let limits = &config.limits;
        let loader = Loader::compiling_with(compiler, sandbox, cache, limits);
        let loader = Arc::new(loader.trusting(Trust::new(&config.trust, &config.plugins_dir)));
        let recorder = if config.recording.enabled {
            recorder(&config)?
        } else {
            None
        };
        let config = Arc::new(config);
        let telemetry = scrape::started(&config.telemetry)?;
        let channels =
            Arc::new(Channels::observed(telemetry.clone()).through(config.network.clone()));
        let loaded =
            manager::start(config.clone(), loader.clone(), channels.clone(), watch).await?;
        let mut vital = Vital::default();
        vital.watch(Part::Reload, {
            let loaded = loaded.clone();
            move || loaded.is_alive()
        });
        vital.watch(Part::GuestClock, move || clock.is_ticking());
        if let Some(recorder) = recorder.clone() {
            vital.watch(Part::Recording, move || recorder.is_alive());
        }
        vital.watch(Part::Log, crate::log::is_alive);
        // One body of the largest size always finds room at last.
        let memory = Budget::new(config.limits.calls_memory.max(config.limits.request_body));
        Ok(Self {
            config,
            loaded,
            loader,
            channels,
            recorder,
            outbox: None,
            flows: None,
            grants: None,
            memory,
            vital: Arc::new(vital),
            telemetry,
            scrape: Arc::default(),
        })
    }

    /// With plugins only: for what is about scripts in files and not about what
    /// serves.
    pub async fn without_tenants(mut config: HostConfig) -> Result<Self, Problem> {
        config.tenants_dir = config.data_dir.join("no-tenants");
        config.recording.enabled = false;
        Self::start(config, false).await
    }

    /// The configuration it was started with.
    pub fn config(&self) -> &HostConfig {
        &self.config
    }

    /// What does not keep it from serving and should be put right: folders that
    /// others may write to. There is machine code in the data folder, and what is
    /// in the others decides what is sent.
    pub fn warnings(&self) -> Vec<Problem> {
        let data = &self.config.data_dir;
        let folders = [
            data.clone(),
            code::folder(data),
            recording::folder(data),
            outbox::folder(data),
            self.config.plugins_dir.clone(),
            self.config.tenants_dir.clone(),
        ];
        let mut said: Vec<String> = folders
            .iter()
            .filter_map(|folder| files::writable_by_others(folder))
            .collect();
        // A folder above several of them.
        said.dedup();
        let folders = said.into_iter();
        let folders = folders.map(|detail| Problem::host("others-may-write", detail));
        folders.chain(self.unused_pins()).collect()
    }

    /// Pins that protect nothing: most likely of misspelt names.
    fn unused_pins(&self) -> Vec<Problem> {
        let plugins = self.plugins();
        // What is not loaded yet, or not any more, may be what is meant.
        if plugins.iter().any(|it| it.checking || it.refused.is_some()) {
            return Vec::new();
        }
        let names = plugins.iter().filter_map(|it| it.serving.as_ref());
        let names: Vec<String> = names.map(|it| pin_name(it.kind, &it.name)).collect();
        let pins = self.config.trust.pins.keys();
        let unused = pins.filter(|pin| !names.contains(pin)).map(|pin| {
            let meant = did_you_mean(pin, names.iter().map(String::as_str), "loaded is");
            let detail = format!(
                "`[plugins.pin]` names `{pin}`, which is no plugin here, so that it protects nothing; {meant}"
            );
            Problem::host("unused-pin", detail)
        });
        unused.collect()
    }

    /// What serves now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.loaded.current.snapshot()
    }

    /// Every plugin file: what serves from it, and why its newest bytes do not.
    pub fn plugins(&self) -> Vec<PluginStatus> {
        self.loaded.current.plugins().to_vec()
    }

    /// Every tenant folder: what serves from it, and why its newest files do not.
    pub fn tenants(&self) -> Vec<TenantStatus> {
        self.loaded.current.tenants().to_vec()
    }

    /// Whether a tenant is being checked of which nothing has served yet, nor was
    /// refused.
    pub fn is_loading(&self) -> bool {
        let tenants = self.loaded.current.tenants();
        tenants.iter().any(|status| {
            status.checking && status.generation.is_none() && status.problems.is_empty()
        })
    }

    /// What is not followed as it should be: scanned in an interval only, or
    /// not readable now.
    pub fn following(&self) -> Following {
        self.loaded.current.following()
    }

    /// What does not work as it should, apart from plugins and tenants that
    /// were refused.
    pub fn troubles(&self) -> Vec<Trouble> {
        let mut troubles: Vec<Trouble> = self.vital.ended().map(Trouble::from).collect();
        if crate::log::health().failing {
            troubles.push(Trouble::new(
                "log",
                "log lines cannot be written; look at what stderr leads to: a full disk, or a reader that is gone or does not read",
            ));
        }
        troubles.extend(self.outbox.as_ref().and_then(Outbox::trouble));
        troubles.extend(self.grants.as_ref().and_then(Grants::trouble));
        troubles
    }

    /// Waits until a part has ended that the host cannot do without.
    pub async fn lost(&self) -> Part {
        self.vital.lost().await
    }

    /// Has every plugin, tenant and secret file looked at again.
    pub async fn rescan(&self) {
        self.loaded.rescan().await;
    }

    /// What everything that is being received or worked on may hold together.
    pub fn memory(&self) -> &Budget {
        &self.memory
    }

    /// Idle adapter and script instances now.
    pub fn warm_instances(&self) -> (usize, usize) {
        self.loader.warm_instances()
    }

    /// Bytes of memory that idle scripts have.
    pub fn warm_script_bytes(&self) -> usize {
        self.loader.warm_script_bytes()
    }

    /// One delivery, now. An error means that nothing was sent. Whoever drops
    /// the future ends the delivery where it stands: half of it may have been
    /// sent, and nobody learns what became of it.
    pub async fn call(&self, call: Call) -> Result<Report, Problem> {
        let (route, id, items) = self.accept(&call).await?;
        self.record(&route, &call);
        let operation = route.observed.operation.clone();
        let answered = self.deliver(route, id, items).await;
        operation.answered(&answered);
        answered
    }

    async fn deliver(
        &self,
        route: Route,
        id: DeliveryId,
        items: Vec<String>,
    ) -> Result<Report, Problem> {
        match &self.outbox {
            Some(outbox) if may_need_a_journal(&route) => {
                let journal = CallJournal::new(outbox.clone(), route.clone(), items.clone());
                let limits = &self.config.limits;
                let mut report = deliver(route, limits, id, items, Some(&journal)).await?;
                journal.settle(&mut report).await;
                Ok(report)
            }
            _ => deliver(route, &self.config.limits, id, items, None).await,
        }
    }

    /// Whether a call is queued that does not say otherwise: as its connection's
    /// settings have it, unless the operation only reads.
    pub fn queues(&self, call: &Call) -> bool {
        let snapshot = self.snapshot();
        let connection = snapshot
            .tenants
            .get(&*call.tenant)
            .and_then(|tenant| tenant.connections.get(&call.connection))
            .filter(|connection| connection.config.queue_by_default);
        let Some(connection) = connection else {
            return false;
        };
        let operation = snapshot
            .adapters
            .get(&connection.config.adapter)
            .and_then(|adapter| adapter.operations.get(&call.operation));
        operation.is_some_and(|operation| !order::reads(operation.order.as_ref()))
    }

    /// Takes a call's items in. They are on disk when this returns.
    pub async fn queue(&self, call: Call) -> Result<Queued, Problem> {
        let outbox = self.outbox()?;
        let (route, _, items) = self.accept(&call).await?;
        self.record(&route, &call);
        let key = call.idempotency_key.as_deref();
        let queued = outbox.accept(&route, items, key, &call.body).await;
        match &queued {
            Ok(queued) => route.observed.operation.call(queued.status(), None),
            Err(problem) => route.observed.operation.refused(problem),
        }
        queued
    }

    /// Keeps a call's items for trying scripts on, where its tenant wants that.
    fn record(&self, route: &Route, call: &Call) {
        if let Some(recorder) = &self.recorder
            && route.tenant.config.recording
        {
            recorder.offer(route, &call.body);
        }
    }

    /// What a call would send.
    pub async fn dry_run(&self, call: Call) -> Result<DryRun, Problem> {
        let (route, id, items) = self.accept(&call).await?;
        let operation = route.observed.operation.clone();
        let dry = dry_run(route, id, items).await;
        match &dry {
            Ok(_) => operation.call(CallStatus::DryRun, None),
            Err(problem) => operation.refused(problem),
        }
        dry
    }

    async fn accept(&self, call: &Call) -> Result<(Route, DeliveryId, Vec<String>), Problem> {
        let snapshot = self.snapshot();
        let route = Route::find(snapshot, &call.tenant, &call.connection, &call.operation);
        let mut route = route.map_err(|problem| {
            let problem = self.refused(&call.tenant, problem);
            self.telemetry.metrics.nobody.refused(&problem);
            problem
        })?;
        route.observed = route.observed.within(call.trace.clone());
        let operation = route.observed.operation.clone();
        let taken = self.take(call, route).await;
        taken.inspect_err(|problem| operation.refused(problem))
    }

    /// A call's items, with memory for them.
    async fn take(
        &self,
        call: &Call,
        mut route: Route,
    ) -> Result<(Route, DeliveryId, Vec<String>), Problem> {
        let items = items(&call.body, self.config.limits.items_per_call)?;
        // The body itself, and its items.
        let needed = call.body.len().saturating_mul(2);
        // More than there is at all is more than a call may have, too.
        let known = needed.min(self.memory.total());
        let share = self.memory.take(known, ROOM_TIME).await.map_err(|_| {
            Problem::host(
                "host-busy",
                "other calls hold all the memory that `[limits] calls_memory_mb` has for calls",
            )
        })?;
        route.bounds = Bounds::of(&self.config.limits, Some(share));
        if !route.bounds.take(needed) {
            return Err(Problem::caller(
                "call-too-large",
                "the body takes more memory than `[limits] call_memory_mb` allows a call; send fewer items",
            ));
        }
        let items = items.into_iter().map(|item| item.get().to_owned());
        let items = items.collect();
        let id = DeliveryId::new(&route, call.idempotency_key.as_deref());
        Ok((route, id, items))
    }

    /// A tenant that is there but was refused is the operator's matter, and not
    /// a slip of whoever calls. One that is being checked for the first time
    /// serves in a moment.
    pub(crate) fn refused(&self, tenant: &str, problem: Problem) -> Problem {
        if problem.code != "unknown-tenant" {
            return problem;
        }
        let tenants = self.loaded.current.tenants();
        let status = tenants.iter().find(|status| status.name == tenant);
        if status.is_some_and(|status| status.checking && status.problems.is_empty()) {
            return Problem::host(
                "tenant-loading",
                format!(
                    "tenant `{tenant}` does not serve yet, because its files are still being checked; send the call again in a moment"
                ),
            );
        }
        let Some(first) = status.and_then(|status| status.problems.first()) else {
            return problem;
        };
        // Its first line: what follows quotes the file. The sentence goes on here.
        let first = first.to_string();
        let first = first.lines().next().unwrap_or_default();
        let first = first.trim_end_matches('.');
        let more = match status.map_or(0, |status| status.problems.len().saturating_sub(1)) {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let detail = format!(
            "tenant `{tenant}` does not serve, because its files were refused: {first}{more}; \
             `crossdock check` shows all that is wrong"
        );
        Problem::host("tenant-refused", detail)
    }

    /// Calls whose items were not recorded for want of room.
    pub fn recordings_dropped(&self) -> u64 {
        self.recorder
            .as_ref()
            .map_or(0, |recorder| recorder.dropped())
    }

    /// The newest recorded items of an operation, oldest first. What was called
    /// less than a moment ago may not be among them.
    pub fn recorded(&self, subject: &Subject, most: usize) -> Result<Vec<Recorded>, Problem> {
        recording::read(&self.config.recording, &self.config.data_dir, subject, most)
    }

    /// Confirms that a plugin whose file vanished may be retired.
    pub async fn retire(&self, plugin: &str) -> Result<(), Problem> {
        self.loaded.retire(plugin).await
    }
}

/// Whether requests of an operation may have to be written down before they
/// leave.
fn may_need_a_journal(route: &Route) -> bool {
    let repeatable = route.compiled().map(|operation| operation.repeatable);
    !matches!(repeatable, Ok(Repeatable::Always))
}

/// A key that was configured has to be there; without a place for one that is
/// made here, the host does without recording.
fn recorder(config: &HostConfig) -> Result<Option<Arc<Recorder>>, Problem> {
    match Recorder::start(&config.recording, &config.data_dir) {
        Ok(recorder) => Ok(Some(Arc::new(recorder))),
        Err(problem) if config.recording.key == RecordingKey::Generated => {
            tracing::warn!(%problem, "items are not recorded");
            Ok(None)
        }
        Err(problem) => Err(problem),
    }
}

#[cfg(test)]
mod tests;
