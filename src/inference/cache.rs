//! The loaded versions, within a budget of memory: the one that was used longest ago goes first, what is in use
//! stays, and requests that come while a version is being loaded wait for that one load.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::InferenceError;
use super::metrics::Metrics;
use crate::torch::memory;

/// A version of a model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub model: Arc<str>,
    pub version: u32,
    /// Where its files are; another version that is given the same number later has others.
    pub files: Arc<str>,
}

/// What the cache holds.
pub trait Resident: Send + Sync + 'static {
    /// It has failed and is to be loaded again.
    fn is_spent(&self) -> bool;
    /// Ends what it runs and lets go of its memory; may block.
    fn unload(&self);
}

/// A handle; clones share the cache.
pub struct Cache<T>(Arc<Shared<T>>);

struct Shared<T> {
    entries: Mutex<Entries<T>>,
    /// Something was put down or unloaded.
    freed: Notify,
    budget: u64,
    patience: Duration,
    uses: AtomicU64,
    metrics: Metrics,
}

struct Entries<T> {
    by_key: HashMap<Key, Entry<T>>,
    /// Bytes of everything that is loaded, being loaded or being unloaded.
    used: u64,
}

enum Entry<T> {
    Loading(watch::Receiver<Told<T>>),
    Ready(Arc<Held<T>>),
}

struct Held<T> {
    value: T,
    bytes: u64,
    pins: AtomicUsize,
    last_use: AtomicU64,
}

/// A version in use: it stays loaded until this is dropped.
pub struct Lease<T> {
    held: Arc<Held<T>>,
    cache: Arc<Shared<T>>,
}

impl<T> Clone for Cache<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for Lease<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.held.value
    }
}

impl<T> Drop for Lease<T> {
    fn drop(&mut self) {
        if self.held.pins.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.cache.freed.notify_waiters();
        }
    }
}

impl<T: Resident> Cache<T> {
    /// `budget` in bytes; `patience` is how long a load waits for memory that versions in use hold.
    pub fn new(budget: u64, patience: Duration, metrics: Metrics) -> Self {
        let entries = Mutex::new(Entries { by_key: HashMap::new(), used: 0 });
        Self(Arc::new(Shared {
            entries,
            freed: Notify::new(),
            budget,
            patience,
            uses: AtomicU64::new(0),
            metrics,
        }))
    }

    /// The version, loaded by `load` where it is not. `bytes` is what it will take. `load` runs on a thread that
    /// may block, and once however many ask.
    pub async fn get<F>(&self, key: &Key, bytes: u64, load: F) -> Result<Lease<T>, InferenceError>
    where
        F: FnOnce() -> Result<T, InferenceError> + Send + 'static,
    {
        let mut loading = match self.look(key).await {
            Found::Ready(lease) => return Ok(lease),
            Found::Loading(receiver) => receiver,
            Found::Absent(sender, receiver) => {
                // In a task of its own: the request that came first may go away, and the others still wait.
                tokio::spawn(self.0.clone().load(key.clone(), bytes, load, sender));
                receiver
            }
        };
        match loading.wait_for(Option::is_some).await.map(|outcome| outcome.clone()) {
            Ok(Some(Ok(first))) => Ok(Lease::of(&first.held, &self.0)),
            Ok(Some(Err(error))) => Err(error),
            Ok(None) | Err(_) => Err(InferenceError::Unloaded),
        }
    }

    /// Unloads every version for which `which` holds. Requests that run finish first, and so do loads.
    pub async fn unload(&self, which: impl Fn(&Key) -> bool) {
        let loading: Vec<_> = {
            let entries = self.0.lock();
            let chosen = entries.by_key.iter().filter_map(|(key, entry)| match entry {
                Entry::Loading(told) if which(key) => Some(told.clone()),
                _ => None,
            });
            chosen.collect()
        };
        for mut told in loading {
            // One that broke off has left nothing to unload.
            _ = told.wait_for(Option::is_some).await;
        }
        self.unload_where(|key, _| which(key)).await;
    }

    /// Unloads what has failed.
    pub async fn unload_spent(&self) {
        self.unload_where(|_, value| value.is_spent()).await;
    }

    async fn unload_where(&self, which: impl Fn(&Key, &T) -> bool) {
        let gone: Vec<_> = {
            let mut entries = self.0.lock();
            let chosen = entries.by_key.iter().filter_map(|(key, entry)| match entry {
                Entry::Ready(held) if which(key, &held.value) => Some(key.clone()),
                _ => None,
            });
            let chosen: Vec<Key> = chosen.collect();
            chosen.into_iter().filter_map(|key| entries.take_ready(&key)).collect()
        };
        self.0.let_go(gone).await;
    }

    /// The versions that are loaded.
    pub fn loaded(&self) -> Vec<Key> {
        self.sizes().into_iter().map(|(key, _)| key).collect()
    }

    /// The versions that are loaded, each with the bytes that it is counted with.
    pub fn sizes(&self) -> Vec<(Key, u64)> {
        let entries = self.0.lock();
        let ready = entries.by_key.iter().filter_map(|(key, entry)| match entry {
            Entry::Ready(held) => Some((key.clone(), held.bytes)),
            Entry::Loading(_) => None,
        });
        ready.collect()
    }

    pub fn used_bytes(&self) -> u64 {
        self.0.lock().used
    }

    async fn look(&self, key: &Key) -> Found<T> {
        loop {
            let spent = {
                let mut entries = self.0.lock();
                match entries.by_key.get(key) {
                    Some(Entry::Ready(held)) if !held.value.is_spent() => {
                        return Found::Ready(Lease::of(held, &self.0));
                    }
                    Some(Entry::Ready(_)) => entries.take_ready(key),
                    Some(Entry::Loading(receiver)) => return Found::Loading(receiver.clone()),
                    None => {
                        let (sender, receiver) = watch::channel(None);
                        entries.by_key.insert(key.clone(), Entry::Loading(receiver.clone()));
                        return Found::Absent(sender, receiver);
                    }
                }
            };
            self.0.let_go(spent.into_iter().collect()).await;
        }
    }
}

/// How a load ended. While requests that waited for it still read this, its lease keeps the version from being
/// unloaded before they have it.
type Told<T> = Option<Result<Arc<Lease<T>>, InferenceError>>;

enum Found<T> {
    Ready(Lease<T>),
    Loading(watch::Receiver<Told<T>>),
    Absent(watch::Sender<Told<T>>, watch::Receiver<Told<T>>),
}

impl<T> Lease<T> {
    /// Pins a version; only while the entries are locked, or through a lease that pins it already.
    fn of(held: &Arc<Held<T>>, cache: &Arc<Shared<T>>) -> Self {
        held.pins.fetch_add(1, Ordering::AcqRel);
        held.last_use.store(cache.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        Self { held: held.clone(), cache: cache.clone() }
    }
}

impl<T: Resident> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Entries<T>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn load<F>(self: Arc<Self>, key: Key, bytes: u64, load: F, told: watch::Sender<Told<T>>)
    where
        F: FnOnce() -> Result<T, InferenceError> + Send + 'static,
    {
        let outcome = match self.reserve(bytes).await {
            Ok(()) => {
                let loaded = tokio::task::spawn_blocking(load).await.unwrap_or_else(|panic| {
                    Err(InferenceError::Internal(format!("a model could not be loaded: {panic}")))
                });
                if loaded.is_err() {
                    self.release(bytes);
                }
                loaded
            }
            Err(error) => Err(error),
        };
        let mut entries = self.lock();
        let outcome = outcome.map(|value| {
            let held =
                Arc::new(Held { value, bytes, pins: AtomicUsize::new(0), last_use: AtomicU64::new(0) });
            let first = Lease::of(&held, &self);
            entries.by_key.insert(key.clone(), Entry::Ready(held));
            self.metrics.loads.inc();
            self.metrics.loaded.inc();
            Arc::new(first)
        });
        if outcome.is_err() {
            entries.by_key.remove(&key);
        }
        drop(entries);
        told.send_replace(Some(outcome));
    }

    /// Makes room: unloads what was used longest ago, and waits for what is in use.
    async fn reserve(self: &Arc<Self>, bytes: u64) -> Result<(), InferenceError> {
        if bytes > self.budget {
            return Err(InferenceError::TooLarge { needed: bytes, budget: self.budget });
        }
        let room = async {
            loop {
                let mut freed = std::pin::pin!(self.freed.notified());
                freed.as_mut().enable();
                match self.try_reserve(bytes) {
                    Room::Reserved => return,
                    Room::Unload(held) => self.let_go(vec![held]).await,
                    Room::Wait => freed.await,
                }
            }
        };
        tokio::time::timeout(self.patience, room).await.map_err(|_| InferenceError::Busy)
    }

    fn try_reserve(&self, bytes: u64) -> Room<T> {
        let mut entries = self.lock();
        if entries.used + bytes <= self.budget {
            entries.used += bytes;
            self.metrics.memory.set(entries.used as i64);
            return Room::Reserved;
        }
        let oldest = entries
            .by_key
            .iter()
            .filter_map(|(key, entry)| match entry {
                Entry::Ready(held) if held.pins.load(Ordering::Acquire) == 0 => {
                    Some((held.last_use.load(Ordering::Relaxed), key))
                }
                _ => None,
            })
            .min_by_key(|(last_use, _)| *last_use)
            .map(|(_, key)| key.clone());
        oldest.and_then(|key| entries.take_ready(&key)).map_or(Room::Wait, Room::Unload)
    }

    fn release(&self, bytes: u64) {
        let mut entries = self.lock();
        entries.used -= bytes;
        self.metrics.memory.set(entries.used as i64);
        drop(entries);
        self.freed.notify_waiters();
    }

    /// Unloads what was taken out of the map once the requests that use it have ended, and gives its memory back
    /// to the budget when it is gone; whether or not the caller still waits for that.
    async fn let_go(self: &Arc<Self>, gone: Vec<Arc<Held<T>>>) {
        if gone.is_empty() {
            return;
        }
        let cache = self.clone();
        let task = tokio::spawn(async move {
            for held in gone {
                _ = tokio::time::timeout(cache.patience, cache.put_down(&held)).await;
                let bytes = held.bytes;
                let unloaded = tokio::task::spawn_blocking(move || {
                    held.value.unload();
                    drop(held);
                    memory::give_back();
                });
                if let Err(panic) = unloaded.await {
                    tracing::error!(%panic, "a model could not be unloaded cleanly");
                }
                cache.metrics.unloads.inc();
                cache.metrics.loaded.dec();
                cache.release(bytes);
            }
        });
        _ = task.await;
    }

    /// Until nobody uses it.
    async fn put_down(&self, held: &Held<T>) {
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if held.value.is_spent() || held.pins.load(Ordering::Acquire) == 0 {
                return;
            }
            freed.await;
        }
    }
}

enum Room<T> {
    Reserved,
    Unload(Arc<Held<T>>),
    Wait,
}

impl<T> Entries<T> {
    fn take_ready(&mut self, key: &Key) -> Option<Arc<Held<T>>> {
        match self.by_key.remove(key)? {
            Entry::Ready(held) => Some(held),
            loading @ Entry::Loading(_) => {
                self.by_key.insert(key.clone(), loading);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[derive(Default)]
    struct Model {
        spent: AtomicBool,
        unloaded: Arc<AtomicUsize>,
    }

    impl Resident for Model {
        fn is_spent(&self) -> bool {
            self.spent.load(Ordering::Acquire)
        }

        fn unload(&self) {
            self.unloaded.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn key(version: u32) -> Key {
        Key { model: "m".into(), version, files: format!("models/{version}").into() }
    }

    fn cache(budget: u64) -> Cache<Model> {
        Cache::new(budget, Duration::from_millis(50), Metrics::new())
    }

    async fn get(cache: &Cache<Model>, version: u32) -> Result<Lease<Model>, InferenceError> {
        cache.get(&key(version), 40, || Ok(Model::default())).await
    }

    fn versions(cache: &Cache<Model>) -> Vec<u32> {
        let mut versions: Vec<u32> = cache.loaded().iter().map(|key| key.version).collect();
        versions.sort_unstable();
        versions
    }

    #[tokio::test]
    async fn the_one_that_was_used_longest_ago_goes_first() {
        let cache = cache(100);
        drop(get(&cache, 1).await.unwrap());
        drop(get(&cache, 2).await.unwrap());
        drop(get(&cache, 1).await.unwrap());
        drop(get(&cache, 3).await.unwrap());
        assert_eq!(versions(&cache), [1, 3]);
        assert_eq!(cache.used_bytes(), 80);
    }

    #[tokio::test]
    async fn what_is_in_use_stays_and_a_load_waits_for_it() {
        let cache = cache(100);
        let first = get(&cache, 1).await.unwrap();
        let second = get(&cache, 2).await.unwrap();
        assert!(matches!(get(&cache, 3).await.err(), Some(InferenceError::Busy)));
        let (third, ()) = tokio::join!(get(&cache, 3), async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            drop(first);
        });
        drop(third.unwrap());
        assert_eq!(versions(&cache), [2, 3]);
        drop(second);
        assert!(matches!(
            cache.get(&key(4), 101, || Ok(Model::default())).await.err(),
            Some(InferenceError::TooLarge { needed: 101, budget: 100 })
        ));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn requests_that_come_together_load_once_even_when_the_first_goes_away() {
        let cache = cache(100);
        let loads = Arc::new(AtomicUsize::new(0));
        let ask = || {
            let (cache, loads) = (cache.clone(), loads.clone());
            async move {
                let load = move || {
                    loads.fetch_add(1, Ordering::AcqRel);
                    std::thread::sleep(Duration::from_millis(20));
                    Ok(Model::default())
                };
                cache.get(&key(1), 40, load).await.map(drop)
            }
        };
        let first = tokio::spawn(ask());
        tokio::time::sleep(Duration::from_millis(5)).await;
        first.abort();
        let all = futures::future::join_all((0..16).map(|_| tokio::spawn(ask()))).await;
        assert!(all.into_iter().all(|one| one.unwrap().is_ok()));
        assert_eq!(loads.load(Ordering::Acquire), 1);
    }

    #[tokio::test]
    async fn a_load_that_fails_is_told_to_all_and_tried_again_later() {
        let cache = cache(100);
        for _ in 0..2 {
            let failing = || Err(InferenceError::Internal("no such file".into()));
            let key = key(1);
            let (one, other) = tokio::join!(cache.get(&key, 40, failing), cache.get(&key, 40, failing));
            assert!(one.is_err() && other.is_err());
            assert!(cache.get(&key, 40, || panic!("a bad file")).await.is_err());
            assert_eq!(cache.used_bytes(), 0);
        }
        assert!(get(&cache, 1).await.is_ok());
    }

    #[tokio::test]
    async fn what_has_failed_is_loaded_again() {
        let cache = cache(50);
        let lease = get(&cache, 1).await.unwrap();
        cache.unload_spent().await;
        assert_eq!(cache.loaded().len(), 1);
        lease.spent.store(true, Ordering::Release);
        let again = get(&cache, 1).await.unwrap();
        assert!(!again.is_spent());
        assert_eq!(lease.unloaded.load(Ordering::Acquire), 1);
        assert_eq!(cache.used_bytes(), 40);
        again.spent.store(true, Ordering::Release);
        cache.unload_spent().await;
        assert_eq!((cache.used_bytes(), cache.loaded().len()), (0, 0));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_being_loaded_is_unloaded_too() {
        let cache = cache(100);
        let slow = || {
            std::thread::sleep(Duration::from_millis(30));
            Ok(Model::default())
        };
        let (loader, one) = (cache.clone(), key(1));
        let asked = tokio::spawn(async move { loader.get(&one, 40, slow).await.map(drop) });
        while cache.used_bytes() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        cache.unload(|key| key.version == 1).await;
        assert!(asked.await.unwrap().is_ok());
        assert_eq!((cache.used_bytes(), cache.loaded().len()), (0, 0));
    }

    #[tokio::test]
    async fn unloading_waits_for_who_uses_it() {
        let cache = cache(100);
        let lease = get(&cache, 1).await.unwrap();
        let unloaded = lease.unloaded.clone();
        let ((), ()) = tokio::join!(cache.unload(|key| key.version == 1), async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            assert_eq!(unloaded.load(Ordering::Acquire), 0);
            drop(lease);
        });
        assert_eq!(unloaded.load(Ordering::Acquire), 1);
        assert_eq!((cache.used_bytes(), cache.loaded().len()), (0, 0));
    }
}
