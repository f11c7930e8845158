//! `crossdock flows pause`, `resume` and `resync`.

use clap::Args;
use serde::Deserialize;

use super::super::Global;
use super::super::deliveries::understood;
use super::super::failure::{Exit, Finished};
use super::super::terminal::{count, print, print_json, sentence};
use super::asking::{Asking, Pairs};
use super::list::Flow;

pub(super) const RESYNC_HELP: &str = "\
Example:
  crossdock flows resync stock --tenant acme --target mini-shop";

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

#[derive(Debug, Deserialize)]
struct Resynced {
    forgotten: u64,
}

pub(super) async fn pause(global: &Global, args: FlowArgs) -> Finished {
    change(global, args, "pause").await
}

pub(super) async fn resume(global: &Global, args: FlowArgs) -> Finished {
    change(global, args, "resume").await
}

async fn change(global: &Global, args: FlowArgs, how: &str) -> Finished {
    let host = args.asking.host(global)?;
    let answer = host.post(&[&args.flow, how], &Pairs::new()).await?;
    if args.json {
        print_json(&answer)?;
    } else {
        let flow: Flow = understood(answer)?;
        print(&format!("{} is {}\n", sentence(&flow.flow), flow.state))?;
    }
    Ok(Exit::Done)
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
        print(&format!(
            "it is forgotten what targets have of {}; the next run sends everything\n",
            count(forgotten, "record")
        ))?;
    }
    Ok(Exit::Done)
}
