//! A tenant's checked values against the plugins they name: what only the
//! adapter and the script engine can tell.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::snapshot::{Snapshot, TenantGeneration};
use crate::config::{Auth, ConnectionConfig, HostLimits, ScriptSource, TenantConfig};
use crate::delivery::connection::{ConnectionGeneration, PreparedScript};
use crate::delivery::documents::compile_problem;
use crate::delivery::redact::Redactor;
use crate::delivery::state::States;
use crate::http::Target;
use crate::plugin::generation::{AdapterGeneration, now_ms};
use crate::problem::{Place, Problem};
use crate::script::context::context;
use crate::script::engine::{EngineGeneration, ScriptSpec};
use crate::script::tests::Tests;
use crate::script::{label, next_script};

/// Builds a tenant's generation, or says everything that stands against it.
pub async fn tenant(
    config: TenantConfig,
    snapshot: &Snapshot,
    states: &States,
    limits: &HostLimits,
    number: u32,
    previous: Option<&TenantGeneration>,
) -> Result<TenantGeneration, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut checked = Vec::new();
    for (name, connection) in &config.connections {
        let before = previous.and_then(|tenant| tenant.connections.get(name));
        let builder = Builder {
            tenant: &config,
            connection,
            snapshot,
            before: before.map(|before| &**before),
        };
        match builder.check().await {
            Ok(parts) => checked.push((builder, parts)),
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    // Only now, since it changes what outlives this generation: pools and
    // limiters of connections that go on as they were if this one is refused.
    let mut connections = HashMap::new();
    for (builder, parts) in checked {
        match builder.finish(parts, states, limits) {
            Ok(generation) => {
                let name = builder.connection.name.to_string();
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
        config,
        connections,
        loaded_at_ms: now_ms(),
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
    if let Err(error) = adapter.settings.validate(&connection.settings) {
        let pointer = error.instance_path().to_string();
        let key = format!("settings{}", pointer.replace('/', "."));
        problems.push(
            problem(
                tenant,
                connection,
                &key,
                "config-settings",
                format!(
                    "connection `{}`: adapter `{}` does not accept `{key}`: {error}",
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
                    "connection `{}`: adapter `{}` needs secret `{}` ({}); add it to `secrets`",
                    connection.name, connection.adapter, secret.name, secret.purpose
                ),
            ));
        }
    }
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
                    "connection `{}`: adapter `{}` has no operation `{operation}`",
                    connection.name, connection.adapter
                ),
            ));
        }
    }
    problems
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
    let line = loop {
        if let Some(line) = connection.lines.get(at) {
            break *line;
        }
        match at.rfind('.') {
            Some(end) => at = &at[..end],
            None => break connection.lines.get("").copied().unwrap_or(0),
        }
    };
    Problem::host(code, detail).place(Place {
        file: tenant.file.clone(),
        line,
        column: 0,
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
struct Parts {
    target: Target,
    scripts: HashMap<String, PreparedScript>,
    replies: HashMap<String, PreparedScript>,
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

    fn prepared(self, connection: &ConnectionGeneration) -> &HashMap<String, PreparedScript> {
        match self {
            Self::Mapping => &connection.scripts,
            Self::Reply => &connection.replies,
        }
    }
}

impl Builder<'_> {
    /// Everything that can be said without touching what serves.
    async fn check(&self) -> Result<Parts, Vec<Problem>> {
        let connection = self.connection;
        let mut problems = match self.snapshot.adapters.get(&connection.adapter) {
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
            Ok(target) if problems.is_empty() => Ok(Parts {
                target,
                scripts,
                replies,
            }),
            target => {
                problems.extend(target.err());
                Err(problems)
            }
        }
    }

    /// The generation, with the connection's state as it is wanted now.
    fn finish(
        &self,
        parts: Parts,
        states: &States,
        limits: &HostLimits,
    ) -> Result<ConnectionGeneration, Problem> {
        let connection = self.connection;
        let state = states.of(&self.tenant.name, &connection.name);
        Ok(ConnectionGeneration {
            settings: connection.settings.to_string(),
            secrets: Arc::new(connection.secrets.clone()),
            target: parts.target,
            redactor: redactor(connection),
            scripts: parts.scripts,
            replies: parts.replies,
            channel: state.configure(connection, limits)?,
            config: connection.clone(),
        })
    }

    fn problem(&self, key: &str, code: &'static str, detail: String) -> Problem {
        problem(self.tenant, self.connection, key, code, detail)
    }

    fn unknown_adapter(&self) -> Problem {
        let mut known: Vec<&str> = self.snapshot.adapters.keys().map(String::as_str).collect();
        known.sort_unstable();
        let known = if known.is_empty() {
            "no adapter is loaded".to_owned()
        } else {
            format!("loaded are {}", known.join(", "))
        };
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
    ) -> HashMap<String, PreparedScript> {
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
    ) -> Result<PreparedScript, Vec<Problem>> {
        let key = format!("{}.{operation}", direction.key());
        let engine = self.snapshot.engines.get(&source.extension);
        let engine = engine.ok_or_else(|| {
            let detail = format!(
                "connection `{}`: no script engine runs `.{}` files ({})",
                self.connection.name,
                source.extension,
                source.path.display()
            );
            vec![self.problem(&key, "config-unknown-language", detail)]
        })?;
        let context = context(&self.tenant.name, self.connection, operation).map_err(|error| {
            let detail = format!("the context of its scripts cannot be written: {error}");
            vec![self.problem(&key, "config-bad-value", detail)]
        })?;
        let mut script = self.prepared(direction, operation, source, context);
        if let Some(tests) = &source.tests {
            let tests = Tests::parse(&tests.path, &tests.text).map_err(|problem| vec![problem])?;
            script.tests = Some(Arc::new(tests));
        }
        compile(engine, &script)
            .await
            .map_err(|problem| vec![problem])?;
        Ok(script)
    }

    fn prepared(
        &self,
        direction: Direction,
        operation: &str,
        source: &ScriptSource,
        context: String,
    ) -> PreparedScript {
        let label = label(&file_name(&source.path), &source.text);
        // The same text in the same context keeps its id, and so its warm instances.
        let kept = self
            .before
            .and_then(|before| direction.prepared(before).get(operation))
            .filter(|before| {
                *before.spec.source == *source.text
                    && *before.spec.context == context
                    && before.extension == source.extension
            })
            .map(|before| before.spec.clone());
        PreparedScript {
            spec: kept.unwrap_or_else(|| ScriptSpec {
                tenant: self.tenant.name.clone(),
                id: next_script(),
                source: Arc::new(source.text.to_string()),
                context: Arc::new(context),
            }),
            path: source.path.clone(),
            extension: source.extension.clone(),
            label,
            tests: None,
        }
    }
}

/// Compiles a script, which also leaves it warm, and runs the tests it has to
/// pass.
pub async fn compile(engine: &EngineGeneration, script: &PreparedScript) -> Result<(), Problem> {
    if let Err(error) = engine.lease(&script.spec).await {
        return Err(compile_problem(error, script));
    }
    match &script.tests {
        Some(tests) => tests.pass(engine, script).await,
        None => Ok(()),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
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
    builder.build()
}
