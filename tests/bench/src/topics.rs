//! What surrounds a measurement: creating topics, filling them, looking once at what is read from them, deleting them.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use ottla_base::Offset;
use testkit::requests::{self, CREATE_TOPICS_VERSION, DELETE_TOPICS_VERSION, FETCH_VERSION, PRODUCE_VERSION};
use testkit::{Client, wait};

use crate::prebuilt::{self, FETCH_WAIT_MS};
use crate::replay::Replayer;

/// Creates a topic with one replica and waits until each of its partitions takes `batch`, which every one of them then
/// holds once.
pub(crate) fn create(
    address: SocketAddr,
    topic: &str,
    partitions: i32,
    configs: &[(&str, &str)],
    batch: &Bytes,
) -> Result<()> {
    let mut client = Client::connect(address)?;
    let response = client.call(CREATE_TOPICS_VERSION, &requests::create_topic(topic, partitions, configs))?;
    let result = response.topics.first().context("the answer names no topic")?;
    ensure!(result.error_code == 0, "create {topic}: error {} {:?}", result.error_code, result.error_message);
    for partition in 0..partitions {
        let outcome = wait::for_up_to(wait::PATIENCE, || {
            let error_code = produce_first(&mut client, topic, partition, batch);
            // A partition that was just created may not have its leader yet.
            (!matches!(error_code, Ok(code) if code != 0)).then_some(error_code)
        });
        outcome.with_context(|| format!("{topic}-{partition} takes no batch"))??;
    }
    Ok(())
}

/// Creates a topic of one partition and writes `batch` to it `count` times.
pub(crate) fn create_filled(address: SocketAddr, topic: &str, batch: &Bytes, count: u64) -> Result<()> {
    create(address, topic, 1, &[], batch)?;
    let produce = prebuilt::produce(topic, 0, batch.clone(), 1)?;
    // The first batch is there already: it showed that the topic takes writes.
    Replayer::connect(address, 1, 5, &[produce])?.run(count - 1)?;
    Ok(())
}

/// Deletes a topic.
pub(crate) fn delete(address: SocketAddr, topic: &str) -> Result<()> {
    let response = Client::connect(address)?.call(DELETE_TOPICS_VERSION, &requests::delete_topic(topic))?;
    let error_code = response.responses.first().context("the answer names no topic")?.error_code;
    ensure!(error_code == 0, "delete {topic}: error {error_code}");
    Ok(())
}

/// Fetches `records_bytes` from each of `offsets` in partition 0, and checks that what comes is that many bytes of
/// batches that begin there. The replayer looks at lengths and error codes only.
pub(crate) fn check_fetches(address: SocketAddr, topic: &str, offsets: &[Offset], records_bytes: usize) -> Result<()> {
    let mut client = Client::connect(address)?;
    let max_bytes = i32::try_from(records_bytes).context("the fetch is too large")?;
    for &offset in offsets {
        let request = requests::fetch(topic, 0, offset, max_bytes, FETCH_WAIT_MS);
        let response = client.call(FETCH_VERSION, &request)?;
        let partition = response.responses.first().and_then(|topic| topic.partitions.first());
        let partition = partition.context("the answer names no partition")?;
        ensure!(partition.error_code == 0, "fetch {topic} at {offset}: error {}", partition.error_code);
        let records = partition.records.as_deref().unwrap_or_default();
        ensure!(
            records.len() == records_bytes,
            "fetch {topic} at {offset}: {} of {records_bytes} bytes",
            records.len()
        );
        let base_offset = i64::from_be_bytes(records[..8].try_into().expect("a batch begins with its offset"));
        ensure!(base_offset == offset.0, "fetch {topic} at {offset}: the first batch is at {base_offset}");
    }
    Ok(())
}

/// Produces once and returns the error code; a success must be the partition's first.
fn produce_first(client: &mut Client, topic: &str, partition: i32, batch: &Bytes) -> Result<i16> {
    let response = client.call(PRODUCE_VERSION, &requests::produce(topic, partition, batch.clone(), 1))?;
    let result = response.responses.first().and_then(|topic| topic.partition_responses.first());
    let result = result.context("the answer names no partition")?;
    if result.error_code == 0 {
        ensure!(result.base_offset == 0, "the first batch of {topic}-{partition} got offset {}", result.base_offset);
    }
    Ok(result.error_code)
}
