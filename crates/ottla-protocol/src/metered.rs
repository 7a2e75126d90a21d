//! [`Metered`]: a source of bytes that counts what the decoder spends on structure.

use std::ops::Range;

use bytes::{Buf, Bytes};
use kafka_protocol::protocol::buf::ByteBuf;

/// The body of a request. Integers and lengths, which are what decoded structure is made of, are drawn from an allowance; strings and
/// record data, which stay slices, are not. With the allowance spent the body seems to end, and decoding fails.
pub(crate) struct Metered {
    body: Bytes,
    allowance: usize,
}

impl Metered {
    pub(crate) fn new(body: Bytes, allowance: usize) -> Metered {
        Metered { body, allowance }
    }

    /// Whether the decoder asked for more than the allowance.
    pub(crate) fn is_spent(&self) -> bool {
        self.allowance == 0
    }
}

impl Buf for Metered {
    fn remaining(&self) -> usize {
        if self.is_spent() { 0 } else { self.body.len() }
    }

    fn chunk(&self) -> &[u8] {
        if self.is_spent() { &[] } else { &self.body }
    }

    fn advance(&mut self, count: usize) {
        self.body.advance(count);
        self.allowance = self.allowance.saturating_sub(count);
    }
}

impl ByteBuf for Metered {
    fn peek_bytes(&mut self, range: Range<usize>) -> Bytes {
        self.body.slice(range)
    }

    fn get_bytes(&mut self, size: usize) -> Bytes {
        self.body.split_to(size)
    }
}
