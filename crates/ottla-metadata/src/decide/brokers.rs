//! Brokers come, catch up, go and lose directories.

use ottla_base::{BrokerEpoch, BrokerId, DirectoryId, Incarnation, Offset, PartitionIndex, TopicId};

use super::election::change_partitions_of;
use super::{Context, Decision, Request};
use crate::{Broker, BrokerRegistrationChangeRecord, Error, Listener, Record, RegisterBrokerRecord};

/// A process asks to be broker `broker_id` from now on. It starts fenced.
///
/// A new incarnation that shares a log directory with the registered one supersedes it at once: the directory's lock proves that the
/// old one is dead. One that shares none is refused while the old one is not fenced. The same incarnation again is a retry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterBroker {
    /// The broker.
    pub broker_id: BrokerId,
    /// This run of the process.
    pub incarnation: Incarnation,
    /// How often the broker has started on these directories, made durable under their lock.
    pub start_counter: u64,
    /// Whether the run before this one stopped cleanly, so that what it had in its page cache is on disk.
    pub clean_shutdown: bool,
    /// The log directories that are online, at least one.
    pub directories: Vec<DirectoryId>,
    /// Where it listens; the sockets are bound.
    pub listeners: Vec<Listener>,
    /// Its rack.
    pub rack: Option<String>,
}

/// A registration that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisteredBroker {
    /// What every later request of this incarnation names.
    pub broker_epoch: BrokerEpoch,
}

/// A registered broker has caught up with the metadata and asks to lead and follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfenceBroker {
    /// The broker.
    pub broker_id: BrokerId,
    /// Its registration.
    pub broker_epoch: BrokerEpoch,
    /// How far it has applied the metadata.
    pub metadata_offset: Offset,
    /// The replicas assigned to it whose data it lacks or doubts: they leave ISR and ELR in the same entry.
    pub lacking: Vec<(TopicId, PartitionIndex)>,
}

/// The controller has lost a broker: it leads nothing any more and leaves every ISR that has another member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FenceBroker {
    /// The broker.
    pub broker_id: BrokerId,
    /// The registration that was lost.
    pub broker_epoch: BrokerEpoch,
}

/// A broker has lost log directories: replicas there lead nothing and leave every ISR that has another member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfflineDirectories {
    /// The broker.
    pub broker_id: BrokerId,
    /// Its registration.
    pub broker_epoch: BrokerEpoch,
    /// The directories that failed.
    pub offline: Vec<DirectoryId>,
}

impl Request for RegisterBroker {
    type Response = Result<RegisteredBroker, Error>;

    /// Under durable acks the ISR stands as it is: a restarted replica still holds all that was acknowledged while it was a member.
    /// Under cached acks it leaves the ISR, and after an unclean stop those eligible as well. What it led is led by another ISR member
    /// or by nobody, with a new leader epoch either way. Source: design.
    fn decide(&self, context: &Context<'_>) -> Decision<Self::Response> {
        let broker_epoch = BrokerEpoch(context.image.metadata_offset.0 + 1);
        match self.check(context, broker_epoch) {
            Ok(None) => {}
            Ok(Some(registered)) => return Decision::unchanged(Ok(registered)),
            Err(error) => return Decision::unchanged(Err(error)),
        }
        let mut records = vec![Record::RegisterBroker(RegisterBrokerRecord {
            broker_id: self.broker_id,
            broker_epoch,
            incarnation: self.incarnation,
            start_counter: self.start_counter,
            directories: self.directories.clone(),
            listeners: self.listeners.clone(),
            rack: self.rack.clone(),
            fenced: true,
        })];
        let after = context.image.apply(&records, context.image.metadata_offset);
        let broker_id = self.broker_id;
        let changes = change_partitions_of(context, &after, broker_id, |_, _, partition, change| {
            let lost = partition.directory_of(broker_id).is_none_or(|dir| !self.directories.contains(&dir));
            match (partition.durable_acks, self.clean_shutdown) {
                (true, _) if lost => change.leave_isr(broker_id),
                (true, _) => {}
                (false, true) => change.leave_isr(broker_id),
                (false, false) => change.strike(broker_id),
            }
        });
        records.extend(changes);
        Decision { records, response: Ok(RegisteredBroker { broker_epoch }) }
    }
}

impl RegisterBroker {
    /// The registration that stands already where this is a retry.
    fn check(&self, context: &Context<'_>, next: BrokerEpoch) -> Result<Option<RegisteredBroker>, Error> {
        if self.directories.is_empty() {
            return Err(Error::NoDirectory);
        }
        let Some(old) = context.image.brokers.get(self.broker_id) else { return Ok(None) };
        if old.incarnation == self.incarnation {
            return Ok(Some(RegisteredBroker { broker_epoch: old.broker_epoch }));
        }
        let shared = self.directories.iter().any(|directory| old.directories.contains(directory));
        if shared && self.start_counter < old.start_counter {
            let (start_counter, newest) = (self.start_counter, old.start_counter);
            return Err(Error::SupersededStart { start_counter, newest });
        }
        // Two registrations in one entry would have one epoch: the second asks again.
        if old.broker_epoch == next || (!shared && !old.fenced) {
            return Err(Error::DuplicateBroker { broker_id: self.broker_id });
        }
        Ok(None)
    }
}

impl Request for UnfenceBroker {
    type Response = Result<(), Error>;

    /// Where a partition has no leader and this broker may lead it, it does.
    fn decide(&self, context: &Context<'_>) -> Decision<Self::Response> {
        let broker = match current(context, self.broker_id, self.broker_epoch) {
            Ok(broker) => broker,
            Err(error) => return Decision::unchanged(Err(error)),
        };
        let (applied, wanted) = (self.metadata_offset.0, self.broker_epoch.0);
        if applied < wanted {
            return Decision::unchanged(Err(Error::NotCaughtUp { applied, wanted }));
        }
        if !broker.fenced {
            return Decision::unchanged(Ok(()));
        }
        let mut lacking = self.lacking.clone();
        lacking.sort_unstable();
        let mut records = vec![registration_change(broker, Some(false), None)];
        let after = context.image.apply(&records, context.image.metadata_offset);
        records.extend(change_partitions_of(context, &after, self.broker_id, |topic, index, _, change| {
            if lacking.binary_search(&(topic.topic_id, index)).is_ok() {
                change.strike(self.broker_id);
            }
        }));
        Decision { records, response: Ok(()) }
    }
}

impl Request for FenceBroker {
    type Response = Result<(), Error>;

    fn decide(&self, context: &Context<'_>) -> Decision<Self::Response> {
        let broker = match current(context, self.broker_id, self.broker_epoch) {
            Ok(broker) => broker,
            Err(error) => return Decision::unchanged(Err(error)),
        };
        if broker.fenced {
            return Decision::unchanged(Ok(()));
        }
        let mut records = vec![registration_change(broker, Some(true), None)];
        let after = context.image.apply(&records, context.image.metadata_offset);
        let leave = change_partitions_of(context, &after, self.broker_id, |_, _, _, c| c.leave_isr(self.broker_id));
        records.extend(leave);
        Decision { records, response: Ok(()) }
    }
}

impl Request for OfflineDirectories {
    type Response = Result<(), Error>;

    fn decide(&self, context: &Context<'_>) -> Decision<Self::Response> {
        let broker = match current(context, self.broker_id, self.broker_epoch) {
            Ok(broker) => broker,
            Err(error) => return Decision::unchanged(Err(error)),
        };
        let online = broker.directories.iter().filter(|directory| !self.offline.contains(directory));
        let online: Vec<DirectoryId> = online.copied().collect();
        if online == broker.directories {
            return Decision::unchanged(Ok(()));
        }
        let mut records = vec![registration_change(broker, None, Some(online))];
        let after = context.image.apply(&records, context.image.metadata_offset);
        records.extend(change_partitions_of(context, &after, self.broker_id, |_, _, partition, change| {
            if partition.directory_of(self.broker_id).is_some_and(|dir| self.offline.contains(&dir)) {
                change.leave_isr(self.broker_id);
            }
        }));
        Decision { records, response: Ok(()) }
    }
}

/// The broker, provided that `broker_epoch` is its current registration.
pub(super) fn current<'a>(
    context: &Context<'a>,
    broker_id: BrokerId,
    broker_epoch: BrokerEpoch,
) -> Result<&'a Broker, Error> {
    let broker = context.image.brokers.get(broker_id).ok_or(Error::UnknownBroker { broker_id })?;
    if broker.broker_epoch != broker_epoch {
        return Err(Error::StaleBrokerEpoch { named: broker_epoch, current: broker.broker_epoch });
    }
    Ok(broker)
}

fn registration_change(broker: &Broker, fenced: Option<bool>, directories: Option<Vec<DirectoryId>>) -> Record {
    let (broker_id, broker_epoch) = (broker.broker_id, broker.broker_epoch);
    Record::BrokerRegistrationChange(BrokerRegistrationChangeRecord { broker_id, broker_epoch, fenced, directories })
}
