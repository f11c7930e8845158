//! What one tenant may keep in the outbox: its records that wait, and those that
//! wait for a person. What is done is history, which makes room by itself.
//!
//! The store is asked when a tenant is met for the first time and when it seems
//! to have too much; in between, what it gives is added up.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Shared;
use crate::problem::{Blame, Problem};

/// Bytes that a record takes beside what was given.
const RECORD: u64 = 512;

/// How soon a tenant that has too much is counted again, and how much later than
/// counting takes, if that is more.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_SHARE: u32 = 20;

/// What each tenant keeps.
#[derive(Debug, Default)]
pub(super) struct Quota {
    tenants: Mutex<HashMap<String, Used>>,
}

#[derive(Debug, Clone, Copy)]
struct Used {
    bytes: u64,
    counted: Instant,
    /// How long that took.
    took: Duration,
}

impl Quota {
    fn tenants(&self) -> MutexGuard<'_, HashMap<String, Used>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is room for so much more, which is then taken. Nothing if it
    /// has to be counted first.
    fn take(&self, tenant: &str, needed: u64, most: u64, now: Instant) -> Option<Result<(), u64>> {
        let mut tenants = self.tenants();
        let used = tenants.get_mut(tenant)?;
        let bytes = used.bytes.saturating_add(needed);
        if bytes <= most {
            used.bytes = bytes;
            return Some(Ok(()));
        }
        let age = now.saturating_duration_since(used.counted);
        let old = age >= AGAIN.max(used.took * AGAIN_SHARE);
        (!old).then_some(Err(used.bytes))
    }

    fn counted(&self, tenant: &str, bytes: u64, took: Duration, now: Instant) {
        let used = Used {
            bytes,
            counted: now,
            took,
        };
        self.tenants().insert(tenant.to_owned(), used);
    }
}

impl Shared {
    /// Takes room for items of a tenant.
    pub(super) async fn take_room(
        &self,
        tenant: &str,
        items: impl ExactSizeIterator<Item = usize>,
    ) -> Result<(), Problem> {
        let needed = items.len() as u64 * RECORD + items.map(|bytes| bytes as u64).sum::<u64>();
        let most = self.config.limits.outbox_tenant;
        let refused = |kept: u64| {
            let mib = |bytes: u64| bytes.div_ceil(1 << 20);
            Problem::new(
                Blame::Host,
                "outbox-tenant-full",
                format!(
                    "tenant `{tenant}` has {} MiB of records in the outbox that wait for their platform or for a person, and `[limits] outbox_tenant_mb` allows {}: nothing was taken in; retry or discard what failed, or wait until more is delivered",
                    mib(kept),
                    mib(most)
                ),
            )
        };
        if let Some(taken) = self.quota.take(tenant, needed, most, Instant::now()) {
            return taken.map_err(refused);
        }
        let (name, began) = (tenant.to_owned(), Instant::now());
        let kept = self.with(move |store| store.kept_bytes(&name)).await?;
        let now = Instant::now();
        self.quota.counted(tenant, kept, now - began, now);
        let taken = self.quota.take(tenant, needed, most, now);
        taken.unwrap_or(Ok(())).map_err(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_counted_first_and_again_when_it_seems_to_have_too_much() {
        let quota = Quota::default();
        let start = Instant::now();
        let later = start + AGAIN;
        assert_eq!(quota.take("a", 10, 100, start), None);
        quota.counted("a", 50, Duration::ZERO, start);
        assert_eq!(quota.take("a", 50, 100, start), Some(Ok(())));
        assert_eq!(quota.take("a", 1, 100, start), Some(Err(100)));
        assert_eq!(quota.take("a", 1, 100, later), None);
        quota.counted("a", 20, Duration::ZERO, later);
        assert_eq!(quota.take("a", 1, 100, later), Some(Ok(())));
        // Another tenant has its own.
        assert_eq!(quota.take("b", 1, 100, later), None);
    }
}
