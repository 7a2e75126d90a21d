//! The operations on a group's offsets: OffsetCommit, OffsetFetch, OffsetDelete, and the end of the partitions that they are of.

use ottla_base::TopicPartition;

use super::members::check_group_id;
use super::{Answer, PartitionWriter, Shard};
use crate::group::offsets::{CommitOffsets, DeleteOffsets};
use crate::record::{CommittedOffset, Record};
use crate::{Error, Now};

/// One answer for each offset or partition of a request, or a refusal of them all.
pub type Each = Result<Vec<Result<(), Error>>, Error>;

impl<W: PartitionWriter> Shard<W> {
    /// OffsetCommit: one answer for each offset, `OffsetMetadataTooLarge` where it is not taken.
    ///
    /// A commit without generation is taken while the group has no members; a group that is not there comes into being by it. The
    /// member's session is renewed. Errors, with nothing taken: `GroupNotFound`, `UnknownMember`, `FencedInstance`,
    /// `IllegalGeneration`, `RebalanceInProgress`, `FieldTooLong`, `Append`.
    pub fn commit_offsets(&mut self, request: &CommitOffsets, now: Now) -> Answer<Each> {
        let result = self.try_commit(request, now);
        self.answer(result, Vec::new())
    }

    fn try_commit(&mut self, request: &CommitOffsets, now: Now) -> Each {
        match self.groups.get_mut(&request.group_id) {
            Some(group) => {
                let instance_id = request.group_instance_id.as_deref();
                group.classic.check_commit(&request.member_id, instance_id, request.generation_id)?;
                group.classic.on_commit(&request.member_id, now.monotonic);
            }
            None if request.generation_id < 0 => {}
            None => return Err(Error::GroupNotFound),
        }
        let decision = request.decide(self.config(), now.wall)?;
        self.append(decision.records, now)?;
        Ok(decision.results)
    }

    /// OffsetFetch: the offsets of `partitions` in their order, none where none is committed; without `partitions`, all that there are.
    /// A group that is not there has none.
    pub fn fetch_offsets(
        &self,
        group_id: &str,
        partitions: Option<&[TopicPartition]>,
    ) -> Answer<Vec<(TopicPartition, Option<CommittedOffset>)>> {
        let fetched = match self.groups.get(group_id) {
            Some(group) => group.offsets.fetch(partitions),
            None => crate::group::offsets::Offsets::default().fetch(partitions),
        };
        self.answer(fetched, Vec::new())
    }

    /// OffsetDelete: one answer for each partition, `SubscribedToTopic` where the group reads it. Errors, with nothing deleted:
    /// `EmptyGroupId`, `GroupNotFound`, `NonEmptyGroup`, `Append`.
    pub fn delete_offsets(&mut self, request: &DeleteOffsets, now: Now) -> Answer<Each> {
        let result = self.try_delete_offsets(request, now);
        self.answer(result, Vec::new())
    }

    fn try_delete_offsets(&mut self, request: &DeleteOffsets, now: Now) -> Each {
        check_group_id(&request.group_id)?;
        let (group_id, group) = self.groups.get_key_value(&request.group_id).ok_or(Error::GroupNotFound)?;
        let decision = group.delete_offsets(group_id, &request.partitions)?;
        self.append(decision.records, now)?;
        Ok(decision.results)
    }

    /// Ends the offsets of partitions that have been deleted, in all groups. Errors: `Append`, after which some may be left; it can be
    /// called again.
    pub fn forget_partitions(&mut self, partitions: &[TopicPartition], now: Now) -> Answer<Result<(), Error>> {
        let mut tombstones = Vec::new();
        for (group_id, group) in self.groups.iter() {
            let known = partitions.iter().filter(|partition| group.offsets.get(partition).is_some());
            tombstones.extend(known.map(|topic_partition| Record::OffsetCommit {
                group_id: group_id.clone(),
                topic_partition: topic_partition.clone(),
                value: None,
            }));
        }
        let result = self.append_tombstones(tombstones, now).map_err(Error::from);
        self.answer(result, Vec::new())
    }
}
