//! Scripts and adapters, tried with what this host has loaded.

use std::path::{Path, PathBuf};

use super::{Call, Host};
use crate::problem::Problem;
use crate::script::ScriptRun;
use crate::workbench;
use crate::workbench::diff::{CompareRequest, Comparison};
use crate::workbench::record::Recorded;
use crate::workbench::suite::Suite;

impl Host {
    /// Runs one mapping script on its own, in its sandbox: one answer per item.
    pub async fn run_script(&self, script: &Path, items: &[u8]) -> Result<Vec<ScriptRun>, Problem> {
        workbench::run::run(
            &self.snapshot(),
            script,
            items,
            self.config.limits.items_per_call,
        )
        .await
    }

    /// What a new mapping script would change, item by item; nothing is sent.
    pub async fn compare_scripts(&self, request: &CompareRequest) -> Result<Comparison, Problem> {
        workbench::diff::compare(self.snapshot(), &self.config, request).await
    }

    /// Runs the tests beside scripts: those of the named files and folders, or
    /// of all tenants' folders. `tenants` is the tenants folder: a script there
    /// is tested in the context of each connection that uses it.
    pub async fn test_scripts(
        &self,
        tenants: &Path,
        paths: &[PathBuf],
    ) -> Result<Vec<Suite>, Problem> {
        let limit = self.config.limits.check_timeout;
        workbench::suite::run(&self.snapshot(), tenants, paths, limit).await
    }

    /// Delivers a call's items once, and makes a golden example of it that has
    /// no secret and nobody's data in it.
    ///
    /// # Errors
    /// If nothing was sent, no answer came, or no example can be made of it.
    pub async fn record_example(&self, call: Call) -> Result<Recorded, Problem> {
        let (route, id, items) = self.accept(&call).await?;
        let limits = &self.config.limits;
        let (timeout, follow_ups) = (limits.call_timeout, limits.follow_ups);
        workbench::record::record(&route, &id, items, timeout, follow_ups).await
    }
}
