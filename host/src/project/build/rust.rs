//! Rust: Cargo makes a core module, and that becomes a component here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::super::Project;
use super::super::component::{self, Bindings};
use super::super::tool::{self, Tool};
use super::made;

/// What adapters are compiled for: nothing but what they bring is in it.
const TARGET: &str = "wasm32-unknown-unknown";

/// Flags that are meant for this machine's processor, and wrong for that one.
const FLAGS: [&str; 4] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_RUSTFLAGS",
];

pub(super) async fn build(project: &Project, bound: Duration) -> Result<Vec<u8>, String> {
    let dir = &project.dir;
    let manifest = dir.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(format!(
            "{} is not there: an adapter in Rust is a crate",
            manifest.display()
        ));
    }
    let cargo = tool::find(dir, &[], &["cargo"]).ok_or(
        "Cargo is not on the PATH: install Rust from https://rustup.rs, then `rustup target add wasm32-unknown-unknown`",
    )?;
    has_target(dir).await?;
    let mut tool = Tool::new(cargo, dir).args([
        "build",
        "--release",
        "--lib",
        "--target",
        TARGET,
        "--message-format=json-render-diagnostics",
    ]);
    for name in FLAGS {
        tool = tool.without_env(name);
    }
    if let Some(flags) = remapped() {
        tool = tool.env("CARGO_ENCODED_RUSTFLAGS", flags);
    }
    let said = tool.output(bound).await?;
    let manifest = manifest.canonicalize().unwrap_or(manifest);
    let module = module(&said, &manifest).ok_or_else(|| {
        format!(
            "Cargo made no `cdylib` of {}: write `[lib]` and `crate-type = [\"cdylib\", \"rlib\"]` into it",
            manifest.display()
        )
    })?;
    component::from_module(&made(&module)?, Bindings::Inside)
}

/// Whether the compiler that builds this folder has a standard library for the
/// target.
async fn has_target(dir: &Path) -> Result<(), String> {
    let ask = ["--print", "target-libdir", "--target", TARGET];
    let folder = tool::ask("rustc", dir, &ask).await;
    let there = folder.is_some_and(|folder| {
        std::fs::read_dir(folder.trim()).is_ok_and(|entries| {
            let mut names = entries.flatten().map(|entry| entry.file_name());
            names.any(|name| name.to_string_lossy().starts_with("libstd-"))
        })
    });
    let rustup = tool::find(dir, &[], &["rustup"]).is_some();
    match (there, rustup) {
        (true, _) => Ok(()),
        (false, true) => Err(format!(
            "Rust has no standard library for {TARGET} here: `rustup target add {TARGET}` installs it"
        )),
        (false, false) => Err(format!(
            "Rust has no standard library for {TARGET} here, and there is no rustup: install Rust from https://rustup.rs, \
             then `rustup target add {TARGET}`"
        )),
    }
}

/// Keeps the author's folders out of the messages inside the adapter.
fn remapped() -> Option<String> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")))?;
    Some(format!("--remap-path-prefix={}=cargo", home.display()))
}

/// A line of what Cargo says.
#[derive(Deserialize)]
struct Line {
    reason: String,
    #[serde(default)]
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    target: Option<Target>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    #[serde(default)]
    crate_types: Vec<String>,
}

/// The module that Cargo made of the crate with this manifest. In a workspace
/// it may be another crate's folder that was named.
fn module(said: &str, manifest: &Path) -> Option<PathBuf> {
    let lines = said
        .lines()
        .filter_map(|line| serde_json::from_str::<Line>(line).ok())
        .filter(|line| line.reason == "compiler-artifact");
    lines
        .filter(|line| line.manifest_path.as_deref() == Some(manifest))
        .filter(|line| {
            let types = line.target.iter().flat_map(|target| &target.crate_types);
            types.into_iter().any(|kind| kind == "cdylib")
        })
        .flat_map(|line| line.filenames)
        .rfind(|file| file.extension().is_some_and(|end| end == "wasm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_that_of_the_crate_itself() {
        let said = r#"
{"reason":"compiler-artifact","manifest_path":"/x/dep/Cargo.toml","target":{"crate_types":["cdylib"]},"filenames":["/t/dep.wasm"]}
{"reason":"compiler-artifact","manifest_path":"/x/Cargo.toml","target":{"crate_types":["cdylib","rlib"]},"filenames":["/t/shop.wasm","/t/libshop.rlib"]}
{"reason":"compiler-artifact","manifest_path":"/x/Cargo.toml","target":{"crate_types":["bin"]},"filenames":["/t/other.wasm"]}
{"reason":"build-finished","success":true}
no JSON at all
"#;
        let found = module(said, Path::new("/x/Cargo.toml"));
        assert_eq!(found.as_deref(), Some(Path::new("/t/shop.wasm")));
        assert_eq!(module(said, Path::new("/y/Cargo.toml")), None);
    }
}
