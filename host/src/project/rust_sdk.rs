//! Where an adapter in Rust has its SDK from: a copy in its own folder, which
//! works on every machine, or whatever its author names.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// The repository's own `Cargo.toml`: versions that the SDK is built with.
const WORKSPACE: &str = include_str!("../../../Cargo.toml");

/// The manifests of the copied crates.
const MANIFESTS: [(&str, &str); 2] = [
    ("adapter", include_str!("../../../plugins/sdk/Cargo.toml")),
    ("golden", include_str!("../../../plugins/golden/Cargo.toml")),
];

/// The folder of the copy in the author's.
pub const COPY: &str = "sdk";

/// Where the SDK is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RustSdk {
    /// A copy in the adapter's folder.
    Copied,
    /// A folder with the crate.
    Path(String),
    /// A git repository with the crate.
    Git(String),
    /// A version of the registry.
    Version(String),
}

impl RustSdk {
    /// Reads what was typed: a folder, a git address, or a version.
    ///
    /// # Errors
    /// One sentence: it is none of them.
    pub fn parse(word: &str) -> Result<Self, String> {
        let is_git = word.contains("://") || word.starts_with("git@") || word.ends_with(".git");
        if word == "copy" {
            return Ok(Self::Copied);
        }
        if is_git {
            return Ok(Self::Git(word.to_owned()));
        }
        if word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '=' | '^' | '~')) {
            return Ok(Self::Version(word.to_owned()));
        }
        let path = std::path::absolute(word).map_err(|error| error.to_string())?;
        let crate_there = |path: &std::path::Path| {
            let text = std::fs::read_to_string(path.join("Cargo.toml")).unwrap_or_default();
            text.contains("\"crossdock-adapter\"")
        };
        let found = [path.clone(), path.join("plugins/sdk"), path.join("adapter")]
            .into_iter()
            .find(|path| crate_there(path))
            .ok_or_else(|| {
                format!(
                    "there is no crate `crossdock-adapter` in {}: --sdk takes `copy`, its folder, a git address, or a version such as 0.1",
                    path.display()
                )
            })?;
        match is_whole(&found) {
            true => Ok(Self::Path(found.display().to_string())),
            false => Err(format!(
                "{} cannot be built alone: its Cargo.toml takes versions from a workspace, and no folder above has that one; name it in a clone of crossdock's repository, or leave --sdk away, which copies the SDK",
                found.display()
            )),
        }
    }

    /// The line of `[dependencies]`.
    pub fn dependency(&self) -> String {
        let quoted = |text: &str| Value::String(text.to_owned()).to_string();
        match self {
            Self::Copied => format!("crossdock-adapter = {{ path = \"{COPY}/adapter\" }}"),
            Self::Path(path) => format!("crossdock-adapter = {{ path = {} }}", quoted(path)),
            Self::Git(url) => format!("crossdock-adapter = {{ git = {} }}", quoted(url)),
            Self::Version(version) => format!("crossdock-adapter = {}", quoted(version)),
        }
    }

    /// What the adapter's own `[workspace]` says.
    pub fn workspace(&self) -> String {
        match self {
            Self::Copied => format!("exclude = [\"{COPY}\"]\n"),
            _ => String::new(),
        }
    }
}

/// Whether a crate has the workspace around it that its `Cargo.toml` speaks of.
fn is_whole(path: &std::path::Path) -> bool {
    let table = |dir: &std::path::Path| {
        let text = std::fs::read_to_string(dir.join("Cargo.toml")).ok()?;
        text.parse::<Table>().ok()
    };
    let inherits = table(path).is_some_and(|crate_| {
        let version = crate_.get("package").and_then(|own| own.get("version"));
        version.is_some_and(Value::is_table)
    });
    // As Cargo does: the nearest workspace above is the one.
    let mut above = path.ancestors().skip(1).filter_map(table);
    !inherits
        || above
            .find_map(|table| table.get("workspace").cloned())
            .is_some_and(|workspace| {
                let known = workspace.get("dependencies");
                known.is_some_and(|known| known.get("crossdock-golden").is_some())
            })
}

/// The `Cargo.toml` over the copied crates: what they take from their
/// workspace, and nothing else of it.
///
/// # Errors
/// The repository's manifests are not what they were when this was written; a
/// test holds them to it.
pub fn copied_workspace() -> Result<String, String> {
    let parse = |text: &str| text.parse::<Table>().map_err(|error| error.to_string());
    let workspace = parse(WORKSPACE)?;
    let part = |name: &str| -> Result<Table, String> {
        let part = workspace
            .get("workspace")
            .and_then(|workspace| workspace.get(name));
        part.and_then(Value::as_table)
            .cloned()
            .ok_or_else(|| format!("[workspace.{name}] is missing"))
    };
    let known = part("dependencies")?;
    let mut wanted = BTreeMap::new();
    for (_, manifest) in MANIFESTS {
        let manifest = parse(manifest)?;
        let mut tables = vec![manifest.get("dependencies")];
        if let Some(targets) = manifest.get("target").and_then(Value::as_table) {
            tables.extend(targets.values().map(|target| target.get("dependencies")));
        }
        let tables = tables.into_iter().flatten().filter_map(Value::as_table);
        for (name, said) in tables.flatten() {
            // What says its own version needs nothing of the workspace.
            if said.get("workspace").is_none() {
                continue;
            }
            let said = known
                .get(name)
                .ok_or_else(|| format!("[workspace.dependencies] has no `{name}`"))?;
            wanted.insert(name.clone(), said.clone());
        }
    }
    wanted.insert(
        "crossdock-golden".into(),
        Value::Table(Table::from_iter([(
            "path".to_owned(),
            Value::String("golden".into()),
        )])),
    );
    let members = MANIFESTS.map(|(folder, _)| Value::String(folder.into()));
    let whole = Table::from_iter([(
        "workspace".to_owned(),
        Value::Table(Table::from_iter([
            ("resolver".to_owned(), Value::String("3".into())),
            ("members".to_owned(), Value::Array(members.to_vec())),
            ("package".to_owned(), Value::Table(part("package")?)),
            (
                "dependencies".to_owned(),
                Value::Table(wanted.into_iter().collect()),
            ),
        ])),
    )]);
    toml::to_string(&whole).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_has_what_its_crates_take_from_their_workspace() {
        let text = copied_workspace().unwrap();
        let table: Table = text.parse().unwrap();
        let workspace = &table["workspace"];
        assert_eq!(workspace["package"]["edition"].as_str(), Some("2024"));
        let dependencies = workspace["dependencies"].as_table().unwrap();
        for name in ["serde", "serde_json", "md-5", "crossdock-golden"] {
            assert!(dependencies.contains_key(name), "{text}");
        }
        assert_eq!(
            dependencies["crossdock-golden"]["path"].as_str(),
            Some("golden")
        );
        assert!(!dependencies.contains_key("wasmtime"), "{text}");
    }

    #[test]
    fn an_sdk_is_a_folder_an_address_or_a_version() {
        let repository = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let RustSdk::Path(path) = RustSdk::parse(repository).unwrap() else {
            panic!("a folder");
        };
        assert!(path.ends_with("plugins/sdk"), "{path}");
        let git = "https://example.com/crossdock.git";
        assert_eq!(
            RustSdk::parse(git).unwrap().dependency(),
            format!("crossdock-adapter = {{ git = \"{git}\" }}")
        );
        let version = RustSdk::parse("0.1").unwrap();
        assert_eq!(version.dependency(), "crossdock-adapter = \"0.1\"");
        let said = RustSdk::parse("/nowhere/at/all").unwrap_err();
        assert!(said.contains("--sdk takes"), "{said}");
    }

    #[test]
    fn a_folder_that_was_taken_out_of_its_workspace_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let adapter = dir.path().join("adapter");
        std::fs::create_dir(&adapter).unwrap();
        std::fs::write(adapter.join("Cargo.toml"), MANIFESTS[0].1).unwrap();
        let word = adapter.display().to_string();
        let said = RustSdk::parse(&word).unwrap_err();
        assert!(said.contains("cannot be built alone"), "{said}");
        // A workspace that is another's does not help.
        let over = dir.path().join("Cargo.toml");
        std::fs::write(&over, "[workspace]\nmembers = [\"adapter\"]\n").unwrap();
        assert!(RustSdk::parse(&word).is_err());
        std::fs::write(&over, copied_workspace().unwrap()).unwrap();
        assert_eq!(RustSdk::parse(&word), Ok(RustSdk::Path(word)));
    }
}
