//! Clients that give records at full speed, each until it was taken in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use http::{Method, StatusCode};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::path;
use super::records::{CLIENTS, Kind, Record, Source};
use crate::client::Client;

/// The pause of a client that was refused, or whose host is gone.
const PAUSE: Duration = Duration::from_millis(10);

/// Where the host listens; nothing while none does.
pub type Addresses = watch::Receiver<Option<String>>;

/// A delivery that was taken in.
#[derive(Debug)]
pub struct Given {
    /// Its id, as 202 said it.
    pub delivery: String,
    /// What is in it.
    pub records: Vec<Record>,
}

#[derive(Default)]
struct Count {
    acknowledged: AtomicUsize,
    given_again: AtomicUsize,
    /// Whether everything has been taken in, or a client failed.
    over: AtomicBool,
}

/// The clients at work.
pub struct Load {
    count: Arc<Count>,
    clients: JoinSet<anyhow::Result<Vec<Given>>>,
}

impl Load {
    /// Starts them.
    pub fn start(items: usize, seed: u64, addresses: Addresses) -> Self {
        let count = Arc::new(Count::default());
        let mut clients = JoinSet::new();
        let left = Arc::new(AtomicUsize::new(CLIENTS as usize));
        for client in 0..CLIENTS {
            let (count, addresses) = (count.clone(), addresses.clone());
            let left = left.clone();
            clients.spawn(async move {
                let source = Source::new(client, items, seed);
                let given = give_all(source, &count, addresses, seed).await;
                let last = left.fetch_sub(1, Ordering::Relaxed) == 1;
                if last || given.is_err() {
                    count.over.store(true, Ordering::Relaxed);
                }
                given
            });
        }
        Self { count, clients }
    }

    /// Records that were taken in so far.
    pub fn acknowledged(&self) -> usize {
        self.count.acknowledged.load(Ordering::Relaxed)
    }

    /// Requests that had to be given again.
    pub fn given_again(&self) -> usize {
        self.count.given_again.load(Ordering::Relaxed)
    }

    /// Whether nothing more comes.
    pub fn is_over(&self) -> bool {
        self.count.over.load(Ordering::Relaxed)
    }

    /// Everything that was taken in.
    pub async fn ended(&mut self) -> anyhow::Result<Vec<Given>> {
        let mut all = Vec::new();
        while let Some(given) = self.clients.join_next().await {
            all.extend(given.context("a client ended early")??);
        }
        Ok(all)
    }
}

async fn give_all(
    source: Source,
    count: &Count,
    mut addresses: Addresses,
    seed: u64,
) -> anyhow::Result<Vec<Given>> {
    let mut all = Vec::new();
    for (kind, records) in source {
        let delivery = give(kind, &records, count, &mut addresses, seed).await?;
        let so_far = &count.acknowledged;
        so_far.fetch_add(records.len(), Ordering::Relaxed);
        all.push(Given { delivery, records });
    }
    Ok(all)
}

/// Gives a delivery until it is taken in. Its key makes it one delivery, even if
/// an answer is lost.
async fn give(
    kind: Kind,
    records: &[Record],
    count: &Count,
    addresses: &mut Addresses,
    seed: u64,
) -> anyhow::Result<String> {
    let bodies: Vec<String> = records.iter().map(Record::json).collect();
    let body = format!("[{}]", bodies.join(","));
    let first = records.first().map_or(0, |record| record.number);
    let target = path(format_args!("{}?queue=true", kind.path()));
    let mut known: Option<(String, Client)> = None;
    loop {
        let address = addresses.wait_for(Option::is_some).await?.clone();
        let address = address.context("an address")?;
        let client = match known.take() {
            Some((of, client)) if of == address => client,
            _ => {
                let key = format!("soak {seed} {first}");
                Client::new(address.clone()).with_header("idempotency-key", key)
            }
        };
        match client.send(Method::POST, &target, Some(&body)).await {
            Ok((StatusCode::ACCEPTED, answer)) => {
                let id = answer["delivery"].as_str();
                return id.map(str::to_owned).context("202 without an id");
            }
            Ok((status, answer)) if !may_pass(status) => {
                bail!("{target} answered {status}: {answer}")
            }
            Ok(_) | Err(_) => {
                count.given_again.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(PAUSE).await;
            }
        }
        known = Some((address, client));
    }
}

/// Whether a refusal is one of this moment.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}
