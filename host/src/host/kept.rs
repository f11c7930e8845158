//! What a host has that serves, and not one that answers a command: an outbox,
//! flows that put records into it, and grants that are kept beside them.

use std::sync::Arc;

use super::Host;
use crate::flows::Flows;
use crate::grants::Grants;
use crate::outbox::{Outbox, Serving};
use crate::problem::Problem;
use crate::vital::Part;

impl Host {
    /// The same host with its outbox, which nobody else may have open.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub async fn with_outbox(mut self) -> Result<Self, Problem> {
        let loaded = self.loaded.current.clone();
        let serving: Serving = Arc::new(move || loaded.snapshot());
        let outbox = Outbox::open(
            self.config.clone(),
            serving.clone(),
            self.channels.clone(),
            self.memory.clone(),
        )
        .await?;
        // First: what is delivered may need a token.
        let config = self.config.clone();
        let grants = Grants::start(&outbox, serving.clone(), config, &self.channels);
        let renewing = grants.clone();
        outbox.start();
        let delivering = outbox.clone();
        // Nobody else has this host yet.
        if let Some(vital) = Arc::get_mut(&mut self.vital) {
            vital.watch(Part::Outbox, move || delivering.is_alive());
            vital.watch(Part::Grants, move || renewing.is_alive());
        }
        let (config, memory) = (self.config.clone(), self.memory.clone());
        let metrics = self.telemetry.metrics.clone();
        let flows = Flows::start(outbox.clone(), serving, config, memory, metrics);
        let running = flows.clone();
        if let Some(vital) = Arc::get_mut(&mut self.vital) {
            vital.watch(Part::Flows, move || running.is_alive());
        }
        self.flows = Some(flows);
        self.grants = Some(grants);
        self.outbox = Some(outbox);
        Ok(self)
    }

    /// Where records are that were taken in.
    ///
    /// # Errors
    /// If this host takes none in.
    pub fn outbox(&self) -> Result<&Outbox, Problem> {
        self.outbox.as_ref().ok_or_else(|| {
            Problem::host(
                "queue-not-available",
                "this host takes nothing in to deliver it later; send without `queue`",
            )
        })
    }

    /// The flows of its tenants.
    ///
    /// # Errors
    /// If this host runs none.
    pub fn flows(&self) -> Result<&Flows, Problem> {
        self.flows.as_ref().ok_or_else(|| {
            Problem::host(
                "flows-not-available",
                "this host runs no flows; ask one that was started with `crossdock serve`",
            )
        })
    }

    /// The grants of its connections.
    ///
    /// # Errors
    /// If this host looks after none.
    pub fn grants(&self) -> Result<&Grants, Problem> {
        self.grants.as_ref().ok_or_else(|| {
            Problem::host(
                "grants-not-available",
                "this host looks after no credentials; ask one that was started with `crossdock serve`",
            )
        })
    }
}
