//! Records to a file, once per run: a page at a time, and whole at the run's end.

use std::path::PathBuf;
use std::sync::Arc;

use crossdock_sources::{Failure, ResultFile};
use crossdock_store::RunId;
use serde_json::value::RawValue;

use super::page::{ForTarget, Record};
use super::part::Part;
use super::{Found, Serves, Shared};
use crate::config::FlowTarget;
use crate::problem::Problem;

/// What a file gets of a page: every record that no step left out.
pub(super) fn items(records: &[Record], name: &str) -> ForTarget {
    let wanted = records.iter().filter(|record| record.is_for(name));
    ForTarget {
        name: name.to_owned(),
        items: wanted.map(|record| record.json.clone()).collect(),
        ..ForTarget::default()
    }
}

/// The file of a target that is one.
pub(super) fn path(serves: Option<&Serves>, name: &str) -> Option<PathBuf> {
    serves?
        .flow
        .config
        .targets
        .iter()
        .find_map(|target| match target {
            FlowTarget::File { name: known, path } if known == name => Some(path.clone()),
            _ => None,
        })
}

/// Writes a page's records. The same page again takes the place of what is there.
pub(super) async fn page(
    path: PathBuf,
    run: RunId,
    number: u32,
    items: Vec<Box<RawValue>>,
) -> Result<(), Problem> {
    off_the_threads(move || {
        let file = ResultFile::new(&path, run.0)?;
        file.page(number, items.iter().map(|item| item.get()))
    })
    .await
}

/// Gives the files of a run their names. Pages that were written are in them,
/// however the run ended.
pub(super) async fn finish(shared: &Arc<Shared>, part: &Part, run: RunId) -> Result<(), Problem> {
    let Found::Serves(serves) = shared.find(part) else {
        return Ok(());
    };
    for target in &serves.flow.config.targets {
        let FlowTarget::File { path, .. } = target else {
            continue;
        };
        let path = path.clone();
        let made = off_the_threads(move || ResultFile::new(&path, run.0)?.finish()).await?;
        if let Some(made) = made {
            tracing::info!(
                target: "crossdock::flows",
                tenant = &*part.tenant,
                flow = &*part.name,
                run = run.0,
                file = %made.display(),
                "a run's records are in a file"
            );
        }
    }
    Ok(())
}

async fn off_the_threads<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|_| Problem::host("flow-file", "writing a file was cut short"))?;
    done.map_err(|failure| Problem::host("flow-file", failure.sentence))
}
