//! What was read from the database and derived from it, kept until it changes.
//!
//! One host works on a database at a time, so whatever changes it goes through this process: who writes says so here
//! ([`Cache::forget`]), after the write is durable and before anybody is told of it.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What is kept, by key. Cheap to clone; all clones are the same cache.
pub(crate) struct Cache<K, V>(Arc<Mutex<State<K, V>>>);

struct State<K, V> {
    entries: HashMap<K, Entry<V>>,
    /// Together no more than this weight is kept.
    most: usize,
    weight: usize,
    /// How often something was forgotten: what was read before the last time is not kept.
    changes: u64,
}

struct Entry<V> {
    value: Arc<V>,
    weight: usize,
}

impl<K, V> Clone for Cache<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Eq + Hash, V> Cache<K, V> {
    /// One that keeps things of so much weight together.
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Mutex::new(State { entries: HashMap::new(), most, weight: 0, changes: 0 })))
    }

    // A std mutex: it is held for a look-up, and nothing awaits under it.
    fn state(&self) -> MutexGuard<'_, State<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept under the key; else it is read now, and kept unless something was forgotten meanwhile.
    ///
    /// # Errors
    /// Those of `read`. Nothing is kept then.
    pub(crate) async fn get_or_read<E>(
        &self,
        key: K,
        weight: impl FnOnce(&V) -> usize,
        read: impl Future<Output = Result<V, E>>,
    ) -> Result<Arc<V>, E> {
        let changes = {
            let state = self.state();
            if let Some(entry) = state.entries.get(&key) {
                return Ok(Arc::clone(&entry.value));
            }
            state.changes
        };
        let value = Arc::new(read.await?);
        let mut state = self.state();
        if state.changes == changes {
            state.keep(key, &value, weight(&value));
        }
        Ok(value)
    }

    /// What is kept under the key.
    pub(crate) fn get(&self, key: &K) -> Option<Arc<V>> {
        self.state().entries.get(key).map(|entry| Arc::clone(&entry.value))
    }

    /// The same; else it is made now, of what never changes, and kept.
    ///
    /// # Errors
    /// Those of `make`. Nothing is kept then.
    pub(crate) fn get_or_make<E>(
        &self,
        key: &K,
        weight: usize,
        make: impl FnOnce() -> Result<V, E>,
    ) -> Result<Arc<V>, E>
    where
        K: Clone,
    {
        if let Some(value) = self.get(key) {
            return Ok(value);
        }
        let value = Arc::new(make()?);
        self.state().keep(key.clone(), &value, weight);
        Ok(value)
    }

    /// Forget what is kept under keys such as these.
    pub(crate) fn forget(&self, gone: impl Fn(&K) -> bool) {
        let mut state = self.state();
        state.changes += 1;
        state.entries.retain(|key, _| !gone(key));
        state.weight = state.entries.values().map(|entry| entry.weight).sum();
    }
}

impl<K: Eq + Hash, V> State<K, V> {
    fn keep(&mut self, key: K, value: &Arc<V>, weight: usize) {
        if weight > self.most {
            return;
        }
        if self.weight + weight > self.most {
            // Rarely, and all at once: what is in use is soon here again.
            self.entries.clear();
            self.weight = 0;
        }
        let before = self.entries.insert(key, Entry { value: Arc::clone(value), weight });
        self.weight = self.weight + weight - before.map_or(0, |entry| entry.weight);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    async fn read(cache: &Cache<&'static str, u32>, key: &'static str, value: u32) -> u32 {
        *cache.get_or_read(key, |_| 1, async { Ok::<_, Infallible>(value) }).await.unwrap()
    }

    #[tokio::test]
    async fn what_was_read_stays_until_it_is_forgotten() {
        let cache = Cache::new(10);
        assert_eq!(read(&cache, "a", 1).await, 1);
        assert_eq!(read(&cache, "b", 1).await, 1);
        assert_eq!(read(&cache, "a", 2).await, 1);
        cache.forget(|key| *key == "a");
        assert_eq!((read(&cache, "a", 3).await, read(&cache, "b", 3).await), (3, 1));
    }

    #[tokio::test]
    async fn what_was_read_before_a_change_is_not_kept_after_it() {
        let cache = Cache::new(10);
        let old = cache.get_or_read("a", |_| 1, async {
            // It was read, and is on its way; meanwhile somebody writes.
            cache.forget(|_| true);
            Ok::<_, Infallible>(1)
        });
        assert_eq!(*old.await.unwrap(), 1);
        assert_eq!(read(&cache, "a", 2).await, 2);
    }

    #[tokio::test]
    async fn no_more_is_kept_than_may_be() {
        let cache = Cache::new(3);
        for key in ["a", "b", "c", "d", "e"] {
            read(&cache, key, 1).await;
            let state = cache.state();
            assert!(state.weight <= 3 && state.entries.len() == state.weight);
        }
        assert_eq!(read(&cache, "e", 2).await, 1, "the last one is kept");
        let large = cache.get_or_read("large", |_| 4, async { Ok::<_, Infallible>(1) });
        assert_eq!(*large.await.unwrap(), 1);
        assert_eq!(read(&cache, "large", 2).await, 2, "what is too large is not kept");
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_not_kept() {
        let cache: Cache<&str, u32> = Cache::new(3);
        assert!(cache.get_or_read("a", |_| 1, async { Err("away") }).await.is_err());
        assert_eq!(read(&cache, "a", 2).await, 2);
    }
}
