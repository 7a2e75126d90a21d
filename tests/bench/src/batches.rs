//! Record batches as a producer would send them: uncompressed, one timestamp, values of a given size.
#![expect(clippy::disallowed_methods, reason = "records carry the real time, or a broker's retention would drop them")]

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use bytes::Bytes;
use ottla_base::Timestamp;
use ottla_records::{BatchBuilder, Compression};

use crate::case::BatchShape;

/// One batch of `shape`, with base offset 0.
pub(crate) fn build(shape: BatchShape) -> Result<Bytes> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("read the clock")?;
    let timestamp = Timestamp(i64::try_from(now.as_millis()).context("read the clock")?);
    let value: Vec<u8> = (0..shape.value_bytes).map(|at| (at * 31 % 251) as u8).collect();
    let mut builder = BatchBuilder::new(Compression::None);
    for _ in 0..shape.records {
        builder.append(timestamp, None, Some(&value));
    }
    Ok(builder.build().bytes())
}
