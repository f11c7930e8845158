//! Names to addresses, by the system's resolver, each answer kept for a moment.
//!
//! The system does not say how long an answer may be kept: [`KEPT`] is what a
//! platform that moves to another address has to wait for at most. An answer whose
//! addresses all fail is thrown away at once.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::Shared;
use tokio::time::Instant;

/// How long an answer is used.
const KEPT: Duration = Duration::from_secs(30);

/// How long a failure is remembered, by those who can do without an answer.
const FAILURE_KEPT: Duration = Duration::from_secs(10);

/// Most names of which an answer is kept.
const MOST_NAMES: usize = 4096;

/// The addresses of a name, or why there are none. At least one, if any.
pub(super) type Answer = Result<Arc<[SocketAddr]>, Arc<io::Error>>;

type Asking = Pin<Box<dyn Future<Output = Answer> + Send>>;
type Ask = dyn Fn(String) -> Asking + Send + Sync;

/// Answers by name. Clones share them.
#[derive(Clone)]
pub(super) struct Resolver(Arc<Names>);

struct Names {
    ask: Box<Ask>,
    known: Mutex<HashMap<String, Known>>,
}

/// What was asked last about a name, and when.
struct Known {
    answer: Shared<Asking>,
    asked: Instant,
}

impl Resolver {
    /// The system's, with what all clients of the process know.
    pub fn system() -> Self {
        static SYSTEM: OnceLock<Resolver> = OnceLock::new();
        SYSTEM
            .get_or_init(|| {
                Self::asking(|name| {
                    Box::pin(async move {
                        let found = tokio::net::lookup_host((name.as_str(), 0)).await;
                        Ok(found.map_err(Arc::new)?.collect())
                    })
                })
            })
            .clone()
    }

    pub(super) fn asking(ask: impl Fn(String) -> Asking + Send + Sync + 'static) -> Self {
        Self(Arc::new(Names {
            ask: Box::new(ask),
            known: Mutex::default(),
        }))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The addresses of a name or of a number, with this port. Callers that ask at
    /// the same time share one question. Without a bound of its own.
    pub async fn lookup(&self, host: &str, port: u16) -> Answer {
        self.lookup_at(host, port, Duration::ZERO, Instant::now())
            .await
    }

    /// The same for those who can do without an answer: a failure of the last
    /// moments is one.
    pub async fn try_lookup(&self, host: &str, port: u16) -> Answer {
        self.lookup_at(host, port, FAILURE_KEPT, Instant::now())
            .await
    }

    async fn lookup_at(
        &self,
        host: &str,
        port: u16,
        failure_kept: Duration,
        now: Instant,
    ) -> Answer {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok([SocketAddr::new(address, port)].into());
        }
        let answer = self.ask(host, failure_kept, now).await?;
        let addresses = answer.iter().map(|address| {
            let mut address = *address;
            address.set_port(port);
            address
        });
        Ok(addresses.collect())
    }

    fn ask(&self, host: &str, failure_kept: Duration, now: Instant) -> Shared<Asking> {
        let mut known = self.known();
        if let Some(one) = known.get(host)
            && one.holds(now, failure_kept)
        {
            return one.answer.clone();
        }
        if known.len() >= MOST_NAMES {
            known.retain(|_, one| one.holds(now, FAILURE_KEPT));
            if known.len() >= MOST_NAMES {
                known.clear();
            }
        }
        let answer = (self.0.ask)(host.to_owned()).shared();
        let one = Known {
            answer: answer.clone(),
            asked: now,
        };
        known.insert(host.to_owned(), one);
        answer
    }

    /// What is known of a name leads nowhere: it is asked for again next time.
    pub fn forget(&self, host: &str) {
        self.known().remove(host);
    }
}

impl Known {
    fn holds(&self, now: Instant, failure_kept: Duration) -> bool {
        let kept = match self.answer.peek() {
            Some(Err(_)) => failure_kept,
            _ => KEPT,
        };
        now < self.asked + kept
    }
}

#[cfg(test)]
impl Resolver {
    /// Knows these names and no others.
    pub(super) fn of(names: &[(&str, &[&str])]) -> Self {
        let names: HashMap<String, Vec<SocketAddr>> = names
            .iter()
            .map(|(name, addresses)| {
                let addresses = addresses.iter().map(|text| text.parse().unwrap());
                let addresses = addresses.map(|ip: IpAddr| SocketAddr::new(ip, 0));
                ((*name).to_owned(), addresses.collect())
            })
            .collect();
        Self::asking(move |name| {
            let answer = match names.get(&name) {
                Some(addresses) => Ok(addresses.clone().into()),
                None => Err(Arc::new(io::Error::other(
                    "failed to lookup address information: Name or service not known",
                ))),
            };
            Box::pin(std::future::ready(answer))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn counting(answer: fn(usize) -> Answer) -> (Resolver, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let resolver = Resolver::asking(move |_| {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                tokio::task::yield_now().await;
                answer(number)
            })
        });
        (resolver, count)
    }

    fn address(last: usize) -> Answer {
        let last = u8::try_from(last + 1).unwrap();
        Ok([SocketAddr::from(([192, 0, 2, last], 0))].into())
    }

    #[tokio::test]
    async fn an_answer_is_kept_for_its_time_and_no_longer() {
        let (resolver, asked) = counting(address);
        let began = Instant::now();
        let at =
            |after: Duration| resolver.lookup_at("a.example", 443, Duration::ZERO, began + after);
        let all = (0..10).map(|_| at(Duration::ZERO));
        for answer in futures_util::future::join_all(all).await {
            assert_eq!(answer.unwrap()[0].to_string(), "192.0.2.1:443");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1, "asked at the same time");
        at(KEPT - Duration::from_millis(1)).await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        let answer = at(KEPT).await.unwrap();
        assert_eq!(answer[0].to_string(), "192.0.2.2:443");
        resolver.forget("a.example");
        at(KEPT).await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_failure_is_remembered_only_by_those_who_can_do_without() {
        let (resolver, asked) = counting(|number| match number {
            0 | 1 => Err(Arc::new(io::Error::other("no"))),
            more => address(more),
        });
        assert!(resolver.try_lookup("a.example", 443).await.is_err());
        assert!(resolver.try_lookup("a.example", 443).await.is_err());
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert!(resolver.lookup("a.example", 443).await.is_err());
        assert!(resolver.lookup("a.example", 443).await.is_ok());
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_number_is_asked_of_nobody() {
        let (resolver, asked) = counting(address);
        let answer = resolver.lookup("2001:db8::1", 443).await.unwrap();
        assert_eq!(answer[0].to_string(), "[2001:db8::1]:443");
        assert_eq!(asked.load(Ordering::SeqCst), 0);
    }
}
