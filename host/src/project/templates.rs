//! What a new adapter's folder begins with. All of it is in the binary: its
//! templates, and the SDK of its language where one has to lie beside it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::cannot;
use super::language::Language;
use super::rust_sdk::{self, RustSdk};

/// File names and contents, put in by `build.rs`.
static INSIDE: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// What every folder has.
const COMMON: &str = "templates/common/";

/// What has a place of its own: the manifest is a file, or a part of the source.
const MANIFEST: &str = "manifest.json";

/// An entry of a folder that may be there: whoever begins has begun with it.
const MAY_BE_THERE: &str = ".git";

/// A file to be written, below the new folder.
pub type File = (PathBuf, Vec<u8>);

/// Everything a new adapter's folder has in it.
///
/// # Errors
/// One sentence: the name is none, or this build lacks a part.
pub fn files(name: &str, language: Language, sdk: &RustSdk) -> Result<Vec<File>, String> {
    super::check_name(name)?;
    let fill = Fill {
        name,
        language,
        sdk,
        manifest: text_of(&format!("{COMMON}{MANIFEST}"))?,
    };
    let mut files = Vec::new();
    let own = format!("templates/{}/", language.word());
    for (path, bytes) in INSIDE {
        let Some(below) = path
            .strip_prefix(COMMON)
            .or_else(|| path.strip_prefix(&*own))
        else {
            continue;
        };
        if below == MANIFEST && manifest_is_inside(language) {
            continue;
        }
        files.push((fill.path(below), fill.bytes(bytes)));
    }
    files.extend(beside(language, sdk)?);
    files.sort();
    Ok(files)
}

/// Parts of SDKs that lie beside the adapter.
fn beside(language: Language, sdk: &RustSdk) -> Result<Vec<File>, String> {
    let copied = |from: &str, to: &str| -> Vec<File> {
        INSIDE
            .iter()
            .filter_map(|(path, bytes)| {
                let below = path.strip_prefix(from)?;
                let path = match below {
                    "" => PathBuf::from(to),
                    below => Path::new(to).join(below),
                };
                Some((path, bytes.to_vec()))
            })
            .collect()
    };
    Ok(match language {
        Language::Rust if *sdk == RustSdk::Copied => {
            let mut files = copied("sdk/rust/", rust_sdk::COPY);
            let workspace = rust_sdk::copied_workspace()?;
            let path = Path::new(rust_sdk::COPY).join("Cargo.toml");
            files.push((path, workspace.into_bytes()));
            files
        }
        Language::Rust => Vec::new(),
        Language::JavaScript | Language::TypeScript => {
            copied("sdk/js/crossdock.d.ts", "crossdock.d.ts")
        }
        Language::Python => copied("sdk/python/", ""),
        Language::C => copied("sdk/c/", "sdk"),
        Language::Go => copied("sdk/go/", "sdk"),
    })
}

/// Whether the source says the manifest itself.
pub fn manifest_is_inside(language: Language) -> bool {
    matches!(language, Language::JavaScript | Language::TypeScript)
}

/// Writes files into a folder, which is made where there is none.
///
/// # Errors
/// One sentence: there is something in the folder, or it cannot be written.
pub fn write(dir: &Path, files: &[File]) -> Result<(), String> {
    if let Some(there) = first_entry(dir)? {
        return Err(format!(
            "{} is not empty: `{}` is in it, and `plugin new` replaces nothing; name a new folder",
            dir.display(),
            there.display()
        ));
    }
    for (below, bytes) in files {
        let path = dir.join(below);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(cannot("made", folder))?;
        }
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(cannot("written", &path))?;
        file.write_all(bytes).map_err(cannot("written", &path))?;
    }
    Ok(())
}

/// Something in a folder that an author may miss; nothing where there is no
/// folder.
fn first_entry(dir: &Path) -> Result<Option<PathBuf>, String> {
    if dir.symlink_metadata().is_err() {
        return Ok(None);
    }
    let entries = fs::read_dir(dir).map_err(cannot("read", dir))?;
    let mut names = entries
        .flatten()
        .map(|entry| PathBuf::from(entry.file_name()));
    Ok(names.find(|name| name.as_os_str() != MAY_BE_THERE))
}

/// What is put in the places that a template leaves.
struct Fill<'f> {
    name: &'f str,
    language: Language,
    sdk: &'f RustSdk,
    manifest: &'static str,
}

impl Fill<'_> {
    /// `dot-gitignore` is `.gitignore`, which would be heeded where the
    /// templates lie; `Cargo.toml.in` likewise.
    fn path(&self, below: &str) -> PathBuf {
        let below = below.replace("__name__", self.name).replace("dot-", ".");
        PathBuf::from(below.strip_suffix(".in").unwrap_or(&below))
    }

    fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.text(text).into_bytes(),
            Err(_) => bytes.to_vec(),
        }
    }

    fn text(&self, text: &str) -> String {
        let (needs, files) = about(self.language, self.sdk);
        // The manifest first: there are places in it, too.
        text.replace("__manifest__", &as_source(self.manifest))
            .replace("__version__", self.version())
            .replace("__needs__", needs)
            .replace("__files__", files)
            .replace("__sdk__", &self.sdk.dependency())
            .replace("__exclude__\n", &self.sdk.workspace())
            .replace("__language__", self.language.word())
            .replace("__Language__", self.language.title())
            .replace("__Name__", &camel(self.name))
            .replace("__name__", self.name)
    }

    /// Rust's macro adds the crate's version.
    fn version(&self) -> &'static str {
        match self.language {
            Language::Rust => "",
            _ => "  \"version\": \"0.1.0\",\n",
        }
    }
}

/// A JSON document as JavaScript writes one: names without quotes.
fn as_source(json: &str) -> String {
    let lines = json.trim_end().lines().map(|line| {
        let start = line.len() - line.trim_start().len();
        let (indent, rest) = line.split_at(start);
        format!("{indent}{}", without_quotes(rest))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Takes the quotes off the names of members in one line.
fn without_quotes(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(open) = rest.find('"') {
        let (before, quoted) = rest.split_at(open);
        let Some(close) = quoted[1..].find('"') else {
            break;
        };
        let (word, after) = (&quoted[1..=close], &quoted[close + 2..]);
        let is_name =
            after.starts_with(':') && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        out.push_str(before);
        match is_name {
            true => out.push_str(word),
            false => out.push_str(&quoted[..close + 2]),
        }
        rest = after;
    }
    out + rest
}

/// `price-board` is `PriceBoard`.
fn camel(name: &str) -> String {
    name.split('-')
        .flat_map(|part| {
            let mut letters = part.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(letters)
        })
        .collect()
}

/// What a language needs, and what its files are, for the README.
fn about(language: Language, sdk: &RustSdk) -> (&'static str, &'static str) {
    match language {
        Language::Rust if *sdk == RustSdk::Copied => (
            "It takes Rust with `rustup target add wasm32-unknown-unknown`, and nothing else.",
            "| `src/lib.rs` | the adapter |\n\
             | `manifest.json` | what can be asked of the platform, with which fields, settings and secrets |\n\
             | `sdk/` | the SDK, `crossdock-adapter`, as this version of crossdock has it; `cargo doc -p crossdock-adapter --open` explains it |",
        ),
        Language::Rust => (
            "It takes Rust with `rustup target add wasm32-unknown-unknown`, and nothing else.",
            "| `src/lib.rs` | the adapter |\n\
             | `manifest.json` | what can be asked of the platform, with which fields, settings and secrets |\n\
             | `Cargo.toml` | where the SDK, `crossdock-adapter`, is from; `cargo doc -p crossdock-adapter --open` explains it |",
        ),
        Language::JavaScript => (
            "It takes no tool at all: `__name__.js` can also be copied into a plugins folder as it is, with its examples beside it as\n\
             `__name__.examples/`.",
            "| `__name__.js` | the adapter, its manifest included |\n\
             | `crossdock.d.ts` | types of the module `crossdock`, for editors |",
        ),
        Language::TypeScript => (
            "It takes a tool that takes the types out: `npm install` here brings esbuild. tsc will do, and so will Node 22.13 and newer.",
            "| `__name__.ts` | the adapter, its manifest included |\n\
             | `crossdock.d.ts` | types of the module `crossdock` |",
        ),
        Language::Python => (
            "It takes componentize-py:\n\
             \n\
             ```sh\n\
             python3 -m venv .venv && .venv/bin/pip install -r requirements.txt\n\
             ```",
            "| `app.py` | the adapter |\n\
             | `manifest.json` | what can be asked of the platform, with which fields, settings and secrets |\n\
             | `crossdock_adapter/` | the SDK, as this version of crossdock has it |",
        ),
        Language::Go => (
            "It takes Go 1.24 or newer, and no module from elsewhere.",
            "| `main.go` | the adapter |\n\
             | `manifest.json` | what can be asked of the platform, with which fields, settings and secrets |\n\
             | `sdk/` | the contract's bindings, as this version of crossdock has them |",
        ),
        Language::C => (
            "It takes clang and wasm-ld: `sudo apt-get install clang lld`, or `brew install llvm lld`. It takes no C library.",
            "| `__name__.c` | the adapter |\n\
             | `manifest.json` | what can be asked of the platform, with which fields, settings and secrets |\n\
             | `sdk/` | the contract's bindings and what an adapter needs of a C library, as this version of crossdock has them |",
        ),
    }
}

fn text_of(path: &str) -> Result<&'static str, String> {
    INSIDE
        .iter()
        .find(|(known, _)| *known == path)
        .and_then(|(_, bytes)| std::str::from_utf8(bytes).ok())
        .ok_or_else(|| format!("this build of crossdock has no `{path}` inside"))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;
    use crate::plugin::golden::folder;

    fn text<'f>(files: &'f [File], path: &str) -> &'f str {
        let (_, bytes) = files
            .iter()
            .find(|(known, _)| known == Path::new(path))
            .unwrap_or_else(|| panic!("no {path}"));
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn every_language_has_a_folder_that_names_the_adapter_and_leaves_no_place() {
        for language in Language::value_variants() {
            let files = files("price-board", *language, &RustSdk::Copied).unwrap();
            for path in [
                "README.md",
                ".gitignore",
                "crossdock.json",
                "examples/stock-query/two-pages/items.json",
            ] {
                text(&files, path);
            }
            let ignored: Vec<&str> = text(&files, ".gitignore").lines().collect();
            // `plugin check` and `plugin test` keep what they know there.
            assert!(ignored.contains(&"/data"), "{language:?}: {ignored:?}");
            for (path, bytes) in &files {
                if path.starts_with("sdk") || path.starts_with("crossdock_adapter") {
                    continue;
                }
                let text = String::from_utf8_lossy(bytes);
                for place in [
                    "__name__",
                    "__Name__",
                    "__needs__",
                    "__sdk__",
                    "__manifest__",
                    "__version__",
                    "__exclude__",
                ] {
                    assert!(
                        !text.contains(place),
                        "{language:?} {}: {place}",
                        path.display()
                    );
                }
            }
            let dir = tempfile::tempdir().unwrap();
            write(dir.path(), &files).unwrap();
            let project = super::super::Project::read(dir.path()).unwrap();
            assert_eq!(
                (&*project.name, project.language),
                ("price-board", *language)
            );
            let examples = folder::read_folder(&dir.path().join("examples")).unwrap();
            assert!(examples.len() >= 3);
            // Without `crossdock.json`, the files tell the same.
            fs::remove_file(dir.path().join(super::super::FILE)).unwrap();
            assert_eq!(Language::of_folder(dir.path()), Ok(*language));
        }
    }

    #[test]
    fn nothing_is_written_where_something_is() {
        let dir = tempfile::tempdir().unwrap();
        let new = dir.path().join("new");
        let files = [(PathBuf::from("a/b.txt"), b"text".to_vec())];
        fs::create_dir_all(new.join(".git")).unwrap();
        write(&new, &files).unwrap();
        assert_eq!(fs::read(new.join("a/b.txt")).unwrap(), b"text");
        let said = write(&new, &files).unwrap_err();
        assert!(said.contains("is not empty: `a`"), "{said}");
        let said = write(&new.join("a/b.txt"), &files).unwrap_err();
        assert!(said.contains("cannot be read"), "{said}");
        assert!(super::files("Bad", Language::C, &RustSdk::Copied).is_err());
    }

    #[test]
    fn a_manifest_in_a_source_has_names_without_quotes() {
        assert_eq!(
            as_source("{\n  \"name\": \"a: b\",\n  \"stock.query\": [\"x\", { \"y_2\": 1 }]\n}\n"),
            "{\n  name: \"a: b\",\n  \"stock.query\": [\"x\", { y_2: 1 }]\n}"
        );
        let rust = files("shop", Language::Rust, &RustSdk::Copied).unwrap();
        assert!(!text(&rust, "manifest.json").contains("\"version\""));
        let c = files("shop", Language::C, &RustSdk::Copied).unwrap();
        let c: serde_json::Value = serde_json::from_str(text(&c, "manifest.json")).unwrap();
        assert_eq!(c["version"], "0.1.0");
    }

    #[test]
    fn an_adapter_in_rust_has_its_sdk_from_where_it_was_said() {
        let copied = files("shop", Language::Rust, &RustSdk::Copied).unwrap();
        text(&copied, "sdk/adapter/wit/adapter.wit");
        text(&copied, "sdk/adapter/src/lib.rs");
        assert!(text(&copied, "Cargo.toml").contains("exclude = [\"sdk\"]"));
        let version = RustSdk::Version("0.1".into());
        let other = files("shop", Language::Rust, &version).unwrap();
        assert!(text(&other, "Cargo.toml").contains("crossdock-adapter = \"0.1\""));
        assert!(other.iter().all(|(path, _)| !path.starts_with("sdk")));
        assert_eq!(camel("price-board2-x"), "PriceBoard2X");
    }
}
