//! What requests of a connection are signed with: the secrets of its tenant's
//! file, and the token that was granted to it.
//!
//! A [`Cell`] is the one seam between deliveries, which use a token, and
//! [`crate::grants`], which gets and renews it. It lives by connection and account
//! beside the limits and so outlives every swap; what a generation makes of it,
//! merged with its own secrets, is its [`Credentials`]. Taking these costs neither
//! a lock nor a copy.

mod no_token;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, watch};

pub use no_token::NoToken;
use no_token::NoTokenKind;

use crate::config::{Auth, ConnectionConfig, OAUTH2_TOKEN, Secret};
use crate::deadline::within;
use crate::plugin::generation::AdapterGeneration;
use crate::plugin::manifest::Grant;
use crate::problem::Problem;
use crate::redact::Redactor;

/// How a connection comes by a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantKind {
    /// As its tenant's file says (`auth = { oauth2 = … }`).
    OAuth2,
    /// As its adapter's manifest says.
    Adapter,
}

/// How a connection comes by a token; nothing for one that needs none, or whose
/// file has it.
pub fn grant_of(connection: &ConnectionConfig, adapter: &AdapterGeneration) -> Option<GrantKind> {
    if let Some(Auth::OAuth2(_)) = &connection.auth {
        return Some(GrantKind::OAuth2);
    }
    let grant = adapter.manifest.grant.as_ref()?;
    let set = connection.secrets.contains_key(&grant.token);
    (!set).then_some(GrantKind::Adapter)
}

/// The name of the secret that is granted to a connection, if one is.
pub fn granted_name<'a>(
    connection: &ConnectionConfig,
    adapter: &'a AdapterGeneration,
) -> Option<&'a str> {
    match grant_of(connection, adapter)? {
        GrantKind::OAuth2 => Some(OAUTH2_TOKEN),
        GrantKind::Adapter => adapter.manifest.grant.as_ref().map(|grant| &*grant.token),
    }
}

/// What a grant is given to, as a hash: another place, another application or another
/// account has no use of a token, and must not see it. Which settings say so, the
/// adapter's manifest does.
pub fn granted_to(config: &ConnectionConfig, grant: Option<&Grant>) -> String {
    let mut hash = Sha256::new_with_prefix("a grant of crossdock\n");
    let mut add = |text: &str| {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    };
    add(&config.adapter);
    add(config.base_url.as_str());
    match (&config.auth, grant) {
        (Some(Auth::OAuth2(oauth2)), _) => {
            add(oauth2.token_url.as_str());
            add(&oauth2.client_id);
        }
        (_, Some(grant)) => {
            for name in &grant.to {
                let value = config.settings.get(name);
                add(name);
                // A text has quotes here: nothing is not the empty text.
                add(&value.map(ToString::to_string).unwrap_or_default());
            }
        }
        (_, None) => {}
    }
    hex::encode(hash.finalize())
}

/// Everything that requests are signed with, as it is now.
#[derive(Debug)]
pub struct Armed {
    /// Grows with every token; 0 before the first.
    pub version: u64,
    /// The file's secrets and what was granted, by name.
    pub secrets: Arc<BTreeMap<String, Secret>>,
    /// What must not appear anywhere.
    pub redactor: Redactor,
    /// What of it was granted, for scopes that were made before.
    granted: Arc<Granted>,
}

impl Armed {
    /// Lets a scope know what was granted since it was made.
    pub fn teach(&self, redactor: &Redactor) {
        for (name, secret) in self.granted.all() {
            redactor.learn(name, secret);
        }
    }
}

/// What was granted.
#[derive(Debug, Default)]
pub struct Granted {
    /// What requests may be signed with, by name.
    pub secrets: BTreeMap<String, Secret>,
    /// What else must not appear anywhere, by name: what renews a token, and the
    /// token before, which may still be in answers that are on their way.
    pub hidden: Vec<(String, Secret)>,
    /// When it must not be used any more.
    pub over: Option<tokio::time::Instant>,
    version: u64,
}

impl Granted {
    /// From now on: what requests are signed with, what else is secret, and how
    /// long it lives.
    pub fn new(
        secrets: BTreeMap<String, Secret>,
        hidden: Vec<(String, Secret)>,
        over: Option<tokio::time::Instant>,
    ) -> Self {
        Self {
            secrets,
            hidden,
            over,
            version: 0,
        }
    }

    fn all(&self) -> impl Iterator<Item = (&str, &Secret)> {
        let hidden = self.hidden.iter().map(|(name, secret)| (&**name, secret));
        let secrets = self.secrets.iter();
        secrets
            .map(|(name, secret)| (&**name, secret))
            .chain(hidden)
    }

    fn is_usable(&self) -> bool {
        let over = self
            .over
            .is_some_and(|over| over <= tokio::time::Instant::now());
        !self.secrets.is_empty() && !over
    }
}

/// How a grant is getting on.
#[derive(Debug, Clone, Default)]
pub enum Standing {
    /// Nobody has looked yet, or there is nothing to look after.
    #[default]
    Unknown,
    /// A person has to agree first.
    Missing,
    /// There is a token, or one is on its way.
    Ready,
    /// It could not be renewed so far.
    Failing {
        /// Whose fault it is, and what is wrong.
        problem: Problem,
        /// When it is tried again.
        next: tokio::time::Instant,
    },
    /// It cannot be renewed any more: a person has to agree anew.
    NeedsPerson {
        /// What the platform said.
        problem: Problem,
    },
    /// A person took it back.
    Revoked,
}

/// What is waited for.
#[derive(Debug, Clone, Default)]
struct State {
    /// Of the token.
    version: u64,
    /// Renewals that have ended, one way or the other.
    ended: u64,
    standing: Standing,
}

/// The token of one account of a connection.
#[derive(Debug)]
pub struct Cell {
    tenant: Arc<str>,
    connection: Arc<str>,
    /// What it is [granted to](granted_to).
    place: String,
    granted: ArcSwap<Granted>,
    state: watch::Sender<State>,
    /// The newest version that the platform refused.
    refused: AtomicU64,
    /// Somebody waits for a token.
    wanted: AtomicBool,
    wish: Notify,
    /// Whether anybody in this process gets tokens.
    engine: Arc<AtomicBool>,
}

/// What somebody wishes of whoever gets tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wish {
    /// Somebody waits for a token.
    pub wanted: bool,
    /// The platform refused the token of this version; 0 for none.
    pub refused: u64,
}

impl Cell {
    /// Without a token. `engine` says whether anybody in this process gets some.
    pub fn new(
        tenant: Arc<str>,
        connection: Arc<str>,
        place: String,
        engine: Arc<AtomicBool>,
    ) -> Self {
        Self {
            tenant,
            connection,
            place,
            granted: ArcSwap::default(),
            state: watch::Sender::default(),
            refused: AtomicU64::new(0),
            wanted: AtomicBool::new(false),
            wish: Notify::new(),
            engine,
        }
    }

    /// What it is [granted to](granted_to).
    pub fn place(&self) -> &str {
        &self.place
    }

    /// From now on requests are signed with this. Returns its version.
    pub fn arm(&self, granted: Granted) -> u64 {
        let version = self.granted.load().version + 1;
        self.granted.store(Arc::new(Granted { version, ..granted }));
        self.state.send_modify(|state| {
            state.version = version;
            state.ended += 1;
            state.standing = Standing::Ready;
        });
        version
    }

    /// From now on there is no token, and this is why.
    pub fn disarm(&self, standing: Standing) {
        let version = self.granted.load().version + 1;
        let before = self.granted.load_full();
        // Answers that are on their way may still name it.
        let hidden = before
            .all()
            .map(|(name, secret)| (name.to_owned(), secret.clone()));
        self.granted.store(Arc::new(Granted {
            hidden: hidden.collect(),
            version,
            ..Granted::default()
        }));
        self.state.send_modify(|state| {
            state.version = version;
            state.ended += 1;
            state.standing = standing;
        });
    }

    /// How it is getting on, where that is another way than before. `ended` says
    /// that a renewal came to its end, so that nobody waits for it any more.
    pub fn stand(&self, standing: Standing, ended: bool) {
        self.state.send_modify(|state| {
            state.ended += u64::from(ended);
            state.standing = standing;
        });
    }

    /// How it is getting on.
    pub fn standing(&self) -> Standing {
        self.state.borrow().standing.clone()
    }

    /// The version of the token, 0 before the first.
    pub fn version(&self) -> u64 {
        self.granted.load().version
    }

    /// Waits until somebody wishes something, and takes that.
    pub async fn wished(&self) -> Wish {
        self.wish.notified().await;
        Wish {
            wanted: self.wanted.swap(false, Ordering::AcqRel),
            refused: self.refused.swap(0, Ordering::AcqRel),
        }
    }

    fn wish(&self) {
        self.wanted.store(true, Ordering::Release);
        self.wish.notify_one();
    }

    fn refuse(&self, version: u64) {
        self.refused.fetch_max(version, Ordering::AcqRel);
        self.wish.notify_one();
    }

    fn no_token(&self, kind: NoTokenKind) -> NoToken {
        NoToken {
            tenant: self.tenant.clone(),
            connection: self.connection.clone(),
            kind,
        }
    }
}

/// What one generation of a connection signs with.
#[derive(Debug)]
pub struct Credentials {
    base: Arc<Armed>,
    armed: ArcSwap<Armed>,
    cell: Arc<Cell>,
}

impl Credentials {
    /// The secrets of a tenant's file, their redactor, and where a token is.
    pub fn new(secrets: BTreeMap<String, Secret>, redactor: Redactor, cell: Arc<Cell>) -> Self {
        let base = Arc::new(Armed {
            version: 0,
            secrets: Arc::new(secrets),
            redactor,
            granted: Arc::default(),
        });
        Self {
            armed: ArcSwap::new(base.clone()),
            base,
            cell,
        }
    }

    /// The same for a connection that is tried beside the one that serves.
    pub fn beside(&self) -> Self {
        Self {
            base: self.base.clone(),
            armed: ArcSwap::new(self.armed.load_full()),
            cell: self.cell.clone(),
        }
    }

    /// Everything that requests are signed with now.
    pub fn armed(&self) -> Arc<Armed> {
        let armed = self.armed.load();
        let granted = self.cell.granted.load();
        if armed.version == granted.version {
            return armed.clone();
        }
        // Once for each token. Two who do it at once make the same.
        let armed = Arc::new(self.merged(granted.clone()));
        self.armed.store(armed.clone());
        armed
    }

    /// The same for whoever only looks at what would be sent: where nothing of this
    /// name was granted yet, something takes its place.
    pub fn pretended(&self, name: &str) -> Arc<Armed> {
        let armed = self.armed();
        if armed.secrets.contains_key(name) {
            return armed;
        }
        let stand_in = Secret::new(format!("{:032x}", rand::random::<u128>()));
        let secrets = BTreeMap::from([(name.to_owned(), stand_in)]);
        Arc::new(self.merged(Arc::new(Granted::new(secrets, Vec::new(), None))))
    }

    fn merged(&self, granted: Arc<Granted>) -> Armed {
        let mut secrets = granted.secrets.clone();
        // What the file says itself is what is meant.
        let own = self.base.secrets.iter();
        secrets.extend(own.map(|(name, secret)| (name.clone(), secret.clone())));
        Armed {
            version: granted.version,
            secrets: Arc::new(secrets),
            redactor: self.base.redactor.with(granted.all()),
            granted,
        }
    }

    /// The file's own secrets, and these instead of any that were granted: for
    /// whoever gets tokens.
    pub fn with(
        &self,
        more: impl IntoIterator<Item = (String, Secret)>,
    ) -> Arc<BTreeMap<String, Secret>> {
        let mut secrets = BTreeMap::clone(&self.base.secrets);
        secrets.extend(more);
        Arc::new(secrets)
    }

    /// The file's own secrets.
    pub fn base(&self) -> &Arc<BTreeMap<String, Secret>> {
        &self.base.secrets
    }

    /// Where its token is.
    pub fn cell(&self) -> &Arc<Cell> {
        &self.cell
    }

    /// What to sign with, once there is a token that is not over: at once where
    /// there is one, and else when one comes, at most until `deadline`.
    ///
    /// # Errors
    /// If none will come by then, as far as anybody knows.
    pub async fn ready(&self, deadline: Instant) -> Result<Arc<Armed>, NoToken> {
        let cell = &self.cell;
        if cell.granted.load().is_usable() {
            return Ok(self.armed());
        }
        let mut news = cell.state.subscribe();
        cell.wish();
        loop {
            let standing = news.borrow_and_update().standing.clone();
            if cell.granted.load().is_usable() {
                return Ok(self.armed());
            }
            if !cell.engine.load(Ordering::Acquire) {
                return Err(cell.no_token(NoTokenKind::Nobody));
            }
            match standing {
                Standing::Unknown | Standing::Ready => {}
                Standing::Missing => return Err(cell.no_token(NoTokenKind::Missing)),
                Standing::Revoked => return Err(cell.no_token(NoTokenKind::Revoked)),
                Standing::NeedsPerson { problem } => {
                    return Err(cell.no_token(NoTokenKind::Person(problem)));
                }
                Standing::Failing { problem, next } if next.into_std() >= deadline => {
                    let left = next.saturating_duration_since(tokio::time::Instant::now());
                    return Err(cell.no_token(NoTokenKind::Failing(problem, left)));
                }
                Standing::Failing { .. } => {}
            }
            if within(deadline, news.changed()).await.is_none() {
                return Err(cell.no_token(NoTokenKind::Late));
            }
        }
    }

    /// The platform refused what was signed with this version: waits until there
    /// is another one, or it is known that there will be none, or the time is
    /// over. Whoever comes second waits for the same renewal.
    pub async fn refused(&self, version: u64, deadline: Instant) -> Option<Arc<Armed>> {
        let cell = &self.cell;
        let mut news = cell.state.subscribe();
        let ended = news.borrow_and_update().ended;
        loop {
            if cell.version() != version {
                return cell.granted.load().is_usable().then(|| self.armed());
            }
            if news.borrow().ended != ended || !cell.engine.load(Ordering::Acquire) {
                return None;
            }
            cell.refuse(version);
            within(deadline, news.changed()).await?.ok()?;
            news.borrow_and_update();
        }
    }
}
