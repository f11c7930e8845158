//! What belongs to a (tenant, connection) and outlives every swap: the HTTP
//! pool, the limits, the pause a platform asked for, what its answers say about
//! queued deliveries. Where somebody keeps it, it outlives the process, too.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

pub use super::channels::Channels;
use super::credentials::Cell;
use super::keeping::{Keeping, Kept, place};
use super::pace::{Entered, Heard, Pace, PaceShown, Stance};
use super::pause::Pause;
use super::rate::{Rate, Turn};
use crate::config::{Auth, ConnectionConfig, HostLimits, HostNetwork};
use crate::deadline::{passed, within};
use crate::http::{Client, ClientOptions};
use crate::problem::Problem;
use crate::telemetry::observed::ObservedConnection;

/// What all generations of one connection share. Limits that change are
/// replaced, what stays the same is kept.
pub struct SharedChannel {
    tenant: Arc<str>,
    configured: Mutex<Configured>,
    /// So that what stands for an account tells nobody its secrets.
    salt: [u8; 32],
    observed: ObservedConnection,
    pub(super) keeping: Keeping,
    network: Arc<HostNetwork>,
    connection: Arc<str>,
    /// Whether anybody in this process gets tokens.
    engine: Arc<AtomicBool>,
}

#[derive(Default)]
struct Configured {
    client: Option<(ClientOptions, Client)>,
    token_client: Option<(ClientOptions, Client)>,
    concurrency: Option<(usize, Arc<Semaphore>)>,
    rate: Option<(u32, Arc<Rate>)>,
    /// What is about one account: its pause, and how it is getting on.
    account: Option<(Account, Arc<Pause>, Arc<Pace>)>,
    /// What the account is without its secrets.
    place: String,
    /// The token of the account it is granted to.
    cell: Option<Arc<Cell>>,
    /// What another process left, until there is something to apply it to.
    left: Option<Kept>,
}

/// Most bytes of an answer with a token. Real ones have a few KiB.
const MOST_TOKEN_ANSWER: usize = 256 << 10;

/// A hash of what a platform tells its callers apart by.
type Account = [u8; 32];

/// What one generation of a connection uses of what they share.
#[derive(Clone)]
pub struct Channel {
    /// The HTTP pool.
    pub client: Client,
    /// The same on the way to where its tokens come from, if it gets them by OAuth 2.0.
    pub token_client: Option<Client>,
    concurrency: Arc<Semaphore>,
    rate: Option<Arc<Rate>>,
    pause: Arc<Pause>,
    /// What its deliveries count.
    pub observed: ObservedConnection,
    pace: Arc<Pace>,
    shared: Arc<SharedChannel>,
}

impl SharedChannel {
    pub(super) fn new(
        tenant: &Arc<str>,
        connection: &Arc<str>,
        keeper: super::keeping::Slot,
        observed: ObservedConnection,
        network: Arc<HostNetwork>,
        engine: Arc<AtomicBool>,
    ) -> Self {
        Self {
            tenant: tenant.clone(),
            configured: Mutex::default(),
            salt: rand::random(),
            observed,
            keeping: Keeping::new(tenant.clone(), connection.clone(), keeper),
            network,
            connection: connection.clone(),
            engine,
        }
    }

    /// Where the token is that is granted to this account. Another account has another
    /// token, whatever the connection's name is.
    pub fn cell(&self, place: String) -> Arc<Cell> {
        let mut configured = self.configured();
        match &configured.cell {
            Some(cell) if cell.place() == place => cell.clone(),
            _ => {
                let (tenant, connection) = (self.tenant.clone(), self.connection.clone());
                let cell = Cell::new(tenant, connection, place, self.engine.clone());
                configured.cell.insert(Arc::new(cell)).clone()
            }
        }
    }

    fn configured(&self) -> MutexGuard<'_, Configured> {
        self.configured
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What another process left of it.
    pub(super) fn resume(&self, kept: Kept) {
        let mut configured = self.configured();
        configured.left = Some(kept);
        configured.resume();
    }

    /// Whether its next turn is promised ahead.
    pub(super) fn is_ahead(&self) -> bool {
        let configured = self.configured();
        let rate = configured.rate.as_ref();
        rate.is_some_and(|(_, rate)| rate.is_ahead(Instant::now()))
    }

    /// What is to be kept of it now; and what it promises then.
    pub(super) fn kept(&self, exact: bool) -> (Kept, Option<(Arc<Rate>, Instant)>) {
        let configured = self.configured();
        let now = Instant::now();
        let promise = configured.rate.as_ref().map(|(_, rate)| {
            let until = if exact { rate.exact() } else { rate.ahead(now) };
            (rate.clone(), until)
        });
        let account = configured.account.as_ref();
        let kept = Kept {
            place: configured.place.clone(),
            next_ms: promise.as_ref().map(|(_, until)| Kept::time(*until, now)),
            pause_until_ms: account
                .map(|(_, pause, _)| pause.until())
                .filter(|until| *until > now)
                .map(|until| Kept::time(until, now)),
            pace: account.map(|(_, _, pace)| pace.kept()).unwrap_or_default(),
        };
        (kept, promise)
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
        if let Some(certificate) = &config.network.client_certificate {
            add(&hex::encode(certificate.digest()));
        }
        for (name, secret) in &config.secrets {
            add(name);
            add(secret.expose());
        }
        hash.finalize().into()
    }

    /// What a client of the connection is made from on the way to `to`.
    fn options(&self, config: &ConnectionConfig, limits: &HostLimits, to: &Url) -> ClientOptions {
        ClientOptions {
            connect_timeout: config.limits.connect_timeout,
            timeout: config.limits.timeout,
            response_body: config
                .limits
                .response_body
                .map_or(limits.response_body, |most| most.min(limits.response_body)),
            allow_private: config.allow_private,
            extra_roots: config.extra_roots.clone(),
            client_certificate: config.network.client_certificate.clone(),
            versions: config.network.versions,
            proxy: self.network.proxy(&config.network.proxy, to),
            bind_address: config.network.bind_address,
            idle_connections: config.limits.concurrency,
            ..ClientOptions::default()
        }
    }

    /// The channel as `config` wants it.
    pub fn configure(
        self: &Arc<Self>,
        config: &ConnectionConfig,
        limits: &HostLimits,
    ) -> Result<Channel, Problem> {
        let options = self.options(config, limits, &config.base_url);
        let tokens = match &config.auth {
            Some(Auth::OAuth2(oauth2)) => Some(ClientOptions {
                response_body: MOST_TOKEN_ANSWER,
                idle_connections: 1,
                ..self.options(config, limits, &oauth2.token_url)
            }),
            _ => None,
        };
        let mut configured = self.configured();
        let client = client_of(&mut configured.client, options)?;
        let token_client = match tokens {
            Some(options) => Some(client_of(&mut configured.token_client, options)?),
            None => {
                configured.token_client = None;
                None
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
            (Some(wanted), before) => {
                // Evenly spaced: a burst of a minute's worth would exceed a
                // platform's limit in the minutes it overlaps.
                Some(Arc::new(match before {
                    Some((_, rate)) => rate.under(wanted),
                    None => Rate::new(wanted, Instant::now()),
                }))
            }
        };
        let per_minute = config.limits.requests_per_minute;
        configured.rate = per_minute.zip(rate.clone());
        let account = self.account(config);
        let (pause, pace) = match &configured.account {
            Some((known, pause, pace)) if *known == account => {
                pace.configure(config);
                (pause.clone(), pace.clone())
            }
            before => {
                let pace = match before {
                    Some((_, _, pace)) => pace.succeeded_by(config),
                    None => Pace::new(config, &self.tenant),
                };
                let (pause, pace) = (Arc::new(Pause::new()), Arc::new(pace));
                configured.account = Some((account, pause.clone(), pace.clone()));
                (pause, pace)
            }
        };
        configured.place = place(config);
        configured.resume();
        Ok(Channel {
            client,
            token_client,
            concurrency,
            rate,
            pause,
            observed: self.observed.clone(),
            pace,
            shared: self.clone(),
        })
    }
}

/// The client that is there, if it is made from the same; else a new one.
fn client_of(
    kept: &mut Option<(ClientOptions, Client)>,
    options: ClientOptions,
) -> Result<Client, Problem> {
    if let Some((known, client)) = kept
        && *known == options
    {
        return Ok(client.clone());
    }
    let client = Client::new(options.clone())
        .map_err(|error| Problem::host("config-ca-file", error.to_string()))?;
    *kept = Some((options, client.clone()));
    Ok(client)
}

impl Configured {
    /// Applies what another process left, as soon as there is something to apply
    /// it to. A pause, and what was heard, are about the place they came from.
    fn resume(&mut self) {
        let Some((_, pause, pace)) = &self.account else {
            return;
        };
        let Some(left) = self.left.take() else { return };
        let now = Instant::now();
        if let (Some((_, rate)), Some(next)) = (&self.rate, left.next_ms) {
            rate.resume(now + Kept::from_now(next), now);
        }
        if left.place != self.place {
            return;
        }
        if let Some(until) = left.pause_until_ms {
            pause.extend(Kept::from_now(until).min(LONGEST_PAUSE));
        }
        pace.resume(left.pace, now);
    }
}

/// Longest pause that is taken over from another process: what a platform is
/// granted at most, whatever the clock says.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

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
    /// Queued deliveries of the connection wait.
    #[error(
        "queued deliveries of this connection wait, because its platform does not work or does not accept the credentials"
    )]
    Held,
    /// The host ends: nothing that is kept leaves any more.
    #[error("the host ends, and goes on with this at its next start")]
    Ending,
    /// The time for the call is over.
    #[error("the time for the whole call (`call_timeout_ms`) ran out before it could be sent")]
    Time,
}

/// Who wants a request to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A caller who waits for the answer.
    Call,
    /// The outbox.
    Queued,
}

/// A request's turn, held until its answer is read.
#[derive(Debug)]
pub struct Held {
    _permit: OwnedSemaphorePermit,
    _entered: Option<Entered>,
}

impl Channel {
    /// Waits until one more request may leave, at most until `deadline`. What
    /// the platform asks for while others wait holds for them, too.
    pub async fn turn(&self, deadline: Instant, sort: Sort) -> Result<Held, NoTurn> {
        if passed(deadline) {
            return Err(NoTurn::Time);
        }
        self.pause.end(deadline).await?;
        let entered = match sort {
            Sort::Call => None,
            Sort::Queued => Some(self.pace.enter(deadline).await?),
        };
        let permit = within(deadline, self.concurrency.clone().acquire_owned());
        let Some(Ok(permit)) = permit.await else {
            return Err(NoTurn::Limits(None));
        };
        loop {
            self.pause.end(deadline).await?;
            if sort == Sort::Queued && self.pace.is_shut() {
                return Err(NoTurn::Held);
            }
            let Some(rate) = &self.rate else {
                break;
            };
            // Taken only when it can be used at once: turns that were saved up
            // during a pause would leave together after it.
            match rate.take(Instant::now(), self.shared.keeping.is_kept()) {
                Turn::Now => break,
                Turn::Unkept => {
                    if within(deadline, self.shared.promise()).await.is_none() {
                        return Err(NoTurn::Time);
                    }
                }
                Turn::After(wait) => {
                    let next = Instant::now() + wait;
                    if next >= deadline {
                        return Err(NoTurn::Limits(Some(wait)));
                    }
                    tokio::time::sleep_until(next.into()).await;
                }
            }
        }
        match passed(deadline) {
            false => Ok(Held {
                _permit: permit,
                _entered: entered,
            }),
            true => Err(NoTurn::Time),
        }
    }

    /// Whether the pause lasts that the platform asked for.
    pub fn is_paused(&self) -> bool {
        self.pause.until() > Instant::now()
    }

    /// Lets nothing leave for a while: the platform throttles.
    pub fn pause(&self, duration: Duration) {
        self.pause.extend(duration);
        self.shared.keeping.changed(false);
    }

    /// What became of a request that began then says this about the platform.
    pub fn heard(&self, heard: Heard, began: Instant) {
        let told = self.shared.keeping.is_kept();
        let change = self.pace.heard(heard, began, Instant::now(), told);
        if change.keep || change.wake {
            self.shared.keeping.changed(change.wake);
        }
    }

    /// Whether queued deliveries may begin now, and how many may be under way.
    pub fn stance(&self) -> Stance {
        let now = Instant::now();
        let stance = self.pace.stance(now);
        let Stance::Go(most) = stance else {
            return stance;
        };
        let turn = self.rate.as_ref().map(|rate| rate.next());
        let from = turn.map_or(self.pause.until(), |turn| turn.max(self.pause.until()));
        if from > now {
            return Stance::From(from);
        }
        // More of them would only wait for each other's turns.
        let turns = self.rate.as_ref().map_or(usize::MAX, |rate| {
            (Duration::from_secs(1).as_nanos() / rate.interval().as_nanos().max(1)) as usize
        });
        Stance::Go(most.min(turns.max(1)))
    }

    /// Milliseconds between two times in which queued deliveries were stopped.
    pub fn stopped_between(&self, from_ms: u64, until_ms: u64) -> u64 {
        self.pace.stopped_between(from_ms, until_ms)
    }

    /// How the connection is getting on.
    pub fn shown(&self) -> PaceShown {
        let mut shown = self.pace.shown();
        let now = Instant::now();
        let paused = Some(self.pause.until()).filter(|until| *until > now);
        shown.until_ms = shown
            .until_ms
            .max(paused.map(|until| Kept::time(until, now)));
        shown
    }

    /// A person says that the platform works again: one request finds out. False
    /// if nothing was held back.
    pub fn resume(&self) -> bool {
        let shut = self.pace.resume_by_hand();
        if shut {
            self.shared.keeping.changed(true);
        }
        shut
    }

    /// There is another token: what waited for one goes on.
    pub fn rearmed(&self) {
        if self.pace.rearmed() {
            self.shared.keeping.changed(true);
        }
    }

    /// What is to be kept of the connection, if that has changed and nobody is
    /// keeping it.
    pub fn to_keep(&self) -> Option<super::keeping::Writing> {
        self.shared.to_keep(false)
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").finish_non_exhaustive()
    }
}
