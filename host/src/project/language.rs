//! The languages an adapter can be written in, and by what a folder tells.

use std::path::Path;

use clap::ValueEnum;

use crate::config::did_you_mean;

/// Entries of a folder that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// What an adapter is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// A crate, by Cargo
    Rust,
    /// A source file; no tool is needed
    #[value(name = "javascript", alias = "js")]
    JavaScript,
    /// TypeScript, whose types a tool of yours takes out
    #[value(name = "typescript", alias = "ts")]
    TypeScript,
    /// Python, by componentize-py
    Python,
    /// Go 1.24 or newer
    Go,
    /// C, by clang and wasm-ld
    C,
}

impl Language {
    /// As it is written in `crossdock.json` and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
            Self::Python => "python",
            Self::Go => "go",
            Self::C => "c",
        }
    }

    /// As people write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::JavaScript => "JavaScript",
            Self::TypeScript => "TypeScript",
            Self::Python => "Python",
            Self::Go => "Go",
            Self::C => "C",
        }
    }

    /// Reads a word of `crossdock.json`.
    ///
    /// # Errors
    /// One sentence with what there is.
    pub fn parse(word: &str) -> Result<Self, String> {
        let all = Self::value_variants();
        all.iter()
            .copied()
            .find(|language| language.word() == word)
            .ok_or_else(|| {
                let known = all.iter().map(|language| language.word());
                format!(
                    "there is no language `{}`; {}",
                    crate::text::one_line(word),
                    did_you_mean(word, known, "there are")
                )
            })
    }

    /// Tells the language of a folder by the files in it.
    ///
    /// # Errors
    /// One sentence: there is no file of any language.
    pub fn of_folder(dir: &Path) -> Result<Self, String> {
        let has = |name: &str| dir.join(name).is_file();
        let ends = endings(dir)?;
        let any = |endings: &[&str]| endings.iter().any(|end| ends.iter().any(|e| e == end));
        Ok(if has("Cargo.toml") {
            Self::Rust
        } else if has("go.mod") {
            Self::Go
        } else if has("app.py") || has("pyproject.toml") {
            Self::Python
        } else if any(&["ts", "mts"]) {
            Self::TypeScript
        } else if any(&["js", "mjs"]) {
            Self::JavaScript
        } else if any(&["c"]) {
            Self::C
        } else {
            return Err(format!(
                "nothing in {} tells the adapter's language: there is no Cargo.toml, go.mod, app.py, \
                 .ts, .js or .c file; name its folder, or write {{\"language\": \"…\"}} into {}",
                dir.display(),
                super::FILE
            ));
        })
    }
}

/// The endings of the files in a folder; declarations of types are none of an
/// adapter's.
fn endings(dir: &Path) -> Result<Vec<String>, String> {
    let entries = std::fs::read_dir(dir).map_err(super::cannot("read", dir))?;
    Ok(entries
        .take(MOST_ENTRIES)
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| !path.to_string_lossy().ends_with(".d.ts"))
        .filter_map(|path| Some(path.extension()?.to_string_lossy().into_owned()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_told_by_its_files() {
        for (files, language) in [
            (&["Cargo.toml", "build.py", "a.c"][..], Language::Rust),
            (&["go.mod", "a.go"], Language::Go),
            (&["app.py", "setup.js"], Language::Python),
            (
                &["shop.ts", "crossdock.d.ts", "out.js"],
                Language::TypeScript,
            ),
            (&["shop.js", "crossdock.d.ts"], Language::JavaScript),
            (&["shop.mjs"], Language::JavaScript),
            (&["shop.c", "crossdock.h"], Language::C),
        ] {
            let dir = tempfile::tempdir().unwrap();
            for file in files {
                std::fs::write(dir.path().join(file), "").unwrap();
            }
            assert_eq!(Language::of_folder(dir.path()), Ok(language), "{files:?}");
        }
        let empty = tempfile::tempdir().unwrap();
        let said = Language::of_folder(empty.path()).unwrap_err();
        assert!(said.contains("Cargo.toml"), "{said}");
    }

    #[test]
    fn the_words_are_those_of_the_command_line() {
        for language in Language::value_variants() {
            let value = language.to_possible_value().unwrap();
            assert_eq!(value.get_name(), language.word());
            assert_eq!(Language::parse(language.word()), Ok(*language));
        }
        let said = Language::parse("pyton").unwrap_err();
        assert!(said.contains("did you mean `python`"), "{said}");
    }
}
