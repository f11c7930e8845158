//! What a run would send: the same way as a run, without anything that stays.

use std::sync::Arc;

use super::call::{reads, route};
use super::page::{Record, raw};
use super::part::Part;
use super::shown::{FlowDryRun, TargetDryRun};
use super::targets::Making;
use super::trouble::Trouble;
use super::{Serves, Shared, source, steps};
use crate::config::{FlowSource, FlowTarget};
use crate::delivery::dry_run::dry_run as requests;
use crate::delivery::item_keys::DeliveryId;
use crate::plugin::manifest::Repeatable;
use crate::problem::Problem;
use crossdock_store::RunId;

/// Records that are shown unless somebody says otherwise.
pub const DRY: usize = 5;

/// Records that are shown at most, whoever asks.
pub const MOST_DRY: usize = 100;

fn said(trouble: Trouble) -> Problem {
    match trouble {
        Trouble::Later(problem) | Trouble::Final(problem) => problem,
    }
}

/// What a run would send of the first records.
pub(super) async fn dry_run(
    shared: &Arc<Shared>,
    part: &Part,
    serves: &Serves,
    limit: usize,
) -> Result<FlowDryRun, Problem> {
    let (tenant, name) = (part.tenant.to_string(), part.name.to_string());
    let row = shared.store(move |store| store.flow_put(&tenant, &name, super::now()));
    let cursor = row.await?.cursor;
    source_reads(part, serves)?;
    let (asked, not_asked) = steps_that_read(part, serves)?;
    let mut source = source::open(shared, part, serves, RunId(0))
        .await
        .map_err(said)?;
    let most = limit.clamp(1, MOST_DRY);
    let fetched = source
        .next(cursor.as_deref(), 0, most)
        .await
        .map_err(said)?;
    let given: Vec<_> = fetched.records.into_iter().take(most).collect();
    let records = given.iter().cloned().map(Record::new).collect();
    let name = format!("flow:{}:dry", part.name);
    let stepped = steps::through_first(shared, part, serves, records, (name.as_str(), asked));
    let stepped = stepped.await.map_err(said)?;
    let problem = |bytes: &[u8]| serde_json::from_slice(bytes).ok();
    let mut dry = FlowDryRun {
        dry_run: true,
        given,
        records: stepped
            .records
            .iter()
            .map(|record| record.json.clone())
            .collect(),
        problems: stepped
            .parked
            .iter()
            .filter_map(|parked| problem(&parked.problem))
            .collect(),
        not_asked,
        targets: Vec::new(),
    };
    if dry.not_asked.is_some() {
        // What targets are given comes of the step that was not asked.
        return Ok(dry);
    }
    let none = Default::default();
    for (index, target) in serves.flow.config.targets.iter().enumerate() {
        let scripts = serves.flow.targets.get(index).unwrap_or(&none);
        let FlowTarget::Operation {
            name,
            connection,
            operation,
            ..
        } = target
        else {
            continue;
        };
        let making = Making {
            shared,
            serves,
            route: route(&serves.snapshot, &part.tenant, connection, operation).map_err(said)?,
        };
        let mut made = making
            .items(&stepped.records, name, scripts)
            .await
            .map_err(said)?;
        if serves.flow.config.changes_only {
            making.only_changes(part, &mut made).await.map_err(said)?;
        }
        let items: Vec<String> = made
            .items
            .iter()
            .map(|item| item.get().to_owned())
            .collect();
        let requests = match items.is_empty() {
            true => None,
            false => {
                let id = DeliveryId::new(&making.route, None);
                Some(requests(making.route.clone(), id, items).await?)
            }
        };
        dry.targets.push(TargetDryRun {
            target: name.clone(),
            skipped: made.left.skipped.len(),
            unchanged: made.left.unchanged.len(),
            problems: made.problems,
            items: made
                .items
                .into_iter()
                .filter_map(|item| raw(item.get().to_owned()))
                .collect(),
            requests,
        });
    }
    Ok(dry)
}

/// Nobody asks for a dry run and finds something changed. A flow whose source
/// writes is refused with its file; this is for an adapter that was replaced since.
fn source_reads(part: &Part, serves: &Serves) -> Result<(), Problem> {
    let FlowSource::Operation {
        connection,
        operation,
        ..
    } = &serves.flow.config.source
    else {
        return Ok(());
    };
    let route = route(&serves.snapshot, &part.tenant, connection, operation).map_err(said)?;
    // As when the file is checked: one that may be repeated and says nothing of what
    // it does to others is asked by every run anyway.
    let compiled = route.compiled();
    let asks = compiled.is_ok_and(|operation| match &operation.order {
        Some(_) => reads(&route),
        None => operation.repeatable == Repeatable::Always,
    });
    match asks {
        true => Ok(()),
        false => Err(Problem::caller(
            "flow-dry-run-changes",
            format!(
                "the source of the flow, operation `{operation}` of connection `{connection}`, may change something, so that a dry run does not ask it; only a run does"
            ),
        )),
    }
}

/// How many steps a dry run asks, and why it does not ask the one behind them.
fn steps_that_read(part: &Part, serves: &Serves) -> Result<(usize, Option<Problem>), Problem> {
    for (index, step) in serves.flow.config.steps.iter().enumerate() {
        let (connection, operation) = (&step.connection, &step.operation);
        let route = route(&serves.snapshot, &part.tenant, connection, operation).map_err(said)?;
        if !reads(&route) {
            let number = index + 1;
            let why = Problem::caller(
                "flow-dry-run-changes",
                format!(
                    "step {number}, operation `{operation}` of connection `{connection}`, may change something, so that a dry run does not ask it; the records are shown as they are before it, and nothing is shown of what comes after it"
                ),
            );
            return Ok((index, Some(why)));
        }
    }
    Ok((serves.flow.config.steps.len(), None))
}
