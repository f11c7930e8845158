//! `crossdock script run`.

use std::path::PathBuf;

use clap::Args;

use super::super::failure::{Exit, Failure, Finished};
use super::super::terminal::{print, print_json};
use super::super::{Global, read_input};
use crate::host::Host;
use crate::problem::Problem;
use crate::script::ScriptRun;

pub(super) const HELP: &str = "\
Prints one document per line. Errors go to stderr with the line of the script, and the exit code is 1.

Example:
  crossdock script run tenants/acme/stock.jq --input stock.json";

#[derive(Debug, Args)]
pub(in crate::cli) struct RunArgs {
    /// The script; its extension names the language
    script: PathBuf,
    /// A JSON object or array of objects; `-` or nothing: stdin
    #[arg(long, short, value_name = "FILE")]
    input: Option<PathBuf>,
    /// For programs: an array with the documents or the problem of each item
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(global: &Global, args: RunArgs) -> Finished {
    let RunArgs {
        script,
        input,
        json,
    } = args;
    let config = global.config()?;
    let items = read_input(input.as_deref(), config.limits.request_body)?;
    let host = Host::without_tenants(config).await?;
    let runs = host.run_script(&script, &items).await?;
    if json {
        print_json(&runs)?;
    } else {
        print(&documents(&runs))?;
    }
    let problems: Vec<Problem> = runs.into_iter().filter_map(|run| run.problem).collect();
    if problems.is_empty() {
        return Ok(Exit::Done);
    }
    Err(Failure::Problems(problems))
}

/// One document per line.
fn documents(runs: &[ScriptRun]) -> String {
    runs.iter()
        .flat_map(|run| &run.documents)
        // Between JSON's tokens a line break is a blank, and there is none
        // within a token.
        .map(|document| document.get().replace(['\n', '\r'], " ") + "\n")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    #[test]
    fn each_document_is_one_line_with_every_digit() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let runs = [
            ScriptRun {
                index: 0,
                documents: vec![raw("{\n\"id\": 1234567890123456789}"), raw("1.50")],
                problem: None,
            },
            ScriptRun {
                index: 1,
                documents: Vec::new(),
                problem: None,
            },
        ];
        assert_eq!(documents(&runs), "{ \"id\": 1234567890123456789}\n1.50\n");
    }
}
