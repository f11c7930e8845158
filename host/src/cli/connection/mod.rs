//! `crossdock connection`: what a person sees of the credentials of a connection that
//! renews them, and does about them, at a running host.

mod asking;
mod authorize;
mod status;

use clap::Subcommand;

use super::Global;
use super::failure::Finished;

#[derive(Debug, Subcommand)]
pub(super) enum ConnectionCommand {
    /// Say what to open at the platform to authorize a connection, or bring the code from there
    #[command(after_help = authorize::HELP)]
    Authorize(authorize::AuthorizeArgs),
    /// Show a connection's credentials: account, scopes, until when, and why not
    #[command(after_help = status::HELP)]
    Status(status::StatusArgs),
    /// Renew a connection's token now
    Renew(status::StatusArgs),
    /// Forget what was granted to a connection; the platform is not told
    Revoke(status::StatusArgs),
}

pub(super) async fn run(global: &Global, command: ConnectionCommand) -> Finished {
    match command {
        ConnectionCommand::Authorize(args) => authorize::run(global, args).await,
        ConnectionCommand::Status(args) => status::status(global, args).await,
        ConnectionCommand::Renew(args) => status::renew(global, args).await,
        ConnectionCommand::Revoke(args) => status::revoke(global, args).await,
    }
}
