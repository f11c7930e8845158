//! Idle guest instances, kept for the next call of the same tenant.

use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

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
    most: usize,
    idle: Mutex<Idle<V>>,
}

struct Idle<V> {
    by_key: LruCache<WarmKey, Vec<V>>,
    count: usize,
}

impl<V> WarmPool<V> {
    /// A pool of at most `most` idle instances over all keys.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            idle: Mutex::new(Idle {
                by_key: LruCache::unbounded(),
                count: 0,
            }),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Idle<V>> {
        // Nothing below can panic half way through a change.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an idle instance.
    pub fn take(&self, key: &WarmKey) -> Option<V> {
        let mut idle = self.lock();
        let instance = idle.by_key.get_mut(key)?.pop();
        idle.count -= usize::from(instance.is_some());
        instance
    }

    /// Gives an instance back. What has to make room is dropped outside the lock.
    pub fn put(&self, key: WarmKey, instance: V) {
        let mut evicted = Vec::new();
        {
            let mut idle = self.lock();
            idle.by_key.get_or_insert_mut(key, Vec::new).push(instance);
            idle.count += 1;
            while idle.count > self.most {
                let Some((_, instances)) = idle.by_key.pop_lru() else {
                    break;
                };
                idle.count -= instances.len();
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
                    idle.count -= instances.len();
                    evicted.push(instances);
                }
            }
        }
        drop(evicted);
    }

    /// Idle instances now.
    pub fn len(&self) -> usize {
        self.lock().count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(tenant: &str) -> WarmKey {
        WarmKey {
            generation: 1,
            tenant: tenant.into(),
            script: 0,
        }
    }

    #[test]
    fn an_instance_comes_back_to_its_own_tenant_only() {
        let pool = WarmPool::new(4);
        pool.put(key("a"), 1);
        assert_eq!(pool.take(&key("b")), None);
        assert_eq!(pool.take(&key("a")), Some(1));
        assert_eq!(pool.take(&key("a")), None);
    }

    #[test]
    fn the_longest_unused_make_room() {
        let pool = WarmPool::new(2);
        for (n, tenant) in ["a", "b", "c"].into_iter().enumerate() {
            pool.put(key(tenant), n);
        }
        assert_eq!(pool.len(), 2);
        assert_eq!(pool.take(&key("a")), None);
        assert_eq!(pool.take(&key("c")), Some(2));
    }

    #[test]
    fn purging_empties_what_is_gone() {
        let pool = WarmPool::new(4);
        pool.put(key("a"), 1);
        pool.put(key("b"), 2);
        pool.purge(|key| &*key.tenant == "a");
        assert_eq!(pool.len(), 1);
        assert_eq!(pool.take(&key("a")), None);
    }
}
