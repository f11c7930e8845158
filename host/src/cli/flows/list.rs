//! `crossdock flows list`.

use clap::Args;
use serde::Deserialize;

use super::super::Global;
use super::super::deliveries::{understood, when};
use super::super::failure::{Exit, Finished};
use super::super::terminal::{Paint, print, print_json, table};
use super::asking::{Asking, Pairs};
use super::counts::{Run, Said};

pub(super) const HELP: &str = "\
Example:
  crossdock flows list --tenant acme";

#[derive(Debug, Args)]
pub(in super::super) struct ListArgs {
    /// For programs: what the HTTP interface answers
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Deserialize)]
struct Listed {
    flows: Vec<Flow>,
}

/// As much of a flow as is shown.
#[derive(Debug, Deserialize)]
pub(super) struct Flow {
    pub flow: String,
    pub source: String,
    /// An older host says its kind only.
    #[serde(default)]
    pub from: Option<String>,
    pub runs: String,
    pub state: String,
    #[serde(default)]
    pub paused: bool,
    #[serde(default)]
    pub run: Option<u64>,
    #[serde(default)]
    pub problem: Option<Said>,
    #[serde(default)]
    pub next_ms: Option<u64>,
    #[serde(default)]
    pub ticks_skipped: u64,
    #[serde(default)]
    pub parked: u64,
    #[serde(default)]
    pub received: u64,
    #[serde(default)]
    pub last: Option<Run>,
}

impl Flow {
    /// Where its records come from.
    pub fn comes_from(&self) -> &str {
        self.from.as_deref().unwrap_or(&self.source)
    }

    /// What it is doing, for people.
    pub fn doing(&self) -> String {
        match self.paused && self.state != "paused" {
            true => format!("{}, pauses behind its page", self.state),
            false => self.state.clone(),
        }
    }
}

pub(super) async fn run(global: &Global, args: ListArgs) -> Finished {
    let answer = args.asking.host(global)?.get(&[], &Pairs::new()).await?;
    if args.json {
        print_json(&answer)?;
    } else {
        print(&text(Paint::stdout(), &understood(answer)?))?;
    }
    Ok(Exit::Done)
}

fn text(paint: Paint, listed: &Listed) -> String {
    if listed.flows.is_empty() {
        return "this tenant has no flows\n".to_owned();
    }
    let header = [
        "FLOW",
        "FROM",
        "RUNS",
        "STATE",
        "NEXT",
        "LAST RUN",
        "ENDED AS",
        "IN",
        "UNCHANGED",
        "SENT",
        "ACCEPTED",
        "REFUSED",
        "PARKED",
    ];
    let rows: Vec<Vec<String>> = listed.flows.iter().map(row).collect();
    let mut text = table(paint, &header, &rows);
    for flow in &listed.flows {
        let last = flow.last.as_ref().and_then(|run| run.problem.as_ref());
        if let Some(problem) = flow.problem.as_ref().or(last) {
            text.push_str(&format!("  {}: {}\n", flow.flow, problem.line()));
        }
    }
    text
}

fn row(flow: &Flow) -> Vec<String> {
    let last = flow.last.as_ref();
    let of_last = |what: fn(&Run) -> String| last.map_or_else(|| "-".to_owned(), what);
    vec![
        flow.flow.clone(),
        flow.comes_from().to_owned(),
        flow.runs.clone(),
        flow.doing(),
        flow.next_ms.map_or_else(|| "-".to_owned(), when),
        of_last(|run| when(run.began_ms)),
        of_last(|run| run.state.clone()),
        of_last(|run| run.counts.incoming.to_string()),
        of_last(|run| run.counts.unchanged.to_string()),
        of_last(|run| run.counts.sent.to_string()),
        of_last(|run| run.counts.accepted.to_string()),
        of_last(|run| run.counts.refused.to_string()),
        flow.parked.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::counts::tests;
    use super::*;

    #[test]
    fn a_list_shows_what_each_flow_is_doing_and_why_it_is_not() {
        let mut run = tests::run("failed", json!({"in": 2000, "unchanged": 1990, "sent": 10}));
        run["problem"] = json!({"blame": "platform", "code": "timeout", "detail": "no\nanswer"});
        let listed: Listed = serde_json::from_value(json!({"flows": [
            {"flow": "stock", "source": "operation", "from": "stock.pending of erp", "runs": "every 5m", "state": "idle",
             "next_ms": 1_700_000_300_000_u64, "ticks_skipped": 0, "parked": 3, "received": 0, "last": run},
            {"flow": "prices", "source": "folder", "runs": "on demand", "state": "paused",
             "ticks_skipped": 0, "parked": 0, "received": 0},
            {"flow": "orders", "source": "webhook", "from": "what is posted to it",
             "runs": "when something arrives", "state": "running", "paused": true, "run": 3,
             "ticks_skipped": 0, "parked": 0, "received": 7}
        ]}))
        .unwrap();
        let shown = text(Paint::stdout(), &listed);
        for part in [
            "stock   stock.pending of erp  every 5m                idle                             2023-11-14 22:18:20Z  2023-11-14 22:13:20Z  failed    2000  1990",
            "prices  folder                on demand               paused                           -",
            "orders  what is posted to it  when something arrives  running, pauses behind its page  -",
            "  stock: timeout (platform): no answer\n",
        ] {
            assert!(shown.contains(part), "{part}\n{shown}");
        }
        let none = Listed { flows: Vec::new() };
        assert_eq!(text(Paint::stdout(), &none), "this tenant has no flows\n");
    }
}
