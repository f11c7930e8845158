//! `crossdock script test`.

use std::path::PathBuf;

use clap::Args;

use super::super::Global;
use super::super::failure::{Exit, Finished};
use super::super::terminal::{Paint, clean, count, print, print_json};
use super::show_differences;
use crate::host::Host;
use crate::workbench::suite::Suite;

pub(super) const HELP: &str = "\
The tests of stock.jq are in stock.test.json beside it:
  {\"cases\": [
    {\"name\": \"renames\", \"item\": {\"id\": \"1\"}, \"documents\": [{\"sku\": \"1\"}]},
    {\"name\": \"refuses\", \"item\": {}, \"error\": \"no id\"}
  ]}

A script is tested in the context of each connection that uses it; `context` in a case replaces members of it.

Exit codes:
  0  every case passed
  1  some case failed, or an error";

#[derive(Debug, Args)]
pub(in crate::cli) struct TestArgs {
    /// Scripts, their tests, or folders; without any, every tenant's
    paths: Vec<PathBuf>,
    /// For programs
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(global: &Global, args: TestArgs) -> Finished {
    let config = global.config()?;
    let tenants = config.tenants_dir.clone();
    let host = Host::without_tenants(config).await?;
    let suites = host.test_scripts(&tenants, &args.paths).await?;
    if args.json {
        print_json(&suites)?;
    } else {
        print(&text(Paint::stdout(), &suites))?;
    }
    let passed = suites.iter().all(Suite::passed);
    Ok(if passed { Exit::Done } else { Exit::Error })
}

fn text(paint: Paint, suites: &[Suite]) -> String {
    let mut text = String::new();
    for suite in suites {
        one(paint, suite, &mut text);
    }
    let cases = suites.iter().map(|suite| suite.cases.len()).sum();
    let failed = suites.iter().flat_map(|suite| &suite.cases);
    let failed = failed.filter(|case| !case.passed).count();
    let broken = suites
        .iter()
        .filter(|suite| suite.problem.is_some())
        .count();
    let sum = if failed + broken > 0 {
        paint.bad(&format!("{failed} of {} failed", count(cases, "case")))
    } else if cases == 0 {
        "there are no tests; write them beside a script, as in stock.test.json".to_owned()
    } else {
        paint.good(&format!("{} passed", count(cases, "case")))
    };
    text.push_str(&format!("{sum}\n"));
    text
}

fn one(paint: Paint, suite: &Suite, text: &mut String) {
    let label = if suite.passed() {
        paint.good("ok")
    } else {
        paint.bad("failed")
    };
    let of = suite.r#for.as_deref();
    let of = of.map_or(String::new(), |of| format!(" ({of})"));
    text.push_str(&format!(
        "{label} {}{of}: {}\n",
        clean(&suite.script.display().to_string()),
        count(suite.cases.len(), "case")
    ));
    if let Some(problem) = &suite.problem {
        indented(&problem.to_string(), text);
    }
    for case in suite.cases.iter().filter(|case| !case.passed) {
        text.push_str(&format!("  {}\n", paint.bold(&clean(&case.name))));
        show_differences(paint, &case.differences, text);
        if let (Some(reason), true) = (&case.reason, case.differences.is_empty()) {
            indented(reason, text);
        }
        // Where in the script, and on what.
        let place = case
            .problem
            .as_ref()
            .and_then(|problem| problem.place.as_ref());
        if let Some(place) = place.filter(|place| place.line > 0) {
            indented(&place.label(), text);
            indented(&place.excerpt().unwrap_or_default(), text);
        }
        let excerpt = case
            .problem
            .as_ref()
            .and_then(|problem| problem.excerpt.as_ref());
        if let Some(excerpt) = excerpt {
            indented(&excerpt.to_string(), text);
        }
    }
}

fn indented(lines: &str, text: &mut String) {
    for line in clean(lines).lines() {
        text.push_str(&format!("    {line}\n"));
    }
}
