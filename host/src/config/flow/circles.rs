//! Flows of one tenant that would feed each other, or themselves, for ever, and
//! flows that would write the same file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crossdock_sources::FolderSource;

use super::{FlowSource, FlowTarget, folders};
use crate::config::TenantConfig;
use crate::config::mistakes::Report;

/// Reports each circle and each file that two flows write.
///
/// `files` are those that were read for the tenant.
pub(in crate::config) fn check(config: &TenantConfig, files: &[PathBuf], report: &mut Report) {
    let edges = edges(config);
    let found = circles(&edges);
    for circle in &found {
        let names: Vec<&str> = circle.iter().map(|edge| edge.from).collect();
        let Some(first) = circle.first() else {
            continue;
        };
        let way = match circle.len() {
            1 => "what it makes comes back to it".to_owned(),
            _ => format!(
                "what it makes comes back to it ({} -> {})",
                names.join(" -> "),
                first.from
            ),
        };
        let detail = format!(
            "flow `{}` is a circle: {}, so {way}, and the same records would go round for ever; send them elsewhere.",
            first.from, first.how
        );
        refuse(
            config,
            first.from,
            &first.key,
            "config-flow-circle",
            detail,
            report,
        );
    }
    let told: BTreeSet<(&str, &str)> = found
        .iter()
        .flatten()
        .map(|edge| (edge.from, edge.to))
        .collect();
    folders::check(config, &told, report);
    echoes(config, report);
    let files: Vec<PathBuf> = files.iter().map(|file| real(file)).collect();
    shared_files(config, &files, report);
    own_folders(config, &files, report);
}

/// What one flow gives goes into another.
struct Edge<'c> {
    from: &'c str,
    /// The key of the flow that does it.
    key: String,
    /// How, in the words of a message.
    how: String,
    to: &'c str,
}

fn edges(config: &TenantConfig) -> Vec<Edge<'_>> {
    let mut edges = Vec::new();
    for (to, reader) in &config.flows {
        match &reader.source {
            FlowSource::Folder(folder) => into_folder(config, to, folder, &mut edges),
            FlowSource::Webhook(_) => into_webhook(config, to, &mut edges),
            _ => {}
        }
    }
    edges
}

/// Flows that put files into a folder that is read.
fn into_folder<'c>(
    config: &'c TenantConfig,
    to: &'c str,
    folder: &FolderSource,
    edges: &mut Vec<Edge<'c>>,
) {
    let read = real(&folder.folder);
    for (from, flow) in &config.flows {
        if let FlowSource::Folder(source) = &flow.source {
            let moved = [("done", &source.done), ("failed", &source.failed)];
            for (name, _) in moved.into_iter().filter(|(_, path)| real(path) == read) {
                edges.push(Edge {
                    from,
                    key: format!("from.{name}"),
                    how: format!("`{name}` is the folder that flow `{to}` reads"),
                    to,
                });
            }
        }
        for (index, target) in flow.targets.iter().enumerate() {
            let FlowTarget::File { path, .. } = target else {
                continue;
            };
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if folder.reads(&name) && path.parent().is_some_and(|it| real(it) == read) {
                edges.push(Edge {
                    from,
                    key: format!("to.{index}.file"),
                    how: format!("`to[{index}]` writes into the folder that flow `{to}` reads"),
                    to,
                });
            }
        }
    }
}

/// Flows that post to a webhook of this tenant, by a connection that leads there
/// or by what the tenant is told.
fn into_webhook<'c>(config: &'c TenantConfig, to: &'c str, edges: &mut Vec<Edge<'c>>) {
    let leads_there = |path: &str| {
        let webhook = format!("/v1/{}/flows/{to}", config.name);
        path.trim_end_matches('/').ends_with(&webhook)
    };
    let told = config
        .notify
        .as_ref()
        .is_some_and(|it| leads_there(it.url.path()));
    for (from, flow) in &config.flows {
        for (index, target) in flow.targets.iter().enumerate() {
            let FlowTarget::Operation { connection, .. } = target else {
                continue;
            };
            let url = config.connections.get(connection).map(|it| &it.base_url);
            let how = if url.is_some_and(|url| leads_there(url.path())) {
                format!("connection `{connection}` leads to the webhook of flow `{to}`")
            } else if told {
                format!("`[notify]` tells the webhook of flow `{to}` what became of its records")
            } else {
                continue;
            };
            edges.push(Edge {
                from,
                key: format!("to.{index}"),
                how,
                to,
            });
        }
    }
}

/// The circles among the edges, each once and by its first flow.
fn circles<'e, 'c>(edges: &'e [Edge<'c>]) -> Vec<Vec<&'e Edge<'c>>> {
    let mut from: BTreeMap<&str, Vec<&Edge>> = BTreeMap::new();
    for edge in edges {
        from.entry(edge.from).or_default().push(edge);
    }
    let mut found: Vec<Vec<&Edge>> = Vec::new();
    for start in from.keys().copied() {
        if found.iter().flatten().any(|edge| edge.from == start) {
            continue;
        }
        found.extend(way_back(start, &from));
    }
    found
}

/// The shortest way from a flow to itself.
fn way_back<'e, 'c>(
    start: &str,
    from: &BTreeMap<&str, Vec<&'e Edge<'c>>>,
) -> Option<Vec<&'e Edge<'c>>> {
    // By which edge each flow was reached.
    let mut reached: BTreeMap<&str, &'e Edge<'c>> = BTreeMap::new();
    let mut next = vec![start];
    while !next.is_empty() {
        let mut after = Vec::new();
        for edge in next
            .iter()
            .filter_map(|flow| from.get(flow))
            .flatten()
            .copied()
        {
            if reached.contains_key(edge.to) {
                continue;
            }
            reached.insert(edge.to, edge);
            after.push(edge.to);
        }
        if reached.contains_key(start) {
            break;
        }
        next = after;
    }
    let mut way = vec![*reached.get(start)?];
    while let Some(last) = way.last().copied()
        && last.from != start
        && let Some(before) = reached.get(last.from)
    {
        way.push(*before);
    }
    way.reverse();
    Some(way)
}

/// What a platform pushes, sent to the same platform: it may push that again.
fn echoes(config: &TenantConfig, report: &mut Report) {
    for (name, flow) in &config.flows {
        let FlowSource::Inbound { connection: pushes } = &flow.source else {
            continue;
        };
        let echo = flow.targets.iter().position(|target| match target {
            FlowTarget::Operation { connection, .. } => connection == pushes,
            FlowTarget::File { .. } => false,
        });
        let Some(index) = echo.filter(|_| !flow.may_echo) else {
            continue;
        };
        let detail = format!(
            "flow `{name}` may be a circle: what connection `{pushes}` pushes goes to the same connection, whose platform may push it again; \
             write `may_echo = true` into the flow if it does not."
        );
        refuse(
            config,
            name,
            &format!("to.{index}"),
            "config-flow-circle",
            detail,
            report,
        );
    }
}

/// Two flows must not write the same file, nor one a file of the tenant's settings.
fn shared_files(config: &TenantConfig, files: &[PathBuf], report: &mut Report) {
    let mut written: BTreeMap<PathBuf, &str> = BTreeMap::new();
    for (name, flow) in &config.flows {
        for (index, target) in flow.targets.iter().enumerate() {
            let FlowTarget::File { path, .. } = target else {
                continue;
            };
            let key = format!("to.{index}.file");
            let path = real(path);
            if files.contains(&path) {
                let detail = format!(
                    "flow `{name}` would write over a file of this tenant's settings; name another one."
                );
                refuse(config, name, &key, "config-bad-value", detail, report);
            }
            match written.get(&path) {
                Some(other) if *other != &**name => {
                    let detail = format!(
                        "flow `{name}` writes the file that flow `{other}` writes; name another one."
                    );
                    refuse(
                        config,
                        name,
                        &key,
                        "config-duplicate-target",
                        detail,
                        report,
                    );
                }
                _ => {
                    written.insert(path, name);
                }
            }
        }
    }
}

/// A folder whose files are read and moved must not hold the tenant's settings,
/// scripts, tables or secrets.
fn own_folders(config: &TenantConfig, files: &[PathBuf], report: &mut Report) {
    for (name, flow) in &config.flows {
        let FlowSource::Folder(source) = &flow.source else {
            continue;
        };
        let folder = real(&source.folder);
        let Some(file) = files
            .iter()
            .find(|file| file.parent() == Some(folder.as_path()))
        else {
            continue;
        };
        let file = file.file_name().unwrap_or_default().to_string_lossy();
        let detail = format!(
            "flow `{name}` would read and move files of this tenant's settings, as {file}; name a folder of its own."
        );
        refuse(
            config,
            name,
            "from.folder",
            "config-bad-value",
            detail,
            report,
        );
    }
}

pub(super) fn refuse(
    config: &TenantConfig,
    flow: &str,
    key: &str,
    code: &'static str,
    detail: String,
    report: &mut Report,
) {
    let place = config.flows.get(flow).map(|flow| flow.place(key));
    report.in_file(&config.file, place.unwrap_or_default(), code, detail);
}

/// A path by which places can be compared: links resolved as far as it exists,
/// the rest taken as it is written.
pub(super) fn real(path: &Path) -> PathBuf {
    let mut rest = Vec::new();
    let mut there = path;
    loop {
        if let Ok(real) = there.canonicalize() {
            let mut whole = real;
            whole.extend(rest.iter().rev());
            return whole;
        }
        match (there.parent(), there.components().next_back()) {
            (Some(parent), Some(Component::Normal(name))) => {
                rest.push(name);
                there = if parent.as_os_str().is_empty() {
                    Path::new(".")
                } else {
                    parent
                };
            }
            _ => return path.to_owned(),
        }
    }
}
