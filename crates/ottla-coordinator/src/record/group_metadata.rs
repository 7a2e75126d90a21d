//! Key and value of the GroupMetadata schema: [`GroupMetadata`].
//!
//! Writes value version 3, as Kafka 4.3 does.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::{BufMut, Bytes};
use ottla_base::Timestamp;

use super::codec::{Reader, Unreadable, put_bytes, put_len, put_nullable_string, put_string};

const VALUE_VERSION: i16 = 3;

/// A classic group as its last rebalance left it. Without members it is `Empty`, with them `Stable`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMetadata {
    /// What the group is of: `consumer`, `connect`; empty while nobody has joined.
    pub protocol_type: Arc<str>,
    /// How often it has been rebalanced.
    pub generation_id: i32,
    /// The protocol that its members agreed on: for consumers the name of an assignor.
    pub protocol_name: Option<Arc<str>>,
    /// The member that assigns.
    pub leader: Option<Arc<str>>,
    /// When it became what it is. From it counts the retention of an empty group's offsets.
    pub state_timestamp: Option<Timestamp>,
    /// The members, no two with one id or one group instance id.
    pub members: Vec<MemberMetadata>,
}

/// One member of a [`GroupMetadata`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberMetadata {
    /// The id that the coordinator gave it.
    pub member_id: Arc<str>,
    /// The name that it gave itself, if it is static (KIP-345).
    pub group_instance_id: Option<Arc<str>>,
    /// The client's `client.id`.
    pub client_id: Arc<str>,
    /// The address that it came from.
    pub client_host: Arc<str>,
    /// How long it may take to join a rebalance.
    pub rebalance_timeout_ms: i32,
    /// How long it may be silent.
    pub session_timeout_ms: i32,
    /// What it sent for the protocol that was chosen.
    pub subscription: Bytes,
    /// What the leader gave it.
    pub assignment: Bytes,
}

pub(super) fn encode_key(schema: i16, group_id: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + group_id.len());
    out.put_i16(schema);
    put_string(&mut out, group_id);
    out
}

pub(super) fn encode(value: &GroupMetadata) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 * (1 + value.members.len()));
    out.put_i16(VALUE_VERSION);
    put_string(&mut out, &value.protocol_type);
    out.put_i32(value.generation_id);
    put_nullable_string(&mut out, value.protocol_name.as_deref());
    put_nullable_string(&mut out, value.leader.as_deref());
    out.put_i64(value.state_timestamp.unwrap_or(Timestamp::NONE).0);
    put_len(&mut out, value.members.len());
    for member in &value.members {
        put_string(&mut out, &member.member_id);
        put_nullable_string(&mut out, member.group_instance_id.as_deref());
        put_string(&mut out, &member.client_id);
        put_string(&mut out, &member.client_host);
        out.put_i32(member.rebalance_timeout_ms);
        out.put_i32(member.session_timeout_ms);
        put_bytes(&mut out, &member.subscription);
        put_bytes(&mut out, &member.assignment);
    }
    out
}

pub(super) fn decode(bytes: &[u8]) -> Result<GroupMetadata, Unreadable> {
    let reader = &mut Reader::new(bytes);
    let version = reader.value_version(0..=4)?;
    let protocol_type = reader.string()?;
    let generation_id = reader.i32()?;
    let protocol_name = reader.nullable_string()?;
    let leader = reader.nullable_string()?;
    let state_timestamp = if version >= 2 { Timestamp(reader.i64()?) } else { Timestamp::NONE };
    let mut members = Vec::new();
    for _ in 0..reader.len()? {
        members.push(decode_member(reader, version)?);
    }
    reader.tagged_fields(|_, _| Ok(()))?;
    let value = GroupMetadata {
        protocol_type,
        generation_id,
        protocol_name,
        leader,
        state_timestamp: Some(state_timestamp).filter(|timestamp| *timestamp != Timestamp::NONE),
        members,
    };
    check_members(&value)?;
    Ok(value)
}

fn decode_member(reader: &mut Reader<'_>, version: i16) -> Result<MemberMetadata, Unreadable> {
    let member_id = reader.string()?;
    let group_instance_id = if version >= 3 { reader.nullable_string()? } else { None };
    let client_id = reader.string()?;
    let client_host = reader.string()?;
    let rebalance_timeout_ms = if version >= 1 { reader.i32()? } else { -1 };
    let session_timeout_ms = reader.i32()?;
    let member = MemberMetadata {
        member_id,
        group_instance_id,
        client_id,
        client_host,
        // Before version 1 a member had but one timeout.
        rebalance_timeout_ms: if rebalance_timeout_ms == -1 { session_timeout_ms } else { rebalance_timeout_ms },
        session_timeout_ms,
        subscription: reader.bytes()?,
        assignment: reader.bytes()?,
    };
    reader.tagged_fields(|_, _| Ok(()))?;
    Ok(member)
}

fn check_members(value: &GroupMetadata) -> Result<(), Unreadable> {
    let mut ids = BTreeSet::new();
    let mut instance_ids = BTreeSet::new();
    let are_distinct = value.members.iter().all(|member| {
        ids.insert(&member.member_id) && member.group_instance_id.as_ref().is_none_or(|id| instance_ids.insert(id))
    });
    let have_protocol = value.members.is_empty() || (value.protocol_name.is_some() && !value.protocol_type.is_empty());
    if are_distinct && have_protocol { Ok(()) } else { Err(Unreadable::InconsistentMembers) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts() -> impl Strategy<Value = Arc<str>> {
        ".{0,12}".prop_map(Arc::from)
    }

    fn members() -> impl Strategy<Value = Vec<MemberMetadata>> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from);
        let member = (any::<bool>(), texts(), texts(), 0..i32::MAX, any::<i32>(), bytes(), bytes());
        prop::collection::vec(member, 0..4).prop_map(|members| {
            let members = members.into_iter().enumerate();
            members
                .map(|(i, (is_static, client_id, client_host, rebalance, session, subscription, assignment))| {
                    MemberMetadata {
                        member_id: format!("member-{i}").into(),
                        group_instance_id: is_static.then(|| format!("instance-{i}").into()),
                        client_id,
                        client_host,
                        rebalance_timeout_ms: rebalance,
                        session_timeout_ms: session,
                        subscription,
                        assignment,
                    }
                })
                .collect()
        })
    }

    pub(crate) fn values() -> impl Strategy<Value = GroupMetadata> {
        (any::<i32>(), texts(), prop::option::of(texts()), prop::option::of(0..i64::MAX), members()).prop_map(
            |(generation_id, protocol_name, leader, state_timestamp, members)| GroupMetadata {
                protocol_type: "consumer".into(),
                generation_id,
                protocol_name: Some(protocol_name),
                leader,
                state_timestamp: state_timestamp.map(Timestamp),
                members,
            },
        )
    }

    fn member(member_id: &str, group_instance_id: Option<&str>) -> MemberMetadata {
        MemberMetadata {
            member_id: member_id.into(),
            group_instance_id: group_instance_id.map(Arc::from),
            client_id: "c".into(),
            client_host: "/h".into(),
            rebalance_timeout_ms: 2,
            session_timeout_ms: 3,
            subscription: Bytes::from_static(b"s"),
            assignment: Bytes::from_static(b"as"),
        }
    }

    fn value(members: Vec<MemberMetadata>) -> GroupMetadata {
        GroupMetadata {
            protocol_type: "consumer".into(),
            generation_id: 5,
            protocol_name: Some("range".into()),
            leader: Some("m".into()),
            state_timestamp: Some(Timestamp(6)),
            members,
        }
    }

    #[test]
    fn values_are_kafkas_bytes() {
        let mut expected = Vec::new();
        expected.extend_from_slice(b"\0\x03\0\x08consumer\0\0\0\x05\0\x05range\0\x01m");
        expected.extend_from_slice(b"\0\0\0\0\0\0\0\x06\0\0\0\x01");
        expected.extend_from_slice(b"\0\x01m\0\x01i\0\x01c\0\x02/h\0\0\0\x02\0\0\0\x03\0\0\0\x01s\0\0\0\x02as");
        assert_eq!(encode(&value(vec![member("m", Some("i"))])), expected);
    }

    #[test]
    fn the_flexible_version_is_read() {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(b"\0\x04\x09consumer\0\0\0\x05\x06range\x02m");
        bytes.extend_from_slice(b"\0\0\0\0\0\0\0\x06\x02");
        bytes.extend_from_slice(b"\x02m\0\x02c\x03/h\0\0\0\x02\0\0\0\x03\x02s\x03as\0\0");
        assert_eq!(decode(&bytes), Ok(value(vec![member("m", None)])));
    }

    #[test]
    fn the_first_version_has_one_timeout_and_no_state_timestamp() {
        let bytes = b"\0\0\0\x08consumer\0\0\0\x05\0\x05range\0\x01m\0\0\0\x01\0\x01m\0\x01c\0\x02/h\0\0\0\x03\0\0\0\x01s\0\0\0\x02as";
        let one = MemberMetadata { rebalance_timeout_ms: 3, ..member("m", None) };
        assert_eq!(decode(bytes), Ok(GroupMetadata { state_timestamp: None, ..value(vec![one]) }));
    }

    #[test]
    fn members_that_contradict_each_other_are_refused() {
        let twice = value(vec![member("m", None), member("m", None)]);
        let one_place = value(vec![member("m", Some("i")), member("n", Some("i"))]);
        let no_protocol = GroupMetadata { protocol_name: None, ..value(vec![member("m", None)]) };
        for value in [twice, one_place, no_protocol] {
            assert_eq!(decode(&encode(&value)), Err(Unreadable::InconsistentMembers));
        }
    }

    #[test]
    fn a_forged_count_of_members_is_refused() {
        let mut bytes = encode(&value(Vec::new()));
        let at = bytes.len() - 4;
        bytes[at..].copy_from_slice(&i32::MAX.to_be_bytes());
        assert_eq!(decode(&bytes), Err(Unreadable::Truncated));
    }
}
