//! `demo`, `soak`, `test` and `bench`: everything they need, then the thing itself.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::authors;
use crate::plugins::{self, Built, Guests, LeftOut};
use crate::run::{Beside, Failure, run, say};

/// What the demo runs: host, stand-ins and the demo itself; and what makes
/// components of the guests. Neither the native script engines that the benchmark
/// compares with, nor any test.
const DEMO: [&str; 4] = [
    "crossdock",
    "crossdock-componentize",
    "crossdock-stand-ins",
    "crossdock-tests",
];

/// How long the first build takes on 2 cores, so that nobody takes it for hung.
/// Measured; the README says on which machine.
const FIRST_BUILD: &str = "the first build takes 12 to 16 minutes on 2 cores; \
                           most of it is wasmtime, the WebAssembly runtime";

/// Builds the demo's programs; gives what was built of the guests.
///
/// Both at once: much of either is one long crate after the other, which leaves
/// a core idle.
fn build_demo() -> Result<Built, Failure> {
    announce();
    let mut cargo = cargo();
    cargo.args(["build", "--bins", "--locked"]);
    for package in DEMO {
        cargo.args(["--package", package]);
    }
    say("building host, stand-ins and demo, and beside them the plugins");
    let started = Instant::now();
    let programs = Beside::start(&mut cargo)?;
    let built = bundled()?;
    programs.finish()?;
    say(format_args!("built in {} s", started.elapsed().as_secs()));
    Ok(built)
}

/// Builds every guest and the programs that tests start.
///
/// Gives the guests that this machine cannot build.
fn build_tests() -> Result<Vec<LeftOut>, Failure> {
    announce();
    let built = plugins::build(&plugins::Options::default())?;
    timed(
        "host, stand-ins and every test",
        cargo().args(["test", "--workspace", "--locked", "--no-run"]),
    )?;
    Ok(built.left_out)
}

/// Builds the bundled plugins and the host.
pub fn build_host() -> Result<(), Failure> {
    announce();
    bundled()?;
    timed(
        "host",
        cargo().args(["build", "--bins", "--locked", "--package", "crossdock"]),
    )
}

fn bundled() -> Result<Built, Failure> {
    plugins::build(&plugins::Options {
        guests: Guests::Bundled,
        ..plugins::Options::default()
    })
}

/// Says what is coming, before anything that takes long.
fn announce() {
    say("the plugins for WebAssembly, and the programs of this machine");
    if !binary("crossdock").exists() {
        say(FIRST_BUILD);
    }
}

fn timed(what: &str, command: &mut Command) -> Result<(), Failure> {
    say(format_args!("building {what}"));
    let started = Instant::now();
    run(command)?;
    say(format_args!("built in {} s", started.elapsed().as_secs()));
    Ok(())
}

/// Builds a program for these commands; gives its path.
pub fn tool(package: &str, name: &str) -> Result<PathBuf, Failure> {
    run(cargo().args(["build", "--locked", "--package", package]))?;
    Ok(binary(name))
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::root());
    command
}

/// A native binary.
pub fn binary(name: &str) -> PathBuf {
    crate::target_dir().join("debug").join(executable(name))
}

/// The host at its job.
pub fn demo(arguments: &[String]) -> Result<(), Failure> {
    let known = |argument: &&String| ["--tour", "--keep"].contains(&argument.as_str());
    if let Some(other) = arguments.iter().find(|argument| !known(argument)) {
        return Err(Failure::new(format!("`demo` does not know {other:?}")).remedy(
            "it takes `--tour`, which shows single calls, and with it `--keep`, which leaves host and stand-ins running",
        ));
    }
    build_demo()?;
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

/// The host killed again and again, and what it said held against what the
/// platforms keep.
pub fn soak(arguments: &[String]) -> Result<(), Failure> {
    build_demo()?;
    run(Command::new(binary("soak"))
        .current_dir(crate::root())
        .args(arguments))
}

/// The adapter that the demo swaps in: the same source with its next version.
fn next_lingzhi() -> Result<PathBuf, Failure> {
    let options = plugins::Options {
        guests: Guests::Named(vec!["lingzhi".into()]),
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
    let left_out = build_tests()?;
    authors::install();
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
    // Whoever reads the output wants to know everything that fails, in one run.
    let outcome = run(cargo()
        .args(["test", "--workspace", "--locked", "--no-fail-fast"])
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
        "script-js" | "runtime-js" => "javascript",
        other => other,
    }
}

/// The figures of `docs/performance.md`, as a user's binary has them.
pub fn bench(arguments: &[String]) -> Result<(), Failure> {
    announce();
    plugins::build(&plugins::Options::default())?;
    let mut cargo = cargo();
    cargo.args(["build", "--release", "--bins", "--locked"]);
    for package in ["crossdock", "crossdock-bench"] {
        cargo.args(["--package", package]);
    }
    timed("host and benchmark, optimised as a whole", &mut cargo)?;
    let bench = crate::target_dir()
        .join("release")
        .join(executable("bench"));
    run(Command::new(bench)
        .current_dir(crate::root())
        .args(arguments))
}

fn executable(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}
