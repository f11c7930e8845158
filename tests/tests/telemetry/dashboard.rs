//! What `packaging/` asks Prometheus for is what the host really has.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crossdock_tests::recorder::Recorder;
use serde_json::Value;

use crate::exposition::Page;
use crate::setting::{bed, call, page, serve};

fn packaging(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging");
    fs::read_to_string(path.join(file)).unwrap()
}

/// Every text under a key, however deep.
fn texts(value: &Value, key: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == key => found.push(text.clone()),
                    _ => texts(member, key, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| texts(value, key, found)),
        _ => {}
    }
}

/// Words of a query that look like a metric of the host.
fn metrics(query: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = query.split(|c| !is_word(c));
    let of = words.filter(|word| word.starts_with("crossdock_") || word.starts_with("process_"));
    of.map(str::to_owned).collect()
}

/// The family of a series.
fn family<'s>(page: &Page, series: &'s str) -> Option<&'s str> {
    if page.kinds.contains_key(series) {
        return Some(series);
    }
    let parts = ["_bucket", "_sum", "_count"].iter();
    let mut stems = parts.filter_map(|part| series.strip_suffix(part));
    stems.find(|stem| {
        page.kinds
            .get(*stem)
            .is_some_and(|kind| kind == "histogram")
    })
}

async fn real_page() -> Page {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "", "");
    let host = serve(&bed).await;
    call(&host.client(), r#"{"sku":"1"}"#).await;
    page(&host.client()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_the_dashboard_and_of_the_alarms_names_what_there_is() {
    let page = real_page().await;
    let board: Value = serde_json::from_str(&packaging("grafana/crossdock.json")).unwrap();
    let mut queries = Vec::new();
    texts(&board, "expr", &mut queries);
    let variables = board["templating"]["list"].as_array().expect("variables");
    for variable in variables
        .iter()
        .filter(|variable| variable["type"] == "query")
    {
        texts(variable, "query", &mut queries);
    }
    assert!(queries.len() >= 15, "{}", queries.len());
    let alarms = packaging("prometheus/alerts.yml");
    let expressions: Vec<&str> = alarms
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr: "))
        .collect();
    assert!(expressions.len() >= 3, "{expressions:?}");
    queries.extend(expressions.into_iter().map(str::to_owned));
    for query in queries {
        let named = metrics(&query);
        assert!(!named.is_empty(), "{query}");
        for series in named {
            assert!(family(&page, &series).is_some(), "`{series}` in {query}");
        }
    }
}

#[test]
fn panels_have_titles_and_a_place_of_their_own() {
    let board: Value = serde_json::from_str(&packaging("grafana/crossdock.json")).unwrap();
    let panels = board["panels"].as_array().expect("panels");
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(
            panel["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty())
        );
        assert!(ids.insert(panel["id"].as_u64().expect("an id")));
        let at = |key: &str| panel["gridPos"][key].as_u64().expect("a place");
        assert!(at("x") + at("w") <= 24);
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(taken.insert((x, y)), "{} overlaps", panel["title"]);
            }
        }
    }
}
