//! The source is told what became of its records.

use std::collections::HashMap;
use std::sync::Arc;

use crossdock_store::{RunId, limits};
use serde::Serialize;
use serde_json::value::RawValue;

use super::follow::{self, Target};
use super::page::{Failed, Record, raw};
use super::part::Part;
use super::scripts::through;
use super::trouble::Trouble;
use super::{Serves, Shared};
use crate::config::FlowConfirm;
use crate::problem::{Blame, Problem};
use crate::report::ItemReport;
use crate::serving::route::Route;

/// A page that is to be confirmed.
pub(super) struct Page<'a> {
    pub run: RunId,
    pub number: u32,
    pub records: &'a [Record],
    pub targets: &'a [Target],
}

/// What a confirming script gets.
#[derive(Serialize)]
struct Told<'a> {
    record: &'a RawValue,
    outcomes: &'a [Outcome<'a>],
}

/// What became of a record at a target.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Outcome<'a> {
    target: &'a str,
    operation: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blame: Option<Blame>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
}

/// Queues what the source is told about every record of which the outcomes are
/// known. Returns of how many that are.
pub(super) async fn confirm(
    shared: &Arc<Shared>,
    part: &Part,
    serves: &Serves,
    confirm: &FlowConfirm,
    page: Page<'_>,
) -> Result<u64, Problem> {
    let (connection, operation) = (&confirm.connection, &confirm.operation);
    let snapshot = serves.snapshot.clone();
    let route = Route::find(snapshot, &part.tenant, connection, operation)?;
    let outcomes = outcomes(shared, page.records, page.targets).await?;
    let settled = follow::settled(page.records.len(), page.targets);
    let mut texts = Vec::with_capacity(settled.len());
    for index in settled {
        let told = Told {
            record: &page.records[index].json,
            outcomes: outcomes.get(&index).map_or(&[], Vec::as_slice),
        };
        // One that has no outcome at all was meant for nobody.
        if told.outcomes.is_empty() {
            continue;
        }
        let text = serde_json::to_string(&told);
        texts.push(text.map_err(|_| Problem::host("invalid-json", "an outcome is no JSON"))?);
    }
    let made = match &serves.flow.confirm {
        None => texts
            .into_iter()
            .filter_map(raw)
            .map(|text| Ok(vec![text]))
            .collect(),
        Some(script) => {
            let host = &shared.config.limits;
            let armed = route.connection.armed();
            let redactor = &armed.redactor;
            let made = through(&serves.snapshot, host, script, redactor, texts).await;
            made.map_err(|trouble| match trouble {
                Trouble::Later(problem) | Trouble::Final(problem) => problem,
            })?
        }
    };
    let (mut items, mut confirmed) = (Vec::new(), 0);
    let mut failed: Option<Problem> = None;
    for made in made {
        match made {
            Ok(made) => {
                confirmed += u64::from(!made.is_empty());
                items.extend(made.into_iter().map(|item| item.get().to_owned()));
            }
            Err(problem) => failed = failed.or(Some(problem)),
        }
    }
    if let Some(problem) = failed {
        tracing::warn!(
            target: "crossdock::flows",
            tenant = &*part.tenant,
            flow = &*part.name,
            code = &*problem.code,
            problem = %problem.without_excerpt(),
            "records are not confirmed, since the script of `confirm` fails on them"
        );
    }
    let name = format!("flow:{}:{}:{}:confirm", part.name, page.run.0, page.number);
    for (count, chunk) in items.chunks(limits::ITEMS).enumerate() {
        let keys = shared.outbox.keys(&route, chunk).await?;
        let name = format!("{name}:{count}");
        shared
            .outbox
            .accept_page(&route, chunk.to_vec(), keys, &name)
            .await?;
    }
    Ok(confirmed)
}

/// The outcomes of each record.
async fn outcomes<'a>(
    shared: &Arc<Shared>,
    records: &'a [Record],
    targets: &'a [Target],
) -> Result<HashMap<usize, Vec<Outcome<'a>>>, Problem> {
    let mut outcomes: HashMap<usize, Vec<Outcome<'a>>> = HashMap::new();
    for target in targets {
        let planned = &target.planned;
        let plain = |status| Outcome {
            target: &planned.name,
            operation: &planned.operation,
            status,
            code: None,
            message: None,
            blame: None,
            data: None,
        };
        let failed = |failed: &Failed| Outcome {
            code: Some(failed.code.clone()),
            message: Some(failed.message.clone()),
            blame: Some(failed.blame),
            ..plain("failed")
        };
        let ids = target
            .items
            .iter()
            .flatten()
            .map(|item| item.item)
            .collect();
        let mut ends = shared.outbox.ends(ids).await?.into_iter();
        for (record, item) in planned.of.iter().zip(&target.items) {
            let Some(item) = item else { continue };
            let end = ends.next().flatten();
            let report = end.and_then(|end| serde_json::from_slice::<ItemReport>(&end.result).ok());
            let outcome = Outcome {
                code: item.code.clone(),
                message: item.message.clone(),
                blame: report.as_ref().and_then(|report| report.blame),
                data: report.and_then(|report| report.data),
                ..plain(item.state.as_str())
            };
            outcomes.entry(*record as usize).or_default().push(outcome);
        }
        for record in &planned.left.skipped {
            let outcome = plain("skipped");
            outcomes.entry(*record as usize).or_default().push(outcome);
        }
        for record in &planned.left.unchanged {
            let outcome = plain("unchanged");
            outcomes.entry(*record as usize).or_default().push(outcome);
        }
        for (record, why) in &planned.left.failed {
            let outcome = failed(why);
            outcomes.entry(*record as usize).or_default().push(outcome);
        }
        // What a step failed on goes to no target.
        for (record, why) in records.iter().enumerate() {
            if let Some(why) = &why.failed {
                outcomes.entry(record).or_default().push(failed(why));
            }
        }
    }
    Ok(outcomes)
}
