//! `cargo xtask check`: what has to hold before a change is merged.
//!
//! | module | what is in it |
//! |---|---|
//! | [`sizes`] | no source file above its bound |
//! | [`arrows`] | which folder of the host uses which, and none in a circle |
//! | [`promises`] | each promise of a page names a test that is there |
//! | [`blocks`] | each code block of the guide to adapters is a file's |

pub mod arrows;
mod blocks;
mod promises;
mod sizes;

use crate::plugins;
use crate::run::{Failure, output_within, run, say};
use std::process::Command;
use std::time::Duration;

/// Licences and advisories too, which need a network.
const DENY: &str = "--deny";

/// File sizes, arrows, format, lints, documentation, pages: the first that does not
/// hold ends the run. Nothing of it needs a network.
pub fn check(arguments: &[String]) -> Result<(), Failure> {
    if let Some(other) = arguments.iter().find(|argument| *argument != DENY) {
        return Err(
            Failure::new(format!("`check` does not know {other:?}")).remedy(
                "it takes `--deny`, which also asks `cargo deny` about licences and advisories",
            ),
        );
    }
    say("file sizes");
    sizes::check()?;

    say("arrows between the host's folders");
    arrows::check()?;

    say("promises: does each name a test that is there?");
    promises::check()?;

    say("the guide to adapters: is each block a file's?");
    blocks::check()?;

    say("format: cargo fmt --all --check");
    run(cargo().args(["fmt", "--all", "--check"]))
        .map_err(|failure| failure.remedy("type `cargo fmt --all`"))?;

    say("lints: cargo clippy --workspace --all-targets");
    run(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))?;

    say("documentation: cargo doc --workspace --no-deps");
    run(cargo()
        .args(["doc", "--workspace", "--no-deps", "--locked"])
        .env("RUSTDOCFLAGS", "-D warnings"))?;

    say("pages about platforms: are they what the adapters say?");
    plugins::build(&plugins::Options {
        guests: plugins::Guests::Bundled,
        ..plugins::Options::default()
    })?;
    run(cargo().args([
        "test",
        "--workspace",
        "--locked",
        "--test",
        "platform_pages",
    ]))?;

    if arguments.is_empty() {
        say(
            "licences and advisories were not looked at: `cargo xtask check --deny` asks the network",
        );
        return Ok(());
    }
    deny()
}

/// Advisories, licences, banned crates and sources, as `deny.toml` says.
fn deny() -> Result<(), Failure> {
    let installed = output_within(cargo().args(["deny", "--version"]), Duration::from_secs(10));
    if installed.is_none() {
        return Err(Failure::new(
            "cargo-deny is not installed, so licences and advisories were not checked",
        )
        .remedy(
            "type `cargo install --locked cargo-deny`, then `cargo xtask check --deny` again",
        ));
    }
    say("licences and advisories: cargo deny check");
    run(cargo().args(["deny", "check"]))
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::root());
    command
}
