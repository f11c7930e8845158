//! A call of an operation that a flow makes at once: its source, its steps.

use super::trouble::Trouble;
use crate::budget::bounds::Bounds;
use crate::config::HostConfig;
use crate::delivery::item_keys::DeliveryId;
use crate::delivery::order;
use crate::delivery::path::deliver;
use crate::outbox::{CallJournal, Outbox};
use crate::plugin::manifest::Repeatable;
use crate::problem::{Blame, Problem};
use crate::report::{ItemReport, ItemStatus, Report};
use crate::serving::route::Route;
use crate::serving::snapshot::Snapshot;
use std::sync::Arc;

/// What serves under a flow's names. What is missing now may be there again later.
pub(super) fn route(
    snapshot: &Arc<Snapshot>,
    tenant: &str,
    connection: &str,
    operation: &str,
) -> Result<Route, Trouble> {
    let found = Route::find(snapshot.clone(), tenant, connection, operation);
    found.map_err(Trouble::Later)
}

/// Delivers items now, at most as many as a call may have. With the same name, the
/// same item has the same key at its platform.
pub(super) async fn call(
    outbox: &Outbox,
    config: &HostConfig,
    mut route: Route,
    items: Vec<String>,
    name: &str,
) -> Result<Report, Trouble> {
    route.bounds = Bounds::of(&config.limits, None);
    let id = DeliveryId::new(&route, Some(name));
    let limits = &config.limits;
    let repeatable = route.compiled().map(|operation| operation.repeatable);
    let operation = route.observed.operation.clone();
    let answered = match repeatable {
        Ok(Repeatable::Always) => deliver(route, limits, id, items, None).await,
        _ => {
            // As with any call: what must not be repeated is written down first.
            let journal = CallJournal::new(outbox.clone(), route.clone(), items.clone());
            let report = deliver(route, limits, id, items, Some(&journal)).await;
            match report {
                Ok(mut report) => {
                    journal.settle(&mut report).await;
                    Ok(report)
                }
                Err(problem) => Err(problem),
            }
        }
    };
    operation.answered(&answered);
    answered.map_err(Trouble::of)
}

/// Whether an operation only reads.
pub(super) fn reads(route: &Route) -> bool {
    let compiled = route.compiled();
    compiled.is_ok_and(|operation| order::reads(operation.order.as_ref()))
}

/// What an item's report means for a flow.
#[derive(Debug)]
pub(super) enum Answer {
    /// It was taken, with this result.
    Data(Option<Box<serde_json::value::RawValue>>),
    /// The connection's mapping makes nothing of it.
    Skipped,
    /// It may be tried again.
    Later(Problem),
    /// It will not do better by itself.
    Never(Problem),
}

/// What an item's report means. `reads`: asking once more harms nothing.
pub(super) fn answer(report: ItemReport, reads: bool) -> Answer {
    let again = report.goes_again
        || report.untried
        || matches!(report.blame, Some(Blame::Host | Blame::Platform));
    match report.status {
        ItemStatus::Accepted | ItemStatus::Duplicate => Answer::Data(report.data),
        ItemStatus::Skipped => Answer::Skipped,
        ItemStatus::Failed if again => Answer::Later(problem(report)),
        ItemStatus::Unknown if reads => Answer::Later(problem(report)),
        ItemStatus::Rejected
        | ItemStatus::Failed
        | ItemStatus::Unknown
        | ItemStatus::Partial
        | ItemStatus::Queued => Answer::Never(problem(report)),
    }
}

fn problem(report: ItemReport) -> Problem {
    let status = report.status;
    let (code, message) = (report.code.clone(), report.message.clone());
    let problem = report.problem().map(|problem| Problem {
        item: None,
        ..problem
    });
    problem.unwrap_or_else(|| {
        let message = message.unwrap_or_else(|| format!("it was answered as {status:?}"));
        Problem::new(
            Blame::Platform,
            code.unwrap_or("not-accepted".into()),
            message,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(blame: Blame) -> ItemReport {
        ItemReport::failed(0, Problem::new(blame, "code", "why"))
    }

    #[test]
    fn what_a_platform_or_the_host_fails_on_is_tried_again_and_nothing_else() {
        for blame in [Blame::Host, Blame::Platform] {
            assert!(matches!(answer(failed(blame), true), Answer::Later(_)));
        }
        for blame in [Blame::Caller, Blame::Script, Blame::Adapter] {
            assert!(matches!(answer(failed(blame), true), Answer::Never(_)));
        }
    }

    #[test]
    fn what_may_have_been_applied_is_asked_again_only_if_it_reads() {
        let report = ItemReport::new(0, ItemStatus::Unknown);
        assert!(matches!(answer(report.clone(), true), Answer::Later(_)));
        assert!(matches!(answer(report, false), Answer::Never(_)));
    }

    #[test]
    fn what_a_platform_refuses_keeps_its_words() {
        let mut report = ItemReport::new(0, ItemStatus::Rejected);
        report.code = Some("E7".into());
        report.message = Some("no such article".into());
        let Answer::Never(problem) = answer(report, true) else {
            panic!("it is refused");
        };
        assert_eq!(
            (&*problem.code, &*problem.detail),
            ("E7", "no such article")
        );
    }
}
