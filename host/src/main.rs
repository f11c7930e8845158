//! The `crossdock` command.

use std::process::ExitCode;

/// A call's memory is often freed by another thread than the one that asked for
/// it; with glibc's allocator the threads then wait for each other, and whole
/// calls per second drop by a quarter.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    crossdock::cli::run()
}
