//! Scripted stories of durability in a world of one node (issue 3, line 7): what is not on disk is neither acknowledged nor shown.

use std::time::Duration;

use bytes::Bytes;
use ottla_base::{Lane, Offset, SeededEntropy};
use ottla_net::timer;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::fetch_response::PartitionData;
use ottla_records::{Compression, batches};
use ottla_storage::disk::sim::SyncFault;
use sim::{Connection, Options, World, simulate};
use testkit::requests;

const PATIENCE: Duration = Duration::from_secs(15);

/// A node that runs, a client, and a topic with one partition.
async fn world() -> (World, Connection) {
    let mut world = World::new(Options::quiet(), SeededEntropy::new(7), false);
    Box::pin(world.node().start()).await.expect("nothing hinders it");
    let mut client = world.client();
    create(&mut client, "story").await;
    (world, client)
}

async fn create(client: &mut Connection, topic: &str) {
    let request = requests::create_topic(topic, 1, &[]);
    let response = client.call(requests::CREATE_TOPICS_VERSION, &request, PATIENCE).await.expect("it is answered");
    assert_eq!(response.topics[0].error_code, 0);
}

/// Writes one record to `topic` with acks=all; returns its offset, or the error. `None` where there is no answer.
async fn produce(client: &mut Connection, topic: &str, value: &[u8]) -> Option<Result<i64, ErrorCode>> {
    let batch = requests::batch(Compression::None, [value]);
    let request = requests::produce(topic, 0, batch, -1);
    let response = client.call(requests::PRODUCE_VERSION, &request, PATIENCE).await.ok()?;
    let answer = &response.responses[0].partition_responses[0];
    match ErrorCode::from_code(answer.error_code).expect("one of Kafka's codes") {
        ErrorCode::None => Some(Ok(answer.base_offset)),
        error => Some(Err(error)),
    }
}

async fn fetch(client: &mut Connection, topic: &str, offset: i64) -> PartitionData {
    let request = requests::fetch(topic, 0, Offset(offset), 1 << 20, 0);
    let response = client.call(requests::FETCH_VERSION, &request, PATIENCE).await.expect("it is answered");
    response.responses[0].partitions[0].clone()
}

/// Every record of `topic`.
async fn read_all(client: &mut Connection, topic: &str) -> Vec<Bytes> {
    let mut values = Vec::new();
    loop {
        let data = fetch(client, topic, values.len() as i64).await;
        assert_eq!(data.error_code, 0);
        let batches = batches(data.records.unwrap_or_default()).map_while(Result::ok);
        values.extend(
            batches
                .flat_map(|batch| batch.records(1 << 20))
                .map(|it| it.expect("a readable record").value.expect("a value")),
        );
        if values.len() as i64 >= data.high_watermark {
            return values;
        }
    }
}

// Found by the world: logs that a start recovers before it knows their assignment had no topic, and were moved aside as strays.
#[test]
fn what_was_acknowledged_is_there_after_every_kind_of_end() {
    simulate(4, || async {
        let (mut world, mut client) = world().await;
        for round in 0..6 {
            assert_eq!(produce(&mut client, "story", b"record").await, Some(Ok(round)));
            match round % 3 {
                0 => Box::pin(world.node().stop()).await,
                1 => Box::pin(world.node().kill()).await,
                _ => Box::pin(world.node().crash()).await,
            }
            Box::pin(world.node().start()).await.expect("nothing hinders it");
            client.close();
        }
        assert_eq!(read_all(&mut client, "story").await.len(), 6);
        world.end().await;
    });
}

// Found by the world: where descriptors had run out, the cache of open segments waited for a lock of its own.
#[test]
fn a_node_without_a_descriptor_to_spare_goes_on() {
    simulate(5, || async {
        let mut options = Options::quiet();
        // Many segments, of which a few are open.
        options.node.settings.extend(["log.index.interval.bytes=0", "log.index.size.max.bytes=24"].map(str::to_owned));
        let mut world = World::new(options, SeededEntropy::new(5), false);
        Box::pin(world.node().start()).await.expect("nothing hinders it");
        let mut client = world.client();
        create(&mut client, "story").await;
        for offset in 0..60 {
            assert_eq!(produce(&mut client, "story", b"record").await, Some(Ok(offset)));
        }
        for offset in 0..60 {
            world.node().disk().fail_next_open();
            assert_eq!(fetch(&mut client, "story", offset).await.error_code, 0);
        }
        world.end().await;
    });
}

#[test]
fn while_the_flusher_is_held_nothing_is_acknowledged_and_nothing_new_is_seen() {
    simulate(1, || async {
        let (mut world, mut client) = world().await;
        assert_eq!(produce(&mut client, "story", b"before").await, Some(Ok(0)));

        world.node().workers().expect("it runs").hold(Lane::Flush);
        let mut writer = world.client();
        let acknowledged = world.clients.spawn(async move { produce(&mut writer, "story", b"held").await });
        timer::sleep(Duration::from_secs(5)).await;
        assert!(!acknowledged.is_finished());
        let data = fetch(&mut client, "story", 1).await;
        assert_eq!((data.high_watermark, data.records), (1, Some(Bytes::new())));
        assert_eq!(read_all(&mut client, "story").await, ["before"]);

        world.node().workers().expect("it runs").release(Lane::Flush);
        assert_eq!(acknowledged.await.unwrap(), Some(Ok(1)));
        assert_eq!(read_all(&mut client, "story").await, ["before", "held"]);
        world.end().await;
    });
}

#[test]
fn nothing_is_acknowledged_after_a_failed_sync_and_the_node_ends() {
    for fault in [SyncFault::DropsPages, SyncFault::KeepsPages] {
        simulate(2, || async {
            let (mut world, mut client) = world().await;
            assert_eq!(produce(&mut client, "story", b"before").await, Some(Ok(0)));

            world.node().disk().fail_next_sync(fault);
            let failed = produce(&mut client, "story", b"failed").await;
            assert!(!matches!(failed, Some(Ok(_))), "{failed:?}");
            let after = produce(&mut client, "story", b"after").await;
            assert!(!matches!(after, Some(Ok(_))), "{after:?}");
            let reason = timer::timeout(PATIENCE, world.node().failed()).await.expect("it ends");
            assert!(reason.to_string().contains("log directory"), "{reason:#}");

            Box::pin(world.node().crash()).await;
            Box::pin(world.node().start()).await.expect("the disk works again");
            assert_eq!(read_all(&mut client, "story").await.first().map(Bytes::as_ref), Some(&b"before"[..]));
            world.end().await;
        });
    }
}

#[test]
fn a_full_disk_refuses_writes_serves_reads_and_takes_writes_again_when_a_topic_goes() {
    simulate(3, || async {
        let (mut world, mut client) = world().await;
        create(&mut client, "ballast").await;
        let value = vec![7; 20_000];
        for _ in 0..100 {
            assert!(matches!(produce(&mut client, "ballast", &value).await, Some(Ok(_))));
        }
        let used = world.node().used_bytes();
        world.node().disk().set_capacity(Some(used + 200_000));

        let mut acknowledged = 0;
        let refusal = loop {
            match produce(&mut client, "story", &value).await.expect("it is answered") {
                Ok(_) => acknowledged += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(refusal, ErrorCode::KafkaStorageError);
        assert!(acknowledged > 0);
        assert_eq!(read_all(&mut client, "story").await.len(), acknowledged);

        let request = requests::delete_topic("ballast");
        let deleted = client.call(requests::DELETE_TOPICS_VERSION, &request, PATIENCE).await.expect("it is answered");
        assert_eq!(deleted.responses[0].error_code, 0);
        let resumed = async {
            while !matches!(produce(&mut client, "story", &value).await, Some(Ok(_))) {
                timer::sleep(Duration::from_millis(100)).await;
            }
        };
        timer::timeout(Duration::from_secs(30), resumed).await.expect("there is room again");
        assert_eq!(read_all(&mut client, "story").await.len(), acknowledged + 1);
        world.end().await;
    });
}

#[test]
fn a_topic_created_on_a_full_disk_is_served_when_there_is_room() {
    simulate(4, || async {
        let (mut world, mut client) = world().await;
        let used = world.node().used_bytes();
        world.node().disk().set_capacity(Some(used));
        create(&mut client, "late").await;
        assert!(!matches!(produce(&mut client, "late", b"value").await, Some(Ok(_))));

        world.node().disk().set_capacity(None);
        let served = async {
            while !matches!(produce(&mut client, "late", b"value").await, Some(Ok(_))) {
                timer::sleep(Duration::from_millis(100)).await;
            }
        };
        timer::timeout(Duration::from_secs(15), served).await.expect("there is room");
        world.end().await;
    });
}

#[test]
fn a_topic_created_again_keeps_its_own_records_through_a_power_cut() {
    simulate(5, || async {
        let (mut world, mut client) = world().await;
        for _ in 0..20 {
            assert!(matches!(produce(&mut client, "story", b"old").await, Some(Ok(_))));
        }
        // Everything is written down about the old topic.
        timer::sleep(Duration::from_secs(10)).await;
        let request = requests::delete_topic("story");
        let deleted = client.call(requests::DELETE_TOPICS_VERSION, &request, PATIENCE).await.expect("it is answered");
        assert_eq!(deleted.responses[0].error_code, 0);
        create(&mut client, "story").await;
        assert_eq!(produce(&mut client, "story", b"new").await, Some(Ok(0)));

        Box::pin(world.node().crash()).await;
        Box::pin(world.node().start()).await.expect("the disk works");
        assert_eq!(read_all(&mut client, "story").await, ["new"]);
        assert_eq!(produce(&mut client, "story", b"newer").await, Some(Ok(1)));
        world.end().await;
    });
}
