//! Results out: an outcome's `data` in the tenant's own field names.
//!
//! When a reply script runs, the platform has answered and nothing can be taken
//! back. So it changes `data` and nothing else, and its own failure stands
//! beside an outcome that stays what it is.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::value::RawValue;

use crate::delivery::connection::PreparedScript;
use crate::delivery::documents::{apply as run, engine_for};
use crate::delivery::intake::Route;
use crate::delivery::report::{ItemReport, ItemStatus};
use crate::problem::{Place, Problem};

/// Time for replies that is left in any case, also when sending took all there
/// was: less than what the interfaces wait beyond a call's own time.
const LEAST_TIME: Duration = Duration::from_secs(1);

/// What a reply script gets as its item.
#[derive(Serialize)]
struct Outcome<'a> {
    index: usize,
    status: ItemStatus,
    code: Option<&'a str>,
    message: Option<&'a str>,
    /// The operation's result document, or the parts of an item that became
    /// several documents.
    data: &'a RawValue,
    /// What the caller sent.
    item: &'a RawValue,
}

/// Whether the operation has a reply script.
pub fn wanted(route: &Route) -> bool {
    route.connection.replies.contains_key(&route.operation)
}

/// Reshapes the `data` of every item that has some. `originals` are the
/// caller's items, `deadline` is that of the call.
pub async fn apply(
    route: &Route,
    originals: &[String],
    items: &mut [ItemReport],
    deadline: Instant,
) {
    let Some(script) = route.connection.replies.get(&route.operation) else {
        return;
    };
    reshape(route, script, originals, items, deadline).await;
    let mut failed = items.iter().filter_map(|item| item.reply_error.as_deref());
    if let Some(first) = failed.next() {
        tracing::warn!(
            target: "crossdock::script",
            tenant = &*route.tenant.config.name,
            connection = &*route.connection.config.name,
            operation = route.operation,
            code = first.code,
            failed = 1 + failed.count(),
            problem = %first.without_excerpt(),
            "a reply script failed; the outcome stays as it is"
        );
    }
}

async fn reshape(
    route: &Route,
    script: &PreparedScript,
    originals: &[String],
    items: &mut [ItemReport],
    deadline: Instant,
) {
    let (positions, inputs) = inputs(originals, items);
    if inputs.is_empty() {
        return;
    }
    let time = deadline
        .saturating_duration_since(Instant::now())
        .max(LEAST_TIME);
    let applied = async {
        let redactor = &route.connection.redactor;
        run(engine_for(route, script)?, script, &inputs, redactor).await
    };
    let results = match tokio::time::timeout(time, applied).await {
        Ok(Ok(prepared)) => super::runs(prepared),
        Ok(Err(problem)) => return all_failed(items, &positions, &problem),
        Err(_) => {
            let problem = failed(script, "script-deadline", "the call's time was over");
            return all_failed(items, &positions, &problem);
        }
    };
    for result in results {
        let Some(report) = positions
            .get(result.index)
            .and_then(|position| items.get_mut(*position))
        else {
            continue;
        };
        let mut documents = result.documents.into_iter();
        match (result.problem, documents.next(), documents.len()) {
            (Some(problem), ..) => fail(report, problem),
            // `empty`, or `undefined`: there is nothing to say.
            (None, None, _) => report.data = None,
            (None, Some(data), 0) => report.data = Some(data),
            (None, Some(_), more) => {
                let detail = format!("it gave {} results for one item; give one", more + 1);
                fail(report, failed(script, "reply-not-one", &detail));
            }
        }
    }
}

/// The outcomes that have data, and which item each is about.
fn inputs(originals: &[String], items: &[ItemReport]) -> (Vec<usize>, Vec<String>) {
    let with_data = items.iter().enumerate().zip(originals);
    with_data
        .filter_map(|((position, report), original)| {
            let outcome = Outcome {
                index: report.index,
                status: report.status,
                code: report.code.as_deref(),
                message: report.message.as_deref(),
                data: report.data.as_deref()?,
                item: serde_json::from_str(original).ok()?,
            };
            Some((position, serde_json::to_string(&outcome).ok()?))
        })
        .unzip()
}

fn failed(script: &PreparedScript, code: &'static str, detail: &str) -> Problem {
    let detail = format!("reply script: {detail}");
    Problem::script(code, detail).place(Place {
        file: script.path.clone(),
        line: 0,
        column: 0,
        source: None,
    })
}

fn all_failed(items: &mut [ItemReport], positions: &[usize], problem: &Problem) {
    for position in positions {
        if let Some(report) = items.get_mut(*position) {
            fail(report, problem.clone());
        }
    }
}

fn fail(report: &mut ItemReport, mut problem: Problem) {
    problem.item = Some(report.index);
    report.reply_error = Some(Box::new(problem));
}
