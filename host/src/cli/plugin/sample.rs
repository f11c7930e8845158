//! What an integrator copies from an adapter's page: a connection, and for each
//! operation a call with what becomes of it. All of it comes from the manifest;
//! the calls are the golden examples, which run whenever the adapter is loaded.

use serde_json::Value;

use super::markdown::{capital, cell, code, fenced, line, provenance, table};
use crate::plugin::manifest::{
    Example, ExampleBody, ExampleReply, ExampleRequest, Manifest, Operation, Provenance,
};
use crate::text::shorten;

/// Requests of an example that are shown.
const MOST_REQUESTS: usize = 3;

/// Characters of a result that are shown in a table.
const RESULT_CHARS: usize = 160;

/// Items longer than this are shown on one line.
const PRETTY_CHARS: usize = 1500;

/// The tables of a tenant's file that a connection needs at least.
pub(super) fn connection(adapter: &Manifest, page: &mut String) {
    let mut text = format!(
        "[connections.NAME]\nadapter = \"{}\"\nbase_url = \"https://…\"\n",
        adapter.name
    );
    let required: Vec<&str> = strings(&adapter.settings["required"]).collect();
    if !required.is_empty() {
        text.push_str("\n[connections.NAME.settings]\n");
        for name in required {
            let example = &adapter.settings["properties"][name]["examples"][0];
            let value = match example {
                Value::Null => "\"…\"".to_owned(),
                // TOML writes these as JSON does.
                value => value.to_string(),
            };
            text.push_str(&format!("{name} = {value}\n"));
        }
    }
    let secrets: Vec<&str> = adapter
        .secrets
        .iter()
        .filter(|secret| secret.required)
        .map(|secret| secret.name.as_str())
        .collect();
    if !secrets.is_empty() {
        text.push_str("\n[connections.NAME.secrets]\n");
        for name in secrets {
            let variable = format!("{}_{name}", adapter.name).to_uppercase();
            let variable = variable.replace(['-', '.'], "_");
            text.push_str(&format!("{name} = {{ env = \"{variable}\" }}\n"));
        }
    }
    page.push_str("\n## A connection\n\nIn a tenant's `tenant.toml`, at least:\n\n");
    fenced("toml", &text, page);
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// A call of the operation, what is sent for it, and what an answer becomes.
pub(super) fn call(adapter: &Manifest, operation: &Operation, page: &mut String) {
    let Some((example, reply)) = best(adapter, &operation.name) else {
        return;
    };
    page.push_str(&format!(
        "\n#### Example\n\n{}: {}{}.\n\n",
        capital(&line(&example.name)),
        provenance(example.provenance),
        match &example.source {
            Some(source) => format!(" ({})", line(source)),
            None => String::new(),
        }
    ));
    page.push_str(&format!(
        "`POST /v1/TENANT/CONNECTION/{}` with\n\n",
        operation.name
    ));
    let items: Vec<&Value> = example.items.iter().map(|item| &item.document).collect();
    fenced("json", &json(&items), page);
    let settings = match &example.context.settings {
        Value::Object(settings) if !settings.is_empty() => {
            format!(
                " with the settings {}",
                code(&example.context.settings.to_string())
            )
        }
        _ => String::new(),
    };
    let signed = match example.secrets.is_empty() {
        true => "",
        false => " and signed with the example's time and secrets",
    };
    page.push_str(&format!("\nis sent{settings}{signed} as\n\n"));
    for request in example.requests.iter().take(MOST_REQUESTS) {
        fenced("http", &sent(request), page);
        page.push('\n');
    }
    let more = example.requests.len().saturating_sub(MOST_REQUESTS);
    if more > 0 {
        page.push_str(&format!("and {more} more. "));
    }
    let which = match example.requests.len() {
        1 => "The answer".to_owned(),
        _ => format!("The answer to request {}", reply.request + 1),
    };
    page.push_str(&format!("{which}\n\n"));
    fenced("http", &answered(reply), page);
    page.push_str("\nbecomes\n\n");
    let rows = reply.outcomes.iter().flatten().map(|outcome| {
        vec![
            code(&outcome.status),
            code(outcome.code.as_deref().unwrap_or_default()),
            cell(outcome.message.as_deref().unwrap_or_default()),
            outcome.result.as_ref().map_or_else(String::new, result),
        ]
    });
    table(&["Outcome", "Code", "Message", "Result"], rows, page);
}

/// An example with an answer that is accepted, if there is one, and of these
/// the one with the best provenance.
fn best<'a>(adapter: &'a Manifest, operation: &str) -> Option<(&'a Example, &'a ExampleReply)> {
    let rank = |example: &Example| match example.provenance {
        Provenance::Official => 0,
        Provenance::Document => 1,
        Provenance::Standard => 2,
        Provenance::ThirdParty => 3,
        Provenance::Computed => 4,
    };
    let accepted = |reply: &&ExampleReply| {
        let mut outcomes = reply.outcomes.iter().flatten();
        outcomes.any(|outcome| outcome.status == "accepted")
    };
    let reply = |example: &'a Example| {
        let read = |reply: &&ExampleReply| reply.outcomes.is_some();
        let replies = || example.replies.iter();
        let found = replies().find(accepted).or_else(|| replies().find(read));
        found.map(|reply| (example, reply))
    };
    let examples = adapter.examples.iter();
    examples
        .filter(|example| example.operation == operation && !example.requests.is_empty())
        .filter_map(reply)
        .min_by_key(|(example, reply)| (!accepted(reply), rank(example)))
}

/// Items as a person would write them; on one line where they are long.
fn json(items: &[&Value]) -> String {
    let written = match items {
        [one] => serde_json::to_string_pretty(one),
        many => serde_json::to_string_pretty(many),
    };
    let pretty = written.unwrap_or_default();
    if pretty.chars().count() <= PRETTY_CHARS {
        return pretty;
    }
    match items {
        [one] => one.to_string(),
        many => {
            let lines: Vec<String> = many.iter().map(ToString::to_string).collect();
            format!("[{}]", lines.join(",\n"))
        }
    }
}

fn sent(request: &ExampleRequest) -> String {
    let pairs: Vec<String> = request
        .query
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let query = match pairs.is_empty() {
        true => String::new(),
        false => format!("?{}", pairs.join("&")),
    };
    let start = format!("{} {}{query}", request.method, request.path);
    message(start, &request.headers, request.body.as_ref())
}

fn answered(reply: &ExampleReply) -> String {
    message(
        reply.status.to_string(),
        &reply.headers,
        reply.body.as_ref(),
    )
}

fn message(start: String, headers: &[(String, String)], body: Option<&ExampleBody>) -> String {
    let mut text = start;
    for (name, value) in headers {
        text.push_str(&format!("\n{name}: {value}"));
    }
    match body {
        Some(ExampleBody::Text(body)) => text.push_str(&format!("\n\n{body}")),
        Some(ExampleBody::Bytes { base64 }) => {
            text.push_str(&format!("\n\n(bytes, in base64) {base64}"));
        }
        None => {}
    }
    text
}

fn result(result: &Value) -> String {
    let mut text = result.to_string();
    shorten(&mut text, RESULT_CHARS);
    code(&text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest() -> Manifest {
        serde_json::from_value(json!({
            "name": "my-shop",
            "version": "1.2.3",
            "summary": "A shop.",
            "operations": [{
                "name": "stock.update", "summary": "Sets stock.", "repeatable": "always",
                "document": {"type": "object"}, "result": {"type": "object"}
            }],
            "settings": {"required": ["id", "path"], "properties": {
                "id": {"type": "string"},
                "path": {"type": "string", "examples": ["/api"]}
            }},
            "secrets": [
                {"name": "app.key", "purpose": "Signs", "required": true},
                {"name": "other", "purpose": "Nothing"}
            ],
            "examples": [
                {
                    "name": "computed", "provenance": "computed", "operation": "stock.update",
                    "items": [{"document": {}}],
                    "requests": [{"method": "PUT", "path": "/"}],
                    "replies": [{"status": 204, "outcomes": [{"status": "accepted"}]}]
                },
                {
                    "name": "a refusal", "provenance": "official", "operation": "stock.update",
                    "items": [{"document": {}}],
                    "requests": [{"method": "PUT", "path": "/"}],
                    "replies": [{"status": 200, "outcomes": [{"status": "rejected"}]}]
                },
                {
                    "name": "the document's own", "provenance": "document", "source": "section 3",
                    "operation": "stock.update",
                    "items": [{"document": {"sku": "1"}}],
                    "requests": [{
                        "method": "POST", "path": "/stock", "query": [["a", "b c"]],
                        "headers": [["content-type", "text/plain"]], "body": "sku=1"
                    }],
                    "replies": [
                        {"status": 200, "body": "no", "outcomes": [{"status": "rejected", "code": "1"}]},
                        {"status": 200, "body": "ok", "outcomes": [{"status": "accepted", "result": {"a|b": 1}}]}
                    ]
                }
            ]
        }))
        .expect("a manifest")
    }

    #[test]
    fn a_connection_has_what_the_adapter_demands() {
        let mut page = String::new();
        connection(&manifest(), &mut page);
        for part in [
            "adapter = \"my-shop\"",
            "id = \"…\"",
            "path = \"/api\"",
            "app.key = { env = \"MY_SHOP_APP_KEY\" }",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        assert!(!page.contains("other"), "{page}");
    }

    #[test]
    fn the_example_that_the_platform_shows_comes_first_with_an_accepted_answer() {
        let manifest = manifest();
        let mut page = String::new();
        call(&manifest, &manifest.operations[0], &mut page);
        for part in [
            "The document's own: shown in the platform's document, not signed (section 3).",
            "`POST /v1/TENANT/CONNECTION/stock.update` with",
            "POST /stock?a=b c\ncontent-type: text/plain\n\nsku=1\n",
            "```http\n200\n\nok\n```",
            "| `accepted` |  |  | `{\"a\\|b\":1}` |",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
    }
}
