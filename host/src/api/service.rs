//! What inbound HTTP needs from the host.

use crate::budget::Budget;
use crate::config::{HostConfig, Secret, TokenHash, WebhookSource};
use crate::flows::Flows;
use crate::grants::{Authorizing, CredentialsShown, Grants};
use crate::host::{Call, Host};
use crate::inbound::{Record, Refusal, TakenIn};
use crate::outbox::{Outbox, Queued};
use crate::plugin::inbound::{Answer, Push};
use crate::problem::Problem;
use crate::reload::current::Following;
use crate::reload::status::{PluginStatus, TenantStatus};
use crate::report::{DryRun, Report};
use crate::telemetry::Telemetry;
use crate::vital::Trouble;

/// What inbound HTTP needs from the host.
pub trait Service: Send + Sync + 'static {
    /// The configuration the host was started with.
    fn config(&self) -> &HostConfig;

    /// Hashes of the tokens that may call for a tenant; nothing for a tenant
    /// that does not serve.
    fn tokens_of(&self, tenant: &str) -> Option<Vec<TokenHash>>;

    /// Whether any tenant that serves has a token.
    fn any_tenant_has_tokens(&self) -> bool;

    /// Whether a tenant is being checked of which nothing has served yet, so that
    /// its tokens are not known.
    fn is_loading(&self) -> bool;

    /// What to say in place of "unknown tenant" of a tenant that is there and does
    /// not serve: that it loads, or that its files were refused. Whatever else is
    /// wrong stays as it is.
    fn of_tenant(&self, tenant: &str, problem: Problem) -> Problem;

    /// Every plugin file.
    fn plugins(&self) -> Vec<PluginStatus>;

    /// Every tenant folder.
    fn tenants(&self) -> Vec<TenantStatus>;

    /// What is not followed as it should be.
    fn following(&self) -> Following;

    /// What does not work as it should.
    fn troubles(&self) -> Vec<Trouble>;

    /// What everything that is being received or worked on may hold together.
    fn memory(&self) -> &Budget;

    /// One delivery, now.
    fn call(&self, call: Call) -> impl Future<Output = Result<Report, Problem>> + Send;

    /// Whether a call is queued that does not say otherwise.
    fn queues(&self, call: &Call) -> bool;

    /// Takes a call's items in, to be delivered as soon as that can be done.
    fn queue(&self, call: Call) -> impl Future<Output = Result<Queued, Problem>> + Send;

    /// Has the adapter of a connection verify and split what a platform pushed. Its
    /// answer is given when everything is on disk.
    fn push(
        &self,
        tenant: &str,
        connection: &str,
        push: Push,
    ) -> impl Future<Output = Result<Answer, Refusal>> + Send;

    /// What a flow takes from whoever posts to it; nothing if it is no such flow.
    fn webhook(&self, tenant: &str, flow: &str) -> Option<WebhookSource>;

    /// Keeps records for a flow. They are on disk when this returns.
    fn keep(
        &self,
        tenant: &str,
        flow: &str,
        records: Vec<Record>,
    ) -> impl Future<Output = Result<TakenIn, Problem>> + Send;

    /// Where items are that were taken in.
    ///
    /// # Errors
    /// Nothing is taken in here.
    fn outbox(&self) -> Result<&Outbox, Problem>;

    /// The flows of its tenants.
    ///
    /// # Errors
    /// None are run here.
    fn flows(&self) -> Result<&Flows, Problem>;

    /// The grants of its connections.
    ///
    /// # Errors
    /// None are looked after here.
    fn grants(&self) -> Result<&Grants, Problem>;

    /// What is counted and traced.
    fn telemetry(&self) -> &Telemetry;

    /// Everything that is counted, as Prometheus reads it.
    fn metrics(&self) -> impl Future<Output = Result<String, Problem>> + Send;

    /// What a call would send.
    fn dry_run(&self, call: Call) -> impl Future<Output = Result<DryRun, Problem>> + Send;

    /// Confirms that an adapter whose file vanished may be retired.
    fn retire(&self, plugin: &str) -> impl Future<Output = Result<(), Problem>> + Send;

    /// How the credentials of a connection are getting on.
    fn credentials(
        &self,
        tenant: &str,
        connection: &str,
    ) -> impl Future<Output = Result<CredentialsShown, Problem>> + Send;

    /// Sends a person to the platform, to agree there.
    fn authorize(
        &self,
        tenant: &str,
        connection: &str,
    ) -> impl Future<Output = Result<Authorizing, Problem>> + Send;

    /// Takes the code that a person brought back and pasted.
    fn grant_code(
        &self,
        tenant: &str,
        connection: &str,
        code: Secret,
        state: Option<String>,
    ) -> impl Future<Output = Result<CredentialsShown, Problem>> + Send;

    /// Takes the code that a person's browser brought back, of whom nothing but the
    /// state is known.
    fn grant_callback(
        &self,
        tenant: &str,
        connection: &str,
        code: Secret,
        state: String,
    ) -> impl Future<Output = Result<CredentialsShown, Problem>> + Send;

    /// Renews a token now.
    fn renew_credentials(
        &self,
        tenant: &str,
        connection: &str,
    ) -> impl Future<Output = Result<CredentialsShown, Problem>> + Send;

    /// Forgets what was granted.
    fn revoke_credentials(
        &self,
        tenant: &str,
        connection: &str,
    ) -> impl Future<Output = Result<CredentialsShown, Problem>> + Send;
}

impl Service for Host {
    fn config(&self) -> &HostConfig {
        Host::config(self)
    }

    fn tokens_of(&self, tenant: &str) -> Option<Vec<TokenHash>> {
        let snapshot = self.snapshot();
        let tenant = snapshot.tenants.get(tenant)?;
        Some(tenant.config.tokens.clone())
    }

    fn any_tenant_has_tokens(&self) -> bool {
        self.snapshot()
            .tenants
            .values()
            .any(|tenant| !tenant.config.tokens.is_empty())
    }

    fn is_loading(&self) -> bool {
        Host::is_loading(self)
    }

    fn of_tenant(&self, tenant: &str, problem: Problem) -> Problem {
        self.refused(tenant, problem)
    }

    fn plugins(&self) -> Vec<PluginStatus> {
        Host::plugins(self)
    }

    fn tenants(&self) -> Vec<TenantStatus> {
        Host::tenants(self)
    }

    fn following(&self) -> Following {
        Host::following(self)
    }

    fn troubles(&self) -> Vec<Trouble> {
        Host::troubles(self)
    }

    fn memory(&self) -> &Budget {
        Host::memory(self)
    }

    async fn call(&self, call: Call) -> Result<Report, Problem> {
        Host::call(self, call).await
    }

    fn queues(&self, call: &Call) -> bool {
        Host::queues(self, call)
    }

    async fn queue(&self, call: Call) -> Result<Queued, Problem> {
        Host::queue(self, call).await
    }

    async fn push(&self, tenant: &str, connection: &str, push: Push) -> Result<Answer, Refusal> {
        Host::push(self, tenant, connection, push).await
    }

    fn webhook(&self, tenant: &str, flow: &str) -> Option<WebhookSource> {
        Host::webhook(self, tenant, flow)
    }

    async fn keep(
        &self,
        tenant: &str,
        flow: &str,
        records: Vec<Record>,
    ) -> Result<TakenIn, Problem> {
        Host::keep(self, tenant, flow, records).await
    }

    fn outbox(&self) -> Result<&Outbox, Problem> {
        Host::outbox(self)
    }

    fn flows(&self) -> Result<&Flows, Problem> {
        Host::flows(self)
    }

    fn grants(&self) -> Result<&Grants, Problem> {
        Host::grants(self)
    }

    fn telemetry(&self) -> &Telemetry {
        Host::telemetry(self)
    }

    async fn metrics(&self) -> Result<String, Problem> {
        Host::metrics(self).await
    }

    async fn dry_run(&self, call: Call) -> Result<DryRun, Problem> {
        Host::dry_run(self, call).await
    }

    async fn retire(&self, plugin: &str) -> Result<(), Problem> {
        Host::retire(self, plugin).await
    }

    async fn credentials(
        &self,
        tenant: &str,
        connection: &str,
    ) -> Result<CredentialsShown, Problem> {
        Host::credentials(self, tenant, connection).await
    }

    async fn authorize(&self, tenant: &str, connection: &str) -> Result<Authorizing, Problem> {
        Host::authorize(self, tenant, connection).await
    }

    async fn grant_code(
        &self,
        tenant: &str,
        connection: &str,
        code: Secret,
        state: Option<String>,
    ) -> Result<CredentialsShown, Problem> {
        Host::grant_code(self, tenant, connection, code, state).await
    }

    async fn grant_callback(
        &self,
        tenant: &str,
        connection: &str,
        code: Secret,
        state: String,
    ) -> Result<CredentialsShown, Problem> {
        Host::grant_callback(self, tenant, connection, code, state).await
    }

    async fn renew_credentials(
        &self,
        tenant: &str,
        connection: &str,
    ) -> Result<CredentialsShown, Problem> {
        Host::renew_credentials(self, tenant, connection).await
    }

    async fn revoke_credentials(
        &self,
        tenant: &str,
        connection: &str,
    ) -> Result<CredentialsShown, Problem> {
        Host::revoke_credentials(self, tenant, connection).await
    }
}
