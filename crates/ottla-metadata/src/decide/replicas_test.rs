//! What happens to leaders, ISR and ELR when brokers come and go, and when a leader or the settings change them.

use std::sync::Arc;

use ottla_base::{BrokerEpoch, BrokerId, DirectoryId, Incarnation, LeaderEpoch, PartitionEpoch, PartitionIndex, Uuid};

use crate::testing::{Cluster, directory_of, name, new_topic, roles};
use crate::{
    AllocateProducerIds, AlterConfigs, AssignDirectories, ConfigChange, ConfigResource, Error, LeaderRecoveryState,
    OfflineDirectories, ProducerIdBlock, RegisterBroker, ResourceChange, UnfenceBroker,
};

const MIN_ISR_2: [(&str, &str); 1] = [("min.insync.replicas", "2")];
const CACHED: [(&str, &str); 1] = [("write.caching", "true")];

fn set(cluster: &mut Cluster, resource: ConfigResource, setting: &str, value: Option<&str>) -> Result<(), Error> {
    let changes = vec![ConfigChange { name: setting.to_owned(), value: value.map(str::to_owned) }];
    let resources = vec![ResourceChange { resource, changes }];
    cluster.submit(&AlterConfigs { resources, validate_only: false }).remove(0)
}

#[test]
fn a_new_incarnation_on_the_same_directory_supersedes_at_once() {
    let mut cluster = Cluster::of(1);
    let old = cluster.broker_epoch(0);
    let registered = cluster.submit(&cluster.registration(0, 2, true)).expect("the directory's lock is ours");
    assert!(registered.broker_epoch > old);
    assert!(cluster.image.brokers.get(BrokerId(0)).is_some_and(|broker| broker.fenced));
    let late = cluster.submit(&cluster.registration(0, 1, true));
    assert_eq!(late, Err(Error::SupersededStart { start_counter: 1, newest: 2 }));
}

#[test]
fn a_replica_that_was_moved_is_led_from_where_it_lies() {
    let mut cluster = Cluster::of(1);
    cluster.create_on("t", &[0], &[]);
    let before = cluster.partition("t").clone();
    let only_other = RegisterBroker { directories: vec![directory_of(9)], ..cluster.registration(0, 2, true) };
    cluster.fence(0);
    cluster.submit(&only_other).expect("the old one is gone");
    cluster.unfence(0, vec![]);
    assert_eq!(cluster.partition("t").leader, None, "its directory is not there");

    cluster.fence(0);
    let topic_id = cluster.image.topics.by_name("t").expect("it exists").topic_id;
    let assign = |directory, cluster: &Cluster| AssignDirectories {
        broker_id: BrokerId(0),
        broker_epoch: cluster.broker_epoch(0),
        replicas: vec![(topic_id, PartitionIndex(0), directory), (topic_id, PartitionIndex(5), directory)],
    };
    cluster.submit(&assign(directory_of(7), &cluster)).expect("passed over: the broker has not registered it");
    assert_eq!(cluster.partition("t").directories, before.directories);
    cluster.submit(&assign(directory_of(9), &cluster)).expect("the broker has it");
    cluster.unfence(0, vec![]);
    let after = cluster.partition("t");
    assert_eq!((&after.directories[..], after.leader), (&[directory_of(9)][..], Some(BrokerId(0))));
    assert!(after.leader_epoch > before.leader_epoch && after.partition_epoch > before.partition_epoch);
    assert_eq!(cluster.through_snapshot(), cluster.image);
    let stale = AssignDirectories { broker_epoch: BrokerEpoch(0), ..assign(directory_of(9), &cluster) };
    assert!(matches!(cluster.submit(&stale), Err(Error::StaleBrokerEpoch { .. })));
}

#[test]
fn the_same_incarnation_again_is_a_retry() {
    let mut cluster = Cluster::of(1);
    let (epoch, offset) = (cluster.broker_epoch(0), cluster.image.metadata_offset);
    let again = cluster.submit(&cluster.registration(0, 1, true)).expect("a retry");
    assert_eq!((again.broker_epoch, cluster.image.metadata_offset), (epoch, offset));
}

#[test]
fn a_stranger_with_the_same_id_waits_until_the_old_one_is_fenced() {
    let mut cluster = Cluster::of(1);
    let stranger = RegisterBroker {
        incarnation: Incarnation(Uuid([99; 16])),
        directories: vec![directory_of(9)],
        ..cluster.registration(0, 1, true)
    };
    assert_eq!(cluster.submit(&stranger), Err(Error::DuplicateBroker { broker_id: BrokerId(0) }));
    cluster.fence(0);
    cluster.submit(&stranger).expect("the old one is gone");
}

#[test]
fn two_incarnations_in_one_entry_do_not_share_an_epoch() {
    let mut cluster = Cluster::of(0);
    let first = cluster.decide(&cluster.registration(0, 1, true));
    cluster.image = cluster.image.apply(&first.records, cluster.image.metadata_offset);
    let second = cluster.decide(&cluster.registration(0, 2, true));
    assert_eq!(second.response, Err(Error::DuplicateBroker { broker_id: BrokerId(0) }));
}

#[test]
fn unfencing_asks_for_the_own_registration_to_be_applied() {
    let mut cluster = Cluster::of(0);
    let registered = cluster.submit(&cluster.registration(0, 1, true)).expect("new");
    let unfence = UnfenceBroker {
        broker_id: BrokerId(0),
        broker_epoch: registered.broker_epoch,
        metadata_offset: cluster.image.metadata_offset,
        lacking: Vec::new(),
    };
    let early = UnfenceBroker { metadata_offset: unfence.metadata_offset + -1, ..unfence.clone() };
    assert!(matches!(cluster.submit(&early), Err(Error::NotCaughtUp { .. })));
    let stale = UnfenceBroker { broker_epoch: BrokerEpoch(-1), ..unfence.clone() };
    assert!(matches!(cluster.submit(&stale), Err(Error::StaleBrokerEpoch { .. })));
    assert_eq!(cluster.submit(&unfence), Ok(()));
}

#[test]
fn a_restart_under_durable_acks_keeps_the_isr_and_bumps_the_leader_epoch() {
    let mut cluster = Cluster::of(2);
    cluster.create_on("t", &[0, 1], &[]);
    let epoch = cluster.partition("t").leader_epoch;
    cluster.submit(&cluster.registration(0, 2, false)).expect("restarted");
    assert_eq!(roles(cluster.partition("t")), (Some(1), vec![0, 1], vec![]));
    assert_eq!(cluster.partition("t").leader_epoch, LeaderEpoch(epoch.0 + 1));
}

#[test]
fn a_sole_broker_leads_again_after_a_restart_in_a_new_epoch() {
    let mut cluster = Cluster::of(1);
    cluster.create_on("t", &[0], &[]);
    cluster.submit(&cluster.registration(0, 2, false)).expect("restarted");
    assert_eq!(roles(cluster.partition("t")), (None, vec![0], vec![]));
    cluster.unfence(0, Vec::new());
    let partition = cluster.partition("t");
    assert_eq!(roles(partition), (Some(0), vec![0], vec![]));
    assert_eq!((partition.leader_epoch, partition.recovery_state), (LeaderEpoch(2), LeaderRecoveryState::Recovered));
}

#[test]
fn a_clean_restart_under_cached_acks_leaves_the_isr() {
    let mut cluster = Cluster::of(3);
    cluster.create_on("t", &[0, 1], &CACHED);
    cluster.create_on("u", &[0, 1], &[CACHED[0], MIN_ISR_2[0]]);
    cluster.submit(&cluster.registration(0, 2, true)).expect("restarted");
    assert_eq!(roles(cluster.partition("t")), (Some(1), vec![1], vec![]));
    assert_eq!(roles(cluster.partition("u")), (Some(1), vec![1], vec![0]), "below min ISR it stays eligible");
}

#[test]
fn an_unclean_restart_under_cached_acks_is_not_eligible_either() {
    let mut cluster = Cluster::of(2);
    cluster.create_on("t", &[0, 1], &[CACHED[0], MIN_ISR_2[0]]);
    cluster.submit(&cluster.registration(0, 2, false)).expect("restarted");
    assert_eq!(roles(cluster.partition("t")), (Some(1), vec![1], vec![]));
}

#[test]
fn the_last_known_leader_is_elected_uncleanly_when_nobody_has_everything() {
    let mut cluster = Cluster::of(1);
    cluster.create_on("t", &[0], &CACHED);
    cluster.submit(&cluster.registration(0, 2, false)).expect("restarted after a power cut");
    assert_eq!(roles(cluster.partition("t")), (None, vec![], vec![]));
    assert_eq!(cluster.partition("t").last_known_elr, [BrokerId(0)]);
    cluster.unfence(0, Vec::new());
    assert_eq!(roles(cluster.partition("t")), (Some(0), vec![0], vec![]));
    assert_eq!(cluster.partition("t").recovery_state, LeaderRecoveryState::Recovering);

    let recovered = cluster.isr_change("t", &[0]);
    cluster.alter(&recovered).expect("the leader has dealt with it");
    assert_eq!(cluster.partition("t").recovery_state, LeaderRecoveryState::Recovered);
}

#[test]
fn a_replica_that_lacks_its_data_leaves_the_isr_as_it_is_unfenced() {
    let mut cluster = Cluster::of(2);
    cluster.create_on("t", &[0, 1], &MIN_ISR_2);
    let topic_id = cluster.image.topics.by_name("t").expect("created").topic_id;
    cluster.submit(&cluster.registration(0, 2, false)).expect("restarted");
    cluster.unfence(0, vec![(topic_id, PartitionIndex(0))]);
    assert_eq!(roles(cluster.partition("t")), (Some(1), vec![1], vec![]));
}

#[test]
fn fencing_moves_leadership_and_shrinks_the_isr_but_not_to_nothing() {
    let mut cluster = Cluster::of(2);
    cluster.create_on("t", &[0, 1], &[]);
    cluster.fence(0);
    assert_eq!(roles(cluster.partition("t")), (Some(1), vec![1], vec![]));
    cluster.fence(1);
    assert_eq!(roles(cluster.partition("t")), (None, vec![1], vec![]));
    cluster.unfence(0, Vec::new());
    assert_eq!(roles(cluster.partition("t")), (None, vec![1], vec![]), "0 may lack what 1 acknowledged alone");
    cluster.unfence(1, Vec::new());
    assert_eq!(roles(cluster.partition("t")), (Some(1), vec![1], vec![]));
}

#[test]
fn an_eligible_replica_is_elected_cleanly() {
    let mut cluster = Cluster::of(2);
    cluster.create_on("t", &[0, 1], &MIN_ISR_2);
    cluster.fence(1);
    assert_eq!(roles(cluster.partition("t")), (Some(0), vec![0], vec![1]));
    cluster.fence(0);
    cluster.unfence(1, Vec::new());
    assert_eq!(roles(cluster.partition("t")), (Some(1), vec![1], vec![0]));
    assert_eq!(cluster.partition("t").recovery_state, LeaderRecoveryState::Recovered);
}

#[test]
fn a_lost_directory_costs_only_its_own_replicas() {
    let mut cluster = Cluster::of(2);
    let (kept, lost) = (directory_of(7), directory_of(8));
    let registration = RegisterBroker { directories: vec![kept, lost], ..cluster.registration(2, 1, true) };
    cluster.submit(&registration).expect("new");
    cluster.unfence(2, Vec::new());
    cluster.create_on("a", &[2, 0], &[]);
    cluster.create_on("b", &[2, 0], &[]);
    let on = |cluster: &Cluster, directory: DirectoryId| {
        ["a", "b"].into_iter().find(|t| cluster.partition(t).directories[0] == directory).expect("one on each")
    };
    let (keeps, loses) = (on(&cluster, kept), on(&cluster, lost));
    let broker_epoch = cluster.broker_epoch(2);
    let request = OfflineDirectories { broker_id: BrokerId(2), broker_epoch, offline: vec![lost] };
    assert_eq!(cluster.submit(&request), Ok(()));
    assert_eq!(roles(cluster.partition(keeps)), (Some(2), vec![2, 0], vec![]));
    assert_eq!(roles(cluster.partition(loses)), (Some(0), vec![0], vec![]));
}

#[test]
fn a_leader_shrinks_and_expands_its_isr() {
    let mut cluster = Cluster::of(3);
    cluster.create_on("t", &[0, 1, 2], &MIN_ISR_2);
    for (isr, elr) in [(vec![0, 1], vec![]), (vec![0], vec![1]), (vec![0, 2], vec![]), (vec![0, 1, 2], vec![])] {
        let before = cluster.partition("t").clone();
        let altered = cluster.alter(&cluster.isr_change("t", &isr)).expect("a valid change");
        assert_eq!(roles(cluster.partition("t")), (Some(0), isr, elr));
        assert_eq!(altered.partition, *cluster.partition("t"));
        assert_eq!(altered.partition.partition_epoch, PartitionEpoch(before.partition_epoch.0 + 1));
        assert_eq!(altered.partition.leader_epoch, before.leader_epoch);
    }
    let same = cluster.isr_change("t", &[0, 1, 2]);
    let before = cluster.partition("t").clone();
    assert!(Arc::ptr_eq(&cluster.alter(&same).expect("no change is no error").partition, &before));
}

#[test]
fn an_isr_change_is_compared_before_it_is_set() {
    let mut cluster = Cluster::of(3);
    cluster.create_on("t", &[0, 1], &[]);
    cluster.fence(0);
    cluster.unfence(0, Vec::new());
    let good = cluster.isr_change("t", &[1]);
    let check = |cluster: &mut Cluster, change: &dyn Fn(&mut crate::AlterPartition), error: Error| {
        let mut request = good.clone();
        change(&mut request);
        assert_eq!(cluster.alter(&request), Err(error));
    };
    let (leader, epoch) = (cluster.partition("t").leader_epoch, cluster.partition("t").partition_epoch);
    let old = LeaderEpoch(leader.0 - 1);
    check(
        &mut cluster,
        &|r| r.partitions[0].leader_epoch = old,
        Error::FencedLeaderEpoch { named: old, current: leader },
    );
    check(&mut cluster, &|r| r.partitions[0].leader_epoch.0 += 1, Error::NewerThanController);
    check(&mut cluster, &|r| r.partitions[0].partition_epoch.0 += 1, Error::NewerThanController);
    let named = PartitionEpoch(epoch.0 - 1);
    let stale = Error::StalePartitionEpoch { named, current: epoch };
    check(&mut cluster, &|r| r.partitions[0].partition_epoch = named, stale);
    check(&mut cluster, &|r| r.partitions[0].isr.clear(), Error::InvalidIsr);
    let twice = |r: &mut crate::AlterPartition| r.partitions[0].isr = vec![r.partitions[0].isr[0]; 2];
    check(&mut cluster, &twice, Error::InvalidIsr);
    let recovering = |r: &mut crate::AlterPartition| r.partitions[0].recovery_state = LeaderRecoveryState::Recovering;
    check(&mut cluster, &recovering, Error::InvalidIsr);
    let unknown = Error::UnknownPartition { partition: PartitionIndex(5) };
    check(&mut cluster, &|r| r.partitions[0].partition = PartitionIndex(5), unknown);

    let mut follower = good.clone();
    follower.broker_id = BrokerId(0);
    follower.broker_epoch = cluster.broker_epoch(0);
    assert_eq!(cluster.alter(&follower), Err(Error::NotLeader { broker_id: BrokerId(0) }));
    let mut superseded = good.clone();
    superseded.broker_epoch = BrokerEpoch(0);
    assert!(matches!(cluster.submit(&superseded), Err(Error::StaleBrokerEpoch { .. })));
}

#[test]
fn fenced_strange_and_restarted_brokers_do_not_join_an_isr() {
    let mut cluster = Cluster::of(3);
    cluster.create_on("t", &[0, 1], &[]);
    assert_eq!(cluster.alter(&cluster.isr_change("t", &[0, 2])), Err(Error::InvalidIsr));
    let mut restarted = cluster.isr_change("t", &[0, 1]);
    restarted.partitions[0].isr[1].broker_epoch = Some(BrokerEpoch(0));
    let ineligible = Err(Error::IneligibleReplica { broker_id: BrokerId(1) });
    assert_eq!(cluster.alter(&restarted), ineligible);
    cluster.fence(1);
    assert_eq!(cluster.alter(&cluster.isr_change("t", &[0, 1])), ineligible);
}

#[test]
fn acks_become_cached_with_the_setting_and_durable_by_the_leader() {
    let mut cluster = Cluster::of(1);
    cluster.create_on("t", &[0], &[]);
    cluster.create_on("own", &[0], &[("write.caching", "false")]);
    let topic = || ConfigResource::Topic(name("t"));
    set(&mut cluster, topic(), "write.caching", Some("true")).expect("it exists");
    assert!(!cluster.partition("t").durable_acks);
    let mut durable = cluster.isr_change("t", &[0]);
    durable.partitions[0].make_durable = true;
    assert_eq!(cluster.alter(&durable), Err(Error::AcksAreCached));

    set(&mut cluster, topic(), "write.caching", None).expect("it exists");
    assert!(!cluster.partition("t").durable_acks, "only the leader knows when the data is on disk");
    durable.partitions[0].partition_epoch = cluster.partition("t").partition_epoch;
    cluster.alter(&durable).expect("the setting allows it");
    assert!(cluster.partition("t").durable_acks);

    set(&mut cluster, ConfigResource::ClusterDefault, "log.write.caching", Some("true")).expect("always there");
    assert!(!cluster.partition("t").durable_acks);
    assert!(cluster.partition("own").durable_acks, "the topic's own setting goes first");
}

#[test]
fn a_lower_min_isr_takes_the_eligible_out() {
    let mut cluster = Cluster::of(2);
    cluster.create_on("t", &[0, 1], &MIN_ISR_2);
    cluster.fence(1);
    assert_eq!(roles(cluster.partition("t")).2, [1]);
    let topic = ConfigResource::Topic(name("t"));
    set(&mut cluster, topic, "min.insync.replicas", Some("1")).expect("it exists");
    assert_eq!(roles(cluster.partition("t")), (Some(0), vec![0], vec![]), "0 may now acknowledge alone");
}

#[test]
fn settings_are_set_on_what_there_is_and_go_with_the_topic() {
    let mut cluster = Cluster::of(1);
    let unknown = set(&mut cluster, ConfigResource::Topic(name("x")), "a", Some("b"));
    assert_eq!(unknown, Err(Error::UnknownTopic { name: name("x") }));
    let unknown = set(&mut cluster, ConfigResource::Broker(BrokerId(9)), "a", Some("b"));
    assert_eq!(unknown, Err(Error::UnknownBroker { broker_id: BrokerId(9) }));
    set(&mut cluster, ConfigResource::Broker(BrokerId(0)), "a", Some("b")).expect("it exists");
    assert_eq!(cluster.image.configs(&ConfigResource::Broker(BrokerId(0)))["a"], "b");
    let offset = cluster.image.metadata_offset;
    set(&mut cluster, ConfigResource::Broker(BrokerId(0)), "c", None).expect("what is not set is taken away already");
    assert_eq!(cluster.image.metadata_offset, offset, "nothing was recorded");
    set(&mut cluster, ConfigResource::Broker(BrokerId(0)), "a", None).expect("it exists");
    assert!(cluster.image.broker_configs.is_empty());
}

#[test]
fn producer_ids_are_given_away_once() {
    let mut cluster = Cluster::of(1);
    let request = AllocateProducerIds { broker_id: BrokerId(0), broker_epoch: cluster.broker_epoch(0) };
    let blocks: Vec<_> = (0..3).map(|_| cluster.submit(&request).expect("registered").first.0).collect();
    assert_eq!(blocks, [0, ProducerIdBlock::LEN, 2 * ProducerIdBlock::LEN]);
    let stale = AllocateProducerIds { broker_epoch: BrokerEpoch(-1), ..request };
    assert!(matches!(cluster.submit(&stale), Err(Error::StaleBrokerEpoch { .. })));
    cluster.image.next_producer_id.0 = i64::MAX - 1;
    assert_eq!(cluster.submit(&request), Err(Error::ProducerIdsExhausted));
}

#[test]
fn what_did_not_change_is_the_same_allocation() {
    let mut cluster = Cluster::of(1);
    let topics = (0..1000).map(|n| new_topic(&format!("t{n}"), 1, 1)).collect();
    cluster.submit(&crate::CreateTopics { topics, validate_only: false });
    let older = cluster.image.clone();
    cluster.create(new_topic("new", 1, 1)).expect("new");
    let deleted = vec![crate::TopicReference::Name(name("t7"))];
    cluster.submit(&crate::DeleteTopics { topics: deleted })[0].as_ref().expect("it existed");
    set(&mut cluster, ConfigResource::Topic(name("t8")), "retention.ms", Some("1")).expect("it exists");

    let changes = cluster.image.changed_topics(&older);
    assert_eq!(changes.created.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["new"]);
    assert_eq!(changes.deleted.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["t7"]);
    let [(old, new)] = &changes.changed[..] else { panic!("one topic changed: {:?}", changes.changed) };
    assert_eq!((old.configs.len(), new.configs.len()), (0, 1));
    assert!(Arc::ptr_eq(&old.partitions[0], &new.partitions[0]));
}
