//! `demo`, `test` and `bench`: everything they need, then the thing itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::plugins;
use crate::run::{Failure, run, say};

/// Builds the guests and, in one go, every native binary: one selection of
/// packages, so that no dependency is built twice with other features.
fn build(root: &Path) -> Result<(), Failure> {
    plugins::build(&plugins::Options::default())?;
    let first = !root.join("target/debug/crossdock").exists();
    if first {
        say("building host, stand-ins and tools; the first build takes about 5 minutes on 4 cores, 10 on 2");
    } else {
        say("building host, stand-ins and tools");
    }
    let started = Instant::now();
    run(cargo(root).args(["build", "--workspace", "--bins", "--locked"]))?;
    say(format!("built in {} s", started.elapsed().as_secs()));
    Ok(())
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

fn binary(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    target.join("debug").join(name)
}

/// The host at its job.
pub fn demo(root: &Path, arguments: &[String]) -> Result<(), Failure> {
    if let Some(other) = arguments.iter().find(|argument| *argument != "--keep") {
        return Err(Failure::new(format!("`demo` does not know {other:?}"))
            .remedy("it takes `--keep`, which leaves host and stand-in running"));
    }
    build(root)?;
    let next = plugins::build_next_lingzhi()?;
    let folder = root.join("target/demo");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| Failure::file("remove", &folder, error))?;
    }
    plugins::copy_bundled(&folder.join("plugins"))?;
    run(Command::new(binary("demo"))
        .current_dir(root)
        .arg(binary("crossdock"))
        .arg(&folder)
        .arg(next)
        .args(arguments))
}

/// Every test.
pub fn test(root: &Path, arguments: &[String]) -> Result<(), Failure> {
    build(root)?;
    say("running the tests");
    run(cargo(root).args(["test", "--workspace", "--locked"]).args(arguments))
}

/// The figures the README names.
pub fn bench(root: &Path, arguments: &[String]) -> Result<(), Failure> {
    build(root)?;
    run(Command::new(binary("bench")).current_dir(root).args(arguments))
}
