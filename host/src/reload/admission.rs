//! Plugins' candidates against everything else that is loaded: their names
//! against the other files', their contracts against the tenants that use them.
//!
//! A tenant goes along in one of two ways. Either what serves of it goes on
//! under the candidates; or its newer values, which wait, are right under them,
//! and then both are published in one step. A candidate of which neither holds
//! for some tenant is left out, and the others are checked without it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};

use super::checks::{self, Checked};
use super::plugins::PluginFiles;
use super::tenants::TenantCandidate;
use super::turns::{self, QUICK, Turns};
use super::{flow_checks, making};
use crate::config::TenantConfig;
use crate::meter::Late;
use crate::plugin::load::{Loaded, Refusal};
use crate::plugin::verify::Kind;
use crate::problem::Problem;
use crate::serving::snapshot::{Snapshot, TenantGeneration};
use crate::text::first_of;

/// Most reasons of a refusal that are said.
const MOST_REASONS: usize = 20;

/// A file keeps what it provides, and a plugin has one file. Returns the missing
/// file whose plugin the candidate takes over, if there is one.
pub(super) fn check_name(
    files: &PluginFiles,
    path: &Path,
    loaded: &Loaded,
) -> Result<Option<PathBuf>, Refusal> {
    let name = &loaded.identity().name;
    if let Some(serving) = files.serving(path)
        && serving.identity().name != *name
    {
        return Err(Refusal::NameChanged {
            serving: serving.identity().name.clone(),
            found: name.clone(),
        });
    }
    if let Some(serving) = files.serving(path)
        && serving.provides() != loaded.provides()
    {
        return Err(Refusal::ProvidesChanged {
            serving: what(serving),
            found: what(loaded),
        });
    }
    match files.provider(loaded).filter(|(other, _)| *other != path) {
        Some((other, false)) => Err(Refusal::NameTaken {
            name: name.clone(),
            other: other.to_owned(),
        }),
        Some((other, true)) => Ok(Some(other.to_owned())),
        None => Ok(None),
    }
}

/// What a plugin provides, for people.
fn what(loaded: &Loaded) -> String {
    match loaded.provides() {
        (Kind::Adapter, name) => format!("the adapter `{name}`"),
        (Kind::ScriptEngine, extension) => format!("the engine of `.{extension}` scripts"),
        (Kind::LanguageRuntime, language) => format!("the language runtime for {language}"),
    }
}

/// Whether a tenant's values use what a plugin provides.
pub(super) fn uses(config: &TenantConfig, plugin: &Loaded) -> bool {
    match plugin {
        Loaded::Adapter(adapter) => {
            let mut connections = config.connections.values();
            connections.any(|connection| connection.adapter == adapter.identity.name)
        }
        Loaded::Engine(engine) => {
            let mut scripts = config.scripts();
            scripts.any(|script| script.extension == engine.manifest.extension)
        }
        // Its adapters are loaded anew with it, each a candidate of its own.
        Loaded::Runtime(_) => false,
    }
}

/// One candidate of a plugin.
#[derive(Clone)]
pub(super) struct Member {
    pub path: PathBuf,
    pub reading: u64,
    pub loaded: Loaded,
}

/// What has to be right together.
pub(super) struct Group {
    pub members: Vec<Member>,
    /// The plugins that serve.
    pub base: Snapshot,
    /// Every tenant that uses one of the members.
    pub tenants: Vec<TenantCandidate>,
    /// What is known from a check of the same members before.
    pub known: Known,
}

/// How a tenant goes along, by its folder: for which version that holds.
pub(super) type Known = BTreeMap<PathBuf, (u64, Verdict)>;

/// How a tenant goes along.
pub(super) enum Verdict {
    /// Its newer values are right under the candidates.
    Moves(Box<Checked>),
    /// What serves of it goes on.
    Stays,
}

/// Why a tenant does not go along.
struct Broken {
    /// For each member it is the fault of: its place among the members, and why.
    by: Vec<(usize, Vec<String>)>,
    /// The host had no time to find out.
    passing: bool,
}

/// A candidate that is left out.
pub(super) struct Dropped {
    pub member: Member,
    pub reasons: Vec<String>,
    pub passing: bool,
    /// Tenants whose newer values are right for it.
    pub ready: Vec<PathBuf>,
}

/// What became of a group.
pub(super) struct Admitted {
    /// The state of every tenant that was looked at.
    pub looked_at: BTreeMap<PathBuf, u64>,
    /// Candidates that are right together.
    pub members: Vec<Member>,
    pub tenants: Known,
    pub dropped: Vec<Dropped>,
}

/// Finds out which of the candidates are right together with the tenants.
pub(super) async fn admit(group: Group, turns: &Turns) -> Admitted {
    let Group {
        mut members,
        base,
        tenants,
        mut known,
    } = group;
    let versions = tenants.iter();
    let looked_at = versions.map(|it| (it.dir.clone(), it.version)).collect();
    let mut dropped = Vec::new();
    while !members.is_empty() {
        let mut snapshot = base.clone();
        for member in &members {
            snapshot.put(&member.loaded);
        }
        let (mut fine, broken) = check(&tenants, &members, &snapshot, &mut known, turns).await;
        if broken.is_empty() {
            return Admitted {
                looked_at,
                members,
                tenants: fine,
                dropped,
            };
        }
        fine.retain(|_, (_, verdict)| matches!(verdict, Verdict::Moves(_)));
        let mut left = Vec::new();
        for (index, member) in members.into_iter().enumerate() {
            let against: Vec<&Broken> = broken
                .iter()
                .filter(|broken| broken.by.iter().any(|(by, _)| *by == index))
                .collect();
            if against.is_empty() {
                left.push(member);
                continue;
            }
            let reasons = against
                .iter()
                .flat_map(|broken| &broken.by)
                .filter(|(by, _)| *by == index)
                .flat_map(|(_, reasons)| reasons.clone())
                .collect();
            let ready = tenants.iter().filter(|tenant| {
                let waiting = tenant.waiting.as_ref();
                fine.contains_key(&tenant.dir)
                    && waiting.is_some_and(|config| uses(config, &member.loaded))
            });
            dropped.push(Dropped {
                reasons: bounded(reasons),
                // Where one reason is final, trying again changes nothing.
                passing: against.iter().all(|broken| broken.passing),
                ready: ready.map(|tenant| tenant.dir.clone()).collect(),
                member,
            });
        }
        members = left;
        known.clear();
    }
    Admitted {
        looked_at,
        members,
        tenants: Known::new(),
        dropped,
    }
}

fn bounded(mut reasons: Vec<String>) -> Vec<String> {
    if reasons.len() > MOST_REASONS {
        let more = reasons.len() - MOST_REASONS;
        reasons.truncate(MOST_REASONS);
        reasons.push(format!("{more} more"));
    }
    reasons
}

async fn check(
    tenants: &[TenantCandidate],
    members: &[Member],
    snapshot: &Snapshot,
    known: &mut Known,
    turns: &Turns,
) -> (Known, Vec<Broken>) {
    let (mut fine, mut broken) = (Known::new(), Vec::new());
    let mut open = Vec::new();
    for tenant in tenants {
        match known.remove(&tenant.dir) {
            Some((version, verdict)) if version == tenant.version => {
                fine.insert(tenant.dir.clone(), (version, verdict));
            }
            _ => open.push(tenant),
        }
    }
    let checks = open
        .into_iter()
        .map(|tenant| async move { (tenant, one(tenant, members, snapshot, turns).await) }.boxed());
    let checks: Vec<BoxFuture<'_, _>> = checks.collect();
    let mut checks = stream::iter(checks).buffer_unordered(QUICK);
    while let Some((tenant, verdict)) = checks.next().await {
        match verdict {
            Ok(verdict) => {
                fine.insert(tenant.dir.clone(), (tenant.version, verdict));
            }
            Err(found) => broken.push(found),
        }
    }
    (fine, broken)
}

async fn one(
    tenant: &TenantCandidate,
    members: &[Member],
    snapshot: &Snapshot,
    turns: &Turns,
) -> Result<Verdict, Broken> {
    // Where nothing serves, nothing breaks.
    let Some(serving) = tenant.serving.as_deref() else {
        return Ok(Verdict::Stays);
    };
    let mut by = Vec::new();
    let mut passing = true;
    for (index, member) in members.iter().enumerate() {
        let problems = match turns.check(|| against(serving, member)).await {
            Ok(problems) => problems,
            Err(late) => vec![too_late(&serving.config, late, turns)],
        };
        if !problems.is_empty() {
            passing &= problems.iter().all(turns::may_pass);
            by.push((index, problems.iter().map(ToString::to_string).collect()));
        }
    }
    if by.is_empty() {
        return Ok(Verdict::Stays);
    }
    let Some(waiting) = &tenant.waiting else {
        return Err(Broken { by, passing });
    };
    let checked = turns.check(|| checks::check(waiting, snapshot, Some(serving)));
    let problem = match checked.await {
        Ok(Ok(checked)) => return Ok(Verdict::Moves(Box::new(checked))),
        Ok(Err(problems)) => problems.into_iter().next(),
        Err(late) => Some(too_late(waiting, late, turns)),
    };
    passing |= problem.as_ref().is_some_and(turns::may_pass);
    for (_, reasons) in &mut by {
        let newer = problem.iter().map(|problem| {
            format!("the newest files of this tenant are not right for it either: {problem}")
        });
        reasons.extend(newer);
    }
    Err(Broken { by, passing })
}

/// What stands against a plugin in what serves of a tenant.
async fn against(serving: &TenantGeneration, member: &Member) -> Vec<Problem> {
    let mut problems = Vec::new();
    match &member.loaded {
        Loaded::Adapter(adapter) => {
            let connections = serving.config.connections.values();
            for connection in connections.filter(|it| it.adapter == adapter.identity.name) {
                problems.extend(checks::against_adapter(
                    &serving.config,
                    connection,
                    adapter,
                ));
            }
            let name = &adapter.identity.name;
            for flow in serving.config.flows.values() {
                let only = |asked: &str| (asked == name).then_some(&**adapter);
                problems.extend(flow_checks::against(&serving.config, flow, only).await);
            }
        }
        Loaded::Engine(engine) => {
            let scripts = serving.all_scripts();
            for script in scripts.filter(|it| it.extension == engine.manifest.extension) {
                problems.extend(making::compile(engine, script).await.err());
            }
        }
        Loaded::Runtime(_) => {}
    }
    problems
}

/// A check that did not come to its end, as a problem of its tenant.
pub(super) fn too_late(config: &TenantConfig, late: Late, turns: &Turns) -> Problem {
    turns::too_late(&config.file, late, turns.limit())
}

/// What a refused group says of one of its candidates.
pub(super) fn refusal(dropped: &Dropped) -> String {
    let mut reason = Refusal::BreaksTenants(dropped.reasons.clone()).to_string();
    if !dropped.ready.is_empty() {
        let names = dropped.ready.iter().map(|dir| {
            let name = dir.file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        });
        let names = match first_of(names, MOST_REASONS) {
            (names, 0) => names,
            (names, more) => format!("{names} and {more} more"),
        };
        reason.push_str(&format!(
            "; the newest files of {names} are ready for it and wait with it"
        ));
    }
    reason
}

/// The plugins that serve, without tenants.
pub(super) fn plugins_only(files: &PluginFiles) -> Snapshot {
    let mut snapshot = Snapshot::default();
    files.fill(&mut snapshot);
    snapshot
}

/// Everything as it serves, behind one pointer.
pub(super) fn whole(
    files: &PluginFiles,
    tenants: BTreeMap<Arc<str>, Arc<TenantGeneration>>,
) -> Arc<Snapshot> {
    let mut snapshot = plugins_only(files);
    snapshot.tenants = tenants;
    Arc::new(snapshot)
}
