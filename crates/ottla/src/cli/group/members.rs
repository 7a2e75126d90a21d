//! [`Members`]: what the coordinator of a group tells of it and of who is in it.

use std::ops::RangeInclusive;

use anyhow::Context;
use ottla_protocol::messages::DescribeGroupsRequest;
use ottla_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use serde::Serialize;

use super::group_id;
use crate::cli::connect::Session;
use crate::cli::consumer_protocol::{Partitions, assigned_partitions};
use crate::cli::refusal::Refusal;

/// Before the version that makes an error of a group that is not there: it is dead.
const VERSIONS: RangeInclusive<i16> = 0..=5;

/// What a coordinator calls a group that it does not have.
const DEAD: &str = "Dead";

/// A group and its members.
#[derive(Debug)]
pub(super) struct Members {
    /// Kafka's word for it: `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Stable`.
    pub(super) state: String,
    /// `consumer`, or what else its members are.
    pub(super) protocol_type: String,
    /// What the members have agreed upon: of consumers, how partitions are assigned.
    pub(super) protocol: String,
    /// In the order of their ids.
    pub(super) members: Vec<Member>,
}

/// One member.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Member {
    pub(super) member_id: String,
    /// Of a static member (KIP-345).
    pub(super) group_instance_id: Option<String>,
    pub(super) client_id: String,
    pub(super) host: String,
    /// What it is to read, by topic; none while the group rebalances.
    pub(super) partitions: Partitions,
}

impl Members {
    /// Asks the group's coordinator.
    pub(super) async fn of(session: &Session, group: &str) -> anyhow::Result<Members> {
        let request = DescribeGroupsRequest::default().with_groups(vec![group_id(group)]);
        let ask = async || {
            let response = session.coordinator(group).await?.call(VERSIONS, &request).await?;
            let described = response.groups.into_iter().next().context("the broker tells nothing of the group")?;
            Refusal::check(described.error_code, described.error_message.as_ref())?;
            Ok(Members::read(&described))
        };
        session.retrying(ask).await
    }

    /// Whether the coordinator has no such group, or one of a newer protocol.
    pub(super) fn is_dead(&self) -> bool {
        self.state == DEAD
    }

    fn read(described: &DescribedGroup) -> Members {
        let mut members: Vec<Member> = described.members.iter().map(Member::read).collect();
        members.sort_by(|one, other| one.member_id.cmp(&other.member_id));
        Members {
            state: described.group_state.to_string(),
            protocol_type: described.protocol_type.to_string(),
            protocol: described.protocol_data.to_string(),
            members,
        }
    }
}

impl Member {
    fn read(described: &DescribedGroupMember) -> Member {
        Member {
            member_id: described.member_id.to_string(),
            group_instance_id: described.group_instance_id.as_ref().map(|id| id.to_string()),
            client_id: described.client_id.to_string(),
            // Java shows an address without a name so.
            host: described.client_host.trim_start_matches('/').to_owned(),
            // Members that are no consumers have assignments of their own.
            partitions: assigned_partitions(&described.member_assignment).unwrap_or_default(),
        }
    }

    /// Whether the partition is this member's to read.
    pub(super) fn reads(&self, topic: &str, partition: i32) -> bool {
        self.partitions.get(topic).is_some_and(|partitions| partitions.contains(&partition))
    }
}
