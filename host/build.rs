//! Puts the bundled plugins into a release binary, so that `cargo install
//! --path host` gives one file that `crossdock init` can start from.
//!
//! A developer's build has them beside it, in `target/plugins`: linked in, each
//! change to an adapter would compile the host anew.
//!
//! What `crossdock plugin new` writes is in every build: its templates, and the
//! SDKs that it puts into an author's folder.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of plugins to put in, instead of those of this repository.
const FOLDER: &str = "CROSSDOCK_BUNDLE";

/// Files, and folders that go in whole: what they are called inside, and where
/// they are, from the repository's root.
const TEMPLATES: [(&str, &str); 7] = [
    ("templates/", "host/templates"),
    ("sdk/rust/adapter/", "plugins/sdk"),
    ("sdk/rust/golden/", "plugins/golden"),
    ("sdk/js/crossdock.d.ts", "plugins/sdk-js/crossdock.d.ts"),
    ("sdk/python/", "plugins/sdk-python/src"),
    ("sdk/c/", "plugins/sdk-c"),
    ("sdk/go/", "plugins/sdk-go"),
];

/// Files in them that are no part of what an author gets.
const LEFT_OUT: [&str; 4] = ["target", "node_modules", "__pycache__", "tests"];

fn main() {
    println!("cargo::rerun-if-env-changed={FOLDER}");
    let named = env::var_os(FOLDER).map(PathBuf::from);
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let folder = match (named, release) {
        (Some(folder), _) => Some(folder),
        (None, true) => Some(build()),
        (None, false) => None,
    };
    let plugins = folder.as_deref().map_or_else(Vec::new, plugins_in);
    let mut code = String::from("[\n");
    for plugin in plugins {
        println!("cargo::rerun-if-changed={}", plugin.display());
        let name = plugin.file_name().unwrap_or_default();
        code.push_str(&format!("({name:?}, include_bytes!({plugin:?})),\n"));
    }
    code.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("bundle.rs"), code).expect("OUT_DIR can be written to");
    fs::write(out.join("templates.rs"), templates()).expect("OUT_DIR can be written to");
}

/// The table of what `crossdock plugin new` writes: names and contents.
fn templates() -> String {
    let mut code = String::from("[\n");
    for (inside, folder) in TEMPLATES {
        let folder = root().join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut files = Vec::new();
        match folder.is_file() {
            true => files.push(folder.clone()),
            false => files_in(&folder, &mut files),
        }
        files.sort();
        for file in files {
            let below = file.strip_prefix(&folder).unwrap_or(&file);
            let name = format!("{inside}{}", below.to_string_lossy().replace('\\', "/"));
            code.push_str(&format!("({name:?}, include_bytes!({file:?})),\n"));
        }
    }
    code.push_str("]\n");
    code
}

/// Every file of a folder that an author gets. A folder that is not there has
/// none.
fn files_in(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || LEFT_OUT.contains(&&*name) {
            continue;
        }
        match path.is_dir() {
            true => files_in(&path, files),
            false => files.push(path.clone()),
        }
    }
}

/// The repository.
fn root() -> PathBuf {
    let host = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    host.parent().expect("the repository").to_owned()
}

/// Builds the plugins of this repository with its own command.
fn build() -> PathBuf {
    let root = root();
    for folder in ["plugins", "wit", "xtask"] {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
    }
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |target| root.join(target));
    let mut command = Command::new(env::var_os("CARGO").expect("cargo sets it"));
    command
        .current_dir(&root)
        .args(["run", "--quiet", "--locked", "--package", "xtask", "--"])
        .args(["build-plugins", "--bundled"]);
    // What cargo told this script is about this crate, not about the plugins.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        let ours = [
            "CARGO_CFG_",
            "CARGO_FEATURE_",
            "CARGO_PKG_",
            "CARGO_PROFILE_",
            "DEP_",
        ];
        let single = [
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_MANIFEST_DIR",
            "OPT_LEVEL",
            "PROFILE",
        ];
        if ours.iter().any(|prefix| name.starts_with(prefix)) || single.contains(&&*name) {
            command.env_remove(&*name);
        }
    }
    let status = command.status();
    if !status.is_ok_and(|status| status.success()) {
        println!(
            "cargo::error=the plugins could not be built; `cargo xtask build-plugins` says why. \
             {FOLDER}=FOLDER takes built ones."
        );
    }
    target.join("plugins")
}

/// The plugins of a folder, by name.
fn plugins_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        println!(
            "cargo::error=the plugins' folder {} cannot be read",
            folder.display()
        );
        return Vec::new();
    };
    let mut plugins: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "wasm")
        })
        .collect();
    plugins.sort();
    plugins
}
