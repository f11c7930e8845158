//! C: clang makes a core module of every C file of the project, without a C
//! library of the system's, and that becomes a component here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::Project;
use super::super::component::{self, Bindings};
use super::super::tool::{self, Tool};
use super::{c_errors, made};
use crate::files::{self, Links};

/// Versions of clang that are looked for by number.
const VERSIONS: std::ops::RangeInclusive<u32> = 14..=30;

/// Where Homebrew puts its own, which it leaves off the PATH.
const HOMEBREW: [&str; 2] = [
    "/opt/homebrew/opt/llvm/bin/clang",
    "/usr/local/opt/llvm/bin/clang",
];

/// How both tools are installed.
const INSTALL: &str = "on Debian and Ubuntu `sudo apt-get install clang lld` installs both, on macOS `brew install llvm lld`";

/// Largest manifest.
const MOST_BYTES: u64 = 4 << 20;

/// Most C files of a project, and how deep they lie.
const MOST_FILES: usize = 1000;
const DEEPEST: usize = 8;

pub(super) async fn build(project: &Project, bound: Duration) -> Result<Vec<u8>, String> {
    let dir = &project.dir;
    let mut sources = sources(dir)?;
    if sources.is_empty() {
        return Err(format!(
            "there is no C file in {}: the adapter is one",
            dir.display()
        ));
    }
    let clang = clang(dir)
        .await
        .ok_or_else(|| format!("no clang that compiles for WebAssembly is here: {INSTALL}"))?;
    if !links(&clang, dir) {
        return Err(format!(
            "wasm-ld, which clang links WebAssembly with, is not here: {INSTALL}"
        ));
    }
    let work = project.work()?;
    let output = format!("{}/module.wasm", super::super::WORK);
    let includes = includes(dir, &sources);
    if let Ok(manifest) = files::read(&dir.join("manifest.json"), MOST_BYTES, Links::Follow) {
        let path = work.join("manifest.c");
        std::fs::write(&path, text(&manifest)).map_err(super::super::cannot("written", &path))?;
        sources.push(Path::new(super::super::WORK).join("manifest.c"));
    }
    Tool::new(clang, dir)
        .args([
            "--target=wasm32-unknown-unknown",
            "-std=gnu17",
            "-O2",
            "-Wall",
            "-Wextra",
            "-nostdlib",
            "-fno-builtin",
            "-mbulk-memory",
            "-Wl,--no-entry",
            "-Wl,--gc-sections",
            "-Wl,--strip-debug",
            "-Wl,-z,stack-size=1048576",
            "-Wl,--stack-first",
        ])
        .args(includes)
        .args(&sources)
        .args(["-o", &output])
        .run_told(bound, c_errors::told)
        .await?;
    component::from_module(&made(&dir.join(output))?, Bindings::Plain)
}

/// `manifest.json` as the text `MANIFEST`: C has no other way to it. One of the
/// author's own goes before it.
fn text(manifest: &[u8]) -> String {
    let mut source = String::from("__attribute__((weak)) const char MANIFEST[] =\n  \"");
    for byte in manifest {
        match byte {
            b'"' => source.push_str("\\\""),
            b'\\' => source.push_str("\\\\"),
            b'\n' => source.push_str("\\n\"\n  \""),
            b' '..=b'~' => source.push(char::from(*byte)),
            other => source.push_str(&format!("\\{other:03o}")),
        }
    }
    source + "\";\n"
}

/// Every C file below a folder, by its path from there, sorted.
fn sources(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    below(dir, dir, 0, &mut files)?;
    files.sort();
    Ok(files)
}

fn below(root: &Path, dir: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = std::fs::read_dir(dir).map_err(super::super::cannot("read", dir))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let left_out = [
            "node_modules",
            "target",
            "test",
            "tests",
            super::super::EXAMPLES,
        ];
        if name.starts_with('.') || left_out.contains(&&*name) {
            continue;
        }
        if path.is_dir() {
            if depth < DEEPEST {
                below(root, &path, depth + 1, files)?;
            }
        } else if path.extension().is_some_and(|end| end == "c") {
            if files.len() == MOST_FILES {
                return Err(format!(
                    "{} has more than {MOST_FILES} C files: write a `build` of your own into crossdock.json",
                    root.display()
                ));
            }
            files.push(path.strip_prefix(root).unwrap_or(&path).to_owned());
        }
    }
    Ok(())
}

/// Folders that headers are looked for in: every one that C files lie in, and
/// `include` beside them.
fn includes(dir: &Path, files: &[PathBuf]) -> Vec<String> {
    let mut folders: Vec<PathBuf> = vec![PathBuf::from(".")];
    for file in files {
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        for folder in [folder.join("include"), folder] {
            if !folder.as_os_str().is_empty()
                && dir.join(&folder).is_dir()
                && !folders.contains(&folder)
            {
                folders.push(folder);
            }
        }
    }
    folders
        .iter()
        .map(|folder| format!("-I{}", folder.display()))
        .collect()
}

/// A clang that knows WebAssembly; Apple's does not.
async fn clang(dir: &Path) -> Option<PathBuf> {
    let numbered: Vec<String> = VERSIONS.rev().map(|n| format!("clang-{n}")).collect();
    let found = std::iter::once("clang")
        .chain(numbered.iter().map(String::as_str))
        .filter_map(|name| tool::find(dir, &[], &[name]))
        .chain(HOMEBREW.map(PathBuf::from));
    for clang in found {
        let targets = tool::ask(&clang, dir, &["--print-targets"]).await;
        let knows = |targets: &str| {
            targets
                .lines()
                .any(|line| line.trim().starts_with("wasm32"))
        };
        if targets.as_deref().is_some_and(knows) {
            return Some(clang);
        }
    }
    None
}

/// Whether the linker is on the PATH or beside the compiler.
fn links(clang: &Path, dir: &Path) -> bool {
    let numbered: Vec<String> = VERSIONS.map(|n| format!("wasm-ld-{n}")).collect();
    let names = std::iter::once("wasm-ld").chain(numbered.iter().map(String::as_str));
    let names: Vec<&str> = names.collect();
    let real = clang.canonicalize().unwrap_or_else(|_| clang.to_owned());
    tool::find(dir, &[], &names).is_some()
        || [clang, &real]
            .iter()
            .any(|clang| clang.with_file_name("wasm-ld").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_a_text_in_c() {
        assert_eq!(
            text("{\"a\\\": \"价?\"}\n".as_bytes()),
            "__attribute__((weak)) const char MANIFEST[] =\n  \
             \"{\\\"a\\\\\\\": \\\"\\344\\273\\267?\\\"}\\n\"\n  \"\";\n"
        );
    }

    #[test]
    fn every_c_file_of_the_project_is_compiled() {
        let folder = tempfile::tempdir().unwrap();
        for file in [
            "shop.c",
            "sdk/bindings/platform.c",
            "sdk/libc/include/string.h",
            "sdk/libc/libc.c",
            "tests/not.c",
            ".crossdock/not.c",
            "examples/not.c",
        ] {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let files = sources(folder.path()).unwrap();
        let names = ["sdk/bindings/platform.c", "sdk/libc/libc.c", "shop.c"];
        assert_eq!(files, names.map(PathBuf::from));
        assert_eq!(
            includes(folder.path(), &files),
            ["-I.", "-Isdk/bindings", "-Isdk/libc/include", "-Isdk/libc"]
        );
    }
}
