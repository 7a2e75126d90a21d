//! OffsetFetch: the offsets of some partitions, or all that there are.

use ottla_base::TopicPartition;

use super::Offsets;
use crate::record::CommittedOffset;

impl Offsets {
    /// The offsets of `asked`, in that order, none where none is committed; without `asked`, all that there are.
    pub(crate) fn fetch(&self, asked: Option<&[TopicPartition]>) -> Vec<(TopicPartition, Option<CommittedOffset>)> {
        match asked {
            Some(asked) => {
                let fetch = |partition: &TopicPartition| (partition.clone(), self.get(partition).cloned());
                asked.iter().map(fetch).collect()
            }
            None => self.iter().map(|(partition, offset)| (partition, Some(offset.clone()))).collect(),
        }
    }
}
