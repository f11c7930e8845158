//! `crossdock deliveries list`.

use clap::Args;
use serde::Deserialize;

use super::super::Global;
use super::super::failure::{Exit, Failure, Finished};
use super::super::terminal::{Paint, note, print, print_json, table};
use super::asking::Asking;
use super::filter::Choosing;
use super::show::when;
use crate::outbox::people::MOST_PAGE;

pub(super) const HELP: &str = "\
Examples:
  crossdock deliveries list --status failed,rejected,unknown --since 12h
  crossdock deliveries list --tenant acme --connection shop --label 1001";

#[derive(Debug, Args)]
pub(in super::super) struct ListArgs {
    #[command(flatten)]
    choosing: Choosing,
    /// How many, at most 1000
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Go on where another list ended, which said so
    #[arg(long, value_name = "NUMBER")]
    before: Option<u64>,
    /// For programs: what the HTTP interface answers
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: Asking,
}

/// As much of an answer as is shown.
#[derive(Debug, Deserialize)]
struct Listed {
    items: Vec<Item>,
    next: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Item {
    id: u64,
    delivery: String,
    index: u32,
    status: String,
    #[serde(default)]
    tenant: Option<String>,
    connection: String,
    operation: String,
    accepted_ms: u64,
    attempts: u32,
    #[serde(default)]
    label: String,
    code: Option<String>,
    message: Option<String>,
    #[serde(default)]
    blame: Option<String>,
    #[serde(default)]
    successor: Option<super::show::Named>,
}

impl Listed {
    /// The first so many, and where to go on if there are more.
    fn first(mut self, limit: usize) -> Self {
        if self.items.len() > limit {
            self.items.truncate(limit);
            self.next = self.items.last().map(|item| item.id);
        }
        self
    }
}

pub(super) async fn run(global: &Global, args: ListArgs) -> Finished {
    let mut pairs = args.choosing.pairs()?;
    // One more than is shown says whether there are more. Programs get what they
    // asked for.
    let asked = match args.limit {
        1..MOST_PAGE if !args.json => args.limit + 1,
        limit => limit,
    };
    pairs.push(("limit", asked.to_string()));
    pairs.extend(args.before.map(|before| ("before", before.to_string())));
    let answer = args.asking.host(global)?.get("", &pairs).await?;
    if args.json {
        print_json(&answer)?;
        return Ok(Exit::Done);
    }
    let listed: Listed = super::show::understood(answer)?;
    let listed = listed.first(args.limit);
    print(&text(Paint::stdout(), &listed)?)?;
    if let Some(next) = listed.next {
        note(&format!("there may be more; go on with --before {next}"));
    }
    Ok(Exit::Done)
}

fn text(paint: Paint, listed: &Listed) -> Result<String, Failure> {
    if listed.items.is_empty() {
        return Ok("nothing matches\n".to_owned());
    }
    let tenants = listed.items.iter().any(|item| item.tenant.is_some());
    let mut header = vec![
        "DELIVERY",
        "ITEM",
        "STATUS",
        "TAKEN IN",
        "CONNECTION",
        "OPERATION",
        "ABOUT",
        "ATTEMPTS",
        "BLAME",
        "CODE",
        "MESSAGE",
    ];
    if tenants {
        header.insert(4, "TENANT");
    }
    let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let rows = listed.items.iter().map(|item| {
        let mut row = vec![
            item.delivery.clone(),
            item.index.to_string(),
            item.status.clone(),
            when(item.accepted_ms),
            item.connection.clone(),
            item.operation.clone(),
            item.label.clone(),
            item.attempts.to_string(),
            dash(&item.blame),
            dash(&item.code),
            match &item.successor {
                Some(newer) => newer.left_in_its_place(),
                None => beginning(item.message.as_deref().unwrap_or("-")),
            },
        ];
        if tenants {
            row.insert(4, dash(&item.tenant));
        }
        row
    });
    Ok(table(paint, &header, &rows.collect::<Vec<_>>()))
}

/// As much of a message as fits beside the rest.
fn beginning(message: &str) -> String {
    let mut text = message.to_owned();
    crate::text::shorten(&mut text, 80);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_shows_what_to_do_something_with_and_why() {
        let mut listed: Listed = serde_json::from_value(json!({"items": [{
            "delivery": "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b", "id": 7, "index": 3, "status": "failed",
            "connection": "shop", "operation": "stock.update", "accepted_ms": 1_700_000_000_000_u64,
            "attempts": 4, "label": "1001", "code": "E1", "message": "x".repeat(500), "blame": "platform"
        }]}))
        .unwrap();
        let shown = text(Paint::stdout(), &listed).unwrap();
        for part in [
            "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b  3     failed  2023-11-14 22:13:20Z",
            "shop",
            "1001",
            "platform",
            "E1",
        ] {
            assert!(shown.contains(part), "{part}\n{shown}");
        }
        assert!(!shown.contains("TENANT") && !shown.contains(&"x".repeat(90)));
        listed.items[0].tenant = Some("acme".into());
        let shown = text(Paint::stdout(), &listed).unwrap();
        assert!(
            shown.contains("TENANT") && shown.contains("acme"),
            "{shown}"
        );
        listed.items.clear();
        assert_eq!(text(Paint::stdout(), &listed).unwrap(), "nothing matches\n");
    }

    #[test]
    fn a_list_says_that_there_is_more_only_where_there_is() {
        let listed = |ids: &[u64], next: Option<u64>| -> Listed {
            let items = ids.iter().map(|id| {
                json!({"delivery": "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b", "id": id, "index": 0,
                    "status": "failed", "connection": "shop", "operation": "stock.update",
                    "accepted_ms": 1, "attempts": 1, "code": null, "message": null})
            });
            let items: Vec<_> = items.collect();
            serde_json::from_value(json!({"items": items, "next": next})).unwrap()
        };
        let shown = |listed: Listed| {
            let first = listed.first(2);
            (first.items.len(), first.next)
        };
        // Three were asked for.
        assert_eq!(shown(listed(&[9, 8, 7], Some(7))), (2, Some(8)));
        assert_eq!(shown(listed(&[9, 8], None)), (2, None));
        // Not everything was looked at.
        assert_eq!(shown(listed(&[9], Some(4))), (1, Some(4)));
    }
}
