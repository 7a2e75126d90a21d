//! The small files beside the Raft log. **This shapes bytes on disk.**
//!
//! - `quorum-state`: the vote and how far the log is purged. Replaced as a whole and durable before anything rests on it.
//! - `quorum-progress`: what is committed and how far the log is durable. A hint: written in place, synced only before the log is cut,
//!   and worth nothing where its checksum does not fit. Losing it costs a longer recovery, never a wrong one.

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Buf, BufMut};
use openraft::vote::RaftLeaderId;
use ottla_base::Offset;
use ottla_storage::disk::{self, Disk, File, Open, atomic_write, read_file};

use super::encoding::{Malformed, get_log_id, get_option, get_vote, put_log_id, put_option, put_vote, seal, unseal};
use super::types::{LeaderId, LogId, Vote};

const STATE_FILE: &str = "quorum-state";
const PROGRESS_FILE: &str = "quorum-progress";
const VERSION: u8 = 0;
/// Longer than either file ever is.
const FILE_LEN_MAX: u64 = 4096;

/// What must not be forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct QuorumState {
    /// The newest term that this voter knows, for whom it voted in it, and whether that leader was elected.
    pub(crate) vote: Option<Vote>,
    /// The last entry that is only in the snapshot.
    pub(crate) purged: Option<LogId>,
}

/// What is good to remember.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The last entry that is known to be committed.
    pub(crate) committed: Option<LogId>,
    /// All entries below were durable: what does not read back there was damaged later.
    pub(crate) durable_offset: Offset,
}

/// The files, in the quorum's directory.
#[derive(Clone, Debug)]
pub(crate) struct QuorumFiles {
    disk: Arc<dyn Disk>,
    state_path: PathBuf,
    progress: Arc<dyn File>,
}

/// Why the files cannot be relied on.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error("read {}: {problem}", path.display())]
    Malformed { path: PathBuf, problem: Malformed },
}

impl QuorumFiles {
    /// Opens the files in `directory`, which exists. Errors: a vote is there and cannot be read. Without it this voter must not go on.
    pub(crate) fn open(
        disk: &Arc<dyn Disk>,
        directory: &Path,
    ) -> Result<(QuorumFiles, QuorumState, Progress), ReadError> {
        let state_path = directory.join(STATE_FILE);
        let state = match read_file(&**disk, &state_path, FILE_LEN_MAX)? {
            None => QuorumState::default(),
            Some(bytes) => {
                decode_state(&bytes).map_err(|problem| ReadError::Malformed { path: state_path.clone(), problem })?
            }
        };
        let progress_path = directory.join(PROGRESS_FILE);
        let progress = disk.open(&progress_path, Open::CreateIfMissing)?;
        let bytes = read_file(&**disk, &progress_path, FILE_LEN_MAX)?.unwrap_or_default();
        let hint = decode_progress(&bytes).unwrap_or(Progress { committed: None, durable_offset: Offset::ZERO });
        Ok((QuorumFiles { disk: disk.clone(), state_path, progress }, state, hint))
    }

    /// Replaces the state, durably.
    pub(crate) fn write_state(&self, state: &QuorumState) -> disk::Result<()> {
        atomic_write(&*self.disk, &self.state_path, &encode_state(state))
    }

    /// Replaces the progress; not durable.
    pub(crate) fn write_progress(&self, progress: &Progress) -> disk::Result<()> {
        self.progress.write_all_at(&[IoSlice::new(&encode_progress(progress))], 0)
    }

    /// Makes the progress durable.
    pub(crate) fn sync_progress(&self) -> disk::Result<()> {
        self.progress.sync_data()
    }
}

fn encode_state(state: &QuorumState) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    put_option(state.vote.as_ref(), &mut bytes, put_vote);
    put_option(state.purged.as_ref(), &mut bytes, put_log_id);
    seal(&mut bytes);
    bytes
}

fn decode_state(bytes: &[u8]) -> Result<QuorumState, Malformed> {
    let bytes = &mut unseal(bytes)?;
    check_version(bytes)?;
    Ok(QuorumState { vote: get_option(bytes, get_vote)?, purged: get_option(bytes, get_log_id)? })
}

/// Always of one length, so that a new one covers the old.
fn encode_progress(progress: &Progress) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.put_i64(progress.durable_offset.0);
    bytes.put_u8(progress.committed.is_some().into());
    put_log_id(&progress.committed.unwrap_or_else(|| LogId::new(LeaderId::new(0, 0), 0)), &mut bytes);
    seal(&mut bytes);
    bytes
}

fn decode_progress(bytes: &[u8]) -> Result<Progress, Malformed> {
    let bytes = &mut unseal(bytes)?;
    check_version(bytes)?;
    let durable_offset = Offset(bytes.try_get_i64()?);
    let is_committed = bytes.try_get_u8()? != 0;
    let log_id = get_log_id(bytes)?;
    Ok(Progress { committed: is_committed.then_some(log_id), durable_offset })
}

fn check_version(bytes: &mut &[u8]) -> Result<(), Malformed> {
    match bytes.try_get_u8()? {
        VERSION => Ok(()),
        version => Err(Malformed::Version { version }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{directory, new_disk};
    use ottla_storage::disk::ensure_dir;
    use ottla_storage::disk::sim::SimDisk;
    use proptest::prelude::*;

    fn open(disk: &Arc<SimDisk>) -> Result<(QuorumFiles, QuorumState, Progress), ReadError> {
        let disk: Arc<dyn Disk> = disk.clone();
        ensure_dir(&*disk, directory()).expect("the disk is sound");
        QuorumFiles::open(&disk, directory())
    }

    fn state(term: u64) -> QuorumState {
        let vote = Vote { leader_id: LeaderId::new(term, 2), committed: true };
        QuorumState { vote: Some(vote), purged: Some(LogId::new(LeaderId::new(term, 1), 9)) }
    }

    #[test]
    fn a_damaged_vote_is_no_vote_of_none() {
        let disk = new_disk();
        let (files, found, _) = open(&disk).expect("a new directory");
        assert_eq!(found, QuorumState::default());
        files.write_state(&state(3)).expect("the disk is sound");
        assert_eq!(open(&disk).expect("sound").1, state(3));
        disk.rot(&directory().join(STATE_FILE), 4, 1).expect("the file exists");
        assert!(matches!(open(&disk), Err(ReadError::Malformed { .. })));
    }

    #[test]
    fn damaged_progress_is_forgotten() {
        let disk = new_disk();
        let (files, _, _) = open(&disk).expect("a new directory");
        let progress = Progress { committed: state(3).purged, durable_offset: Offset(10) };
        files.write_progress(&progress).expect("the disk is sound");
        assert_eq!(open(&disk).expect("sound").2, progress);
        disk.rot(&directory().join(PROGRESS_FILE), 4, 1).expect("the file exists");
        assert_eq!(open(&disk).expect("sound").2, Progress { committed: None, durable_offset: Offset::ZERO });
    }

    proptest! {
        #[test]
        fn files_read_back(term: u64, node: u64, index: u64, committed: bool, durable: i64) {
            let log_id = LogId::new(LeaderId::new(term, node), index);
            let vote = Vote { leader_id: LeaderId::new(term, node), committed };
            for state in [QuorumState { vote: Some(vote), purged: None }, QuorumState { vote: None, purged: Some(log_id) }] {
                prop_assert_eq!(decode_state(&encode_state(&state)), Ok(state));
            }
            let durable_offset = Offset(durable);
            let known = encode_progress(&Progress { committed: Some(log_id), durable_offset });
            let unknown = encode_progress(&Progress { committed: None, durable_offset });
            prop_assert_eq!(known.len(), unknown.len());
            prop_assert_eq!(decode_progress(&known), Ok(Progress { committed: Some(log_id), durable_offset }));
            prop_assert_eq!(decode_progress(&unknown), Ok(Progress { committed: None, durable_offset }));
        }
    }
}
