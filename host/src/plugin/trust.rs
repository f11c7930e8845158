//! Whether a plugin file is one that the operator meant: its pin, and who signed
//! it.

use std::path::{Path, PathBuf};

use crossdock_registry::Digest;
use crossdock_registry::cosign::{MOST_FILE, verify_file};

use super::artifact::Artifact;
use super::generation::Identity;
use super::refusal::Refusal;
use super::verify::Kind;
use crate::config::TrustConfig;
use crate::files::{self, Links, Refused};

/// What the operator says of the files in the plugins folder. Others are their
/// authors' own matter.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    config: TrustConfig,
    folder: PathBuf,
}

/// The file in which a plugin's signature lies: its own name and `.sig`.
pub fn signature_of(plugin: &Path) -> PathBuf {
    let mut name = plugin.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// What a plugin is called in `[plugins.pin]`: an adapter by its name, others by
/// what they are and their language, of which there may be several of one name.
pub fn pin_name(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Adapter => name.to_owned(),
        Kind::ScriptEngine => format!("script-{name}"),
        Kind::LanguageRuntime => format!("runtime-{name}"),
    }
}

impl Trust {
    /// What the configuration says of the files in `folder`.
    pub fn new(config: &TrustConfig, folder: &Path) -> Self {
        Self {
            config: config.clone(),
            folder: folder.to_owned(),
        }
    }

    /// Whether a file lies in the plugins folder.
    fn covers(&self, file: &Path) -> bool {
        let Some(parent) = file.parent() else {
            return false;
        };
        let real = |folder: &Path| match folder.as_os_str().is_empty() {
            true => std::env::current_dir().ok(),
            false => folder.canonicalize().ok(),
        };
        parent == self.folder
            || real(parent).is_some_and(|parent| real(&self.folder) == Some(parent))
    }

    /// Whether somebody whose key is known has signed a file. Nothing is looked
    /// at where no keys are configured.
    ///
    /// # Errors
    /// It has no signature and needs one, or one that does not hold.
    pub fn signed(&self, artifact: &Artifact) -> Result<bool, Refusal> {
        let Some(config) = &self.config.signatures else {
            return Ok(false);
        };
        if !self.covers(&artifact.path) {
            return Ok(false);
        }
        let path = signature_of(&artifact.path);
        let beside = match files::read(&path, MOST_FILE as u64, Links::Follow) {
            Ok(beside) => beside,
            Err(Refused::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                return match config.required {
                    true => Err(Refusal::Unsigned { signature: path }),
                    false => Ok(false),
                };
            }
            Err(error) => {
                let why = format!("cannot be read: {error}");
                return Err(Refusal::BadSignature {
                    signature: path,
                    why,
                });
            }
        };
        match verify_file(&config.keys, &artifact.bytes, &beside) {
            Ok(()) => Ok(true),
            Err(error) => Err(Refusal::BadSignature {
                signature: path,
                why: error.to_string(),
            }),
        }
    }

    /// Whether a plugin is pinned, to the file that it is.
    ///
    /// # Errors
    /// It is pinned to another one.
    pub fn pinned(&self, plugin: &Identity) -> Result<bool, Refusal> {
        if self.config.pins.is_empty() || !self.covers(&plugin.file) {
            return Ok(false);
        }
        self.pin(plugin)
    }

    /// The same of a plugin that is to lie in the plugins folder.
    ///
    /// # Errors
    /// As above.
    pub fn pin(&self, plugin: &Identity) -> Result<bool, Refusal> {
        let name = pin_name(plugin.kind, &plugin.name);
        let found = Digest(plugin.file_sha256.0);
        match self.config.pins.get(&name) {
            None => Ok(false),
            Some(pin) if *pin == found => Ok(true),
            Some(pin) => Err(Refusal::OtherThanPinned {
                name,
                pin: *pin,
                found,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_elsewhere_are_their_authors_matter() {
        let folder = tempfile::tempdir().unwrap();
        let plugins = folder.path().join("plugins");
        std::fs::create_dir(&plugins).unwrap();
        let trust = Trust::new(&TrustConfig::default(), &plugins);
        assert!(trust.covers(&plugins.join("a.wasm")));
        assert!(trust.covers(&folder.path().join("plugins/../plugins/a.wasm")));
        assert!(!trust.covers(&folder.path().join("a.wasm")));
        assert!(!trust.covers(&plugins.join("below/a.wasm")));
        assert!(!trust.covers(Path::new("a.wasm")));
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(&plugins, &link).unwrap();
            assert!(trust.covers(&link.join("a.wasm")));
        }
    }

    #[test]
    fn an_engine_and_a_runtime_of_one_language_are_pinned_each_by_itself() {
        assert_eq!(pin_name(Kind::Adapter, "lingzhi"), "lingzhi");
        assert_eq!(
            pin_name(Kind::ScriptEngine, "javascript"),
            "script-javascript"
        );
        assert_eq!(
            pin_name(Kind::LanguageRuntime, "javascript"),
            "runtime-javascript"
        );
    }
}
