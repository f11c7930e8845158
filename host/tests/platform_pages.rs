//! The pages about platforms are what the bundled adapters say of themselves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn plugins() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    target
        .map_or_else(|| root().join("target"), PathBuf::from)
        .join("plugins")
}

/// The bundled adapters, by name. Engines speak to no platform.
fn adapters() -> BTreeMap<String, PathBuf> {
    let folder = plugins();
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| {
        panic!(
            "{} cannot be read ({error}); build it with `cargo xtask build-plugins`",
            folder.display()
        )
    });
    entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "wasm")
        })
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy();
            (name.into_owned(), path.clone())
        })
        // Neither an engine of scripts nor a language's runtime is an adapter.
        .filter(|(name, _)| !name.starts_with("script-") && !name.starts_with("runtime-"))
        .collect()
}

fn page(plugin: &Path, data: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_crossdock"))
        .current_dir(data)
        .env_remove("CROSSDOCK_CONFIG")
        .args(["plugin", "inspect"])
        .arg(plugin.canonicalize().expect("the plugin's path"))
        .args(["--format", "markdown"])
        .output()
        .expect("crossdock starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn every_adapter_has_its_page_and_every_page_is_current() {
    let data = tempfile::tempdir().expect("a folder");
    let folder = root().join("docs/platforms");
    let adapters = adapters();
    for (name, plugin) in &adapters {
        let path = folder.join(format!("{name}.md"));
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == page(plugin, data.path()),
            "{} is not current; type `cargo xtask docs`",
            path.display()
        );
    }
    let pages = std::fs::read_dir(&folder).expect("the folder of pages");
    for page in pages {
        let path = page.expect("an entry").path();
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        assert!(adapters.contains_key(&name), "no adapter is called {name}");
    }
}

/// The parts of a page, and those of each of its operations.
const PARTS: [&str; 8] = [
    "## A connection",
    "## Operations",
    "## Settings",
    "## Secrets",
    "## Codes of the platform",
    "## What no document says",
    "## Examples",
    "## Sources",
];
const OPERATION_PARTS: [&str; 6] = [
    "* Platform's call: ",
    "per request",
    "#### Document",
    "#### Result",
    "#### Example",
    "| `accepted` |",
];

#[test]
fn every_page_shows_every_operation_with_a_call_and_the_success_that_it_ends_in() {
    for name in adapters().keys() {
        let path = root().join(format!("docs/platforms/{name}.md"));
        let page = std::fs::read_to_string(&path).expect("the page");
        for part in PARTS {
            let heading = format!("\n{part}\n");
            assert!(page.contains(&heading), "{name} has no {part}");
        }
        // What stands between a platform's operation and the next heading of its rank.
        let operations: Vec<&str> = page.split("\n### `").skip(1).collect();
        assert!(!operations.is_empty(), "{name}");
        for operation in operations {
            let operation = operation.split("\n## ").next().unwrap_or_default();
            let title = operation.lines().next().unwrap_or_default();
            for part in OPERATION_PARTS {
                assert!(operation.contains(part), "{name} {title} has no {part}");
            }
        }
    }
}
