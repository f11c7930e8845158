//! `crossdock plugin test --record`: an example from a call.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::failure::{Exit, Finished};
use super::super::terminal::{Paint, clean, count, print, print_json};
use super::super::{Global, read_input};
use crate::host::{Call, Host};
use crate::plugin::golden::folder;
use crate::problem::Problem;
use crate::telemetry::incoming::Incoming;

/// What is to be recorded, and where it goes.
pub(super) struct Order<'a> {
    /// `TENANT/CONNECTION/OPERATION`.
    pub of: &'a str,
    /// The items' file.
    pub input: Option<&'a Path>,
    /// The example's name.
    pub name: &'a str,
    /// The folder of all examples.
    pub root: &'a Path,
}

/// What was recorded, for programs.
#[derive(Serialize)]
struct Told {
    example: PathBuf,
    operation: String,
    items: usize,
    requests: usize,
    /// The status of each item, as the adapter reads the answers.
    outcomes: Vec<String>,
    /// Values about persons that were replaced.
    replaced: usize,
}

pub(super) async fn run(global: &Global, plugin: &Path, order: &Order<'_>, json: bool) -> Finished {
    let [tenant, connection, operation] =
        <[&str; 3]>::try_from(order.of.split('/').collect::<Vec<_>>()).map_err(|_| {
            Problem::caller(
                "record-unclear",
                format!(
                    "`{}` names no call: write TENANT/CONNECTION/OPERATION, as in acme/board/price.update",
                    order.of
                ),
            )
        })?;
    let dir = folder_for(order, operation)?;
    let config = global.config()?;
    let body = read_input(order.input, config.limits.request_body)?;
    let host = Host::start(config, false).await?;
    let recorded = host
        .record_example(Call {
            tenant: tenant.to_owned(),
            connection: connection.to_owned(),
            operation: operation.to_owned(),
            body: body.into(),
            idempotency_key: None,
            trace: Incoming::default(),
        })
        .await?;
    let mut example = recorded.example;
    example.name = format!("{operation}: {}", order.name.replace(['-', '_'], " "));
    example.source = Some("A recorded call, with secrets and personal data replaced.".to_owned());
    folder::write(&dir, &example).map_err(|why| Problem::host("examples-unwritable", why))?;
    let outcomes = example.replies.iter().flat_map(|reply| &reply.outcomes);
    let told = Told {
        operation: operation.to_owned(),
        items: example.items.len(),
        requests: example.requests.len(),
        outcomes: outcomes
            .flatten()
            .map(|outcome| outcome.status.clone())
            .collect(),
        replaced: recorded.replaced,
        example: dir,
    };
    if json {
        print_json(&told)?;
    } else {
        print(&told.text(plugin))?;
    }
    Ok(Exit::Done)
}

/// A folder that is not there yet.
fn folder_for(order: &Order<'_>, operation: &str) -> Result<PathBuf, Problem> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if order.name.is_empty() || order.name.starts_with('.') || !order.name.chars().all(plain) {
        return Err(Problem::caller(
            "record-unclear",
            format!(
                "`{}` cannot be an example's folder: use letters, digits, `-` and `_`",
                order.name
            ),
        ));
    }
    let dir = order
        .root
        .join(folder::folder_of(operation))
        .join(order.name);
    if dir.exists() {
        return Err(Problem::caller(
            "example-exists",
            format!(
                "{} is there already: give another name with --name, or remove it",
                dir.display()
            ),
        ));
    }
    Ok(dir)
}

impl Told {
    fn text(&self, plugin: &Path) -> String {
        let paint = Paint::stdout();
        let outcomes = match self.outcomes.is_empty() {
            true => "an answer that the adapter cannot read".to_owned(),
            false => self.outcomes.join(", "),
        };
        format!(
            "{} {}: {}, {}; {}\n{} replaced. Look through its files before you show them to anybody; `crossdock plugin test {}` runs it.\n",
            paint.good("recorded"),
            clean(&self.example.display().to_string()),
            count(self.items, "item"),
            count(self.requests, "request"),
            clean(&outcomes),
            match self.replaced {
                0 => "Secrets were".to_owned(),
                values => format!("Secrets and {} about persons were", count(values, "value")),
            },
            clean(&plugin.display().to_string()),
        )
    }
}
