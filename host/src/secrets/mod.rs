//! Secrets that somebody else keeps: what a program prints, what a vault answers.
//! Each is asked for again and again, so that one that is rotated there is rotated
//! here.
//!
//! | file | responsibility |
//! |---|---|
//! | `kept` | what is known of each secret, and when it is asked for again |
//! | `asking` | asking beside what reads the files, and telling whom it concerns |
//! | `command` | a program's output |
//! | `vault` | HashiCorp Vault and OpenBao, key/value version 2 |
//!
//! Files are read where configuration is read, in a thread that may not wait. So a
//! host that serves asks beside it: a tenant whose secret has not been answered yet is
//! like one whose files cannot be read, until the answer is there. What was answered
//! once goes on being used while the source fails.

mod asking;
mod command;
mod kept;
mod vault;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use self::asking::Asking;
pub use self::vault::{VaultConfig, VaultLogin};

/// Longest that one question may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Longest secret, as for those in files.
const MOST_BYTES: usize = 64 << 10;

/// A secret's text.
pub type Text = Arc<Zeroizing<String>>;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// What a program prints.
    Command {
        /// Its absolute path, and its arguments.
        command: Vec<String>,
        /// Names of variables that it sees besides `PATH`.
        environment: Vec<String>,
    },
    /// A key of a secret in a vault.
    Vault {
        /// Where the engine is mounted; the host's setting if there is none.
        mount: Option<String>,
        /// The secret's path below it.
        path: String,
        /// The key in it.
        key: String,
    },
}

impl Source {
    /// In words that fit "… gives no secret".
    pub fn shown(&self) -> String {
        match self {
            // Arguments may be what nobody should see.
            Self::Command { command, .. } => {
                let program = command.first().map_or("", String::as_str);
                format!("the program {program}")
            }
            Self::Vault { path, key, .. } => format!("the key `{key}` of `{path}` in the vault"),
        }
    }
}

/// Why a secret is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absent {
    /// Nobody has answered yet.
    Pending,
    /// In words that fit "the program …, which …".
    Failed(String),
    /// The host does not ask this kind of source.
    NotAllowed(&'static str),
}

/// What the host says about where secrets are.
#[derive(Debug, Clone, Default)]
pub struct SecretsConfig {
    /// `[secrets] commands`: whether programs are run; default false.
    pub commands: bool,
    /// `[vault]`.
    pub vault: Option<VaultConfig>,
}

/// Secrets that somebody else keeps. Clones share them.
#[derive(Clone)]
pub struct Sources(How);

#[derive(Clone)]
enum How {
    /// Nobody is asked: for what needs no secrets.
    Ignored,
    /// Whoever reads waits.
    AtOnce(Asking),
    /// Asked beside.
    Beside(Asking),
}

/// Those of [`Sources::ignored`].
impl Default for Sources {
    fn default() -> Self {
        Self::ignored()
    }
}

impl Sources {
    /// Every secret is there and says nothing: for what only looks at scripts.
    pub fn ignored() -> Self {
        Self(How::Ignored)
    }

    /// Whoever reads waits for the answer, in a thread that may be held up.
    pub fn at_once(config: SecretsConfig) -> Self {
        Self(How::AtOnce(Asking::new(config)))
    }

    /// Asks beside, in tasks of the current runtime, until the last clone is dropped.
    pub fn beside(config: SecretsConfig) -> Self {
        let asking = Asking::new(config);
        asking.start();
        Self(How::Beside(asking))
    }

    /// A tenant's files are read from the beginning: what it does not name any more is
    /// not asked for on its behalf.
    pub fn begin(&self, tenant: &Path) {
        if let How::AtOnce(asking) | How::Beside(asking) = &self.0 {
            asking.forget(tenant);
        }
    }

    /// A secret as it is known now, for the tenant in this folder.
    ///
    /// # Errors
    /// If it is not known.
    pub fn read(&self, tenant: &Path, source: &Source, every: Duration) -> Result<Text, Absent> {
        match &self.0 {
            // Long enough for whatever is made of it.
            How::Ignored => Ok(Text::new(Zeroizing::new("A".repeat(32)))),
            How::AtOnce(asking) => asking.read_at_once(tenant, source, every),
            How::Beside(asking) => asking.read(tenant, source, every),
        }
    }

    /// Waits until another secret is there, and says for which folders.
    pub async fn changed(&self) -> BTreeSet<PathBuf> {
        match &self.0 {
            How::Beside(asking) => asking.changed().await,
            How::Ignored | How::AtOnce(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
