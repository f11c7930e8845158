//! `cargo xtask check`: what has to hold before a change is merged.

use crate::pages;
use crate::run::{Failure, output_within, run, say};
use std::process::Command;
use std::time::Duration;

/// Format, lints, licences and advisories, documentation, pages: the first that does
/// not hold ends the run.
pub fn check() -> Result<(), Failure> {
    say("format: cargo fmt --all --check");
    run(cargo().args(["fmt", "--all", "--check"]))
        .map_err(|failure| failure.remedy("type `cargo fmt --all`"))?;

    say("lints: cargo clippy --workspace --all-targets");
    run(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;

    deny()?;

    say("documentation: cargo doc --workspace --no-deps");
    run(cargo()
        .args(["doc", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", "-D warnings"))?;

    pages::check()
}

/// Advisories, licences, banned crates and sources, as `deny.toml` says.
fn deny() -> Result<(), Failure> {
    let installed = output_within(cargo().args(["deny", "--version"]), Duration::from_secs(10));
    if installed.is_none() {
        return Err(Failure::new(
            "cargo-deny is not installed, so licences and advisories were not checked",
        )
        .remedy("type `cargo install --locked cargo-deny`, then `cargo xtask check` again"));
    }
    say("licences and advisories: cargo deny check");
    run(cargo().args(["deny", "check"]))
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::root());
    command
}
