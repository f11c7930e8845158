//! A plugin's own description as a page of documentation. It holds nothing
//! that differs between two machines, so that a page can be compared with the
//! one that is committed.

use std::collections::BTreeMap;

use super::super::terminal::count;
use super::inspect::Inspection;
use super::sample;
use super::schema::{Field, fields};
use crate::plugin::manifest::{
    DeclaredEffect, Effect, Grant, GrantBy, Manifest, Operation, Provenance, Repeatable, SecretName,
};

pub(super) fn page(inspection: &Inspection) -> String {
    let plugin = &inspection.plugin;
    let mut page = format!("# {}\n\n", line(&plugin.name));
    if let Some(runtime) = &inspection.runtime {
        page.push_str(&format!(
            "Language runtime for {}: adapters named `{}`.\n",
            line(&runtime.language),
            super::text::patterns(runtime)
        ));
    }
    if let Some(engine) = &inspection.engine {
        page.push_str(&format!(
            "Script engine for {}: mapping scripts named `*.{}`.\n",
            line(&engine.language),
            engine.extension
        ));
    }
    if let Some(adapter) = &inspection.adapter {
        adapter_page(adapter, &mut page);
    }
    page
}

fn adapter_page(adapter: &Manifest, page: &mut String) {
    page.push_str(&format!(
        "{}\n\nAdapter `{}`, version {}. In a tenant's file: `adapter = \"{}\"`.\n",
        line(&adapter.summary),
        adapter.name,
        line(&adapter.version),
        adapter.name
    ));

    sample::connection(adapter, page);

    page.push_str("\n## Operations\n\n");
    let rows = adapter.operations.iter().map(|operation| {
        vec![
            format!("[`{}`](#{})", operation.name, anchor(&operation.name)),
            cell(&operation.summary),
            operation
                .max_items
                .map_or_else(String::new, |most| most.to_string()),
            repeatable_word(operation).into(),
        ]
    });
    table(
        &[
            "Operation",
            "What it does",
            "Most items per request",
            "Repeatable",
        ],
        rows,
        page,
    );
    for operation in &adapter.operations {
        operation_part(operation, page);
        sample::call(adapter, operation, page);
    }

    page.push_str("\n## Settings\n\n");
    let settings = fields(&adapter.settings);
    if settings.is_empty() {
        page.push_str("There are none.\n");
    } else {
        field_table(&settings, page);
    }

    page.push_str("\n## Secrets\n\n");
    if adapter.secrets.is_empty() {
        page.push_str(
            "The adapter uses none. A connection's `auth` adds a header, a query parameter, basic or bearer credentials.\n",
        );
    } else {
        let rows = adapter.secrets.iter().map(|secret| {
            vec![
                code(&secret.name),
                need(secret).to_owned(),
                cell(&secret.purpose),
            ]
        });
        table(&["Name", "Required", "Purpose"], rows, page);
    }
    if let Some(declared) = &adapter.grant {
        page.push_str("\n## How a connection is authorised\n\n");
        for sentence in grant(declared, code) {
            page.push_str(&format!("* {sentence}\n"));
        }
    }

    if !adapter.codes.is_empty() {
        page.push_str("\n## Codes of the platform\n\n");
        let rows = adapter.codes.iter().map(|entry| {
            vec![
                code(&entry.code),
                cell(&entry.meaning),
                code(&entry.outcome),
            ]
        });
        table(&["Code", "Meaning", "Outcome"], rows, page);
    }
    bullets("What no document says", &adapter.unknown, page);
    examples(adapter, page);
    bullets("Sources", &adapter.sources, page);
}

fn operation_part(operation: &Operation, page: &mut String) {
    page.push_str(&format!(
        "\n### `{}`\n\n{}\n\n",
        operation.name,
        line(&operation.summary)
    ));
    if let Some(call) = &operation.call {
        page.push_str(&format!("* Platform's call: {}\n", code(call)));
    }
    page.push_str(&format!(
        "* {}\n* {}\n* {}\n",
        capital(&most_items(operation)),
        capital(&repeatable(operation)),
        capital(&order(operation, code))
    ));
    for (what, schema) in [
        ("Document", &operation.document),
        ("Result", &operation.result),
    ] {
        page.push_str(&format!("\n#### {what}\n\n"));
        if let Some(title) = schema.get("title").and_then(serde_json::Value::as_str) {
            page.push_str(&format!("{}\n\n", line(title)));
        }
        let fields = fields(schema);
        if fields.is_empty() {
            page.push_str("No fields are described.\n");
        } else {
            field_table(&fields, page);
        }
    }
}

fn examples(adapter: &Manifest, page: &mut String) {
    if adapter.examples.is_empty() {
        return;
    }
    page.push_str("\n## Examples\n\nThe adapter serves only after all of these gave the expected bytes and outcomes.\n\n");
    let rows = adapter.examples.iter().map(|example| {
        vec![
            cell(&example.name),
            code(&example.operation),
            provenance(example.provenance).into(),
            cell(example.source.as_deref().unwrap_or_default()),
        ]
    });
    table(
        &["Example", "Operation", "Expected bytes", "Source"],
        rows,
        page,
    );
}

fn field_table(fields: &[Field], page: &mut String) {
    let rows = fields.iter().map(|field| {
        vec![
            match field.path.as_str() {
                "" => "the document".into(),
                path => code(path),
            },
            cell(&field.kind),
            yes(field.required),
            cell(&field.rules.join("; ")),
            cell(&field.meaning),
        ]
    });
    table(
        &["Field", "Type", "Required", "Rules", "Meaning"],
        rows,
        page,
    );
}

pub(super) fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>, page: &mut String) {
    page.push_str(&format!("| {} |\n", header.join(" | ")));
    page.push_str(&format!("|{}\n", "---|".repeat(header.len())));
    for row in rows {
        page.push_str(&format!("| {} |\n", row.join(" | ")));
    }
}

/// A block of code. Its fence is longer than any in the text.
pub(super) fn fenced(language: &str, text: &str, page: &mut String) {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    page.push_str(&format!(
        "{fence}{language}\n{}\n{fence}\n",
        text.trim_end()
    ));
}

fn bullets(heading: &str, sentences: &[String], page: &mut String) {
    if sentences.is_empty() {
        return;
    }
    page.push_str(&format!("\n## {heading}\n\n"));
    for sentence in sentences {
        page.push_str(&format!("* {}\n", line(sentence)));
    }
}

/// Whether a connection has to set a secret, in a word.
pub(super) fn need(secret: &SecretName) -> &'static str {
    match (secret.granted, secret.required) {
        (true, _) => "granted",
        (false, true) => "yes",
        (false, false) => "",
    }
}

/// How a token is had and renewed, in words. `quote` writes a name or an address.
pub(super) fn grant(grant: &Grant, quote: fn(&str) -> String) -> Vec<String> {
    let mut said = Vec::new();
    if grant.is_by(GrantBy::Code) {
        said.push(match &grant.authorize {
            Some(address) => format!(
                "A person agrees once, at {}: {} prints it filled in",
                quote(address),
                quote("crossdock connection authorize")
            ),
            None => "A person brings a code from the platform once".to_owned(),
        });
    }
    if grant.is_by(GrantBy::Client) {
        said.push(match &grant.client_with {
            Some(setting) => format!(
                "Nobody has to agree for a connection with the setting {}",
                quote(setting)
            ),
            None => "Nobody has to agree: the connection's own secrets are enough".to_owned(),
        });
    }
    let token = quote(&grant.token);
    said.push(match &grant.refresh {
        Some(refresh) => format!(
            "The host renews {token} with {}, before it is over",
            quote(refresh)
        ),
        None => format!("The host gets another {token} in the same way, before it is over"),
    });
    said.push(format!(
        "A connection that sets {token} itself uses that one, and it is not renewed"
    ));
    said
}

/// At most how many items go into one request, in words.
pub(super) fn most_items(operation: &Operation) -> String {
    match operation.max_items {
        Some(most) => format!("at most {} per request", count(most as usize, "item")),
        None => "the platform states no limit of items per request".into(),
    }
}

/// Whether a request may arrive twice, in words.
pub(super) fn repeatable(operation: &Operation) -> String {
    match operation.repeatable {
        Repeatable::Always => "sent again when its outcome is unknown",
        Repeatable::Never => {
            "not sent again when its outcome is unknown: that is read back if the adapter can, or else reported"
        }
        Repeatable::Depends => {
            "sent again when its outcome is unknown, if the request at hand allows it"
        }
    }
    .into()
}

/// What must not overtake what, in words. `quote` writes a pointer.
pub(super) fn order(operation: &Operation, quote: fn(&str) -> String) -> String {
    let Some(order) = &operation.order else {
        return "requests go one after the other: nothing is declared about their order".into();
    };
    let key: Vec<String> = order.key.iter().map(|pointer| quote(pointer)).collect();
    let same = format!(
        "documents with the same {} stay in order",
        key.join(" and ")
    );
    match &order.effect {
        DeclaredEffect::Always(Effect::Read) => {
            "changes nothing: requests go at the same time".into()
        }
        DeclaredEffect::Always(Effect::Absolute) => {
            format!("{same}; a newer one makes an older one void")
        }
        DeclaredEffect::Always(Effect::Relative) => format!("{same}; each of them counts"),
        DeclaredEffect::ByDocument { pointer, relative } => {
            let words: Vec<String> = relative.iter().map(|word| quote(word)).collect();
            format!(
                "{same}; each counts where {} is {}, and otherwise a newer one makes an older one void",
                quote(pointer),
                words.join(" or ")
            )
        }
    }
}

fn repeatable_word(operation: &Operation) -> &'static str {
    match operation.repeatable {
        Repeatable::Always => "always",
        Repeatable::Never => "never",
        Repeatable::Depends => "depends",
    }
}

pub(super) fn provenance(provenance: Provenance) -> &'static str {
    match provenance {
        Provenance::Official => "published by the platform",
        Provenance::Standard => "from a standard",
        Provenance::ThirdParty => "from somebody else's test",
        Provenance::Document => "shown in the platform's document, not signed",
        Provenance::Computed => "computed by this project",
    }
}

/// How many examples came from where: `2 published by the platform; …`.
pub(super) fn provenances(adapter: &Manifest) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for example in &adapter.examples {
        *counts.entry(provenance(example.provenance)).or_default() += 1;
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(provenance, number)| format!("{number} {provenance}"))
        .collect();
    counts.join("; ")
}

fn yes(yes: bool) -> String {
    if yes { "yes" } else { "" }.into()
}

pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}", first.to_uppercase(), letters.as_str()),
        None => String::new(),
    }
}

/// GitHub's anchor of a heading that is one code span.
fn anchor(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_')
        .collect()
}

/// Text of a manifest on one line, without HTML and emphasis.
pub(super) fn line(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    outside_code(&text, |part| {
        part.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('*', "\\*")
    })
}

/// The same within a table, where a bar would end the cell.
pub(super) fn cell(text: &str) -> String {
    line(text).replace('|', "\\|")
}

/// A code span, also of text that has backticks.
pub(super) fn code(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let text = text.replace('|', "\\|");
    if text.is_empty() {
        String::new()
    } else if text.contains('`') {
        format!("`` {text} ``")
    } else {
        format!("`{text}`")
    }
}

/// Applies a change to everything that is not between backticks.
fn outside_code(text: &str, change: impl Fn(&str) -> String) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd number of backticks opens a span that never ends.
    let balanced = parts.len() % 2 == 1;
    parts
        .iter()
        .enumerate()
        .map(|(index, part)| {
            if balanced && index % 2 == 1 {
                (*part).to_owned()
            } else {
                change(part)
            }
        })
        .collect::<Vec<_>>()
        .join("`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn manifest() -> Manifest {
        serde_json::from_value(json!({
            "name": "shop",
            "version": "1.2.3",
            "summary": "Sets the stock of a <shop>.",
            "operations": [{
                "name": "stock.update",
                "summary": "Sets stock.",
                "call": "POST /stock",
                "document": {"type": "object", "title": "Stock", "required": ["sku"], "properties": {
                    "sku": {"type": "string", "maxLength": 64, "pattern": "^a|b$", "description": "The key"}
                }},
                "result": {"type": "object"},
                "max_items": 1,
                "repeatable": "never",
                "order": {"key": ["/sku", "/shop"], "effect": {"pointer": "/mode", "relative": ["adjust"]}}
            }],
            "settings": {"type": "object"},
            "secrets": [{"name": "token", "purpose": "Signs", "required": true}],
            "codes": [{"code": "E1", "meaning": "a | b", "outcome": "rejected"}],
            "unknown": ["How often."],
            "sources": ["The document"],
            "examples": [{
                "name": "one", "provenance": "official", "operation": "stock.update",
                "items": [{"document": {"sku": "1"}}]
            }]
        }))
        .unwrap()
    }

    #[test]
    fn a_page_has_everything_the_manifest_says() {
        let mut page = String::new();
        adapter_page(&manifest(), &mut page);
        for part in [
            "Sets the stock of a &lt;shop>.",
            "Adapter `shop`, version 1.2.3.",
            "| [`stock.update`](#stockupdate) | Sets stock. | 1 | never |",
            "* Platform's call: `POST /stock`",
            "* At most 1 item per request",
            "* Documents with the same `/sku` and `/shop` stay in order; each counts where `/mode` is `adjust`, and otherwise a newer one makes an older one void",
            "#### Document\n\nStock\n",
            "| `sku` | string | yes | at most 64 characters; matches `^a\\|b$` | The key |",
            "No fields are described.",
            "## Settings\n\nThere are none.",
            "| `token` | yes | Signs |",
            "| `E1` | a \\| b | `rejected` |",
            "* How often.",
            "| one | `stock.update` | published by the platform |  |",
            "* The document",
        ] {
            assert!(page.contains(part), "{part}\n\n{page}");
        }
    }

    #[test]
    fn code_is_left_as_it_is_and_html_is_not() {
        assert_eq!(line("a<b> `c<*>` & *"), "a&lt;b> `c<*>` &amp; \\*");
        assert_eq!(line("a `b<c"), "a `b&lt;c");
        assert_eq!(code("a`b"), "`` a`b ``");
    }
}
