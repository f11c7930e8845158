//! Clients that call all the time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::WAY;
use crate::client::Client;
use crate::grants;

/// Clients that call now, and clients that queue.
const CALLING: u64 = 3;
const QUEUEING: u64 = 1;

/// A client's pause between its calls.
const PAUSE: Duration = Duration::from_millis(20);

/// Items are numbered so that each client has its own.
const ITEMS_OF_A_CLIENT: u64 = 1_000_000;

/// A call that was answered with something else than success.
#[derive(Debug, Clone)]
pub struct Failed {
    pub began: Instant,
    pub ended: Instant,
    pub status: String,
    pub code: String,
}

/// What became of the calls.
#[derive(Debug, Default)]
pub struct Calls {
    /// Items that the shop has to have.
    pub delivered: Vec<u64>,
    pub failed: Vec<Failed>,
    /// Without an answer: a kill.
    pub cut: usize,
    /// Items that were taken in to be delivered later.
    pub queued: Vec<u64>,
}

/// The clients at work.
pub struct Load {
    clients: JoinSet<()>,
    calls: Arc<Mutex<Calls>>,
}

impl Load {
    /// Starts them.
    pub fn start(addresses: watch::Receiver<Option<String>>, stop: CancellationToken) -> Self {
        let calls = Arc::new(Mutex::new(Calls::default()));
        let mut clients = JoinSet::new();
        for client in 0..CALLING + QUEUEING {
            let first = 1 + client * ITEMS_OF_A_CLIENT;
            let (addresses, stop) = (addresses.clone(), stop.clone());
            let calls = calls.clone();
            clients.spawn(async move {
                let work = work(client >= CALLING, first, addresses, &calls, &stop);
                // The last call may go to its end; a host that is gone does not.
                let _ = work.await;
            });
        }
        Self { clients, calls }
    }

    /// Waits until the last call has its answer.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        while let Some(client) = self.clients.join_next().await {
            client.context("a client ended early")?;
        }
        Ok(())
    }

    /// What became of them.
    pub fn with<R>(&self, look: impl FnOnce(&Calls) -> R) -> R {
        look(&self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Calls with one item after the other; `None` when the host is gone for good.
async fn work(
    queues: bool,
    first: u64,
    mut addresses: watch::Receiver<Option<String>>,
    calls: &Mutex<Calls>,
    stop: &CancellationToken,
) -> Option<()> {
    let calls = || calls.lock().unwrap_or_else(PoisonError::into_inner);
    let mut known: Option<(String, Client)> = None;
    for item in first.. {
        if stop.is_cancelled() {
            break;
        }
        let address = addresses.wait_for(Option::is_some).await.ok()?.clone()?;
        let host = match known.take() {
            Some((of, host)) if of == address => host,
            _ => Client::new(&*address),
        };
        let began = Instant::now();
        if queues {
            match grants::queue(&host, WAY.name(), item, 1).await {
                Ok(()) => calls().queued.push(item),
                Err(_) => calls().cut += 1,
            }
        } else {
            match grants::deliver(&host, WAY.name(), item, 1).await {
                Ok((status, _)) if status == "accepted" => calls().delivered.push(item),
                Ok((status, code)) => calls().failed.push(Failed {
                    began,
                    ended: Instant::now(),
                    status,
                    code,
                }),
                Err(_) => calls().cut += 1,
            }
        }
        known = Some((address, host));
        tokio::time::sleep(PAUSE).await;
    }
    Some(())
}
