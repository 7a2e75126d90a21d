use bytes::Bytes;
use ottla_base::{LeaderEpoch, ProducerEpoch};
use proptest::prelude::*;

use super::*;
use crate::{BatchBuilder, EndTxnMarker, Malformed, NO_SEQUENCE, TransactionResult};

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const CODECS: [Compression; 4] = [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

fn builder(compression: Compression) -> BatchBuilder {
    let mut builder = BatchBuilder::new(compression);
    for (n, delta) in [0, 500, 250].into_iter().enumerate() {
        let value = [n as u8; 200];
        builder.append_with_headers(Timestamp(NOW.0 + delta), Some(b"key"), Some(&value), &[("h", None)]);
    }
    builder
}

fn batch(compression: Compression) -> Batch {
    builder(compression).build()
}

/// The batch with its header changed by `change`, and the CRC of the result.
fn forged(batch: &Batch, change: impl FnOnce(&mut Header)) -> Bytes {
    let mut header = *batch.header();
    change(&mut header);
    let buffer = [&[0; HEADER_LEN][..], batch.payload()].concat();
    Batch::assemble(header, buffer).bytes()
}

/// A batch whose `record_count` records are `payload`, with a right CRC.
fn forged_payload(compression: Compression, record_count: i32, payload: &[u8]) -> Bytes {
    let header = Header {
        record_count,
        last_offset_delta: record_count - 1,
        attributes: crate::Attributes::default().with_compression(compression),
        ..*batch(Compression::None).header()
    };
    encode(&header, compression, payload).bytes()
}

fn accept(bytes: Bytes, rules: &Rules) -> Validated {
    let validated = validate(bytes, rules, NOW).expect("the batch is fine");
    let stored = Batch::parse(validated.batch.bytes()).expect("what is stored parses");
    assert!(stored.crc_is_valid());
    assert_eq!(stored.header(), validated.batch.header());
    assert_eq!(stored.header().max_timestamp, validated.max_timestamp);
    validated
}

fn refuse(bytes: Bytes, rules: &Rules) -> ValidationError {
    validate(bytes, rules, NOW).expect_err("the batch is not fine")
}

#[test]
fn every_codec_is_kept_as_it_came() {
    for codec in Compression::ALL {
        let bytes = batch(codec).bytes();
        let validated = accept(bytes.clone(), &Rules::default());
        assert_eq!(validated.batch.bytes().as_ptr(), bytes.as_ptr(), "{codec}");
        assert_eq!(validated.max_timestamp, Timestamp(NOW.0 + 500));
        assert_eq!((validated.offset_delta_of_max_timestamp, validated.log_append_time), (1, None));
    }
}

#[test]
fn exactly_one_batch_is_taken() {
    let one = batch(Compression::None).bytes();
    assert_eq!(refuse(Bytes::new(), &Rules::default()), ValidationError::NoBatch(0));
    let cut = one.slice(..one.len() - 1);
    assert_eq!(refuse(cut, &Rules::default()), ValidationError::NoBatch(one.len() - 1));
    let two = [&one[..], &one[..]].concat().into();
    assert_eq!(refuse(two, &Rules::default()), ValidationError::MoreThanOneBatch(one.len()));
}

#[test]
fn another_format_and_an_impossible_length_are_told_apart() {
    let mut bytes = batch(Compression::None).bytes().to_vec();
    bytes[16] = 1;
    assert_eq!(refuse(bytes.clone().into(), &Rules::default()), ValidationError::Magic(1));
    bytes[8..12].copy_from_slice(&20_i32.to_be_bytes());
    assert_eq!(refuse(bytes.into(), &Rules::default()), ValidationError::from(Malformed::Length(20)));
}

#[test]
fn a_client_numbers_from_zero() {
    let bytes = batch(Compression::None).with_position(Offset(3), LeaderEpoch::NONE).bytes();
    assert_eq!(refuse(bytes.clone(), &Rules::default()), ValidationError::BaseOffset(Offset(3)));
    accept(bytes, &Rules { origin: Origin::Coordinator, ..Rules::default() });
}

#[test]
fn count_and_last_offset_must_agree() {
    for (record_count, last_offset_delta) in [(0, -1), (-1, -2), (2, 2), (3, 1), (i32::MIN, i32::MAX)] {
        let bytes = forged(&batch(Compression::None), |header| {
            (header.record_count, header.last_offset_delta) = (record_count, last_offset_delta);
        });
        assert_eq!(refuse(bytes, &Rules::default()), ValidationError::RecordCount { record_count, last_offset_delta });
    }
}

#[test]
fn more_or_fewer_records_than_the_header_counts_are_refused() {
    for codec in Compression::ALL {
        for (record_count, index, fault) in [(2, 1, RecordFault::TrailingBytes), (4, 3, RecordFault::Truncated)] {
            let bytes = forged(&batch(codec), |header| {
                (header.record_count, header.last_offset_delta) = (record_count, record_count - 1);
            });
            assert_eq!(refuse(bytes, &Rules::default()), ValidationError::Record { index, fault }, "{codec}");
        }
    }
}

#[test]
fn only_coordinators_write_control_batches() {
    let marker = EndTxnMarker { result: TransactionResult::Commit, coordinator_epoch: 1 };
    let bytes = marker.to_batch(ProducerId(5), ProducerEpoch(0), NOW).bytes();
    assert_eq!(refuse(bytes.clone(), &Rules::default()), ValidationError::ControlBatch);
    let rules = Rules { origin: Origin::Coordinator, compression: Some(Compression::Zstd), ..Rules::default() };
    assert_eq!(accept(bytes.clone(), &rules).batch.bytes(), bytes);
}

#[test]
fn an_idempotent_producer_needs_a_sequence() {
    let bytes = |base_sequence| {
        let builder = builder(Compression::None).producer(ProducerId(5), ProducerEpoch(0), base_sequence);
        builder.build().bytes()
    };
    let refused = ValidationError::NegativeSequence { producer_id: ProducerId(5), base_sequence: NO_SEQUENCE };
    assert_eq!(refuse(bytes(NO_SEQUENCE), &Rules::default()), refused);
    accept(bytes(i32::MAX), &Rules::default());
}

#[test]
fn a_wrong_crc_is_corrupt() {
    let mut bytes = batch(Compression::None).bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    assert!(matches!(refuse(bytes.into(), &Rules::default()), ValidationError::Crc { .. }));
}

#[test]
fn sizes_are_limited_before_and_after_recompression() {
    let bytes = batch(Compression::Gzip).bytes();
    let size = bytes.len();
    let rules = Rules { max_message_bytes: size, ..Rules::default() };
    accept(bytes.clone(), &rules);
    let smaller = Rules { max_message_bytes: size - 1, ..Rules::default() };
    assert_eq!(refuse(bytes.clone(), &smaller), ValidationError::TooLarge { size, limit: size - 1 });
    let rewritten = Rules { compression: Some(Compression::None), ..rules };
    assert!(matches!(refuse(bytes.clone(), &rewritten), ValidationError::TooLarge { limit, .. } if limit == size));
    let segment = Rules { segment_bytes: size - 1, ..Rules::default() };
    assert_eq!(refuse(bytes, &segment), ValidationError::LargerThanSegment { size, limit: size - 1 });
}

#[test]
fn zstd_needs_a_request_that_knows_it() {
    let rules = Rules { zstd_is_allowed: false, ..Rules::default() };
    assert_eq!(refuse(batch(Compression::Zstd).bytes(), &rules), ValidationError::ZstdNotAllowed);
    accept(batch(Compression::Lz4).bytes(), &rules);
}

#[test]
fn an_unknown_codec_is_refused() {
    let bytes = forged(&batch(Compression::None), |header| header.attributes = crate::Attributes(6));
    let refused = refuse(bytes, &Rules::default());
    assert_eq!(refused, ValidationError::UnknownCompression(crate::UnknownCompression(6)));
}

#[test]
fn compression_type_decides_what_is_stored() {
    for source in Compression::ALL {
        for target in Compression::ALL {
            let rules = Rules { compression: Some(target), ..Rules::default() };
            let stored = accept(batch(source).bytes(), &rules).batch;
            assert_eq!(stored.header().attributes.compression(), Ok(target));
            let records = |batch: &Batch| batch.records(1 << 20).collect::<Result<Vec<_>, _>>().unwrap();
            assert_eq!(records(&stored), records(&batch(source)), "{source} to {target}");
        }
    }
}

#[test]
fn an_unset_max_timestamp_is_computed() {
    // Sarama leaves it at zero (redpanda#25200).
    for codec in Compression::ALL {
        let bytes = forged(&batch(codec), |header| header.max_timestamp = Timestamp(0));
        let validated = accept(bytes, &Rules::default());
        assert_eq!(validated.max_timestamp, Timestamp(NOW.0 + 500));
        assert_eq!(validated.batch.bytes(), batch(codec).bytes(), "{codec}");
    }
}

#[test]
fn log_append_time_is_written_with_a_crc_of_its_own() {
    let rules = Rules { timestamp_type: TimestampType::LogAppendTime, timestamp_before_max_ms: 0, ..Rules::default() };
    for codec in Compression::ALL {
        let validated = accept(batch(codec).bytes(), &rules);
        assert_eq!((validated.max_timestamp, validated.log_append_time), (NOW, Some(NOW)));
        assert_eq!(validated.offset_delta_of_max_timestamp, 0);
        assert!(validated.batch.records(1 << 20).all(|record| record.unwrap().timestamp == NOW));
    }
}

#[test]
fn producers_may_not_claim_log_append_time() {
    let bytes = forged(&batch(Compression::None), |header| {
        header.attributes = header.attributes.with_timestamp_type(TimestampType::LogAppendTime);
    });
    assert_eq!(refuse(bytes, &Rules::default()), ValidationError::LogAppendTimeFromProducer);
}

#[test]
fn timestamps_outside_the_window_are_named_one_by_one() {
    let rules = Rules { timestamp_before_max_ms: 1000, timestamp_after_max_ms: 499, ..Rules::default() };
    for codec in Compression::ALL {
        let (earliest, latest) = (Timestamp(NOW.0 - 1000), Timestamp(NOW.0 + 499));
        let cause = RecordErrorCause::Timestamp { timestamp: Timestamp(NOW.0 + 500), earliest, latest };
        let refused = refuse(batch(codec).bytes(), &rules);
        assert_eq!(refused, ValidationError::InvalidTimestamp(vec![RecordError { index: 1, cause }]), "{codec}");
    }
    accept(batch(Compression::None).bytes(), &Rules { timestamp_after_max_ms: 500, ..rules });
}

#[test]
fn a_record_without_a_timestamp_is_always_in_the_window() {
    let mut builder = BatchBuilder::default();
    builder.append(Timestamp::NONE, None, Some(b"v"));
    let rules = Rules { timestamp_before_max_ms: 0, timestamp_after_max_ms: 0, ..Rules::default() };
    assert_eq!(accept(builder.build().bytes(), &rules).max_timestamp, Timestamp::NONE);
}

#[test]
fn a_compacted_topic_takes_only_records_with_keys() {
    let rules = Rules { is_compacted: true, timestamp_before_max_ms: 10, ..Rules::default() };
    accept(batch(Compression::Lz4).bytes(), &rules);

    let build = |old: Timestamp| {
        let mut builder = BatchBuilder::new(Compression::Lz4);
        builder.append(old, Some(b"k"), None);
        builder.append(NOW, None, Some(b"v"));
        builder.append(NOW, Some(b""), Some(b"v"));
        builder.append(NOW, None, None);
        builder.build().bytes()
    };
    let error = |index| RecordError { index, cause: RecordErrorCause::MissingKey };
    assert_eq!(refuse(build(NOW), &rules), ValidationError::InvalidRecords(vec![error(1), error(3)]));
    // One bad timestamp decides the error of the whole batch.
    assert!(matches!(
        refuse(build(Timestamp(5)), &rules),
        ValidationError::InvalidTimestamp(errors) if errors.iter().map(|error| error.index).eq([0, 1, 3])
    ));
}

#[test]
fn offsets_that_do_not_follow_one_another_are_renumbered() {
    // Three records with the offset deltas 0, 0 and 300, as a client that counts wrongly sends them.
    let payload = [
        &[16, 0, 0, 0, 2, b'a', 2, b'x', 0][..],
        &[16, 0, 2, 0, 2, b'b', 2, b'y', 0],
        &[18, 0, 4, 0xd8, 4, 2, b'c', 2, b'z', 0],
    ]
    .concat();
    for codec in Compression::ALL {
        let stored = accept(forged_payload(codec, 3, &payload), &Rules::default()).batch;
        assert_eq!(stored.header().attributes.compression(), Ok(codec));
        let records: Vec<_> = stored.records(1000).map(Result::unwrap).collect();
        assert!(records.iter().map(|record| record.offset.0).eq(0..3), "{codec}");
        assert!(records.iter().map(|record| record.key.as_deref().unwrap()).eq([b"a", b"b", b"c"]));
        assert!(records.iter().map(|record| record.timestamp.0 - NOW.0).eq(0..3));
    }
}

#[test]
fn lengths_within_a_record_are_checked_whatever_the_codec() {
    let cases: [(&[u8], RecordFault); 6] = [
        (&[1], RecordFault::NegativeLength(-1)),
        (&[14, 0, 0, 0, 1, 1, 0, 0], RecordFault::LengthMismatch { declared: 7, read: 6 }),
        (&[12, 0, 0, 0, 1, 1, 1], RecordFault::NegativeHeaderCount(-1)),
        (&[14, 0, 0, 0, 1, 1, 2, 1], RecordFault::NegativeHeaderKeyLength(-1)),
        (&[12, 0, 0, 0, 100, 1, 0], RecordFault::Truncated),
        (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], RecordFault::VarintTooLong),
    ];
    for (payload, fault) in cases {
        for codec in Compression::ALL {
            let refused = refuse(forged_payload(codec, 1, payload), &Rules::default());
            assert_eq!(refused, ValidationError::Record { index: 0, fault: fault.clone() }, "{codec}");
        }
    }
}

#[test]
fn a_bomb_is_refused_by_what_it_decodes_to() {
    let mut builder = BatchBuilder::default();
    builder.append(NOW, Some(b"k"), Some(&vec![0; 4 << 20]));
    let raw = builder.build();
    let limit = 1 << 20;
    for codec in CODECS {
        let bomb = forged_payload(codec, 1, raw.payload());
        for compression in [None, Some(Compression::None)] {
            let rules = Rules { decoded_bytes_max: limit, compression, ..Rules::default() };
            assert_eq!(refuse(bomb.clone(), &rules), ValidationError::DecodedTooLarge { limit }, "{codec}");
        }
        accept(bomb, &Rules::default());
    }
}

#[test]
fn data_that_does_not_decompress_is_an_invalid_record() {
    for codec in CODECS {
        let header =
            Header { attributes: crate::Attributes::default().with_compression(codec), ..*batch(codec).header() };
        let buffer = [&[0; HEADER_LEN][..], b"no codec wrote this"].concat();
        let refused = refuse(Batch::assemble(header, buffer).bytes(), &Rules::default());
        assert!(
            matches!(refused, ValidationError::Record { index: 0, fault: RecordFault::Decompress(_) }),
            "{codec}: {refused:?}"
        );
    }
}

#[test]
fn an_error_names_no_more_records_than_an_answer_should_hold() {
    let mut builder = BatchBuilder::default();
    (0..5000).for_each(|_| builder.append(NOW, None, None));
    let rules = Rules { is_compacted: true, ..Rules::default() };
    let ValidationError::InvalidRecords(errors) = refuse(builder.build().bytes(), &rules) else {
        panic!("no record has a key");
    };
    assert_eq!(errors.len(), 1024);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn forged_records_never_panic(payload: Vec<u8>, record_count in 1_i32..20, codec in 0_u8..5, target in 0_u8..6) {
        let rules = Rules { compression: Compression::from_id(target).ok(), ..Rules::default() };
        let bytes = forged_payload(Compression::from_id(codec).unwrap(), record_count, &payload);
        if let Ok(validated) = validate(bytes, &rules, NOW) {
            prop_assert!(validated.batch.crc_is_valid());
            prop_assert_eq!(validated.batch.records(1 << 20).map(Result::unwrap).count(), record_count as usize);
        }
    }

    #[test]
    fn forged_payloads_of_codecs_never_panic(payload: Vec<u8>, codec in 0_u8..5) {
        let attributes = crate::Attributes::default().with_compression(Compression::from_id(codec).unwrap());
        let header = Header { attributes, ..*batch(Compression::None).header() };
        let buffer = [&[0; HEADER_LEN][..], &payload].concat();
        if let Ok(validated) = validate(Batch::assemble(header, buffer).bytes(), &Rules::default(), NOW) {
            prop_assert!(validated.batch.records(1 << 20).all(|record| record.is_ok()));
        }
    }

    #[test]
    fn a_flipped_bit_is_never_accepted(codec in 0_u8..5, at: prop::sample::Index, bit in 0..8_u8) {
        let mut bytes = batch(Compression::from_id(codec).unwrap()).bytes().to_vec();
        let covered = crate::header::CRC_COVERED_FROM..bytes.len();
        bytes[covered.start + at.index(covered.len())] ^= 1 << bit;
        prop_assert!(validate(bytes.into(), &Rules::default(), NOW).is_err());
    }
}
