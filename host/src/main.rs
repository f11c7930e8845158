//! The `crossdock` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    crossdock::cli::run()
}
