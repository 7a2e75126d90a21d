//! [`Target`]: the broker that a client test talks to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

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
        let test = thread.name().expect("a test's thread has its name");
        format!("{subject}-{test}-{}-{number}", std::process::id())
    }

    /// Creates a topic for `subject` under a name of its own, and returns the name once each partition has a leader.
    /// Where `configs` do not say otherwise it keeps its records: those of the tests have the times of years ago.
    pub fn create_topic(&self, subject: &str, partitions: i32, configs: &[(&str, &str)]) -> String {
        let topic = self.unused_topic_name(subject);
        let mut all = vec![("retention.ms", "-1")];
        all.retain(|(name, _)| configs.iter().all(|(given, _)| given != name));
        all.extend(configs);
        create_topic(&mut self.client(), &topic, partitions, &all);
        topic
    }
}

/// Creates `topic` and returns once each partition has a leader.
fn create_topic(client: &mut Client, topic: &str, partitions: i32, configs: &[(&str, &str)]) {
    let request = requests::create_topic(topic, partitions, configs);
    let response = client.call(requests::CREATE_TOPICS_VERSION, &request).expect("CreateTopics is answered");
    assert_eq!(response.topics[0].error_code, 0, "{:?}", response.topics[0]);
    requests::wait_for_leaders(client, topic, partitions);
}
