//! Which C compiler builds WebAssembly here, for guests with C in them.
//!
//! Asked in this order, each only if the one before does not work:
//! 1. the compiler named by `CC_wasm32_unknown_unknown`;
//! 2. a clang that knows WebAssembly (Apple's does not): the plain one, then by
//!    number, newest first;
//! 3. Debian's `clang`;
//! 4. an error that says which command to type.
//!
//! No C library is looked for: such guests bring theirs.

use crate::run::{Failure, output_within, say};
use crate::toolchain::{ASK, debian_install, on_path};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `cc`, which compiles the C, asks for this compiler.
pub const VARIABLE: &str = "CC_wasm32_unknown_unknown";

/// Debian's package; its newest version is not needed.
const DEBIAN_PACKAGE: &str = "clang";

/// Versions that are looked for by number, where plain `clang` is missing or
/// knows no WebAssembly. Older ones have not been tried.
const VERSIONS: std::ops::RangeInclusive<u32> = 14..=30;

/// Where Homebrew puts its own, which it leaves off the PATH.
const HOMEBREW: [&str; 2] = [
    "/opt/homebrew/opt/llvm/bin/clang",
    "/usr/local/opt/llvm/bin/clang",
];

/// The first that works.
pub fn find() -> Result<PathBuf, Failure> {
    if let Some(named) = std::env::var_os(VARIABLE) {
        let named = PathBuf::from(named);
        return match knows_wasm(&named) {
            true => Ok(named),
            false => Err(Failure::new(format!(
                "{VARIABLE} names {}, which is no clang for WebAssembly",
                named.display()
            ))),
        };
    }
    let found = installed().map_or_else(
        || debian_install(&[DEBIAN_PACKAGE]).map(|()| installed()),
        |found| Ok(Some(found)),
    );
    match found {
        Ok(Some(clang)) => {
            say(format_args!("C compiler: {}", clang.display()));
            Ok(clang)
        }
        Ok(None) => Err(none("Debian's clang does not know it")),
        Err(reason) => Err(none(&reason)),
    }
}

fn none(reason: &str) -> Failure {
    Failure::new(format!(
        "no C compiler for WebAssembly was found, and {reason}"
    ))
    .remedy(format!(
        "type `sudo apt-get install {DEBIAN_PACKAGE}`, `brew install llvm`, or your system's like, \
         or set {VARIABLE} to a clang; then this command again"
    ))
}

fn installed() -> Option<PathBuf> {
    let numbered: Vec<String> = VERSIONS.rev().map(|n| format!("clang-{n}")).collect();
    let names: Vec<&str> = std::iter::once("clang")
        .chain(numbered.iter().map(String::as_str))
        .collect();
    on_path(&names)
        .into_iter()
        .chain(HOMEBREW.map(PathBuf::from))
        .find(|path| path.is_file() && knows_wasm(path))
}

fn knows_wasm(clang: &Path) -> bool {
    output_within(Command::new(clang).arg("--print-targets"), ASK).is_some_and(|targets| {
        targets
            .lines()
            .any(|line| line.trim().starts_with("wasm32"))
    })
}
