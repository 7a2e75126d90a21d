//! [`Selection`]: which partitions of which topics, as a user writes it.

use anyhow::{Result, bail};

use super::committed::ByPartition;
use crate::cli::connect::Session;
use crate::cli::consumer_protocol::Partitions;
use crate::cli::topic;

/// A topic, and perhaps only some of its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selection {
    topic: String,
    /// None for all that there are.
    partitions: Option<Vec<i32>>,
}

impl Selection {
    /// Reads `orders` or `orders:0,1`. No topic's name has a colon.
    pub(super) fn parse(text: &str) -> Result<Selection, String> {
        let (topic, partitions) = match text.split_once(':') {
            None => (text, None),
            Some((topic, partitions)) => {
                let partitions: Option<Vec<i32>> = partitions.split(',').map(partition).collect();
                (topic, Some(partitions.ok_or("write TOPIC or TOPIC:0,1 with numbers of partitions")?))
            }
        };
        if topic.is_empty() {
            return Err("it begins with a topic's name".to_owned());
        }
        Ok(Selection { topic: topic.to_owned(), partitions })
    }

    /// The partitions of `selections`, or those of `committed` where nothing is selected. Errors: a topic or a partition is not there.
    pub(super) async fn resolve(
        selections: &[Selection],
        session: &Session,
        committed: &ByPartition<i64>,
    ) -> Result<Partitions> {
        let mut chosen = Partitions::new();
        if selections.is_empty() {
            committed.keys().for_each(|(topic, partition)| chosen.entry(topic.clone()).or_default().push(*partition));
        }
        for selection in selections {
            let there = topic::partitions(session, &selection.topic).await?;
            let wanted = selection.partitions.clone().unwrap_or_else(|| there.clone());
            if let Some(missing) = wanted.iter().find(|partition| !there.contains(partition)) {
                bail!(topic::no_partition(&selection.topic, *missing, there.len()));
            }
            chosen.entry(selection.topic.clone()).or_default().extend(wanted);
        }
        for partitions in chosen.values_mut() {
            partitions.sort_unstable();
            partitions.dedup();
        }
        Ok(chosen)
    }

    /// Whether it names this partition.
    pub(super) fn contains(&self, topic: &str, partition: i32) -> bool {
        self.topic == topic && self.partitions.as_ref().is_none_or(|partitions| partitions.contains(&partition))
    }
}

fn partition(text: &str) -> Option<i32> {
    text.parse().ok().filter(|partition| *partition >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_alone_or_with_partitions() {
        let check = |text: &str, partitions: Option<&[i32]>| {
            let expected = Selection { topic: "orders".to_owned(), partitions: partitions.map(<[i32]>::to_vec) };
            assert_eq!(Selection::parse(text), Ok(expected), "{text}");
        };
        check("orders", None);
        check("orders:0", Some(&[0]));
        check("orders:2,11", Some(&[2, 11]));
        for wrong in ["", ":0", "orders:", "orders:1,", "orders:-1", "orders:a", "orders:0:1"] {
            assert!(Selection::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn it_contains_what_it_names() {
        let some = Selection::parse("orders:0,2").unwrap();
        assert!(some.contains("orders", 2) && !some.contains("orders", 1) && !some.contains("payments", 0));
        assert!(Selection::parse("orders").unwrap().contains("orders", 7));
    }
}
