//! Which compiler builds WebAssembly here.
//!
//! Asked in this order, each only if the one before does not work:
//! 1. the toolchain that runs this command has the target already;
//! 2. rustup fetches the target for it;
//! 3. Debian's `rustc-web`, `cargo-web` and `rust-web-src`, which build the
//!    standard library from source;
//! 4. an error that says which command to type.

use crate::run::{Failure, output_within, run, say, show};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What the guests are compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// What Debian's way needs.
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// Debian's package of `wasm-ld`, for machines without rustup's linker.
const DEBIAN_LINKER: &str = "lld";

/// Questions to a compiler are answered in milliseconds.
pub const ASK: Duration = Duration::from_secs(20);
/// The target is a download of about 20 MB.
const FETCH: Duration = Duration::from_secs(300);

/// Neither another apt-get nor a mirror that does not answer may hold us up.
const APT_BOUNDS: [&str; 6] = [
    "-o",
    "DPkg::Lock::Timeout=60",
    "-o",
    "Acquire::http::Timeout=30",
    "-o",
    "Acquire::Retries=1",
];

/// The oldest compiler that the workspace takes (`rust-version`).
const OLDEST: (u32, u32) = (1, 95);

/// Compiles for [`TARGET`].
#[derive(Debug)]
pub enum Toolchain {
    /// The toolchain that runs this command has the target installed.
    Current,
    /// Debian's compiler, which also builds the standard library.
    Debian {
        /// Links the guests.
        linker: PathBuf,
    },
}

/// Which toolchains may be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// All, in the order above.
    Any,
    /// Only an installed target.
    Current,
    /// Only an installed target or one that rustup fetches.
    Rustup,
    /// Only Debian's packages.
    Debian,
}

impl Choice {
    /// Reads `--toolchain`.
    pub fn parse(word: &str) -> Result<Self, Failure> {
        match word {
            "current" => Ok(Self::Current),
            "rustup" => Ok(Self::Rustup),
            "debian" => Ok(Self::Debian),
            other => Err(Failure::new(format!("there is no toolchain {other:?}"))
                .remedy("it is one of current, rustup, debian")),
        }
    }
}

impl Toolchain {
    /// The first that works; what did not work before it is said aloud.
    pub fn find(choice: Choice) -> Result<Self, Failure> {
        let mut tried = Vec::new();
        type Step = fn() -> Result<Toolchain, String>;
        let steps: &[Step] = match choice {
            Choice::Any => &[current, rustup, debian],
            Choice::Current => &[current],
            Choice::Rustup => &[current, rustup],
            Choice::Debian => &[debian],
        };
        for step in steps {
            match step() {
                Ok(found) => {
                    for reason in &tried {
                        say(format_args!("toolchain: {reason}"));
                    }
                    say(format_args!("toolchain: {}", found.describe()));
                    return Ok(found);
                }
                Err(reason) => tried.push(reason),
            }
        }
        Err(Failure::new(format!(
            "no compiler for {TARGET} was found:\n  - {}",
            tried.join("\n  - ")
        ))
        .remedy(format!(
            "type `rustup target add {TARGET}`; on Debian or Ubuntu without it, \
             `sudo apt-get install {}`; then this command again",
            DEBIAN_PACKAGES.join(" ")
        )))
    }

    fn describe(&self) -> String {
        match self {
            Self::Current => format!("{TARGET} is installed"),
            Self::Debian { linker } => format!(
                "Debian's {}, linking with {}; the standard library is built once, about a minute",
                DEBIAN_PACKAGES.join(", "),
                linker.display()
            ),
        }
    }

    /// Short name, which keeps what two toolchains build apart.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Debian { .. } => "debian",
        }
    }

    /// `cargo build` for [`TARGET`], without packages and profile.
    pub fn cargo_build(&self) -> Command {
        let mut command = match self {
            Self::Current => {
                let mut command = Command::new(current_cargo());
                command.arg("build");
                command
            }
            Self::Debian { linker } => {
                let mut command = Command::new("/usr/bin/cargo");
                command
                    .args(["build", "-Zbuild-std=std,panic_abort"])
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("RUSTC", "/usr/bin/rustc")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
                // Left by the toolchain that runs this command.
                for name in ["CARGO", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH"] {
                    command.env_remove(name);
                }
                command
            }
        };
        // Flags meant for the host's processor are wrong for the guests.
        for name in ["RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_BUILD_RUSTFLAGS"] {
            command.env_remove(name);
        }
        command.args(["--locked", "--target", TARGET]);
        command.current_dir(crate::root());
        command
    }
}

fn current_cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The compiler that builds this workspace.
fn current_rustc() -> Command {
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.current_dir(crate::root());
    command
}

fn sysroot(rustc: &mut Command) -> Option<PathBuf> {
    let text = output_within(rustc.args(["--print", "sysroot"]), ASK)?;
    Some(PathBuf::from(text.trim()))
}

/// Whether a compiled standard library for [`TARGET`] is there.
fn has_target(sysroot: &Path) -> bool {
    let lib = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    std::fs::read_dir(lib).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
    })
}

fn current() -> Result<Toolchain, String> {
    let sysroot =
        sysroot(&mut current_rustc()).ok_or("rustc does not say where it is installed")?;
    match has_target(&sysroot) {
        true => Ok(Toolchain::Current),
        false => Err(format!(
            "{TARGET} is not installed in {}",
            sysroot.display()
        )),
    }
}

fn rustup() -> Result<Toolchain, String> {
    if output_within(Command::new("rustup").arg("--version"), ASK).is_none() {
        return Err("rustup is not installed, so it cannot fetch the target".into());
    }
    let mut add = Command::new("rustup");
    add.args(["target", "add", TARGET])
        .env("RUSTUP_MAX_RETRIES", "1")
        .current_dir(crate::root());
    let shown = show(&add);
    say(format_args!("toolchain: {shown}"));
    if output_within(&mut add, FETCH).is_none() {
        return Err(format!("`{shown}` did not work"));
    }
    current().map_err(|reason| format!("`{shown}` ended well, yet {reason}"))
}

fn debian() -> Result<Toolchain, String> {
    if let Err(missing) = debian_installed() {
        debian_install(&DEBIAN_PACKAGES).map_err(|reason| format!("{missing}; {reason}"))?;
        debian_installed()?;
    }
    let missing = "no linker for WebAssembly is installed";
    let linker = match linker() {
        Some(linker) => linker,
        None => {
            debian_install(&[DEBIAN_LINKER]).map_err(|reason| format!("{missing}; {reason}"))?;
            linker().ok_or(missing)?
        }
    };
    Ok(Toolchain::Debian { linker })
}

/// Whether a new enough compiler and the sources are there.
fn debian_installed() -> Result<(), String> {
    let rustc = || Command::new("/usr/bin/rustc");
    let version = output_within(rustc().arg("--version"), ASK)
        .ok_or("there is no /usr/bin/rustc of Debian's")?;
    if parse_version(&version).is_none_or(|found| found < OLDEST) {
        return Err(format!(
            "/usr/bin/rustc is `{}`, older than {}.{}",
            version.trim(),
            OLDEST.0,
            OLDEST.1
        ));
    }
    if output_within(Command::new("/usr/bin/cargo").arg("--version"), ASK).is_none() {
        return Err("there is no /usr/bin/cargo of Debian's".into());
    }
    let std = sysroot(&mut rustc())
        .map(|root| root.join("lib/rustlib/src/rust/library/std/Cargo.toml"))
        .filter(|manifest| manifest.is_file());
    match std {
        Some(_) => Ok(()),
        None => Err("the sources of Debian's standard library are not installed".into()),
    }
}

/// `rustc 1.96.0 (…)` → `(1, 96)`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Installs packages where that needs no password.
pub fn debian_install(packages: &[&str]) -> Result<(), String> {
    if !Path::new("/etc/debian_version").exists() {
        return Err("this is not Debian or Ubuntu".into());
    }
    let by_hand = format!("type `sudo apt-get install {}`", packages.join(" "));
    let user = output_within(Command::new("id").arg("-u"), ASK);
    let prefix: &[&str] = if user.is_some_and(|id| id.trim() == "0") {
        &[]
    } else if output_within(Command::new("sudo").args(["-n", "true"]), ASK).is_some() {
        &["sudo", "-n"]
    } else {
        return Err(format!("only root may install more: {by_hand}"));
    };
    let apt = |arguments: &[&str]| {
        let words = [prefix, &["apt-get"], &APT_BOUNDS, arguments].concat();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .env("DEBIAN_FRONTEND", "noninteractive");
        say(format_args!("toolchain: {}", show(&command)));
        run(&mut command).map_err(|_| format!("apt-get failed: {by_hand}"))
    };
    let install = [&["install", "--yes", "--no-install-recommends"], packages].concat();
    // The lists may be old or absent: once more with new ones.
    apt(&install).or_else(|_| {
        apt(&["update"])?;
        apt(&install)
    })
}

/// rustup's own linker, or LLVM's.
fn linker() -> Option<PathBuf> {
    let bundled = sysroot(&mut current_rustc()).and_then(|root| {
        let host = host_triple()?;
        Some(root.join("lib/rustlib").join(host).join("bin/rust-lld"))
    });
    bundled
        .into_iter()
        .chain(on_path(&["rust-lld", "wasm-ld"]))
        .find(|path| path.is_file())
}

fn host_triple() -> Option<String> {
    let text = output_within(current_rustc().arg("-vV"), ASK)?;
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
}

/// Files of these names in the folders of PATH, which may not be there.
pub fn on_path(names: &[&str]) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .flat_map(|dir| names.iter().map(move |name| dir.join(name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_says_its_version() {
        assert_eq!(
            parse_version("rustc 1.96.0 (ac68faa20 2026-05-25)"),
            Some((1, 96))
        );
        assert_eq!(parse_version("nonsense"), None);
    }
}
