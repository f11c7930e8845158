//! What is kept of what platforms granted.

/// Whose grant it is: a connection, at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantName {
    /// The tenant.
    pub tenant: String,
    /// The connection.
    pub connection: String,
    /// What it was granted to: another application, or another platform, is
    /// another place.
    pub place: String,
}

/// A grant as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRow {
    /// Grows with every change; never given twice.
    pub version: u64,
    /// What was granted; none before anything was.
    pub state: Option<Vec<u8>>,
    /// Since when a renewal is under way of which the end is not known.
    pub started: Option<u64>,
    /// When it changed last.
    pub changed: u64,
}

/// What becomes of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantChange {
    /// It is about to be renewed: what renews it may be used up from now on.
    Begin,
    /// This is granted from now on. A renewal that was under way is over.
    Put(Vec<u8>),
    /// A renewal that was under way used nothing up: all is as before it.
    Unused,
    /// A person took it back: this is left of it, and nothing of what the connection
    /// had at other places.
    Forget(Vec<u8>),
}

/// A person is on the way to the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAuthorization {
    /// Hash of what the platform brings back.
    pub hash: [u8; 32],
    /// Whose it is.
    pub name: GrantName,
    /// What proves that it was this host that sent the person.
    pub proof: Vec<u8>,
    /// Until when it may be used.
    pub until: u64,
}

/// A person came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Whose it is.
    pub name: GrantName,
    /// What proves that it was this host that sent the person.
    pub proof: Vec<u8>,
}

/// Which authorization a person comes back with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorized {
    /// The one of this hash.
    Hash([u8; 32]),
    /// The newest of a connection.
    Newest {
        /// The tenant.
        tenant: String,
        /// The connection.
        connection: String,
    },
}
