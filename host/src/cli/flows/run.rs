//! `crossdock flows run`.

use std::time::{Duration, Instant};

use clap::Args;
use crossdock_schedule::Every;

use super::super::Global;
use super::super::deliveries::understood;
use super::super::failure::{Exit, Failure, Finished};
use super::super::terminal::{Paint, note, print, print_json};
use super::asking::{Asking, Host, Pairs};
use super::counts::Run;
use super::dry::Dry;
use super::progress::Progress;
use super::show::run_text;
use crate::flows::MOST_DRY;

pub(super) const HELP: &str = "\
Examples:
  crossdock flows run stock --tenant acme --wait
  crossdock flows run stock --tenant acme --dry-run --limit 5

With --wait, the exit code is 0 if everything was accepted, 2 if something was
refused, parked or has no end yet, and 1 if the run failed.";

/// How often a run is looked at.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(in super::super) struct RunArgs {
    /// The flow
    flow: String,
    /// Show what would be sent, all the way to the requests; queue nothing
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
    /// Records of a dry run, 1 to 100 [default: 5]
    #[arg(long, value_name = "N", requires = "dry_run", value_parser = limit)]
    limit: Option<usize>,
    /// Wait until everything is known of it, with a bar on a terminal
    #[arg(long)]
    wait: bool,
    /// How long to wait, as 90s, 5m or 2h
    #[arg(long, value_name = "TIME", default_value = "1h", requires = "wait", value_parser = interval)]
    at_most: Every,
    /// For programs: what the HTTP interface answers
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: Asking,
}

fn interval(text: &str) -> Result<Every, String> {
    Every::parse(text).map_err(|error| error.to_string())
}

fn limit(text: &str) -> Result<usize, String> {
    let number = text.parse().ok();
    let number = number.filter(|number| (1..=MOST_DRY).contains(number));
    number.ok_or_else(|| format!("it must be a number from 1 to {MOST_DRY}"))
}

pub(super) async fn run(global: &Global, args: RunArgs) -> Finished {
    let host = args.asking.host(global)?;
    let mut pairs = Pairs::new();
    if args.dry_run {
        pairs.push(("dry_run", "true".to_owned()));
        pairs.extend(args.limit.map(|limit| ("limit", limit.to_string())));
    }
    let answer = host.post(&[&args.flow, "run"], &pairs).await?;
    if args.dry_run {
        let dry: Dry = understood(answer.clone())?;
        match args.json {
            true => print_json(&answer)?,
            false => print(&dry.text(Paint::stdout()))?,
        }
        return Ok(if dry.fails() {
            Exit::Refused
        } else {
            Exit::Done
        });
    }
    let begun: Run = understood(answer.clone())?;
    if !args.wait {
        match args.json {
            true => print_json(&answer)?,
            false => print(&format!("run {} has begun\n", begun.run))?,
        }
        return Ok(Exit::Done);
    }
    let (answer, ended) = wait(&host, &args.flow, begun, args.at_most.interval()).await?;
    match args.json {
        true => print_json(&answer)?,
        false => print(&run_text(&ended))?,
    }
    if !ended.has_ended() {
        note("it goes on; `crossdock flows show` says how far it is");
        return Ok(Exit::Refused);
    }
    Ok(ended.exit())
}

/// The run when it has ended, or as it is after so long.
async fn wait(
    host: &Host,
    flow: &str,
    begun: Run,
    at_most: Duration,
) -> Result<(serde_json::Value, Run), Failure> {
    let (progress, since) = (Progress::new(), Instant::now());
    let number = begun.run.to_string();
    progress.show(&begun);
    loop {
        let answer = host.get(&[flow, "runs", &number], &Pairs::new()).await;
        let answer = answer.inspect_err(|_| progress.end())?;
        let run: Run = understood(answer.clone()).inspect_err(|_| progress.end())?;
        if run.has_ended() || since.elapsed() >= at_most {
            progress.end();
            return Ok((answer, run));
        }
        progress.show(&run);
        tokio::time::sleep(LOOK).await;
    }
}
