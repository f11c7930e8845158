//! `crossdock plugin build --watch`: again after each save.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use super::super::failure::{Exit, Failure, Finished};
use super::super::terminal::{Paint, clean, note, print};
use super::build::{Builder, Built};
use crate::reload::watch::Watcher;

/// Folders in which nobody writes an adapter.
const LEFT_OUT: [&str; 6] = [
    "target",
    "node_modules",
    "__pycache__",
    "venv",
    "out",
    "dist",
];

/// Files that builds write beside the source.
const WRITTEN: [&str; 3] = ["Cargo.lock", "package-lock.json", "go.sum"];

/// Files of a project that are looked at, and how deep they lie.
const MOST_FILES: usize = 10_000;
const DEEPEST: usize = 16;

/// Every source file, with what changes when it is saved.
type Sources = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

pub(super) async fn run(builder: &Builder, dir: &Path) -> Finished {
    let paint = Paint::stdout();
    // Watched before anything is read, so that no save is missed.
    let (watcher, mut changes) = Watcher::start(&[dir.to_owned()], None)
        .map_err(|error| anyhow::anyhow!("{} cannot be watched: {error}", dir.display()))?;
    let mut built = sources(dir);
    let started = Instant::now();
    let first = builder.build().await;
    say(paint, first, started)?;
    note(&format!(
        "watching {}; Ctrl-C ends it",
        clean(&dir.display().to_string())
    ));
    loop {
        let change = tokio::select! {
            change = changes.recv() => change,
            _ = tokio::signal::ctrl_c() => break,
        };
        if change.is_none() {
            return Err(anyhow::anyhow!("{} is no longer watched", dir.display()).into());
        }
        let saved = Instant::now();
        // What a build writes wakes this up, too.
        let now = sources(dir);
        if now == built {
            continue;
        }
        // Looked at before the build: what is saved while it runs is built next.
        built = now;
        let result = builder.build().await;
        say(paint, result, saved)?;
    }
    drop(watcher);
    Ok(Exit::Done)
}

/// Tells what a build came to, and how long ago the save was that led to it.
fn say(paint: Paint, result: Result<Built, String>, saved: Instant) -> Result<(), Failure> {
    match result {
        Ok(built) => print(&built.text(paint, saved.elapsed())),
        Err(why) => {
            note(&format!(
                "{} {}",
                Paint::stderr().bad("error:"),
                clean(&why)
            ));
            Ok(())
        }
    }
}

/// What lies in a project's folder and is not made by a build.
fn sources(dir: &Path) -> Sources {
    let mut found = Sources::new();
    let mut folders = vec![(dir.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if !is_source(&path) || found.len() >= MOST_FILES {
                continue;
            }
            match std::fs::metadata(&path) {
                Ok(meta) if meta.is_dir() && depth < DEEPEST => folders.push((path, depth + 1)),
                Ok(meta) if meta.is_file() => {
                    found.insert(path, (meta.len(), meta.modified().ok()));
                }
                _ => {}
            }
        }
    }
    found
}

/// Whether somebody writes this, and no build does.
fn is_source(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let made = path
        .extension()
        .is_some_and(|end| end == "wasm" || end == "tmp");
    !name.starts_with('.') && !made && !LEFT_OUT.contains(&&*name) && !WRITTEN.contains(&&*name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_build_writes_is_no_reason_for_another() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("src/lib.rs", "1");
        write("examples/a/b/items.json", "[]");
        let before = sources(dir.path());
        assert_eq!(before.len(), 2);
        for made in [
            "target/debug/x.rs",
            ".crossdock/app.wasm",
            "shop.wasm",
            "shop.wasm.7.tmp",
            "Cargo.lock",
            "node_modules/a/index.js",
            ".venv/bin/python",
            ".shop.js.swp",
            "__pycache__/app.pyc",
        ] {
            write(made, "made");
        }
        assert_eq!(sources(dir.path()), before);
        write("src/lib.rs", "12");
        assert_ne!(sources(dir.path()), before);
    }
}
