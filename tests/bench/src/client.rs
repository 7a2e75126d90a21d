//! A blocking client for what surrounds a measurement: creating and deleting topics, filling them, and reading back what was filled.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark talks over real sockets in real time"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::{CreateTopicsRequest, DeleteTopicsRequest};
use kafka_protocol::protocol::{Request, StrBytes};

use crate::requests::{self, FETCH_VERSION, PRODUCE_VERSION};
use crate::wire;

const CREATE_TOPICS_VERSION: i16 = 5;
const DELETE_TOPICS_VERSION: i16 = 4;
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long is waited before something that is not ready yet is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(2);

/// One connection with one request in flight.
#[derive(Debug)]
pub(crate) struct Client {
    socket: TcpStream,
    next_correlation_id: i32,
}

impl Client {
    /// Connects, trying again until `alive` fails or half a minute has passed: a server that was just started does not listen yet.
    pub(crate) fn connect(address: SocketAddr, mut alive: impl FnMut() -> Result<()>) -> Result<Client> {
        let deadline = Instant::now() + TIMEOUT;
        let socket = loop {
            match TcpStream::connect(address) {
                Ok(socket) => break socket,
                Err(error) if Instant::now() > deadline => {
                    return Err(error).with_context(|| format!("connect to {address}"));
                }
                Err(_) => alive()?,
            }
            std::thread::park_timeout(RETRY_PAUSE);
        };
        socket.set_nodelay(true).context("set TCP_NODELAY")?;
        socket.set_read_timeout(Some(TIMEOUT)).context("set a read timeout")?;
        Ok(Client { socket, next_correlation_id: 1 })
    }

    /// Creates a topic with one replica and waits until each of its partitions takes `batch`, which every one of them then holds once.
    pub(crate) fn create_topic(
        &mut self,
        topic: &str,
        partitions: i32,
        configs: &[(&'static str, &'static str)],
        batch: &Bytes,
    ) -> Result<()> {
        let configs = configs
            .iter()
            .map(|&(name, value)| {
                let value = Some(StrBytes::from_static_str(value));
                CreatableTopicConfig::default().with_name(StrBytes::from_static_str(name)).with_value(value)
            })
            .collect();
        let creatable = CreatableTopic::default()
            .with_name(requests::name(topic))
            .with_num_partitions(partitions)
            .with_replication_factor(1)
            .with_configs(configs);
        let request = CreateTopicsRequest::default().with_topics(vec![creatable]).with_timeout_ms(30_000);
        let response = self.call(&request, CREATE_TOPICS_VERSION)?;
        let result = response.topics.first().context("the answer names no topic")?;
        ensure!(result.error_code == 0, "create {topic}: error {} {:?}", result.error_code, result.error_message);
        for partition in 0..partitions {
            self.first_produce(topic, partition, batch)?;
        }
        Ok(())
    }

    /// Deletes a topic.
    pub(crate) fn delete_topic(&mut self, topic: &str) -> Result<()> {
        let request =
            DeleteTopicsRequest::default().with_topic_names(vec![requests::name(topic)]).with_timeout_ms(30_000);
        let response = self.call(&request, DELETE_TOPICS_VERSION)?;
        let error_code = response.responses.first().context("the answer names no topic")?.error_code;
        ensure!(error_code == 0, "delete {topic}: error {error_code}");
        Ok(())
    }

    /// Produces until the partition has its leader; the offset must be 0.
    fn first_produce(&mut self, topic: &str, partition: i32, batch: &Bytes) -> Result<()> {
        let request = requests::produce_request(topic, partition, batch.clone(), 1);
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let response = self.call(&request, PRODUCE_VERSION)?;
            let result = response.responses.first().and_then(|topic| topic.partition_responses.first());
            let result = result.context("the answer names no partition")?;
            if result.error_code == 0 {
                ensure!(
                    result.base_offset == 0,
                    "the first batch of {topic}-{partition} got offset {}",
                    result.base_offset
                );
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{topic}-{partition} still answers error {}", result.error_code);
            }
            std::thread::park_timeout(RETRY_PAUSE);
        }
    }

    /// Fetches `records_bytes` from `offset` of partition 0 and checks that it is whole batches that begin there.
    pub(crate) fn check_fetch(&mut self, topic: &str, offset: i64, records_bytes: usize) -> Result<()> {
        let response = self.call(&requests::fetch_request(topic, offset, records_bytes)?, FETCH_VERSION)?;
        let partition = response.responses.first().and_then(|topic| topic.partitions.first());
        let partition = partition.context("the answer names no partition")?;
        ensure!(partition.error_code == 0, "fetch {topic} at {offset}: error {}", partition.error_code);
        let records = partition.records.as_deref().unwrap_or_default();
        ensure!(
            records.len() == records_bytes,
            "fetch {topic} at {offset}: {} bytes where {records_bytes} were asked",
            records.len()
        );
        let base_offset =
            i64::from_be_bytes(records[..8].try_into().expect("a batch begins with eight bytes of offset"));
        ensure!(base_offset == offset, "fetch {topic} at {offset}: the first batch is at {base_offset}");
        Ok(())
    }

    fn call<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response> {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id += 1;
        self.socket.write_all(&wire::request_frame(request, version, correlation_id)?).context("send a request")?;
        let mut prefix = [0; 4];
        self.socket.read_exact(&mut prefix).context("receive an answer")?;
        let mut frame = vec![0; usize::try_from(i32::from_be_bytes(prefix)).context("read an answer's length")?];
        self.socket.read_exact(&mut frame).context("receive an answer")?;
        wire::decode_response(Bytes::from(frame), version, correlation_id)
    }
}
