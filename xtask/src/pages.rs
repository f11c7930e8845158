//! `docs`: the pages about platforms, written from the adapters' manifests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::project;
use crate::run::{Failure, output, say};

/// Folder of the pages.
fn folder() -> PathBuf {
    crate::root().join("docs/platforms")
}

/// Writes a page for each bundled adapter and removes those of adapters that
/// are gone.
pub fn write() -> Result<(), Failure> {
    let pages = pages()?;
    let folder = folder();
    std::fs::create_dir_all(&folder).map_err(|e| Failure::file("create", &folder, e))?;
    for stale in stale(&folder, &pages)? {
        std::fs::remove_file(&stale).map_err(|e| Failure::file("remove", &stale, e))?;
        say(format_args!("removed {}", stale.display()));
    }
    for (file, page) in &pages {
        let path = folder.join(file);
        if std::fs::read_to_string(&path).ok().as_ref() != Some(page) {
            std::fs::write(&path, page).map_err(|e| Failure::file("write", &path, e))?;
            say(format_args!("wrote {}", path.display()));
        }
    }
    say(format_args!("{} pages are current", pages.len()));
    Ok(())
}

/// File name and text of each page.
fn pages() -> Result<BTreeMap<String, String>, Failure> {
    project::build_host()?;
    let crossdock = project::binary("crossdock");
    let plugins = crate::plugins::plugins_dir();
    let entries = std::fs::read_dir(&plugins).map_err(|e| Failure::file("read", &plugins, e))?;
    let mut pages = BTreeMap::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_plugin = path
            .extension()
            .is_some_and(|extension| extension == "wasm");
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else {
            continue;
        };
        // Engines speak to no platform.
        // Neither an engine of scripts nor a language's runtime is an adapter.
        let is_adapter = !name.starts_with("script-") && !name.starts_with("runtime-");
        if is_plugin && is_adapter {
            pages.insert(format!("{name}.md"), page(&crossdock, &path)?);
        }
    }
    Ok(pages)
}

fn page(crossdock: &Path, plugin: &Path) -> Result<String, Failure> {
    let mut command = Command::new(crossdock);
    command
        .current_dir(crate::target_dir())
        .args(["plugin", "inspect"])
        .arg(plugin)
        .args(["--format", "markdown"]);
    output(&mut command)
}

/// Pages of the folder that no adapter has.
fn stale(folder: &Path, pages: &BTreeMap<String, String>) -> Result<Vec<PathBuf>, Failure> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder).map_err(|e| Failure::file("read", folder, e))?;
    let known = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| pages.contains_key(name))
    };
    Ok(entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .filter(|path| !known(path))
        .collect())
}
