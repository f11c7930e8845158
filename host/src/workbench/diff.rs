//! What a new mapping script would change: the old one and the new one over the
//! same items, at the same moment, up to the requests that would leave.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Map, Value};

use super::run::{apart, engine_of, read};
use crate::compare::{Difference, differences};
use crate::config::HostConfig;
use crate::delivery::documents;
use crate::delivery::dry_run::dry_run_prepared;
use crate::delivery::exchange;
use crate::delivery::intake::items;
use crate::delivery::item_keys::{Contents, DeliveryId};
use crate::files::{self, Links, Refused};
use crate::plugin::contract::Context;
use crate::problem::Problem;
use crate::recording::{self, Subject};
use crate::reload::checks::compile;
use crate::report::{DryRequest, ItemReport};
use crate::script::Script;
use crate::script::context::Sight;
use crate::serving::route::Route;
use crate::serving::snapshot::Snapshot;

/// What to compare.
#[derive(Debug)]
pub struct CompareRequest {
    /// The new script.
    pub new: PathBuf,
    /// Tenant, connection and operation; where it is not said, the new script's
    /// folder and name tell.
    pub of: Option<Subject>,
    /// Over which items.
    pub items: CompareItems,
}

/// The items that both scripts are run over.
#[derive(Debug)]
pub enum CompareItems {
    /// The newest recorded ones.
    Last(usize),
    /// Those in the `*.json` files of a folder.
    Folder(PathBuf),
}

/// What would change.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// Tenant, connection and operation.
    pub r#for: String,
    /// The script in service; nothing where items are documents as they are.
    pub old: Option<String>,
    /// The new script.
    pub new: String,
    /// Every item, in the order in which it came.
    pub items: Vec<ItemComparison>,
    /// How many of them change.
    pub changed: usize,
}

/// What would change for one item.
#[derive(Debug, Serialize)]
pub struct ItemComparison {
    /// Its position among the items.
    pub index: usize,
    /// Its file and position there, or when it was recorded (Unix
    /// milliseconds).
    pub source: String,
    /// Whether anything changes.
    pub changed: bool,
    /// In the documents: `/0/…` is the first one.
    pub documents: Vec<Difference>,
    /// In the requests that would be sent: `/0/…` is the first one.
    pub requests: Vec<Difference>,
    /// Why it would not be sent, in service now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_problem: Option<Problem>,
    /// Why it would not be sent under the new script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_problem: Option<Problem>,
}

/// Runs both scripts over each item.
///
/// # Errors
/// If there is nothing to compare, or the new script does not compile.
pub async fn compare(
    snapshot: Arc<Snapshot>,
    config: &HostConfig,
    request: &CompareRequest,
) -> Result<Comparison, Problem> {
    let subject = match &request.of {
        Some(subject) => subject.clone(),
        None => guess(&snapshot, &config.tenants_dir, &request.new)?,
    };
    let Subject {
        tenant,
        connection,
        operation,
    } = &subject;
    let old = Route::find(snapshot, tenant, connection, operation)?;
    let script = replacing(&old.snapshot, &old, &request.new)?;
    let new_label = script.label.clone();
    compile(engine_of(&old.snapshot, &request.new)?, &script).await?;
    let new = Route {
        connection: Arc::new(old.connection.with_mapping(operation, script)),
        ..old.clone()
    };
    let sources = sources(config, &subject, &request.items)?;
    // One moment and one id for both, so that time stamps, nonces and keys are
    // the same.
    let moment = exchange::context(&old);
    let id = DeliveryId::new(&old, Some("comparison"));
    let mut items = Vec::with_capacity(sources.len());
    for (index, (source, item)) in sources.into_iter().enumerate() {
        let before = Outcome::of(&old, &id, &moment, &item).await;
        let after = Outcome::of(&new, &id, &moment, &item).await;
        let documents = differences(&before.documents, &after.documents);
        let requests = differences(&before.requests, &after.requests);
        items.push(ItemComparison {
            index,
            source,
            changed: !documents.is_empty() || !requests.is_empty() || before.said() != after.said(),
            documents,
            requests,
            old_problem: before.problem,
            new_problem: after.problem,
        });
    }
    Ok(Comparison {
        r#for: subject.to_string(),
        old: old
            .connection
            .scripts
            .get(operation)
            .map(|script| script.label.clone()),
        new: new_label,
        changed: items.iter().filter(|item| item.changed).count(),
        items,
    })
}

/// The new script in the place of the old one.
fn replacing(snapshot: &Snapshot, route: &Route, path: &Path) -> Result<Script, Problem> {
    let tenant = route.tenant.config.name.clone();
    let engine = engine_of(snapshot, path)?;
    let sight = Sight::new(&tenant, &route.connection.config, &route.operation, engine)
        .map_err(|why| Problem::host("config-bad-value", why))?;
    Ok(apart(tenant, sight, path, read(path)?))
}

/// Which mapping a file is to replace: that of its tenant whose name it bears
/// (`stock.new.jq` for `stock.jq`), or the only one there is.
fn guess(snapshot: &Snapshot, tenants: &Path, new: &Path) -> Result<Subject, Problem> {
    let unclear = |detail: String| Problem::caller("script-unclear", detail);
    let real = |path: &Path| path.canonicalize().ok();
    let (root, path) = (real(tenants), real(new));
    let tenant = root.zip(path.clone()).and_then(|(root, path)| {
        let name = path.strip_prefix(root).ok()?.components().next()?;
        snapshot.tenants.get(name.as_os_str().to_str()?)
    });
    let tenant = tenant.ok_or_else(|| {
        unclear(format!(
            "{} is in no folder of a tenant that serves; say whose mapping it is to replace with --for TENANT/CONNECTION/OPERATION",
            new.display()
        ))
    })?;
    let mut candidates = Vec::new();
    for connection in tenant.config.connections.values() {
        for (operation, source) in &connection.mappings {
            if path.is_some() && real(&source.path) == path {
                return Err(unclear(format!(
                    "{} is the script in service itself; write the change into a copy beside it, as in {}",
                    new.display(),
                    new.with_extension(format!("new.{}", source.extension))
                        .display()
                )));
            }
            let subject = Subject {
                tenant: tenant.config.name.to_string(),
                connection: connection.name.to_string(),
                operation: operation.clone(),
            };
            candidates.push((stem(&source.path), subject));
        }
    }
    let name = stem(new);
    let named: Vec<&(String, Subject)> = candidates
        .iter()
        .filter(|(stem, _)| name.starts_with(stem.as_str()))
        .collect();
    match (&named[..], &candidates[..]) {
        ([(_, subject)], _) | (_, [(_, subject)]) => Ok(subject.clone()),
        _ => {
            let all: Vec<String> = candidates.iter().map(|(_, of)| of.to_string()).collect();
            Err(unclear(format!(
                "{} could replace several mappings; say which with --for: {}",
                new.display(),
                all.join(", ")
            )))
        }
    }
}

/// A file's name up to its first dot.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// The items, each with where it comes from.
fn sources(
    config: &HostConfig,
    subject: &Subject,
    wanted: &CompareItems,
) -> Result<Vec<(String, String)>, Problem> {
    let found: Vec<(String, String)> = match wanted {
        CompareItems::Last(most) => {
            let recorded = recording::read(&config.recording, &config.data_dir, subject, *most)?;
            let recorded = recorded.into_iter();
            recorded
                .map(|item| (item.at_ms.to_string(), item.item.get().to_owned()))
                .collect()
        }
        CompareItems::Folder(dir) => in_folder(config, dir)?,
    };
    if found.is_empty() {
        return Err(Problem::caller(
            "no-items",
            match wanted {
                CompareItems::Last(_) => {
                    "no items of this operation are recorded; name a folder with items with --against"
                        .to_owned()
                }
                CompareItems::Folder(dir) => {
                    format!("{} has no *.json files with items", dir.display())
                }
            },
        ));
    }
    Ok(found)
}

fn in_folder(config: &HostConfig, dir: &Path) -> Result<Vec<(String, String)>, Problem> {
    let unreadable = |path: &Path, error: String| {
        let detail = format!("{} cannot be read: {error}", path.display());
        Problem::caller("items-unreadable", detail)
    };
    let entries = std::fs::read_dir(dir).map_err(|error| unreadable(dir, error.to_string()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    let most = config.limits.items_per_call;
    let mut found = Vec::new();
    for path in files {
        let most_bytes = config.limits.request_body as u64;
        let bytes = files::read(&path, most_bytes, Links::Follow).map_err(|refused| {
            let why = match refused {
                Refused::TooLarge(_) => "it has more bytes than a call may have".into(),
                refused => refused.to_string(),
            };
            unreadable(&path, why)
        })?;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let inside = items(bytes, most).map_err(|problem| Problem {
            detail: format!("{}: {}", path.display(), problem.detail),
            ..problem
        })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        for (index, item) in inside.into_iter().enumerate() {
            found.push((format!("{name}#{index}"), item.get().to_owned()));
        }
        if found.len() > most {
            let detail = format!(
                "{} has more than {most} items, which `[limits] items_per_call` allows",
                dir.display()
            );
            return Err(Problem::caller("too-many-items", detail));
        }
    }
    Ok(found)
}

/// What one script makes of one item.
struct Outcome {
    documents: Value,
    requests: Value,
    problem: Option<Problem>,
}

impl Outcome {
    /// What is said of a failure, wherever it is.
    fn said(&self) -> Option<(&str, &str)> {
        let problem = self.problem.as_ref()?;
        Some((&problem.code, &problem.detail))
    }

    async fn of(route: &Route, id: &DeliveryId, moment: &Context, item: &str) -> Self {
        let mut outcome = Self {
            documents: Value::Array(Vec::new()),
            requests: Value::Array(Vec::new()),
            problem: None,
        };
        outcome.problem = outcome.fill(route, id, moment, item).await.err();
        outcome
    }

    /// As far as it goes. The error is why it would not be sent.
    async fn fill(
        &mut self,
        route: &Route,
        id: &DeliveryId,
        moment: &Context,
        item: &str,
    ) -> Result<(), Problem> {
        let prepared = documents::prepare(route, vec![item.to_owned()]).await?;
        let texts = prepared.documents.iter();
        let values = texts.filter_map(|d| serde_json::from_str(&d.text).ok());
        self.documents = Value::Array(values.collect());
        let dry = dry_run_prepared(route, id, &Contents::default(), prepared, Some(moment)).await?;
        self.requests = dry.requests.iter().map(fields).collect();
        let report = dry.items.into_iter().next();
        match report.and_then(ItemReport::problem) {
            Some(problem) => Err(problem),
            None => Ok(()),
        }
    }
}

/// A request taken apart, so that a difference has a field's name.
fn fields(request: &DryRequest) -> Value {
    let (url, query) = match request.url.split_once('?') {
        Some((url, query)) => (url, pairs(query)),
        None => (request.url.as_str(), Value::Null),
    };
    let headers: Map<String, Value> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str().into()))
        .collect();
    let is_form = headers
        .get("content-type")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let body = match (&request.body, &request.body_base64) {
        (Some(body), _) if is_form => pairs(body),
        (Some(body), _) => json_or_text(body),
        (None, Some(bytes)) => bytes.as_str().into(),
        (None, None) => Value::Null,
    };
    let mut fields = Map::new();
    fields.insert("method".into(), request.method.as_str().into());
    fields.insert("url".into(), url.into());
    fields.insert("query".into(), query);
    fields.insert("headers".into(), Value::Object(headers));
    fields.insert("body".into(), body);
    Value::Object(fields)
}

fn pairs(text: &str) -> Value {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), json_or_text(&decode(value)))
    });
    Value::Object(pairs.collect())
}

/// Objects and arrays are taken apart; everything else stays text.
fn json_or_text(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => value,
        _ => text.into(),
    }
}
