//! A snapshot: the image at one index, as a file and as what goes to another voter. **This shapes bytes on disk.**
//!
//! One file, `snapshot`, replaced as a whole. Version 0, all integers big-endian:
//!
//! ```text
//! "OTMS" | version u8 | last log id (option) | membership's log id (option) | membership | metadata offset i64 | records | crc32c u32
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes};
use ottla_base::{Lane, Offset, Workers};
use ottla_metadata::{DecodeError, Image, decode_records, encode_records};
use ottla_storage::disk::{self, Disk, atomic_write, read_file};

use super::encoding::{
    Malformed, get_log_id, get_membership, get_option, put_log_id, put_membership, put_option, seal, unseal,
};
use super::job;
use super::types::{Snapshot, SnapshotMeta, StoredMembership};

const FILE: &str = "snapshot";
const MAGIC: &[u8] = b"OTMS";
const VERSION: u8 = 0;
/// Far more than the metadata of any cluster.
const FILE_LEN_MAX: u64 = 4 << 30;

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error("it is no metadata snapshot")]
    Magic,
    #[error("metadata snapshot: {0}")]
    Malformed(#[from] Malformed),
    #[error("metadata snapshot: {0}")]
    Records(#[from] DecodeError),
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> std::io::Error {
        std::io::Error::other(error)
    }
}

/// The bytes of a snapshot of `image`, which is the state after `meta`.
pub(crate) fn encode(meta: &SnapshotMeta, image: &Image) -> Bytes {
    let mut bytes = MAGIC.to_vec();
    bytes.put_u8(VERSION);
    put_option(meta.last_log_id.as_ref(), &mut bytes, put_log_id);
    put_option(meta.last_membership.log_id().as_ref(), &mut bytes, put_log_id);
    put_membership(meta.last_membership.membership(), &mut bytes);
    bytes.put_i64(image.metadata_offset.0);
    encode_records(&image.snapshot(), &mut bytes);
    seal(&mut bytes);
    bytes.into()
}

/// What a snapshot says.
pub(crate) fn decode(bytes: &[u8]) -> Result<(SnapshotMeta, Image), Error> {
    let bytes = &mut unseal(bytes)?.strip_prefix(MAGIC).ok_or(Error::Magic)?;
    match bytes.try_get_u8().map_err(Malformed::from)? {
        VERSION => {}
        version => return Err(Malformed::Version { version }.into()),
    }
    let last_log_id = get_option(bytes, get_log_id)?;
    let membership_log_id = get_option(bytes, get_log_id)?;
    let last_membership = StoredMembership::new(membership_log_id, get_membership(bytes)?);
    let metadata_offset = Offset(bytes.try_get_i64().map_err(Malformed::from)?);
    let image = Image::from_snapshot(&decode_records(bytes)?, metadata_offset);
    Ok((SnapshotMeta { last_log_id, last_membership }, image))
}

/// The snapshot file in the quorum's directory.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotFile {
    disk: Arc<dyn Disk>,
    workers: Arc<dyn Workers>,
    path: PathBuf,
}

impl SnapshotFile {
    pub(crate) fn new(disk: Arc<dyn Disk>, workers: Arc<dyn Workers>, directory: &Path) -> SnapshotFile {
        SnapshotFile { disk, workers, path: directory.join(FILE) }
    }

    /// The snapshot that is on disk, if there is one. Blocks: for the start.
    pub(crate) fn load(&self) -> Result<Option<(SnapshotMeta, Image)>, Error> {
        match read_file(&*self.disk, &self.path, FILE_LEN_MAX)? {
            None => Ok(None),
            Some(bytes) => decode(&bytes).map(Some),
        }
    }

    /// Replaces it by `bytes`, durably.
    pub(crate) async fn replace(&self, bytes: Bytes) -> std::io::Result<()> {
        let (disk, path) = (self.disk.clone(), self.path.clone());
        let written = job::run(&self.workers, Lane::Background, move || atomic_write(&*disk, &path, &bytes)).await?;
        written.map_err(std::io::Error::other)
    }

    /// Its bytes, to be sent to another voter.
    pub(crate) async fn read(&self) -> std::io::Result<Option<Snapshot>> {
        let (disk, path) = (self.disk.clone(), self.path.clone());
        let read = move || read_file(&*disk, &path, FILE_LEN_MAX);
        let bytes = job::run(&self.workers, Lane::Background, read).await?.map_err(std::io::Error::other)?;
        let Some(bytes) = bytes else { return Ok(None) };
        let (meta, _image) = decode(&bytes)?;
        Ok(Some(Snapshot { meta, snapshot: bytes.into() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::types::{LeaderId, LogId, Membership, Voter};
    use openraft::vote::RaftLeaderId;
    use ottla_base::{SeededEntropy, Uuid};
    use ottla_metadata::{Bootstrap, Context, Defaults, Request};
    use std::collections::{BTreeMap, BTreeSet};

    fn example() -> (SnapshotMeta, Image) {
        let log_id = |index| LogId::new(LeaderId::new(3, 1), index);
        let nodes = BTreeMap::from([(1, Voter { directory_id: ottla_base::DirectoryId(Uuid([4; 16])) })]);
        let membership = Membership::new(vec![BTreeSet::from([1])], nodes).expect("the voter has its node");
        let last_membership = StoredMembership::new(Some(log_id(0)), membership);
        let (image, defaults) = (Image::empty(), Defaults::default());
        let context = Context { image: &image, entropy: &SeededEntropy::new(1), defaults: &defaults };
        let image = image.apply(&Bootstrap.decide(&context).records, Offset(7));
        (SnapshotMeta { last_log_id: Some(log_id(8)), last_membership }, image)
    }

    #[test]
    fn a_snapshot_reads_back() {
        let (meta, image) = example();
        assert_eq!(decode(&encode(&meta, &image)).expect("written a moment ago"), (meta, image));
        let empty = (SnapshotMeta::default(), Image::empty());
        assert_eq!(decode(&encode(&empty.0, &empty.1)).expect("written a moment ago"), empty);
    }

    #[test]
    fn a_damaged_or_newer_snapshot_is_refused() {
        let (meta, image) = example();
        let bytes = encode(&meta, &image);
        for at in 0..bytes.len() {
            assert!(decode(&bytes[..at]).is_err());
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1;
            assert!(decode(&flipped).is_err(), "byte {at}");
        }
        let mut newer = bytes[..bytes.len() - 4].to_vec();
        newer[MAGIC.len()] = 9;
        seal(&mut newer);
        assert_eq!(
            decode(&newer).expect_err("unknown").to_string(),
            "metadata snapshot: version 9 is unknown: it was written by a newer version"
        );
    }
}
