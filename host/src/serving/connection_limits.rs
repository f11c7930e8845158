//! What belongs to a (tenant, connection) and outlives every swap: the HTTP
//! pool, the limits, the pause a platform asked for.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::millis;
use crate::config::{ConnectionConfig, HostLimits};
use crate::deadline::{passed, within};
use crate::http::{Client, ClientOptions};
use crate::problem::Problem;

/// What all generations of one connection share. Limits that change are
/// replaced, what stays the same is kept.
pub struct SharedChannel {
    configured: Mutex<Configured>,
    /// So that what stands for an account tells nobody its secrets.
    salt: [u8; 32],
}

#[derive(Default)]
struct Configured {
    client: Option<(ClientOptions, Client)>,
    concurrency: Option<(usize, Arc<Semaphore>)>,
    rate: Option<(u32, Arc<DefaultDirectRateLimiter>)>,
    pause: Option<(Account, Arc<Pause>)>,
}

/// A hash of what a platform tells its callers apart by.
type Account = [u8; 32];

/// The pause that a platform asked one account for.
struct Pause {
    started: Instant,
    /// Milliseconds after `started` until which nothing may be sent.
    until: AtomicU64,
}

impl Pause {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            until: AtomicU64::new(0),
        }
    }

    fn extend(&self, duration: Duration) {
        let until = self.started.elapsed() + duration;
        let until = millis(until);
        self.until.fetch_max(until, Ordering::Relaxed);
    }

    fn until(&self) -> Instant {
        let millis = self.until.load(Ordering::Relaxed);
        self.started + Duration::from_millis(millis)
    }

    /// Waits for its end; it may be extended meanwhile.
    async fn end(&self, deadline: Instant) -> Result<(), NoTurn> {
        loop {
            let now = Instant::now();
            let until = self.until();
            if until <= now {
                return Ok(());
            }
            if until >= deadline {
                return Err(NoTurn::Paused(until - now));
            }
            tokio::time::sleep_until(until.into()).await;
        }
    }
}

/// What one generation of a connection uses of what they share.
#[derive(Clone)]
pub struct Channel {
    /// The HTTP pool.
    pub client: Client,
    concurrency: Arc<Semaphore>,
    rate: Option<Arc<DefaultDirectRateLimiter>>,
    pause: Arc<Pause>,
}

impl SharedChannel {
    fn new() -> Self {
        Self {
            configured: Mutex::default(),
            salt: rand::random(),
        }
    }

    /// Target, settings and secrets: with another of these, a pause that the
    /// platform asked for is not about this connection any more.
    fn account(&self, config: &ConnectionConfig) -> Account {
        let mut hash = Sha256::new_with_prefix(self.salt);
        let mut add = |text: &str| {
            hash.update(text.len().to_be_bytes());
            hash.update(text);
        };
        add(&config.adapter);
        add(config.base_url.as_str());
        add(&config.settings.to_string());
        add(&format!("{:?}", config.auth));
        for (name, secret) in &config.secrets {
            add(name);
            add(secret.expose());
        }
        hash.finalize().into()
    }

    /// The channel as `config` wants it.
    pub fn configure(
        &self,
        config: &ConnectionConfig,
        limits: &HostLimits,
    ) -> Result<Channel, Problem> {
        let options = ClientOptions {
            connect_timeout: config.limits.connect_timeout,
            timeout: config.limits.timeout,
            response_body: config
                .limits
                .response_body
                .map_or(limits.response_body, |most| most.min(limits.response_body)),
            allow_private: config.allow_private,
            extra_roots: config.extra_roots.clone(),
            idle_connections: config.limits.concurrency,
            ..ClientOptions::default()
        };
        let mut configured = self
            .configured
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let client = match &configured.client {
            Some((known, client)) if *known == options => client.clone(),
            _ => {
                let client = Client::new(options.clone())
                    .map_err(|error| Problem::host("config-ca-file", error.to_string()))?;
                configured.client = Some((options, client.clone()));
                client
            }
        };
        let concurrency = match &configured.concurrency {
            Some((known, semaphore)) if *known == config.limits.concurrency => semaphore.clone(),
            _ => {
                let semaphore = Arc::new(Semaphore::new(config.limits.concurrency));
                configured.concurrency = Some((config.limits.concurrency, semaphore.clone()));
                semaphore
            }
        };
        let rate = match (config.limits.requests_per_minute, &configured.rate) {
            (None, _) => None,
            (Some(wanted), Some((known, rate))) if *known == wanted => Some(rate.clone()),
            (Some(wanted), _) => NonZeroU32::new(wanted).map(|per_minute| {
                // Evenly spaced: a burst of a minute's worth would exceed a
                // platform's limit in the minutes it overlaps.
                let quota = Quota::per_minute(per_minute).allow_burst(NonZeroU32::MIN);
                let rate = Arc::new(RateLimiter::direct(quota));
                configured.rate = Some((wanted, rate.clone()));
                rate
            }),
        };
        if config.limits.requests_per_minute.is_none() {
            configured.rate = None;
        }
        let account = self.account(config);
        let pause = match &configured.pause {
            Some((known, pause)) if *known == account => pause.clone(),
            _ => {
                let pause = Arc::new(Pause::new());
                configured.pause = Some((account, pause.clone()));
                pause
            }
        };
        Ok(Channel {
            client,
            concurrency,
            rate,
            pause,
        })
    }
}

/// Why a request did not get its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTurn {
    /// The connection's own limits left no room in time; after so much from now
    /// there is, where that is known.
    #[error(
        "the connection's own limits (`requests_per_minute`, `concurrency`) left no room in time"
    )]
    Limits(Option<Duration>),
    /// The platform asked for a pause that outlasts the call, by so much from now.
    #[error("the platform asked for a pause that lasts longer than this call may")]
    Paused(Duration),
    /// The time for the call is over.
    #[error("the time for the whole call (`call_timeout_ms`) ran out before it could be sent")]
    Time,
}

impl Channel {
    /// Waits until one more request may leave, at most until `deadline`. What
    /// the platform asks for while others wait holds for them, too.
    pub async fn turn(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, NoTurn> {
        if passed(deadline) {
            return Err(NoTurn::Time);
        }
        self.pause.end(deadline).await?;
        let permit = within(deadline, self.concurrency.clone().acquire_owned());
        let Some(Ok(permit)) = permit.await else {
            return Err(NoTurn::Limits(None));
        };
        loop {
            self.pause.end(deadline).await?;
            let Some(rate) = &self.rate else {
                break;
            };
            // Taken only when it can be used at once: turns that were saved up
            // during a pause would leave together after it.
            let Err(later) = rate.check() else {
                break;
            };
            let wait = later.wait_time_from(DefaultClock::default().now());
            let next = Instant::now() + wait;
            if next >= deadline {
                return Err(NoTurn::Limits(Some(wait)));
            }
            tokio::time::sleep_until(next.into()).await;
        }
        match passed(deadline) {
            false => Ok(permit),
            true => Err(NoTurn::Time),
        }
    }

    /// Lets nothing leave for a while: the platform throttles.
    pub fn pause(&self, duration: Duration) {
        self.pause.extend(duration);
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").finish_non_exhaustive()
    }
}

/// Tenant and connection.
type Names = (Arc<str>, Arc<str>);

/// What the generations of each connection share, by tenant and connection.
#[derive(Default)]
pub struct Channels {
    by_name: Mutex<HashMap<Names, Arc<SharedChannel>>>,
}

impl Channels {
    /// The connection's, made when it is new.
    pub fn of(&self, tenant: &Arc<str>, connection: &Arc<str>) -> Arc<SharedChannel> {
        self.by_name
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry((tenant.clone(), connection.clone()))
            .or_insert_with(|| Arc::new(SharedChannel::new()))
            .clone()
    }

    /// Forgets those of a tenant that is gone.
    pub fn forget(&self, tenant: &str) {
        self.by_name
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(name, _), _| &**name != tenant);
    }
}
