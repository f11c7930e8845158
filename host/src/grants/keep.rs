//! The way of grants to the disk: always encrypted, each bound to its connection.

use std::sync::{Arc, OnceLock};

use crossdock_store::{
    Authorization, Authorized, GrantChange, GrantName, GrantStore, NewAuthorization, StoreError,
};
use zeroize::Zeroizing;

use super::kept::State;
use crate::config::{HostConfig, RecordingKey};
use crate::outbox::refused;
use crate::problem::Problem;
use crate::seal::Cipher;

/// What is on disk of a grant.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// 0 if there is none.
    pub version: u64,
    pub state: Option<State>,
    /// A renewal was under way of which nobody knows the end.
    pub in_doubt: bool,
}

/// What becomes of a grant.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// It is about to be renewed.
    Begin,
    /// This is granted.
    Put(State),
    /// A renewal used nothing up.
    Unused,
    /// A person took it back.
    Forget,
}

/// Where grants are kept, and with which keys.
pub(super) struct Keep {
    store: Arc<dyn GrantStore>,
    config: Arc<HostConfig>,
    /// The first writes. Loaded when there is something to read or write: a host
    /// without grants needs none.
    keys: OnceLock<Vec<Cipher>>,
}

impl Keep {
    pub fn new(store: Arc<dyn GrantStore>, config: Arc<HostConfig>) -> Arc<Self> {
        Arc::new(Self {
            store,
            config,
            keys: OnceLock::new(),
        })
    }

    /// A grant as it is on disk.
    pub async fn load(self: &Arc<Self>, name: &GrantName) -> Result<Row, Problem> {
        let name = name.clone();
        self.work(move |keep| {
            let row = keep.store.grant(&name).map_err(|error| refused(&error))?;
            let Some(row) = row else {
                return Ok(Row::default());
            };
            let state = match &row.state {
                Some(sealed) => Some(keep.open_state(&name, sealed)?),
                None => None,
            };
            Ok(Row {
                version: row.version,
                state,
                in_doubt: row.started.is_some(),
            })
        })
        .await
    }

    /// Changes a grant that is at this version; returns its next, or nothing if
    /// somebody else was first. It is on disk when this returns.
    pub async fn change(
        self: &Arc<Self>,
        name: &GrantName,
        version: u64,
        change: Change,
        now: u64,
    ) -> Result<Option<u64>, Problem> {
        let name = name.clone();
        self.work(move |keep| {
            let change = match change {
                Change::Begin => GrantChange::Begin,
                Change::Unused => GrantChange::Unused,
                Change::Put(state) => GrantChange::Put(keep.seal(&whose(&name), &state.write())?),
                Change::Forget => {
                    let state = State::Revoked.write();
                    GrantChange::Forget(keep.seal(&whose(&name), &state)?)
                }
            };
            let changed = keep.store.grant_change(&name, version, change, now);
            changed.map_err(|error| refused(&error))
        })
        .await
    }

    /// A person is on the way.
    pub async fn sent(
        self: &Arc<Self>,
        hash: [u8; 32],
        name: &GrantName,
        proof: Zeroizing<Vec<u8>>,
        until: u64,
        now: u64,
    ) -> Result<(), Problem> {
        let name = name.clone();
        self.work(move |keep| {
            let proof = keep.seal(&proof_of(&name), &proof)?;
            let new = NewAuthorization {
                hash,
                name,
                proof,
                until,
            };
            let put = keep.store.authorization_put(new, now);
            put.map_err(|error| refused(&error))
        })
        .await
    }

    /// A person is back: whose it is, and what was kept with it. It counts once.
    pub async fn back(
        self: &Arc<Self>,
        which: Authorized,
        now: u64,
    ) -> Result<Option<(GrantName, Zeroizing<Vec<u8>>)>, Problem> {
        self.work(move |keep| {
            let taken = keep.store.authorization_take(which, now);
            let taken: Option<Authorization> = taken.map_err(|error| refused(&error))?;
            let Some(Authorization { name, proof }) = taken else {
                return Ok(None);
            };
            let proof = keep.open(&proof_of(&name), &proof)?;
            Ok(Some((name, proof)))
        })
        .await
    }

    /// Work with the store, off the threads that serve.
    async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let keep = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&keep)).await;
        done.unwrap_or_else(|_| Err(refused(&StoreError::Closed)))
    }

    fn keys(&self) -> Result<&[Cipher], Problem> {
        if let Some(keys) = self.keys.get() {
            return Ok(keys);
        }
        let recording = &self.config.recording;
        let data = &self.config.data_dir;
        let first = Cipher::load(&recording.key, data).map_err(|why| {
            Problem::host(
                "recording-key",
                format!(
                    "what platforms grant cannot be kept, for there is nothing to encrypt it with: {why}; put the key of `[recording]` there"
                ),
            )
        })?;
        let mut keys = vec![first];
        let generated = (recording.key != RecordingKey::Generated)
            .then(|| Cipher::load_generated(data).ok().flatten());
        let older = recording.old_keys.iter();
        let older = older.filter_map(|key| Cipher::load(key, data).ok());
        keys.extend(generated.flatten().into_iter().chain(older));
        // Another thread's are the same.
        Ok(self.keys.get_or_init(|| keys))
    }

    fn seal(&self, whose: &[u8], text: &[u8]) -> Result<Vec<u8>, Problem> {
        let keys = self.keys()?;
        let key = keys
            .first()
            .and_then(|key| Some((key, key.seal(whose, text)?)));
        let (key, sealed) = key.ok_or_else(|| {
            Problem::platform(
                "grant-too-large",
                "what the platform granted is too long to be encrypted",
            )
        })?;
        Ok([&key.id()[..], &sealed].concat())
    }

    fn open(&self, whose: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let keys = self.keys()?;
        let opened = sealed.split_first_chunk::<4>().and_then(|(id, sealed)| {
            let key = keys.iter().find(|key| key.id() == *id)?;
            key.open(whose, sealed)
        });
        opened.map(Zeroizing::new).ok_or_else(|| {
            Problem::host(
                "grant-unreadable",
                "what the platform granted cannot be read: it is damaged, or encrypted with another key; start the host with that key in `[recording] key` or `old_keys`, or authorize the connection anew",
            )
        })
    }

    fn open_state(&self, name: &GrantName, sealed: &[u8]) -> Result<State, Problem> {
        let opened = self.open(&whose(name), sealed)?;
        State::read(&opened).ok_or_else(|| {
            Problem::host(
                "grant-unreadable",
                "what the platform granted cannot be read, for a newer version wrote it; use that version, or authorize the connection anew",
            )
        })
    }
}

/// What a sealed grant is bound to.
fn whose(name: &GrantName) -> Vec<u8> {
    bound("a grant of crossdock", name)
}

fn proof_of(name: &GrantName) -> Vec<u8> {
    bound("an authorization of crossdock", name)
}

fn bound(what: &str, name: &GrantName) -> Vec<u8> {
    let mut bound = Vec::new();
    for text in [what, &name.tenant, &name.connection, &name.place] {
        bound.extend(text.len().to_be_bytes());
        bound.extend(text.as_bytes());
    }
    bound
}
