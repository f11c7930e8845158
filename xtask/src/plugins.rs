//! Guest crates → core modules → components.
//!
//! A guest is a folder with a crate whose `crate-type` names `cdylib`. Its
//! folder's name is its file's name. In `package.metadata.crossdock` it may say
//! `needs = ["clang"]`, that there is C in it, and `imports = […]`, all that
//! it may import, which may be nothing.

use crate::clang;
use crate::project;
use crate::run::{Failure, output, run, say};
use crate::toolchain::{Choice, TARGET, Toolchain};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which guests.
#[derive(Debug, PartialEq, Eq)]
pub enum Guests {
    /// Adapters, script engines, and the guests of tests.
    All,
    /// Adapters and script engines.
    Bundled,
    /// Those of these folder names.
    Named(Vec<String>),
}

/// What to build and with what.
#[derive(Debug)]
pub struct Options {
    /// Which guests.
    pub guests: Guests,
    /// Which toolchains may be used.
    pub toolchain: Choice,
    /// The version the guests give themselves, instead of their crates'.
    pub version: Option<String>,
    /// Where to put the components, instead of their usual places.
    pub destination: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            guests: Guests::All,
            toolchain: Choice::Any,
            version: None,
            destination: None,
        }
    }
}

impl Options {
    /// Reads the words after `build-plugins`.
    pub fn from_args(args: &[String]) -> Result<Self, Failure> {
        let mut options = Self::default();
        let mut names = Vec::new();
        let mut words = args.iter();
        while let Some(word) = words.next() {
            if word == "--toolchain" {
                let value = words
                    .next()
                    .ok_or_else(|| Failure::new("`--toolchain` needs a word after it"))?;
                options.toolchain = Choice::parse(value)?;
            } else if word == "--bundled" {
                options.guests = Guests::Bundled;
            } else if word.starts_with('-') {
                return Err(Failure::new(format!("`build-plugins` has no {word}")));
            } else {
                names.push(word.clone());
            }
        }
        if !names.is_empty() {
            options.guests = Guests::Named(names);
        }
        Ok(options)
    }
}

/// A component that was built.
#[derive(Debug)]
pub struct Artifact {
    /// Where the component is.
    pub path: PathBuf,
}

/// A guest that this machine cannot build.
#[derive(Debug)]
pub struct LeftOut {
    /// The guest's folder name.
    pub name: String,
    /// Why, and what to do about it.
    pub reason: String,
}

/// What a build came to.
#[derive(Debug, Default)]
pub struct Built {
    /// The components.
    pub artifacts: Vec<Artifact>,
    /// What there is none of.
    pub left_out: Vec<LeftOut>,
}

/// A guest crate.
struct Guest {
    name: String,
    package: String,
    folder: PathBuf,
    /// There is C in it.
    needs_clang: bool,
    /// All that it may import, with commas between, where that is said.
    imports: Option<String>,
    /// Folder of the finished component.
    destination: PathBuf,
}

/// Where components for users go: `target/plugins`.
pub fn plugins_dir() -> PathBuf {
    crate::target_dir().join("plugins")
}

/// Where components for tests go: `target/guests/fixtures`.
pub fn fixtures_dir() -> PathBuf {
    crate::target_dir().join("guests/fixtures")
}

/// Where the example adapters in Rust go: `target/guests/examples`.
pub fn examples_dir() -> PathBuf {
    crate::target_dir().join("guests/examples")
}

/// Builds the guests and writes those components that changed.
///
/// A guest with C in it is left out where there is no compiler for that, and an
/// older component of it is removed, unless it was asked for by name.
pub fn build(options: &Options) -> Result<Built, Failure> {
    let mut guests = select(discover()?, &options.guests)?;
    if let Some(destination) = &options.destination {
        for guest in &mut guests {
            guest.destination.clone_from(destination);
        }
    }
    let mut built = Built::default();
    let clang = match guests.iter().any(|guest| guest.needs_clang) {
        true => match clang::find() {
            Ok(clang) => Some(clang),
            Err(failure) if matches!(options.guests, Guests::Named(_)) => return Err(failure),
            Err(failure) => {
                let (without, rest) = guests.into_iter().partition(|guest| guest.needs_clang);
                guests = rest;
                built.left_out = leave_out(without, &failure)?;
                None
            }
        },
        false => None,
    };
    let toolchain = Toolchain::find(options.toolchain)?;
    // Apart from the workspace's own target folder, so that neither waits for
    // the other's lock; one per toolchain, so that neither rebuilds the other's.
    let target_dir = crate::target_dir().join("guests").join(toolchain.name());

    say(format_args!(
        "building {} guests: {}",
        guests.len(),
        guests
            .iter()
            .map(|guest| guest.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    ));
    let mut cargo = toolchain.cargo_build();
    cargo.args(["--profile", "plugin", "--lib"]);
    for guest in &guests {
        cargo.args(["--package", &guest.package]);
    }
    cargo
        .env("CARGO_TARGET_DIR", &target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", remapped_paths());
    if let Some(clang) = clang {
        cargo.env(clang::VARIABLE, clang);
    }
    if let Some(version) = &options.version {
        cargo.env("CROSSDOCK_PLUGIN_VERSION", version);
    }
    run(&mut cargo)?;

    let componentize = project::tool("crossdock-componentize", "componentize")?;
    let modules = target_dir.join(TARGET).join("plugin");
    for guest in &guests {
        built
            .artifacts
            .push(finish(guest, &modules, &componentize)?);
    }
    // Again at the end, where it is seen.
    for left_out in &built.left_out {
        say(left_out);
    }
    Ok(built)
}

/// Says it, and sees to it that nobody takes an older component for this one.
fn leave_out(guests: Vec<Guest>, failure: &Failure) -> Result<Vec<LeftOut>, Failure> {
    let mut left_out = Vec::new();
    for guest in guests {
        let path = guest.component();
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::file("remove", &path, error));
            }
            _ => {}
        }
        left_out.push(LeftOut {
            name: guest.name,
            reason: failure.to_string().replacen("error: ", "", 1),
        });
    }
    Ok(left_out)
}

impl Guest {
    /// The file of the finished component.
    fn component(&self) -> PathBuf {
        self.destination.join(format!("{}.wasm", self.name))
    }
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} was LEFT OUT: {}", self.name, self.reason)
    }
}

/// Copies the bundled plugins into an operator's folder.
pub fn copy_bundled(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|e| Failure::file("create", folder, e))?;
    let built = plugins_dir();
    let entries = std::fs::read_dir(&built).map_err(|e| Failure::file("read", &built, e))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        if let (Some(name), Some("wasm")) = (
            path.file_name(),
            path.extension().and_then(|extension| extension.to_str()),
        ) {
            std::fs::copy(&path, folder.join(name)).map_err(|e| Failure::file("copy", &path, e))?;
        }
    }
    Ok(())
}

/// Keeps the builder's folders out of the messages inside the guests.
fn remapped_paths() -> String {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| {
            let home = std::env::var_os("HOME")?;
            Some(Path::new(&home).join(".cargo"))
        });
    let mut flags = vec![format!(
        "--remap-path-prefix={}=crossdock",
        crate::root().display()
    )];
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=cargo", home.display()));
    }
    flags.join("\u{1f}")
}

/// One core module to one component in its place.
fn finish(guest: &Guest, modules: &Path, componentize: &Path) -> Result<Artifact, Failure> {
    let path = guest.component();
    let mut command = Command::new(componentize);
    if let Some(imports) = &guest.imports {
        command.arg("--imports").arg(imports);
    }
    let markers = guest.folder.join("markers.txt");
    if markers.exists() {
        command.arg("--markers").arg(markers);
    }
    let module = modules.join(format!("{}.wasm", guest.package.replace('-', "_")));
    command.arg(&guest.name).arg(module).arg(&path);
    let said = output(&mut command)?;
    let shown = path.strip_prefix(crate::root()).unwrap_or(&path);
    say(format_args!("{} in {}", said.trim_end(), shown.display()));
    Ok(Artifact { path })
}

fn select(guests: Vec<Guest>, wanted: &Guests) -> Result<Vec<Guest>, Failure> {
    let Guests::Named(names) = wanted else {
        let bundled = plugins_dir();
        return Ok(guests
            .into_iter()
            .filter(|guest| *wanted == Guests::All || guest.destination == bundled)
            .collect());
    };
    for name in names {
        if !guests.iter().any(|guest| guest.name == *name) {
            let known: Vec<_> = guests.iter().map(|guest| guest.name.as_str()).collect();
            return Err(Failure::new(format!("there is no guest {name:?}"))
                .remedy(format!("there are {}", known.join(", "))));
        }
    }
    Ok(guests
        .into_iter()
        .filter(|guest| names.contains(&guest.name))
        .collect())
}

/// All guests of the repository, sorted by name.
fn discover() -> Result<Vec<Guest>, Failure> {
    let mut guests = Vec::new();
    for (folder, destination) in [
        ("plugins", plugins_dir()),
        ("tests/fixtures/guests", fixtures_dir()),
        ("examples/adapters", examples_dir()),
    ] {
        let folder = crate::root().join(folder);
        if !folder.exists() {
            continue;
        }
        let entries = std::fs::read_dir(&folder).map_err(|e| Failure::file("read", &folder, e))?;
        for entry in entries.flatten() {
            let Ok(manifest) = std::fs::read_to_string(entry.path().join("Cargo.toml")) else {
                continue;
            };
            if let Some(package) = guest_package(&manifest) {
                guests.push(Guest {
                    name: entry.file_name().to_string_lossy().into_owned(),
                    package: package.to_owned(),
                    folder: entry.path(),
                    needs_clang: manifest.contains("\nneeds = [\"clang\"]\n"),
                    imports: imports(&manifest),
                    destination: destination.clone(),
                });
            }
        }
    }
    guests.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(guests)
}

/// What a manifest says of imports.
fn imports(manifest: &str) -> Option<String> {
    let mut lines = manifest.lines();
    let list = lines.find_map(|line| line.strip_prefix("imports = [")?.strip_suffix(']'))?;
    let names = list.split(',').map(|name| name.trim().trim_matches('"'));
    Some(names.collect::<Vec<_>>().join(","))
}

/// The package's name, if its manifest asks for a `cdylib`.
fn guest_package(manifest: &str) -> Option<&str> {
    if !manifest.contains("\"cdylib\"") {
        return None;
    }
    manifest
        .lines()
        .find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_cdylib_is_a_guest() {
        let guest = "[package]\nname = \"a-b\"\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n";
        assert_eq!(guest_package(guest), Some("a-b"));
        assert_eq!(guest_package("[package]\nname = \"sdk\"\n"), None);
    }
}
