//! Random histories: whatever happens, in whatever order, a shard that is loaded from the records is the one that lives, every parked
//! request is answered once, and nobody keeps a place for ever.

use std::time::Duration;

use proptest::prelude::*;

use crate::testing::{Coordinator, committing, heartbeat, joining, partition, seconds, subscription, syncing};
use crate::{
    AppendError, Completed, Config, DeleteOffsets, JoinGroup, JoinedGroup, LeaveGroup, LeavingMember, Protocol, Ticket,
};

const GROUPS: [&str; 2] = ["billing-service", "email-service"];
const CLIENTS: usize = 5;

#[derive(Clone, Debug)]
enum Op {
    Join {
        client: usize,
        protocols: usize,
    },
    Sync {
        client: usize,
    },
    Heartbeat {
        client: usize,
    },
    Leave {
        client: usize,
        by_instance_id: bool,
    },
    /// The client comes back and knows nothing.
    Restart {
        client: usize,
    },
    Commit {
        client: usize,
        partition: i32,
        retention: Option<u32>,
    },
    CommitAlone {
        group: usize,
        partition: i32,
    },
    DeleteOffsets {
        group: usize,
    },
    DeleteGroup {
        group: usize,
    },
    ForgetPartitions {
        partition: i32,
    },
    Advance(Duration),
    FailAppends(bool),
    FailOver,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let client = || 0..CLIENTS;
    let group = || 0..GROUPS.len();
    let partition = || 0..3;
    let span = prop_oneof![
        4 => (1_u64..4000).prop_map(Duration::from_millis),
        3 => (4_u64..70).prop_map(seconds),
        1 => (1_u64..9).prop_map(|days| seconds(days * 24 * 3600)),
    ];
    let op = prop_oneof![
        8 => (client(), 0_usize..4).prop_map(|(client, protocols)| Op::Join { client, protocols }),
        6 => client().prop_map(|client| Op::Sync { client }),
        3 => client().prop_map(|client| Op::Heartbeat { client }),
        2 => (client(), any::<bool>()).prop_map(|(client, by_instance_id)| Op::Leave { client, by_instance_id }),
        2 => client().prop_map(|client| Op::Restart { client }),
        4 => (client(), partition(), prop::option::weighted(0.2, 0_u32..1_000_000))
            .prop_map(|(client, partition, retention)| Op::Commit { client, partition, retention }),
        2 => (group(), partition()).prop_map(|(group, partition)| Op::CommitAlone { group, partition }),
        1 => group().prop_map(|group| Op::DeleteOffsets { group }),
        1 => group().prop_map(|group| Op::DeleteGroup { group }),
        1 => partition().prop_map(|partition| Op::ForgetPartitions { partition }),
        8 => span.prop_map(Op::Advance),
        2 => any::<bool>().prop_map(Op::FailAppends),
        1 => Just(Op::FailOver),
    ];
    prop::collection::vec(op, 1..60)
}

/// A client as it sees itself. The first two are static members.
struct Client {
    group: usize,
    instance_id: Option<String>,
    member_id: String,
    joined: Option<JoinedGroup>,
    waits_for: Vec<Ticket>,
}

/// Weeks pass: retention is looked at a few times a day.
fn config() -> Config {
    Config { offsets_retention_check_interval: seconds(6 * 3600), ..crate::testing::config() }
}

struct History {
    coordinator: Coordinator,
    clients: Vec<Client>,
}

impl History {
    fn new() -> History {
        let client = |i: usize| Client {
            group: usize::from(i == CLIENTS - 1),
            instance_id: (i < 2).then(|| format!("instance-{i}")),
            member_id: String::new(),
            joined: None,
            waits_for: Vec::new(),
        };
        let mut coordinator = Coordinator::new();
        coordinator.shard.reconfigure(config());
        History { coordinator, clients: (0..CLIENTS).map(client).collect() }
    }

    fn run(mut self, ops: Vec<Op>) {
        for op in ops {
            self = self.step(op);
            self.read_answers();
        }
        self.end();
    }

    /// Everybody falls silent. However it stands, that empties every group, and answers every request.
    fn end(mut self) {
        self.coordinator.fail_appends(None);
        self.coordinator.advance(seconds(3600));
        self.read_answers();
        for (group_id, state) in self.coordinator.groups() {
            assert_eq!(state, "Empty", "{group_id} has members that nobody has heard of for an hour");
        }
        assert!(self.clients.iter().all(|client| client.waits_for.is_empty()), "every request is answered");
        // And with its offsets a group ends itself. One that expires on the client's word may outlive the others by 12 days.
        self.coordinator.advance(seconds(20 * 24 * 3600));
        assert_eq!(self.coordinator.groups(), []);
    }

    fn read_answers(&mut self) {
        for client in &mut self.clients {
            client.waits_for.retain(|ticket| match self.coordinator.take(*ticket) {
                None => true,
                Some(Completed::Join(Ok(joined))) => {
                    client.member_id = joined.member_id.to_string();
                    client.joined = Some(joined);
                    false
                }
                Some(Completed::Join(Err(crate::Error::MemberIdRequired { member_id }))) => {
                    client.member_id = member_id;
                    false
                }
                Some(
                    Completed::Join(Err(crate::Error::UnknownMember))
                    | Completed::Sync(Err(crate::Error::UnknownMember)),
                ) => {
                    client.member_id.clear();
                    false
                }
                Some(_) => false,
            });
        }
    }

    fn join_request(&self, client: &Client, protocols: usize) -> JoinGroup {
        let names = [&["range"][..], &["sticky", "range"], &["range", "sticky"], &["range"]][protocols];
        let topics = if protocols == 3 { &["payments"][..] } else { &["orders"] };
        let protocol = |name: &&str| Protocol { name: (*name).into(), metadata: subscription(topics) };
        JoinGroup {
            group_id: GROUPS[client.group].to_owned(),
            group_instance_id: client.instance_id.clone(),
            protocols: names.iter().map(protocol).collect(),
            ..joining(&client.member_id, &[])
        }
    }

    fn step(mut self, op: Op) -> History {
        let Coordinator { shard, now, .. } = &mut self.coordinator;
        let now = *now;
        match op {
            Op::Join { client, protocols } => {
                let request = self.join_request(&self.clients[client], protocols);
                let ticket = self.coordinator.join(&request);
                self.clients[client].waits_for.push(ticket);
            }
            Op::Sync { client } => {
                let client = &mut self.clients[client];
                if let Some(joined) = &client.joined {
                    let mut request = syncing(joined);
                    request.group_id = GROUPS[client.group].to_owned();
                    request.group_instance_id = client.instance_id.clone();
                    client.waits_for.push(self.coordinator.sync(&request));
                }
            }
            Op::Heartbeat { client } => {
                let client = &self.clients[client];
                if let Some(joined) = &client.joined {
                    let mut request = heartbeat(joined);
                    request.group_id = GROUPS[client.group].to_owned();
                    let answer = shard.heartbeat(&request, now);
                    let _ = self.coordinator.step(answer);
                }
            }
            Op::Leave { client, by_instance_id } => {
                let client = &self.clients[client];
                let member_id = if by_instance_id { String::new() } else { client.member_id.clone() };
                let members = vec![LeavingMember { member_id, group_instance_id: client.instance_id.clone() }];
                let request = LeaveGroup { group_id: GROUPS[client.group].to_owned(), members };
                let answer = shard.leave_group(&request, now);
                let _ = self.coordinator.step(answer);
            }
            Op::Restart { client } => {
                self.clients[client].member_id.clear();
                self.clients[client].joined = None;
            }
            Op::Commit { client, partition: index, retention } => {
                let client = &self.clients[client];
                let mut request = committing(partition("orders", index), now.wall.0);
                request.group_id = GROUPS[client.group].to_owned();
                request.member_id = client.member_id.clone();
                request.group_instance_id = client.instance_id.clone();
                request.generation_id = client.joined.as_ref().map_or(-1, |joined| joined.generation_id);
                request.retention = retention.map(|retention| seconds(u64::from(retention)));
                request.offsets[0].leader_epoch = Some(ottla_base::LeaderEpoch(3));
                let answer = shard.commit_offsets(&request, now);
                let _ = self.coordinator.step(answer);
            }
            Op::CommitAlone { group, partition: index } => {
                let mut request = committing(partition("payments", index), now.wall.0);
                request.group_id = GROUPS[group].to_owned();
                let answer = shard.commit_offsets(&request, now);
                let _ = self.coordinator.step(answer);
            }
            Op::DeleteOffsets { group } => {
                let partitions = (0..3).flat_map(|i| [partition("orders", i), partition("payments", i)]).collect();
                let request = DeleteOffsets { group_id: GROUPS[group].to_owned(), partitions };
                let answer = shard.delete_offsets(&request, now);
                let _ = self.coordinator.step(answer);
            }
            Op::DeleteGroup { group } => {
                let answer = shard.delete_group(GROUPS[group], now);
                let _ = self.coordinator.step(answer);
            }
            Op::ForgetPartitions { partition: index } => {
                let answer = shard.forget_partitions(&[partition("orders", index)], now);
                let _ = self.coordinator.step(answer);
            }
            // What cannot be recorded is tried every second: days of that are long.
            Op::Advance(span) if shard.writer().failure.is_some() => self.coordinator.advance(span.min(seconds(100))),
            Op::Advance(span) => self.coordinator.advance(span),
            Op::FailAppends(fails) => self.coordinator.fail_appends(fails.then_some(AppendError::NotEnoughReplicas)),
            Op::FailOver => self.coordinator = self.coordinator.fail_over_with(config()),
        }
        self
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn what_lives_is_what_replays(ops in ops()) {
        History::new().run(ops);
    }
}
