//! [`Shards`]: an ordered map that is cheap to copy and to compare with its own past.
//!
//! The image is copied with every entry that is applied. A map of ten thousand topics is split into [`SHARD_COUNT`] shared parts: a
//! change copies the part that it touches, and two images are compared by looking at the parts that they do not share.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ottla_base::{TopicId, TopicName};

/// How many parts a map is split into.
const SHARD_COUNT: usize = 64;

/// A key that knows its shard.
pub(super) trait ShardKey {
    /// Any number; it is taken modulo [`SHARD_COUNT`]. The same for ever in a process, and as good as random over keys.
    fn shard(&self) -> usize;
}

impl ShardKey for TopicId {
    fn shard(&self) -> usize {
        let [.., last] = self.0.0;
        last.into()
    }
}

/// Names that collide (`a.b` and `a_b`) have one shard, so that a collision is found without looking through all of them.
impl ShardKey for str {
    fn shard(&self) -> usize {
        let byte = |b: u8| if b == b'.' { b'_' } else { b };
        let fnv = |hash: u64, b: u8| (hash ^ u64::from(byte(b))).wrapping_mul(0x0100_0000_01b3);
        let hash = self.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
        (hash >> 32) as usize
    }
}

impl ShardKey for TopicName {
    fn shard(&self) -> usize {
        self.as_str().shard()
    }
}

/// A map from `K` to `V`; a clone shares all its parts.
pub(super) struct Shards<K, V> {
    parts: Arc<[Arc<BTreeMap<K, V>>]>,
}

impl<K: Ord + Clone + ShardKey, V: Clone> Shards<K, V> {
    pub(super) fn get<Q: Ord + ShardKey + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.part_of(key).get(key)
    }

    /// The keys in `key`'s part.
    pub(super) fn neighbours<Q: ShardKey + ?Sized>(&self, key: &Q) -> impl Iterator<Item = &K> {
        self.part_of(key).keys()
    }

    /// All values, in an order that depends on the keys alone.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.parts.iter().flat_map(|part| part.values())
    }

    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        self.part_mut(&key).insert(key, value);
    }

    pub(super) fn remove<Q: Ord + ShardKey + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.part_mut(key).remove(key)
    }

    pub(super) fn get_mut<Q: Ord + ShardKey + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.part_mut(key).get_mut(key)
    }

    /// The parts of `self` and `older` that are not one and the same, pair by pair.
    pub(super) fn parts_changed_since<'a>(
        &'a self,
        older: &'a Self,
    ) -> impl Iterator<Item = (&'a BTreeMap<K, V>, &'a BTreeMap<K, V>)> {
        let pairs = self.parts.iter().zip(older.parts.iter());
        pairs.filter(|(new, old)| !Arc::ptr_eq(new, old)).map(|(new, old)| (&**new, &**old))
    }

    fn part_of<Q: ShardKey + ?Sized>(&self, key: &Q) -> &BTreeMap<K, V> {
        &self.parts[key.shard() % SHARD_COUNT]
    }

    fn part_mut<Q: ShardKey + ?Sized>(&mut self, key: &Q) -> &mut BTreeMap<K, V> {
        Arc::make_mut(&mut Arc::make_mut(&mut self.parts)[key.shard() % SHARD_COUNT])
    }
}

impl<K, V> Clone for Shards<K, V> {
    fn clone(&self) -> Self {
        Shards { parts: self.parts.clone() }
    }
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        Shards { parts: (0..SHARD_COUNT).map(|_| Arc::default()).collect() }
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Shards<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Shards<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.parts.iter().flat_map(|part| part.iter())).finish()
    }
}
