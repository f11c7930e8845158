//! The manager's work on candidates: from changed files to what serves.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::admission::{self, Admitted, Dropped, Group, Known, Member, Verdict};
use super::checks::{self, Checked};
use super::manager::{About, Done, Manager};
use super::plugins::Candidate;
use super::turns;
use super::watch::Change;
use crate::config::TenantConfig;
use crate::plugin::artifact::is_component;
use crate::plugin::load::{Loaded, Refusal};
use crate::problem::Problem;
use crate::serving::snapshot::{Snapshot, TenantGeneration};

/// What is said of a candidate whose check panicked.
const PANICKED: &str =
    "checking it failed inside the host, whose log says where; please report this";

impl Manager {
    /// Looks at the plugins folder and starts loading what changed.
    pub(super) fn scan_plugins(&mut self, changed: impl Fn(&Path) -> bool) {
        let most = self.config.limits.plugin_size;
        let missing = self.files.missing_count();
        let candidates = self.files.scan(&self.config.plugins_dir, most, changed);
        if self.files.missing_count() > missing {
            // What was refused for its name may take over.
            let held = self.files.held_at("name").into_iter();
            self.triggers.extend(held.map(|(path, _)| path));
        }
        self.unpublished = true;
        for candidate in candidates {
            let Candidate {
                path,
                artifact,
                source,
                number,
                reading,
            } = candidate;
            let (loader, turns) = (self.loader.clone(), self.turns.clone());
            let about = About::Plugin { path, reading };
            self.tasks.spawn(about, async move {
                let _turn = turns.load().await;
                Done::Loaded(match source {
                    Some((runtime, beside)) => {
                        let loading = loader.load_source(artifact, number, &runtime, beside);
                        loading.await
                    }
                    None => loader.load(artifact, number).await,
                })
            });
        }
    }

    /// Looks at the source files again: another language runtime serves, or one
    /// does not any more.
    pub(super) fn scan_sources(&mut self) {
        self.scan_plugins(|path| !is_component(path));
    }

    /// Source files that wait for a runtime wait no longer than something is
    /// being loaded.
    fn refuse_waiting_sources(&mut self) {
        let mut about = self.tasks.all();
        let loading = about.any(|about| !matches!(about, About::Tenant { .. }));
        if !loading && self.triggers.is_empty() && self.files.refuse_without_runtime() {
            self.unpublished = true;
        }
    }

    /// Reads the tenants' folders that changed, or all of them.
    pub(super) fn scan_tenants(&mut self, change: Option<&Change>) {
        let scan = self.folders.scan(&self.config.tenants_dir, change);
        let at = Self::grace();
        self.gone.extend(scan.gone.into_iter().map(|dir| (at, dir)));
        self.to_check.extend(scan.changed);
        self.unpublished = true;
        self.outside_changed = true;
    }

    /// A task ended, or panicked.
    pub(super) fn ended(&mut self, about: About, done: Option<Done>) {
        self.unpublished = true;
        match (about, done) {
            (About::Plugin { path, reading }, done) => {
                if self.files.is_current(&path, reading) {
                    match done {
                        Some(Done::Loaded(Ok(loaded))) => {
                            self.files.hold(&path, loaded);
                            self.triggers.insert(path);
                        }
                        Some(Done::Loaded(Err(refusal))) => {
                            let passing = refusal.is_passing();
                            let (step, reason) = (refusal.step(), refusal.to_string());
                            self.files.refuse(&path, step, reason, passing);
                        }
                        _ => self.files.refuse(&path, "internal", PANICKED.into(), false),
                    }
                }
                // One less to wait for.
                self.to_check.append(&mut self.deferred);
            }
            (About::Tenant { dir, version }, Some(Done::Tenant(result))) => {
                self.tenant_checked(&dir, version, result.map(|checked| *checked));
            }
            (About::Tenant { dir, version }, _) => {
                let problem = Problem::host("internal-error", PANICKED);
                self.tenant_checked(&dir, version, Err(vec![problem]));
            }
            (About::Group { members, joint }, Some(Done::Admitted(admitted))) => {
                self.admitted(members, joint, admitted);
            }
            (About::Group { members, .. }, _) => {
                for member in members {
                    if self.files.is_current(&member.path, member.reading) {
                        self.files
                            .refuse(&member.path, "internal", PANICKED.into(), false);
                    }
                }
                self.to_check.append(&mut self.deferred);
            }
        }
    }

    /// Starts whatever can be started now.
    pub(super) fn advance(&mut self) {
        self.start_admissions();
        self.refuse_waiting_sources();
        self.start_checks();
    }

    fn start_checks(&mut self) {
        if self.to_check.is_empty() {
            return;
        }
        let snapshot = Arc::new(admission::plugins_only(&self.files));
        // Whatever is being loaded may be what a tenant needs.
        let loading = self
            .tasks
            .all()
            .any(|about| !matches!(about, About::Tenant { .. }));
        for dir in std::mem::take(&mut self.to_check) {
            let waiting = self.folders.waiting(&dir);
            if loading && waiting.is_some_and(|config| lacks_plugins(config, &snapshot)) {
                self.folders.postpone(&dir);
                self.deferred.insert(dir);
                continue;
            }
            let Some(candidate) = self.folders.begin(&dir) else {
                continue;
            };
            let Some(config) = candidate.waiting else {
                continue;
            };
            let version = candidate.version;
            let serving = candidate.serving;
            let (turns, snapshot) = (self.turns.clone(), snapshot.clone());
            self.unpublished = true;
            self.tasks
                .spawn(About::Tenant { dir, version }, async move {
                    let serving = serving.as_deref();
                    let checked = turns
                        .check(|| checks::check(&config, &snapshot, serving))
                        .await;
                    let checked = checked.unwrap_or_else(|late| {
                        Err(vec![admission::too_late(&config, late, &turns)])
                    });
                    Done::Tenant(checked.map(Box::new))
                });
        }
    }

    fn tenant_checked(&mut self, dir: &Path, version: u64, result: Result<Checked, Vec<Problem>>) {
        if !self.folders.end(dir, version) {
            // It changed meanwhile, or a plugin did.
            self.to_check.insert(dir.to_owned());
            return;
        }
        let number = self.folders.next_number(dir);
        let finished =
            result.and_then(|checked| checked.finish(&self.channels, &self.config.limits, number));
        match finished {
            Ok(generation) => self.serve(dir, generation),
            Err(problems) => {
                let passing = problems.iter().all(turns::may_pass);
                self.folders.refuse(dir, problems, passing);
            }
        }
        // A plugin may have waited for a tenant to change.
        let held = self.held_for(dir);
        self.triggers.extend(held);
    }

    /// A tenant's generation serves with the next snapshot.
    fn serve(&mut self, dir: &Path, generation: TenantGeneration) {
        tracing::info!(
            tenant = &*generation.config.name,
            generation = generation.number,
            "tenant serves"
        );
        // Scripts that changed leave no warm instances behind.
        let live: BTreeSet<u64> = generation
            .all_scripts()
            .map(|script| script.spec.id)
            .collect();
        let tenant = generation.config.name.clone();
        self.loader
            .purge_scripts(|key| key.tenant == tenant && !live.contains(&key.script));
        self.folders.accept(dir, Arc::new(generation));
    }

    /// Plugin files refused for their tenants, of which this folder is one.
    pub(super) fn held_for(&self, dir: &Path) -> Vec<PathBuf> {
        let Some(tenant) = self.folders.candidate(dir) else {
            return Vec::new();
        };
        let serving = tenant.serving.as_ref().map(|serving| &serving.config);
        let configs: Vec<&TenantConfig> = serving
            .into_iter()
            .chain(tenant.waiting.as_deref())
            .collect();
        let held = self.files.held_at("tenants").into_iter();
        held.filter(|(_, loaded)| configs.iter().any(|config| admission::uses(config, loaded)))
            .map(|(path, _)| path)
            .collect()
    }

    fn start_admissions(&mut self) {
        for path in std::mem::take(&mut self.triggers) {
            if self.is_in_a_group(&path) {
                // Whoever checks it finds out that something changed.
                continue;
            }
            let Some(member) = self.member(&path) else {
                continue;
            };
            if let Err(refusal) = admission::check_name(&self.files, &path, &member.loaded) {
                let reason = refusal.to_string();
                self.files.refuse(&path, refusal.step(), reason, false);
                self.unpublished = true;
                continue;
            }
            self.start_group(vec![member], false, Known::new());
        }
    }

    fn member(&self, path: &Path) -> Option<Member> {
        let (loaded, reading) = self.files.held(path)?;
        Some(Member {
            path: path.to_owned(),
            reading,
            loaded: loaded.clone(),
        })
    }

    fn is_in_a_group(&self, path: &Path) -> bool {
        self.tasks.all().any(|about| match about {
            About::Group { members, .. } => members.iter().any(|member| member.path == path),
            _ => false,
        })
    }

    fn start_group(&mut self, members: Vec<Member>, joint: bool, known: Known) {
        for member in &members {
            self.files.set_checking(&member.path, true);
        }
        let mut tenants = self.folders.using(|config| used(config, &members));
        tenants.retain(|tenant| tenant.serving.is_some());
        let group = Group {
            members: members.clone(),
            base: admission::plugins_only(&self.files),
            tenants,
            known,
        };
        let turns = self.turns.clone();
        self.tasks
            .spawn(About::Group { members, joint }, async move {
                Done::Admitted(admission::admit(group, &turns).await)
            });
    }

    /// Candidates were checked against the tenants.
    fn admitted(&mut self, all: Vec<Member>, joint: bool, admitted: Admitted) {
        let current: Vec<Member> = all
            .iter()
            .filter(|member| self.files.is_current(&member.path, member.reading))
            .cloned()
            .collect();
        let is_whole = current.len() == all.len() && admitted.members.len() == all.len();
        if !self.still_holds(&all, &admitted) || current.len() < all.len() {
            let known = if is_whole {
                admitted.tenants
            } else {
                Known::new()
            };
            if current.is_empty() {
                self.to_check.append(&mut self.deferred);
            } else {
                self.start_group(current, joint, known);
            }
            return;
        }
        let Admitted {
            members,
            tenants,
            dropped,
            ..
        } = admitted;
        if !joint && members.is_empty() {
            let others = self.companions(&all);
            if others.len() > all.len() {
                self.start_group(others, true, Known::new());
                return;
            }
        }
        if !members.is_empty() {
            self.publish_together(members, tenants);
        }
        for dropped in dropped {
            self.drop_candidate(&dropped);
        }
        self.to_check.append(&mut self.deferred);
    }

    /// Whether what was found out about tenants is about those of now.
    fn still_holds(&self, all: &[Member], admitted: &Admitted) -> bool {
        let now = self.folders.using(|config| used(config, all));
        let mut serving = now.iter().filter(|tenant| tenant.serving.is_some());
        serving.all(|tenant| admitted.looked_at.get(&tenant.dir) == Some(&tenant.version))
    }

    /// The candidate with all others that wait for the same tenants.
    fn companions(&self, of: &[Member]) -> Vec<Member> {
        let mut members = of.to_vec();
        let mut others = self.files.held_at("tenants");
        others.retain(|(path, _)| !self.is_in_a_group(path));
        loop {
            let tenants = self.folders.using(|config| used(config, &members));
            let before = members.len();
            others.retain(|(path, loaded)| {
                let known = members.iter().any(|member| {
                    member.path == *path || member.loaded.provides() == loaded.provides()
                });
                let shared = tenants.iter().any(|tenant| {
                    let serving = tenant.serving.as_ref().map(|serving| &serving.config);
                    let mut configs = serving.into_iter().chain(tenant.waiting.as_deref());
                    configs.any(|config| admission::uses(config, loaded))
                });
                let fits = admission::check_name(&self.files, path, loaded).is_ok();
                if known || !shared || !fits {
                    return !known;
                }
                members.extend(self.member(path));
                false
            });
            if members.len() == before {
                return members;
            }
        }
    }

    /// Candidates and the tenants that go along serve with the next snapshot,
    /// all of them or none.
    fn publish_together(&mut self, members: Vec<Member>, tenants: Known) {
        let mut takes_over = Vec::new();
        for member in &members {
            match admission::check_name(&self.files, &member.path, &member.loaded) {
                Ok(other) => takes_over.extend(other),
                Err(refusal) => {
                    self.refuse_all(&members, &refusal);
                    return;
                }
            }
        }
        let mut moved = Vec::new();
        for (dir, (_, verdict)) in tenants {
            let Verdict::Moves(checked) = verdict else {
                continue;
            };
            let number = self.folders.next_number(&dir);
            match checked.finish(&self.channels, &self.config.limits, number) {
                Ok(generation) => moved.push((dir, generation)),
                Err(problems) => {
                    let reasons = problems.iter().map(ToString::to_string).collect();
                    self.refuse_all(&members, &Refusal::BreaksTenants(reasons));
                    self.folders.refuse(&dir, problems, false);
                    return;
                }
            }
        }
        // The files were renamed: the new ones take over.
        for other in takes_over {
            self.files.hand_over(&other);
        }
        let users = self.folders.using(|config| used(config, &members));
        let is_runtime = |member: &Member| matches!(member.loaded, Loaded::Runtime(_));
        let runtimes = members.iter().any(is_runtime);
        for member in members {
            let label = member.loaded.identity().label();
            tracing::info!(plugin = label, file = %member.path.display(), "plugin serves");
            self.files.accept(&member.path, member.loaded);
        }
        if runtimes {
            self.scan_sources();
        }
        self.folders
            .outdate(users.iter().map(|tenant| tenant.dir.clone()));
        for (dir, generation) in moved {
            self.serve(&dir, generation);
            let held = self.held_for(&dir);
            self.triggers.extend(held);
        }
        // Others may have waited for it.
        self.to_check
            .extend(users.into_iter().map(|tenant| tenant.dir));
    }

    fn refuse_all(&mut self, members: &[Member], refusal: &Refusal) {
        for member in members {
            let reason = refusal.to_string();
            self.files
                .refuse(&member.path, refusal.step(), reason, false);
        }
    }

    fn drop_candidate(&mut self, dropped: &Dropped) {
        let path = &dropped.member.path;
        let reason = admission::refusal(dropped);
        self.files.refuse(path, "tenants", reason, dropped.passing);
        for dir in &dropped.ready {
            self.folders.waits_with(dir, path);
        }
    }
}

fn used(config: &TenantConfig, members: &[Member]) -> bool {
    let mut members = members.iter();
    members.any(|member| admission::uses(config, &member.loaded))
}

/// Whether a tenant names a plugin that is not loaded.
fn lacks_plugins(config: &TenantConfig, snapshot: &Snapshot) -> bool {
    let mut connections = config.connections.values();
    let mut scripts = config.scripts();
    connections.any(|connection| !snapshot.adapters.contains_key(&connection.adapter))
        || scripts.any(|script| !snapshot.engines.contains_key(&script.extension))
}
