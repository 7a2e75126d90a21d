//! A full disk: writes are refused, reads go on, a topic can be deleted to make room, and writes go on by themselves.

use bytes::Bytes;
use ottla_base::Offset;
use ottla_protocol::ErrorCode;
use ottla_records::{Compression, batches};
use testkit::{Broker, Client, Launcher, Tmpfs, requests, wait};

const DISK_MEBIBYTES: u32 = 64;
const BATCH_BYTES: usize = 256 * 1024;
/// More than the disk could hold.
const BATCHES_MAX: usize = DISK_MEBIBYTES as usize * 1024 * 1024 / BATCH_BYTES * 2;

/// A batch of one record, which tells its `number` and does not compress.
fn batch(number: usize) -> Bytes {
    let mut value = number.to_be_bytes().to_vec();
    let mut random = number as u64 + 1;
    while value.len() < BATCH_BYTES {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        value.extend_from_slice(&random.to_be_bytes());
    }
    requests::batch(Compression::None, [value.as_slice()])
}

/// Writes one batch with acks=all; its offset, or the error.
fn write(client: &mut Client, topic: &str, number: usize) -> Result<i64, ErrorCode> {
    let request = requests::produce(topic, 0, batch(number), -1);
    let response = client.call(requests::PRODUCE_VERSION, &request).expect("Produce is answered");
    let partition = &response.responses[0].partition_responses[0];
    match ErrorCode::from_code(partition.error_code).expect("one of Kafka's codes") {
        ErrorCode::None => Ok(partition.base_offset),
        code => Err(code),
    }
}

/// All of a topic, each record with its offset.
fn read_all(client: &mut Client, topic: &str) -> Vec<(i64, Bytes)> {
    let mut records = Vec::new();
    loop {
        let next = records.last().map_or(0, |(offset, _)| offset + 1);
        let request = requests::fetch(topic, 0, Offset(next), 8 << 20, 0);
        let response = client.call(requests::FETCH_VERSION, &request).expect("Fetch is answered");
        let partition = &response.responses[0].partitions[0];
        assert_eq!(partition.error_code, 0, "reads go on");
        if next >= partition.high_watermark {
            return records;
        }
        for batch in batches(partition.records.clone().expect("records up to the high watermark")) {
            // The last one of an answer may be cut.
            let Ok(batch) = batch else { break };
            assert!(batch.crc_is_valid());
            let read = batch.records(BATCH_BYTES * 2).map(|record| record.expect("a record"));
            records.extend(read.map(|record| (record.offset.0, record.value.expect("a value"))));
        }
    }
}

/// Demands that `topic` holds each of `acknowledged`, batch numbers by their offsets, with all its bytes.
fn assert_holds(client: &mut Client, topic: &str, acknowledged: &[(i64, usize)]) {
    let records = read_all(client, topic);
    for &(offset, number) in acknowledged {
        let read = records.iter().find(|(found, _)| *found == offset).map(|(_, value)| value.as_ref());
        let written = batches(batch(number)).next().expect("a batch").expect("a whole one");
        let written = written.records(BATCH_BYTES * 2).next().expect("one record").expect("a record");
        assert!(read == written.value.as_deref(), "{topic}, offset {offset}: batch {number}");
    }
}

fn start(disk: &Tmpfs) -> Broker {
    let launcher = Launcher::default().data_dir(&disk.path().join("data")).setting("log.segment.bytes", 4 << 20);
    launcher.start().expect("the broker starts")
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room_and_loses_nothing() {
    let disk = Tmpfs::mount(DISK_MEBIBYTES).expect("root mounts a tmpfs");
    let mut broker = start(&disk);
    let mut client = broker.client().expect("the broker listens");
    requests::make_topic(&mut client, "kept", 1, &[("retention.ms", "-1")]);
    requests::make_topic(&mut client, "deleted", 1, &[("retention.ms", "-1")]);

    let mut kept = Vec::new();
    for number in 0..8 {
        kept.push((write(&mut client, "kept", number).expect("there is room"), number));
    }
    let mut filling = Vec::new();
    let refusal = (100..100 + BATCHES_MAX).find_map(|number| match write(&mut client, "deleted", number) {
        Ok(offset) => {
            filling.push((offset, number));
            None
        }
        Err(code) => Some(code),
    });
    assert_eq!(refusal, Some(ErrorCode::KafkaStorageError), "after {} batches", filling.len());
    assert!(filling.len() > 64, "most of the disk could be used: {} batches", filling.len());
    assert_eq!(write(&mut client, "kept", 8), Err(ErrorCode::KafkaStorageError), "no room for anybody");

    assert_holds(&mut client, "kept", &kept);
    assert_holds(&mut client, "deleted", &filling);
    assert!(broker.is_running());

    let response = client.call(requests::DELETE_TOPICS_VERSION, &requests::delete_topic("deleted")).expect("an answer");
    assert_eq!(response.responses[0].error_code, 0, "a topic can be deleted on the full disk");
    let offset = wait::until("writes go on", || write(&mut client, "kept", 9).ok());
    kept.push((offset, 9));
    for number in 10..40 {
        kept.push((write(&mut client, "kept", number).expect("there is room again"), number));
    }
    assert_holds(&mut client, "kept", &kept);

    broker.kill().expect("it ran until it was killed");
    broker.start().expect("it starts again");
    let mut client = broker.client().expect("the broker listens");
    requests::wait_for_leaders(&mut client, "kept", 1);
    assert_holds(&mut client, "kept", &kept);
}
