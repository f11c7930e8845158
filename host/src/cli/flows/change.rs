//! `crossdock flows pause`, `resume`, `resync`, and `retry` and `discard` of what is
//! parked.

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::super::Global;
use super::super::deliveries::understood;
use super::super::failure::{Exit, Failure, Finished};
use super::super::terminal::{count, print, print_json, sentence};
use super::asking::{Asking, Pairs};
use super::list::Flow;

pub(super) const RESYNC_HELP: &str = "\
Example:
  crossdock flows resync stock --tenant acme --target mini-shop";

pub(super) const RETRY_HELP: &str = "\
Examples:
  crossdock flows retry stock --tenant acme
  crossdock flows retry stock --tenant acme --id 17";

pub(super) const DISCARD_HELP: &str = "\
Examples:
  crossdock flows discard stock --tenant acme --id 17
  crossdock flows discard stock --tenant acme";

#[derive(Debug, Args)]
pub(in super::super) struct FlowArgs {
    /// The flow
    flow: String,
    /// For programs: what the HTTP interface answers
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(in super::super) struct ResyncArgs {
    /// The flow
    flow: String,
    /// Only what this target has
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// For programs: what the HTTP interface answers
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(in super::super) struct ParkedArgs {
    /// The flow
    flow: String,
    /// Only this parked record, by the number that `flows show` prints
    #[arg(long, value_name = "N")]
    id: Option<u64>,
    /// For programs: what the HTTP interface answers
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Deserialize)]
struct Resynced {
    forgotten: u64,
}

#[derive(Debug, Deserialize)]
struct Retried {
    retried: u64,
    #[serde(default)]
    run: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Discarded {
    discarded: u64,
}

pub(super) async fn pause(global: &Global, args: FlowArgs) -> Finished {
    let host = args.asking.host(global)?;
    let answer = host.post(&[&args.flow, "pause"], &Pairs::new()).await?;
    if args.json {
        print_json(&answer)?;
    } else {
        print(&paused(&understood(answer)?))?;
    }
    Ok(Exit::Done)
}

pub(super) async fn resume(global: &Global, args: FlowArgs) -> Finished {
    let host = args.asking.host(global)?;
    // What it is now does not say what it was.
    let before: Option<Flow> = match args.json {
        true => None,
        false => Some(understood(host.get(&[&args.flow], &Pairs::new()).await?)?),
    };
    let answer = host.post(&[&args.flow, "resume"], &Pairs::new()).await?;
    match before {
        None => print_json(&answer)?,
        Some(before) => print(&resumed(&before, &understood(answer)?))?,
    }
    Ok(Exit::Done)
}

/// What a flow does after it was told to pause.
fn paused(flow: &Flow) -> String {
    let name = sentence(&flow.flow);
    match (flow.state.as_str(), flow.run) {
        ("running" | "retrying", Some(run)) => {
            format!(
                "{name} pauses behind the page under way of run {run}; no run begins any more\n"
            )
        }
        _ => format!("{name} is {}\n", flow.state),
    }
}

/// What a flow does after it was told to go on.
fn resumed(before: &Flow, flow: &Flow) -> String {
    let was = match before.paused || before.state == "paused" {
        true => "is not paused any more",
        false => "was not paused",
    };
    format!("{} {was}; it is {}\n", sentence(&flow.flow), flow.state)
}

pub(super) async fn resync(global: &Global, args: ResyncArgs) -> Finished {
    let host = args.asking.host(global)?;
    let pairs = args.target.map(|target| ("target", target));
    let pairs: Pairs = pairs.into_iter().collect();
    let answer = host.post(&[&args.flow, "resync"], &pairs).await?;
    if args.json {
        print_json(&answer)?;
    } else {
        let done: Resynced = understood(answer)?;
        let forgotten = usize::try_from(done.forgotten).unwrap_or(usize::MAX);
        print(&resynced(forgotten))?;
    }
    Ok(Exit::Done)
}

/// What follows from a resync.
fn resynced(forgotten: usize) -> String {
    match forgotten {
        0 => "there was nothing to forget: only a flow with `changes_only` remembers what its targets have\n".to_owned(),
        _ => format!(
            "it is forgotten what targets have of {}; the cursor stays where it is, so that the next run sends whatever its source gives then, and leaves nothing out as unchanged\n",
            count(forgotten, "record")
        ),
    }
}

impl ParkedArgs {
    /// Has something done about what is parked.
    async fn ask(self, global: &Global, what: &str) -> Result<Value, Failure> {
        let host = self.asking.host(global)?;
        let pairs = self.id.map(|id| ("id", id.to_string()));
        let pairs: Pairs = pairs.into_iter().collect();
        host.post(&[&self.flow, "parked", what], &pairs).await
    }
}

pub(super) async fn retry(global: &Global, args: ParkedArgs) -> Finished {
    let json = args.json;
    let answer = args.ask(global, "retry").await?;
    if json {
        print_json(&answer)?;
    } else {
        print(&retried(&understood(answer)?))?;
    }
    Ok(Exit::Done)
}

pub(super) async fn discard(global: &Global, args: ParkedArgs) -> Finished {
    let json = args.json;
    let answer = args.ask(global, "discard").await?;
    if json {
        print_json(&answer)?;
    } else {
        print(&discarded(&understood(answer)?))?;
    }
    Ok(Exit::Done)
}

/// What follows from having parked records go again.
fn retried(done: &Retried) -> String {
    let records = parked(done.retried);
    match (done.retried, done.run) {
        (0, _) => "no parked record goes again: none is there, or each of them is on its way in a run or cannot be read now\n".to_owned(),
        (1, Some(run)) => format!("{records} goes again, with run {run}\n"),
        (1, None) => format!("{records} goes again with the next run\n"),
        (_, Some(run)) => format!("{records} go again, with run {run}\n"),
        (_, None) => format!("{records} go again with the next run\n"),
    }
}

/// What follows from giving them up.
fn discarded(done: &Discarded) -> String {
    let records = parked(done.discarded);
    match done.discarded {
        0 => {
            "no parked record was given up: none is there, or each of them is on its way in a run\n"
                .to_owned()
        }
        1 => format!("{records} was given up\n"),
        _ => format!("{records} were given up\n"),
    }
}

fn parked(records: u64) -> String {
    let records = usize::try_from(records).unwrap_or(usize::MAX);
    count(records, "parked record")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flow(state: &str, paused: bool) -> Flow {
        let flow = json!({"flow": "erp", "source": "operation", "from": "stock.pending of erp",
            "runs": "every 5m", "state": state, "paused": paused, "run": 7});
        serde_json::from_value(flow).unwrap()
    }

    #[test]
    fn a_flow_that_pauses_says_when() {
        assert_eq!(
            paused(&flow("running", true)),
            "erp pauses behind the page under way of run 7; no run begins any more\n"
        );
        assert_eq!(paused(&flow("paused", true)), "erp is paused\n");
    }

    #[test]
    fn a_flow_that_goes_on_says_whether_it_was_paused() {
        let idle = flow("idle", false);
        assert_eq!(
            resumed(&flow("paused", true), &idle),
            "erp is not paused any more; it is idle\n"
        );
        assert_eq!(resumed(&idle, &idle), "erp was not paused; it is idle\n");
        // It was about to pause.
        let running = flow("running", false);
        assert_eq!(
            resumed(&flow("running", true), &running),
            "erp is not paused any more; it is running\n"
        );
    }

    #[test]
    fn what_becomes_of_parked_records_is_said_in_full() {
        let said = |retried, run| super::retried(&Retried { retried, run });
        assert_eq!(
            said(1, Some(17)),
            "1 parked record goes again, with run 17\n"
        );
        assert_eq!(
            said(2, Some(17)),
            "2 parked records go again, with run 17\n"
        );
        assert_eq!(
            said(2, None),
            "2 parked records go again with the next run\n"
        );
        assert!(said(0, None).starts_with("no parked record goes again: "));
        let said = |discarded| super::discarded(&Discarded { discarded });
        assert_eq!(said(1), "1 parked record was given up\n");
        assert_eq!(said(3), "3 parked records were given up\n");
        assert!(said(0).starts_with("no parked record was given up: "));
    }

    #[test]
    fn a_resync_promises_what_the_next_run_does() {
        let said = resynced(344);
        assert!(said.contains("344 records; the cursor stays"), "{said}");
        assert!(resynced(0).starts_with("there was nothing to forget"));
    }
}
