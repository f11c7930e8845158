//! `crossdock call`.

use std::path::PathBuf;

use clap::Args;

use super::failure::{Exit, Finished};
use super::terminal::{Paint, clean, note, print_json, sentence};
use super::{Global, read_input};
use crate::host::{Call, Host};
use crate::report::{DeliveryStatus, DryRun, ItemStatus, Report};
use crate::telemetry::incoming::Incoming;

pub(super) const HELP: &str = "\
Examples:
  crossdock call acme mini-shop stock.update --input stock.json --dry-run
  echo '{\"sku\":\"1\",\"quantity\":5}' | crossdock call acme mini-shop stock.update

Exit codes:
  0  every item was accepted (with --dry-run: could be sent)
  1  an error; nothing was delivered
  2  some item was not accepted, or only in part
  3  of some item nobody knows whether it was applied; do not just send it again";

#[derive(Debug, Args)]
pub(super) struct CallArgs {
    /// The tenant
    tenant: String,
    /// One of its connections
    connection: String,
    /// What to do, for instance `stock.update`
    operation: String,
    /// A JSON object or array of objects; `-` or nothing: stdin
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
