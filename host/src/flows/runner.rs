//! Ticks to runs, one after the other.

use std::sync::Arc;
use std::time::Duration;

use crossdock_store::{Begun, FlowRow, RunId};

use super::clock::{self, Moment, Next};
use super::events::FlowEvent;
use super::part::Part;
use super::run::{self, Left};
use super::{Found, Serves, Shared, now, source};
use crate::problem::Problem;

/// The pause after the host itself failed.
const HOST_PAUSE: Duration = Duration::from_secs(1);

/// The longest wait: what wakes it does not depend on that.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// What the clock needs to know.
struct Known {
    last: u64,
    free_since: u64,
    busy: Option<(u64, u64)>,
}

/// Runs a flow until it is not in its tenant's file any more, or the host ends.
pub(super) async fn run(shared: Arc<Shared>, part: Arc<Part>, row: FlowRow) {
    let began = now();
    let mut known = Known {
        last: row.last_tick.unwrap_or(row.made),
        free_since: began,
        busy: None,
    };
    let mut free = true;
    while !shared.closing.is_cancelled() {
        let under_way = part.state().run;
        if let Some(run) = under_way {
            let from = now();
            match run::go_on(&shared, &part, run).await {
                Left::Closing => return,
                Left::Ended => {
                    // A person may have begun the next one already.
                    let mut state = part.state();
                    state.run = state.run.filter(|next| *next != run);
                    drop(state);
                    known.busy = Some((from, now()));
                }
            }
            continue;
        }
        let serves = match shared.find(&part) {
            Found::Serves(serves) if !part.state().paused => serves,
            Found::Gone => {
                let key = (part.tenant.clone(), part.name.clone());
                shared.parts().remove(&key);
                part.follow.notify_one();
                // It may be there again already.
                shared.news.notify_one();
                return;
            }
            _ => {
                free = false;
                part.state().next = None;
                part.wait(&shared, LONGEST).await;
                continue;
            }
        };
        if !std::mem::replace(&mut free, true) {
            known.free_since = now();
        }
        match turn(&shared, &part, &serves, &mut known).await {
            Ok(()) => part.goes_on(),
            Err(problem) => {
                part.trouble(problem);
                part.wait(&shared, HOST_PAUSE).await;
            }
        }
    }
}

/// Begins what is due, or waits for it.
async fn turn(
    shared: &Arc<Shared>,
    part: &Part,
    serves: &Serves,
    known: &mut Known,
) -> Result<(), Problem> {
    if source::has_arrived(shared, part, serves).await? {
        begin(shared, part, None, "records arrived").await?;
        return Ok(());
    }
    let moment = Moment {
        now: now(),
        last: known.last,
        free_since: known.free_since,
        busy: known.busy,
    };
    let config = &serves.flow.config;
    let next = clock::next(&config.trigger, config.missed, config.overlap, &moment);
    match next {
        Next::Begin(tick) => {
            // During a run that a person asked for, it waits for its rule.
            if begin(shared, part, Some(tick), "schedule").await? {
                known.last = known.last.max(tick);
            }
        }
        Next::Skip(tick) => {
            let id = part.id;
            let skip = shared.store(move |store| store.flow_skip_tick(id, tick, now()));
            skip.await?;
            known.last = known.last.max(tick);
        }
        Next::At(at) => {
            part.state().next = Some(at);
            let pause = Duration::from_millis(at.saturating_sub(now()));
            part.wait(shared, pause).await;
        }
        Next::Never => {
            part.state().next = None;
            part.wait(shared, LONGEST).await;
        }
    }
    Ok(())
}

/// Begins a run, unless the tick has had its own. False if another one is under
/// way.
async fn begin(
    shared: &Arc<Shared>,
    part: &Part,
    tick: Option<u64>,
    cause: &'static str,
) -> Result<bool, Problem> {
    let begun = write_begin(shared, part, tick, cause).await?;
    if let Begun::New(run) | Begun::Busy(run) = begun {
        part.state().run = Some(run);
    }
    Ok(!matches!(begun, Begun::Busy(_)))
}

/// Writes down that a run begins, and tells whoever listens.
async fn write_begin(
    shared: &Arc<Shared>,
    part: &Part,
    tick: Option<u64>,
    cause: &str,
) -> Result<Begun, Problem> {
    let (id, cause) = (part.id, cause.to_owned());
    let begin = shared.store(move |store| {
        let begun = store.flow_begin(id, tick, &cause, now())?;
        let row = match begun {
            Begun::New(run) => store.run(run)?,
            _ => None,
        };
        Ok((begun, row))
    });
    let (begun, row) = begin.await?;
    if let Some(row) = row {
        shared.feed.tell(FlowEvent::of(part, &row));
    }
    Ok(begun)
}

/// Has a run begin that a person asked for.
///
/// # Errors
/// If a run is under way, or nothing can be written.
pub(super) async fn ask(shared: &Arc<Shared>, part: &Part, by: &str) -> Result<RunId, Problem> {
    match write_begin(shared, part, None, by).await? {
        Begun::New(run) | Begun::Known(run) => {
            part.state().run = Some(run);
            part.wake.notify_one();
            Ok(run)
        }
        Begun::Busy(run) => Err(Problem::caller(
            "flow-busy",
            format!(
                "run {} of flow `{}` is under way; wait until it has ended",
                run.0, part.name
            ),
        )),
        Begun::Passed => Err(Problem::host("internal-error", "the run did not begin")),
    }
}
