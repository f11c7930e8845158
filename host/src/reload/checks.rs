//! A tenant's checked values against the plugins they name: what only the
//! adapter and the script engine can tell.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub use super::making::compile;
use super::{flow_checks, making};
use crate::clock::now_ms;
use crate::config::{
    Auth, ConnectionConfig, HostLimits, ProxyChoice, ScriptSource, Secret, TenantConfig,
    did_you_mean, nearest,
};
use crate::http::Target;
use crate::plugin::generation::AdapterGeneration;
use crate::problem::{Place, Problem, in_order};
use crate::redact::Redactor;
use crate::schema::{self, Verdict};
use crate::script::Script;
use crate::script::context::Sight;
use crate::serving::connection::ConnectionGeneration;
use crate::serving::connection_limits::Channels;
use crate::serving::credentials::{Credentials, granted_to};
use crate::serving::snapshot::{Snapshot, TenantGeneration};
use crate::serving::tenant_flow::FlowGeneration;

/// A tenant's values that stood every check against a snapshot's plugins.
pub struct Checked {
    config: TenantConfig,
    connections: Vec<(String, CheckedConnection)>,
    flows: HashMap<String, Arc<FlowGeneration>>,
}

/// Checks a tenant's values, or says everything that stands against them.
/// Nothing that serves is touched.
///
/// # Errors
/// All that is wrong.
pub async fn check(
    config: &TenantConfig,
    snapshot: &Snapshot,
    previous: Option<&TenantGeneration>,
) -> Result<Checked, Vec<Problem>> {
    let mut problems = config.faults.clone();
    let mut checked = Vec::new();
    for (name, connection) in &config.connections {
        let before = previous.and_then(|tenant| tenant.connections.get(name));
        let builder = Builder {
            tenant: config,
            connection,
            snapshot,
            before: before.map(|before| &**before),
        };
        match builder.check().await {
            Ok(connection) => checked.push((name.clone(), connection)),
            Err(found) => problems.extend(found),
        }
    }
    let mut flows = HashMap::new();
    for (name, flow) in &config.flows {
        let before = previous.and_then(|tenant| tenant.flows.get(name));
        let before = before.map(|before| &**before);
        match flow_checks::check(config, flow, snapshot, before).await {
            Ok(flow) => {
                flows.insert(name.clone(), Arc::new(flow));
            }
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        in_order(&mut problems, &config.file);
        return Err(problems);
    }
    Ok(Checked {
        config: config.clone(),
        connections: checked,
        flows,
    })
}

impl Checked {
    /// The generation. Only now, since it changes what outlives this
    /// generation: pools and limiters of connections, which go on as they were
    /// if it is refused.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn finish(
        self,
        channels: &Channels,
        limits: &HostLimits,
        number: u32,
    ) -> Result<TenantGeneration, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut connections = HashMap::new();
        for (name, checked) in self.connections {
            let Some(connection) = self.config.connections.get(&name) else {
                continue;
            };
            match finish(&self.config.name, connection, checked, channels, limits) {
                Ok(generation) => {
                    connections.insert(name, Arc::new(generation));
                }
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(TenantGeneration {
            number,
            config: self.config,
            connections,
            flows: self.flows,
            loaded_at_ms: now_ms(),
        })
    }
}

/// A connection's generation, with its channel as it is wanted now.
fn finish(
    tenant: &Arc<str>,
    connection: &ConnectionConfig,
    checked: CheckedConnection,
    channels: &Channels,
    limits: &HostLimits,
) -> Result<ConnectionGeneration, Problem> {
    let shared = channels.of(tenant, &connection.name);
    Ok(ConnectionGeneration {
        settings: connection.settings.to_string(),
        credentials: Credentials::new(
            connection.secrets.clone(),
            redactor(connection),
            shared.cell(checked.place),
        ),
        target: checked.target,
        scripts: checked.scripts,
        replies: checked.replies,
        channel: shared.configure(connection, limits)?,
        config: connection.clone(),
    })
}

/// What stands against a connection under a candidate adapter: the checks of a
/// tenant's file, for the other side's change.
pub fn against_adapter(
    tenant: &TenantConfig,
    connection: &ConnectionConfig,
    adapter: &AdapterGeneration,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    // A table that people write, and a tenant may have many.
    let steps = schema::STEPS_AT_ONCE * 10;
    let refused = match adapter.settings.check(&connection.settings, steps, &mut 0) {
        Verdict::Fits => Vec::new(),
        Verdict::Breaks(violations) => violations
            .into_iter()
            .map(|violation| {
                let meant = setting_meant(adapter, connection, &violation.pointer);
                (violation.pointer, violation.message + &meant)
            })
            .collect(),
        Verdict::TooCostly => vec![(String::new(), schema::TOO_COSTLY.to_owned())],
    };
    for (pointer, why) in refused {
        let key = format!("settings{}", pointer.replace('/', "."));
        problems.push(
            problem(
                tenant,
                connection,
                &key,
                "config-settings",
                format!(
                    "connection `{}`: adapter `{}` does not accept `{key}`: {why}",
                    connection.name, connection.adapter
                ),
            )
            .at(pointer),
        );
    }
    for secret in &adapter.manifest.secrets {
        if secret.required && !connection.secrets.contains_key(&secret.name) {
            problems.push(problem(
                tenant,
                connection,
                "secrets",
                "config-secret-missing",
                format!(
                    "connection `{}`: adapter `{}` needs secret `{}` ({}); {}",
                    connection.name,
                    connection.adapter,
                    secret.name,
                    secret.purpose,
                    secret_typed(adapter, connection, &secret.name)
                ),
            ));
        }
    }
    problems.extend(granted(tenant, connection, adapter));
    let mappings = connection.mappings.keys().map(|name| ("mappings", name));
    let replies = connection.replies.keys().map(|name| ("replies", name));
    for (kind, operation) in mappings.chain(replies) {
        if !adapter.operations.contains_key(operation) {
            problems.push(problem(
                tenant,
                connection,
                &format!("{kind}.{operation}"),
                "config-unknown-operation",
                format!(
                    "connection `{}`: adapter `{}` has no operation `{operation}`; {}",
                    connection.name,
                    connection.adapter,
                    did_you_mean(
                        operation,
                        adapter.operations.keys().map(String::as_str),
                        "it has"
                    )
                ),
            ));
        }
    }
    problems
}

/// Secrets that only a grant can have. The token itself may be in a file: then that one
/// counts, and there is no grant.
fn granted(
    tenant: &TenantConfig,
    connection: &ConnectionConfig,
    adapter: &AdapterGeneration,
) -> Option<Problem> {
    let token = &adapter.manifest.grant.as_ref()?.token;
    let mut secrets = adapter.manifest.secrets.iter();
    let secret = secrets.find(|secret| {
        secret.granted && secret.name != *token && connection.secrets.contains_key(&secret.name)
    })?;
    let name = &secret.name;
    Some(problem(
        tenant,
        connection,
        &format!("secrets.{name}"),
        "config-bad-value",
        format!(
            "connection `{}`: the host gets secret `{name}` from the platform and keeps it itself; take it out of `secrets` (a token of your own is `{token}`)",
            connection.name
        ),
    ))
}

/// What a setting that the adapter does not know was probably meant to be.
fn setting_meant(
    adapter: &AdapterGeneration,
    connection: &ConnectionConfig,
    pointer: &str,
) -> String {
    let known = adapter.manifest.settings.get("properties");
    let known = known.and_then(serde_json::Value::as_object);
    match (known, pointer.strip_prefix('/')) {
        (Some(known), Some(typed))
            if !known.contains_key(typed) && connection.settings.get(typed).is_some() =>
        {
            let known = known.keys().map(String::as_str);
            format!("; {}", did_you_mean(typed, known, "the settings are"))
        }
        _ => String::new(),
    }
}

/// What to do about a secret that is not there: it may have been mistyped.
fn secret_typed(
    adapter: &AdapterGeneration,
    connection: &ConnectionConfig,
    wanted: &str,
) -> String {
    let declared = |name: &str| {
        adapter
            .manifest
            .secrets
            .iter()
            .any(|secret| secret.name == name)
    };
    let others = connection.secrets.keys().map(String::as_str);
    match nearest(wanted, others.filter(|name| !declared(name))) {
        Some(typed) => format!("is it the one called `{typed}` in `secrets`?"),
        None => "add it to `secrets`".to_owned(),
    }
}

fn problem(
    tenant: &TenantConfig,
    connection: &ConnectionConfig,
    key: &str,
    code: &'static str,
    detail: String,
) -> Problem {
    // The nearest line that was typed: the key itself, or a table around it.
    let mut at = key;
    let (line, column) = loop {
        if let Some(place) = connection.places.get(at) {
            break *place;
        }
        match at.rfind('.') {
            Some(end) => at = &at[..end],
            None => break connection.places.get("").copied().unwrap_or_default(),
        }
    };
    Problem::host(code, detail).place(Place {
        file: tenant.file.clone(),
        line,
        column,
        source: None,
    })
}

struct Builder<'a> {
    tenant: &'a TenantConfig,
    connection: &'a ConnectionConfig,
    snapshot: &'a Snapshot,
    before: Option<&'a ConnectionGeneration>,
}

/// What the checks of a connection leave behind.
struct CheckedConnection {
    target: Target,
    /// What a token of it is granted to.
    place: String,
    scripts: HashMap<String, Script>,
    replies: HashMap<String, Script>,
}

/// Mappings or replies of a connection.
#[derive(Clone, Copy)]
enum Direction {
    /// Items in.
    Mapping,
    /// Results out.
    Reply,
}

impl Direction {
    /// The key of the tenant's file.
    fn key(self) -> &'static str {
        match self {
            Self::Mapping => "mappings",
            Self::Reply => "replies",
        }
    }

    fn sources(self, connection: &ConnectionConfig) -> &BTreeMap<String, ScriptSource> {
        match self {
            Self::Mapping => &connection.mappings,
            Self::Reply => &connection.replies,
        }
    }

    fn scripts_of(self, connection: &ConnectionGeneration) -> &HashMap<String, Script> {
        match self {
            Self::Mapping => &connection.scripts,
            Self::Reply => &connection.replies,
        }
    }
}

impl Builder<'_> {
    /// Everything that can be said without touching what serves.
    async fn check(&self) -> Result<CheckedConnection, Vec<Problem>> {
        let connection = self.connection;
        let adapter = self.snapshot.adapters.get(&connection.adapter);
        let mut problems = match adapter {
            Some(adapter) => against_adapter(self.tenant, connection, adapter),
            None => vec![self.unknown_adapter()],
        };
        let scripts = self.scripts(Direction::Mapping, &mut problems).await;
        let replies = self.scripts(Direction::Reply, &mut problems).await;
        let target = Target::new(&connection.base_url).map_err(|error| {
            self.problem(
                "base_url",
                "config-base-url",
                format!("connection `{}`: {error}", connection.name),
            )
        });
        match target {
            Ok(target) if problems.is_empty() => Ok(CheckedConnection {
                target,
                place: granted_to(
                    connection,
                    adapter.and_then(|it| it.manifest.grant.as_ref()),
                ),
                scripts,
                replies,
            }),
            target => {
                problems.extend(target.err());
                Err(problems)
            }
        }
    }

    fn problem(&self, key: &str, code: &'static str, detail: String) -> Problem {
        problem(self.tenant, self.connection, key, code, detail)
    }

    fn unknown_adapter(&self) -> Problem {
        let known = self.snapshot.adapters.keys().map(String::as_str);
        let known = did_you_mean(&self.connection.adapter, known, "loaded is");
        self.problem(
            "adapter",
            "config-unknown-adapter",
            format!(
                "connection `{}`: there is no adapter `{}`; {known}",
                self.connection.name, self.connection.adapter
            ),
        )
    }

    async fn scripts(
        &self,
        direction: Direction,
        problems: &mut Vec<Problem>,
    ) -> HashMap<String, Script> {
        let mut scripts = HashMap::new();
        for (operation, source) in direction.sources(self.connection) {
            match self.script(direction, operation, source).await {
                Ok(script) => {
                    scripts.insert(operation.clone(), script);
                }
                Err(found) => problems.extend(found),
            }
        }
        scripts
    }

    async fn script(
        &self,
        direction: Direction,
        operation: &str,
        source: &ScriptSource,
    ) -> Result<Script, Vec<Problem>> {
        let key = format!("{}.{operation}", direction.key());
        let engine = making::engine(self.snapshot, source).map_err(|detail| {
            let detail = format!("connection `{}`: {detail}", self.connection.name);
            vec![self.problem(&key, "config-unknown-language", detail)]
        })?;
        let sight = Sight::new(&self.tenant.name, self.connection, operation, engine);
        let sight = sight.map_err(|why| {
            let detail = format!("connection `{}`: {why}.", self.connection.name);
            vec![self.problem(&key, "config-bad-value", detail)]
        })?;
        let before = self.before;
        let before = before.and_then(|before| direction.scripts_of(before).get(operation));
        let mut script = making::script(&self.tenant.name, source, sight, before);
        let tests = making::cases(source).map_err(|problem| vec![problem])?;
        script.tests = tests.map(Arc::new);
        making::compile(engine, &script)
            .await
            .map_err(|problem| vec![problem])?;
        Ok(script)
    }
}

fn redactor(connection: &ConnectionConfig) -> Redactor {
    let mut builder = Redactor::builder();
    for (name, secret) in &connection.secrets {
        builder = builder.secret(name, secret);
    }
    // Credentials of Basic are one text that holds the secret in base64.
    if let Some(Auth::Basic { user, secret }) = &connection.auth
        && let Some(password) = connection.secrets.get(secret)
    {
        builder = builder.basic(secret, user, password);
    }
    // A proxy's own page may repeat what it was sent.
    if let ProxyChoice::Own(proxy) = &connection.network.proxy
        && let Some(login) = &proxy.login
    {
        let password = Secret::new(login.password.to_string());
        builder = builder.basic("proxy", &login.user, &password);
    }
    builder.build()
}
