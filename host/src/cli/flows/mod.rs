//! `crossdock flows`: what a person sees of the flows of a running host, and does
//! about them.

mod asking;
mod change;
mod counts;
mod dry;
mod list;
mod progress;
mod run;
mod show;

use clap::Subcommand;

use super::Global;
use super::failure::Finished;

#[derive(Debug, Subcommand)]
pub(super) enum FlowsCommand {
    /// List a tenant's flows, with the newest run of each
    #[command(after_help = list::HELP)]
    List(list::ListArgs),
    /// Show a flow with its newest runs and what is parked, or one of its runs
    #[command(after_help = show::HELP)]
    Show(show::ShowArgs),
    /// Begin a run now, or show what it would send
    #[command(after_help = run::HELP)]
    Run(run::RunArgs),
    /// Have a flow begin no run any more; the one under way ends behind its page
    Pause(change::FlowArgs),
    /// Let a flow begin runs again
    Resume(change::FlowArgs),
    /// Forget what targets have, so that `changes_only` leaves nothing out once; the cursor stays
    #[command(after_help = change::RESYNC_HELP)]
    Resync(change::ResyncArgs),
    /// Have what is parked go again, with a run that begins now or with the next one
    #[command(after_help = change::RETRY_HELP)]
    Retry(change::ParkedArgs),
    /// Give up what is parked, for good
    #[command(after_help = change::DISCARD_HELP)]
    Discard(change::ParkedArgs),
}

pub(super) async fn run(global: &Global, command: FlowsCommand) -> Finished {
    match command {
        FlowsCommand::List(args) => list::run(global, args).await,
        FlowsCommand::Show(args) => show::run(global, args).await,
        FlowsCommand::Run(args) => run::run(global, args).await,
        FlowsCommand::Pause(args) => change::pause(global, args).await,
        FlowsCommand::Resume(args) => change::resume(global, args).await,
        FlowsCommand::Resync(args) => change::resync(global, args).await,
        FlowsCommand::Retry(args) => change::retry(global, args).await,
        FlowsCommand::Discard(args) => change::discard(global, args).await,
    }
}
