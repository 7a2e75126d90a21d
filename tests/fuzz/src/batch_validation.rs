//! Any bytes, taken for record batches: nothing panics, nothing decodes to more than its limit, and what validation accepts is a batch
//! that every reader can read.

use bytes::Bytes;
use ottla_base::{Offset, Timestamp};
use ottla_records::{
    Batch, Compression, HEADER_LEN, Origin, Record, Rules, TimestampType, Validated, batches, decompress, validate,
};

const NOW: Timestamp = Timestamp(1_700_000_000_000);
/// Small, so that a run does not spend its time on bombs.
const DECODED_BYTES_MAX: usize = 1 << 16;

/// Checks the bytes as they are, and once more with a header that lets them through to the records.
pub fn check(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    read(&bytes);
    validate_under_all_rules(&bytes);
    if let Some(repaired) = repair(data) {
        read(&repaired);
        validate_under_all_rules(&repaired);
    }
}

fn read(bytes: &Bytes) {
    for compression in Compression::ALL {
        let limit = bytes.len().min(DECODED_BYTES_MAX) * 8;
        if let Ok(decoded) = decompress(compression, bytes, limit) {
            assert!(decoded.len() <= limit);
        }
    }
    let mut run = batches(bytes.clone());
    let whole: usize = run.by_ref().flatten().map(|batch| batch.size_in_bytes()).sum();
    assert_eq!(run.position(), whole);
    for batch in batches(bytes.clone()).flatten() {
        batch.records(DECODED_BYTES_MAX).for_each(drop);
    }
}

fn validate_under_all_rules(bytes: &Bytes) {
    let plain =
        Rules { decoded_bytes_max: DECODED_BYTES_MAX, max_message_bytes: DECODED_BYTES_MAX, ..Rules::default() };
    let variants = [
        Rules { timestamp_before_max_ms: 0, timestamp_after_max_ms: 0, ..plain.clone() },
        Rules { compression: Some(Compression::None), timestamp_type: TimestampType::LogAppendTime, ..plain.clone() },
        Rules { compression: Some(Compression::Zstd), origin: Origin::Coordinator, ..plain.clone() },
        Rules { compression: Some(Compression::Lz4), is_compacted: true, ..plain.clone() },
        plain,
    ];
    for rules in &variants {
        if let Ok(validated) = validate(bytes.clone(), rules, NOW) {
            check_validated(&validated, rules);
        }
    }
}

fn check_validated(validated: &Validated, rules: &Rules) {
    let stored = Batch::parse(validated.batch.bytes()).expect("what is stored parses");
    assert!(stored.crc_is_valid());
    assert!(stored.size_in_bytes() <= rules.max_message_bytes);
    let header = stored.header();
    assert_eq!(header, validated.batch.header());
    assert_eq!(header.max_timestamp, validated.max_timestamp);
    assert_eq!(header.attributes.timestamp_type(), rules.timestamp_type);

    let records: Vec<Record> =
        stored.records(DECODED_BYTES_MAX).collect::<Result<_, _>>().expect("a reader reads what was validated");
    let offsets = records.iter().map(|record| record.offset);
    assert!(offsets.eq((0..i64::from(header.record_count)).map(|n| Offset(header.base_offset.0.wrapping_add(n)))));
    let latest = records.iter().map(|record| record.timestamp).fold(Timestamp::NONE, Timestamp::max);
    assert_eq!(latest, validated.max_timestamp);

    if rules.timestamp_type == TimestampType::CreateTime {
        let again = validate(stored.bytes(), rules, NOW).expect("what was accepted is accepted again");
        assert_eq!(again.batch.bytes(), stored.bytes());
    }
}

/// The bytes as one batch of a client with the right length, count and CRC, as far as they are long enough for a header.
fn repair(data: &[u8]) -> Option<Bytes> {
    let mut bytes = data.to_vec();
    let length = i32::try_from(bytes.len().checked_sub(12)?).ok()?;
    if bytes.len() < HEADER_LEN {
        return None;
    }
    bytes[0..8].fill(0);
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    bytes[16] = 2;
    // At most 256 records, in keeping with what so few bytes can hold.
    bytes[57..60].fill(0);
    let last_offset_delta = i32::from(bytes[60]) - 1;
    bytes[23..27].copy_from_slice(&last_offset_delta.to_be_bytes());
    let crc = Batch::parse(Bytes::copy_from_slice(&bytes)).ok()?.computed_crc();
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    Some(bytes.into())
}
