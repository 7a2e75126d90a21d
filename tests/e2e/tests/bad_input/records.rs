//! Batches that are not what they should be. What is expected here is what Kafka does.

use bytes::Bytes;
use e2e::Target;
use ottla_base::{Offset, ProducerEpoch, ProducerId, Timestamp};
use ottla_protocol::ErrorCode;
use ottla_records::{BatchBuilder, Compression};
use testkit::{Broker, Client, Reply, requests};

fn produce(client: &mut Client, topic: &str, records: Bytes) -> ErrorCode {
    let request = requests::produce(topic, 0, records, -1);
    let response = client.call(requests::PRODUCE_VERSION, &request).expect("Produce is answered");
    let partition = &response.responses[0].partition_responses[0];
    assert_eq!(partition.base_offset == -1, partition.error_code != 0, "an offset, or an error: {partition:?}");
    ErrorCode::from_code(partition.error_code).expect("one of Kafka's codes")
}

fn log_end(client: &mut Client, topic: &str) -> i64 {
    let response = client.call(requests::LIST_OFFSETS_VERSION, &requests::list_offsets(topic, 0, -1));
    response.expect("ListOffsets is answered").topics[0].partitions[0].offset
}

fn builder(compression: Compression) -> BatchBuilder {
    let mut builder = BatchBuilder::new(compression);
    for i in 0..20 {
        builder.append(Timestamp(1_000 + i), Some(b"key"), Some(b"some value, some value, some value"));
    }
    builder
}

fn damaged(batch: &Bytes, position: usize, flip: u8) -> Bytes {
    let mut bytes = batch.to_vec();
    bytes[position] ^= flip;
    bytes.into()
}

/// `batch` with a header field overwritten and its CRC made right again.
fn forged(batch: &Bytes, position: usize, field: &[u8]) -> Bytes {
    let mut bytes = batch.to_vec();
    bytes[position..position + field.len()].copy_from_slice(field);
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes.into()
}

#[test]
fn a_wrong_crc_is_named_and_nothing_is_written() {
    let target = Target::start();
    let topic = target.create_topic("crc", 1, &[]);
    let mut client = target.client();
    for compression in Compression::ALL {
        let batch = builder(compression).build().bytes();
        for position in [17, 21, 40, batch.len() - 1] {
            let code = produce(&mut client, &topic, damaged(&batch, position, 1));
            assert_eq!(code, ErrorCode::CorruptMessage, "{compression}, byte {position}");
        }
    }
    assert_eq!(log_end(&mut client, &topic), 0);
}

#[test]
fn counts_and_offsets_that_do_not_fit_are_named_and_nothing_is_written() {
    let target = Target::start();
    let topic = target.create_topic("fields", 1, &[]);
    let mut client = target.client();
    let batch = builder(Compression::None).build().bytes();
    assert_eq!(produce(&mut client, &topic, forged(&batch, 0, &5_i64.to_be_bytes())), ErrorCode::InvalidRecord, "base");
    for count in [0, -1, 19, 21, i32::MAX] {
        let code = produce(&mut client, &topic, forged(&batch, 57, &i32::to_be_bytes(count)));
        assert_eq!(code, ErrorCode::InvalidRecord, "{count} records");
    }
    for last_offset_delta in [-1, 18, 20, i32::MAX] {
        let code = produce(&mut client, &topic, forged(&batch, 23, &i32::to_be_bytes(last_offset_delta)));
        assert_eq!(code, ErrorCode::InvalidRecord, "last offset delta {last_offset_delta}");
    }
    let control = builder(Compression::None).control().build().bytes();
    assert_eq!(produce(&mut client, &topic, control), ErrorCode::InvalidRecord, "a control batch");
    assert_eq!(log_end(&mut client, &topic), 0);
}

#[test]
fn two_batches_or_none_for_a_partition_are_refused() {
    let target = Target::start();
    let topic = target.create_topic("number", 1, &[]);
    let mut client = target.client();
    let batch = builder(Compression::None).build().bytes();
    assert_eq!(produce(&mut client, &topic, [&batch[..], &batch].concat().into()), ErrorCode::InvalidRecord, "two");
    assert_eq!(produce(&mut client, &topic, Bytes::new()), ErrorCode::InvalidRecord, "none");
    assert_eq!(log_end(&mut client, &topic), 0);
}

/// Kafka answers some of these with UNKNOWN_SERVER_ERROR, by which Java's producer loses its idempotence (KAFKA-14034).
/// Ours names the cause.
#[test]
fn payloads_that_no_codec_wrote_are_refused() {
    let broker = Broker::start_default().expect("the broker starts");
    let mut client = broker.client().expect("the broker listens");
    requests::make_topic(&mut client, "payload", 1, &[]);
    for compression in Compression::ALL {
        let batch = builder(compression).build().bytes();
        let noise: Vec<u8> = (0..batch.len() - 61).map(|i| (i * 37 % 251) as u8 | 0x80).collect();
        let code = produce(&mut client, "payload", forged(&batch, 61, &noise));
        assert!(code == ErrorCode::InvalidRecord || code == ErrorCode::CorruptMessage, "{compression}: {code}");
    }
    assert_eq!(log_end(&mut client, "payload"), 0);
}

#[test]
fn an_idempotent_batch_is_written_once_and_gaps_are_named() {
    let target = Target::start();
    let topic = target.create_topic("sequence", 1, &[]);
    let mut client = target.client();
    let batch = |sequence: i32, epoch: i16| {
        let batch = builder(Compression::None).producer(ProducerId(770_001), ProducerEpoch(epoch), sequence);
        batch.build().bytes()
    };
    assert_eq!(produce(&mut client, &topic, batch(0, 0)), ErrorCode::None);
    assert_eq!(produce(&mut client, &topic, batch(0, 0)), ErrorCode::None, "a duplicate is a success");
    assert_eq!(log_end(&mut client, &topic), 20, "and is not written again");
    assert_eq!(produce(&mut client, &topic, batch(40, 0)), ErrorCode::OutOfOrderSequenceNumber);
    assert_eq!(produce(&mut client, &topic, batch(20, 0)), ErrorCode::None);
    assert_eq!(
        produce(&mut client, &topic, batch(5, 1)),
        ErrorCode::OutOfOrderSequenceNumber,
        "a new epoch starts at 0"
    );
    assert_eq!(produce(&mut client, &topic, batch(0, 1)), ErrorCode::None);
    assert_eq!(produce(&mut client, &topic, batch(40, 0)), ErrorCode::InvalidProducerEpoch, "an old epoch is over");
    assert_eq!(log_end(&mut client, &topic), 60);
}

#[test]
fn old_formats_are_refused() {
    let target = Target::start();
    let topic = target.create_topic("magic", 1, &[]);
    let batch = builder(Compression::None).build().bytes();
    for magic in [0, 1, 3, 255] {
        let mut bytes = batch.to_vec();
        bytes[16] = magic;
        let mut client = target.client();
        client.send(requests::PRODUCE_VERSION, &requests::produce(&topic, 0, bytes.into(), -1)).expect("it is taken");
        // Kafka finds out while it decodes the request, and has an answer for some of these and none for others.
        assert_ne!(client.read_reply().expect("an answer, or the end"), Reply::Nothing, "magic {magic}");
    }
    let mut client = target.client();
    assert_eq!(log_end(&mut client, &topic), 0);
}

#[test]
fn a_read_from_outside_of_the_log_is_named() {
    let target = Target::start();
    let topic = target.create_topic("range", 1, &[]);
    let mut client = target.client();
    produce(&mut client, &topic, builder(Compression::None).build().bytes());
    for (offset, code) in [(21, ErrorCode::OffsetOutOfRange), (-1, ErrorCode::OffsetOutOfRange), (20, ErrorCode::None)]
    {
        let request = requests::fetch(&topic, 0, Offset(offset), 1 << 20, 10);
        let response = client.call(requests::FETCH_VERSION, &request).expect("Fetch is answered");
        assert_eq!(response.responses[0].partitions[0].error_code, code.code(), "offset {offset}");
    }
}
