//! A tenant's flows against the plugins that they use: what only adapters and
//! script engines can tell.

mod results;

use std::sync::Arc;

use serde_json::Value;

use super::making;
use crate::config::{
    ConnectionConfig, FlowConfig, FlowSource, FlowTarget, ScriptSource, TenantConfig, did_you_mean,
};
use crate::plugin::generation::{AdapterGeneration, CompiledOperation};
use crate::plugin::manifest::{DeclaredEffect, Effect, Repeatable};
use crate::problem::{Place, Problem};
use crate::schema::{self, Verdict, Violation};
use crate::script::Script;
use crate::script::context::Sight;
use crate::script::test_cases::Cases;
use crate::serving::snapshot::Snapshot;
use crate::serving::tenant_flow::{FlowGeneration, TargetScripts};

/// Steps that one expected document, or one input, may take.
const STEPS: u64 = schema::STEPS_AT_ONCE * 10;

/// Checks a flow, or says everything that stands against it. `before` is what
/// serves of it.
///
/// # Errors
/// All that is wrong.
pub(super) async fn check(
    tenant: &TenantConfig,
    flow: &FlowConfig,
    snapshot: &Snapshot,
    before: Option<&FlowGeneration>,
) -> Result<FlowGeneration, Vec<Problem>> {
    let checker = Checker {
        tenant,
        flow,
        snapshot,
    };
    let mut problems = against(tenant, flow, |name| {
        snapshot.adapters.get(name).map(|adapter| &**adapter)
    })
    .await;
    let generation = checker.scripts(before, &mut problems).await;
    match problems.is_empty() {
        true => Ok(generation),
        false => Err(problems),
    }
}

/// What stands against a flow under the adapters that there are: an adapter that
/// `adapter` does not give is not asked about.
pub(super) async fn against<'a>(
    tenant: &TenantConfig,
    flow: &FlowConfig,
    adapter: impl Fn(&str) -> Option<&'a AdapterGeneration>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for used in uses(flow) {
        // A connection that could not be read was told of.
        let Some(connection) = tenant.connections.get(used.connection) else {
            continue;
        };
        let Some(adapter) = adapter(&connection.adapter) else {
            continue;
        };
        let fitting = Fitting {
            tenant,
            flow,
            connection,
            adapter,
        };
        fitting.check(&used, &mut problems).await;
        tokio::task::yield_now().await;
    }
    problems
}

/// A part of a flow that uses a connection.
struct Used<'f> {
    /// Its key below the flow.
    key: String,
    connection: &'f str,
    what: What<'f>,
}

/// What of a connection a part of a flow uses.
enum What<'f> {
    /// Records come from an operation.
    Source(&'f str, &'f FlowSource),
    /// Records come from what the platform pushes.
    Inbound,
    /// A script's documents, or the records themselves, go to an operation.
    Call(&'f str, Option<&'f ScriptSource>),
}

fn uses(flow: &FlowConfig) -> Vec<Used<'_>> {
    let mut used = Vec::new();
    let from = match &flow.source {
        FlowSource::Operation {
            connection,
            operation,
            ..
        } => Some((connection, What::Source(operation, &flow.source))),
        FlowSource::Inbound { connection } => Some((connection, What::Inbound)),
        _ => None,
    };
    if let Some((connection, what)) = from {
        used.push(Used {
            key: "from".to_owned(),
            connection,
            what,
        });
    }
    for (index, step) in flow.steps.iter().enumerate() {
        used.push(Used {
            key: format!("steps.{index}"),
            connection: &step.connection,
            what: What::Call(&step.operation, step.script.as_ref()),
        });
    }
    for (index, target) in flow.targets.iter().enumerate() {
        if let FlowTarget::Operation {
            connection,
            operation,
            script,
            ..
        } = target
        {
            used.push(Used {
                key: format!("to.{index}"),
                connection,
                what: What::Call(operation, script.as_ref()),
            });
        }
    }
    if let Some(confirm) = &flow.confirm {
        used.push(Used {
            key: "confirm".to_owned(),
            connection: &confirm.connection,
            what: What::Call(&confirm.operation, confirm.script.as_ref()),
        });
    }
    used
}

/// One use of a connection against its adapter.
struct Fitting<'a> {
    tenant: &'a TenantConfig,
    flow: &'a FlowConfig,
    connection: &'a ConnectionConfig,
    adapter: &'a AdapterGeneration,
}

impl Fitting<'_> {
    async fn check(&self, used: &Used<'_>, problems: &mut Vec<Problem>) {
        let key = &used.key;
        match used.what {
            What::Inbound if !self.adapter.receives() => {
                let detail = format!(
                    "takes what connection `{}` pushes, and its adapter `{}` takes no messages of a platform",
                    self.connection.name, self.connection.adapter
                );
                problems.push(self.problem(
                    &format!("{key}.inbound"),
                    "config-no-inbound",
                    &detail,
                ));
            }
            What::Inbound => {}
            What::Source(name, source) => {
                if let Some(operation) = self.operation(key, name, problems)
                    && self.only_reads(key, name, operation, problems)
                {
                    self.input(key, name, operation, source, problems);
                    self.pointers(key, name, source, problems);
                }
            }
            What::Call(name, script) => {
                if let (Some(operation), Some(script)) =
                    (self.operation(key, name, problems), script)
                {
                    self.expected(key, name, operation, script, problems).await;
                }
            }
        }
    }

    fn operation(
        &self,
        key: &str,
        name: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<&CompiledOperation> {
        let operation = self.adapter.operations.get(name);
        if operation.is_none() {
            let known = self.adapter.operations.keys().map(String::as_str);
            let detail = format!(
                "connection `{}`: adapter `{}` has no operation `{name}`; {}",
                self.connection.name,
                self.connection.adapter,
                did_you_mean(name, known, "it has")
            );
            let key = format!("{key}.operation");
            problems.push(self.problem(&key, "config-unknown-operation", &detail));
        }
        operation
    }

    /// Whether an operation only reads: a source is asked again whenever a page
    /// could not be read, and that has to change nothing.
    fn only_reads(
        &self,
        key: &str,
        name: &str,
        operation: &CompiledOperation,
        problems: &mut Vec<Problem>,
    ) -> bool {
        let reads = match &operation.order {
            Some(order) => order.effect == DeclaredEffect::Always(Effect::Read),
            None => operation.repeatable == Repeatable::Always,
        };
        if reads {
            return true;
        }
        let readers = self.adapter.operations.iter().filter(|(_, operation)| {
            let order = operation.order.as_ref();
            order.is_some_and(|order| order.effect == DeclaredEffect::Always(Effect::Read))
        });
        let readers: Vec<&str> = readers.map(|(name, _)| name.as_str()).collect();
        let detail = format!(
            "records come from `{name}` of adapter `{}`, which changes something: a source is asked again and again and may only read; {}",
            self.connection.adapter,
            did_you_mean(name, readers, "what reads is")
        );
        problems.push(self.problem(&format!("{key}.operation"), "config-source-writes", &detail));
        false
    }

    /// The input that each call is made with, where no mapping makes another of
    /// it.
    fn input(
        &self,
        key: &str,
        name: &str,
        operation: &CompiledOperation,
        source: &FlowSource,
        problems: &mut Vec<Problem>,
    ) {
        let FlowSource::Operation { input, cursor, .. } = source else {
            return;
        };
        let (false, Ok(mut input)) = (
            self.connection.mappings.contains_key(name),
            serde_json::from_str::<Value>(input),
        ) else {
            return;
        };
        // What was told of the cursor is not told of the input again.
        match cursor {
            Some(cursor) if !self.takes_cursor(key, name, cursor, problems) => return,
            None if self.is_typed(&format!("{key}.cursor")) => return,
            _ => {}
        }
        let start = cursor.as_ref().and_then(|cursor| {
            let start = serde_json::from_str(cursor.start.as_ref()?).ok()?;
            Some((cursor, start))
        });
        let mut start_at = None;
        if let Some((cursor, start)) = start {
            cursor.put(&mut input, start);
            start_at = Some(cursor.to.as_str());
        }
        for violation in self.violations(operation, &input) {
            let (what, place) = match start_at == Some(violation.pointer.as_str()) {
                true => ("cursor.start", "cursor.start".to_owned()),
                false => (
                    "input",
                    format!("input{}", violation.pointer.replace('/', ".")),
                ),
            };
            let detail = format!(
                "`{what}` does not fit `{name}` of adapter `{}`: {}",
                self.connection.adapter,
                said(&violation)
            );
            let problem = self.problem(&format!("{key}.{place}"), "config-bad-input", &detail);
            problems.push(problem.at(violation.pointer));
        }
    }

    /// What a script's tests expect, where it goes to the adapter as it is.
    async fn expected(
        &self,
        key: &str,
        name: &str,
        operation: &CompiledOperation,
        script: &ScriptSource,
        problems: &mut Vec<Problem>,
    ) {
        if self.connection.mappings.contains_key(name) {
            return;
        }
        // Tests that cannot be read are told of where the script is compiled.
        let Ok(Some(cases)) = making::cases(script) else {
            return;
        };
        for (case, document) in cases.expected() {
            tokio::task::yield_now().await;
            let Some(violation) = self.violations(operation, document).into_iter().next() else {
                continue;
            };
            let detail = format!(
                "what {} makes does not fit `{name}` of adapter `{}`: the document that its test `{case}` expects ({}): {}",
                script.path.display(),
                self.connection.adapter,
                cases.path.display(),
                said(&violation)
            );
            let problem = self.problem(&format!("{key}.script"), "config-does-not-fit", &detail);
            problems.push(problem.at(violation.pointer));
            return;
        }
    }

    fn violations(&self, operation: &CompiledOperation, document: &Value) -> Vec<Violation> {
        match operation.document.check(document, STEPS, &mut 0) {
            Verdict::Breaks(violations) => violations,
            // What takes long is found out where it is sent.
            Verdict::Fits | Verdict::TooCostly => Vec::new(),
        }
    }

    fn problem(&self, key: &str, code: &'static str, detail: &str) -> Problem {
        problem(self.tenant, self.flow, key, code, detail)
    }
}

/// Where in a document, and what is wrong there.
fn said(violation: &Violation) -> String {
    match violation.pointer.as_str() {
        "" => violation.message.clone(),
        pointer => format!("{pointer}: {}", violation.message),
    }
}

fn problem(
    tenant: &TenantConfig,
    flow: &FlowConfig,
    key: &str,
    code: &'static str,
    detail: &str,
) -> Problem {
    let detail = format!("flow `{}`: {detail}", flow.name);
    Problem::host(code, detail).place(place(tenant, flow, key))
}

fn place(tenant: &TenantConfig, flow: &FlowConfig, key: &str) -> Place {
    let (line, column) = flow.place(key);
    Place {
        line,
        column,
        ..Place::whole(&tenant.file)
    }
}

/// A flow whose scripts are made.
struct Checker<'a> {
    tenant: &'a TenantConfig,
    flow: &'a FlowConfig,
    snapshot: &'a Snapshot,
}

/// A script's place in its flow: the key below it, and where it goes.
struct Goes<'f> {
    key: String,
    connection: &'f str,
    operation: &'f str,
}

impl Checker<'_> {
    async fn scripts(
        &self,
        before: Option<&FlowGeneration>,
        problems: &mut Vec<Problem>,
    ) -> FlowGeneration {
        let flow = self.flow;
        let mut steps = Vec::new();
        for (index, step) in flow.steps.iter().enumerate() {
            let before = before.and_then(|it| it.steps.get(index)?.as_ref());
            let goes = Goes {
                key: format!("steps.{index}.script"),
                connection: &step.connection,
                operation: &step.operation,
            };
            let script = self.script(step.script.as_ref(), goes, before, problems);
            steps.push(script.await);
        }
        let mut targets = Vec::new();
        for (index, target) in flow.targets.iter().enumerate() {
            let before = before.and_then(|it| it.targets.get(index));
            let mut scripts = TargetScripts::default();
            if let FlowTarget::Operation {
                connection,
                operation,
                script,
                when,
                ..
            } = target
            {
                let goes = |name: &str| Goes {
                    key: format!("to.{index}.{name}"),
                    connection,
                    operation,
                };
                let kept = before.and_then(|it| it.when.as_ref());
                let made = self.script(when.as_ref(), goes("when"), kept, problems);
                scripts.when = made.await;
                let kept = before.and_then(|it| it.script.as_ref());
                let made = self.script(script.as_ref(), goes("script"), kept, problems);
                scripts.script = made.await;
            }
            targets.push(scripts);
        }
        let mut confirm = None;
        if let Some(wanted) = &flow.confirm {
            let goes = Goes {
                key: "confirm.script".to_owned(),
                connection: &wanted.connection,
                operation: &wanted.operation,
            };
            let before = before.and_then(|it| it.confirm.as_ref());
            let made = self.script(wanted.script.as_ref(), goes, before, problems);
            confirm = made.await;
        }
        FlowGeneration {
            config: flow.clone(),
            steps,
            targets,
            confirm,
        }
    }

    /// A script, compiled; nothing where there is none, or where it is wrong,
    /// which is told.
    async fn script(
        &self,
        source: Option<&ScriptSource>,
        goes: Goes<'_>,
        before: Option<&Script>,
        problems: &mut Vec<Problem>,
    ) -> Option<Script> {
        let source = source?;
        match self.compiled(source, &goes, before).await {
            Ok(script) => Some(script),
            Err(mut problem) => {
                // An expression stands in the tenant's own file, at its key.
                if goes.key.ends_with(".when") && problem.code == "script-compile" {
                    problem.detail = format!(
                        "flow `{}`: `when` is no jq expression: {}",
                        self.flow.name, problem.detail
                    );
                    problem.place = Some(place(self.tenant, self.flow, &goes.key));
                }
                problems.push(problem);
                None
            }
        }
    }

    async fn compiled(
        &self,
        source: &ScriptSource,
        goes: &Goes<'_>,
        before: Option<&Script>,
    ) -> Result<Script, Problem> {
        let wrong = |code: &'static str, detail: &str| {
            problem(self.tenant, self.flow, &goes.key, code, detail)
        };
        let engine = making::engine(self.snapshot, source)
            .map_err(|detail| wrong("config-unknown-language", &detail))?;
        // A connection that could not be read was told of, and so nothing serves.
        let sight = match self.tenant.connections.get(goes.connection) {
            Some(connection) => Sight::new(&self.tenant.name, connection, goes.operation, engine),
            None => Ok(Sight::empty()),
        };
        let sight = sight.map_err(|why| wrong("config-bad-value", &format!("{why}.")))?;
        let mut script = making::script(&self.tenant.name, source, sight, before);
        let cases: Option<Cases> = making::cases(source)?;
        if self.tenant.require_tests {
            script.tests = cases.map(Arc::new);
        }
        making::compile(engine, &script).await?;
        Ok(script)
    }
}
