//! Record batches as a producer would send them: uncompressed, one timestamp, values of a given size.
#![expect(clippy::disallowed_methods, reason = "records carry the real time, or a broker's retention would drop them")]

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use bytes::{Bytes, BytesMut};
use kafka_protocol::records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType};

use crate::case::BatchShape;

/// One batch of `shape`, with base offset 0.
pub(crate) fn build(shape: BatchShape) -> Result<Bytes> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("read the clock")?;
    let timestamp = i64::try_from(now.as_millis()).context("read the clock")?;
    let value = Bytes::from((0..shape.value_bytes).map(|at| (at * 31 % 251) as u8).collect::<Vec<_>>());
    let records: Vec<Record> = (0..shape.records as i64)
        .map(|offset| Record {
            transactional: false,
            control: false,
            partition_leader_epoch: -1,
            producer_id: -1,
            producer_epoch: -1,
            timestamp_type: TimestampType::Creation,
            offset,
            sequence: offset as i32,
            timestamp,
            key: None,
            value: Some(value.clone()),
            headers: Default::default(),
            delete_horizon: false,
        })
        .collect();
    let mut batch = BytesMut::new();
    RecordBatchEncoder::encode(
        &mut batch,
        &records,
        &RecordEncodeOptions { version: 2, compression: Compression::None },
    )
    .context("encode a batch")?;
    Ok(batch.freeze())
}
