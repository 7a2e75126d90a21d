//! Batches that Apache Kafka 4.3.1 made (`MemoryRecords.withIdempotentRecords`, `withEndTransactionMarker`), read and validated here.

use bytes::Bytes;
use ottla_base::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};
use ottla_records::{
    Batch, BatchBuilder, Compression, EndTxnMarker, Record, Rules, TransactionResult, ValidationError, validate,
};

const VECTORS: [(Compression, &str); 5] = [
    (Compression::None, include_str!("vectors/none.hex")),
    (Compression::Gzip, include_str!("vectors/gzip.hex")),
    (Compression::Snappy, include_str!("vectors/snappy.hex")),
    (Compression::Lz4, include_str!("vectors/lz4.hex")),
    (Compression::Zstd, include_str!("vectors/zstd.hex")),
];
const END_TXN_ABORT: &str = include_str!("vectors/end-txn-abort.hex");
const T0: i64 = 1_700_000_000_000;

fn unhex(text: &str) -> Bytes {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("digits");
    digits.chunks(2).map(byte).collect::<Vec<_>>().into()
}

fn build(compression: Compression) -> Batch {
    let mut builder = BatchBuilder::new(compression).producer(ProducerId(4000), ProducerEpoch(3), 17);
    let headers: [(&str, Option<&[u8]>); 2] = [("h", Some(b"x")), ("n", None)];
    builder.append_with_headers(Timestamp(T0), Some(b"k1"), Some(b"value one"), &headers);
    builder.append(Timestamp(T0 + 500), None, Some(&[0; 300]));
    builder.append(Timestamp(T0 + 250), Some(b"k3"), None);
    builder.build()
}

fn records(batch: &Batch) -> Vec<Record> {
    batch.records(1 << 20).collect::<Result<_, _>>().expect("the records are sound")
}

#[test]
fn kafkas_batches_of_every_codec_are_accepted_as_they_are() {
    for (compression, vector) in VECTORS {
        let bytes = unhex(vector);
        let validated = validate(bytes.clone(), &Rules::default(), Timestamp(T0)).unwrap();
        assert_eq!(validated.batch.bytes(), bytes, "{compression}");
        assert_eq!(validated.max_timestamp, Timestamp(T0 + 500));
        assert_eq!(validated.offset_delta_of_max_timestamp, 1);
        let header = validated.batch.header();
        assert_eq!(header.attributes.compression(), Ok(compression));
        assert_eq!((header.producer_id, header.producer_epoch), (ProducerId(4000), ProducerEpoch(3)));
        assert_eq!((header.base_sequence, header.last_sequence()), (17, 19));
        assert_eq!(records(&validated.batch), records(&build(compression)), "{compression}");
    }
}

#[test]
fn the_builder_writes_the_bytes_that_kafka_writes() {
    assert_eq!(build(Compression::None).bytes(), unhex(VECTORS[0].1));
}

#[test]
fn kafkas_end_transaction_marker_reads_and_writes_alike() {
    let bytes = unhex(END_TXN_ABORT);
    let batch = Batch::parse(bytes.clone()).unwrap();
    assert!(batch.crc_is_valid());
    let marker = EndTxnMarker::parse(&records(&batch)[0]).unwrap();
    assert_eq!(marker, EndTxnMarker { result: TransactionResult::Abort, coordinator_epoch: 9 });
    assert_eq!(marker.to_batch(ProducerId(4000), ProducerEpoch(3), Timestamp(T0)).bytes(), bytes);
}

#[test]
fn every_bit_that_the_crc_covers_counts_in_kafkas_batches() {
    for (compression, vector) in VECTORS {
        let bytes = unhex(vector);
        for bit in 21 * 8..bytes.len() * 8 {
            let mut damaged = bytes.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let refused = validate(damaged.into(), &Rules::default(), Timestamp(T0)).unwrap_err();
            let is_caught_early = matches!(refused, ValidationError::UnknownCompression(_));
            assert!(matches!(refused, ValidationError::Crc { .. }) || is_caught_early, "{compression}, bit {bit}");
        }
    }
}

#[test]
fn a_batch_in_the_log_keeps_its_offset_when_it_is_read() {
    let stored = Batch::parse(unhex(VECTORS[4].1)).unwrap().with_position(Offset(70), LeaderEpoch(2));
    assert!(records(&stored).iter().map(|record| record.offset.0).eq(70..73));
}
