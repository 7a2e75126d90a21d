//! `ottla group describe`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::Context;
use ottla_net::Topics;
use serde::Serialize;

use super::committed::{self, ByPartition};
use super::list;
use super::members::{Member, Members};
use crate::cli::connect::{Connect, Session};
use crate::cli::consumer_protocol::Partitions;
use crate::cli::offsets::{self, Position};
use crate::cli::output::{Output, note};
use crate::cli::table::Table;

/// Which groups to describe.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "COMMITTED is the next offset that the group reads, END the next one to be written, and LAG the messages between them.
Where the group has committed nothing for a partition, both are not known.

Example:
    ottla group describe email-service billing-service"
)]
pub(super) struct Describe {
    /// The groups' names
    #[arg(required = true, value_name = "GROUP")]
    groups: Vec<String>,

    #[command(flatten)]
    connect: Connect,

    #[command(flatten)]
    output: Output,
}

/// A group.
#[derive(Debug, Serialize)]
struct Described {
    group: String,
    state: String,
    protocol_type: String,
    protocol: String,
    /// Over all partitions; none where that of one is not known.
    lag: Option<i64>,
    partitions: Vec<Partition>,
    members: Vec<Member>,
}

/// How far the group is in one partition.
#[derive(Debug, Serialize)]
struct Partition {
    topic: String,
    partition: i32,
    /// None where nothing was committed.
    committed_offset: Option<i64>,
    /// None where the leader did not tell.
    end_offset: Option<i64>,
    lag: Option<i64>,
    /// Who reads it.
    member_id: Option<String>,
}

pub(super) fn run(describe: &Describe) -> anyhow::Result<()> {
    describe.connect.run(async |session| {
        let mut described = Vec::new();
        for group in &describe.groups {
            described.push(of_group(session, group).await?);
        }
        let human: Vec<String> = described.iter().map(Described::to_string).collect();
        describe.output.show(&described, &human.join("\n"))
    })
}

async fn of_group(session: &Session, group: &str) -> anyhow::Result<Described> {
    let mut members = Members::of(session, group).await?;
    if members.is_dead() {
        members.state = state_of_newer(session, group).await?;
    }
    let committed = committed::all(session, group).await?;
    let ends = ends(session, &partitions(&members.members, &committed)).await?;
    Ok(Described::new(group, members, &committed, &ends))
}

/// The state of a group that is none of the classic protocol. Errors: there is no such group at all.
async fn state_of_newer(session: &Session, group: &str) -> anyhow::Result<String> {
    let listed = list::all(session).await?.into_iter().find(|listed| listed.group == group);
    let listed =
        listed.with_context(|| format!("there is no group {group}: `ottla group list` shows those that there are"))?;
    note(format_args!("group {group} is of a newer protocol (KIP-848), whose members are not shown"));
    Ok(listed.state)
}

/// All that the group reads, or has read.
fn partitions(members: &[Member], committed: &ByPartition<i64>) -> BTreeSet<(String, i32)> {
    let flat = |partitions: &Partitions| -> Vec<(String, i32)> {
        let of_topic = |(topic, partitions): (&String, &Vec<i32>)| {
            partitions.iter().map(|partition| (topic.clone(), *partition)).collect::<Vec<_>>()
        };
        partitions.iter().flat_map(of_topic).collect()
    };
    members.iter().flat_map(|member| flat(&member.partitions)).chain(committed.keys().cloned()).collect()
}

/// The end of each of `partitions`; of those without a leader none.
async fn ends(session: &Session, partitions: &BTreeSet<(String, i32)>) -> anyhow::Result<ByPartition<Option<i64>>> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    partitions.iter().for_each(|(topic, partition)| topics.entry(topic).or_default().push(*partition));
    let names: Vec<&str> = topics.keys().copied().collect();
    session.cluster.metadata(Topics::Named(&names)).await?;
    let mut ends = ByPartition::new();
    for (topic, partitions) in topics {
        let known = offsets::known(session, topic, &partitions, Position::End).await;
        let end = |partition: i32| ((topic.to_owned(), partition), known.get(&partition).copied());
        ends.extend(partitions.into_iter().map(end));
    }
    Ok(ends)
}

impl Described {
    fn new(group: &str, members: Members, committed: &ByPartition<i64>, ends: &ByPartition<Option<i64>>) -> Described {
        let partitions: Vec<Partition> = ends
            .iter()
            .map(|((topic, partition), end_offset)| {
                let committed_offset = committed.get(&(topic.clone(), *partition)).copied();
                let reader = members.members.iter().find(|member| member.reads(topic, *partition));
                Partition {
                    topic: topic.clone(),
                    partition: *partition,
                    committed_offset,
                    end_offset: *end_offset,
                    // A log that was cut may end before what was committed.
                    lag: end_offset.zip(committed_offset).map(|(end, committed)| (end - committed).max(0)),
                    member_id: reader.map(|member| member.member_id.clone()),
                }
            })
            .collect();
        Described {
            group: group.to_owned(),
            state: members.state,
            protocol_type: members.protocol_type,
            protocol: members.protocol,
            lag: partitions.iter().map(|partition| partition.lag).sum(),
            partitions,
            members: members.members,
        }
    }

    fn offsets_table(&self) -> Table {
        let mut table = Table::new(["topic", "partition", "committed", "end", "lag", "client", "host"]);
        let or_dash = |number: Option<i64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        for partition in &self.partitions {
            let is_reader = |member: &&Member| Some(&member.member_id) == partition.member_id.as_ref();
            let reader = self.members.iter().find(is_reader);
            table.row([
                partition.topic.clone(),
                partition.partition.to_string(),
                or_dash(partition.committed_offset),
                or_dash(partition.end_offset),
                or_dash(partition.lag),
                reader.map(|member| member.client_id.clone()).unwrap_or_default(),
                reader.map(|member| member.host.clone()).unwrap_or_default(),
            ]);
        }
        table
    }

    fn members_table(&self) -> Table {
        let mut table = Table::new(["member", "client", "host", "static id", "partitions"]);
        for member in &self.members {
            let instance = member.group_instance_id.clone().unwrap_or_default();
            let of_topic = |(topic, partitions): (&String, &Vec<i32>)| {
                let partitions: Vec<String> = partitions.iter().map(i32::to_string).collect();
                format!("{topic}:{}", partitions.join(","))
            };
            let partitions: Vec<String> = member.partitions.iter().map(of_topic).collect();
            let (id, client, host) = (member.member_id.clone(), member.client_id.clone(), member.host.clone());
            table.row([id, client, host, instance, partitions.join(" ")]);
        }
        table
    }
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = match self.members.len() {
            1 => "1 member".to_owned(),
            members => format!("{members} members"),
        };
        write!(f, "group {}: {}, {members}", self.group, self.state)?;
        if !self.protocol.is_empty() {
            write!(f, ", assignor {}", self.protocol)?;
        }
        match self.lag {
            Some(lag) => writeln!(f, ", lag {lag}")?,
            None => writeln!(f, ", lag not known")?,
        }
        if !self.partitions.is_empty() {
            write!(f, "\n{}", self.offsets_table())?;
        }
        if !self.members.is_empty() {
            write!(f, "\n{}", self.members_table())?;
        }
        Ok(())
    }
}
