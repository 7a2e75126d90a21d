//! The sole controller of a cluster: founding, restarts, batches, snapshots, and an end that is said clearly.

use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use openraft::async_runtime::WatchReceiver;
use ottla_base::ProducerId;
use ottla_metadata::{AllocateProducerIds, Bootstrap, CreateTopics, Image, ProducerIdBlock};
use ottla_net::timer;
use ottla_storage::Ballast;
use ottla_storage::disk::sim::{SimDisk, SimOptions, SyncFault};
use ottla_storage::disk::{Disk, Open, ensure_dir};

use crate::testing::{Node, new_disk, options, registration, simulate};
use crate::{Error, Options, StartError};

/// Registers broker 7 and takes `blocks` of producer ids, one entry each.
async fn take_producer_ids(node: &Node, start: u64, blocks: usize) -> ProducerId {
    let registered = node.handle.submit(registration(start)).await.expect("committed").expect("new");
    let request = AllocateProducerIds { broker_id: ottla_base::BrokerId(7), broker_epoch: registered.broker_epoch };
    for _ in 0..blocks {
        node.handle.submit(request).await.expect("committed").expect("registered");
    }
    node.handle.image().next_producer_id
}

async fn start_on(disk: Arc<SimDisk>, seed: u64) -> Node {
    Node::start(disk, seed, options(1)).await.expect("the disk is sound")
}

#[test]
fn a_new_cluster_has_its_id_when_the_start_returns_and_keeps_it() {
    simulate(1, async {
        let node = start_on(new_disk(), 1).await;
        let cluster_id = node.handle.cluster_id().expect("founded");
        assert!(node.handle.is_active());
        let node = start_on(node.stop().await, 2).await;
        assert_eq!(node.handle.cluster_id(), Some(cluster_id));
        assert_eq!(node.handle.submit(Bootstrap).await, Ok(cluster_id));
    });
}

#[test]
fn what_was_answered_survives_a_power_cut_and_is_there_at_once() {
    simulate(2, async {
        let mut disk = new_disk();
        let mut next = ProducerId(0);
        for round in 1..6 {
            let begin = timer::now();
            let node = start_on(disk, round).await;
            assert!(node.handle.is_active());
            assert!(begin.elapsed() < Duration::from_millis(100), "a sole voter waits for no timeout");
            assert_eq!(node.handle.image().next_producer_id, next);
            next = take_producer_ids(&node, round, 5).await;
            disk = node.crash(round).await;
        }
    });
}

#[test]
fn requests_that_arrive_together_leave_as_one_entry() {
    simulate(3, async {
        let node = start_on(new_disk(), 1).await;
        let registered = node.handle.submit(registration(1)).await.expect("committed").expect("new");
        let before = node.handle.image().metadata_offset;
        let request = AllocateProducerIds { broker_id: ottla_base::BrokerId(7), broker_epoch: registered.broker_epoch };
        let submitted: Vec<_> = (0..100).map(|_| (node.handle.clone(), request)).collect();
        let tasks = submitted.into_iter().map(|(handle, request)| {
            node.scope
                .spawn(async move { handle.submit(request).await.expect("committed").expect("registered").first.0 })
        });
        let mut firsts = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            firsts.push(task.await.expect("not aborted"));
        }
        assert_eq!(firsts, (0..100).map(|n| n * ProducerIdBlock::LEN).collect::<Vec<_>>());
        assert!(node.handle.image().metadata_offset - before <= 3, "a hundred requests, a few entries");
    });
}

#[test]
fn a_refusal_records_nothing_and_is_answered_all_the_same() {
    simulate(4, async {
        let node = start_on(new_disk(), 1).await;
        let before = node.handle.image().metadata_offset;
        let request = CreateTopics { topics: Vec::new(), validate_only: false };
        assert_eq!(node.handle.submit(request).await, Ok(Vec::new()));
        assert_eq!(node.handle.image().metadata_offset, before);
    });
}

#[test]
fn a_snapshot_takes_the_place_of_the_log_before_it() {
    simulate(5, async {
        let small = || Options { snapshot_record_bytes: 200, ..options(1) };
        let node = Node::start(new_disk(), 1, small()).await.expect("the disk is sound");
        take_producer_ids(&node, 1, 1200).await;
        let image = node.handle.image();
        let node = Node::start(node.crash(1).await, 2, small()).await.expect("the disk is sound");
        let purged = node.handle.inner.raft.metrics().borrow_watched().purged;
        assert!(purged.is_some(), "the log was cut off behind a snapshot");
        assert_eq!(node.handle.image(), image);
        take_producer_ids(&node, 2, 1).await;
    });
}

#[test]
fn images_come_in_order_and_the_last_one_is_seen() {
    simulate(6, async {
        let node = start_on(new_disk(), 1).await;
        let mut images = node.handle.images();
        let seen = node.scope.spawn(async move {
            let mut offsets = Vec::new();
            while images.changed().await.is_ok() {
                let image: Arc<Image> = images.borrow_and_update().clone();
                offsets.push(image.metadata_offset);
                if image.next_producer_id.0 == 3 * ProducerIdBlock::LEN {
                    return offsets;
                }
            }
            offsets
        });
        take_producer_ids(&node, 1, 3).await;
        let offsets = seen.await.expect("not aborted");
        assert!(offsets.is_sorted() && !offsets.is_empty());
    });
}

#[test]
fn a_failed_sync_is_the_end_and_is_never_answered() {
    simulate(7, async {
        let node = start_on(new_disk(), 1).await;
        node.disk.fail_next_sync(SyncFault::DropsPages);
        let answer = node.handle.submit(registration(1)).await;
        assert_eq!(answer.expect_err("its entry is not durable"), Error::Stopped);
        let failure = node.handle.failed().await.to_string();
        assert!(failure.contains("sync"), "{failure}");
        assert!(node.handle.submit(Bootstrap).await.is_err());
    });
}

/// Fills what room there is.
fn fill(disk: &SimDisk) {
    let file = disk.open(Path::new("/data/filler"), Open::CreateIfMissing).expect("a name takes no room");
    let mut position = 0;
    while file.write_all_at(&[IoSlice::new(&[1; 4096])], position).is_ok() {
        position += 4096;
    }
}

#[test]
fn the_ballast_keeps_the_quorum_going_on_a_full_disk() {
    simulate(9, async {
        let disk = SimDisk::new(SimOptions { capacity: Some(8 << 20), ..SimOptions::default() });
        ensure_dir(&*disk, Path::new("/data")).expect("an empty disk");
        let file_system = disk.file_system(Path::new("/data")).expect("the folder exists");
        let ballast = Ballast::new(disk.clone(), file_system, Path::new("/data"), 256 << 10).expect("there is room");
        let ballast = Arc::new(ballast);
        let node = Node::start_with_ballast(disk, 1, options(1), Some(ballast.clone())).await.expect("there is room");
        fill(&node.disk);
        take_producer_ids(&node, 1, 100).await;
        assert!(!ballast.is_held());
        let image = node.handle.image();
        assert_eq!(start_on(node.crash(1).await, 2).await.handle.image(), image);
    });
}

#[test]
fn a_log_that_lost_what_was_durable_is_not_started_from() {
    simulate(10, async {
        let node = start_on(new_disk(), 1).await;
        take_producer_ids(&node, 1, 5).await;
        let disk = node.stop().await;
        disk.rot(Path::new("/data/quorum/log/00000000000000000000.log"), 100, 1).expect("the log is there");
        let started = Node::start(disk, 2, options(1)).await.map(|node| node.handle.image());
        assert!(matches!(started, Err(StartError::Damaged { .. })), "{started:?}");
    });
}

#[test]
fn a_full_disk_is_the_end_and_is_said_so() {
    simulate(8, async {
        let disk = SimDisk::new(SimOptions { capacity: Some(256 << 10), ..SimOptions::default() });
        let node = start_on(disk, 1).await;
        let fill = async { take_producer_ids(&node, 1, 10_000).await };
        let failure = tokio::select! {
            biased;
            failure = node.handle.failed() => failure.to_string(),
            _ = fill => panic!("the disk is too small for that"),
        };
        assert!(failure.contains("No space left"), "{failure}");
    });
}
