//! One loaded version of a language runtime: what runs adapters that are
//! source files.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wasmtime::component::Component;

use super::bindings::adapter::PlatformPre;
use super::bindings::inbound::ReceiverPre;
use super::bindings::source::exports::crossdock::source::language::Diagnostic;
use super::bindings::source::{LanguageRuntime, LanguageRuntimePre};
use super::composing::Composing;
use super::generation::Identity;
use super::guest::{Attempts, GuestFailure, Lease};
use super::packed::SourceFile;
use super::sandbox::Sandbox;
use super::state::GuestState;

/// Extensions that one runtime may serve.
const MOST_EXTENSIONS: usize = 16;

/// What a language runtime's `describe` returns.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageManifest {
    /// The language's name, for people.
    pub language: String,
    /// The file extensions that choose this runtime, without their dots.
    pub extensions: Vec<String>,
}

impl LanguageManifest {
    /// Reads and checks it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let manifest: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let plain = |text: &String| {
            let mut characters = text.chars();
            (1..=32).contains(&text.len())
                && characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        let extensions = &manifest.extensions;
        let all_plain = plain(&manifest.language) && extensions.iter().all(plain);
        if !all_plain || !(1..=MOST_EXTENSIONS).contains(&extensions.len()) {
            return Err(format!(
                "`language` and each of 1 to {MOST_EXTENSIONS} `extensions` must be 1 to 32 lower-case letters or digits"
            ));
        }
        if extensions.iter().any(|extension| extension == "wasm") {
            return Err("`wasm` is the extension of components, not of a language".into());
        }
        Ok(manifest)
    }

    /// Whether files with this extension are in the language.
    pub fn serves(&self, extension: &str) -> bool {
        self.extensions.iter().any(|own| own == extension)
    }
}

/// One loaded version of a language runtime.
pub struct RuntimeGeneration {
    /// Which one it is.
    pub identity: Identity,
    /// What it says of itself.
    pub manifest: LanguageManifest,
    pub(super) linked: Linked,
}

impl std::fmt::Debug for RuntimeGeneration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RuntimeGeneration")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl RuntimeGeneration {
    /// The compiled component.
    pub fn component(&self) -> &Component {
        self.linked.platform.instance_pre().component()
    }
}

/// A language runtime's component, ready to be instantiated.
#[derive(Clone)]
pub(super) struct Linked {
    /// For the adapter that it is with a file.
    pub platform: PlatformPre<GuestState>,
    /// For the messages that begin at the platform, which a file may take.
    pub receiver: Option<ReceiverPre<GuestState>>,
    /// For bodies that name secrets, which a file may write.
    pub composing: Option<Composing>,
    /// For what it exports besides.
    pub language: LanguageRuntimePre<GuestState>,
    /// Whether it needs the empty WASI.
    pub wants_wasi: bool,
}

impl Linked {
    /// Its language, which it says without a file.
    pub async fn describe(&self, sandbox: &Sandbox) -> Result<String, GuestFailure> {
        let (mut store, runtime) = self.instantiate(sandbox, None).await?;
        let call = runtime
            .crossdock_source_language()
            .call_describe(&mut store);
        let result = Lease::<()>::bounded(sandbox.limits().deadline, self.wants_wasi, call).await;
        result.map_err(|error| GuestFailure::from_call(&error, store.data(), sandbox))
    }

    /// Whether a file is an adapter, in an instance of its own.
    pub async fn check(
        &self,
        sandbox: &Sandbox,
        source: &Arc<SourceFile>,
    ) -> Result<Result<(), Diagnostic>, GuestFailure> {
        let (mut store, runtime) = self.instantiate(sandbox, Some(source)).await?;
        let call = runtime.crossdock_source_language().call_check(&mut store);
        let result = Lease::<()>::bounded(sandbox.limits().deadline, self.wants_wasi, call).await;
        result.map_err(|error| GuestFailure::from_call(&error, store.data(), sandbox))
    }

    async fn instantiate(
        &self,
        sandbox: &Sandbox,
        source: Option<&Arc<SourceFile>>,
    ) -> Result<(wasmtime::Store<GuestState>, LanguageRuntime), GuestFailure> {
        let mut attempts = Attempts::new(sandbox)?;
        loop {
            let mut store = GuestState::store(sandbox, &"".into(), self.wants_wasi);
            store.data_mut().set_source(source.cloned());
            let error = match self.language.instantiate_async(&mut store).await {
                Ok(runtime) => {
                    store.data_mut().begin(sandbox.limits().deadline);
                    return Ok((store, runtime));
                }
                Err(error) => error,
            };
            // What it got before it failed is room, too.
            drop(store);
            attempts.again(error).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_says_which_files_it_runs() {
        let manifest =
            LanguageManifest::read(r#"{"language":"javascript","extensions":["js","mjs"]}"#);
        let manifest = manifest.unwrap();
        assert!(manifest.serves("mjs") && !manifest.serves("ts"));
        for wrong in [
            r#"{"language":"javascript","extensions":[]}"#,
            r#"{"language":"Java Script","extensions":["js"]}"#,
            r#"{"language":"javascript","extensions":["wasm"]}"#,
            r#"{"language":"javascript","extensions":[".js"]}"#,
            r#"{"language":"javascript"}"#,
            "javascript",
        ] {
            assert!(LanguageManifest::read(wrong).is_err(), "{wrong}");
        }
    }
}
