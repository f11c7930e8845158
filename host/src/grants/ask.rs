//! What is asked of a platform, and what it grants.

use std::sync::Arc;
use std::time::{Duration, Instant};

use url::Url;

use crate::config::Secret;
use crate::plugin::generation::AdapterGeneration;
use crate::problem::Problem;
use crate::serving::connection::ConnectionGeneration;
use crate::serving::snapshot::{Snapshot, TenantGeneration};

/// Whose token is asked for, with everything that takes.
#[derive(Clone)]
pub struct Granting {
    /// The snapshot it all came from.
    pub snapshot: Arc<Snapshot>,
    /// The tenant.
    pub tenant: Arc<TenantGeneration>,
    /// The connection: its client, its own secrets, its redactor.
    pub connection: Arc<ConnectionGeneration>,
    /// Its adapter.
    pub adapter: Arc<AdapterGeneration>,
    /// When the platform must have answered.
    pub deadline: Instant,
}

/// What a platform is asked.
#[derive(Debug, Clone)]
pub enum Ask {
    /// The first token, with nothing but what the tenant's file has.
    First,
    /// A token for what a person brought from the platform.
    Code {
        /// What the platform gave the person.
        code: Secret,
        /// What proves that it was this host that sent the person (PKCE).
        verifier: Option<Secret>,
        /// Where the platform sent the person, if it was asked to.
        redirect: Option<Url>,
    },
    /// Another token for the one that is known.
    Refresh {
        /// What renews it.
        refresh: Secret,
    },
}

/// What a platform grants.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// What requests are signed with.
    pub token: Secret,
    /// What renews it; nothing where the platform gave none.
    pub refresh: Option<Secret>,
    /// How long the token lives, if the platform says so.
    pub expires_in: Option<Duration>,
    /// How long what renews it lives, if the platform says so.
    pub refresh_expires_in: Option<Duration>,
    /// Whose it is, as the platform calls that.
    pub account: Option<String>,
    /// What it allows, as the platform says.
    pub scopes: Option<String>,
}

/// Why nothing was granted. Texts are without secrets.
#[derive(Debug, Clone)]
pub enum NotGranted {
    /// The platform does not take what it was given: a person has to do something.
    Refused {
        /// The platform's code.
        code: String,
        /// The platform's words.
        message: String,
    },
    /// It cannot now, and took nothing.
    Later {
        /// The platform's code, or the host's.
        code: String,
        /// What is wrong.
        message: String,
        /// Not before so long has passed, if it said so.
        after: Option<Duration>,
    },
    /// Nobody knows whether the platform took what it was given.
    Unknown {
        /// The platform's code, or the host's.
        code: String,
        /// What is wrong.
        message: String,
    },
    /// The adapter, or what is configured, is wrong.
    Broken(Problem),
}
