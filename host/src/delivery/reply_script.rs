//! Results out: an outcome's `data` in the tenant's own field names.
//!
//! When a reply script runs, the platform has answered and nothing can be taken
//! back. So it changes `data` and nothing else, and its own failure stands
//! beside an outcome that stays what it is.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::value::RawValue;

use super::documents::warn_failed;
use crate::budget::bounds::Bounds;
use crate::problem::{Place, Problem};
use crate::report::{ItemReport, ItemStatus};
use crate::script::Script;
use crate::script::apply::apply as run;
use crate::script::runs;
use crate::serving::route::Route;

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
        let what = "a reply script failed; the outcome stays as it is";
        warn_failed(route, first, 1 + failed.count(), what);
    }
}

async fn reshape(
    route: &Route,
    script: &Script,
    originals: &[String],
    items: &mut [ItemReport],
    deadline: Instant,
) {
    let (positions, inputs, beyond) = inputs(originals, items, &route.bounds);
    for position in beyond {
        let detail = "the results take more memory than a call has; `data` stays as it is";
        if let Some(report) = items.get_mut(position) {
            fail(report, failed(script, "call-too-large", detail));
        }
    }
    if inputs.is_empty() {
        return;
    }
    let time = deadline
        .saturating_duration_since(Instant::now())
        .max(LEAST_TIME);
    let applied = async {
        let armed = route.connection.armed();
        let redactor = &armed.redactor;
        run(
            route.engine(script)?,
            script,
            &inputs,
            redactor,
            &route.bounds,
        )
        .await
    };
    let results = match tokio::time::timeout(time, applied).await {
        Ok(Ok(prepared)) => runs(prepared),
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

/// The outcomes that have data, and which item each is about; and the items for
/// whose outcomes the call has no memory left.
fn inputs(
    originals: &[String],
    items: &[ItemReport],
    bounds: &Bounds,
) -> (Vec<usize>, Vec<String>, Vec<usize>) {
    let (mut positions, mut inputs, mut beyond) = (Vec::new(), Vec::new(), Vec::new());
    for ((position, report), original) in items.iter().enumerate().zip(originals) {
        let Some(data) = report.data.as_deref() else {
            continue;
        };
        if !bounds.take(data.get().len() + original.len()) {
            beyond.push(position);
            continue;
        }
        let Ok(item) = serde_json::from_str(original) else {
            continue;
        };
        let outcome = Outcome {
            index: report.index,
            status: report.status,
            code: report.code.as_deref(),
            message: report.message.as_deref(),
            data,
            item,
        };
        if let Ok(input) = serde_json::to_string(&outcome) {
            positions.push(position);
            inputs.push(input);
        }
    }
    (positions, inputs, beyond)
}

fn failed(script: &Script, code: &'static str, detail: &str) -> Problem {
    let detail = format!("reply script: {detail}");
    Problem::script(code, detail).place(Place::whole(&script.path))
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
