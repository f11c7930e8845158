//! `crossdock call`.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::failure::{Exit, Finished};
use super::terminal::{Paint, clean, note, print_json, sentence};
use super::{Global, read_input};
use crate::config::HostConfig;
use crate::delivery::lines::{Cut, Pieces};
use crate::host::{Call, Host};
use crate::problem::Problem;
use crate::report::{DeliveryStatus, DryRun, ItemStatus, Report};
use crate::telemetry::incoming::Incoming;

pub(super) const HELP: &str = "\
Examples:
  crossdock call acme mini-shop stock.update --input stock.json --dry-run
  echo '{\"sku\":\"1\",\"quantity\":5}' | crossdock call acme mini-shop stock.update
  crossdock call acme mini-shop stock.update --input stock.ndjson

Exit codes:
  0  every item was accepted (with --dry-run: could be sent)
  1  an error; nothing was delivered
  2  some item was not accepted, or only in part
  3  of some item nobody knows whether it was applied; do not just send it again";

/// Bytes that are read of a file of lines at once.
const READ: usize = 64 << 10;

#[derive(Debug, Args)]
pub(super) struct CallArgs {
    /// The tenant
    tenant: String,
    /// One of its connections
    connection: String,
    /// What to do, for instance `stock.update`
    operation: String,
    /// A JSON object or array of objects; with a name in .ndjson or .jsonl, one object
    /// a line, of which up to 1000 are one call; `-` or nothing: stdin
    #[arg(long, short, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Show what would be sent, with secrets and signatures replaced; send nothing
    #[arg(long)]
    dry_run: bool,
    /// Makes the items' keys the same over repeated calls
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

pub(super) async fn run(global: &Global, args: CallArgs) -> Finished {
    let config = global.config()?;
    if let Some(input) = args.input.clone().filter(|input| has_lines(input)) {
        return by_lines(config, args, &input).await;
    }
    let body = read_input(args.input.as_deref(), config.limits.request_body)?;
    let host = Host::start(config, false).await?;
    warn(&host, &args.tenant);
    let call = Call {
        tenant: args.tenant,
        connection: args.connection,
        operation: args.operation,
        body: body.into(),
        idempotency_key: args.idempotency_key,
        trace: Incoming::default(),
    };
    if args.dry_run {
        let dry = host.dry_run(call).await?;
        print_json(&dry)?;
        Ok(exit_of_dry_run(&dry))
    } else {
        let report = host.call(call).await?;
        print_json(&report)?;
        Ok(exit_of(&report))
    }
}

/// Whether a file has one item a line, as its name says.
fn has_lines(input: &Path) -> bool {
    let extension = input.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| ["ndjson", "jsonl"].contains(&extension))
}

/// A file of any length, as calls of its pieces: one report a line. A line that is
/// no item ends it; what is before it has been delivered.
async fn by_lines(config: HostConfig, args: CallArgs, input: &Path) -> Finished {
    let name = input.display().to_string();
    let unreadable = |error: std::io::Error| {
        let why = crate::file_failure::sentence(&error);
        anyhow::anyhow!("the input `{name}` cannot be read: {why}")
    };
    let mut file = std::fs::File::open(input).map_err(unreadable)?;
    let cut = Cut::within(config.limits.items_per_call, config.limits.request_body);
    let host = Host::start(config, false).await?;
    warn(&host, &args.tenant);
    let mut pieces = Pieces::new(cut);
    let mut buffer = vec![0; READ];
    let mut exit = None;
    let mut last = 0;
    loop {
        let read = file.read(&mut buffer).map_err(unreadable)?;
        pieces.push(buffer.get(..read).unwrap_or_default());
        loop {
            let piece = match pieces.next(read == 0) {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(bad) => {
                    let mut problem = *bad.problem;
                    problem.detail = format!(
                        "{name}, line {}: {}; {}",
                        bad.line,
                        problem.detail,
                        told_before(last)
                    );
                    return Err(problem.into());
                }
            };
            let lines = (piece.first_line(), piece.last_line());
            let key = args.idempotency_key.as_deref();
            let call = Call {
                tenant: args.tenant.clone(),
                connection: args.connection.clone(),
                operation: args.operation.clone(),
                idempotency_key: key.map(|key| piece.key(key)),
                body: piece.body.into(),
                trace: Incoming::default(),
            };
            let refused = |mut problem: Problem| {
                problem.detail = format!(
                    "{name}, lines {} to {}: {}; {}",
                    lines.0,
                    lines.1,
                    problem.detail,
                    told_before(last)
                );
                problem
            };
            let came = if args.dry_run {
                let dry = host.dry_run(call).await.map_err(refused)?;
                let came = exit_of_dry_run(&dry);
                print_json(&OfLines::new(lines, dry))?;
                came
            } else {
                let report = host.call(call).await.map_err(refused)?;
                let came = exit_of(&report);
                print_json(&OfLines::new(lines, report))?;
                came
            };
            exit = Some(worse(exit.unwrap_or(Exit::Done), came));
            last = lines.1;
        }
        if read == 0 {
            let empty = || anyhow::anyhow!("the input `{name}` has no line with an item").into();
            return exit.ok_or_else(empty);
        }
    }
}

/// What a report is about, and the report.
#[derive(Serialize)]
struct OfLines<T> {
    lines: [u64; 2],
    #[serde(flatten)]
    report: T,
}

impl<T> OfLines<T> {
    fn new((first, last): (u64, u64), report: T) -> Self {
        Self {
            lines: [first, last],
            report,
        }
    }
}

fn told_before(last: u64) -> String {
    match last {
        0 => "nothing was sent".into(),
        last => format!("what became of lines 1 to {last} is told above"),
    }
}

/// Unknown weighs most, then refused.
fn worse(one: Exit, other: Exit) -> Exit {
    match (one as u8) < (other as u8) {
        true => other,
        false => one,
    }
}

/// Says what did not load, as far as the call could be about it.
fn warn(host: &Host, tenant: &str) {
    let label = Paint::stderr().warn("warning:");
    for plugin in host.plugins() {
        if let Some(refused) = plugin.refused {
            let file = plugin.file.display().to_string();
            note(&format!(
                "{label} {} was refused: {}",
                clean(&file),
                sentence(&refused.reason)
            ));
        }
    }
    let tenants = host.tenants();
    for status in tenants.iter().filter(|status| status.name == tenant) {
        for problem in &status.problems {
            note(&format!("{label} {}", clean(&problem.to_string())));
        }
    }
}

/// Unknown weighs more than refused: whoever acts on the exit code must not
/// repeat what may have been applied.
fn exit_of(report: &Report) -> Exit {
    let unknown = |item: &ItemStatus| *item == ItemStatus::Unknown;
    if report.items.iter().map(|item| &item.status).any(unknown) {
        Exit::Unknown
    } else if matches!(
        report.status,
        DeliveryStatus::Accepted | DeliveryStatus::Queued
    ) {
        Exit::Done
    } else {
        Exit::Refused
    }
}

fn exit_of_dry_run(dry: &DryRun) -> Exit {
    if dry
        .items
        .iter()
        .all(|item| item.status == ItemStatus::Skipped)
    {
        Exit::Done
    } else {
        Exit::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Generations, ItemReport};

    #[test]
    fn the_exit_code_is_as_good_as_the_worst_item() {
        use ItemStatus::*;
        for (statuses, exit) in [
            (&[][..], Exit::Done),
            (&[Accepted, Duplicate, Skipped], Exit::Done),
            (&[Queued], Exit::Done),
            (&[Accepted, Rejected], Exit::Refused),
            (&[Accepted, Failed], Exit::Refused),
            (&[Failed], Exit::Refused),
            (&[Partial], Exit::Refused),
            (&[Partial, Unknown], Exit::Unknown),
            (&[Rejected, Rejected], Exit::Refused),
            (&[Accepted, Unknown], Exit::Unknown),
            (&[Rejected, Unknown, Failed], Exit::Unknown),
        ] {
            let items: Vec<ItemReport> = statuses
                .iter()
                .enumerate()
                .map(|(index, &status)| ItemReport::new(index, status))
                .collect();
            let report = Report {
                delivery: String::new(),
                status: DeliveryStatus::over(&items),
                items,
                requests: Vec::new(),
                generations: Generations {
                    adapter: "".into(),
                    script: None,
                    reply: None,
                    tenant: 1,
                },
                log: Vec::new(),
            };
            assert_eq!(exit_of(&report), exit, "{statuses:?}");
        }
    }
}
