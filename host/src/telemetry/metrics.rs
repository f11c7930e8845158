//! All meters of a host, with a bound on how many have names of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::counts::Counter;
use super::meters::{ConnectionMeter, OperationMeter};

/// Tenant and connection.
pub(super) type Names = (Arc<str>, Arc<str>);

/// How changed files of one kind fared.
#[derive(Debug, Default)]
pub struct Reloads {
    /// They serve.
    pub accepted: Counter,
    /// They were refused.
    pub refused: Counter,
}

/// What became of what others sent by themselves.
#[derive(Debug, Default)]
pub struct Arrivals {
    /// It is on disk.
    pub accepted: Counter,
    /// Nothing showed who sent it.
    pub unverified: Counter,
    /// Its sender was known, and it was not taken in.
    pub refused: Counter,
    /// Records that had come before under the same key.
    pub repeated: Counter,
}

/// What a host counts. The lock is for loading a connection and for reading the
/// page, and never for a call.
#[derive(Debug)]
pub struct Metrics {
    /// Connections with names of their own, at most.
    most: usize,
    connections: Mutex<Connections>,
    /// What calls count that named nothing that is there.
    pub nobody: OperationMeter,
    /// Of plugins.
    pub plugins: Arc<Reloads>,
    /// Of tenants.
    pub tenants: Arc<Reloads>,
    /// Of platforms, through their adapters.
    pub pushes: Arrivals,
    /// Of flows' webhooks.
    pub webhooks: Arrivals,
}

#[derive(Debug, Default)]
struct Connections {
    named: BTreeMap<Names, Arc<ConnectionMeter>>,
    others: BTreeSet<Names>,
    other: Arc<ConnectionMeter>,
    /// What was counted under it stays, also when they are gone.
    had_others: bool,
}

/// What is read for the page.
pub(super) struct Read {
    /// By tenant and connection.
    pub named: Vec<(Names, Arc<ConnectionMeter>)>,
    /// Of all others, if there are any.
    pub other: Option<Arc<ConnectionMeter>>,
    /// How many those are.
    pub others: usize,
}

impl Metrics {
    /// With names for so many connections.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            connections: Mutex::default(),
            nobody: OperationMeter::default(),
            plugins: Arc::default(),
            tenants: Arc::default(),
            pushes: Arrivals::default(),
            webhooks: Arrivals::default(),
        }
    }

    /// The meter of a connection: the same one for all of its generations.
    pub fn connection(&self, tenant: &Arc<str>, connection: &Arc<str>) -> Arc<ConnectionMeter> {
        let mut connections = self.connections();
        let names = (tenant.clone(), connection.clone());
        if let Some(known) = connections.named.get(&names) {
            return known.clone();
        }
        if connections.named.len() < self.most {
            connections.others.remove(&names);
            return connections.named.entry(names).or_default().clone();
        }
        connections.others.insert(names);
        connections.had_others = true;
        connections.other.clone()
    }

    /// A tenant is gone, and its names are free for another one.
    pub fn forget(&self, tenant: &str) {
        let mut connections = self.connections();
        connections.named.retain(|(name, _), _| &**name != tenant);
        connections.others.retain(|(name, _)| &**name != tenant);
    }

    pub(super) fn read(&self) -> Read {
        let connections = self.connections();
        let named = connections.named.iter();
        Read {
            named: named
                .map(|(names, meter)| (names.clone(), meter.clone()))
                .collect(),
            other: connections.had_others.then(|| connections.other.clone()),
            others: connections.others.len(),
        }
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(super::MOST_CONNECTIONS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_beyond_the_bound_share_a_meter_until_names_are_free() {
        let metrics = Metrics::new(2);
        let of = |tenant: &str| metrics.connection(&tenant.into(), &"shop".into());
        let (a, b, c, d) = (of("a"), of("b"), of("c"), of("d"));
        assert!(Arc::ptr_eq(&a, &of("a")));
        assert!(!Arc::ptr_eq(&a, &b));
        assert!(Arc::ptr_eq(&c, &d));
        let read = metrics.read();
        assert_eq!((read.named.len(), read.others), (2, 2));
        assert!(read.other.is_some_and(|other| Arc::ptr_eq(&other, &c)));
        metrics.forget("a");
        metrics.forget("c");
        assert!(!Arc::ptr_eq(&of("d"), &d));
        assert_eq!(metrics.read().others, 0);
    }
}
