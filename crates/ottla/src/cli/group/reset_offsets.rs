//! `ottla group reset-offsets`.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::bail;
use ottla_protocol::ErrorCode;
use serde::Serialize;

use super::committed::{self, ByPartition, Identity};
use super::members::Members;
use super::selection::Selection;
use crate::cli::connect::{Connect, Session};
use crate::cli::consumer_protocol::Partitions;
use crate::cli::offsets::{self, Position};
use crate::cli::output::{Output, note};
use crate::cli::place::Place;
use crate::cli::refusal::Refusal;
use crate::cli::table::Table;

/// Whose offsets to set, and where to.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without --execute it shows what would change and changes nothing. Offsets outside of a log are moved to its nearer end. A group
that is not there yet is made.

--to takes a word, an offset, a time, or how long ago:
    beginning    end    42    2026-11-24T10:00:00Z    15m

Examples:
    ottla group reset-offsets email-service --to 1h
    ottla group reset-offsets email-service --topic orders:0,1 --by -10 --execute"
)]
pub(super) struct ResetOffsets {
    /// The group's name
    group: String,

    /// A topic, or some of its partitions; may be given more than once; all that the group has committed if not given
    #[arg(short, long, value_name = "TOPIC[:0,1]", value_parser = Selection::parse)]
    topic: Vec<Selection>,

    /// Where to go on
    #[arg(long, value_name = "WHERE", value_parser = Place::parse, required_unless_present = "by")]
    to: Option<Place>,

    /// How many messages to go forward, or back, from what is committed
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true, conflicts_with = "to")]
    by: Option<i64>,

    /// Do it
    #[arg(long)]
    execute: bool,

    #[command(flatten)]
    connect: Connect,

    #[command(flatten)]
    output: Output,
}

/// What is to become of one partition's offset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Change {
    topic: String,
    partition: i32,
    committed_offset: Option<i64>,
    new_offset: i64,
}

/// All of it.
#[derive(Debug, Serialize)]
struct Plan {
    group: String,
    executed: bool,
    changes: Vec<Change>,
}

pub(super) fn run(reset: &ResetOffsets) -> anyhow::Result<()> {
    reset.connect.run(async |session| {
        let group = &reset.group;
        let members = Members::of(session, group).await?;
        let busy = in_the_way(group, &members);
        if let Some(busy) = &busy {
            match reset.execute {
                true => bail!("{busy}"),
                false => note(format_args!("{busy}; what would change now:")),
            }
        }
        let committed = committed::all(session, group).await?;
        let chosen = Selection::resolve(&reset.topic, session, &committed).await?;
        if chosen.is_empty() {
            bail!("group {group} has committed nothing: name topics with --topic");
        }
        let changes = plan(session, reset, &chosen, &committed).await?;
        if reset.execute {
            execute(session, group, &changes).await?;
        }
        let plan = Plan { group: group.clone(), executed: reset.execute, changes };
        reset.output.show(&plan, &plan)
    })
}

/// Why the group's offsets cannot be set: its members would go on from where they are, and commit over it.
fn in_the_way(group: &str, members: &Members) -> Option<String> {
    let first = members.members.first()?;
    let others = match members.members.len() - 1 {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    Some(format!(
        "group {group} has members ({} at {}{others}), which go on from where they are: stop them first",
        first.client_id, first.host
    ))
}

async fn plan(
    session: &Session,
    reset: &ResetOffsets,
    chosen: &Partitions,
    committed: &ByPartition<i64>,
) -> anyhow::Result<Vec<Change>> {
    let mut changes = Vec::new();
    for (topic, partitions) in chosen {
        let starts = offsets::find(session, topic, partitions, Position::Beginning).await?;
        let ends = offsets::find(session, topic, partitions, Position::End).await?;
        let committed: BTreeMap<i32, i64> = partitions
            .iter()
            .filter_map(|partition| Some((*partition, *committed.get(&(topic.clone(), *partition))?)))
            .collect();
        let wanted = match (reset.to, reset.by) {
            (Some(place), _) => place.find(session, topic, partitions).await?,
            (None, by) => shifted(topic, partitions, &committed, by.unwrap_or_default())?,
        };
        changes.extend(partitions.iter().filter_map(|partition| {
            Some(Change {
                topic: topic.clone(),
                partition: *partition,
                committed_offset: committed.get(partition).copied(),
                new_offset: within(*wanted.get(partition)?, *starts.get(partition)?, *ends.get(partition)?),
            })
        }));
    }
    Ok(changes)
}

fn shifted(
    topic: &str,
    partitions: &[i32],
    committed: &BTreeMap<i32, i64>,
    by: i64,
) -> anyhow::Result<BTreeMap<i32, i64>> {
    if let Some(missing) = partitions.iter().find(|partition| !committed.contains_key(partition)) {
        bail!("nothing is committed for partition {missing} of {topic}, so there is nothing to shift: use --to");
    }
    Ok(committed.iter().map(|(partition, offset)| (*partition, offset.saturating_add(by))).collect())
}

/// The nearest to `offset` that the log has, its end included. The start may have passed the end since that was asked for.
fn within(offset: i64, start: i64, end: i64) -> i64 {
    offset.min(end).max(start)
}

async fn execute(session: &Session, group: &str, changes: &[Change]) -> anyhow::Result<()> {
    let offset = |change: &Change| ((change.topic.clone(), change.partition), change.new_offset);
    let offsets: ByPartition<i64> = changes.iter().map(offset).collect();
    let commit = async || {
        let coordinator = session.coordinator(group).await?;
        committed::commit(&coordinator, group, &Identity::of_nobody(), &offsets).await
    };
    session.retrying(commit).await.map_err(|error| {
        let refused = error.downcast_ref().and_then(Refusal::code);
        match refused {
            // Somebody has joined since the members were asked for.
            Some(ErrorCode::UnknownMemberId | ErrorCode::RebalanceInProgress) => {
                error.context(format!("group {group} has members by now: stop them first"))
            }
            _ => error,
        }
    })
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["topic", "partition", "committed", "new", "change"]);
        for Change { topic, partition, committed_offset, new_offset } in &self.changes {
            let committed = committed_offset.map_or_else(|| "-".to_owned(), |offset| offset.to_string());
            let change = committed_offset.map_or_else(|| "-".to_owned(), |offset| format!("{:+}", new_offset - offset));
            table.row([topic.clone(), partition.to_string(), committed, new_offset.to_string(), change]);
        }
        table.fmt(f)?;
        match self.executed {
            true => writeln!(f, "\nthe offsets of group {} are set", self.group),
            false => writeln!(f, "\nnothing has changed: add --execute to set the offsets of group {}", self.group),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_outside_of_a_log_are_moved_to_its_nearer_end() {
        let check = |offset, expected| assert_eq!(within(offset, 10, 20), expected, "{offset}");
        check(9, 10);
        check(10, 10);
        check(15, 15);
        check(20, 20);
        check(21, 20);
        assert_eq!(within(5, 30, 20), 30);
    }

    #[test]
    fn a_shift_needs_something_to_begin_from() {
        let committed = BTreeMap::from([(0, 5), (1, i64::MAX)]);
        assert_eq!(shifted("t", &[0, 1], &committed, 3).unwrap(), BTreeMap::from([(0, 8), (1, i64::MAX)]));
        let refused = shifted("t", &[0, 2], &committed, 3).unwrap_err().to_string();
        assert_eq!(refused, "nothing is committed for partition 2 of t, so there is nothing to shift: use --to");
    }

    #[test]
    fn a_plan_says_what_changes_and_that_nothing_has() {
        let change = |partition, committed_offset, new_offset| Change {
            topic: "orders".to_owned(),
            partition,
            committed_offset,
            new_offset,
        };
        let changes = vec![change(0, Some(12), 2), change(1, None, 7)];
        let plan = Plan { group: "g".to_owned(), executed: false, changes };
        let expected = "\
TOPIC   PARTITION  COMMITTED  NEW  CHANGE
orders          0         12    2     -10
orders          1          -    7       -

nothing has changed: add --execute to set the offsets of group g
";
        assert_eq!(plan.to_string(), expected);
    }
}
