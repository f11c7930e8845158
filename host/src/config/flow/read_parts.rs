//! Reads `steps`, `to` and `confirm` of a flow.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::circles::real;
use super::read::FlowReader;
use super::reading::{duration, tables};
use super::{FlowConfirm, FlowStep, FlowTarget};
use crate::config::ScriptSource;
use crate::config::mistakes::Report;
use crate::config::reader::{Section, Typed, shown};
use crate::config::scripts::Beside;
use crate::config::tenant_file::{NAME_RULE, is_name};

/// Most steps, and most targets, of one flow.
const MOST_PARTS: usize = 20;

/// Longest `when`.
const MOST_WHEN: usize = 4 << 10;

/// Longest name of a member.
const MOST_MEMBER: usize = 64;

/// How long outcomes are waited for unless the setting says otherwise.
const WAIT: Duration = Duration::from_secs(10 * 60);

/// What the name of a file that a flow writes ends in.
const ENDINGS: [&str; 2] = ["ndjson", "csv"];

impl FlowReader<'_, '_, '_> {
    pub(super) fn steps(&mut self, section: &mut Section, report: &mut Report) -> Vec<FlowStep> {
        let tables = tables(section, "steps", MOST_PARTS, report);
        let steps = tables.into_iter().filter_map(|mut step| {
            let call = self.call(&mut step, report);
            let script = self.script(&mut step, report);
            let keep_as = step.text(report, "as").filter(|typed| {
                let fits = typed.value.len() <= MOST_MEMBER;
                if !fits {
                    let detail = format!("has more than {MOST_MEMBER} bytes.");
                    typed.refuse(report, "config-out-of-range", detail);
                }
                fits
            });
            step.finish(report);
            let (connection, operation) = call?;
            Some(FlowStep {
                connection,
                operation,
                script,
                keep_as: keep_as.map(|typed| typed.value.to_owned()),
            })
        });
        steps.collect()
    }

    pub(super) fn targets(
        &mut self,
        section: &mut Section,
        report: &mut Report,
    ) -> Vec<FlowTarget> {
        let advice = "say where records go, as in to = [ { connection = \"shop\", operation = \"stock.update\" } ].";
        if !section.table().contains_key("to") {
            section.missing(report, "to", advice);
        }
        let tables = tables(section, "to", MOST_PARTS, report);
        if let Some(typed) = section.any("to")
            && typed.value.as_array().is_some_and(|array| array.is_empty())
        {
            typed.refuse(report, "config-missing", format!("is empty: {advice}"));
        }
        let mut targets: Vec<FlowTarget> = Vec::new();
        // Where each name was given.
        let mut named: BTreeMap<String, String> = BTreeMap::new();
        for table in tables {
            let key = table.key("");
            let key = key.trim_end_matches(".\"\"").to_owned();
            let span = table.span().clone();
            let Some(target) = self.target(table, report) else {
                continue;
            };
            if let Some(same) = targets.iter().find(|other| is_same(other, &target)) {
                let detail = format!(
                    "`{key}` is the target `{}` again: the same would go to the same place twice; leave one of them out.",
                    shown(same.name())
                );
                report.at(&span, "config-duplicate-target", detail);
            } else if let Some(first) = named.get(target.name()) {
                let detail = format!(
                    "`{key}` is called `{}`, as `{first}` is; give one of them a `name` of its own.",
                    shown(target.name())
                );
                report.at(&span, "config-duplicate-target", detail);
            } else {
                named.insert(target.name().to_owned(), key);
            }
            targets.push(target);
        }
        targets
    }

    fn target(&mut self, mut section: Section, report: &mut Report) -> Option<FlowTarget> {
        let name = section.text(report, "name").filter(|typed| {
            let right = is_name(typed.value);
            if !right {
                let detail = format!("cannot name a target: {NAME_RULE}.");
                typed.refuse(report, "config-bad-name", detail);
            }
            right
        });
        let name = name.map(|typed| typed.value.to_owned());
        let target = if section.table().contains_key("file") {
            let file = section.text(report, "file");
            for other in ["connection", "operation", "script", "when"] {
                if let Some(typed) = section.any(other) {
                    let detail = "does not go with `file`: a file gets the records as they are. Keep one of them.";
                    typed.refuse(report, "config-bad-value", detail);
                }
            }
            file.and_then(|typed| self.file_target(name, &typed, report))
        } else if section.table().contains_key("connection") {
            let call = self.call(&mut section, report);
            let script = self.script(&mut section, report);
            let when = self.when(&mut section, report);
            // So that a message about unknown keys names it.
            section.any("file");
            call.map(|(connection, operation)| FlowTarget::Operation {
                name: name.unwrap_or_else(|| connection.clone()),
                connection,
                operation,
                script,
                when,
            })
        } else {
            for known in ["file", "connection", "operation", "script", "when"] {
                section.any(known);
            }
            section.refuse(
                report,
                "config-missing",
                "says nothing of where records go: name a `connection` with its `operation`, or a `file`.",
            );
            None
        };
        section.finish(report);
        target
    }

    fn file_target(
        &mut self,
        name: Option<String>,
        typed: &Typed<&str>,
        report: &mut Report,
    ) -> Option<FlowTarget> {
        let path = self.files.inside_or_absolute(typed, report)?;
        let ending = path.extension().and_then(|ending| ending.to_str());
        if !ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
            let detail = "must be the name of a file that ends in .ndjson or .csv.";
            typed.refuse(report, "config-bad-value", detail);
            return None;
        }
        if self.is_anothers(&path) {
            let detail = "is in the folder of another tenant; a flow writes into its own tenant's, or elsewhere.";
            typed.refuse(report, "config-bad-value", detail);
            return None;
        }
        let file_name = path.file_name()?.to_string_lossy().into_owned();
        Some(FlowTarget::File {
            name: name.unwrap_or(file_name),
            path,
        })
    }

    /// Whether a path is below the folder of all tenants, and not below this
    /// one's.
    pub(super) fn is_anothers(&self, path: &Path) -> bool {
        let (path, dir) = (real(path), self.files.real_dir.as_deref());
        dir.is_some_and(|dir| {
            let all = dir.parent();
            all.is_some_and(|all| path.starts_with(all)) && !path.starts_with(dir)
        })
    }

    pub(super) fn confirm(
        &mut self,
        mut section: Section,
        report: &mut Report,
    ) -> Option<FlowConfirm> {
        let call = self.call(&mut section, report);
        let script = self.script(&mut section, report);
        let wait = duration(&mut section, "wait", ("1s", "30d"), report);
        section.finish(report);
        let (connection, operation) = call?;
        Some(FlowConfirm {
            connection,
            operation,
            script,
            wait: wait.unwrap_or(WAIT),
        })
    }

    fn script(&mut self, section: &mut Section, report: &mut Report) -> Option<ScriptSource> {
        let typed = section.text(report, "script")?;
        self.files.script_file(&typed, Beside::Read, report)
    }

    /// `when`: an expression, where others have a file.
    fn when(&mut self, section: &mut Section, report: &mut Report) -> Option<ScriptSource> {
        let typed = section.text(report, "when")?;
        if typed.value.len() > MOST_WHEN {
            let detail = format!(
                "has more than {} KiB; write a script instead.",
                MOST_WHEN >> 10
            );
            typed.refuse(report, "config-out-of-range", detail);
            return None;
        }
        Some(ScriptSource {
            path: self.files.tenant_file(),
            text: typed.value.into(),
            extension: "jq".to_owned(),
            tests: None,
        })
    }
}

/// Whether two targets would do the same.
fn is_same(one: &FlowTarget, other: &FlowTarget) -> bool {
    /// Everything of a target but its name.
    fn what(target: &FlowTarget) -> (&str, &str, [Option<&str>; 2], Option<&Path>) {
        match target {
            FlowTarget::Operation {
                connection,
                operation,
                script,
                when,
                ..
            } => {
                let script = script.as_ref().map(|it| &*it.text);
                let when = when.as_ref().map(|it| &*it.text);
                (connection, operation, [script, when], None)
            }
            FlowTarget::File { path, .. } => ("", "", [None, None], Some(path)),
        }
    }
    what(one) == what(other)
}
