//! [`Admin`]: creates a topic, uses it, deletes it, and looks that nothing of it comes back. Nobody else knows the topic.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use ottla_base::{Clock, Entropy};
use ottla_net::timer;
use ottla_protocol::ErrorCode;
use ottla_records::{BatchBuilder, Compression};

use super::messages::FetchTerms;
use super::{Surroundings, messages, reading, topics, value};

/// How long it waits for an answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a deleted topic may still be seen, or nobody be there to ask: longer than any fault lasts.
const GONE_WITHIN: Duration = Duration::from_secs(60);

/// The most records in each life of the topic.
const RECORDS_MAX: u64 = 12;

/// A client that has topics come and go.
pub(crate) struct Admin {
    around: Surroundings,
    topic: String,
    /// What surely was in an earlier life of the topic.
    buried: BTreeSet<u64>,
}

impl Admin {
    pub(crate) fn new(around: Surroundings) -> Admin {
        let topic = format!("passing-{}", around.name);
        Admin { around, topic, buried: BTreeSet::new() }
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.around.connection.address()
    }

    pub(crate) async fn run(mut self) {
        loop {
            let was_healed = self.around.is_healed();
            self.one_life().await;
            if was_healed {
                return;
            }
            timer::sleep(Duration::from_millis(self.around.entropy.below(3000))).await;
        }
    }

    async fn one_life(&mut self) {
        let partitions = 1 + self.around.entropy.below(2) as i32;
        topics::create(&mut self.around.connection, &self.around.journal, &self.topic, partitions, &[]).await;
        self.around.journal.trace(format_args!("{} is created", self.topic));
        let mut alive = BTreeSet::new();
        for _ in 0..self.around.entropy.below(RECORDS_MAX) {
            alive.extend(self.write().await);
        }
        alive.extend(self.read().await);
        topics::delete(&mut self.around.connection, &self.around.journal, &self.topic).await;
        self.around.journal.trace(format_args!("{} is deleted with {} records", self.topic, alive.len()));
        self.buried.extend(alive);
        timer::sleep(Duration::from_millis(self.around.entropy.below(2000))).await;
        self.wait_until_gone().await;
    }

    /// A broker may take a while to take up what the controller has decided, and then the topic is gone for good.
    async fn wait_until_gone(&mut self) {
        let begin = timer::now();
        while topics::exists(&mut self.around.connection, &self.topic).await != Some(false) {
            if begin.elapsed() > GONE_WITHIN {
                return self.around.journal.violation(format_args!("{} is still there after its deletion", self.topic));
            }
            self.around.connection.back_off().await;
        }
    }

    /// Writes one record; returns its number where that is acknowledged.
    async fn write(&mut self) -> Option<u64> {
        let number = self.around.journal.new_number();
        let mut builder = BatchBuilder::new(Compression::None);
        value::append(&mut builder, self.around.clock.wall(), number, 100, &self.around.entropy);
        let request = messages::produce(&[(&self.topic, 0, builder.build().bytes())], -1, 1000);
        let response = self.around.connection.call(messages::PRODUCE, &request, PATIENCE).await.ok()?;
        let code = response.responses.first()?.partition_responses.first()?.error_code;
        (code == ErrorCode::None.code()).then_some(number)
    }

    /// Reads what is there, and looks for what should not be.
    async fn read(&mut self) -> Vec<u64> {
        let terms = FetchTerms { wait_ms: 0, bytes_min: 0, bytes_max: 1 << 20, is_read_committed: false };
        let request = messages::fetch(&[(&self.topic, 0, 0)], terms);
        let answer = self.around.connection.call(messages::FETCH, &request, PATIENCE).await;
        let views = answer.as_ref().map(reading::views).unwrap_or_default();
        let numbers: Vec<_> = views.iter().flat_map(|view| view.records_from(0)).map(|(_, value)| value.0).collect();
        for number in numbers.iter().filter(|number| self.buried.contains(number)) {
            let topic = &self.topic;
            self.around.journal.violation(format_args!("{topic} has record {number} of a topic that was deleted"));
        }
        numbers
    }
}
