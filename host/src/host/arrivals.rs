//! What others send by themselves.

use super::Host;
use crate::config::{FlowSource, WebhookSource};
use crate::inbound::keep::keep;
use crate::inbound::push::open;
use crate::inbound::{Record, Refusal, TakenIn};
use crate::plugin::inbound::{Answer, Push};
use crate::problem::Problem;

impl Host {
    /// Has the adapter of a connection verify and split what a platform pushed.
    /// Everything is on disk when this returns the adapter's answer.
    ///
    /// # Errors
    /// Nothing shows that the platform sent it, or it cannot be taken in.
    pub async fn push(
        &self,
        tenant: &str,
        connection: &str,
        push: Push,
    ) -> Result<Answer, Refusal> {
        let arrivals = &self.telemetry.metrics.pushes;
        let snapshot = self.snapshot();
        let opened = open(&snapshot, tenant, connection, &push, arrivals).await?;
        // Of several flows, each knows by itself what it had before: a platform that
        // has to send again sends to those that were not reached.
        for flow in &opened.flows {
            let kept = self.keep_for(tenant, flow, opened.records.clone(), true);
            kept.await.inspect_err(|_| arrivals.refused.one())?;
        }
        arrivals.accepted.one();
        Ok(opened.answer)
    }

    /// What a flow takes from whoever posts to it.
    pub fn webhook(&self, tenant: &str, flow: &str) -> Option<WebhookSource> {
        let snapshot = self.snapshot();
        let flow = snapshot.tenants.get(tenant)?.flows.get(flow)?;
        match &flow.config.source {
            FlowSource::Webhook(source) => Some(source.clone()),
            _ => None,
        }
    }

    /// Keeps records for a flow. They are on disk when this returns.
    ///
    /// # Errors
    /// Nothing can be written, or the flow has as many as it may.
    pub async fn keep(
        &self,
        tenant: &str,
        flow: &str,
        records: Vec<Record>,
    ) -> Result<TakenIn, Problem> {
        self.keep_for(tenant, flow, records, false).await
    }

    async fn keep_for(
        &self,
        tenant: &str,
        flow: &str,
        records: Vec<Record>,
        pushed: bool,
    ) -> Result<TakenIn, Problem> {
        let metrics = &self.telemetry.metrics;
        let arrivals = match pushed {
            true => &metrics.pushes,
            false => &metrics.webhooks,
        };
        let kept = keep(self.outbox()?, tenant, flow, records, arrivals).await?;
        if let (Some(flows), true) = (&self.flows, kept.new > 0) {
            flows.arrived(tenant, flow);
        }
        Ok(kept)
    }
}
