//! A plugin's own description on a terminal.

use super::super::terminal::{Paint, clean, count, sentence, size, table};
use super::inspect::Inspection;
use super::markdown::{grant, most_items, need, order, provenances, repeatable};
use super::schema::{Field, fields};
use crate::plugin::language::LanguageManifest;
use crate::plugin::manifest::{Manifest, Operation};

pub(super) fn page(paint: Paint, inspection: &Inspection) -> String {
    let plugin = &inspection.plugin;
    let version = plugin.version.as_deref().unwrap_or_default();
    let heading = format!("{} {version}", plugin.name);
    let mut text = format!("{}\n", paint.bold(&clean(heading.trim())));
    if let Some(adapter) = &inspection.adapter {
        text.push_str(&format!("{}\n", clean(&adapter.summary)));
    }
    if let Some(engine) = &inspection.engine {
        text.push_str(&format!(
            "Script engine for {} (*.{})\n",
            clean(&engine.language),
            clean(&engine.extension)
        ));
    }
    if let Some(runtime) = &inspection.runtime {
        text.push_str(&format!(
            "Language runtime for {}: adapters named {}\n",
            clean(&runtime.language),
            clean(&patterns(runtime))
        ));
    }
    if let Some(source) = &plugin.source {
        text.push_str(&format!(
            "A source file in {}, run by the runtime {}\n",
            clean(&source.language),
            source.runtime_sha256.short()
        ));
    }
    let times = &plugin.times;
    let cached = if times.from_cache { " (cached)" } else { "" };
    let imports = match inspection.imports.as_slice() {
        [] => "nothing".into(),
        imports => imports.join(", "),
    };
    for (label, value) in [
        ("file", plugin.file.display().to_string()),
        ("sha-256", plugin.sha256.to_string()),
        ("size", size(plugin.bytes as u64)),
        ("exports", inspection.exports.join(", ")),
        ("imports", imports),
        (
            "loaded in",
            format!(
                "compile {:.1} ms{cached}, describe {:.1} ms, examples {:.1} ms",
                times.compile_ms, times.describe_ms, times.examples_ms
            ),
        ),
    ] {
        text.push_str(&format!("  {label:<10} {}\n", clean(&value)));
    }
    if let Some(adapter) = &inspection.adapter {
        adapter_page(paint, adapter, &mut text);
    }
    text
}

/// `*.js, *.mjs`.
pub(super) fn patterns(runtime: &LanguageManifest) -> String {
    let extensions = runtime.extensions.iter();
    let patterns: Vec<String> = extensions
        .map(|extension| format!("*.{extension}"))
        .collect();
    patterns.join(", ")
}

fn adapter_page(paint: Paint, adapter: &Manifest, text: &mut String) {
    for operation in &adapter.operations {
        operation_part(paint, operation, text);
    }
    heading(paint, "settings", text);
    field_table(paint, &fields(&adapter.settings), "no settings", text);

    heading(paint, "secrets", text);
    let rows: Vec<Vec<String>> = adapter
        .secrets
        .iter()
        .map(|secret| {
            vec![
                secret.name.clone(),
                need(secret).to_owned(),
                secret.purpose.clone(),
            ]
        })
        .collect();
    rows_or(
        paint,
        &["NAME", "REQUIRED", "PURPOSE"],
        &rows,
        "none; a connection's `auth` can use any",
        text,
    );
    if let Some(declared) = &adapter.grant {
        heading(paint, "how a connection is authorised", text);
        for sentence in grant(declared, clean) {
            text.push_str(&format!("  {sentence}\n"));
        }
    }

    heading(paint, "codes of the platform", text);
    let rows: Vec<Vec<String>> = adapter
        .codes
        .iter()
        .map(|code| {
            vec![
                code.code.clone(),
                code.outcome.clone(),
                code.meaning.clone(),
            ]
        })
        .collect();
    rows_or(
        paint,
        &["CODE", "OUTCOME", "MEANING"],
        &rows,
        "none listed",
        text,
    );

    heading(paint, "what no document says", text);
    bullets(&adapter.unknown, "nothing listed", text);

    heading(paint, "examples run at load", text);
    let examples = count(adapter.examples.len(), "example");
    let provenances = provenances(adapter);
    if provenances.is_empty() {
        text.push_str(&format!("  {examples}\n"));
    } else {
        text.push_str(&format!("  {examples}: {provenances}\n"));
    }

    heading(paint, "sources", text);
    bullets(&adapter.sources, "none listed", text);
}

fn operation_part(paint: Paint, operation: &Operation, text: &mut String) {
    heading(
        paint,
        &format!("operation {}", clean(&operation.name)),
        text,
    );
    text.push_str(&format!("  {}\n", clean(&operation.summary)));
    if let Some(call) = &operation.call {
        text.push_str(&format!("  platform's call: {}\n", clean(call)));
    }
    text.push_str(&format!(
        "  {}; {}\n  {}\n",
        most_items(operation),
        repeatable(operation),
        order(operation, clean)
    ));
    for (what, schema) in [
        ("document", &operation.document),
        ("result", &operation.result),
    ] {
        text.push_str(&format!("\n  {what}\n"));
        field_table(paint, &fields(schema), "no fields", text);
    }
}

fn heading(paint: Paint, what: &str, text: &mut String) {
    text.push_str(&format!("\n{}\n", paint.bold(what)));
}

fn yes(yes: bool) -> String {
    if yes { "yes" } else { "" }.into()
}

fn rows_or(paint: Paint, header: &[&str], rows: &[Vec<String>], none: &str, text: &mut String) {
    if rows.is_empty() {
        text.push_str(&format!("  {none}\n"));
    } else {
        text.push_str(&table(paint, header, rows));
    }
}

fn bullets(sentences: &[String], none: &str, text: &mut String) {
    if sentences.is_empty() {
        text.push_str(&format!("  {none}\n"));
    }
    for line in sentences {
        text.push_str(&format!("  - {}\n", sentence(line)));
    }
}

fn field_table(paint: Paint, fields: &[Field], none: &str, text: &mut String) {
    let rows: Vec<Vec<String>> = fields
        .iter()
        .map(|field| {
            vec![
                field.path.clone(),
                field.kind.clone(),
                yes(field.required),
                field.rules.join("; "),
                field.meaning.clone(),
            ]
        })
        .collect();
    rows_or(
        paint,
        &["FIELD", "TYPE", "REQUIRED", "RULES", "MEANING"],
        &rows,
        none,
        text,
    );
}
