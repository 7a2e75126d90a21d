//! Log ids, votes, memberships and entries as bytes. **This shapes bytes on disk.** Nothing of openraft's is written as it is.
//!
//! Integers are big-endian. An entry is the value of the one record of its batch, in version 0:
//!
//! ```text
//! version u8 | term u64 | leader u64 | kind u8 | payload
//!   kind 0, blank:       nothing
//!   kind 1, normal:      decided_on i64, metadata records
//!   kind 2, membership:  membership
//! membership: configs u32, of each: voters u32, of each: node id u64; nodes u32, of each: node id u64, directory id 16 bytes
//! ```

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Buf, BufMut, Bytes};
use openraft::EntryPayload;
use openraft::vote::RaftLeaderId;
use ottla_base::{DirectoryId, Offset, Uuid};

use super::types::{Entry, LeaderId, LogId, Membership, Proposal, Vote, Voter};

const VERSION: u8 = 0;
const BLANK: u8 = 0;
const NORMAL: u8 = 1;
const MEMBERSHIP: u8 = 2;

/// Why bytes are none of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("it ends early")]
    Truncated,
    #[error("version {version} is unknown: it was written by a newer version")]
    Version { version: u8 },
    #[error("entry of unknown kind {kind}")]
    Kind { kind: u8 },
    #[error("a membership that cannot be")]
    Membership,
    #[error("checksum mismatch")]
    Checksum,
}

impl From<bytes::TryGetError> for Malformed {
    fn from(_: bytes::TryGetError) -> Malformed {
        Malformed::Truncated
    }
}

/// The entry without its index, which is the offset of its batch.
pub(crate) fn encode_entry(entry: &Entry, out: &mut Vec<u8>) {
    out.put_u8(VERSION);
    put_leader_id(entry.log_id.committed_leader_id(), out);
    match &entry.payload {
        EntryPayload::Blank => out.put_u8(BLANK),
        EntryPayload::Normal(proposal) => {
            out.put_u8(NORMAL);
            out.put_i64(proposal.decided_on.0);
            out.put_slice(&proposal.records);
        }
        EntryPayload::Membership(membership) => {
            out.put_u8(MEMBERSHIP);
            put_membership(membership, out);
        }
    }
}

/// The entry at `index`. Its records are not looked into: they are decoded where they are applied.
pub(crate) fn decode_entry(index: u64, value: &Bytes) -> Result<Entry, Malformed> {
    let bytes = &mut &value[..];
    let version = bytes.try_get_u8()?;
    if version != VERSION {
        return Err(Malformed::Version { version });
    }
    let log_id = LogId::new(get_leader_id(bytes)?, index);
    let payload = match bytes.try_get_u8()? {
        BLANK => EntryPayload::Blank,
        NORMAL => {
            let decided_on = Offset(bytes.try_get_i64()?);
            EntryPayload::Normal(Proposal { decided_on, records: value.slice_ref(bytes) })
        }
        MEMBERSHIP => EntryPayload::Membership(get_membership(bytes)?),
        kind => return Err(Malformed::Kind { kind }),
    };
    Ok(Entry { log_id, payload })
}

fn put_leader_id(leader_id: &LeaderId, out: &mut Vec<u8>) {
    out.put_u64(leader_id.term);
    out.put_u64(leader_id.node_id);
}

fn get_leader_id(bytes: &mut &[u8]) -> Result<LeaderId, Malformed> {
    let (term, node_id) = (bytes.try_get_u64()?, bytes.try_get_u64()?);
    Ok(LeaderId::new(term, node_id))
}

pub(crate) fn put_vote(vote: &Vote, out: &mut Vec<u8>) {
    put_leader_id(&vote.leader_id, out);
    out.put_u8(vote.committed.into());
}

pub(crate) fn get_vote(bytes: &mut &[u8]) -> Result<Vote, Malformed> {
    let leader_id = get_leader_id(bytes)?;
    Ok(Vote { leader_id, committed: bytes.try_get_u8()? != 0 })
}

pub(crate) fn put_log_id(log_id: &LogId, out: &mut Vec<u8>) {
    put_leader_id(log_id.committed_leader_id(), out);
    out.put_u64(log_id.index());
}

pub(crate) fn get_log_id(bytes: &mut &[u8]) -> Result<LogId, Malformed> {
    let leader_id = get_leader_id(bytes)?;
    Ok(LogId::new(leader_id, bytes.try_get_u64()?))
}

pub(crate) fn put_option<T>(value: Option<&T>, out: &mut Vec<u8>, put: impl FnOnce(&T, &mut Vec<u8>)) {
    out.put_u8(value.is_some().into());
    if let Some(value) = value {
        put(value, out);
    }
}

pub(crate) fn get_option<T>(
    bytes: &mut &[u8],
    get: impl FnOnce(&mut &[u8]) -> Result<T, Malformed>,
) -> Result<Option<T>, Malformed> {
    if bytes.try_get_u8()? == 0 { Ok(None) } else { get(bytes).map(Some) }
}

pub(crate) fn put_membership(membership: &Membership, out: &mut Vec<u8>) {
    let configs = membership.get_joint_config();
    out.put_u32(configs.len() as u32);
    for voters in configs {
        out.put_u32(voters.len() as u32);
        voters.iter().for_each(|voter| out.put_u64(*voter));
    }
    out.put_u32(membership.nodes().count() as u32);
    for (node_id, voter) in membership.nodes() {
        out.put_u64(*node_id);
        out.put_slice(&voter.directory_id.0.0);
    }
}

pub(crate) fn get_membership(bytes: &mut &[u8]) -> Result<Membership, Malformed> {
    let mut configs = Vec::new();
    for _ in 0..bytes.try_get_u32()? {
        let mut voters = BTreeSet::new();
        for _ in 0..bytes.try_get_u32()? {
            voters.insert(bytes.try_get_u64()?);
        }
        configs.push(voters);
    }
    let mut nodes = BTreeMap::new();
    for _ in 0..bytes.try_get_u32()? {
        let node_id = bytes.try_get_u64()?;
        let mut directory_id = [0; 16];
        bytes.try_copy_to_slice(&mut directory_id)?;
        nodes.insert(node_id, Voter { directory_id: DirectoryId(Uuid(directory_id)) });
    }
    if configs.is_empty() && nodes.is_empty() {
        return Ok(Membership::default());
    }
    Membership::new(configs, nodes).map_err(|_| Malformed::Membership)
}

/// Puts a CRC-32C of all that is in `out` behind it.
pub(crate) fn seal(out: &mut Vec<u8>) {
    let crc = crc32c::crc32c(out);
    out.put_u32(crc);
}

/// What was sealed, where the checksum fits.
pub(crate) fn unseal(bytes: &[u8]) -> Result<&[u8], Malformed> {
    let (body, mut crc) = bytes.split_at_checked(bytes.len().wrapping_sub(4)).ok_or(Malformed::Truncated)?;
    if crc.try_get_u32()? == crc32c::crc32c(body) { Ok(body) } else { Err(Malformed::Checksum) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn payload() -> impl Strategy<Value = EntryPayload<Proposal, u64, Voter>> {
        let records = prop::collection::vec(any::<u8>(), 0..32);
        let proposal = (any::<i64>(), records).prop_map(|(decided_on, records)| {
            EntryPayload::Normal(Proposal { decided_on: Offset(decided_on), records: records.into() })
        });
        let membership = prop::collection::btree_map(any::<u64>(), any::<[u8; 16]>(), 1..4).prop_map(|nodes| {
            let voters = nodes.keys().copied().collect();
            let voter = |(id, dir)| (id, Voter { directory_id: DirectoryId(Uuid(dir)) });
            let nodes: BTreeMap<_, _> = nodes.into_iter().map(voter).collect();
            EntryPayload::Membership(Membership::new(vec![voters], nodes).expect("each voter has its node"))
        });
        prop_oneof![Just(EntryPayload::Blank), proposal, membership]
    }

    proptest! {
        #[test]
        fn entries_read_back(term: u64, leader: u64, index: u64, payload in payload()) {
            let entry = Entry { log_id: LogId::new(LeaderId::new(term, leader), index), payload };
            let mut bytes = Vec::new();
            encode_entry(&entry, &mut bytes);
            prop_assert_eq!(decode_entry(index, &bytes.into()), Ok(entry));
        }

        #[test]
        fn arbitrary_bytes_are_no_entry_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = unseal(&bytes);
            let _ = decode_entry(0, &bytes.into());
        }

        #[test]
        fn a_seal_shows_every_flipped_bit(bytes in prop::collection::vec(any::<u8>(), 1..64), bit: prop::sample::Index) {
            let mut sealed = bytes.clone();
            seal(&mut sealed);
            prop_assert_eq!(unseal(&sealed), Ok(&bytes[..]));
            let bit = bit.index(sealed.len() * 8);
            sealed[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(unseal(&sealed).is_err());
        }
    }
}
