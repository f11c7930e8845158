//! `crossdock deliveries`: what a person does about records that a running host
//! has taken in.

mod asking;
mod change;
mod export;
mod filter;
mod list;
mod show;
mod stream;
mod watch;

use clap::Subcommand;

pub(super) use asking::{encoded, failure, read};
pub(super) use show::{understood, when};

use super::Global;
use super::failure::Finished;

#[derive(Debug, Subcommand)]
pub(super) enum DeliveriesCommand {
    /// List records, newest first: those that match
    #[command(after_help = list::HELP)]
    List(list::ListArgs),
    /// Show a delivery, or one of its items with every attempt
    #[command(after_help = show::HELP)]
    Show(show::ShowArgs),
    /// Let records go again that failed, were refused or are unknown, and let those that wait go now
    #[command(after_help = change::RETRY_HELP)]
    Retry(change::RetryArgs),
    /// Give one item another input and let it go again; what it was before is kept
    #[command(after_help = change::EDIT_HELP)]
    Edit(change::EditArgs),
    /// Give records up, with a reason
    #[command(after_help = change::DISCARD_HELP)]
    Discard(change::DiscardArgs),
    /// Write records that match, with what was given: one JSON object a line
    #[command(after_help = export::HELP)]
    Export(export::ExportArgs),
    /// Follow what becomes of records, as it becomes known, until Ctrl-C
    #[command(after_help = watch::HELP)]
    Watch(watch::WatchArgs),
}

pub(super) async fn run(global: &Global, command: DeliveriesCommand) -> Finished {
    match command {
        DeliveriesCommand::List(args) => list::run(global, args).await,
        DeliveriesCommand::Show(args) => show::run(global, args).await,
        DeliveriesCommand::Retry(args) => change::retry(global, args).await,
        DeliveriesCommand::Edit(args) => change::edit(global, args).await,
        DeliveriesCommand::Discard(args) => change::discard(global, args).await,
        DeliveriesCommand::Export(args) => export::run(global, args).await,
        DeliveriesCommand::Watch(args) => watch::run(global, args).await,
    }
}
