//! [`Target`]: the broker that a client test talks to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use ottla_base::Offset;
use ottla_records::Compression;
use testkit::{Broker, Client, Kcat, requests};

/// Our binary, started for the test; or, where `OTTLA_E2E_BOOTSTRAP` names an address, whatever broker listens there,
/// so that what the tests expect can be asked of an Apache Kafka.
#[derive(Debug)]
pub struct Target {
    bootstrap: String,
    topics_made: AtomicU32,
    /// Keeps our own broker alive.
    _broker: Option<Broker>,
}

impl Target {
    /// Takes the broker that the environment names, or starts ours.
    pub fn start() -> Self {
        let (bootstrap, broker) = match std::env::var("OTTLA_E2E_BOOTSTRAP") {
            Ok(bootstrap) => (bootstrap, None),
            Err(_) => {
                let broker = Broker::start_default().expect("the broker starts");
                (broker.bootstrap(), Some(broker))
            }
        };
        Self { bootstrap, topics_made: AtomicU32::new(0), _broker: broker }
    }

    /// Where it listens, for `bootstrap.servers`.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Where it listens. The environment names it by number, not by name.
    pub fn address(&self) -> SocketAddr {
        self.bootstrap.parse().expect("an address and a port")
    }

    /// A raw connection.
    pub fn client(&self) -> Client {
        Client::connect(self.address()).expect("the broker listens")
    }

    /// kcat for it.
    pub fn kcat(&self) -> Kcat {
        Kcat::new(&self.bootstrap)
    }

    /// A name that no topic of this or an earlier run has.
    pub fn unused_topic_name(&self, subject: &str) -> String {
        let number = self.topics_made.fetch_add(1, Ordering::Relaxed);
        let thread = std::thread::current();
        let path = thread.name().expect("a test's thread has its name");
        let test = path.rsplit("::").next().expect("a path has an end");
        format!("{subject}-{test}-{}-{number}", std::process::id())
    }

    /// Creates a topic for `subject` under a name of its own, and returns the name once each partition has a leader.
    /// Where `configs` do not say otherwise it keeps its records: those of the tests have the times of years ago.
    pub fn create_topic(&self, subject: &str, partitions: i32, configs: &[(&str, &str)]) -> String {
        let topic = self.unused_topic_name(subject);
        let mut all = vec![("retention.ms", "-1")];
        all.retain(|(name, _)| configs.iter().all(|(given, _)| given != name));
        all.extend(configs);
        requests::make_topic(&mut self.client(), &topic, partitions, &all);
        topic
    }

    /// The codec of each batch in a topic's first partition.
    pub fn stored_compression(&self, topic: &str) -> Vec<Compression> {
        let fetch = requests::fetch(topic, 0, Offset::ZERO, 1 << 20, 1_000);
        let response = self.client().call(requests::FETCH_VERSION, &fetch).expect("Fetch is answered");
        let records = response.responses[0].partitions[0].records.clone().expect("records");
        let batches: Vec<_> = ottla_records::batches(records).map(|batch| batch.expect("a whole batch")).collect();
        assert!(!batches.is_empty());
        batches.iter().map(|batch| batch.header().attributes.compression().expect("a codec")).collect()
    }
}
