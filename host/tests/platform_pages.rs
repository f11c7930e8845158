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
        .filter(|(name, _)| !name.starts_with("script-"))
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
