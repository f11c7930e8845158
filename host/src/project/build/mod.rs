//! A project to a component with its golden examples.
//!
//! | file | responsibility |
//! |---|---|
//! | `rust` | Cargo |
//! | `javascript` | a source file and the runtime that runs it; TypeScript before its types are taken out |
//! | `python` | componentize-py |
//! | `c` | clang and wasm-ld |
//! | `c_errors`, `python_errors` | what those tools say of common mistakes, in words that say what to do |
//! | `go` | the Go toolchain |

mod c;
mod c_errors;
mod go;
mod javascript;
mod python;
mod python_errors;
mod rust;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::component::{self, Bindings, Form};
use super::language::Language;
use super::tool::Tool;
use super::{EXAMPLES, Project};
use crate::files::{self, Links};
use crate::plugin::golden::folder;
use crate::plugin::packed::{self, SourceFile};

/// Largest file that a toolchain may leave.
const MOST_BYTES: u64 = 256 << 20;

/// What a build needs besides the project.
#[derive(Debug, Clone)]
pub struct Needs {
    /// How long one program may take.
    pub bound: Duration,
    /// Where a language's runtime may lie, besides in the binary.
    pub plugins_dir: PathBuf,
}

/// Builds a project: its component, with the examples of its folder packed in.
///
/// # Errors
/// One sentence: a tool is missing and how it is installed, or what it said
/// last, or what is wrong with the project.
pub async fn build(project: &Project, needs: &Needs) -> Result<Vec<u8>, String> {
    let examples = examples(&project.dir)?;
    let component = match &project.command {
        Some(command) => by_command(project, command, needs).await?,
        None => match project.language {
            Language::Rust => rust::build(project, needs.bound).await?,
            Language::JavaScript => {
                let source = javascript::source(project)?;
                javascript::pack(&source, &needs.plugins_dir)?
            }
            Language::TypeScript => {
                let source = javascript::stripped(project, needs.bound).await?;
                javascript::pack(&source, &needs.plugins_dir)?
            }
            Language::Python => python::build(project, needs.bound).await?,
            Language::Go => go::build(project, needs.bound).await?,
            Language::C => c::build(project, needs.bound).await?,
        },
    };
    Ok(match examples {
        Some(examples) => packed::append(component, packed::EXAMPLES, &examples),
        None => component,
    })
}

/// The source that a language's runtime is to run, for a project that is only
/// one.
///
/// # Errors
/// One sentence: the project is of another kind, or a tool failed.
pub async fn source(project: &Project, needs: &Needs) -> Result<SourceFile, String> {
    match project.language {
        Language::JavaScript => javascript::source(project),
        Language::TypeScript => javascript::stripped(project, needs.bound).await,
        other => Err(format!(
            "an adapter in {} is no source file that a host runs: leave `--source` away",
            other.title()
        )),
    }
}

/// The golden examples of the folder, as the section has them.
fn examples(dir: &Path) -> Result<Option<Vec<u8>>, String> {
    let dir = dir.join(EXAMPLES);
    if !dir.is_dir() {
        return Ok(None);
    }
    let examples = folder::read_folder(&dir)?;
    if examples.is_empty() {
        return Ok(None);
    }
    serde_json::to_vec(&examples)
        .map(Some)
        .map_err(|error| format!("the examples cannot be packed: {error}"))
}

/// What the command of `crossdock.json` makes.
async fn by_command(
    project: &Project,
    command: &[String],
    needs: &Needs,
) -> Result<Vec<u8>, String> {
    let (Some((program, words)), Some(output)) = (command.split_first(), &project.output) else {
        return Err("`build` of crossdock.json names no command, or `output` no file".to_owned());
    };
    Tool::new(program, &project.dir)
        .args(words)
        .run(needs.bound)
        .await?;
    let path = project.dir.join(output);
    let bytes = made(&path)?;
    match component::form(&bytes) {
        Form::Component => Ok(bytes),
        Form::Module => component::from_module(&bytes, bindings(&bytes)),
        Form::Other => javascript::pack(&javascript::file(&path)?, &needs.plugins_dir),
    }
}

/// Whether a module says which contract it has.
fn bindings(module: &[u8]) -> Bindings {
    let says =
        wasmparser::Parser::new(0)
            .parse_all(module)
            .flatten()
            .any(|payload| match payload {
                wasmparser::Payload::CustomSection(section) => {
                    section.name().starts_with("component-type")
                }
                _ => false,
            });
    if says {
        Bindings::Inside
    } else {
        Bindings::Plain
    }
}

/// A file that a toolchain left.
fn made(path: &Path) -> Result<Vec<u8>, String> {
    files::read(path, MOST_BYTES, Links::Follow).map_err(|why| {
        format!(
            "the build went well, yet {} cannot be read: {why}",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(dir: &Path, command: &[&str], output: &str) -> Project {
        Project {
            dir: dir.to_owned(),
            name: "shop".into(),
            language: Language::C,
            command: Some(command.iter().map(|word| (*word).to_owned()).collect()),
            output: Some(output.into()),
        }
    }

    fn needs() -> Needs {
        Needs {
            bound: Duration::from_secs(30),
            plugins_dir: PathBuf::from("/nowhere/plugins"),
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_command_of_ones_own_makes_the_component() {
        let folder = tempfile::tempdir().unwrap();
        let script = "printf '\\0asm\\15\\0\\1\\0' > made.wasm";
        let own = project(folder.path(), &["sh", "-c", script], "made.wasm");
        let built = build(&own, &needs()).await.unwrap();
        assert_eq!(built, b"\0asm\x0d\0\x01\0");

        let nothing = project(folder.path(), &["true"], "other.wasm");
        let said = build(&nothing, &needs()).await.unwrap_err();
        assert!(said.contains("the build went well, yet"), "{said}");
        let failed = project(folder.path(), &["false"], "made.wasm");
        let said = build(&failed, &needs()).await.unwrap_err();
        assert!(said.contains("`false` ended with"), "{said}");
    }

    #[tokio::test]
    async fn only_a_script_language_has_a_source_to_run() {
        let folder = tempfile::tempdir().unwrap();
        let said = source(&project(folder.path(), &[], ""), &needs()).await;
        assert!(
            said.unwrap_err()
                .contains("an adapter in C is no source file")
        );
    }
}
