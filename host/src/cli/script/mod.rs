//! `crossdock script`.

mod diff;
mod run;
mod test;

use clap::Subcommand;

use super::Global;
use super::failure::Finished;

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
