//! `crossdock plugin`.

mod check;
mod inspect;
mod list;
mod local;
mod markdown;
mod sample;
mod schema;
mod text;

use std::path::PathBuf;

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
    /// Run every step of loading on files: imports, exports, manifest, examples
    Check {
        /// Plugin files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// For programs
        #[arg(long)]
        json: bool,
    },
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
        PluginCommand::Check { files, json } => check::run(global, &files, json).await,
    }
}
