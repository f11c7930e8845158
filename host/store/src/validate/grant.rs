//! Whether what was given about a grant is within the limits.

use super::{at_most, time};
use crate::error::{Result, StoreError};
use crate::model::{GrantChange, GrantName, NewAuthorization, limits};

/// Whose grant it is.
pub(crate) fn name(name: &GrantName) -> Result<()> {
    for name in [&name.tenant, &name.connection, &name.place] {
        if name.is_empty() {
            return Err(StoreError::Invalid(
                "a grant's names are not empty: name tenant, connection and place",
            ));
        }
        at_most("a name (bytes)", name.len(), limits::NAME)?;
    }
    Ok(())
}

/// What becomes of it.
pub(crate) fn change(change: &GrantChange) -> Result<()> {
    match change {
        GrantChange::Put(state) | GrantChange::Forget(state) => {
            at_most("a grant (bytes)", state.len(), limits::GRANT)
        }
        GrantChange::Begin | GrantChange::Unused => Ok(()),
    }
}

/// A person who is on the way.
pub(crate) fn authorization(new: &NewAuthorization) -> Result<()> {
    name(&new.name)?;
    time(new.until)?;
    at_most("a proof (bytes)", new.proof.len(), limits::PROOF)
}
