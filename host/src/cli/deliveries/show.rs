//! `crossdock deliveries show`.

use clap::Args;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::Global;
use super::super::failure::{Exit, Failure, Finished};
use super::super::terminal::{Paint, clean, count, print, print_json, sentence, table};
use super::asking::{Asking, Pairs, encoded};
use crate::clock::now_ms;

pub(super) const HELP: &str = "\
Examples:
  crossdock deliveries show 01939a5e-5c1b-7d3e-9a53-1f0c6b1b8a11      every item as it is now
  crossdock deliveries show 01939a5e-5c1b-7d3e-9a53-1f0c6b1b8a11 3    item 3 with what was given and every attempt";

#[derive(Debug, Args)]
pub(in super::super) struct ShowArgs {
    /// The delivery
    #[arg(value_name = "ID")]
    delivery: String,
    /// One of its items, by its position
    #[arg(value_name = "ITEM")]
    item: Option<u32>,
    /// For programs: what the HTTP interface answers
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: Asking,
}

/// As much of a delivery as is shown.
#[derive(Debug, Deserialize)]
struct Delivery {
    delivery: String,
    status: String,
    #[serde(default)]
    tenant: Option<String>,
    connection: String,
    operation: String,
    #[serde(default)]
    connection_state: Option<String>,
    accepted_ms: u64,
    items: Vec<Item>,
}

/// The same of an item.
#[derive(Debug, Deserialize)]
struct Item {
    index: u32,
    status: String,
    attempts: u32,
    #[serde(default)]
    label: String,
    code: Option<String>,
    message: Option<String>,
    #[serde(default)]
    blame: Option<String>,
    #[serde(default)]
    due_ms: Option<u64>,
    #[serde(default)]
    finished_ms: Option<u64>,
    #[serde(default)]
    superseded_by: Option<u64>,
    #[serde(default)]
    waits_for_another: Option<String>,
    #[serde(default)]
    details: Vec<Detail>,
}

/// What the platform said about a part of an item.
#[derive(Debug, Deserialize)]
struct Detail {
    pointer: String,
    message: String,
}

/// An item with its history.
#[derive(Debug, Deserialize)]
struct Whole {
    delivery: String,
    #[serde(default)]
    tenant: Option<String>,
    connection: String,
    operation: String,
    #[serde(default)]
    connection_state: Option<String>,
    accepted_ms: u64,
    #[serde(flatten)]
    item: Item,
    input: Value,
    history: Vec<Attempt>,
    #[serde(default)]
    edits: Vec<Edit>,
}

#[derive(Debug, Deserialize)]
struct Attempt {
    began_ms: u64,
    #[serde(default)]
    ended_ms: Option<u64>,
    left: bool,
    repeatable: bool,
    items: usize,
    #[serde(default)]
    generations: String,
    #[serde(default)]
    blame: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    requests: Vec<Request>,
    #[serde(default)]
    answer: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    ms: Option<u64>,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Edit {
    at_ms: u64,
    who: String,
    reason: String,
    #[serde(default)]
    before: Option<Value>,
}

pub(super) async fn run(global: &Global, args: ShowArgs) -> Finished {
    let host = args.asking.host(global)?;
    let mut below = format!("/{}", encoded(&args.delivery));
    if let Some(item) = args.item {
        below.push_str(&format!("/items/{item}"));
    }
    let answer = host.get(&below, &Pairs::new()).await?;
    if args.json {
        print_json(&answer)?;
    } else if args.item.is_some() {
        print(&whole(Paint::stdout(), &understood(answer)?))?;
    } else {
        print(&delivery(Paint::stdout(), &understood(answer)?))?;
    }
    Ok(Exit::Done)
}

/// An answer in the shape that this version knows.
pub(in super::super) fn understood<T: DeserializeOwned>(answer: Value) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|error| {
        let why = crate::json_failure::sentence(&error);
        anyhow::anyhow!(
            "the host's answer cannot be read ({why}); is it another version of crossdock?"
        )
        .into()
    })
}

/// A time for people.
pub(in super::super) fn when(ms: u64) -> String {
    let at = i64::try_from(ms).ok();
    let at = at.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.map_or_else(
        || "-".into(),
        |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    )
}

fn of(tenant: Option<&str>, connection: &str, operation: &str) -> String {
    let tenant = tenant
        .map(|tenant| format!("{tenant} / "))
        .unwrap_or_default();
    sentence(&format!("{tenant}{connection} / {operation}"))
}

fn delivery(paint: Paint, shown: &Delivery) -> String {
    let title = format!(
        "delivery {}: {}",
        clean(&shown.delivery),
        clean(&shown.status)
    );
    let of = of(shown.tenant.as_deref(), &shown.connection, &shown.operation);
    let mut text = format!(
        "{}\n  {of}, taken in {}, {}\n\n",
        paint.bold(&title),
        when(shown.accepted_ms),
        count(shown.items.len(), "item"),
    );
    let header = [
        "ITEM", "STATUS", "ABOUT", "ATTEMPTS", "BLAME", "CODE", "MESSAGE",
    ];
    let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let rows = shown.items.iter().map(|item| {
        vec![
            item.index.to_string(),
            item.status.clone(),
            item.label.clone(),
            item.attempts.to_string(),
            dash(&item.blame),
            dash(&item.code),
            follows(item, shown.connection_state.as_deref())
                .or_else(|| item.message.clone())
                .unwrap_or_else(|| "-".into()),
        ]
    });
    text.push_str(&table(paint, &header, &rows.collect::<Vec<_>>()));
    text
}

/// What follows for an item by itself. `held_back` says why nothing of its
/// connection leaves, if so.
fn follows(item: &Item, held_back: Option<&str>) -> Option<String> {
    let said = item.message.as_deref().unwrap_or_default();
    if let Some(newer) = item.superseded_by {
        return Some(format!("item number {newer} left in its place"));
    }
    if let Some(waits) = &item.waits_for_another {
        return Some(format!("waits for another than {waits}: {said}"));
    }
    let due = item.due_ms.filter(|_| item.status == "queued")?;
    let leaves = match held_back {
        Some("stopped") => {
            "leaves when its connection goes on, which is stopped until its secrets or settings change".into()
        }
        Some(state) => format!("leaves when its connection goes on, which is {state}"),
        None if due <= now_ms() => "leaves as soon as its turn comes".into(),
        None => format!("leaves {}", when(due)),
    };
    Some(match said {
        "" => leaves,
        said => format!("{leaves}; {said}"),
    })
}

fn whole(paint: Paint, shown: &Whole) -> String {
    let item = &shown.item;
    let title = format!(
        "item {} of delivery {}: {}",
        item.index,
        clean(&shown.delivery),
        clean(&item.status)
    );
    let of = of(shown.tenant.as_deref(), &shown.connection, &shown.operation);
    let mut text = format!("{}\n", paint.bold(&title));
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&format!("  {name:<9} {}\n", sentence(value)));
        }
    };
    line("of", &of);
    line("about", &item.label);
    line("taken in", &when(shown.accepted_ms));
    line("ended", &item.finished_ms.map(when).unwrap_or_default());
    line("blame", item.blame.as_deref().unwrap_or_default());
    line("code", item.code.as_deref().unwrap_or_default());
    line("message", item.message.as_deref().unwrap_or_default());
    for detail in &item.details {
        line(
            "detail",
            format!("{} {}", detail.pointer, detail.message).trim(),
        );
    }
    let held_back = shown.connection_state.as_deref();
    line("next", &follows(item, held_back).unwrap_or_default());
    line("input", &shown.input.to_string());
    for edit in &shown.edits {
        text.push_str(&format!(
            "\n{}\n  {}\n",
            paint.bold(&format!(
                "edited {} by {}",
                when(edit.at_ms),
                sentence(&edit.who)
            )),
            sentence(&edit.reason)
        ));
        if let Some(before) = &edit.before {
            text.push_str(&format!("  before    {}\n", sentence(&before.to_string())));
        }
    }
    for attempt in &shown.history {
        text.push('\n');
        text.push_str(&attempted(paint, attempt));
    }
    if shown.history.is_empty() {
        text.push_str("\nnot tried yet\n");
    }
    text
}

fn attempted(paint: Paint, attempt: &Attempt) -> String {
    let state = match (attempt.left, attempt.ended_ms) {
        (false, _) => ", did not leave",
        (true, None) => ", under way",
        (true, Some(_)) => "",
    };
    let title = format!("attempt {}{state}", when(attempt.began_ms));
    let mut text = format!("{}\n", paint.bold(&title));
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&format!("  {name:<9} {}\n", sentence(value)));
        }
    };
    for request in &attempt.requests {
        let status = request.status.map(|status| format!(" → HTTP {status}"));
        let error = request
            .error
            .as_ref()
            .map(|error| format!(" → no answer: {error}"));
        let ms = request.ms.map(|ms| format!(" in {ms} ms"));
        let parts = [status, error, ms]
            .into_iter()
            .flatten()
            .collect::<String>();
        line(
            "request",
            &format!("{} {}{parts}", request.method, request.url),
        );
    }
    if attempt.items > 1 {
        line("with", &format!("{} in all", count(attempt.items, "item")));
    }
    if !attempt.repeatable {
        line("repeat", "must not be sent again blindly");
    }
    line("blame", attempt.blame.as_deref().unwrap_or_default());
    line("code", attempt.code.as_deref().unwrap_or_default());
    line("message", attempt.message.as_deref().unwrap_or_default());
    line("answer", attempt.answer.as_deref().unwrap_or_default());
    line("made by", &attempt.generations);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_item_is_shown_with_every_attempt_and_edit() {
        let shown: Whole = understood(json!({
            "delivery": "d", "connection": "shop", "operation": "stock.update", "accepted_ms": 0,
            "id": 1, "index": 2, "status": "unknown", "attempts": 1, "label": "1001", "code": "E1",
            "message": "no\u{1b}[2J", "blame": "platform",
            "details": [{"pointer": "/stock", "message": "stock_state = 3"}], "input": {"sku": "1001"},
            "history": [{
                "began_ms": 1000, "ended_ms": 2000, "left": true, "repeatable": false, "items": 3,
                "generations": "lingzhi 0.1.0 #1", "code": "E1", "answer": "<html>",
                "requests": [{"method": "POST", "url": "https://a.example/x", "error": "timeout", "ms": 7}]
            }],
            "edits": [{"at_ms": 500, "who": "ann", "reason": "wrong sku", "before": {"sku": "1002"}}]
        }))
        .unwrap();
        let text = whole(Paint::stdout(), &shown);
        for part in [
            "item 2 of delivery d: unknown",
            "input     {\"sku\":\"1001\"}",
            "edited 1970-01-01 00:00:00Z by ann",
            "before    {\"sku\":\"1002\"}",
            "request   POST https://a.example/x → no answer: timeout in 7 ms",
            "must not be sent again",
            "with      3 items in all",
            "detail    /stock stock_state = 3",
            "no\\u{1b}[2J",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn a_delivery_says_what_follows_for_each_item() {
        let item = |index: u32, status: &str| json!({"index": index, "status": status, "attempts": 0, "code": null, "message": null});
        let mut items = vec![
            item(0, "superseded"),
            item(1, "held"),
            item(2, "queued"),
            item(3, "accepted"),
        ];
        items[0]["superseded_by"] = 9.into();
        items[1]["waits_for_another"] = "map.jq (1)".into();
        items[2]["due_ms"] = 32_503_680_000_000_u64.into();
        let shown: Delivery = understood(json!({
            "delivery": "d", "status": "queued", "tenant": "acme", "connection": "shop",
            "operation": "stock.update", "accepted_ms": 0, "items": items
        }))
        .unwrap();
        let text = delivery(Paint::stdout(), &shown);
        for part in [
            "delivery d: queued",
            "acme / shop / stock.update",
            "number 9 left in its place",
            "waits for another than map.jq (1)",
            "leaves 3000-01-01 00:00:00Z",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let waits: Item = understood(json!({"index": 0, "status": "queued", "attempts": 1,
            "due_ms": 1000, "code": null, "message": "refused"}))
        .unwrap();
        for (held_back, said) in [
            (None, "leaves as soon as its turn comes; refused"),
            (Some("broken"), "which is broken; refused"),
            (
                Some("stopped"),
                "stopped until its secrets or settings change; refused",
            ),
        ] {
            let text = follows(&waits, held_back).unwrap();
            assert!(text.contains(said), "{text}");
        }
    }
}
