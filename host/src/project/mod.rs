//! An adapter's project: a folder on its author's disk, made from a template,
//! recognised by what lies in it, and built with its language's own tools.
//!
//! | file | responsibility |
//! |---|---|
//! | [`language`] | the languages, and by what a folder tells which it is |
//! | [`templates`] | what a new folder begins with; it is in the binary |
//! | [`rust_sdk`] | where a Rust adapter has its SDK from |
//! | [`tool`] | other people's programs, bounded in time |
//! | [`component`] | a core module to a component, in this process |
//! | [`wasi`] | what stands in for WASI's first preview |
//! | [`build`] | a project to one `NAME.wasm` with its examples |

pub mod build;
pub mod component;
pub mod language;
pub mod rust_sdk;
pub mod templates;
pub mod tool;
pub mod wasi;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::files::{self, Links};
use crate::plugin::golden::folder::parsed;
use language::Language;

/// What says how a project is built, where that cannot be seen.
pub const FILE: &str = "crossdock.json";

/// The folder of what is made on the way to a component.
pub const WORK: &str = ".crossdock";

/// The folder of the golden examples.
pub const EXAMPLES: &str = "examples";

/// Bytes of `crossdock.json` and of a manifest that is looked into.
const MOST_BYTES: u64 = 1 << 20;

/// Longest name of an adapter.
const LONGEST_NAME: usize = 64;

/// An adapter's folder, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The folder.
    pub dir: PathBuf,
    /// The adapter's name, and its file's.
    pub name: String,
    /// What it is written in.
    pub language: Language,
    /// A command that builds it, instead of the language's usual one.
    pub command: Option<Vec<String>>,
    /// What that command writes: a component, a core module, or JavaScript.
    pub output: Option<PathBuf>,
}

/// `crossdock.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Said {
    /// The adapter's name.
    pub name: Option<String>,
    language: Option<String>,
    build: Option<Vec<String>>,
    output: Option<PathBuf>,
}

impl Project {
    /// Looks at a folder.
    ///
    /// # Errors
    /// One sentence: it is none, its `crossdock.json` is wrong, or nothing tells
    /// its language.
    pub fn read(dir: &Path) -> Result<Self, String> {
        if !dir.is_dir() {
            return Err(format!(
                "{} is no folder: name the folder of an adapter, or make one with `crossdock plugin new`",
                dir.display()
            ));
        }
        let said = said(dir)?;
        let language = match &said.language {
            Some(word) => Language::parse(word)
                .map_err(|why| format!("{}: {why}", dir.join(FILE).display()))?,
            None => Language::of_folder(dir)?,
        };
        let name = match said.name {
            Some(name) => name,
            None => name_in_manifest(dir)
                .or_else(|| folder_name(dir))
                .ok_or_else(|| no_name(dir))?,
        };
        check_name(&name).map_err(|why| format!("{}: {why}", dir.join(FILE).display()))?;
        if said.build.as_ref().is_some_and(Vec::is_empty) {
            return Err(format!(
                "{}: `build` is empty: write the command and its words, as in [\"make\", \"adapter\"], or leave it out",
                dir.join(FILE).display()
            ));
        }
        if said.build.is_some() && said.output.is_none() {
            return Err(format!(
                "{}: `build` needs `output` beside it: the file that the command writes, as in \"out/adapter.wasm\"",
                dir.join(FILE).display()
            ));
        }
        Ok(Self {
            dir: dir.to_owned(),
            name,
            language,
            command: said.build,
            output: said.output,
        })
    }

    /// The file that a build writes.
    pub fn file(&self) -> PathBuf {
        self.dir.join(format!("{}.wasm", self.name))
    }

    /// The folder for what is made on the way, which is there afterwards.
    ///
    /// # Errors
    /// One sentence, if it cannot be made.
    pub fn work(&self) -> Result<PathBuf, String> {
        let work = self.dir.join(WORK);
        std::fs::create_dir_all(&work).map_err(cannot("made", &work))?;
        Ok(work)
    }
}

/// Whether an adapter may be called this.
///
/// # Errors
/// One sentence.
pub fn check_name(name: &str) -> Result<(), String> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = name.len() <= LONGEST_NAME
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(letters);
    match good {
        true => Ok(()),
        false => Err(format!(
            "`{}` cannot be an adapter's name: it has lower-case letters, digits and `-`, \
             begins with a letter, and has at most {LONGEST_NAME} characters, as in `price-board`",
            crate::text::one_line(name)
        )),
    }
}

/// What a folder's `crossdock.json` says: nothing where there is none.
pub(crate) fn said(dir: &Path) -> Result<Said, String> {
    let path = dir.join(FILE);
    if path.symlink_metadata().is_err() {
        return Ok(Said::default());
    }
    let bytes = files::read(&path, MOST_BYTES, Links::Follow).map_err(|why| {
        let path = path.display();
        format!("{path} cannot be read: {why}")
    })?;
    parsed(&path, &bytes)
}

/// The name in `manifest.json`, if there is one that can be read.
fn name_in_manifest(dir: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let bytes = files::read(&dir.join("manifest.json"), MOST_BYTES, Links::Follow).ok()?;
    serde_json::from_slice::<Named>(crate::text::without_mark(&bytes))
        .ok()
        .map(|named| named.name)
}

/// What a folder is called, wherever it was named from.
pub(crate) fn folder_name(dir: &Path) -> Option<String> {
    let dir = dir.canonicalize().ok()?;
    Some(dir.file_name()?.to_string_lossy().into_owned())
}

fn no_name(dir: &Path) -> String {
    format!(
        "nothing says what the adapter in {} is called: write {{\"name\": \"price-board\"}} into {FILE} there",
        dir.display()
    )
}

/// `PATH cannot be DONE: why`.
fn cannot<'p>(done: &'p str, path: &'p Path) -> impl FnOnce(std::io::Error) -> String + 'p {
    move |error| {
        let why = crate::file_failure::sentence(&error);
        format!("{} cannot be {done}: {why}", path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn a_name_is_one_that_a_manifest_takes() {
        for good in ["a", "price-board", "wdt2"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        let long = "a".repeat(65);
        for bad in ["", "-a", "2a", "Price", "a_b", "a/b", "..", "价", &long] {
            let said = check_name(bad).unwrap_err();
            assert!(said.contains("`price-board`"), "{said}");
            assert!(!said.contains('\n'), "{said}");
        }
    }

    #[test]
    fn a_folder_tells_its_name_and_language() {
        let plain = folder(&[("manifest.json", "{\"name\":\"shop\"}"), ("app.py", "")]);
        let project = Project::read(plain.path()).unwrap();
        assert_eq!(
            (&*project.name, project.language),
            ("shop", Language::Python)
        );
        assert_eq!(project.file(), plain.path().join("shop.wasm"));

        let said = r#"{"name":"other","language":"c","build":["make"],"output":"out/a.wasm"}"#;
        let said = folder(&[(FILE, said), ("app.py", "")]);
        let project = Project::read(said.path()).unwrap();
        assert_eq!((&*project.name, project.language), ("other", Language::C));
        assert_eq!(project.command.as_deref(), Some(&["make".to_owned()][..]));
    }

    #[test]
    fn what_is_wrong_with_the_file_is_said_with_its_place() {
        for (text, part) in [
            (
                "{\"nam\":\"a\"}",
                "crossdock.json:1:6: `nam` is no member that is known here; did you mean `name`?",
            ),
            ("{", "crossdock.json:1:1"),
            (
                "{\"name\":\"A\",\"language\":\"c\"}",
                "`A` cannot be an adapter's name",
            ),
            ("{\"name\":\"a\",\"language\":\"cobol\"}", "`cobol`"),
            (
                "{\"name\":\"a\",\"language\":\"c\",\"build\":[]}",
                "`build` is empty",
            ),
            (
                "{\"name\":\"a\",\"language\":\"c\",\"build\":[\"make\"]}",
                "`output`",
            ),
        ] {
            let folder = folder(&[(FILE, text)]);
            let said = Project::read(folder.path()).unwrap_err();
            assert!(said.contains(part), "{said}");
        }
        let missing = Project::read(Path::new("/nowhere/at/all")).unwrap_err();
        assert!(missing.contains("plugin new"), "{missing}");
    }
}
