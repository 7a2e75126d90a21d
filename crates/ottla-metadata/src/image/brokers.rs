//! Registered brokers, as an image holds them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_base::{BrokerEpoch, BrokerId, DirectoryId, Incarnation};

use crate::Listener;

/// All registered brokers by id. A clone shares everything with its original.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brokers(Arc<BTreeMap<BrokerId, Arc<Broker>>>);

/// One registered broker: its newest incarnation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its id.
    pub broker_id: BrokerId,
    /// The metadata offset from which on an image holds this registration: a broker has caught up with its own registration once it
    /// has applied [`Image::metadata_offset`](crate::Image::metadata_offset) `>= broker_epoch`. A newer registration has a larger one.
    pub broker_epoch: BrokerEpoch,
    /// The run of the process that registered.
    pub incarnation: Incarnation,
    /// How often it had started on these directories.
    pub start_counter: u64,
    /// Its log directories that are online.
    pub directories: Vec<DirectoryId>,
    /// Where it listens.
    pub listeners: Vec<Listener>,
    /// Its rack.
    pub rack: Option<String>,
    /// A fenced broker leads nothing and joins no ISR.
    pub fenced: bool,
}

impl Brokers {
    /// The broker with this id, fenced or not.
    pub fn get(&self, broker_id: BrokerId) -> Option<&Arc<Broker>> {
        self.0.get(&broker_id)
    }

    /// All registered brokers, fenced ones included, by ascending id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Broker>> {
        self.0.values()
    }

    /// The brokers that are not fenced, by ascending id.
    pub fn unfenced(&self) -> impl Iterator<Item = &Arc<Broker>> {
        self.iter().filter(|broker| !broker.fenced)
    }

    /// How many are registered.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is registered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn put(&mut self, broker: Broker) {
        Arc::make_mut(&mut self.0).insert(broker.broker_id, Arc::new(broker));
    }
}

impl Broker {
    /// The listener with this name.
    pub fn listener(&self, name: &str) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.name == name)
    }

    /// Whether a replica in `directory` may lead and be in an ISR.
    pub fn serves(&self, directory: DirectoryId) -> bool {
        !self.fenced && self.directories.contains(&directory)
    }
}
