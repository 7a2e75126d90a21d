//! [`StateMachine`]: applies committed entries to the image and publishes it.
//!
//! The image lives in memory; what is on disk is the log and the newest snapshot. A response is sent only after the image that it
//! speaks of is published.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use ottla_base::Offset;
use ottla_metadata::{Image, decode_records};
use tokio::sync::watch;

use super::snapshot::{self, SnapshotFile};
use super::types::{Applied, LogId, Proposal, Snapshot, SnapshotMeta, StoredMembership, TypeConfig};

/// What the upkeep of the quorum has to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Upkeep {
    /// How many bytes of records were applied since the last snapshot.
    pub(crate) record_bytes: u64,
    /// How many voters the applied membership has.
    pub(crate) voters: usize,
}

/// The state after the last applied entry.
#[derive(Clone, Debug)]
struct State {
    last_applied: Option<LogId>,
    membership: StoredMembership,
    image: Arc<Image>,
}

#[derive(Debug)]
pub(crate) struct StateMachine {
    state: State,
    images: watch::Sender<Arc<Image>>,
    upkeep: Arc<watch::Sender<Upkeep>>,
    file: SnapshotFile,
}

/// Builds a snapshot of the state at the time when it was asked for.
#[derive(Debug)]
pub(crate) struct Builder {
    state: State,
    record_bytes: u64,
    upkeep: Arc<watch::Sender<Upkeep>>,
    file: SnapshotFile,
}

impl StateMachine {
    /// The state of the snapshot on disk, or the empty one. Blocks.
    pub(crate) fn open(file: SnapshotFile) -> Result<StateMachine, snapshot::Error> {
        let (meta, image) = file.load()?.unwrap_or_default();
        let SnapshotMeta { last_log_id, last_membership } = meta;
        let state = State { last_applied: last_log_id, membership: last_membership, image: Arc::new(image) };
        let images = watch::Sender::new(state.image.clone());
        let upkeep = Upkeep { record_bytes: 0, voters: state.membership.voter_ids().count() };
        Ok(StateMachine { state, images, upkeep: Arc::new(watch::Sender::new(upkeep)), file })
    }

    pub(crate) fn images(&self) -> watch::Receiver<Arc<Image>> {
        self.images.subscribe()
    }

    pub(crate) fn upkeep(&self) -> watch::Receiver<Upkeep> {
        self.upkeep.subscribe()
    }

    fn apply_proposal(&mut self, index: u64, proposal: &Proposal) -> io::Result<Applied> {
        self.upkeep.send_modify(|upkeep| upkeep.record_bytes += proposal.records.len() as u64);
        if self.state.image.metadata_offset != proposal.decided_on {
            return Ok(Applied::Stale);
        }
        let records = decode_records(&proposal.records).map_err(io::Error::other)?;
        self.state.image = Arc::new(self.state.image.apply(&records, Offset(index as i64)));
        Ok(Applied::Accepted)
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotData = Bytes;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        Ok((self.state.last_applied, self.state.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<TypeConfig>>> + Unpin + OptionalSend,
    {
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            let applied = match entry.payload {
                EntryPayload::Blank => Applied::Nothing,
                EntryPayload::Normal(proposal) => self.apply_proposal(entry.log_id.index(), &proposal)?,
                EntryPayload::Membership(membership) => {
                    self.state.membership = StoredMembership::new(Some(entry.log_id), membership);
                    let voters = self.state.membership.voter_ids().count();
                    self.upkeep.send_modify(|upkeep| upkeep.voters = voters);
                    Applied::Nothing
                }
            };
            self.state.last_applied = Some(entry.log_id);
            if applied == Applied::Accepted {
                self.images.send_replace(self.state.image.clone());
            }
            if let Some(responder) = responder {
                responder.send(applied);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        let record_bytes = self.upkeep.borrow().record_bytes;
        Builder { state: self.state.clone(), record_bytes, upkeep: self.upkeep.clone(), file: self.file.clone() }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, bytes: Bytes) -> io::Result<()> {
        let (found, image) = snapshot::decode(&bytes)?;
        if found != *meta {
            return Err(io::Error::other("the snapshot is another one than its sender says"));
        }
        self.file.replace(bytes).await?;
        let voters = found.last_membership.voter_ids().count();
        self.state =
            State { last_applied: found.last_log_id, membership: found.last_membership, image: Arc::new(image) };
        self.upkeep.send_replace(Upkeep { record_bytes: 0, voters });
        self.images.send_replace(self.state.image.clone());
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        self.file.read().await
    }
}

impl RaftSnapshotBuilder<TypeConfig> for Builder {
    type SnapshotData = Bytes;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let State { last_applied, membership, image } = &self.state;
        let meta = SnapshotMeta { last_log_id: *last_applied, last_membership: membership.clone() };
        let bytes = snapshot::encode(&meta, image);
        self.file.replace(bytes.clone()).await?;
        let record_bytes = self.record_bytes;
        self.upkeep.send_modify(|upkeep| upkeep.record_bytes = upkeep.record_bytes.saturating_sub(record_bytes));
        Ok(Snapshot { meta, snapshot: bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{directory, new_disk};
    use openraft::vote::RaftLeaderId;
    use ottla_base::ProducerId;
    use ottla_base::testing::InlineWorkers;
    use ottla_metadata::{ProducerIdsRecord, Record, encode_records};

    fn proposal(decided_on: i64, next: i64) -> Proposal {
        let mut records = Vec::new();
        encode_records(&[Record::ProducerIds(ProducerIdsRecord { next_producer_id: ProducerId(next) })], &mut records);
        Proposal { decided_on: Offset(decided_on), records: records.into() }
    }

    fn machine() -> StateMachine {
        StateMachine::open(SnapshotFile::new(new_disk(), Arc::new(InlineWorkers), directory())).expect("an empty disk")
    }

    #[test]
    fn an_entry_that_was_decided_on_another_image_does_nothing() {
        let mut machine = machine();
        assert_eq!(machine.apply_proposal(3, &proposal(-1, 10)).expect("sound"), Applied::Accepted);
        assert_eq!(machine.apply_proposal(4, &proposal(-1, 20)).expect("sound"), Applied::Stale);
        assert_eq!(machine.state.image.metadata_offset, Offset(3));
        assert_eq!(machine.state.image.next_producer_id, ProducerId(10));
        assert_eq!(machine.apply_proposal(5, &proposal(3, 20)).expect("sound"), Applied::Accepted);
        assert_eq!(machine.upkeep.borrow().record_bytes, 3 * proposal(0, 10).records.len() as u64);
    }

    #[test]
    fn records_of_a_newer_version_are_an_error_that_says_so() {
        let unknown = Proposal { decided_on: Offset(-1), records: Bytes::from_static(&[1, 2, 99, 0]) };
        let error = machine().apply_proposal(0, &unknown).expect_err("unknown");
        assert!(error.to_string().contains("newer version"), "{error}");
    }

    #[test]
    fn a_snapshot_that_is_another_one_is_not_installed() {
        let mut machine = machine();
        let bytes = snapshot::encode(&SnapshotMeta::default(), &Image::empty());
        let last_log_id = Some(LogId::new(super::super::types::LeaderId::new(1, 1), 5));
        let meta = SnapshotMeta { last_log_id, ..SnapshotMeta::default() };
        crate::testing::simulate(1, async {
            assert!(machine.install_snapshot(&meta, bytes).await.is_err());
        });
    }
}
