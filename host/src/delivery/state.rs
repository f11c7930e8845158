//! What belongs to a (tenant, connection) and outlives every swap: the HTTP
//! pool, the limits, the pause a platform asked for.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::{ConnectionConfig, HostLimits};
use crate::http::{Client, ClientOptions};
use crate::problem::Problem;

/// One connection's state. Limits that change are replaced, what stays the
/// same is kept.
pub struct ConnectionState {
    configured: Mutex<Configured>,
    started: Instant,
    /// Milliseconds after `started` until which nothing may be sent.
    paused_until: AtomicU64,
}

#[derive(Default)]
struct Configured {
    client: Option<(ClientOptions, Client)>,
    concurrency: Option<(usize, Arc<Semaphore>)>,
    rate: Option<(u32, Arc<DefaultDirectRateLimiter>)>,
}

/// What one generation of a connection uses of its state.
#[derive(Clone)]
pub struct Channel {
    /// The HTTP pool.
    pub client: Client,
    concurrency: Arc<Semaphore>,
    rate: Option<Arc<DefaultDirectRateLimiter>>,
    state: Arc<ConnectionState>,
}

impl ConnectionState {
    fn new() -> Self {
        Self {
            configured: Mutex::default(),
            started: Instant::now(),
            paused_until: AtomicU64::new(0),
        }
    }

    /// The state as `config` wants it.
    pub fn configure(
        self: &Arc<Self>,
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
        Ok(Channel {
            client,
            concurrency,
            rate,
            state: self.clone(),
        })
    }
}

/// Why a request did not get its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTurn {
    /// The connection's own limits left no room in time.
    #[error(
        "the connection's own limits (`requests_per_minute`, `concurrency`) left no room in time"
    )]
    Limits,
    /// The platform asked for a pause that outlasts the call.
    #[error("the platform asked for a pause that lasts longer than this call may")]
    Paused,
}

impl Channel {
    /// Waits until one more request may leave, at most until `deadline`.
    pub async fn turn(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, NoTurn> {
        loop {
            let now = Instant::now();
            let paused = self.paused_until();
            if paused <= now {
                break;
            }
            if paused >= deadline {
                return Err(NoTurn::Paused);
            }
            tokio::time::sleep_until(paused.into()).await;
        }
        let turn = async {
            let permit = self.concurrency.clone().acquire_owned().await.ok()?;
            if let Some(rate) = &self.rate {
                rate.until_ready().await;
            }
            Some(permit)
        };
        match tokio::time::timeout_at(deadline.into(), turn).await {
            Ok(Some(permit)) => Ok(permit),
            Ok(None) | Err(_) => Err(NoTurn::Limits),
        }
    }

    /// Lets nothing leave for a while: the platform throttles.
    pub fn pause(&self, duration: Duration) {
        let until = self.state.started.elapsed() + duration;
        let until = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
        self.state.paused_until.fetch_max(until, Ordering::Relaxed);
    }

    fn paused_until(&self) -> Instant {
        let millis = self.state.paused_until.load(Ordering::Relaxed);
        self.state.started + Duration::from_millis(millis)
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").finish_non_exhaustive()
    }
}

/// Tenant and connection.
type Names = (Arc<str>, Arc<str>);

/// The states of all connections, by tenant and connection.
#[derive(Default)]
pub struct States {
    by_name: Mutex<HashMap<Names, Arc<ConnectionState>>>,
}

impl States {
    /// The connection's state, made when it is new.
    pub fn of(&self, tenant: &Arc<str>, connection: &Arc<str>) -> Arc<ConnectionState> {
        self.by_name
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry((tenant.clone(), connection.clone()))
            .or_insert_with(|| Arc::new(ConnectionState::new()))
            .clone()
    }

    /// Forgets the states of a tenant that is gone.
    pub fn forget(&self, tenant: &str) {
        self.by_name
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(name, _), _| &**name != tenant);
    }
}
