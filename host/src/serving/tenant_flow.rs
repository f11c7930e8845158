//! One generation of a flow: what its tenant's file says, and its scripts ready
//! to run.

use crate::config::FlowConfig;
use crate::script::Script;

/// A flow, ready to run.
#[derive(Debug)]
pub struct FlowGeneration {
    /// What its tenant's file says.
    pub config: FlowConfig,
    /// The script of each step, as many as `config.steps`.
    pub steps: Vec<Option<Script>>,
    /// The scripts of each target, as many as `config.targets`.
    pub targets: Vec<TargetScripts>,
    /// The script of `confirm`.
    pub confirm: Option<Script>,
}

/// The scripts of a target.
#[derive(Debug, Clone, Default)]
pub struct TargetScripts {
    /// What is sent at all.
    pub when: Option<Script>,
    /// What a record becomes.
    pub script: Option<Script>,
}

impl FlowGeneration {
    /// Every script of it.
    pub fn all_scripts(&self) -> impl Iterator<Item = &Script> {
        let targets = self.targets.iter();
        let targets = targets.flat_map(|target| target.when.iter().chain(&target.script));
        let steps = self.steps.iter().flatten();
        steps.chain(targets).chain(&self.confirm)
    }
}
