//! The one task that owns what is loaded.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::admission;
use super::plugins::{Candidate, PluginFiles};
use super::prepare;
use super::snapshot::{PluginStatus, Snapshot, TenantGeneration, TenantStatus};
use super::tenants::{Scan, TenantCandidate, TenantFolders};
use super::watch::{Change, Watcher};
use crate::config::HostConfig;
use crate::delivery::state::States;
use crate::plugin::load::{Loaded, Loader, Refusal};
use crate::problem::Problem;

/// A file or folder that vanished may be on its way back (an editor, a mount, a
/// deployment, another name): what it provides serves this long before it is
/// taken out.
const GONE_GRACE: Duration = Duration::from_secs(2);

/// Tenants built at once.
const BUILDS: usize = 16;

/// What is loaded, as everybody else sees it.
pub struct Current {
    snapshot: ArcSwap<Snapshot>,
    plugins: ArcSwap<Vec<PluginStatus>>,
    tenants: ArcSwap<Vec<TenantStatus>>,
}

impl Current {
    fn new() -> Self {
        Self {
            snapshot: ArcSwap::default(),
            plugins: ArcSwap::default(),
            tenants: ArcSwap::default(),
        }
    }

    /// What serves now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Every plugin file.
    pub fn plugins(&self) -> Arc<Vec<PluginStatus>> {
        self.plugins.load_full()
    }

    /// Every tenant folder.
    pub fn tenants(&self) -> Arc<Vec<TenantStatus>> {
        self.tenants.load_full()
    }
}

/// Something only the manager can do.
enum Command {
    Retire {
        plugin: String,
        done: oneshot::Sender<Result<(), Problem>>,
    },
}

/// The way to the manager. Dropping the last one ends it.
#[derive(Clone)]
pub struct Handle {
    /// What is loaded.
    pub current: Arc<Current>,
    commands: mpsc::Sender<Command>,
}

impl Handle {
    /// Takes a plugin whose file is gone out of service.
    pub async fn retire(&self, plugin: &str) -> Result<(), Problem> {
        let (done, answer) = oneshot::channel();
        let command = Command::Retire {
            plugin: plugin.to_owned(),
            done,
        };
        let gone = || Problem::host("shutting-down", "the host is shutting down");
        self.commands.send(command).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// Loads everything once and, with `watch`, keeps it current.
pub async fn start(
    config: Arc<HostConfig>,
    loader: Arc<Loader>,
    states: Arc<States>,
    watch: bool,
) -> Result<Handle, Problem> {
    let current = Arc::new(Current::new());
    // Watching begins before the first look, so that nothing falls between.
    let watching = if watch {
        let roots = [config.plugins_dir.clone(), config.tenants_dir.clone()];
        let (watcher, changes) = Watcher::start(&roots, config.watch_poll)
            .map_err(|error| Problem::host("watch-failed", error.to_string()))?;
        Some((watcher, changes))
    } else {
        None
    };
    let mut manager = Manager {
        config,
        loader,
        states,
        current: current.clone(),
        files: PluginFiles::default(),
        folders: TenantFolders::default(),
        loading: JoinSet::new(),
        gone: Vec::new(),
    };
    manager.first_load().await?;
    let (commands, inbox) = mpsc::channel(16);
    if let Some((watcher, changes)) = watching {
        tokio::spawn(manager.run(watcher, changes, inbox));
    }
    Ok(Handle { current, commands })
}

struct Manager {
    config: Arc<HostConfig>,
    loader: Arc<Loader>,
    states: Arc<States>,
    current: Arc<Current>,
    files: PluginFiles,
    folders: TenantFolders,
    /// Candidates being compiled and checked: the manager goes on meanwhile.
    loading: JoinSet<Finished>,
    /// Folders that vanished, and when that becomes final.
    gone: Vec<(Instant, PathBuf)>,
}

struct Finished {
    path: PathBuf,
    reading: u64,
    sha: crate::plugin::artifact::Sha,
    result: Result<Loaded, Refusal>,
}

impl Manager {
    async fn first_load(&mut self) -> Result<(), Problem> {
        self.scan_plugins(|_| true);
        while let Some(finished) = self.loading.join_next().await {
            if let Ok(finished) = finished {
                self.settle(finished).await;
            }
        }
        let scan = self.scan_tenants(None);
        self.build(scan.candidates).await;
        self.publish();
        Ok(())
    }

    async fn run(
        mut self,
        watcher: Watcher,
        mut changes: mpsc::Receiver<Change>,
        mut inbox: mpsc::Receiver<Command>,
    ) {
        watcher.follow(self.folders.files_outside());
        loop {
            let gone = self.next_gone();
            tokio::select! {
                change = changes.recv() => match change {
                    Some(change) => {
                        self.change(change).await;
                        watcher.follow(self.folders.files_outside());
                    }
                    None => return,
                },
                Some(finished) = self.loading.join_next() => {
                    if let Ok(finished) = finished {
                        self.settle(finished).await;
                    }
                }
                command = inbox.recv() => match command {
                    Some(Command::Retire { plugin, done }) => {
                        let _ = done.send(self.retire(&plugin));
                    }
                    None => return,
                },
                () = sleep_until(gone), if gone.is_some() => {
                    self.remove_gone();
                    self.retire_gone();
                    self.publish();
                }
            }
        }
    }

    async fn change(&mut self, change: Change) {
        if change.touches(&self.config.plugins_dir) {
            self.scan_plugins(|path| change.touches(path));
        }
        let everything = change.rescan;
        let scan = self.scan_tenants((!everything).then_some(&change));
        self.build(scan.candidates).await;
        self.publish();
    }

    /// Looks at the plugins folder and starts loading what changed.
    fn scan_plugins(&mut self, changed: impl Fn(&Path) -> bool) {
        let most = self.config.limits.plugin_size;
        let candidates = match self.files.scan(&self.config.plugins_dir, most, changed) {
            Ok(candidates) => candidates,
            Err(error) => {
                tracing::error!(dir = %self.config.plugins_dir.display(), %error, "the plugins folder cannot be read; what is loaded goes on serving");
                return;
            }
        };
        for Candidate {
            path,
            artifact,
            number,
            reading,
        } in candidates
        {
            let loader = self.loader.clone();
            let sha = artifact.sha256;
            self.loading.spawn(async move {
                Finished {
                    path,
                    reading,
                    sha,
                    result: loader.load(artifact, number).await,
                }
            });
        }
    }

    /// Candidates that were refused get another try, now that what stood
    /// against them at that step may be gone.
    fn try_again(&mut self, step: &str) {
        if self.files.forget_refusals(step) {
            self.scan_plugins(|_| false);
        }
    }

    fn scan_tenants(&mut self, change: Option<&Change>) -> Scan {
        let scan = match self.folders.scan(&self.config.tenants_dir, change) {
            Ok(scan) => scan,
            Err(error) => {
                tracing::error!(dir = %self.config.tenants_dir.display(), %error, "the tenants folder cannot be read; what is loaded goes on serving");
                Scan::default()
            }
        };
        let at = Instant::now() + GONE_GRACE;
        self.gone
            .extend(scan.gone.iter().map(|dir| (at, dir.clone())));
        scan
    }

    /// A candidate came through, or not.
    async fn settle(&mut self, finished: Finished) {
        let Finished {
            path,
            reading,
            sha,
            result,
        } = finished;
        if !self.files.is_current(&path, reading) {
            return;
        }
        let accepted = match result {
            Ok(loaded) => self.admit(&path, loaded).await,
            Err(refusal) => Err(refusal),
        };
        match accepted {
            Ok(label) => {
                tracing::info!(plugin = label, file = %path.display(), "plugin serves");
                self.publish();
                // Tenants may have waited for it.
                let waiting = self.folders.waiting();
                self.build(waiting).await;
            }
            Err(refusal) => {
                tracing::warn!(file = %path.display(), step = refusal.step(), reason = %refusal, "plugin refused; what serves goes on");
                self.files.refuse(&path, &refusal, sha);
            }
        }
        self.publish();
    }

    /// The last checks of a candidate: those against everything else loaded.
    async fn admit(&mut self, path: &Path, loaded: Loaded) -> Result<String, Refusal> {
        let takes_over = admission::check_name(&self.files, path, &loaded)?;
        admission::check_tenants(&self.folders.serving(), &loaded).await?;
        // The file was renamed: the new one takes over.
        if let Some(renamed) = takes_over {
            self.files.hand_over(&renamed);
        }
        let label = loaded.identity().label();
        self.files.accept(path, loaded);
        Ok(label)
    }

    /// Builds tenants' generations; each serves as soon as the next snapshot does.
    async fn build(&mut self, candidates: Vec<TenantCandidate>) {
        if candidates.is_empty() {
            return;
        }
        let snapshot = {
            let mut snapshot = Snapshot::default();
            self.files.fill(&mut snapshot);
            Arc::new(snapshot)
        };
        let mut candidates = candidates.into_iter();
        let mut building: JoinSet<Built> = JoinSet::new();
        loop {
            while building.len() < BUILDS
                && let Some(candidate) = candidates.next()
            {
                building.spawn(build_one(
                    candidate,
                    snapshot.clone(),
                    self.states.clone(),
                    self.config.clone(),
                ));
            }
            match building.join_next().await {
                Some(Ok(built)) => self.built(built),
                Some(Err(error)) => tracing::error!(%error, "a tenant could not be built"),
                None => break,
            }
        }
        // A plugin may have waited for a tenant to change.
        self.try_again("tenants");
    }

    fn built(&mut self, (dir, result): Built) {
        match result {
            Ok(generation) => {
                tracing::info!(
                    tenant = &*generation.config.name,
                    generation = generation.number,
                    "tenant serves"
                );
                // Scripts that changed leave no warm instances behind.
                let live: BTreeSet<u64> = generation
                    .connections
                    .values()
                    .flat_map(|connection| connection.all_scripts())
                    .map(|script| script.spec.id)
                    .collect();
                let tenant = generation.config.name.clone();
                self.loader
                    .purge_scripts(|key| key.tenant == tenant && !live.contains(&key.script));
                self.folders.accept(&dir, Arc::new(generation));
            }
            Err(problems) => {
                self.folders.refuse(&dir, problems);
            }
        }
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
        let retiring = self.config.retire_missing && self.loading.is_empty();
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
                self.try_again("name");
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
        let mut removed = false;
        for (_, dir) in due {
            if let Some(tenant) = self.folders.remove_if_gone(&dir) {
                tracing::info!(tenant = &*tenant, "tenant removed: its folder is gone");
                self.states.forget(&tenant);
                self.loader.purge_scripts(|key| key.tenant == tenant);
                removed = true;
            }
        }
        if removed {
            // A plugin may have been refused because it would have broken it.
            self.try_again("tenants");
        }
    }

    fn retire(&mut self, plugin: &str) -> Result<(), Problem> {
        match self.files.retire(plugin) {
            Some(true) => {
                tracing::info!(plugin, "retired");
                self.try_again("name");
                self.publish();
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

    /// Swaps the one pointer that calls read.
    fn publish(&self) {
        let mut snapshot = Snapshot::default();
        self.files.fill(&mut snapshot);
        snapshot.tenants = self.folders.serving();
        self.current.plugins.store(Arc::new(self.files.statuses()));
        self.current
            .tenants
            .store(Arc::new(self.folders.statuses()));
        self.current.snapshot.store(Arc::new(snapshot));
    }
}

type Built = (PathBuf, Result<TenantGeneration, Vec<Problem>>);

async fn build_one(
    candidate: TenantCandidate,
    snapshot: Arc<Snapshot>,
    states: Arc<States>,
    config: Arc<HostConfig>,
) -> Built {
    let result = prepare::tenant(
        candidate.config,
        &snapshot,
        &states,
        &config.limits,
        candidate.number,
        candidate.previous.as_deref(),
    )
    .await;
    (candidate.dir, result)
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
