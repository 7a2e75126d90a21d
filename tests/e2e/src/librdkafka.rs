//! Producing and consuming with a current librdkafka.

use std::sync::Mutex;
use std::time::Duration;

use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, DeliveryResult, Header, Headers as _, Message as _, OwnedHeaders, ToBytes};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use testkit::wait;

use crate::Sample;

const POLL: Duration = Duration::from_millis(50);

/// What a producer was told of one record: its offset, or why it may not have been written.
pub type Delivery = Result<i64, KafkaError>;

/// Gathers deliveries; each record carries its number.
#[derive(Debug, Default)]
struct Deliveries(Mutex<Vec<(usize, Delivery)>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<usize>;

    fn delivery(&self, result: &DeliveryResult<'_>, number: Box<usize>) {
        let delivery = match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.clone()),
        };
        self.0.lock().expect("nobody panics holding it").push((*number, delivery));
    }
}

/// A client's configuration: the broker, and `settings` on top.
pub fn config(bootstrap: &str, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("broker.address.family", "v4");
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config
}

/// An admin client.
pub fn admin(bootstrap: &str) -> AdminClient<DefaultClientContext> {
    config(bootstrap, &[]).create().expect("the configuration is right")
}

/// Writes `samples` to one partition, in order, and returns what became of each.
pub fn produce(
    bootstrap: &str,
    topic: &str,
    partition: i32,
    settings: &[(&str, &str)],
    samples: &[Sample],
) -> Vec<Delivery> {
    let config = config(bootstrap, settings);
    let producer: BaseProducer<Deliveries> =
        config.create_with_context(Deliveries::default()).expect("the configuration is right");
    for (number, sample) in samples.iter().enumerate() {
        producer
            .send(record(topic, partition, sample, number))
            .map_err(|(error, _)| error)
            .expect("the queue has room");
    }
    producer.flush(wait::PATIENCE).expect("everything is delivered, or failed, in time");
    let mut deliveries = std::mem::take(&mut *producer.context().0.lock().expect("nobody panics holding it"));
    deliveries.sort_by_key(|(number, _)| *number);
    assert_eq!(deliveries.len(), samples.len(), "each record has one outcome");
    deliveries.into_iter().map(|(_, delivery)| delivery).collect()
}

fn record<'a>(
    topic: &'a str,
    partition: i32,
    sample: &'a Sample,
    number: usize,
) -> BaseRecord<'a, impl ToBytes + ?Sized + 'a, impl ToBytes + ?Sized + 'a, Box<usize>> {
    let mut record = BaseRecord::<[u8], [u8], _>::with_opaque_to(topic, Box::new(number)).partition(partition);
    record.key = sample.key.as_deref();
    record.payload = sample.value.as_deref();
    record.timestamp = sample.timestamp;
    if !sample.headers.is_empty() {
        record.headers = Some(sample.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header { key, value: value.as_deref() })
        }));
    }
    record
}

/// A consumer of one partition, from `offset`. It belongs to no group: a group's name is only what the library asks
/// for.
pub fn consumer(
    bootstrap: &str,
    topic: &str,
    partition: i32,
    offset: Offset,
    settings: &[(&str, &str)],
) -> BaseConsumer {
    let mut config =
        config(bootstrap, &[("group.id", "none"), ("enable.auto.commit", "false"), ("check.crcs", "true")]);
    for (name, value) in settings {
        config.set(*name, *value);
    }
    let consumer: BaseConsumer = config.create().expect("the configuration is right");
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, partition, offset).expect("an offset to begin from");
    consumer.assign(&assignment).expect("the assignment is taken");
    consumer
}

/// Polls until `count` messages have come, and gives `take` each.
pub fn read_messages<T>(
    consumer: &BaseConsumer,
    count: usize,
    mut take: impl FnMut(&BorrowedMessage<'_>) -> T,
) -> Vec<T> {
    let mut taken = Vec::with_capacity(count);
    let deadline = wait::now() + wait::PATIENCE;
    while taken.len() < count {
        match consumer.poll(POLL) {
            Some(Ok(message)) => taken.push(take(&message)),
            // The library tries again by itself; what does not end well ends at the deadline.
            Some(Err(error)) => eprintln!("consumer: {error}"),
            None => {}
        }
        assert!(wait::now() < deadline, "{} of {count} records in {:?}", taken.len(), wait::PATIENCE);
    }
    taken
}

/// Reads `count` records of one partition from `offset`.
pub fn read(bootstrap: &str, topic: &str, partition: i32, offset: Offset, count: usize) -> Vec<Sample> {
    let consumer = consumer(bootstrap, topic, partition, offset, &[]);
    read_messages(&consumer, count, sample)
}

/// What a message holds.
pub fn sample(message: &BorrowedMessage<'_>) -> Sample {
    let header = |header: Header<'_, &[u8]>| (header.key.to_owned(), header.value.map(<[u8]>::to_vec));
    Sample {
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: message.headers().map(|headers| headers.iter().map(header).collect()).unwrap_or_default(),
        timestamp: message.timestamp().to_millis(),
    }
}
