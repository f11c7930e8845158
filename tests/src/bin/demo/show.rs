//! Headings and tables.

use serde_json::Value;

/// A new part of the demo.
pub fn heading(line: &str) {
    println!("\n── {line}");
}

/// A string's text, empty for anything else.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// A scalar as a person would write it, `-` for null.
pub fn word(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Rows under a header, two spaces in.
pub fn table(header: &[&str], rows: &[Vec<String>]) {
    let mut widths: Vec<usize> = header.iter().map(|cell| width(cell)).collect();
    for row in rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(width(cell));
        }
    }
    let header: Vec<String> = header.iter().map(|cell| (*cell).to_owned()).collect();
    for row in std::iter::once(&header).chain(rows) {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, widest)| format!("{cell}{}", " ".repeat(widest - width(cell))))
            .collect();
        println!("  {}", cells.join("  ").trim_end());
    }
}

/// Cells that a text takes in a terminal: East Asian wide characters take two.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| if (c as u32) >= 0x1100 { 2 } else { 1 })
        .sum()
}

/// What became of each item, and which requests it took.
pub fn items(report: &Value) {
    const ALWAYS: [&str; 2] = ["index", "status"];
    // Shown where some item has them.
    const SOMETIMES: [&str; 4] = ["code", "blame", "pointer", "message"];
    let said = |field: &&str| list(&report["items"]).any(|item| !item[*field].is_null());
    let fields: Vec<&str> = ALWAYS
        .into_iter()
        .chain(SOMETIMES.into_iter().filter(said))
        .collect();
    let rows: Vec<Vec<String>> = list(&report["items"])
        .map(|item| fields.iter().map(|field| word(&item[*field])).collect())
        .collect();
    table(&fields, &rows);
    requests(report);
}

/// Which requests a delivery took.
pub fn requests(report: &Value) {
    for request in list(&report["requests"]) {
        let answer = match &request["status"] {
            Value::Null => "no answer".to_owned(),
            status => format!("HTTP {status}"),
        };
        println!(
            "  {} {} → {answer} in {} ms",
            text(&request["method"]),
            text(&request["url"]),
            request["ms"]
        );
    }
}

/// An array's elements.
pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
