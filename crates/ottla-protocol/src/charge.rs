//! How much memory a request may take, known before it is read.
//!
//! Record data stays in the frame, but array elements grow when they are decoded: a Metadata topic of 2 bytes becomes 72 in memory. So
//! everything but record data is charged at [`DECODED_PER_BYTE`] times its size. Of a Produce request one cannot know beforehand which
//! bytes are record data; it is charged once, and decoding stops where more than [`PRODUCE_OVERHEAD_MAX`] of its bytes are not.

use crate::ApiKey;

/// What frame and decoded message take for a byte that is not record data, at the most (`tests/hostile.rs` has the dense ones).
const DECODED_PER_BYTE: usize = 42;

/// How many bytes of a Produce request may be other than record data and strings, which bounds its partitions to some 32,000. What such
/// a request decodes to (10 MiB at the most) is not charged: it lives for one synchronous call, so there is one for each thread.
pub const PRODUCE_OVERHEAD_MAX: usize = 256 * 1024;

/// The bytes of memory to charge for a request frame of `frame_size_in_bytes` whose header begins with `api_key`, frame and decoded
/// message together. An unknown key is charged like any other: its frame is read before it is refused.
pub fn memory_charge(api_key: i16, frame_size_in_bytes: usize) -> usize {
    match ApiKey::try_from(api_key) {
        Ok(api) if api.carries_records() => frame_size_in_bytes,
        _ => frame_size_in_bytes.saturating_mul(DECODED_PER_BYTE),
    }
}
