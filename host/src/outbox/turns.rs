//! Whose turn it is: tenant by tenant, of each connection by connection, of each
//! operation by operation. It decides and delivers nothing.
//!
//! Whatever waits for an answer takes a place. So that a platform that hangs
//! takes no place from others,
//!
//! * a tenant has at most a quarter of the places, and a connection half of that;
//! * the last quarter is for tenants that have none, and of a tenant's places
//!   the last quarter for its connections that have none;
//! * a tenant that has none gets one even then, up to a bound of its own.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use crossdock_store::{Lane, LaneId};

use crate::serving::pace::Stance;

/// Batches that are under way at once.
pub(super) const PLACES: usize = 64;
/// Of these, places for tenants that have none.
const FOR_NEWCOMERS: usize = PLACES / 4;
/// Batches of one tenant.
const OF_TENANT: usize = PLACES / 4;
/// Of these, places for its connections that have none.
const FOR_NEW_CONNECTIONS: usize = OF_TENANT / 4;
/// Batches of one connection.
const OF_CONNECTION: usize = OF_TENANT / 2;
/// Batches under way up to which a tenant that has none gets a place.
pub(super) const FIRST_PLACES: usize = 512;

/// Tenant and connection.
pub(super) type Names = (Arc<str>, Arc<str>);

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pick {
    /// A batch of this lane may begin, and has its place.
    Begin(LaneId),
    /// The connection's lanes wait: until then, or until [`Turns::unpark`].
    Parked(Names, Option<Instant>),
}

/// The lanes that have something to deliver, and what is under way.
#[derive(Debug, Default)]
pub(super) struct Turns {
    tenants: HashMap<Arc<str>, Tenant>,
    /// Where lanes are.
    places: HashMap<LaneId, Names>,
    /// Tenants whose turn comes.
    ring: VecDeque<Arc<str>>,
    /// Tenants that wait until any batch has ended.
    short: Vec<Arc<str>>,
    under_way: usize,
    /// Bytes that the batches of one tenant may hold, beyond its first.
    most_bytes: usize,
}

#[derive(Debug, Default)]
struct Tenant {
    under_way: usize,
    bytes: usize,
    in_ring: bool,
    ring: VecDeque<Arc<str>>,
    connections: HashMap<Arc<str>, Connection>,
}

#[derive(Debug, Default)]
struct Connection {
    under_way: usize,
    in_ring: bool,
    parked: bool,
    lanes: VecDeque<LaneId>,
    waiting: HashSet<LaneId>,
}

impl Turns {
    /// Nothing is under way.
    pub fn new(most_bytes: usize) -> Self {
        Self {
            most_bytes,
            ..Self::default()
        }
    }

    /// A lane has something to deliver.
    pub fn ready(&mut self, lane: LaneId, names: &Lane) {
        let (tenant, connection) = match self.places.get(&lane) {
            Some((tenant, connection)) => (tenant.clone(), connection.clone()),
            None => {
                let names: Names = (
                    names.tenant.as_str().into(),
                    names.connection.as_str().into(),
                );
                self.places.insert(lane, names.clone());
                names
            }
        };
        let of = self.tenants.entry(tenant.clone()).or_default();
        let at = of.connections.entry(connection.clone()).or_default();
        if at.waiting.insert(lane) {
            at.lanes.push_back(lane);
        }
        self.enter(&tenant, Some(&connection));
    }

    /// Whether a lane's turn is to come.
    pub fn is_ready(&self, lane: LaneId) -> bool {
        self.connection(lane)
            .is_some_and(|connection| connection.waiting.contains(&lane))
    }

    fn connection(&self, lane: LaneId) -> Option<&Connection> {
        let (tenant, connection) = self.places.get(&lane)?;
        self.tenants.get(tenant)?.connections.get(connection)
    }

    /// Puts a tenant, and one or all of its connections, where their turn comes.
    fn enter(&mut self, tenant: &Arc<str>, only: Option<&Arc<str>>) {
        let Some(of) = self.tenants.get_mut(tenant) else {
            return;
        };
        for (name, connection) in &mut of.connections {
            let meant = only.is_none_or(|only| only == name);
            let may = !connection.in_ring && !connection.parked && !connection.lanes.is_empty();
            if meant && may {
                connection.in_ring = true;
                of.ring.push_back(name.clone());
            }
        }
        if !of.in_ring && !of.ring.is_empty() {
            of.in_ring = true;
            self.ring.push_back(tenant.clone());
        }
    }

    /// The next batch that may begin; `stance` tells how many of a connection may
    /// be under way.
    pub fn pick(&mut self, mut stance: impl FnMut(LaneId) -> Stance) -> Option<Pick> {
        while let Some(tenant) = self.ring.pop_front() {
            let Some(of) = self.tenants.get_mut(&tenant) else {
                continue;
            };
            of.in_ring = false;
            let first = of.under_way == 0;
            let more = of.under_way < OF_TENANT && of.bytes < self.most_bytes;
            let room = match first {
                true => self.under_way < FIRST_PLACES,
                false => more && self.under_way < PLACES - FOR_NEWCOMERS,
            };
            if !room {
                // One that is full by itself is looked at when one of its own ends.
                if first || more {
                    self.short.push(tenant);
                }
                continue;
            }
            let Some(name) = of.ring.pop_front() else {
                continue;
            };
            let again = !of.ring.is_empty();
            let kept_free = of.under_way >= OF_TENANT - FOR_NEW_CONNECTIONS;
            let Some(connection) = of.connections.get_mut(&name) else {
                self.enter(&tenant, None);
                continue;
            };
            connection.in_ring = false;
            let Some(lane) = connection.lanes.front().copied() else {
                self.enter(&tenant, None);
                continue;
            };
            let most = match stance(lane) {
                Stance::Go(most) => most.min(OF_CONNECTION),
                Stance::From(at) => {
                    connection.parked = true;
                    self.enter_again(&tenant, again);
                    return Some(Pick::Parked((tenant, name), Some(at)));
                }
                Stance::Stopped => {
                    connection.parked = true;
                    self.enter_again(&tenant, again);
                    return Some(Pick::Parked((tenant, name), None));
                }
            };
            // Looked at again when a batch of the tenant ends.
            if connection.under_way >= most || (connection.under_way > 0 && kept_free) {
                self.enter_again(&tenant, again);
                continue;
            }
            connection.lanes.pop_front();
            connection.waiting.remove(&lane);
            connection.under_way += 1;
            let more = !connection.lanes.is_empty();
            of.under_way += 1;
            self.under_way += 1;
            if more {
                connection.in_ring = true;
                of.ring.push_back(name);
            }
            self.enter_again(&tenant, more || again);
            return Some(Pick::Begin(lane));
        }
        None
    }

    /// Puts a tenant back behind the others, if more of it may come.
    fn enter_again(&mut self, tenant: &Arc<str>, more: bool) {
        if let Some(of) = self.tenants.get_mut(tenant)
            && more
            && !of.in_ring
        {
            of.in_ring = true;
            self.ring.push_back(tenant.clone());
        }
    }

    /// A batch holds so many bytes.
    pub fn holds(&mut self, lane: LaneId, bytes: usize) {
        if let Some((tenant, _)) = self.places.get(&lane)
            && let Some(of) = self.tenants.get_mut(tenant)
        {
            of.bytes += bytes;
        }
    }

    /// A batch has ended, and gives its place back.
    pub fn ended(&mut self, lane: LaneId, bytes: usize) {
        let Some((tenant, connection)) = self.places.get(&lane).cloned() else {
            return;
        };
        self.under_way = self.under_way.saturating_sub(1);
        if let Some(of) = self.tenants.get_mut(&tenant) {
            of.under_way = of.under_way.saturating_sub(1);
            of.bytes = of.bytes.saturating_sub(bytes);
            if let Some(connection) = of.connections.get_mut(&connection) {
                connection.under_way = connection.under_way.saturating_sub(1);
            }
        }
        self.enter(&tenant, None);
        for tenant in std::mem::take(&mut self.short) {
            self.enter(&tenant, None);
        }
    }

    /// A connection's lanes wait no longer.
    pub fn unpark(&mut self, (tenant, connection): &Names) {
        let at = self.tenants.get_mut(tenant);
        if let Some(at) = at.and_then(|of| of.connections.get_mut(connection)) {
            at.parked = false;
        }
        self.enter(tenant, Some(connection));
    }

    /// Everybody is looked at again.
    pub fn unpark_all(&mut self) {
        let tenants: Vec<Arc<str>> = self.tenants.keys().cloned().collect();
        for tenant in tenants {
            if let Some(of) = self.tenants.get_mut(&tenant) {
                for connection in of.connections.values_mut() {
                    connection.parked = false;
                }
            }
            self.enter(&tenant, None);
        }
    }

    /// Forgets who has nothing to deliver and nothing under way.
    pub fn tidy(&mut self) {
        for of in self.tenants.values_mut() {
            of.connections.retain(|_, connection| {
                connection.under_way > 0 || connection.in_ring || !connection.lanes.is_empty()
            });
        }
        self.tenants
            .retain(|_, of| of.under_way > 0 || of.in_ring || !of.connections.is_empty());
        let tenants = &self.tenants;
        self.places
            .retain(|_, (tenant, _)| tenants.contains_key(tenant));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: usize = usize::MAX;

    fn lane(tenant: usize, connection: usize, operation: usize) -> (LaneId, Lane) {
        let id = tenant * 10_000 + connection * 100 + operation + 1;
        let names = Lane::new(
            format!("t{tenant}"),
            format!("c{connection}"),
            format!("o{operation}"),
        );
        (LaneId(id as u64), names)
    }

    fn begin(turns: &mut Turns, most: usize) -> Option<LaneId> {
        match turns.pick(|_| Stance::Go(most)) {
            Some(Pick::Begin(lane)) => Some(lane),
            None => None,
            parked => panic!("{parked:?}"),
        }
    }

    fn all(turns: &mut Turns, most: usize) -> Vec<LaneId> {
        std::iter::from_fn(|| begin(turns, most)).collect()
    }

    fn ready(turns: &mut Turns, (id, names): &(LaneId, Lane)) {
        turns.ready(*id, names);
    }

    #[test]
    fn turns_go_by_tenant_then_connection_then_operation() {
        let mut turns = Turns::new(ALL);
        let lanes = [lane(1, 1, 1), lane(1, 1, 2), lane(1, 2, 1), lane(2, 1, 1)];
        lanes.iter().for_each(|lane| ready(&mut turns, lane));
        let [a, b, c, d] = lanes.map(|(id, _)| id);
        assert_eq!(all(&mut turns, 9), [a, d, c, b]);
        // A lane of which more waits comes behind the others.
        turns.ready(a, &lane(1, 1, 1).1);
        turns.ready(a, &lane(1, 1, 1).1);
        assert_eq!(all(&mut turns, 9), [a]);
    }

    #[test]
    fn a_tenant_that_hangs_leaves_room_for_every_other_one() {
        let mut turns = Turns::new(ALL);
        for connection in 0..16 {
            for operation in 0..16 {
                ready(&mut turns, &lane(1, connection, operation));
            }
        }
        let hanging = all(&mut turns, ALL);
        assert_eq!(hanging.len(), OF_TENANT);
        // Many that hang do not take the first place of another one either.
        for tenant in 2..100 {
            for connection in 0..16 {
                ready(&mut turns, &lane(tenant, connection, 1));
            }
        }
        all(&mut turns, ALL);
        assert!(turns.under_way < FIRST_PLACES);
        ready(&mut turns, &lane(500, 1, 1));
        assert_eq!(begin(&mut turns, ALL), Some(lane(500, 1, 1).0));
        // When batches end, everybody's turn comes again.
        let before = turns.under_way;
        for lane in hanging {
            turns.ended(lane, 0);
        }
        all(&mut turns, ALL);
        assert!(turns.tenants["t1"].under_way > 0);
        assert!(turns.under_way <= before);
    }

    #[test]
    fn a_connection_that_hangs_leaves_room_for_its_tenants_others() {
        let mut turns = Turns::new(ALL);
        for connection in 0..3 {
            for operation in 0..30 {
                ready(&mut turns, &lane(1, connection, operation));
            }
        }
        assert_eq!(all(&mut turns, ALL).len(), OF_TENANT - FOR_NEW_CONNECTIONS);
        ready(&mut turns, &lane(1, 9, 1));
        assert_eq!(all(&mut turns, ALL), [lane(1, 9, 1).0]);
        // What its platform can take bounds it, too.
        let mut turns = Turns::new(ALL);
        for operation in 0..30 {
            ready(&mut turns, &lane(1, 1, operation));
        }
        assert_eq!(all(&mut turns, 2).len(), 2);
        turns.ended(lane(1, 1, 0).0, 0);
        assert_eq!(all(&mut turns, 2).len(), 1);
        assert_eq!(all(&mut turns, ALL).len(), 0);
        turns.unpark_all();
        assert_eq!(all(&mut turns, ALL).len(), OF_CONNECTION - 2);
    }

    #[test]
    fn a_connection_that_waits_keeps_nobody_else_and_comes_back() {
        let mut turns = Turns::new(ALL);
        let (shut, open) = (lane(1, 1, 1), lane(1, 2, 1));
        ready(&mut turns, &shut);
        ready(&mut turns, &open);
        let stance = |lane: LaneId| match lane == shut.0 {
            true => Stance::Stopped,
            false => Stance::Go(9),
        };
        let names: Names = ("t1".into(), "c1".into());
        assert_eq!(turns.pick(stance), Some(Pick::Parked(names.clone(), None)));
        assert_eq!(turns.pick(stance), Some(Pick::Begin(open.0)));
        assert_eq!(turns.pick(stance), None);
        // More of it wakes nobody.
        ready(&mut turns, &lane(1, 1, 2));
        assert_eq!(turns.pick(stance), None);
        turns.unpark(&names);
        assert_eq!(all(&mut turns, 9), [shut.0, lane(1, 1, 2).0]);
        for lane in [shut.0, open.0, lane(1, 1, 2).0] {
            turns.ended(lane, 0);
        }
        turns.tidy();
        assert!(turns.tenants.is_empty() && turns.places.is_empty());
    }

    #[test]
    fn large_batches_of_one_tenant_wait_for_each_other() {
        let mut turns = Turns::new(1000);
        for operation in 0..3 {
            ready(&mut turns, &lane(1, 1, operation));
        }
        let first = begin(&mut turns, ALL).unwrap();
        turns.holds(first, 5000);
        assert_eq!(begin(&mut turns, ALL), None);
        ready(&mut turns, &lane(2, 1, 1));
        assert_eq!(begin(&mut turns, ALL), Some(lane(2, 1, 1).0));
        turns.ended(first, 5000);
        assert_eq!(all(&mut turns, ALL).len(), 2);
    }
}
