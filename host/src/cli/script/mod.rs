//! `crossdock script`.

mod diff;
mod run;
mod test;

use clap::Subcommand;

use super::Global;
use super::failure::Finished;
use super::terminal::{Paint, clean};
use crate::compare::Difference;

#[derive(Debug, Subcommand)]
pub(super) enum ScriptCommand {
    /// Run one mapping script over items, in its sandbox; nothing is sent
    #[command(after_help = run::HELP)]
    Run(run::RunArgs),
    /// Show what a new mapping script would change, item by item; nothing is sent
    #[command(after_help = diff::HELP)]
    Diff(diff::DiffArgs),
    /// Run the tests beside scripts
    #[command(after_help = test::HELP)]
    Test(test::TestArgs),
}

pub(super) async fn run(global: &Global, command: ScriptCommand) -> Finished {
    match command {
        ScriptCommand::Run(args) => run::run(global, args).await,
        ScriptCommand::Diff(args) => diff::run(global, args).await,
        ScriptCommand::Test(args) => test::run(global, args).await,
    }
}

/// What differs, three lines each.
fn show_differences(paint: Paint, differences: &[Difference], text: &mut String) {
    for difference in differences {
        let [pointer, old, new] = difference.lines().map(|line| clean(&line));
        text.push_str(&format!("    {pointer}\n"));
        text.push_str(&format!("      {}\n", paint.bad(&old)));
        text.push_str(&format!("      {}\n", paint.good(&new)));
    }
}
