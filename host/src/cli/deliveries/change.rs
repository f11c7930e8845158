//! `crossdock deliveries retry`, `edit` and `discard`.

use std::path::PathBuf;

use axum::body::Bytes;
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::failure::{Exit, Failure, Finished};
use super::super::terminal::{note, print, print_json};
use super::super::{Global, read_input};
use super::asking::{Asking, Host, Pairs, encoded};
use super::filter::Choosing;
use super::show::understood;

pub(super) const RETRY_HELP: &str = "\
Examples:
  crossdock deliveries retry 01939a5e-5c1b-7d3e-9a53-1f0c6b1b8a11 3 --dry-run
  crossdock deliveries retry --status failed --connection shop --since 12h

Exit codes:
  0  everything that was meant goes again (with --dry-run: could be sent)
  1  an error
  2  something was left as it is: on its way, or done (with --dry-run: something could not be sent)";

pub(super) const DISCARD_HELP: &str = "\
Examples:
  crossdock deliveries discard 01939a5e-5c1b-7d3e-9a53-1f0c6b1b8a11 --reason 'sent by hand'
  crossdock deliveries discard --status rejected --label 1001 --reason 'no longer sold' --dry-run

Exit codes:
  0  everything that was meant was given up
  1  an error
  2  something was left as it is: on its way, or done";

pub(super) const EDIT_HELP: &str = "\
Example:
  crossdock deliveries edit 01939a5e-5c1b-7d3e-9a53-1f0c6b1b8a11 3 --input item.json --reason 'wrong sku' --dry-run

Exit codes:
  0  it goes again with the new input (with --dry-run: could be sent)
  1  an error: it is under way or done, or the new input is not valid
  2  with --dry-run: it could not be sent";

/// A delivery or an item of it, or whatever matches.
#[derive(Debug, Args)]
struct Which {
    /// The delivery; without it everything that matches, of which --status says in which states
    #[arg(value_name = "ID")]
    delivery: Option<String>,
    /// One of its items, by its position
    #[arg(value_name = "ITEM", requires = "delivery")]
    item: Option<u32>,
    #[command(flatten)]
    choosing: Choosing,
}

#[derive(Debug, Args)]
pub(in super::super) struct RetryArgs {
    #[command(flatten)]
    which: Which,
    /// Show what would be sent now, with secrets replaced; send and change nothing
    #[arg(long)]
    dry_run: bool,
    /// For programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(in super::super) struct DiscardArgs {
    #[command(flatten)]
    which: Which,
    /// Why: it is kept and shown
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Say how many would be given up; change nothing
    #[arg(long)]
    dry_run: bool,
    /// For programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(in super::super) struct EditArgs {
    /// The delivery
    #[arg(value_name = "ID")]
    delivery: String,
    /// The item, by its position
    #[arg(value_name = "ITEM")]
    item: u32,
    /// The item anew, a JSON object; `-` or nothing: stdin
    #[arg(long, short, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Why: it is kept and shown
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who says so, in place of whose token it is
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// Show what would be sent now, with secrets replaced; send and change nothing
    #[arg(long)]
    dry_run: bool,
    /// For programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: Asking,
}

/// As much of what was done as counts.
#[derive(Debug, Deserialize)]
struct Done {
    changed: u64,
    #[serde(default)]
    superseded: u64,
    left: u64,
    #[serde(default)]
    next: Option<u64>,
    #[serde(default)]
    remaining: Option<u64>,
    #[serde(default)]
    remaining_at_least: bool,
}

pub(super) async fn retry(global: &Global, args: RetryArgs) -> Finished {
    let host = args.asking.host(global)?;
    let did = Did {
        act: "retry",
        done: "go again",
    };
    if args.dry_run {
        let mut pairs = args.which.pairs()?;
        pairs.push(("dry_run", "true".into()));
        let answer = host.post(&args.which.below(&did)?, &pairs, None).await?;
        return previewed(&answer);
    }
    all(&host, &args.which, &did, Pairs::new(), args.json).await
}

pub(super) async fn discard(global: &Global, args: DiscardArgs) -> Finished {
    let host = args.asking.host(global)?;
    let reason = ("reason", args.reason);
    let did = Did {
        act: "discard",
        done: "given up",
    };
    if args.dry_run {
        let mut pairs = args.which.pairs()?;
        pairs.extend([reason, ("dry_run", "true".into())]);
        let answer = host.post(&args.which.below(&did)?, &pairs, None).await?;
        print_json(&answer)?;
        let done: Done = understood(answer)?;
        return Ok(exit(done.left));
    }
    all(&host, &args.which, &did, vec![reason], args.json).await
}

pub(super) async fn edit(global: &Global, args: EditArgs) -> Finished {
    let body = read_input(args.input.as_deref(), global.config()?.limits.request_body)?;
    let host = args.asking.host(global)?;
    let below = format!("/{}/items/{}/edit", encoded(&args.delivery), args.item);
    let mut pairs = vec![("reason", args.reason)];
    pairs.extend(args.who.map(|who| ("who", who)));
    if args.dry_run {
        pairs.push(("dry_run", "true".into()));
    }
    let answer = host.post(&below, &pairs, Some(Bytes::from(body))).await?;
    if args.dry_run {
        return previewed(&answer);
    }
    if args.json {
        print_json(&answer)?;
    } else {
        print("edited; it goes again\n")?;
    }
    Ok(Exit::Done)
}

/// What is done, for people and in the path.
struct Did {
    act: &'static str,
    done: &'static str,
}

impl Which {
    fn below(&self, did: &Did) -> Result<String, Failure> {
        let act = did.act;
        match (&self.delivery, self.item) {
            (Some(_), _) if !self.choosing.is_empty() => Err(anyhow::anyhow!(
                "name a delivery, or say which records match; both together mean nothing"
            )
            .into()),
            (Some(id), Some(item)) => Ok(format!("/{}/items/{item}/{act}", encoded(id))),
            (Some(id), None) => Ok(format!("/{}/{act}", encoded(id))),
            (None, _) => Ok(format!("/{act}")),
        }
    }

    fn pairs(&self) -> Result<Pairs, Failure> {
        self.choosing.pairs()
    }
}

/// Does it request by request until nothing is left: each has a bound.
async fn all(host: &Host, which: &Which, did: &Did, more: Pairs, json: bool) -> Finished {
    let below = which.below(did)?;
    let mut pairs = which.pairs()?;
    pairs.extend(more);
    let (mut changed, mut superseded, mut left, mut before) = (0, 0, 0, None);
    loop {
        let mut pairs = pairs.clone();
        pairs.extend(before.map(|before: u64| ("before", before.to_string())));
        let answer = host.post(&below, &pairs, None).await;
        let done: Done = match answer.and_then(understood) {
            Ok(done) => done,
            Err(failure) => {
                if changed > 0 {
                    note(&format!("{changed} of them {}, before it failed", did.done));
                }
                return Err(failure);
            }
        };
        changed += done.changed;
        superseded += done.superseded;
        left += done.left;
        before = done.next;
        if before.is_none() {
            break;
        }
        let remaining = done.remaining.unwrap_or(0);
        let least = if done.remaining_at_least {
            "at least "
        } else {
            ""
        };
        note(&format!("{changed} so far, {least}{remaining} to look at"));
    }
    if json {
        let mut all = json!({ "changed": changed, "left": left });
        if superseded > 0 {
            all["superseded"] = superseded.into();
        }
        print_json(&all)?;
    } else {
        print(&told(did, changed, superseded, left))?;
    }
    Ok(exit(left))
}

/// One line about what was done.
fn told(did: &Did, changed: u64, superseded: u64, left: u64) -> String {
    let mut line = format!("{} {}", changed.saturating_sub(superseded), did.done);
    if superseded > 0 {
        line.push_str(&format!(
            ", {superseded} superseded: a newer total about the same thing goes in their place"
        ));
    }
    if left > 0 {
        line.push_str(&format!(", {left} left as they are: on their way, or done"));
    }
    line.push('\n');
    line
}

fn exit(left: u64) -> Exit {
    match left {
        0 => Exit::Done,
        _ => Exit::Refused,
    }
}

/// What would be sent, as JSON: it is long, and each part of it counts.
fn previewed(answer: &Value) -> Finished {
    print_json(answer)?;
    let overwrites = answer["overwrites"].as_array().map_or(0, Vec::len);
    if overwrites > 0 {
        note(&format!(
            "{overwrites} of them would overwrite what was delivered later about the same thing: see `overwrites`"
        ));
    }
    let sends = answer["sends"].as_array().map_or(&[][..], Vec::as_slice);
    let failed = |send: &Value| {
        let items = send["run"]["items"].as_array();
        let wrong = |item: &Value| item["status"] != "skipped";
        send["problem"].is_object() || items.is_some_and(|items| items.iter().any(wrong))
    };
    let wrong = sends.iter().any(failed) || answer["left"].as_u64() > Some(0);
    Ok(exit(u64::from(wrong)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_superseded_at_once_is_not_said_to_go_again() {
        let did = Did {
            act: "retry",
            done: "go again",
        };
        assert_eq!(told(&did, 3, 0, 0), "3 go again\n");
        let line = told(&did, 3, 1, 2);
        assert!(line.starts_with("2 go again, 1 superseded"), "{line}");
        assert!(line.contains("2 left as they are"), "{line}");
    }

    #[test]
    fn a_preview_in_which_something_could_not_be_sent_ends_with_2() {
        for (answer, expected) in [
            (json!({"sends": [], "left": 0}), Exit::Done),
            (
                json!({"sends": [{"run": {"items": []}}], "left": 0}),
                Exit::Done,
            ),
            (
                json!({"sends": [{"run": {"items": [{"status": "skipped"}]}}]}),
                Exit::Done,
            ),
            (
                json!({"sends": [{"run": {"items": [{"status": "failed"}]}}]}),
                Exit::Refused,
            ),
            (
                json!({"sends": [{"problem": {"code": "x"}}]}),
                Exit::Refused,
            ),
            (json!({"sends": [], "left": 2}), Exit::Refused),
        ] {
            assert_eq!(previewed(&answer).unwrap(), expected, "{answer}");
        }
    }
}
