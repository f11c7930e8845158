//! `crossdock plugin`.

mod authors;
mod build;
mod check;
mod findings;
mod incomplete;
mod inspect;
mod installed;
mod list;
mod local;
mod markdown;
mod new;
mod project;
mod pull;
mod push;
mod record;
mod registry;
mod sample;
mod schema;
mod test;
mod text;
mod watch;

use clap::{Subcommand, ValueEnum};

use super::Global;
use super::failure::Finished;

#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    /// List what serves and what was refused, and why
    #[command(after_help = list::HELP)]
    List(list::ListArgs),
    /// Show what a plugin says of itself: operations, fields, settings, secrets, codes
    Inspect {
        /// An adapter's name, or a file
        #[arg(value_name = "NAME|FILE")]
        plugin: String,
        /// How to show it
        #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
        format: Format,
    },
    /// Begin an adapter: a folder that builds at once, in a language of your choice
    #[command(after_help = new::HELP)]
    New(new::NewArgs),
    /// Build the adapter in a folder, with its language's own tools, and check it
    #[command(after_help = build::HELP)]
    Build(build::BuildArgs),
    /// Run an adapter's golden examples, and show field by field what differs
    #[command(after_help = test::HELP)]
    Test(test::TestArgs),
    /// Check whether a component keeps the contract: imports, exports, manifest, examples, and however it is called
    #[command(after_help = check::HELP)]
    Check(check::CheckArgs),
    /// Put a plugin into an OCI registry
    #[command(after_help = push::HELP)]
    Push(push::PushArgs),
    /// Take a plugin out of an OCI registry
    #[command(after_help = pull::HELP)]
    Pull(pull::PullArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For programs: the whole manifest
    Json,
    /// A page of documentation
    Markdown,
}

pub(super) async fn run(global: &Global, command: PluginCommand) -> Finished {
    match command {
        PluginCommand::List(args) => list::run(global, args).await,
        PluginCommand::Inspect { plugin, format } => inspect::run(global, &plugin, format).await,
        PluginCommand::New(args) => new::run(&args),
        PluginCommand::Build(args) => build::run(global, &args).await,
        PluginCommand::Test(args) => test::run(global, args).await,
        PluginCommand::Check(args) => check::run(global, args).await,
        PluginCommand::Push(args) => push::run(global, args).await,
        PluginCommand::Pull(args) => pull::run(global, args).await,
    }
}
