//! Requests that lie about themselves. The allocator takes the reservation that a forged length makes, as the broker's does.

use bytes::{BufMut, Bytes, BytesMut};
use ottla_protocol::{ApiKey, Malformed, PRODUCE_OVERHEAD_MAX, RequestHeader, memory_charge};
use proptest::prelude::*;

use crate::ALLOCATOR;
use crate::samples::{Sample, samples};

/// The largest lengths that fit: of an array in four bytes, of a compact one that many, and of a compact one at all.
const FORGED: [&[u8]; 3] =
    [&[0x7f, 0xff, 0xff, 0xff], &[0x80, 0x80, 0x80, 0x80, 0x08], &[0xff, 0xff, 0xff, 0xff, 0x0f]];

/// The sample with `forged` in place of what stands at `position`: four bytes of a plain length, one of a compact one.
fn forge(sample: &Sample, position: usize, forged: &[u8]) -> Bytes {
    let replaced = if forged.len() == 4 { 4 } else { 1 };
    let rest = sample.body.get(position + replaced..).unwrap_or_default();
    [&sample.body[..position], forged, rest].concat().into()
}

#[test]
fn a_forged_array_length_is_an_error_at_every_array() {
    // Every position is tried, so that none is forgotten; those that are no array's may well be legal.
    for sample in samples() {
        for forged in FORGED {
            let refused = (0..sample.body.len())
                .filter(|position| sample.api.check_request(sample.version, forge(&sample, *position, forged)).is_err())
                .count();
            assert!(refused >= sample.arrays, "{sample:?}: {refused} positions refused");
        }
    }
}

#[test]
fn every_cut_is_an_error_and_bytes_too_many_are_let_be() {
    let decode = |mut frame: Bytes| {
        let header = RequestHeader::decode(&mut frame)?;
        header.api_key.check_request(header.api_version, frame)
    };
    for Sample { api, version, frame, body, .. } in samples() {
        assert_eq!(decode(frame.clone()), Ok(()));
        for length in 0..frame.len() {
            let cut = decode(frame.slice(..length));
            let refused = matches!(cut, Err(Malformed::Header | Malformed::Body { .. }));
            assert!(refused, "{api} {version} cut to {length}: {cut:?}");
        }
        let trailing = [&body[..], b"xyz"].concat();
        assert_eq!(api.check_request(version, trailing.into()), Ok(()), "{api} {version}");
    }
}

#[test]
fn versions_that_the_codec_does_not_have_are_errors() {
    for api in ApiKey::ALL.iter().copied() {
        let versions = api.codec_versions();
        for version in [i16::MIN, versions.start() - 1, versions.end() + 1, i16::MAX] {
            assert_eq!(api.check_request(version, Bytes::new()), Err(Malformed::UnknownVersion { api, version }));
        }
    }
}

/// A Produce (version 3) of `topics` topics without a name or a partition, six bytes each.
fn dense_produce(topics: i32) -> Bytes {
    let mut body = BytesMut::new();
    body.put_i16(-1);
    body.put_i16(1);
    body.put_i32(1000);
    body.put_i32(topics);
    for _ in 0..topics {
        body.put_i16(0);
        body.put_i32(0);
    }
    body.freeze()
}

#[test]
fn a_produce_of_nothing_but_structure_is_cut_short() {
    let fits = (PRODUCE_OVERHEAD_MAX - 100) / 6;
    assert_eq!(ApiKey::Produce.check_request(3, dense_produce(fits as i32)), Ok(()));
    let dense = ApiKey::Produce.check_request(3, dense_produce(1_000_000));
    assert!(matches!(dense, Err(Malformed::Body { .. })), "{dense:?}");
}

#[test]
fn record_data_is_no_structure_however_much_it_is() {
    let mut body = BytesMut::from(&dense_produce(1)[..12]);
    body.put_i16(0);
    body.put_i32(1);
    body.put_i32(0);
    body.put_i32(10 * PRODUCE_OVERHEAD_MAX as i32);
    body.put_bytes(0, 10 * PRODUCE_OVERHEAD_MAX);
    assert_eq!(ApiKey::Produce.check_request(3, body.freeze()), Ok(()));
}

#[test]
fn structure_is_charged_for_what_it_becomes_and_record_data_once() {
    assert_eq!(memory_charge(ApiKey::Produce.code(), 1_000_000), 1_000_000);
    assert_eq!(memory_charge(ApiKey::Metadata.code(), 1_000), 42_000);
    assert_eq!(memory_charge(-1, 1_000), 42_000);
    assert_eq!(memory_charge(-1, usize::MAX), usize::MAX);
}

/// The most that arrays can make of a byte: `count` times `element` between a head, with the count in it, and a tail.
fn dense(api: ApiKey, version: i16) -> Bytes {
    const COUNT: usize = 100_000;
    let compact = |out: &mut BytesMut| out.put_slice(&[0xa1, 0x8d, 0x06]);
    let mut out = BytesMut::new();
    let (element, tail): (&[u8], &[u8]) = match (api, version) {
        (ApiKey::Metadata, 1) => {
            out.put_i32(COUNT as i32);
            (&[0, 0], &[])
        }
        (ApiKey::Metadata, 9) => {
            compact(&mut out);
            (&[1, 0], &[0, 0, 0, 0])
        }
        (ApiKey::DeleteTopics, 4) => {
            compact(&mut out);
            (&[1], &[0, 0, 0, 0, 0])
        }
        (ApiKey::DescribeConfigs, 4) => {
            out.put_slice(&[2, 2, 1]);
            compact(&mut out);
            (&[1], &[0, 0, 0, 0])
        }
        (ApiKey::CreateTopics, 5) => {
            out.put_slice(&[2, 1, 0, 0, 0, 0, 0, 0, 1]);
            compact(&mut out);
            (&[1, 0, 0], &[0, 0, 0, 0, 0, 0, 0])
        }
        (ApiKey::CreatePartitions, 2) => {
            out.put_slice(&[2, 1, 0, 0, 0, 0]);
            compact(&mut out);
            (&[1, 0], &[0, 0, 0, 0, 0, 0, 0])
        }
        (ApiKey::ListOffsets, 6) => {
            out.put_slice(&[0, 0, 0, 0, 0]);
            compact(&mut out);
            (&[1, 1, 0], &[0])
        }
        (ApiKey::Fetch, 12) => {
            out.put_bytes(0, 4 * 4 + 1 + 2 * 4);
            compact(&mut out);
            (&[1, 1, 0], &[1, 1, 0])
        }
        (ApiKey::LeaveGroup, 4) => {
            out.put_slice(&[1]);
            compact(&mut out);
            (&[1, 0, 0], &[0])
        }
        (ApiKey::OffsetFetch, 8) => {
            compact(&mut out);
            (&[1, 0, 0], &[0, 0])
        }
        (ApiKey::OffsetCommit, 8) => {
            out.put_slice(&[1, 0, 0, 0, 0, 1, 0]);
            compact(&mut out);
            (&[1, 1, 0], &[0])
        }
        (ApiKey::DeleteGroups, 2) => {
            compact(&mut out);
            (&[1], &[0])
        }
        (ApiKey::Produce, 9) => {
            out.put_slice(&[0, 0, 1, 0, 0, 0, 0]);
            // As many as are let through.
            out.put_slice(&[0xf1, 0xa2, 0x05]);
            (&[1, 1, 0], &[0])
        }
        _ => unreachable!("{api} {version} is not among the dense ones"),
    };
    let count = if api == ApiKey::Produce { 86_384 } else { COUNT };
    (0..count).for_each(|_| out.put_slice(element));
    out.put_slice(tail);
    out.freeze()
}

#[test]
fn a_dense_array_costs_no_more_than_it_is_charged() {
    let check = |api: ApiKey, version: i16, charged: fn(usize) -> usize| {
        let body = dense(api, version);
        let size = body.len();
        let before = ALLOCATOR.reset_peak();
        assert_eq!(api.check_request(version, body), Ok(()), "{api} {version}");
        let cost = ALLOCATOR.peak() - before + size;
        assert!(cost > 10 * size, "{api} {version} is not dense: {cost} for {size}");
        assert!(cost <= charged(size), "{api} {version}: {cost} for {size}");
    };
    let charged = |size| memory_charge(ApiKey::Metadata.code(), size);
    check(ApiKey::Metadata, 1, charged);
    check(ApiKey::Metadata, 9, charged);
    check(ApiKey::DeleteTopics, 4, charged);
    check(ApiKey::DescribeConfigs, 4, charged);
    check(ApiKey::CreateTopics, 5, charged);
    check(ApiKey::CreatePartitions, 2, charged);
    check(ApiKey::ListOffsets, 6, charged);
    check(ApiKey::Fetch, 12, charged);
    check(ApiKey::LeaveGroup, 4, charged);
    check(ApiKey::OffsetFetch, 8, charged);
    check(ApiKey::OffsetCommit, 8, charged);
    check(ApiKey::DeleteGroups, 2, charged);
    check(ApiKey::Produce, 9, |_| 10 << 20);
}

proptest! {
    #[test]
    fn any_bytes_are_a_request_or_an_error(index in 0..1000_usize, bytes: Vec<u8>) {
        let samples = samples();
        let Sample { api, version, .. } = samples[index % samples.len()];
        let _ = api.check_request(version, bytes.into());
    }

    #[test]
    fn a_damaged_request_is_a_request_or_an_error(
        index in 0..1000_usize,
        damage in prop::collection::vec((0..200_usize, any::<u8>()), 1..6),
    ) {
        let samples = samples();
        let Sample { api, version, body, .. } = &samples[index % samples.len()];
        let mut body = body.to_vec();
        for (at, byte) in damage {
            if let Some(damaged) = body.get_mut(at) {
                *damaged = byte;
            }
        }
        let _ = api.check_request(*version, body.into());
    }
}
