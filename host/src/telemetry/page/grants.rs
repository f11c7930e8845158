//! What `/metrics` says of credentials that renew themselves.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::super::catalogue;
use super::{Known, Of, Out, Page};

/// What of a connection's grant is looked at.
#[derive(Debug, Clone)]
pub struct GrantMoment {
    /// Its tenant.
    pub tenant: Arc<str>,
    /// Its connection.
    pub connection: Arc<str>,
    /// One word.
    pub state: &'static str,
    /// When its token is over, Unix milliseconds.
    pub expires_ms: Option<u64>,
    /// Renewals by how they ended.
    pub renewals: Vec<(&'static str, u64)>,
}

/// How a grant may be.
const STATES: [&str; 5] = ["missing", "ready", "failing", "needs-person", "revoked"];

impl Page {
    /// How many grants are in each state; when tokens are over; how renewals ended.
    pub(super) fn grants(&self, out: &mut Out<'_, '_>, known: &Known<'_>) -> fmt::Result {
        let grants = &self.moment.grants;
        out.family(catalogue::GRANTS, |family| {
            for state in STATES {
                let count = grants.iter().filter(|grant| grant.state == state).count();
                family.number(&[state], count as u64)?;
            }
            Ok(())
        })?;
        // Of those without names of their own, the first that is over.
        let mut expires: BTreeMap<Of<'_>, u64> = BTreeMap::new();
        let mut renewals: BTreeMap<(Of<'_>, &str), u64> = BTreeMap::new();
        for grant in grants {
            let names = known.names((&grant.tenant, &grant.connection));
            if let Some(ms) = grant.expires_ms {
                let first = expires.entry(names).or_insert(ms);
                *first = ms.min(*first);
            }
            for (result, count) in &grant.renewals {
                *renewals.entry((names, result)).or_default() += count;
            }
        }
        out.family(catalogue::GRANT_EXPIRES, |family| {
            for ((tenant, connection), ms) in &expires {
                family.number(&[tenant, connection], *ms as f64 / 1000.0)?;
            }
            Ok(())
        })?;
        out.family(catalogue::GRANT_RENEWALS, |family| {
            for (((tenant, connection), result), count) in &renewals {
                family.number(&[tenant, connection, result], *count)?;
            }
            Ok(())
        })
    }
}
