//! What one client writes, the other reads, byte for byte: kcat over an old librdkafka, and the rdkafka crate over a
//! current one.

use e2e::{
    Sample, Target, assert_same, consumer, kcat_read, kcat_samples, kcat_write, produce, read, read_messages, samples,
};
use ottla_base::Timestamp;
use ottla_records::{BatchBuilder, Compression};
use rdkafka::consumer::Consumer as _;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use testkit::{requests, wait};

/// Those that a client can write today; see `both_clients_read_lz4`.
const CODECS: [(&str, Compression); 4] = [
    ("none", Compression::None),
    ("gzip", Compression::Gzip),
    ("snappy", Compression::Snappy),
    ("zstd", Compression::Zstd),
];

/// Takes the clock's timestamps off `read`, having checked that they lie between `before` and now.
fn without_timestamps(read: Vec<Sample>, before: i64) -> Vec<Sample> {
    let now = unix_millis();
    let check = |sample: Sample| {
        let timestamp = sample.timestamp.expect("every record has one");
        assert!((before..=now).contains(&timestamp), "{timestamp} is not from {before} to {now}");
        Sample { timestamp: None, ..sample }
    };
    read.into_iter().map(check).collect()
}

#[expect(clippy::disallowed_methods, reason = "what other programs stamp on records is compared with it")]
fn unix_millis() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("not so far from 1970")
}

fn rdkafka_to_kcat(target: &Target, settings: &[(&str, &str)]) -> String {
    let topic = target.create_topic("to-kcat", 1, &[]);
    let written = samples();
    for delivery in produce(target.bootstrap(), &topic, 0, settings, &written) {
        delivery.expect("every record is delivered");
    }
    assert_same(&kcat_read(&target.kcat(), &topic, 0, "beginning", written.len(), &[]), &written);
    topic
}

fn kcat_to_rdkafka(target: &Target, arguments: &[&str]) -> String {
    let topic = target.create_topic("from-kcat", 1, &[]);
    let (written, before) = (kcat_samples(), unix_millis());
    kcat_write(&target.kcat(), &topic, 0, &written, arguments);
    let read = read(target.bootstrap(), &topic, 0, Offset::Beginning, written.len());
    assert_same(&without_timestamps(read, before), &written);
    topic
}

#[test]
fn kcat_reads_what_rdkafka_writes_with_every_codec() {
    let target = Target::start();
    for (name, codec) in CODECS {
        let topic = rdkafka_to_kcat(&target, &[("compression.codec", name), ("linger.ms", "20")]);
        assert!(target.stored_compression(&topic).contains(&codec), "{name} is kept as it came");
    }
}

#[test]
fn rdkafka_reads_what_kcat_writes_with_every_codec() {
    let target = Target::start();
    for (name, codec) in CODECS {
        let topic = kcat_to_rdkafka(&target, &["-z", name, "-X", "linger.ms=20"]);
        assert!(target.stored_compression(&topic).contains(&codec), "{name} is switched on");
    }
}

/// Both libraries write lz4 only where the broker coordinates groups, which is how they tell its age; they read it
/// anywhere.
#[test]
fn both_clients_read_lz4() {
    let target = Target::start();
    let topic = target.create_topic("lz4", 1, &[]);
    let written = samples();
    let mut builder = BatchBuilder::new(Compression::Lz4);
    for Sample { key, value, headers, timestamp } in &written {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        let timestamp = Timestamp(timestamp.expect("every sample has one"));
        builder.append_with_headers(timestamp, key.as_deref(), value.as_deref(), &headers);
    }
    let request = requests::produce(&topic, 0, builder.build().bytes(), -1);
    let response = target.client().call(requests::PRODUCE_VERSION, &request).expect("Produce is answered");
    assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
    assert_eq!(target.stored_compression(&topic), [Compression::Lz4]);
    assert_same(&read(target.bootstrap(), &topic, 0, Offset::Beginning, written.len()), &written);
    assert_same(&kcat_read(&target.kcat(), &topic, 0, "beginning", written.len(), &[]), &written);
}

#[test]
fn kcat_reads_what_rdkafka_writes_with_every_kind_of_acknowledgement() {
    let target = Target::start();
    for acks in ["0", "1", "all"] {
        rdkafka_to_kcat(&target, &[("acks", acks)]);
    }
    rdkafka_to_kcat(&target, &[("enable.idempotence", "true")]);
}

#[test]
fn rdkafka_reads_what_kcat_writes_with_every_kind_of_acknowledgement() {
    let target = Target::start();
    for acks in ["acks=0", "acks=1", "acks=all", "enable.idempotence=true"] {
        kcat_to_rdkafka(&target, &["-X", acks]);
    }
}

#[test]
fn deliveries_name_the_offsets_in_order() {
    let target = Target::start();
    let topic = target.create_topic("offsets", 1, &[]);
    let deliveries = produce(target.bootstrap(), &topic, 0, &[("acks", "all")], &samples());
    let offsets: Vec<i64> = deliveries.into_iter().map(|delivery| delivery.expect("delivered")).collect();
    assert!(offsets.iter().copied().eq(0..samples().len() as i64), "{offsets:?}");
}

#[test]
fn both_clients_start_from_an_offset() {
    let target = Target::start();
    let topic = target.create_topic("offset", 1, &[]);
    let written = samples();
    produce(target.bootstrap(), &topic, 0, &[], &written);
    let rest = written.len() - 300;
    assert_same(&read(target.bootstrap(), &topic, 0, Offset::Offset(300), rest), &written[300..]);
    assert_same(&kcat_read(&target.kcat(), &topic, 0, "300", rest, &[]), &written[300..]);
    // Relative to the end.
    assert_same(&read(target.bootstrap(), &topic, 0, Offset::OffsetTail(4), 4), &written[written.len() - 4..]);
    assert_same(&kcat_read(&target.kcat(), &topic, 0, "-4", 4, &[]), &written[written.len() - 4..]);
}

#[test]
fn both_clients_start_from_a_time() {
    let target = Target::start();
    let topic = target.create_topic("time", 1, &[]);
    let written = samples();
    produce(target.bootstrap(), &topic, 0, &[], &written);
    let start = written.len() - 200;
    let timestamp = written[start].timestamp.expect("every sample has one");

    let consumer = consumer(target.bootstrap(), &topic, 0, Offset::Beginning, &[]);
    let mut times = TopicPartitionList::new();
    times.add_partition_offset(&topic, 0, Offset::Offset(timestamp)).expect("a time in the place of an offset");
    let found = consumer.offsets_for_times(times, wait::PATIENCE).expect("offsets for times");
    assert_eq!(found.elements()[0].offset(), Offset::Offset(start as i64));

    assert_same(&kcat_read(&target.kcat(), &topic, 0, &format!("s@{timestamp}"), 200, &[]), &written[start..]);
}

#[test]
fn a_time_after_the_last_record_has_no_offset() {
    let target = Target::start();
    let topic = target.create_topic("future", 1, &[]);
    produce(target.bootstrap(), &topic, 0, &[], &samples());
    let consumer = consumer(target.bootstrap(), &topic, 0, Offset::Beginning, &[]);
    let mut times = TopicPartitionList::new();
    times.add_partition_offset(&topic, 0, Offset::Offset(1_900_000_000_000)).expect("a time in the place of an offset");
    let found = consumer.offsets_for_times(times, wait::PATIENCE).expect("offsets for times");
    assert_eq!(found.elements()[0].offset(), Offset::End);
}

/// Nobody can tell from outside when a consumer has found the end, so records are written until it has got one: none
/// from before.
#[test]
fn rdkafka_starts_from_the_end() {
    let target = Target::start();
    let topic = target.create_topic("end", 1, &[]);
    let old = samples();
    produce(target.bootstrap(), &topic, 0, &[], &old);
    let consumer = consumer(target.bootstrap(), &topic, 0, Offset::End, &[]);
    let offset = wait::until("a record from after the end", || {
        produce(target.bootstrap(), &topic, 0, &[], &old[..1]);
        consumer.poll(std::time::Duration::from_millis(100)).map(|message| message.expect("a record").offset())
    });
    assert!(offset >= old.len() as i64, "{offset} was there before");
}

#[test]
fn kcat_starts_from_the_end() {
    let target = Target::start();
    let topic = target.create_topic("end", 1, &[]);
    let old = samples();
    produce(target.bootstrap(), &topic, 0, &[], &old);
    let new = Sample { value: Some(b"new".to_vec()), ..old[0].clone() };
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| kcat_read(&target.kcat(), &topic, 0, "end", 1, &[]));
        wait::until("kcat gets a record from after the end", || {
            produce(target.bootstrap(), &topic, 0, &[], std::slice::from_ref(&new));
            reader.is_finished().then_some(())
        });
        assert_same(&reader.join().expect("kcat reads"), std::slice::from_ref(&new));
    });
}

#[test]
fn a_consumer_waits_at_the_end_and_gets_what_comes() {
    let target = Target::start();
    let topic = target.create_topic("tail", 1, &[]);
    let consumer = consumer(target.bootstrap(), &topic, 0, Offset::Beginning, &[]);
    assert!(consumer.poll(std::time::Duration::from_millis(300)).is_none(), "nothing is there yet");
    let written = samples();
    produce(target.bootstrap(), &topic, 0, &[], &written);
    let offsets = read_messages(&consumer, written.len(), |message| message.offset());
    assert!(offsets.into_iter().eq(0..written.len() as i64));
}

#[test]
fn append_time_replaces_the_producers() {
    let target = Target::start();
    let topic = target.create_topic("append-time", 1, &[("message.timestamp.type", "LogAppendTime")]);
    let (written, before) = (samples(), unix_millis());
    produce(target.bootstrap(), &topic, 0, &[], &written);
    let expected: Vec<_> = written.into_iter().map(|sample| Sample { timestamp: None, ..sample }).collect();
    let read = read(target.bootstrap(), &topic, 0, Offset::Beginning, expected.len());
    assert_same(&without_timestamps(read, before), &expected);
    let read = kcat_read(&target.kcat(), &topic, 0, "beginning", expected.len(), &[]);
    assert_same(&without_timestamps(read, before), &expected);
}

#[test]
fn keys_choose_the_same_partition_in_both_clients() {
    let target = Target::start();
    let topic = target.create_topic("partitions", 8, &[]);
    for i in 0..40 {
        let key = format!("key-{i}");
        let input = format!("{key}|value\n");
        target.kcat().run(&["-P", "-t", &topic, "-K", "|"], input.as_bytes()).expect("kcat writes");
    }
    let held = |partition| {
        let consumer = consumer(target.bootstrap(), &topic, partition, Offset::Beginning, &[]);
        let (low, high) = consumer.fetch_watermarks(&topic, partition, wait::PATIENCE).expect("watermarks");
        assert_eq!(low, 0);
        high
    };
    let counts: Vec<i64> = (0..8).map(held).collect();
    assert_eq!(counts.iter().sum::<i64>(), 40, "{counts:?}");
    assert!(counts.iter().filter(|&&count| count > 0).count() > 4, "{counts:?}");
}
