//! Finding offsets: by time, at the ends of the log, and where a leader epoch ended. What a consumer asks before it reads.

use ottla_base::{LeaderEpoch, Offset, Timestamp};

use crate::{Error, Isolation, Partition};

/// Which offset is wanted (ListOffsets).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetLookup {
    /// The first offset of the log.
    Earliest,
    /// The end of what the reader may see.
    Latest,
    /// That of the first record with the largest timestamp (KIP-734).
    MaxTimestamp,
    /// That of the first record whose timestamp is this one or later.
    AtOrAfter(Timestamp),
}

impl OffsetLookup {
    /// Whether it looks at records, which may have to come from disk.
    pub fn may_block(self) -> bool {
        match self {
            OffsetLookup::Earliest | OffsetLookup::Latest => false,
            OffsetLookup::MaxTimestamp | OffsetLookup::AtOrAfter(_) => true,
        }
    }
}

/// An offset that was looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundOffset {
    /// The offset.
    pub offset: Offset,
    /// The timestamp of the record there, [`Timestamp::NONE`] for the ends of the log.
    pub timestamp: Timestamp,
    /// The leader epoch of that offset, where the log knows it.
    pub leader_epoch: Option<LeaderEpoch>,
}

impl Partition {
    /// Looks an offset up among those that the reader may see. `None` where no record is as late as asked, or none has a timestamp.
    ///
    /// Errors: `NotLeader`, `Deleted`, `DirectoryOffline`, `FencedLeaderEpoch`, `UnknownLeaderEpoch`, what the disk says, and
    /// `OffsetNotAvailable`: a new leader does not know yet how far its predecessor had let consumers see, and would send them back.
    /// Source: Kafka `Partition.fetchOffsetForTimestamp`.
    pub fn find_offset(
        &self,
        lookup: OffsetLookup,
        isolation: Isolation,
        leader_epoch: Option<LeaderEpoch>,
    ) -> Result<Option<FoundOffset>, Error> {
        let current = self.check_leader_epoch(leader_epoch)?;
        let end = match isolation {
            Isolation::ReadUncommitted => self.high_watermark(),
            Isolation::ReadCommitted => self.last_stable_offset(),
        };
        let found = match lookup {
            OffsetLookup::Earliest => return Ok(Some(self.log_start())),
            OffsetLookup::Latest => {
                self.check_offsets_are_available(current)?;
                return Ok(Some(FoundOffset { offset: end, timestamp: Timestamp::NONE, leader_epoch: Some(current) }));
            }
            OffsetLookup::MaxTimestamp => self.log().offset_of_max_timestamp(end)?,
            OffsetLookup::AtOrAfter(timestamp) => self.log().offset_for_timestamp(timestamp, end)?,
        };
        if found.is_none() {
            self.check_offsets_are_available(current)?;
        }
        Ok(found.map(|found| FoundOffset {
            offset: found.offset,
            timestamp: found.timestamp,
            leader_epoch: Some(found.leader_epoch),
        }))
    }

    /// The largest leader epoch of the log that is at most `asked`, and the offset at which it ends (KIP-101, KIP-320); `None` where the
    /// log knows none. `leader_epoch` is the one that the caller knows, to be fenced by.
    ///
    /// Errors: `NotLeader`, `Deleted`, `DirectoryOffline`, `FencedLeaderEpoch`, `UnknownLeaderEpoch`.
    pub fn end_offset_for_epoch(
        &self,
        asked: LeaderEpoch,
        leader_epoch: Option<LeaderEpoch>,
    ) -> Result<Option<(LeaderEpoch, Offset)>, Error> {
        self.check_leader_epoch(leader_epoch)?;
        Ok(self.with_log(|log| log.end_offset_for_epoch(asked)))
    }

    fn log_start(&self) -> FoundOffset {
        self.with_log(|log| {
            let offset = log.log_start_offset();
            FoundOffset { offset, timestamp: Timestamp::NONE, leader_epoch: log.epoch_at(offset) }
        })
    }

    /// Whether the high watermark has come to where the leader's epoch begins. Below it, consumers may have seen more.
    fn check_offsets_are_available(&self, current: LeaderEpoch) -> Result<(), Error> {
        let predecessor = LeaderEpoch(current.0 - 1);
        let Some((_, epoch_start)) = self.with_log(|log| log.end_offset_for_epoch(predecessor)) else {
            return Ok(());
        };
        let high_watermark = self.high_watermark();
        if high_watermark < epoch_start {
            return Err(Error::OffsetNotAvailable { high_watermark, epoch_start });
        }
        Ok(())
    }
}
