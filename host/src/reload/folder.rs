//! One tenant's folder: what serves from it, and what became of its newest
//! files.

use std::path::PathBuf;
use std::sync::Arc;

use super::passing::{Backoff, Unreadable};
use super::status::TenantStatus;
use crate::config::TenantConfig;
use crate::problem::Problem;
use crate::serving::snapshot::TenantGeneration;

/// One tenant's folder.
pub(super) struct Folder {
    pub name: Arc<str>,
    pub file: PathBuf,
    /// What was read for it from outside of its folder.
    pub outside: Vec<PathBuf>,
    pub fingerprint: [u8; 32],
    pub serving: Option<Arc<TenantGeneration>>,
    /// Newest values that are fine by themselves but do not serve: they are
    /// being checked, or were refused under today's plugins.
    pub waiting: Option<Arc<TenantConfig>>,
    pub problems: Vec<Problem>,
    /// What is wrong with tables in whose place the newest values have what served
    /// before.
    pub tables: Vec<Problem>,
    pub generations: u32,
    pub missing: bool,
    /// It is there and cannot be read, and what was said of it then.
    pub unreadable: Option<(Unreadable, Vec<Problem>)>,
    /// It is checked again by itself.
    pub retry: Option<Backoff>,
    /// Changes with everything that a check of it depends on.
    pub version: u64,
    /// The version that is being checked.
    pub checking: Option<u64>,
    pub waits_with: Option<PathBuf>,
}

impl Folder {
    /// Of which nothing is known yet.
    pub fn new(name: &str, file: PathBuf, version: u64) -> Self {
        Self {
            name: name.into(),
            file,
            outside: Vec::new(),
            fingerprint: [0; 32],
            serving: None,
            waiting: None,
            problems: Vec::new(),
            tables: Vec::new(),
            generations: 0,
            missing: false,
            unreadable: None,
            retry: None,
            version,
            checking: None,
            waits_with: None,
        }
    }

    /// When it is to be checked again by itself.
    pub fn due_retry(&self) -> Option<Backoff> {
        self.retry.filter(|_| self.checking.is_none())
    }

    /// It is there and cannot be read.
    pub fn cannot_read(&mut self, reason: String, problems: Vec<Problem>) {
        self.missing = false;
        let before = self.unreadable.as_ref().map(|(unreadable, _)| unreadable);
        if before.is_none() {
            tracing::warn!(
                tenant = &*self.name,
                reason,
                "its files cannot be read; what serves goes on"
            );
        }
        let unreadable = Unreadable::again(before, reason);
        self.unreadable = Some((unreadable, problems));
    }

    /// For the interfaces.
    pub fn status(&self) -> TenantStatus {
        let serving = self.serving.as_ref();
        let unreadable = self.unreadable.as_ref();
        let mut problems = self.problems.clone();
        problems.extend(unreadable.into_iter().flat_map(|(_, said)| said.clone()));
        let retry = unreadable.map(|(unreadable, _)| unreadable.retry);
        // One that nothing was found out about waits for its check: the plugins
        // are still being loaded.
        let waits = serving.is_none() && problems.is_empty() && self.waits_with.is_none();
        TenantStatus {
            name: self.name.to_string(),
            file: self.file.clone(),
            generation: serving.map(|serving| serving.number),
            connections: serving
                .into_iter()
                .flat_map(|serving| &serving.config.connections)
                .map(|(name, connection)| (name.clone(), connection.adapter.clone()))
                .collect(),
            flows: serving
                .into_iter()
                .flat_map(|serving| serving.flows.values())
                .map(|flow| (flow.config.name.to_string(), (&flow.config).into()))
                .collect(),
            problems,
            loaded_at_ms: serving.map(|serving| serving.loaded_at_ms),
            checking: waits || self.checking.is_some(),
            unreadable_since_ms: unreadable.map(|(unreadable, _)| unreadable.since_ms()),
            retry: retry.or(self.retry).map(Backoff::shown),
            waits_with: self.waits_with.clone(),
        }
    }
}

/// Says what stands against a tenant's newest files.
pub(super) fn log_refused(problems: &[Problem]) {
    for problem in problems {
        tracing::warn!(%problem, "tenant refused; what serves goes on");
    }
}
