//! What a run would send, for people.

use serde::Deserialize;
use serde_json::Value;

use super::super::terminal::{Paint, clean, count, sentence};
use super::counts::Said;

/// Characters of a record, an item or a body that are shown.
const SHOWN: usize = 2_000;

/// As much of a dry run as is shown.
#[derive(Debug, Deserialize)]
pub(super) struct Dry {
    given: Vec<Value>,
    records: Vec<Value>,
    problems: Vec<Said>,
    #[serde(default)]
    not_asked: Option<Said>,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    target: String,
    skipped: usize,
    unchanged: usize,
    problems: Vec<Said>,
    items: Vec<Value>,
    #[serde(default)]
    requests: Option<Requests>,
}

#[derive(Debug, Deserialize)]
struct Requests {
    requests: Vec<Request>,
}

#[derive(Debug, Deserialize)]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    body: Option<String>,
}

impl Dry {
    /// Whether anything would fail, or is not known since a step was not asked.
    pub fn fails(&self) -> bool {
        let mut targets = self.targets.iter();
        !self.problems.is_empty()
            || self.not_asked.is_some()
            || targets.any(|it| !it.problems.is_empty())
    }

    /// All of it, from the source to the requests.
    pub fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        let given = count(self.given.len(), "record");
        text.push_str(&paint.bold(&format!("{given} from the source\n")));
        self.given.iter().for_each(|it| text.push_str(&json(it)));
        if self.records != self.given {
            text.push_str(&paint.bold("after the steps\n"));
            self.records.iter().for_each(|it| text.push_str(&json(it)));
        }
        problems(paint, &self.problems, &mut text);
        if let Some(why) = &self.not_asked {
            text.push_str(&format!("  {} {}\n", paint.bad("not asked:"), why.line()));
        }
        for target in &self.targets {
            let head = format!(
                "to {}: {}, {} skipped, {} unchanged\n",
                sentence(&target.target),
                count(target.items.len(), "item"),
                target.skipped,
                target.unchanged
            );
            text.push_str(&paint.bold(&head));
            target.items.iter().for_each(|it| text.push_str(&json(it)));
            problems(paint, &target.problems, &mut text);
            for request in target.requests.iter().flat_map(|it| &it.requests) {
                text.push_str(&format!(
                    "  {} {}\n",
                    sentence(&request.method),
                    sentence(&request.url)
                ));
                if let Some(body) = request.body.as_ref().filter(|body| !body.is_empty()) {
                    text.push_str(&format!("    {}\n", short(clean(body))));
                }
            }
        }
        text
    }
}

fn problems(paint: Paint, problems: &[Said], text: &mut String) {
    for problem in problems {
        text.push_str(&format!(
            "  {} {}\n",
            paint.bad("would fail:"),
            problem.line()
        ));
    }
}

fn json(value: &Value) -> String {
    format!("  {}\n", short(clean(&value.to_string())))
}

fn short(mut text: String) -> String {
    crate::text::shorten(&mut text, SHOWN);
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn records_are_shown_all_the_way_to_the_requests() {
        let dry: Dry = serde_json::from_value(json!({
            "dry_run": true,
            "given": [{"id": 1}],
            "records": [{"id": 1, "stock": {"n": 5}}],
            "problems": [],
            "targets": [
                {"target": "mini-shop", "skipped": 0, "unchanged": 0, "problems": [],
                 "items": [{"sku": "1", "quantity": 5}],
                 "requests": {"requests": [{"method": "POST", "url": "https://shop.example/stock",
                    "headers": [["X-Token", "«token»"]], "body": "[{\"key\":\"1\"}]"}]}},
                {"target": "stock.ndjson", "skipped": 1, "unchanged": 0, "items": [],
                 "problems": [{"blame": "script", "code": "script-error", "detail": "no number"}]}
            ]
        }))
        .unwrap();
        assert!(dry.fails());
        let shown = dry.text(Paint::stdout());
        assert_eq!(
            shown,
            "1 record from the source\n  {\"id\":1}\nafter the steps\n  {\"id\":1,\"stock\":{\"n\":5}}\n\
             to mini-shop: 1 item, 0 skipped, 0 unchanged\n  {\"sku\":\"1\",\"quantity\":5}\n\
             \u{20} POST https://shop.example/stock\n    [{\"key\":\"1\"}]\n\
             to stock.ndjson: 0 items, 1 skipped, 0 unchanged\n  would fail: script-error (script): no number\n"
        );
    }

    #[test]
    fn a_step_that_was_not_asked_is_said_and_in_the_exit_code() {
        let dry: Dry = serde_json::from_value(json!({
            "dry_run": true,
            "given": [1],
            "records": [1],
            "problems": [],
            "not_asked": {"blame": "caller", "code": "flow-dry-run-changes", "detail": "step 1 may change something"},
            "targets": []
        }))
        .unwrap();
        assert!(dry.fails());
        assert_eq!(
            dry.text(Paint::stdout()),
            "1 record from the source\n  1\n  not asked: flow-dry-run-changes (caller): step 1 may change something\n"
        );
    }
}
