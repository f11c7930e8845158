//! `crossdock script diff`.

use std::path::PathBuf;

use clap::Args;

use super::super::Global;
use super::super::failure::{Exit, Finished};
use super::super::terminal::{Paint, clean, count, print, print_json, sentence};
use super::show_differences;
use crate::compare::Difference;
use crate::host::Host;
use crate::recording::Subject;
use crate::workbench::diff::{CompareItems, CompareRequest, Comparison, ItemComparison};

/// Recorded items that are compared where nothing is said.
const LAST: usize = 100;

pub(super) const HELP: &str = "\
Runs the script in service and the new one over the same items and shows, for each, which fields of its documents
and of the requests would change. Nothing is sent. The new script lies beside the old one, as stock.new.jq beside stock.jq.

Exit codes:
  0  nothing would change
  1  an error
  2  some item would change

Examples:
  crossdock script diff tenants/acme/stock.new.jq
  crossdock script diff tenants/acme/stock.new.jq --last 20
  crossdock script diff /tmp/stock.js --for acme/mini-shop/stock.update --against samples/";

#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArgs {
    /// The new script
    new: PathBuf,
    /// Over the items in the *.json files of this folder
    #[arg(long, value_name = "DIR", conflicts_with = "last")]
    against: Option<PathBuf>,
    /// Over the last N recorded items [default: 100]
    #[arg(long, value_name = "N")]
    last: Option<usize>,
    /// The mapping it is to replace, where its folder and name do not tell
    #[arg(long = "for", value_name = "TENANT/CONNECTION/OPERATION", value_parser = subject)]
    of: Option<Subject>,
    /// For programs
    #[arg(long)]
    json: bool,
}

fn subject(text: &str) -> Result<Subject, String> {
    match text.split('/').collect::<Vec<_>>()[..] {
        [tenant, connection, operation] => Ok(Subject {
            tenant: tenant.to_owned(),
            connection: connection.to_owned(),
            operation: operation.to_owned(),
        }),
        _ => Err("write it as in acme/mini-shop/stock.update".to_owned()),
    }
}

pub(super) async fn run(global: &Global, args: DiffArgs) -> Finished {
    let host = Host::start(global.config()?, false).await?;
    let request = CompareRequest {
        new: args.new,
        of: args.of,
        items: match args.against {
            Some(folder) => CompareItems::Folder(folder),
            None => CompareItems::Last(args.last.unwrap_or(LAST)),
        },
    };
    let comparison = host.compare_scripts(&request).await?;
    if args.json {
        print_json(&comparison)?;
    } else {
        print(&text(Paint::stdout(), &comparison))?;
    }
    Ok(if comparison.changed == 0 {
        Exit::Done
    } else {
        Exit::Refused
    })
}

fn text(paint: Paint, comparison: &Comparison) -> String {
    let mut text = format!(
        "{}: {} → {}\n",
        paint.bold(&comparison.r#for),
        comparison.old.as_deref().unwrap_or("no script"),
        comparison.new
    );
    for item in comparison.items.iter().filter(|item| item.changed) {
        one(paint, item, &mut text);
    }
    let items = count(comparison.items.len(), "item");
    text.push_str(&match comparison.changed {
        0 => paint.good(&format!("nothing changes for {items}")),
        changed => paint.warn(&format!("{changed} of {items} would change")),
    });
    text.push('\n');
    text
}

fn one(paint: Paint, item: &ItemComparison, text: &mut String) {
    let title = format!("item {} ({})", item.index, clean(&item.source));
    text.push_str(&format!("{}\n", paint.bold(&title)));
    if item.old_problem != item.new_problem {
        for (sign, problem) in [("-", &item.old_problem), ("+", &item.new_problem)] {
            let line = match problem {
                Some(problem) => format!("{sign} failed: {}", sentence(&problem.detail)),
                None => format!("{sign} no failure"),
            };
            text.push_str(&format!("    {line}\n"));
        }
    }
    part(paint, "documents", &item.documents, text);
    part(paint, "requests", &item.requests, text);
}

fn part(paint: Paint, name: &str, differences: &[Difference], text: &mut String) {
    if differences.is_empty() {
        return;
    }
    text.push_str(&format!("  {name}\n"));
    show_differences(paint, differences, text);
}
