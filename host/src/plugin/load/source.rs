//! An adapter that is a source file: the file, and the language runtime that
//! runs it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::{Loaded, Loader, Parts, Refusal, identity, millis};
use crate::plugin::artifact::{Artifact, Sha};
use crate::plugin::bindings::source::exports::crossdock::source::language::Diagnostic;
use crate::plugin::generation::{AdapterGeneration, Identity, SourceIdentity};
use crate::plugin::golden;
use crate::plugin::guest::{GuestFailure, GuestFailureKind};
use crate::plugin::language::{LanguageManifest, Linked, RuntimeGeneration};
use crate::plugin::packed::SourceFile;
use crate::plugin::verify::Kind;
use crate::text::one_line;

/// A language runtime that is to run a file.
pub(super) struct Runtime<'a> {
    pub linked: &'a Linked,
    pub manifest: &'a LanguageManifest,
    /// Of its bytes, without what is packed with them.
    pub sha256: Sha,
}

/// What lies beside a source file: golden examples, in the folder
/// `NAME.examples` of `NAME.js`.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    examples: Vec<serde_json::Value>,
    /// Of all of them, if there are any.
    sha256: Option<Sha>,
}

impl Beside {
    /// The folder of a source file's examples, whether it is there or not.
    pub fn folder(file: &Path) -> PathBuf {
        file.with_extension("examples")
    }

    /// Reads it.
    pub fn read(file: &Path) -> Result<Self, Refusal> {
        let folder = Self::folder(file);
        if !folder.is_dir() {
            return Ok(Self::default());
        }
        let examples = golden::folder::read_folder(&folder).map_err(Refusal::Source)?;
        let unreadable = |error: serde_json::Error| Refusal::Source(error.to_string());
        let bytes = serde_json::to_vec(&examples).map_err(unreadable)?;
        Ok(Self {
            sha256: (!examples.is_empty()).then(|| Sha::of(&bytes)),
            examples: serde_json::from_slice(&bytes).map_err(unreadable)?,
        })
    }

    /// What a source file is known by: with another runtime, or with other
    /// examples, it is another adapter.
    pub fn sha256_with(&self, runtime: Sha, source: Sha) -> Sha {
        let parts: Vec<Sha> = [runtime, source].into_iter().chain(self.sha256).collect();
        Sha::over(&parts)
    }
}

impl Loader {
    /// Runs every step on a source file, with the language runtime that runs it.
    pub async fn load_source(
        &self,
        artifact: Artifact,
        number: u32,
        runtime: &RuntimeGeneration,
        beside: Beside,
    ) -> Result<Loaded, Refusal> {
        let signed = self.trust.signed(&artifact)?;
        let identity = identity(&artifact, number, Kind::Adapter, signed);
        let name = artifact.path.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let text = String::from_utf8(artifact.bytes).map_err(|error| {
            Refusal::Source(format!(
                "{name} is not UTF-8 text from byte {} on; save it as UTF-8",
                error.utf8_error().valid_up_to()
            ))
        })?;
        let source = SourceFile::new(&name, &text).map_err(Refusal::Source)?;
        let runtime = Runtime {
            linked: &runtime.linked,
            manifest: &runtime.manifest,
            sha256: runtime.identity.sha256,
        };
        let identity = Identity {
            sha256: beside.sha256_with(runtime.sha256, artifact.sha256),
            ..identity
        };
        let adapter = self.of_source(&runtime, source, beside.examples, identity);
        Ok(Loaded::Adapter(adapter.await?))
    }

    /// An adapter of a language runtime and the file that it runs.
    pub(super) async fn of_source(
        &self,
        runtime: &Runtime<'_>,
        source: SourceFile,
        examples: Vec<serde_json::Value>,
        identity: Identity,
    ) -> Result<Arc<AdapterGeneration>, Refusal> {
        let language = &runtime.manifest.language;
        if !runtime.manifest.serves(source.extension()) {
            return Err(Refusal::Source(format!(
                "its language runtime is for {language}, which `{}` is not",
                source.name
            )));
        }
        let described = Instant::now();
        let source = Arc::new(source);
        let checked = runtime.linked.check(&self.sandbox, &source).await;
        checked
            .map_err(|failure| not_run(&source.name, failure))?
            .map_err(|diagnostic| Refusal::Source(placed(&source.name, &diagnostic)))?;
        let mut identity = identity;
        identity.kind = Kind::Adapter;
        identity.times.describe_ms = millis(described.elapsed());
        identity.source = Some(SourceIdentity {
            file: source.name.clone(),
            language: language.clone(),
            runtime_sha256: runtime.sha256,
        });
        let parts = Parts {
            pre: runtime.linked.platform.clone(),
            receiver: runtime.linked.receiver.clone(),
            composing: runtime.linked.composing.clone(),
            wants_wasi: runtime.linked.wants_wasi,
            source: Some(source),
            examples,
        };
        self.adapter(parts, identity).await
    }
}

/// A file that ended its instance while it was run.
fn not_run(name: &str, failure: GuestFailure) -> Refusal {
    match failure.kind {
        GuestFailureKind::Unavailable => Refusal::Describe(failure),
        _ => Refusal::Source(format!("{name} cannot be run: {failure}")),
    }
}

/// `price-board.js:12:5: TypeError: not a function`.
fn placed(name: &str, diagnostic: &Diagnostic) -> String {
    let Diagnostic {
        line,
        column,
        message,
    } = diagnostic;
    let message = one_line(message);
    match line {
        0 => format!("{name}: {message}"),
        line => format!("{name}:{line}:{column}: {message}"),
    }
}
