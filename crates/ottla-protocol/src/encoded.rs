//! [`Encoded`]: a message as the slices that go out one after the other.

use bytes::Bytes;

/// A header and message ready to be sent, without the length that goes before them. Never empty.
///
/// Record data of any size worth it stands in chunks of its own, which are the slices that the message held: a vectored write sends it
/// without copying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    first: Bytes,
    /// No allocation for the messages without record data, which are almost all.
    rest: Vec<Bytes>,
}

impl Encoded {
    pub(crate) fn new(first: Bytes, rest: Vec<Bytes>) -> Encoded {
        Encoded { first, rest }
    }

    /// The length in bytes, which is what the frame's length prefix says.
    pub fn size_in_bytes(&self) -> usize {
        self.chunks().map(Bytes::len).sum()
    }

    /// The slices, in sending order.
    pub fn chunks(&self) -> impl Iterator<Item = &Bytes> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    /// The slices, in sending order.
    pub fn into_chunks(self) -> impl Iterator<Item = Bytes> {
        std::iter::once(self.first).chain(self.rest)
    }

    /// All in one piece, which copies where there is more than one chunk.
    pub fn into_bytes(self) -> Bytes {
        if self.rest.is_empty() {
            return self.first;
        }
        let mut whole = Vec::with_capacity(self.size_in_bytes());
        self.chunks().for_each(|chunk| whole.extend_from_slice(chunk));
        whole.into()
    }
}

/// One chunk, as it is.
impl From<Bytes> for Encoded {
    fn from(whole: Bytes) -> Encoded {
        Encoded::new(whole, Vec::new())
    }
}
