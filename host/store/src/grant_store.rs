//! What every store does for what platforms grant.

use crate::error::Result;
use crate::model::{Authorization, Authorized, GrantChange, GrantName, GrantRow, NewAuthorization};

/// Grants, durable: as [`Store`](crate::Store), every method blocks, may be called
/// from any thread, and returns when what it writes is on disk. States and proofs
/// are bytes to it, which are to be encrypted.
///
/// What renews a grant may work once. So a renewal is written down before it
/// begins, and its answer before what it replaces is given up: a host that is
/// killed between the two finds both what there was and that a renewal had begun.
pub trait GrantStore: Send + Sync {
    /// A grant, if there ever was one.
    fn grant(&self, name: &GrantName) -> Result<Option<GrantRow>>;

    /// Changes a grant that is at this version; 0 says that there is none yet.
    /// Returns its version from then on. None says that somebody else was first: it
    /// is to be read again, and nothing was changed.
    ///
    /// Of the places of a connection, the ones that changed last are kept.
    fn grant_change(
        &self,
        name: &GrantName,
        version: u64,
        change: GrantChange,
        now: u64,
    ) -> Result<Option<u64>>;

    /// Writes down that a person is on the way. What was not used in time is
    /// removed.
    fn authorization_put(&self, authorization: NewAuthorization, now: u64) -> Result<()>;

    /// Takes an authorization that is not over. It can be taken once, whoever asks
    /// and however often.
    fn authorization_take(&self, which: Authorized, now: u64) -> Result<Option<Authorization>>;
}
