//! [`Onlooker`]: asks again and again what groups have committed, over a plain socket.
//!
//! Whoever looks first after a restart sees what survived it, before any member has committed anew: it comes back
//! sooner than any client library does.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use history::groups::{CommitNumber, Group};
use history::{Key, Offset};
use ottla_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use ottla_protocol::messages::{GroupId, OffsetFetchRequest, OffsetFetchResponse, StrBytes};
use testkit::{Client, requests, wait};

use super::shared::{Shared, number_of};
use super::{GROUPS, group_name};
use crate::GroupCommit;

/// Many groups in one request, topics by name.
const VERSION: i16 = 8;

/// Between two looks at a broker that answers.
const PAUSE: Duration = Duration::from_millis(10);

/// Between two tries at one that does not.
const PAUSE_WITHOUT_BROKER: Duration = Duration::from_millis(1);

/// A connection, while there is one.
pub(super) struct Onlooker<'l> {
    shared: &'l Shared,
    address: SocketAddr,
    client: Option<Client>,
}

impl<'l> Onlooker<'l> {
    pub(super) fn new(shared: &'l Shared) -> Self {
        Self { shared, address: shared.bootstrap.parse().expect("an address and a port"), client: None }
    }

    /// Looks until the load is over.
    pub(super) fn run(&mut self) {
        while !self.shared.is_over() {
            let pause = match self.look() {
                Ok(()) => PAUSE,
                Err(_) => PAUSE_WITHOUT_BROKER,
            };
            wait::observe(pause, || self.shared.is_over().then_some(()));
        }
    }

    /// Asks once for what each group has committed. Errors: the broker is away, or does not know yet.
    pub(super) fn look(&mut self) -> Result<()> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => Client::connect(self.address)?,
        };
        let begun_ns = self.shared.recorder.now_ns();
        let response = client.call(VERSION, &self.request())?;
        self.note(begun_ns, &response)?;
        self.client = Some(client);
        Ok(())
    }

    fn request(&self) -> OffsetFetchRequest {
        let topic = OffsetFetchRequestTopics::default()
            .with_name(requests::topic_name(&self.shared.topic))
            .with_partition_indexes(self.shared.keys().map(number_of).collect());
        let group = |name| {
            OffsetFetchRequestGroup::default()
                .with_group_id(GroupId(StrBytes::from_static_str(name)))
                .with_topics(Some(vec![topic.clone()]))
        };
        OffsetFetchRequest::default().with_groups(GROUPS.map(group).to_vec())
    }

    fn note(&self, begun_ns: u64, response: &OffsetFetchResponse) -> Result<()> {
        let mut found = Vec::new();
        for number in (0..).map(Group).take(GROUPS.len()) {
            let of_group = response.groups.iter().find(|group| group.group_id.as_str() == group_name(number));
            let group = of_group.context("a group that was asked for is left out")?;
            ensure!(group.error_code == 0, "error {}", group.error_code);
            let partitions = group.topics.iter().flat_map(|topic| &topic.partitions);
            for partition in partitions {
                ensure!(partition.error_code == 0, "error {}", partition.error_code);
                let key = Key(u32::try_from(partition.partition_index)?);
                let metadata = partition.metadata.as_deref().unwrap_or_default();
                // No commit has the last of all numbers: what carries none is told to be nobody's.
                let commit = GroupCommit::number_in(metadata).unwrap_or(CommitNumber(u64::MAX));
                let is_there = partition.committed_offset >= 0;
                found.push((number, key, is_there.then_some((commit, Offset(partition.committed_offset)))));
            }
        }
        ensure!(found.len() == GROUPS.len() * self.shared.partitions as usize, "partitions are left out");
        self.shared.recorder.found(begun_ns, &found);
        Ok(())
    }
}
