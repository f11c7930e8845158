//! A registry: as much of the OCI distribution specification as is needed to put
//! artifacts into one and to take them out, in code of its own.
//!
//! It believes nothing: digests are computed, sizes and types compared, a
//! manifest's blobs have to be there, a token is good for what it was asked for.
//! What is not as the specification says is answered as it says, and is in
//! [`Registry::violations`].
//!
//! * `store`: what lies in it.
//! * `access`: who may do what.
//! * `serve`: from a request to its answer.

mod access;
mod serve;
mod store;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use access::Access;
pub use store::digest_of;

use crate::wire::{Socket, Wire};
use store::Store;

/// Something that goes wrong with an answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Its header names another digest.
    OtherDigest,
    /// The last byte of its body is another.
    OtherBytes,
    /// Half of it, and the connection ends.
    CutOff,
    /// It takes so long.
    Slow(Duration),
    /// It points to here instead.
    Redirect(String),
    /// It begins with so many bytes of white space, and does not say so.
    Padded(u64),
    /// This status and code instead.
    Refuse(u16, &'static str),
}

/// A request, as the tests look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Method and path.
    pub what: String,
    /// Whether it said who asks.
    pub authorized: bool,
}

#[derive(Default)]
struct State {
    store: Store,
    access: Access,
    tokens: access::Tokens,
    faults: Vec<(String, Fault)>,
    asked: Vec<Asked>,
    violations: Vec<String>,
}

struct Shared {
    address: SocketAddr,
    state: Mutex<State>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running registry. Dropping it ends it.
pub struct Registry {
    shared: Arc<Shared>,
    stop: CancellationToken,
}

impl Registry {
    /// Listens on a free port of this machine.
    ///
    /// # Errors
    /// There is none.
    pub async fn start(access: Access) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let shared = Arc::new(Shared {
            address: listener.local_addr()?,
            state: Mutex::new(State {
                access,
                ..State::default()
            }),
        });
        let stop = CancellationToken::new();
        let serving = stop.clone();
        let of_connections = Arc::clone(&shared);
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = serving.cancelled() => return,
                };
                let Ok((stream, _)) = accepted else { continue };
                let shared = Arc::clone(&of_connections);
                let stop = serving.clone();
                tokio::spawn(async move {
                    let wire = Arc::new(Wire::default());
                    let socket = Socket::new(stream, Arc::clone(&wire));
                    let service = service_fn(|request| serve::respond(&shared, &wire, request));
                    let connection =
                        http1::Builder::new().serve_connection(TokioIo::new(socket), service);
                    tokio::select! {
                        // An error is a client that went away, or a cut of our own.
                        _ = connection => {}
                        () = stop.cancelled() => {}
                    }
                });
            }
        });
        Ok(Self { shared, stop })
    }

    /// Host and port.
    pub fn name(&self) -> String {
        self.shared.address.to_string()
    }

    /// From now on this goes wrong with what is got of paths that contain a text.
    pub fn misbehave(&self, only: &str, fault: Fault) {
        self.shared.state().faults.push((only.to_owned(), fault));
    }

    /// Nothing goes wrong any more.
    pub fn behave(&self) {
        self.shared.state().faults.clear();
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.state().asked.clone()
    }

    /// What was not as the specification says.
    pub fn violations(&self) -> Vec<String> {
        self.shared.state().violations.clone()
    }

    /// Puts a blob as if somebody had pushed it, and returns its digest.
    pub fn put_blob(&self, repository: &str, bytes: impl Into<Bytes>) -> String {
        self.shared.state().store.put_blob(repository, bytes.into())
    }

    /// Puts a manifest likewise.
    pub fn put_manifest(
        &self,
        repository: &str,
        tag: &str,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> String {
        let mut state = self.shared.state();
        let store = &mut state.store;
        store.put_manifest(repository, Some(tag), media_type, bytes.into())
    }

    /// The manifest of a tag or digest.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<Bytes> {
        let state = self.shared.state();
        let found = state.store.manifest(repository, reference);
        found.map(|manifest| manifest.bytes.clone())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
