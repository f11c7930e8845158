//! All meters of a host, with a bound on how many have names of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::counts::Counter;
use super::flow_meters::FlowMeter;
use super::meters::{ConnectionMeter, OperationMeter};

/// Tenant and connection, or tenant and flow.
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

/// What a host counts. The locks are for loading a connection, for the end of a
/// flow's run and for reading the page, and never for a call.
#[derive(Debug)]
pub struct Metrics {
    /// Connections with names of their own, at most, and flows likewise.
    most: usize,
    connections: Mutex<Bounded<ConnectionMeter>>,
    flows: Mutex<Bounded<FlowMeter>>,
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

/// Meters by name, and one for all that are beyond the bound.
#[derive(Debug)]
struct Bounded<M> {
    named: BTreeMap<Names, Arc<M>>,
    others: BTreeSet<Names>,
    other: Arc<M>,
    /// What was counted under it stays, also when they are gone.
    had_others: bool,
}

impl<M: Default> Default for Bounded<M> {
    fn default() -> Self {
        Self {
            named: BTreeMap::new(),
            others: BTreeSet::new(),
            other: Arc::default(),
            had_others: false,
        }
    }
}

impl<M: Default> Bounded<M> {
    fn of(&mut self, names: Names, most: usize) -> Arc<M> {
        if let Some(known) = self.named.get(&names) {
            return known.clone();
        }
        if self.named.len() < most {
            self.others.remove(&names);
            return self.named.entry(names).or_default().clone();
        }
        self.others.insert(names);
        self.had_others = true;
        self.other.clone()
    }

    fn forget(&mut self, tenant: &str) {
        self.named.retain(|(name, _), _| &**name != tenant);
        self.others.retain(|(name, _)| &**name != tenant);
    }

    fn read(&self) -> Read<M> {
        let named = self.named.iter();
        Read {
            named: named
                .map(|(names, meter)| (names.clone(), meter.clone()))
                .collect(),
            other: self.had_others.then(|| self.other.clone()),
            others: self.others.len(),
        }
    }
}

/// What is read for the page.
pub(super) struct Read<M> {
    /// By tenant and name.
    pub named: Vec<(Names, Arc<M>)>,
    /// Of all others, if there are any.
    pub other: Option<Arc<M>>,
    /// How many those are.
    pub others: usize,
}

impl Metrics {
    /// With names for so many connections, and as many flows.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            connections: Mutex::default(),
            flows: Mutex::default(),
            nobody: OperationMeter::default(),
            plugins: Arc::default(),
            tenants: Arc::default(),
            pushes: Arrivals::default(),
            webhooks: Arrivals::default(),
        }
    }

    /// The meter of a connection: the same one for all of its generations.
    pub fn connection(&self, tenant: &Arc<str>, connection: &Arc<str>) -> Arc<ConnectionMeter> {
        let names = (tenant.clone(), connection.clone());
        locked(&self.connections).of(names, self.most)
    }

    /// The meter of a flow, likewise.
    pub fn flow(&self, tenant: &Arc<str>, flow: &Arc<str>) -> Arc<FlowMeter> {
        let names = (tenant.clone(), flow.clone());
        locked(&self.flows).of(names, self.most)
    }

    /// A tenant is gone, and its names are free for another one.
    pub fn forget(&self, tenant: &str) {
        locked(&self.connections).forget(tenant);
        locked(&self.flows).forget(tenant);
    }

    pub(super) fn read(&self) -> Read<ConnectionMeter> {
        locked(&self.connections).read()
    }

    pub(super) fn read_flows(&self) -> Read<FlowMeter> {
        locked(&self.flows).read()
    }
}

fn locked<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
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
