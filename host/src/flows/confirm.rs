//! The source is told what became of its records.

use std::collections::HashMap;
use std::sync::Arc;

use crossdock_store::{RunId, limits};
use serde::Serialize;
use serde_json::value::RawValue;

use super::follow::Target;
use super::page::{Failed, Record, Told, raw};
use super::part::Part;
use super::scripts::through;
use super::trouble::Trouble;
use super::{Serves, Shared};
use crate::config::FlowConfirm;
use crate::problem::{Blame, Problem};
use crate::report::ItemReport;
use crate::serving::route::Route;

/// Records of a page that are to be confirmed.
pub(super) struct Page<'a> {
    pub run: RunId,
    pub number: u32,
    /// How often some of its records were confirmed before.
    pub round: usize,
    /// Which records.
    pub of: &'a [u32],
    pub records: &'a [Record],
    pub targets: &'a [Target],
}

/// What a confirming script gets.
#[derive(Serialize)]
struct Says<'a> {
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

/// Queues what the source is told about records of which all outcomes are known.
/// Done again, it queues nothing again.
pub(super) async fn confirm(
    shared: &Arc<Shared>,
    part: &Part,
    serves: &Serves,
    confirm: &FlowConfirm,
    page: Page<'_>,
) -> Result<Told, Problem> {
    let (connection, operation) = (&confirm.connection, &confirm.operation);
    let snapshot = serves.snapshot.clone();
    let route = Route::find(snapshot, &part.tenant, connection, operation)?;
    let outcomes = outcomes(shared, page.records, page.targets).await?;
    let (mut texts, mut of) = (Vec::new(), Vec::new());
    for record in page.of {
        let index = *record as usize;
        let outcomes = outcomes.get(&index).map_or(&[][..], Vec::as_slice);
        let Some(given) = page.records.get(index) else {
            continue;
        };
        // One that has no outcome at all was meant for nobody.
        if outcomes.is_empty() {
            continue;
        }
        let says = Says {
            record: &given.json,
            outcomes,
        };
        let text = serde_json::to_string(&says);
        texts.push(text.map_err(|_| Problem::host("invalid-json", "an outcome is no JSON"))?);
        of.push(*record);
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
    let mut told = Told::default();
    let mut items = Vec::new();
    let mut failed: Option<Problem> = None;
    for (record, made) in of.into_iter().zip(made) {
        match made {
            Ok(made) => {
                told.of.extend(made.iter().map(|_| record));
                items.extend(made.into_iter().map(|item| item.get().to_owned()));
            }
            Err(problem) => {
                told.failed += 1;
                failed = failed.or(Some(problem));
            }
        }
    }
    if let Some(problem) = failed {
        tracing::warn!(
            target: "crossdock::flows",
            tenant = &*part.tenant,
            flow = &*part.name,
            run = page.run.0,
            records = told.failed,
            code = &*problem.code,
            problem = %problem.without_excerpt(),
            "records are not confirmed, since the script of `confirm` fails on them; the first one is told"
        );
    }
    let mut name = format!("flow:{}:{}:{}:confirm", part.name, page.run.0, page.number);
    if page.round > 0 {
        name += &format!(":late-{}", page.round);
    }
    for (count, chunk) in items.chunks(limits::ITEMS).enumerate() {
        let keys = shared.outbox.keys(&route, chunk).await?;
        let name = format!("{name}:{count}");
        let queued = shared
            .outbox
            .accept_page(&route, chunk.to_vec(), keys, &name)
            .await?;
        told.deliveries.push(queued.to_string());
    }
    Ok(told)
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
