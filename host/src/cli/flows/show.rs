//! `crossdock flows show`.

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::super::Global;
use super::super::deliveries::{understood, when};
use super::super::failure::{Exit, Finished};
use super::super::terminal::{Paint, clean, print, print_json, sentence, table};
use super::asking::{Asking, Pairs};
use super::counts::{Run, Said};
use super::list::Flow;

pub(super) const HELP: &str = "\
Examples:
  crossdock flows show stock --tenant acme
  crossdock flows show stock 17 --tenant acme";

#[derive(Debug, Args)]
pub(in super::super) struct ShowArgs {
    /// The flow
    flow: String,
    /// One of its runs, by its number
    run: Option<u64>,
    /// For programs: what the HTTP interface answers
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Deserialize)]
struct Whole {
    #[serde(flatten)]
    flow: Flow,
    #[serde(default)]
    cursor: Option<Value>,
    newest: Vec<Run>,
    parked_records: Vec<Parked>,
}

#[derive(Debug, Deserialize)]
struct Parked {
    /// None of a host before this one, which does not say it.
    #[serde(default)]
    id: Option<u64>,
    at_ms: u64,
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    problem: Option<Said>,
    /// None where the host cannot read it now. `null` is a record, too.
    #[serde(default, deserialize_with = "there")]
    record: Option<Value>,
}

/// What is there, even if it is `null`.
fn there<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

pub(super) async fn run(global: &Global, args: ShowArgs) -> Finished {
    let host = args.asking.host(global)?;
    let number = args.run.map(|run| run.to_string());
    let below: Vec<&str> = match &number {
        Some(number) => vec![&args.flow, "runs", number],
        None => vec![&args.flow],
    };
    let answer = host.get(&below, &Pairs::new()).await?;
    if args.json {
        print_json(&answer)?;
    } else if number.is_some() {
        print(&run_text(&understood(answer)?))?;
    } else {
        print(&text(Paint::stdout(), &understood(answer)?))?;
    }
    Ok(Exit::Done)
}

/// One run, line by line.
pub(super) fn run_text(run: &Run) -> String {
    let cause = match run.cause.as_str() {
        "schedule" | "records arrived" => run.cause.clone(),
        somebody => format!("asked for by {somebody}"),
    };
    let mut text = format!("run {}, {} ({})\n", run.run, run.state, sentence(&cause));
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<10} {value}\n"));
    if let Some(tick) = run.tick_ms {
        line("for", when(tick));
    }
    line("began", when(run.began_ms));
    if let Some(ended) = run.ended_ms {
        let took = super::counts::time(ended.saturating_sub(run.began_ms));
        line("ended", format!("{}, after {took}", when(ended)));
    }
    line("records", run.counts.line());
    line(
        "pages",
        format!("{}, {} of them open", run.pages, run.open_pages),
    );
    line("time", run.stages.line());
    if let Some(problem) = &run.problem {
        line("problem", problem.line());
    }
    text
}

fn text(paint: Paint, whole: &Whole) -> String {
    let flow = &whole.flow;
    let mut text = format!("{}, {}\n", paint.bold(&sentence(&flow.flow)), flow.doing());
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<10} {value}\n"));
    line("from", sentence(flow.comes_from()));
    line("runs", sentence(&flow.runs));
    if let Some(next) = flow.next_ms {
        line("next", when(next));
    }
    if let Some(cursor) = &whole.cursor {
        line("cursor", sentence(&cursor.to_string()));
    }
    for (name, count) in [
        ("skipped", flow.ticks_skipped),
        ("received", flow.received),
        ("parked", flow.parked),
    ] {
        let what = if name == "skipped" {
            "ticks"
        } else {
            "records"
        };
        if count > 0 {
            line(name, format!("{count} {what}"));
        }
    }
    if let Some(problem) = &flow.problem {
        line("problem", problem.line());
    }
    if !whole.newest.is_empty() {
        text.push('\n');
        text.push_str(&runs(paint, &whole.newest));
    }
    for parked in &whole.parked_records {
        text.push_str(&parked_text(parked));
    }
    text
}

fn runs(paint: Paint, runs: &[Run]) -> String {
    let header = ["RUN", "BEGAN", "STATE", "RECORDS", "TIME"];
    // Neighbours that found nothing are one line: they would hide the others.
    let groups = runs.chunk_by(|one, next| one.found_nothing() && next.found_nothing());
    let rows: Vec<Vec<String>> = groups
        .map(|group| match group {
            [] => Vec::new(),
            [one] => row(one),
            // The newest is the first.
            [newest, ..] => vec![
                newest.run.to_string(),
                when(newest.began_ms),
                newest.state.clone(),
                format!("{} runs found nothing, this is the last", group.len()),
                "-".to_owned(),
            ],
        })
        .collect();
    let mut text = table(paint, &header, &rows);
    for run in runs {
        if let Some(problem) = &run.problem {
            text.push_str(&format!("  run {}: {}\n", run.run, problem.line()));
        }
    }
    text
}

fn row(run: &Run) -> Vec<String> {
    vec![
        run.run.to_string(),
        when(run.began_ms),
        run.state.clone(),
        run.counts.line(),
        run.stages.line(),
    ]
}

/// Why a record is parked, and what it is.
fn parked_text(parked: &Parked) -> String {
    let whose = parked.target.as_deref().unwrap_or("a step");
    let why = parked.problem.as_ref().map_or_else(String::new, Said::line);
    let mut record = parked.record.as_ref().map_or_else(
        || "a record that cannot be read now".to_owned(),
        |record| clean(&record.to_string()),
    );
    crate::text::shorten(&mut record, 300);
    let number = parked.id.map_or_else(String::new, |id| format!(" {id},"));
    format!(
        "\nparked{number} {} for {}: {why}\n  {record}\n",
        when(parked.at_ms),
        sentence(whose)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::counts::tests;
    use super::*;

    #[test]
    fn a_flow_is_shown_with_what_to_look_at_when_it_does_not_do_as_it_should() {
        let whole: Whole = serde_json::from_value(json!({
            "flow": "stock", "source": "operation", "from": "stock.pending of erp",
            "runs": "every 5m", "state": "retrying", "paused": true, "run": 17,
            "problem": {"blame": "platform", "code": "timeout", "detail": "no answer"},
            "ticks_skipped": 2, "parked": 1, "received": 0, "cursor": {"position": 9},
            "newest": [tests::run("running", json!({"in": 4, "sent": 3}))],
            "parked_records": [{"id": 9, "at_ms": 1_700_000_000_000_u64, "target": "mini-shop",
                "problem": {"blame": "script", "code": "script-error", "detail": "null is no number"},
                "record": {"sku": "1001"}}]
        }))
        .unwrap();
        let shown = text(Paint::stdout(), &whole);
        for part in [
            "stock, retrying, pauses behind its page\n",
            "  from       stock.pending of erp\n",
            "  cursor     {\"position\":9}\n",
            "  skipped    2 ticks\n",
            "  parked     1 records\n",
            "  problem    timeout (platform): no answer\n",
            "17   2023-11-14 22:13:20Z  running  4 in, 3 sent",
            "parked 9, 2023-11-14 22:13:20Z for mini-shop: script-error (script): null is no number\n  {\"sku\":\"1001\"}\n",
        ] {
            assert!(shown.contains(part), "{part}\n{shown}");
        }
    }

    #[test]
    fn neighbouring_runs_that_found_nothing_are_one_line() {
        let run = |number: u64, counts| {
            let mut run = tests::run("done", counts);
            run["run"] = json!(number);
            serde_json::from_value::<Run>(run).unwrap()
        };
        let list = [
            run(19, json!({})),
            run(18, json!({})),
            run(17, json!({})),
            run(16, json!({"in": 4, "sent": 3})),
            run(15, json!({})),
        ];
        let shown = runs(Paint::stdout(), &list);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), 4, "{shown}");
        assert!(
            lines[1].contains(
                "19   2023-11-14 22:13:20Z  done   3 runs found nothing, this is the last"
            ),
            "{shown}"
        );
        assert!(lines[2].contains("16   2023-11-14"), "{shown}");
        assert!(
            lines[3].contains("15 ") && lines[3].contains("0 in"),
            "{shown}"
        );
    }

    #[test]
    fn a_parked_null_is_shown_as_what_it_is() {
        let shown = |parked: Value| parked_text(&serde_json::from_value(parked).unwrap());
        let null = shown(json!({"at_ms": 1_700_000_000_000_u64, "record": null}));
        assert!(null.ends_with("\n  null\n"), "{null}");
        let unread = shown(json!({"at_ms": 1_700_000_000_000_u64}));
        assert!(
            unread.contains("a record that cannot be read now"),
            "{unread}"
        );
    }

    #[test]
    fn a_run_says_how_long_each_stage_took() {
        let mut run = tests::run("done", json!({"in": 4, "sent": 3}));
        run["ended_ms"] = json!(1_700_000_002_500_u64);
        let shown = run_text(&serde_json::from_value(run).unwrap());
        for part in [
            "run 17, done (asked for by somebody with a token of the tenant)\n",
            "  ended      2023-11-14 22:13:22Z, after 2.5 s\n",
            "  records    4 in, 3 sent\n",
            "  time       source 12 ms, steps 3.4 s",
        ] {
            assert!(shown.contains(part), "{part}\n{shown}");
        }
    }
}
