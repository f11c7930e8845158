//! The developer's commands: `cargo xtask <command>`.
//!
//! | module | what is in it |
//! |---|---|
//! | [`toolchain`] | which compiler builds WebAssembly here, and how to get one |
//! | [`clang`] | which C compiler does, for guests with C in them |
//! | [`authors`] | tools of other languages, for the tests that build adapters in them |
//! | [`plugins`] | guest crates → core modules → components |
//! | [`project`] | what the README's commands do: demo, tests, bench |
//! | [`check`] | sizes, format, lints, documentation; licences and advisories; arrows |
//! | [`pages`] | adapters' manifests → docs/platforms/*.md |
//! | [`run`] | starting other programs, with what they do said aloud |

mod authors;
mod check;
mod clang;
mod pages;
mod plugins;
mod project;
mod run;
mod toolchain;

use run::Failure;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

  build-plugins [--toolchain current|rustup|debian] [--bundled | NAME…]
                 adapters, script engines and test guests → target/plugins/*.wasm
                 and target/guests/fixtures/*.wasm; --bundled leaves the test
                 guests out; NAMEs are folder names
  demo           stock from an ERP to three shops by a flow, while it changes, a
                 shop misbehaves, files are replaced and the host is killed
  demo --tour [--keep]
                 single calls to stand-ins of five platforms; with --keep, host
                 and stand-ins run until Ctrl-C
  soak [--flows|--credentials] [--kills N] [--items M] [--seed S]
                 the host killed again and again while records are queued and
                 platforms misbehave: what it says, beside what they keep; with
                 --flows, stock goes from an ERP to three shops meanwhile; with
                 --credentials, a month of short tokens is renewed meanwhile
  test [ARG…]    every test; ARGs go to `cargo test`
  bench [--json FILE] [--only adapter|script|calls|tenants|outbox]
                 the figures of docs/performance.md
  docs           docs/platforms/*.md, from the adapters' manifests
  check [--deny] file sizes, format, lints, documentation; with --deny,
                 licences and advisories, which need a network
  arrows         which folder of the host uses which
  help           this text
";

/// Commands whose words are somebody else's to explain.
const PASSED_ON: [&str; 3] = ["test", "bench", "soak"];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<(), Failure> {
    let Some((command, rest)) = args.split_first() else {
        print!("{HELP}");
        return Ok(());
    };
    if rest.iter().any(|word| word == "--help" || word == "-h")
        && !PASSED_ON.contains(&command.as_str())
    {
        print!("{HELP}");
        return Ok(());
    }
    match command.as_str() {
        "build-plugins" => plugins::build(&plugins::Options::from_args(rest)?).map(drop),
        "demo" => project::demo(rest),
        "soak" => project::soak(rest),
        "test" => project::test(rest),
        "bench" => project::bench(rest),
        "docs" => no_arguments(command, rest).and_then(|()| pages::write()),
        "check" => check::check(rest),
        "arrows" => no_arguments(command, rest).and_then(|()| check::arrows::print()),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(Failure::new(format!("there is no command {other:?}"))
            .remedy("type `cargo xtask help` for the list")),
    }
}

fn no_arguments(command: &str, rest: &[String]) -> Result<(), Failure> {
    match rest.first() {
        None => Ok(()),
        Some(extra) => Err(Failure::new(format!("`{command}` takes no {extra:?}"))),
    }
}

/// The root folder of the repository.
pub fn root() -> &'static Path {
    // The manifest of this crate lies one level below it.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Where Cargo and these commands put what they make.
pub fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}
