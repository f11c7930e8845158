//! What somebody means who names a folder or a file: the component, and what
//! lies beside it.

use std::path::{Path, PathBuf};

use crate::problem::Problem;
use crate::project;

/// Source files that are an adapter by themselves.
const SOURCES: [&str; 2] = ["js", "mjs"];

/// An adapter's files.
#[derive(Debug, Clone)]
pub(super) struct Project {
    /// The component, or the source file that is an adapter by itself.
    pub plugin: PathBuf,
    /// The folder of golden examples, if there is one.
    pub examples: Option<PathBuf>,
    /// The manifest as its author writes it, if it is a file of its own.
    pub manifest: Option<PathBuf>,
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
            });
        }
        Ok(Self {
            plugin: plugin_in(path)?,
            examples: there(path.join(project::EXAMPLES), Path::is_dir),
            manifest: there(path.join("manifest.json"), Path::is_file),
        })
    }
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
    fn a_folder_is_what_was_built_of_it_and_a_file_itself() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let plugin = || Project::find(dir).map(|project| project.plugin);
        let said = plugin().expect_err("nothing there").to_string();
        assert!(said.contains("crossdock plugin build"), "{said}");
        put(dir, &["shop.js"]);
        assert_eq!(plugin().unwrap(), dir.join("shop.js"));
        put(dir, &["other.wasm"]);
        assert_eq!(plugin().unwrap(), dir.join("other.wasm"));
        put(dir, &["third.wasm"]);
        let said = plugin().expect_err("two of them").to_string();
        assert!(said.contains("name one of them"), "{said}");
        put(dir, &["crossdock.json", "shop.wasm", "manifest.json"]);
        std::fs::create_dir(dir.join("examples")).unwrap();
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
