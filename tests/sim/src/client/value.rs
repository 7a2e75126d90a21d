//! What a record of the simulation carries: a number, and as much padding as its length wants.

use bytes::Bytes;
use ottla_base::{Entropy, Timestamp};
use ottla_records::BatchBuilder;

/// Appends a record that carries `number` in `len` bytes or a few more. Half of them have a key.
pub(crate) fn append(builder: &mut BatchBuilder, time: Timestamp, number: u64, len: u64, entropy: &dyn Entropy) {
    let mut value = number.to_be_bytes().to_vec();
    let padding = usize::try_from(len.saturating_sub(8)).expect("records are small");
    // Half of it compresses well, the rest does not.
    let start = value.len() + padding / 2;
    value.resize(value.len() + padding, 7);
    entropy.fill(value.get_mut(start..).unwrap_or_default());
    let key = number.to_be_bytes();
    builder.append(time, entropy.one_in(2).then_some(&key[..]), Some(&value));
}

/// The number that a record carries; `None` where it is none of ours.
pub(crate) fn number(value: Option<&Bytes>) -> Option<u64> {
    Some(u64::from_be_bytes(value?.get(..8)?.try_into().expect("eight bytes are eight")))
}
