//! `demo`, `test` and `bench`: everything they need, then the thing itself.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::plugins::{self, LeftOut};
use crate::run::{Failure, run, say};

/// Builds the guests and, in one go, every native binary: one selection of
/// packages, so that no dependency is built twice with other features.
///
/// Gives the guests that this machine cannot build.
pub fn build() -> Result<Vec<LeftOut>, Failure> {
    let built = plugins::build(&plugins::Options::default())?;
    let first = !binary("crossdock").exists();
    if first {
        say(
            "building host, stand-ins and tools; the first build takes about 8 minutes on 4 cores, 15 on 2",
        );
    } else {
        say("building host, stand-ins and tools");
    }
    let started = Instant::now();
    run(cargo().args(["build", "--workspace", "--bins", "--locked"]))?;
    say(format!("built in {} s", started.elapsed().as_secs()));
    Ok(built.left_out)
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::root());
    command
}

/// A native binary.
pub fn binary(name: &str) -> PathBuf {
    crate::target_dir()
        .join("debug")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// The host at its job.
pub fn demo(arguments: &[String]) -> Result<(), Failure> {
    if let Some(other) = arguments.iter().find(|argument| *argument != "--keep") {
        return Err(Failure::new(format!("`demo` does not know {other:?}"))
            .remedy("it takes `--keep`, which leaves host and stand-ins running"));
    }
    build()?;
    let next = next_lingzhi()?;
    let folder = crate::target_dir().join("demo");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)
            .map_err(|error| Failure::file("remove", &folder, error))?;
    }
    plugins::copy_bundled(&folder.join("plugins"))?;
    run(Command::new(binary("demo"))
        .current_dir(crate::root())
        .arg(binary("crossdock"))
        .arg(&folder)
        .arg(next)
        .args(arguments))
}

/// The adapter that the demo swaps in: the same source with its next version.
fn next_lingzhi() -> Result<PathBuf, Failure> {
    let options = plugins::Options {
        only: vec!["lingzhi".into()],
        version: Some("0.1.1".into()),
        destination: Some(crate::target_dir().join("guests/next")),
        ..plugins::Options::default()
    };
    plugins::build(&options)?
        .artifacts
        .pop()
        .map(|artifact| artifact.path)
        .ok_or_else(|| Failure::new("lingzhi was not built"))
}

/// Every test that this machine can run; what it cannot is said before and
/// after.
pub fn test(arguments: &[String]) -> Result<(), Failure> {
    let left_out = build()?;
    say("running the tests");
    let mut arguments = arguments.to_vec();
    if !left_out.is_empty() && !arguments.iter().any(|argument| argument == "--") {
        arguments.push("--".into());
    }
    for left_out in &left_out {
        let tests = tests_of(&left_out.name);
        say(format!("tests named `{tests}` are left out"));
        arguments.extend(["--skip".into(), tests.into()]);
    }
    let outcome = run(cargo()
        .args(["test", "--workspace", "--locked"])
        .args(arguments));
    for left_out in &left_out {
        let tests = tests_of(&left_out.name);
        say(format!("tests named `{tests}` did not run: {left_out}"));
    }
    outcome
}

/// What the name or a module of every test has in it that needs the component
/// of a guest which not every machine can build.
fn tests_of(guest: &str) -> &str {
    match guest {
        "script-js" => "javascript",
        other => other,
    }
}

/// The figures the README names.
pub fn bench(arguments: &[String]) -> Result<(), Failure> {
    build()?;
    run(Command::new(binary("bench"))
        .current_dir(crate::root())
        .args(arguments))
}
