//! JavaScript: the source, packed with the runtime that runs it. No tool is
//! needed. TypeScript: the same, when a tool of the author's has taken its types
//! out.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::Project;
use super::super::tool::{self, Tool};
use super::made;
use crate::bundle;
use crate::files::{self, Links};
use crate::plugin::packed::{self, SourceFile};

/// The component that runs JavaScript.
const RUNTIME: &str = "runtime-js.wasm";

/// Largest runtime.
const RUNTIME_BYTES: u64 = 64 << 20;

/// Takes the types out of the file that is its first argument, by Node itself.
const STRIP: &str = "\
const { readFileSync, writeFileSync } = require('node:fs');
const { stripTypeScriptTypes } = require('node:module');
const [from, to] = process.argv.slice(1);
writeFileSync(to, stripTypeScriptTypes(readFileSync(from, 'utf8'), { mode: 'strip' }));";

/// The source of a project.
pub(super) fn source(project: &Project) -> Result<SourceFile, String> {
    file(&entry(project, &["js", "mjs"])?)
}

/// A file as a source.
pub(super) fn file(path: &Path) -> Result<SourceFile, String> {
    let most = packed::SOURCE_BYTES as u64;
    let bytes = files::read(path, most, Links::Follow)
        .map_err(|why| format!("{} cannot be read: {why}", path.display()))?;
    let text = std::str::from_utf8(crate::text::without_mark(&bytes)).map_err(|error| {
        let line = bytes[..error.valid_up_to().min(bytes.len())]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        format!(
            "{}:{line}: this is not UTF-8 text: save the file as UTF-8",
            path.display()
        )
    })?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    SourceFile::new(&name, text).map_err(|why| format!("{}: {why}", path.display()))
}

/// The runtime with a source to run.
pub(super) fn pack(source: &SourceFile, plugins_dir: &Path) -> Result<Vec<u8>, String> {
    packed::with_source(&runtime(plugins_dir)?, source)
}

/// The runtime: the one that comes with this command, or else the one in the
/// plugins folder.
fn runtime(plugins_dir: &Path) -> Result<Vec<u8>, String> {
    let bundled = bundle::plugins().unwrap_or_default();
    if let Some(runtime) = bundled.into_iter().find(|plugin| plugin.file == RUNTIME) {
        return Ok(runtime.bytes.into_owned());
    }
    let path = plugins_dir.join(RUNTIME);
    files::read(&path, RUNTIME_BYTES, Links::Follow).map_err(|_| {
        format!(
            "the runtime of JavaScript adapters, {RUNTIME}, is neither in this build of crossdock nor in {}: \
             `crossdock init` in an empty folder writes it, and in a clone `cargo xtask build-plugins runtime-js`",
            plugins_dir.display()
        )
    })
}

/// The file that is the adapter: of the project's name, or the only one.
fn entry(project: &Project, endings: &[&str]) -> Result<PathBuf, String> {
    for stem in [&*project.name, "adapter", "index"] {
        for end in endings {
            let path = project.dir.join(format!("{stem}.{end}"));
            if path.is_file() {
                return Ok(path);
            }
        }
    }
    let entries =
        std::fs::read_dir(&project.dir).map_err(super::super::cannot("read", &project.dir))?;
    let mut found: Vec<PathBuf> = entries
        .take(10_000)
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let end = path.extension().map(|end| end.to_string_lossy());
            end.is_some_and(|end| endings.contains(&&*end))
                && !path.to_string_lossy().ends_with(".d.ts")
        })
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err(format!(
            "it is not clear which file of {} is the adapter: call it {}.{}",
            project.dir.display(),
            project.name,
            endings[0]
        )),
    }
}

/// The source of a project in TypeScript, without its types.
pub(super) async fn stripped(project: &Project, bound: Duration) -> Result<SourceFile, String> {
    let entry = entry(project, &["ts", "mts"])?;
    let made_here = project.work()?.join(format!("{}.js", project.name));
    let strip = stripper(project, &entry, &made_here).await.ok_or(
        "no tool that takes the types out of TypeScript is here: `npm install --save-dev esbuild` in the adapter's folder \
         installs one; tsc, or Node 22.13 and newer, will do, too",
    )?;
    strip.run(bound).await?;
    // So that a message about a line names a file that the author knows.
    let text = made(&made_here)?;
    let text = String::from_utf8(text)
        .map_err(|_| format!("{} is not UTF-8 text", made_here.display()))?;
    SourceFile::new(&format!("{}.js", project.name), &text)
}

/// esbuild, which also puts several files together; tsc; or Node itself.
async fn stripper(project: &Project, entry: &Path, to: &Path) -> Option<Tool> {
    let dir = &project.dir;
    let own = ["node_modules/.bin"];
    let entry = std::path::absolute(entry).ok()?;
    let to = std::path::absolute(to).ok()?;
    if let Some(esbuild) = tool::find(dir, &own, &["esbuild"]) {
        let mut out = std::ffi::OsString::from("--outfile=");
        out.push(&to);
        return Some(
            Tool::new(esbuild, dir)
                .arg(&entry)
                .args([
                    "--bundle",
                    "--format=esm",
                    "--target=es2023",
                    "--charset=utf8",
                    "--external:crossdock",
                    "--log-level=warning",
                ])
                .arg(out),
        );
    }
    if let Some(tsc) = tool::find(dir, &own, &["tsc"]) {
        let config = dir.join("tsconfig.json");
        let folder = to.parent()?;
        let tool = Tool::new(tsc, dir);
        let tool = match config.is_file() {
            true => tool.arg("--project").arg("tsconfig.json"),
            false => tool
                .arg(&entry)
                .args(["--target", "es2022", "--module", "esnext"]),
        };
        // It names its output after its input.
        let written = folder.join(entry.with_extension("js").file_name()?);
        if written == to {
            return Some(
                tool.arg("--noEmit")
                    .arg("false")
                    .arg("--outDir")
                    .arg(folder),
            );
        }
    }
    let node = tool::find(dir, &[], &["node"])?;
    let can = "process.exit(require('node:module').stripTypeScriptTypes ? 0 : 1)";
    tool::ask(&node, dir, &["-e", can]).await?;
    let tool = Tool::new(node, dir).args(["--no-warnings", "-e", STRIP]);
    Some(tool.arg(entry).arg(to))
}

#[cfg(test)]
mod tests {
    use super::super::super::language::Language;
    use super::*;

    fn project(dir: &Path) -> Project {
        Project {
            dir: dir.to_owned(),
            name: "shop".into(),
            language: Language::JavaScript,
            command: None,
            output: None,
        }
    }

    #[test]
    fn the_adapter_is_the_file_of_its_name_or_the_only_one() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let said = source(&project(dir)).unwrap_err();
        assert!(said.contains("call it shop.js"), "{said}");
        std::fs::write(dir.join("other.mjs"), "1").unwrap();
        assert_eq!(source(&project(dir)).unwrap().name, "other.mjs");
        std::fs::write(dir.join("more.js"), "2").unwrap();
        assert!(source(&project(dir)).is_err());
        std::fs::write(dir.join("shop.js"), "\u{feff}3").unwrap();
        let source = source(&project(dir)).unwrap();
        assert_eq!((&*source.name, &*source.text), ("shop.js", "3"));
    }

    #[test]
    fn what_is_no_text_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.js");
        std::fs::write(&path, b"one\ntwo \xff").unwrap();
        let said = file(&path).unwrap_err();
        assert!(said.contains("shop.js:2: this is not UTF-8"), "{said}");
    }

    #[test]
    fn the_runtime_may_lie_in_the_plugins_folder() {
        let folder = tempfile::tempdir().unwrap();
        let source = SourceFile::new("shop.js", "1").unwrap();
        let bundled = bundle::plugins().unwrap_or_default();
        if bundled.iter().all(|plugin| plugin.file != RUNTIME) {
            let said = pack(&source, folder.path()).unwrap_err();
            assert!(said.contains("crossdock init"), "{said}");
            std::fs::write(folder.path().join(RUNTIME), b"\0asm\x0d\0\x01\0").unwrap();
        }
        let packed = pack(&source, folder.path()).unwrap();
        assert_eq!(packed::read(&packed).unwrap().source, Some(source));
    }
}
