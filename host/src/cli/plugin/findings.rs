//! What a check found, on a terminal.

use super::super::terminal::{Paint, clean, sentence, size};
use crate::conformance::{Finding, Report, Weight};

/// Writes what was tried, what it took, and what was found.
pub(super) fn text(paint: Paint, report: &Report, text: &mut String) {
    for (operation, tried) in &report.operations {
        let cut = match tried.cut_short {
            true => " (the time was over)",
            false => "",
        };
        text.push_str(&format!(
            "  {}: {} documents{cut}, {} of them refused; {} requests signed; {} answers read\n",
            clean(operation),
            tried.documents,
            tried.refused,
            tried.requests,
            tried.answers
        ));
    }
    for (function, cost) in &report.costs {
        text.push_str(&format!(
            "  {function}: {} calls, median {:.2} ms, longest {:.1} ms, {} of memory\n",
            cost.calls,
            cost.median_ms,
            cost.longest_ms,
            size(cost.memory as u64)
        ));
    }
    for interface in &report.interfaces {
        text.push_str(&format!("  also exports {}\n", clean(interface)));
    }
    for finding in &report.findings {
        one(paint, finding, text);
    }
    if report.cached {
        text.push_str("  as found before, of the same bytes\n");
    }
}

fn one(paint: Paint, finding: &Finding, text: &mut String) {
    let label = match finding.weight {
        Weight::Wrong => paint.bad("wrong"),
        Weight::Look => paint.warn("look"),
    };
    let of = match &finding.operation {
        Some(operation) => format!("{}, {}", clean(operation), finding.part),
        None => finding.part.clone(),
    };
    let times = match finding.times {
        0 | 1 => String::new(),
        times => format!(" (and {} more like it)", times - 1),
    };
    text.push_str(&format!(
        "  {label} {of}: {}{times}\n",
        sentence(&finding.what)
    ));
    if let Some(input) = &finding.input {
        text.push_str(&format!("    given: {}\n", sentence(input)));
    }
    text.push_str(&format!("    do: {}\n", sentence(&finding.fix)));
}
