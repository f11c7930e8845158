//! What somebody means who names a folder or a file: the component, and what
//! lies beside it.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::plugin::artifact::is_component;
use crate::problem::Problem;
use crate::project::{self, templates};

/// Source files that are an adapter by themselves.
const SOURCES: [&str; 2] = ["js", "mjs"];

/// What components are built of.
const BUILT_OF: [&str; 9] = ["rs", "js", "mjs", "ts", "py", "go", "c", "h", "toml"];

/// Folders in which an author writes nothing that is built.
const NO_SOURCES: [&str; 9] = [
    "target",
    "node_modules",
    "__pycache__",
    "venv",
    "out",
    "dist",
    "data",
    "examples",
    "tests",
];

/// Whether a file is an author's test by the custom of its language, which is in
/// no component.
fn is_test(name: &str) -> bool {
    let python = name.starts_with("test_") && name.ends_with(".py");
    let others = ["_test.go", ".test.js", ".test.mjs", ".test.ts"];
    python || others.iter().any(|end| name.ends_with(end))
}

/// Files of a project that are looked at, and folders in each other.
const MOST_FILES: usize = 10_000;
const DEEPEST: usize = 6;

/// An adapter's files.
#[derive(Debug, Clone)]
pub(super) struct Project {
    /// The component, or the source file that is an adapter by itself.
    pub plugin: PathBuf,
    /// The folder of golden examples, if there is one.
    pub examples: Option<PathBuf>,
    /// The manifest as its author writes it, if it is a file of its own.
    pub manifest: Option<PathBuf>,
    /// The project's folder, if one was named.
    dir: Option<PathBuf>,
}

impl Project {
    /// A plugin file with what lies beside it, or a project's folder with what
    /// was built of it.
    pub fn find(path: &Path) -> Result<Self, Problem> {
        let there = |path: PathBuf, is: fn(&Path) -> bool| is(&path).then_some(path);
        if !path.is_dir() {
            let beside = path.with_extension("examples");
            return Ok(Self {
                plugin: path.to_owned(),
                examples: there(beside, Path::is_dir),
                manifest: None,
                dir: None,
            });
        }
        Ok(Self {
            plugin: plugin_in(path)?,
            examples: there(path.join(project::EXAMPLES), Path::is_dir),
            manifest: there(path.join("manifest.json"), Path::is_file)
                .filter(|_| !manifest_is_inside(path)),
            dir: Some(path.to_owned()),
        })
    }

    /// Says so where what was built is older than what it was built of: the
    /// component that is looked at is not the adapter that its author sees.
    pub fn stale(&self) -> Option<String> {
        /// Files that are named.
        const MOST_NAMED: usize = 3;
        let dir = self.dir.as_ref()?;
        if !is_component(&self.plugin) {
            return None;
        }
        let built = changed(&self.plugin)?;
        let files = self.manifest.iter().cloned().chain(sources(dir));
        let newer: Vec<PathBuf> = files
            .filter(|path| changed(path).is_some_and(|changed| changed > built))
            .collect();
        let named = newer.iter().take(MOST_NAMED);
        let mut named: Vec<String> = named
            .map(|path| path.strip_prefix(dir).unwrap_or(path).display().to_string())
            .collect();
        match newer.len() {
            0 => return None,
            all if all > MOST_NAMED => named.push(format!("{} more", all - MOST_NAMED)),
            _ => {}
        }
        let (names, are) = match named.split_last()? {
            (one, []) => (one.clone(), "is"),
            (last, before) => (format!("{} and {last}", before.join(", ")), "are"),
        };
        Some(format!(
            "{names} {are} newer than {}: type `{}` first",
            name_of(&self.plugin),
            self.build()?
        ))
    }

    /// The command that makes the component of a project's folder.
    pub fn build(&self) -> Option<String> {
        let dir = self.dir.as_ref().filter(|_| is_component(&self.plugin))?;
        Some(format!("crossdock plugin build {}", dir.display()))
    }

    /// The plugin's file without its folder.
    pub fn file_name(&self) -> String {
        name_of(&self.plugin)
    }
}

/// Whether the manifest is a part of the source: then a `manifest.json` is
/// something else.
fn manifest_is_inside(dir: &Path) -> bool {
    project::Project::read(dir).is_ok_and(|project| templates::manifest_is_inside(project.language))
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}

/// The files of a project of which a component is built, as far as their names
/// tell it.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![(dir.to_owned(), 0)];
    let mut seen = 0;
    while let Some((folder, depth)) = folders.pop() {
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            seen += 1;
            if seen > MOST_FILES {
                return found;
            }
            let name = name_of(&path);
            if name.starts_with('.') || NO_SOURCES.contains(&&*name) || is_test(&name) {
                continue;
            }
            let extension = path.extension().and_then(|extension| extension.to_str());
            if path.is_dir() && depth < DEEPEST {
                folders.push((path, depth + 1));
            } else if extension.is_some_and(|extension| BUILT_OF.contains(&extension)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// What was built of a project: `NAME.wasm`, or its source.
fn plugin_in(dir: &Path) -> Result<PathBuf, Problem> {
    let shown = dir.display();
    let name = name(dir)?;
    if let Some(name) = &name {
        let built = dir.join(format!("{name}.wasm"));
        if built.is_file() {
            return Ok(built);
        }
    }
    let built = with_extension(dir, &["wasm"]);
    if let [one] = built.as_slice() {
        return Ok(one.clone());
    }
    let mut sources = with_extension(dir, &SOURCES);
    if let Some(name) = &name {
        sources.retain(|source| source.file_stem().is_some_and(|stem| stem == name.as_str()));
    }
    match (built.as_slice(), sources.as_slice()) {
        ([], [one]) => Ok(one.clone()),
        ([], _) => Err(Problem::caller(
            "not-built",
            format!(
                "there is no component in {shown}: make one with `crossdock plugin build {shown}`, or name the file"
            ),
        )),
        (several, _) => {
            let names = several.iter().map(|path| path.display().to_string());
            let names = names.collect::<Vec<_>>().join(", ");
            Err(Problem::caller(
                "plugin-unclear",
                format!("{shown} has several components ({names}): name one of them"),
            ))
        }
    }
}

/// The name in `crossdock.json`; without that file the folder's, if there is a
/// component of that name.
fn name(dir: &Path) -> Result<Option<String>, Problem> {
    let said = project::said(dir).map_err(|why| Problem::caller("project-unreadable", why))?;
    let built = |name: &String| dir.join(format!("{name}.wasm")).is_file();
    Ok(said
        .name
        .or_else(|| project::folder_name(dir).filter(built)))
}

fn with_extension(dir: &Path, wanted: &[&str]) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            extension.is_some_and(|extension| wanted.contains(&extension)) && path.is_file()
        })
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(dir: &Path, names: &[&str]) {
        for name in names {
            std::fs::write(dir.join(name), "{\"name\": \"shop\"}").unwrap();
        }
    }

    #[test]
    fn what_is_newer_than_the_component_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        std::fs::create_dir(dir.join("src")).unwrap();
        put(
            dir,
            &["src/lib.rs", "manifest.json", "shop.wasm", "Cargo.toml"],
        );
        let at = |name: &str, seconds: u64| {
            let file = std::fs::File::options().write(true).open(dir.join(name));
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            file.unwrap().set_modified(time).unwrap();
        };
        let stale = || Project::find(dir).unwrap().stale();
        for name in ["src/lib.rs", "manifest.json", "Cargo.toml", "shop.wasm"] {
            at(name, 100);
        }
        assert_eq!(stale(), None);
        at("src/lib.rs", 101);
        let said = stale().expect("a sentence");
        assert!(
            said.starts_with("src/lib.rs is newer than shop.wasm: type `crossdock plugin build "),
            "{said}"
        );
        at("manifest.json", 102);
        let said = stale().expect("a sentence");
        assert!(
            said.starts_with("manifest.json and src/lib.rs are newer than shop.wasm: type "),
            "{said}"
        );
        for name in ["a.rs", "b.rs", "c.rs"] {
            put(dir, &[name]);
            at(name, 103);
        }
        let said = stale().expect("a sentence");
        assert!(
            said.starts_with("manifest.json, a.rs, b.rs and 2 more are newer than shop.wasm"),
            "{said}"
        );
        // What is in no component cannot be missing in it.
        assert!(is_test("test_app.py") && is_test("shop_test.go") && is_test("shop.test.js"));
        assert!(!is_test("test_app.c") && !is_test("latest.py"));
        let alone = Project::find(&dir.join("shop.wasm")).unwrap();
        assert_eq!(alone.stale(), None);
    }

    #[test]
    fn a_folder_is_what_was_built_of_it_and_a_file_itself() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let plugin = || Project::find(dir).map(|project| project.plugin);
        let said = plugin().expect_err("nothing there").to_string();
        assert!(said.contains("crossdock plugin build"), "{said}");
        put(dir, &["shop.js"]);
        assert_eq!(plugin().unwrap(), dir.join("shop.js"));
        // The source itself is run, so nothing can be newer.
        put(dir, &["shop.h"]);
        assert_eq!(Project::find(dir).unwrap().stale(), None);
        put(dir, &["other.wasm"]);
        assert_eq!(plugin().unwrap(), dir.join("other.wasm"));
        put(dir, &["third.wasm"]);
        let said = plugin().expect_err("two of them").to_string();
        assert!(said.contains("name one of them"), "{said}");
        put(dir, &["crossdock.json", "shop.wasm", "manifest.json"]);
        std::fs::create_dir(dir.join("examples")).unwrap();
        // A JavaScript adapter's manifest is in its source.
        assert_eq!(Project::find(dir).unwrap().manifest, None);
        std::fs::remove_file(dir.join("shop.js")).unwrap();
        let project = Project::find(dir).unwrap();
        assert_eq!(project.plugin, dir.join("shop.wasm"));
        assert_eq!(project.examples, Some(dir.join("examples")));
        assert_eq!(project.manifest, Some(dir.join("manifest.json")));

        std::fs::create_dir(dir.join("third.examples")).unwrap();
        let file = Project::find(&dir.join("third.wasm")).unwrap();
        assert_eq!(file.examples, Some(dir.join("third.examples")));
        assert_eq!(file.manifest, None);
    }
}
