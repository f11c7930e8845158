//! The one task that owns what is loaded.
//!
//! It only decides. Whatever takes time (compiling, examples, scripts and their
//! tests) is done by tasks of its own, side by side, and comes back to it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::admission::{self, Admitted, Member};
use super::checks::Checked;
use super::current::{Command, Current, Handle, Unreadable, View};
use super::plugins::{PluginFiles, is_touched};
use super::tasks::Tasks;
use super::tenants::TenantFolders;
use super::turns::Turns;
use super::watch::{Change, Watcher};
use crate::config::HostConfig;
use crate::plugin::load::{Loaded, Loader, Refusal};
use crate::problem::Problem;
use crate::secrets::Sources;
use crate::serving::connection_limits::Channels;

/// A file or folder that vanished may be on its way back (an editor, a mount, a
/// deployment, another name): what it provides serves this long before it is
/// taken out.
const GONE_GRACE: Duration = Duration::from_secs(2);

/// Publishing takes at most one part in so many of the manager's time: with ten
/// thousand tenants it is some milliseconds each.
const PUBLISHING: u32 = 10;

/// The shortest time between two looks at what is due, whatever that is.
const SHORTEST: Duration = Duration::from_millis(5);

/// Loads everything once and, with `watch`, keeps it current. What is slow to
/// check goes on being checked then, and serves when it is ready; without
/// `watch`, it is waited for.
pub async fn start(
    config: Arc<HostConfig>,
    loader: Arc<Loader>,
    channels: Arc<Channels>,
    watch: bool,
) -> Result<Handle, Problem> {
    // Watching begins before the first look, so that nothing falls between.
    let watching = if watch {
        let roots = [config.plugins_dir.clone(), config.tenants_dir.clone()];
        let watching = Watcher::start(&roots, config.watch_poll)
            .map_err(|error| Problem::host("watch-failed", error.to_string()))?;
        Some(watching)
    } else {
        None
    };
    let scanned = watching.as_ref().map(|(watcher, _)| watcher.scanned());
    let current = Current::new(scanned.unwrap_or_default(), config.plugins_dir.clone());
    let current = Arc::new(current);
    let (plugins, tenants) = {
        let metrics = channels.metrics();
        (metrics.plugins.clone(), metrics.tenants.clone())
    };
    let files = PluginFiles::counting(plugins, config.sources);
    let sources = match watch {
        true => Sources::beside(config.secrets.clone()),
        false => Sources::at_once(config.secrets.clone()),
    };
    let manager = Manager {
        turns: Arc::new(Turns::new(config.limits.check_timeout)),
        config,
        loader,
        channels,
        current: current.clone(),
        files,
        folders: TenantFolders::counting(tenants, sources.clone()),
        tasks: Tasks::new(),
        gone: Vec::new(),
        to_check: BTreeSet::new(),
        deferred: BTreeSet::new(),
        triggers: BTreeSet::new(),
        unpublished: false,
        next_publish: Instant::now(),
        outside_changed: true,
        sources,
    };
    let (commands, inbox) = mpsc::channel(16);
    let (started, ready) = oneshot::channel();
    let watched = watching.is_some();
    let task = tokio::spawn(manager.run(watching, inbox, started)).abort_handle();
    ready.await.map_err(|_| {
        Problem::host(
            "internal-error",
            "what is to be loaded could not be looked at; the log says why",
        )
    })?;
    Ok(Handle {
        current,
        commands,
        task: watched.then_some(task),
    })
}

pub(super) struct Manager {
    pub(super) config: Arc<HostConfig>,
    pub(super) loader: Arc<Loader>,
    pub(super) channels: Arc<Channels>,
    current: Arc<Current>,
    pub(super) files: PluginFiles,
    pub(super) folders: TenantFolders,
    /// Candidates being loaded and checked: the manager goes on meanwhile.
    pub(super) tasks: Tasks<About, Done>,
    pub(super) turns: Arc<Turns>,
    /// Folders that vanished, and when that becomes final.
    pub(super) gone: Vec<(Instant, PathBuf)>,
    /// Folders whose newest values are to be checked.
    pub(super) to_check: BTreeSet<PathBuf>,
    /// The same, once the plugins that are being loaded are there.
    pub(super) deferred: BTreeSet<PathBuf>,
    /// Plugin files of which something is held that may serve now.
    pub(super) triggers: BTreeSet<PathBuf>,
    /// Something changed since the last publishing.
    pub(super) unpublished: bool,
    next_publish: Instant,
    /// Files outside of the tenants' folders may be others than before.
    pub(super) outside_changed: bool,
    /// Secrets that somebody else keeps.
    sources: Sources,
}

/// What a task is about.
pub(super) enum About {
    Plugin {
        path: PathBuf,
        reading: u64,
    },
    Tenant {
        dir: PathBuf,
        version: u64,
    },
    Group {
        members: Vec<Member>,
        /// With other candidates that were refused.
        joint: bool,
    },
}

/// What a task found out.
pub(super) enum Done {
    Loaded(Result<Loaded, Refusal>),
    Tenant(Result<Box<Checked>, Vec<Problem>>),
    Admitted(Admitted),
}

impl Manager {
    async fn run(
        mut self,
        watching: Option<(Watcher, mpsc::Receiver<Change>)>,
        mut inbox: mpsc::Receiver<Command>,
        started: oneshot::Sender<()>,
    ) {
        self.scan_plugins(|_| true);
        self.scan_tenants(None);
        let late = Instant::now() + self.config.limits.startup_wait;
        let mut started = Some(started);
        let (turns, sources) = (self.turns.clone(), self.sources.clone());
        let (watcher, mut changes) = match watching {
            Some((watcher, changes)) => (Some(watcher), changes),
            None => (None, mpsc::channel(1).1),
        };
        loop {
            self.advance();
            let is_late = watcher.is_some() && late <= Instant::now();
            if started.is_some() && (is_late || self.first_look_is_over(watcher.is_some())) {
                self.publish();
                if let Some(started) = started.take() {
                    let _ = started.send(());
                }
                if watcher.is_none() {
                    return;
                }
            }
            self.publish_in_time();
            if let Some(watcher) = &watcher
                && std::mem::take(&mut self.outside_changed)
            {
                watcher.follow(self.folders.files_outside());
            }
            let due = self.next_due(started.is_some().then_some(late), watcher.is_some());
            tokio::select! {
                change = changes.recv(), if watcher.is_some() => match change {
                    Some(change) => self.change(&change),
                    None => return,
                },
                Some((about, done)) = self.tasks.next() => {
                    self.ended(about, done);
                    while let Some((about, done)) = self.tasks.try_next() {
                        self.ended(about, done);
                    }
                }
                command = inbox.recv(), if watcher.is_some() => match command {
                    Some(Command::Rescan) => self.change(&Change {
                        rescan: true,
                        ..Change::default()
                    }),
                    Some(Command::Retire { plugin, done }) => {
                        let retired = self.retire(&plugin);
                        self.publish();
                        let _ = done.send(retired);
                    }
                    None => return,
                },
                paths = sources.changed(), if watcher.is_some() => {
                    let change = Change { paths, rescan: false };
                    self.scan_tenants(Some(&change));
                }
                () = turns.moved.notified() => {}
                () = sleep_until(due), if due.is_some() => {
                    if watcher.is_some() {
                        self.due();
                    }
                }
            }
        }
    }

    /// Whether the first look is over. What is slow to check is not waited for
    /// by a host that goes on.
    fn first_look_is_over(&self, watching: bool) -> bool {
        let tenants = self.tasks.all();
        let is_tenant = |about: &&About| matches!(about, About::Tenant { .. });
        let tenants = tenants.filter(is_tenant).count();
        let others = self.tasks.len() - tenants;
        let slow = if watching { self.turns.slowed() } else { 0 };
        others == 0 && self.triggers.is_empty() && self.to_check.is_empty() && tenants <= slow
    }

    fn change(&mut self, change: &Change) {
        if change.touches(&self.config.plugins_dir) {
            self.scan_plugins(|path| is_touched(change, path));
        }
        self.scan_tenants((!change.rescan).then_some(change));
    }

    /// The next moment at which something has to be done by the clock.
    fn next_due(&self, late: Option<Instant>, watching: bool) -> Option<Instant> {
        let publish = self.unpublished.then_some(self.next_publish);
        let clock = [
            self.next_gone(),
            self.files.next_retry(),
            self.folders.next_retry(),
        ];
        let clock = clock.into_iter().flatten().filter(|_| watching).min();
        let clock = clock.map(|at| at.max(Instant::now() + SHORTEST));
        [clock, publish, late].into_iter().flatten().min()
    }

    fn due(&mut self) {
        self.remove_gone();
        self.retire_gone();
        self.retry();
    }

    /// Tries again what failed for a reason that may have passed.
    fn retry(&mut self) {
        let now = Instant::now();
        if self.files.next_retry().is_some_and(|at| at <= now) {
            let all = self.files.is_root_due(now);
            self.scan_plugins(|_| all);
        }
        let (change, check) = self.folders.due(now);
        if let Some(change) = change {
            self.scan_tenants(Some(&change));
        }
        self.to_check.extend(check);
    }

    /// When something that vanished is due to be taken out.
    fn next_gone(&self) -> Option<Instant> {
        let folders = self.gone.iter().map(|(at, _)| *at);
        folders.chain(self.retirements().map(|(_, at)| at)).min()
    }

    /// Plugins that are retired because their files are gone, and when. None
    /// while a candidate is being loaded: it may be the same plugin under
    /// another file name.
    fn retirements(&self) -> impl Iterator<Item = (String, Instant)> {
        let is_plugin = |about: &About| !matches!(about, About::Tenant { .. });
        let retiring = self.config.retire_missing && !self.tasks.all().any(is_plugin);
        let missing = if retiring {
            self.files.missing()
        } else {
            Vec::new()
        };
        missing
            .into_iter()
            .map(|(plugin, since)| (plugin, since + GONE_GRACE))
    }

    fn retire_gone(&mut self) {
        let now = Instant::now();
        let due: Vec<(String, Instant)> = self.retirements().filter(|(_, at)| *at <= now).collect();
        for (plugin, _) in due {
            if self.files.retire(&plugin) == Some(true) {
                tracing::info!(
                    plugin,
                    "retired: its file is gone and `retire_missing` is set"
                );
                self.retired();
            }
        }
    }

    fn remove_gone(&mut self) {
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.gone)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        self.gone = later;
        let due: Vec<(Instant, PathBuf)> = due;
        for (_, dir) in due {
            let held = self.held_for(&dir);
            match self.folders.remove_if_gone(&self.config.tenants_dir, &dir) {
                Some(tenant) => {
                    tracing::info!(tenant = &*tenant, "tenant removed: its folder is gone");
                    self.channels.forget(&tenant);
                    self.loader.purge_scripts(|key| key.tenant == tenant);
                    // A plugin may have been refused because it would have broken it.
                    self.triggers.extend(held);
                    self.unpublished = true;
                }
                // Nothing is known while the folder around it cannot be read.
                None if self.folders.is_missing(&dir) => self.gone.push((now + GONE_GRACE, dir)),
                None => {}
            }
        }
    }

    fn retire(&mut self, plugin: &str) -> Result<(), Problem> {
        match self.files.retire(plugin) {
            Some(true) => {
                tracing::info!(plugin, "retired");
                self.retired();
                Ok(())
            }
            Some(false) => Err(Problem::caller(
                "plugin-present",
                format!("the file of `{plugin}` is still there; remove it first"),
            )),
            None => Err(Problem::caller(
                "unknown-plugin",
                format!("there is no plugin `{plugin}`"),
            )),
        }
    }

    /// A name is free again.
    fn retired(&mut self) {
        let held = self.files.held_at("name").into_iter();
        self.triggers.extend(held.map(|(path, _)| path));
        self.unpublished = true;
        // It may have been a language runtime.
        self.scan_sources();
    }

    /// Publishes what changed, but not all the time.
    fn publish_in_time(&mut self) {
        if self.unpublished && self.next_publish <= Instant::now() {
            self.publish();
        }
    }

    /// Swaps the one pointer that calls read.
    fn publish(&mut self) {
        let began = Instant::now();
        self.current.publish(View {
            snapshot: admission::whole(&self.files, self.folders.serving()),
            plugins: Arc::new(self.files.statuses()),
            tenants: Arc::new(self.folders.statuses()),
            unreadable: Arc::new(Unreadable {
                plugins: self.files.unreadable(&self.config.plugins_dir),
                tenants: self.folders.unreadable(&self.config.tenants_dir),
            }),
        });
        self.unpublished = false;
        self.next_publish = Instant::now() + began.elapsed() * PUBLISHING;
    }

    /// When a folder that vanished now is taken out.
    pub(super) fn grace() -> Instant {
        Instant::now() + GONE_GRACE
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
