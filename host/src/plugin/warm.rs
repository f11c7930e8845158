//! Idle guest instances, kept for the next call of the same tenant.

use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::room::{Idle, Rooms};

/// Whose instance it is. An instance never serves two tenants, two
/// generations or two scripts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WarmKey {
    /// The generation's id.
    pub generation: u64,
    /// The tenant.
    pub tenant: Arc<str>,
    /// Which script of the tenant; 0 for adapters.
    pub script: u64,
}

/// A bounded store of idle instances; the longest unused go first.
pub struct WarmPool<V> {
    most: Room,
    rooms: Arc<Rooms>,
    idle: Mutex<Instances<V>>,
}

/// How much a pool holds, or may hold, over all keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Instances.
    pub count: usize,
    /// Bytes of memory they have.
    pub bytes: usize,
}

struct Instances<V> {
    /// Those of a key are never none.
    by_key: LruCache<WarmKey, OfKey<V>>,
    held: Room,
}

struct OfKey<V> {
    /// Each instance with its bytes.
    instances: Vec<(V, usize)>,
    /// When one of them was given back last.
    used: u64,
}

impl<V> Instances<V> {
    fn leave(&mut self, bytes: usize) {
        self.held.count -= 1;
        self.held.bytes -= bytes;
    }

    fn leave_all(&mut self, gone: &OfKey<V>) {
        gone.instances
            .iter()
            .for_each(|(_, bytes)| self.leave(*bytes));
    }
}

impl<V: Send> Idle for WarmPool<V> {
    fn oldest(&self) -> Option<u64> {
        let idle = self.lock();
        idle.by_key.peek_lru().map(|(_, of_key)| of_key.used)
    }

    fn drop_oldest(&self) -> bool {
        let key = {
            let idle = self.lock();
            idle.by_key.peek_lru().map(|(key, _)| key.clone())
        };
        // Dropped outside of the lock.
        key.and_then(|key| self.take(&key)).is_some()
    }
}

impl<V> WarmPool<V> {
    /// A pool that holds at most so much.
    pub fn new(most: Room, rooms: Arc<Rooms>) -> Self {
        Self {
            most,
            rooms,
            idle: Mutex::new(Instances {
                by_key: LruCache::unbounded(),
                held: Room { count: 0, bytes: 0 },
            }),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Instances<V>> {
        // Nothing below can panic half way through a change.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an idle instance.
    pub fn take(&self, key: &WarmKey) -> Option<V> {
        let mut idle = self.lock();
        let of_key = idle.by_key.get_mut(key)?;
        let (instance, bytes) = of_key.instances.pop()?;
        if of_key.instances.is_empty() {
            idle.by_key.pop(key);
        }
        idle.leave(bytes);
        Some(instance)
    }

    /// Gives an instance back, which has so many bytes of memory. What has to
    /// make room is dropped outside the lock.
    pub fn put(&self, key: WarmKey, instance: V, bytes: usize) {
        let mut evicted = Vec::new();
        {
            let mut idle = self.lock();
            let of_key = idle.by_key.get_or_insert_mut(key, || OfKey {
                instances: Vec::new(),
                used: 0,
            });
            of_key.instances.push((instance, bytes));
            of_key.used = self.rooms.now();
            idle.held.count += 1;
            idle.held.bytes += bytes;
            while idle.held.count > self.most.count || idle.held.bytes > self.most.bytes {
                let Some((_, instances)) = idle.by_key.pop_lru() else {
                    break;
                };
                idle.leave_all(&instances);
                evicted.push(instances);
            }
        }
        drop(evicted);
    }

    /// Drops what no longer may be used: a replaced generation, a changed script.
    pub fn purge(&self, gone: impl Fn(&WarmKey) -> bool) {
        let mut evicted = Vec::new();
        {
            let mut idle = self.lock();
            let keys: Vec<WarmKey> = idle
                .by_key
                .iter()
                .filter(|(key, _)| gone(key))
                .map(|(key, _)| key.clone())
                .collect();
            for key in keys {
                if let Some(instances) = idle.by_key.pop(&key) {
                    idle.leave_all(&instances);
                    evicted.push(instances);
                }
            }
        }
        drop(evicted);
    }

    /// Idle instances now.
    pub fn len(&self) -> usize {
        self.held().count
    }

    /// Idle instances now, and the bytes of memory they have.
    pub fn held(&self) -> Room {
        self.lock().held
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(count: usize) -> WarmPool<usize> {
        WarmPool::new(Room { count, bytes: 100 }, Arc::default())
    }

    fn key(tenant: &str) -> WarmKey {
        WarmKey {
            generation: 1,
            tenant: tenant.into(),
            script: 0,
        }
    }

    #[test]
    fn an_instance_comes_back_to_its_own_tenant_only() {
        let pool = pool(4);
        pool.put(key("a"), 1, 10);
        assert_eq!(pool.take(&key("b")), None);
        assert_eq!(pool.take(&key("a")), Some(1));
        assert_eq!(pool.take(&key("a")), None);
    }

    #[test]
    fn the_longest_unused_make_room() {
        let pool = pool(2);
        for (n, tenant) in ["a", "b", "c"].into_iter().enumerate() {
            pool.put(key(tenant), n, 10);
        }
        assert_eq!(pool.len(), 2);
        assert_eq!(pool.take(&key("a")), None);
        assert_eq!(pool.take(&key("c")), Some(2));
    }

    #[test]
    fn the_memory_of_all_is_bounded() {
        let pool = pool(9);
        for (n, tenant) in ["a", "b", "c"].into_iter().enumerate() {
            pool.put(key(tenant), n, 40);
        }
        assert_eq!(
            pool.held(),
            Room {
                count: 2,
                bytes: 80
            }
        );
        assert_eq!(pool.take(&key("a")), None);
        assert_eq!(pool.take(&key("b")), Some(1));
        // What has no room by itself is not kept.
        pool.put(key("d"), 7, 101);
        assert!(pool.is_empty());
        assert_eq!(pool.held().bytes, 0);
    }

    #[test]
    fn over_all_pools_the_longest_unused_makes_room() {
        let rooms = Arc::new(Rooms::default());
        let pools: Vec<Arc<WarmPool<usize>>> = (0..2)
            .map(|_| {
                Arc::new(WarmPool::new(
                    Room {
                        count: 9,
                        bytes: 99,
                    },
                    rooms.clone(),
                ))
            })
            .collect();
        pools.iter().for_each(|pool| rooms.register(pool));
        pools[0].put(key("a"), 1, 1);
        pools[1].put(key("a"), 2, 1);
        pools[0].put(key("b"), 3, 1);
        // Used again, so that the other pool's is the oldest now.
        let used = pools[0].take(&key("a")).unwrap();
        pools[0].put(key("a"), used, 1);
        assert!(rooms.make());
        assert_eq!((pools[0].len(), pools[1].len()), (2, 0));
        assert!(rooms.make());
        assert_eq!(pools[0].take(&key("b")), None);
        assert_eq!(pools[0].take(&key("a")), Some(1));
        assert!(!rooms.make());
    }

    #[test]
    fn purging_empties_what_is_gone() {
        let pool = pool(4);
        pool.put(key("a"), 1, 10);
        pool.put(key("b"), 2, 10);
        pool.purge(|key| &*key.tenant == "a");
        assert_eq!(pool.len(), 1);
        assert_eq!(pool.take(&key("a")), None);
    }
}
