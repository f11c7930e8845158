//! Which connections are open, and which of them makes room for another.
//!
//! A connection that waits for its next request, or has not sent a whole head
//! yet, is idle: it costs its client nothing to open it again. So an idle one
//! leaves when a new one comes and there is no room, first those of the address
//! that has the most. Where all are busy, a few more are taken in as guests of
//! the reserve: they get `/healthz` and `/readyz`, and are told of anything
//! else that the host is full.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

/// Connections beyond the bounds, for health checks and refusals.
pub(super) const RESERVE: usize = 32;

/// Connections that were asked to leave and have not left yet.
const MOST_LEAVING: usize = 64;

/// What one connection shares with those who decide about it.
#[derive(Debug)]
pub(super) struct Connection {
    started: Instant,
    /// A request is being read or answered.
    busy: AtomicBool,
    /// A part of an answer waits for the client.
    writing: AtomicBool,
    /// Nanoseconds after `started` at which it became idle.
    idle_since: AtomicU64,
    /// Requests so far.
    requests: AtomicU64,
    /// The newest request's body has not come to its end.
    unread: AtomicBool,
    /// It is one of the reserve.
    guest: bool,
    /// Cancelled when it has to leave.
    leave: CancellationToken,
}

impl Connection {
    fn new(guest: bool, leave: CancellationToken) -> Self {
        Self {
            started: Instant::now(),
            busy: AtomicBool::new(false),
            writing: AtomicBool::new(false),
            idle_since: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            unread: AtomicBool::new(false),
            guest,
            leave,
        }
    }

    /// The head of a request has arrived.
    pub fn begin(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.busy.store(true, Ordering::Release);
    }

    /// The answer is on its way.
    pub fn finish(&self) {
        let now = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.idle_since.store(now, Ordering::Relaxed);
        self.busy.store(false, Ordering::Release);
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// A request has arrived and is not answered.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// A part of an answer waits for the client, or no longer.
    pub fn set_writing(&self, writing: bool) {
        self.writing.store(writing, Ordering::Release);
    }

    /// Nothing would be lost with it but the time to open it again.
    pub fn is_idle(&self) -> bool {
        !self.is_busy() && !self.writing.load(Ordering::Acquire)
    }

    /// Whether the newest request's body has not come to its end.
    pub fn set_unread(&self, unread: bool) {
        self.unread.store(unread, Ordering::Release);
    }

    /// The client may still be sending a body.
    pub fn is_unread(&self) -> bool {
        self.unread.load(Ordering::Acquire)
    }

    /// Whether it gets health and refusals only.
    pub fn is_guest(&self) -> bool {
        self.guest
    }

    /// Cancelled when it has to leave.
    pub fn leave(&self) -> &CancellationToken {
        &self.leave
    }

    fn idle_from(&self) -> Instant {
        let since = self.idle_since.load(Ordering::Relaxed);
        self.started + std::time::Duration::from_nanos(since)
    }
}

/// The open connections.
pub(super) struct Connections {
    most: usize,
    most_of_one: usize,
    /// Cancelled when all have to leave.
    end: CancellationToken,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    /// Those that have not been asked to leave.
    staying: HashMap<u64, (IpAddr, Arc<Connection>)>,
    guests: usize,
    leaving: usize,
}

/// One open connection's place; dropping it gives the place back.
pub(super) struct Place {
    connections: Arc<Connections>,
    id: u64,
    connection: Arc<Connection>,
}

impl Connections {
    /// At most `most`, and at most `most_of_one` of one address.
    pub fn new(most: usize, most_of_one: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_of_one,
            end: CancellationToken::new(),
            open: Mutex::default(),
        })
    }

    /// A place for a connection from `address`, or nothing when even the
    /// reserve is full.
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = client(address);
        let mut open = self.lock();
        let of_one = open.of(address);
        let room = if of_one >= self.most_of_one {
            open.make_room(|(theirs, connection)| *theirs == address && !connection.guest)
        } else if open.staying.len() - open.guests >= self.most {
            open.make_room(|(_, connection)| !connection.guest)
        } else {
            true
        };
        let guest = !room;
        if guest && open.guests >= RESERVE && !open.make_room(|(_, connection)| connection.guest) {
            return None;
        }
        let connection = Arc::new(Connection::new(guest, self.end.child_token()));
        let id = open.next;
        open.next += 1;
        open.guests += usize::from(guest);
        open.staying.insert(id, (address, connection.clone()));
        drop(open);
        Some(Place {
            connections: self.clone(),
            id,
            connection,
        })
    }

    /// Asks an idle one to leave: the process has too many files open.
    pub fn shed(&self) {
        self.lock().make_room(|_| true);
    }

    /// Asks all to leave.
    pub fn end(&self) {
        self.end.cancel();
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn of(&self, address: IpAddr) -> usize {
        let all = self.staying.values();
        all.filter(|(theirs, connection)| *theirs == address && !connection.guest)
            .count()
    }

    /// Asks the one to leave that can best be done without.
    fn make_room(&mut self, among: impl Fn(&(IpAddr, Arc<Connection>)) -> bool) -> bool {
        if self.leaving >= MOST_LEAVING {
            return false;
        }
        let mut of_each: HashMap<IpAddr, usize> = HashMap::new();
        for (address, _) in self.staying.values() {
            *of_each.entry(*address).or_default() += 1;
        }
        let idle = self
            .staying
            .iter()
            .filter(|(_, open)| among(open) && open.1.is_idle())
            .max_by_key(|(_, (address, connection))| {
                let of_one = of_each.get(address).copied().unwrap_or_default();
                (of_one, std::cmp::Reverse(connection.idle_from()))
            })
            .map(|(id, _)| *id);
        let Some((_, connection)) = idle.and_then(|id| self.staying.remove(&id)) else {
            return false;
        };
        self.guests -= usize::from(connection.guest);
        self.leaving += 1;
        connection.leave.cancel();
        true
    }
}

impl Place {
    /// What is known of the connection.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        match open.staying.remove(&self.id) {
            Some((_, connection)) => open.guests -= usize::from(connection.guest),
            None => open.leaving -= 1,
        }
    }
}

/// Whom an address stands for. Whoever has an IPv6 address mostly has 2^64 of
/// them.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn an_idle_connection_makes_room_for_a_new_one() {
        let connections = Connections::new(3, 3);
        let places: Vec<Place> = (0..3)
            .map(|_| connections.admit(address(1)).unwrap())
            .collect();
        places[0].connection().begin();
        let new = connections.admit(address(2)).unwrap();
        assert!(!new.connection().is_guest());
        let left: Vec<bool> = places
            .iter()
            .map(|place| place.connection().leave().is_cancelled())
            .collect();
        assert_eq!(left.iter().filter(|left| **left).count(), 1, "{left:?}");
        assert!(!left[0], "it was busy");
    }

    #[test]
    fn the_address_with_the_most_connections_makes_room_first_and_its_longest_idle_one() {
        let connections = Connections::new(4, 4);
        let other = connections.admit(address(1)).unwrap();
        let many: Vec<Place> = (0..3)
            .map(|_| connections.admit(address(2)).unwrap())
            .collect();
        for place in [&other, &many[2], &many[0], &many[1]] {
            place.connection().finish();
        }
        let _new = connections.admit(address(3)).unwrap();
        assert!(many[2].connection().leave().is_cancelled());
        assert!(!other.connection().leave().is_cancelled());
    }

    #[test]
    fn one_address_takes_from_itself_before_it_takes_from_others() {
        let connections = Connections::new(10, 2);
        let other = connections.admit(address(1)).unwrap();
        let first = connections.admit(address(2)).unwrap();
        let second = connections.admit(address(2)).unwrap();
        for place in [&other, &first, &second] {
            assert!(!place.connection().is_guest());
        }
        let third = connections.admit(address(2)).unwrap();
        assert!(!third.connection().is_guest());
        assert!(!other.connection().leave().is_cancelled());
        second.connection().begin();
        third.connection().begin();
        drop(first);
        let fourth = connections.admit(address(2)).unwrap();
        assert!(fourth.connection().is_guest());
        assert!(
            !connections
                .admit(address(3))
                .unwrap()
                .connection()
                .is_guest()
        );
    }

    #[test]
    fn what_leaves_gives_its_place_back_once() {
        let connections = Connections::new(1, 1);
        for _ in 0..10 {
            let old = connections.admit(address(1)).unwrap();
            let new = connections.admit(address(2)).unwrap();
            assert!(old.connection().leave().is_cancelled());
            drop((old, new));
        }
        let open = connections.lock();
        assert_eq!((open.staying.len(), open.leaving, open.guests), (0, 0, 0));
    }

    #[test]
    fn the_reserve_has_its_bound() {
        let connections = Connections::new(1, 1);
        let busy = |address| {
            let place = connections.admit(address);
            if let Some(place) = &place {
                place.connection().begin();
            }
            place
        };
        let all: Vec<Option<Place>> = (0..=RESERVE as u8).map(|n| busy(address(n))).collect();
        assert!(all.iter().all(Option::is_some));
        assert!(busy(address(200)).is_none());
        let guest = all.last().and_then(Option::as_ref).unwrap();
        guest.connection().finish();
        assert!(busy(address(201)).is_some());
    }

    #[test]
    fn addresses_of_one_network_are_one_client() {
        let same = |a: &str, b: &str| client(a.parse().unwrap()) == client(b.parse().unwrap());
        assert!(same("2001:db8::1", "2001:db8::ffff:1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
        assert!(same("::1", "::1"));
    }
}
