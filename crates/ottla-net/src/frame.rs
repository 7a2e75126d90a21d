//! [`FrameDecoder`]: a stream of bytes cut into frames. It does no I/O: bytes are read into it, or fed.
//!
//! A frame is a length (four bytes, signed, big-endian) and that many bytes. Small frames are slices of one receive buffer that is used
//! again and again; several may be complete in it at a time. A frame that does not fit there gets a buffer of its own, of exactly its
//! size, but only once the caller has the memory for it: from the length on the wire alone nothing is reserved.

use bytes::buf::Limit;
use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::Limits;

/// The receive buffer's size. It is a connection's allowance: request memory is asked for only when a frame is complete in it, or
/// fills it.
pub(crate) const BUFFER_BYTES: usize = 64 * 1024;

/// Below this much free space the receive buffer is tidied before it is read into, where it is not known how much is to come. Of a frame
/// that is expected to be large, so much is read to learn its length.
const READ_MIN: usize = 4 * 1024;

const LENGTH_BYTES: usize = 4;

/// What lengths are legal, in bytes without the length itself.
#[derive(Clone, Copy, Debug)]
pub struct FrameSizes {
    /// The shortest frame; 2 or more.
    pub min: usize,
    /// The longest frame whose first two bytes are a key of requests that carry record data.
    pub records_max: usize,
    /// The longest other frame.
    pub plain_max: usize,
}

/// What is known of a frame before it is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// Its length in bytes, without the length itself.
    pub size: usize,
    /// Its first two bytes: the API key of a request, meaningless in a response.
    pub api_key: i16,
}

/// A length that no frame has. The stream makes no sense from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Shorter than [`FrameSizes::min`], or negative.
    #[error("a frame of {length} bytes is too short to be one")]
    TooShort {
        /// The length on the wire.
        length: i32,
    },
    /// Longer than is allowed.
    #[error("a frame of {length} bytes, where at most {max} are allowed")]
    TooLong {
        /// The length on the wire.
        length: i32,
        /// The limit that applies to it.
        max: usize,
    },
}

/// Cuts a stream into frames.
#[derive(Debug)]
pub struct FrameDecoder {
    sizes: FrameSizes,
    buffer: BytesMut,
    /// The frame that has a buffer of its own, and its size. While there is one, `buffer` is empty.
    large: Option<(BytesMut, usize)>,
    /// The size of the frame that was taken last, where it had a buffer of its own, else 0. The next is likely to be of its kind.
    last_large: usize,
}

impl FrameSizes {
    /// The request frames that `limits` allows. A request header has eight bytes at least.
    pub(crate) fn of_requests(limits: &Limits) -> FrameSizes {
        let Limits { record_frame_bytes_max: records_max, plain_frame_bytes_max: plain_max, .. } = *limits;
        FrameSizes { min: 8, records_max, plain_max }
    }

    /// Response frames of at most `max` bytes. A response has a correlation id at least.
    pub(crate) fn of_responses(max: usize) -> FrameSizes {
        FrameSizes { min: 4, records_max: max, plain_max: max }
    }

    fn max(&self, api_key: i16) -> usize {
        match ottla_protocol::ApiKey::try_from(api_key) {
            Ok(api) if api.carries_records() => self.records_max,
            _ => self.plain_max,
        }
    }

    /// Checks a length against what is allowed whatever the key.
    fn checked(&self, length: i32, max: usize) -> Result<usize, FrameError> {
        match usize::try_from(length) {
            Ok(size) if size > max => Err(FrameError::TooLong { length, max }),
            Ok(size) if size >= self.min => Ok(size),
            _ => Err(FrameError::TooShort { length }),
        }
    }
}

impl FrameDecoder {
    /// A decoder at the beginning of a stream. It takes no buffer before it is read into.
    pub fn new(sizes: FrameSizes) -> FrameDecoder {
        FrameDecoder { sizes, buffer: BytesMut::new(), large: None, last_large: 0 }
    }

    /// What is known of the next frame; `None` while even that has not arrived.
    ///
    /// Errors: the frame's length is not allowed, which is known as early as four bytes tell.
    pub fn head(&self) -> Result<Option<FrameHead>, FrameError> {
        if let Some((_, size)) = &self.large {
            // Its limits were checked when it was begun, and its key is of no use any more.
            return Ok(Some(FrameHead { size: *size, api_key: self.large_key() }));
        }
        let Some((length, rest)) = self.buffer.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let length = i32::from_be_bytes(*length);
        self.sizes.checked(length, self.sizes.records_max.max(self.sizes.plain_max))?;
        let Some(key) = rest.first_chunk() else { return Ok(None) };
        let api_key = i16::from_be_bytes(*key);
        let size = self.sizes.checked(length, self.sizes.max(api_key))?;
        Ok(Some(FrameHead { size, api_key }))
    }

    /// Whether the frame that `head` tells of goes no further without a buffer of its own, which [`FrameDecoder::begin_large`] gives it.
    ///
    /// That is so once the receive buffer is full; or at once, where the frame before was a large one too and this is not much larger: what
    /// is received into its own buffer need not be moved there.
    pub fn needs_large(&self, head: FrameHead) -> bool {
        let is_of_its_kind = head.size <= 2 * self.last_large;
        let needs_one =
            LENGTH_BYTES + head.size > BUFFER_BYTES && (is_of_its_kind || self.buffer.len() >= BUFFER_BYTES);
        self.large.is_none() && needs_one
    }

    /// Gives the frame that `head` tells of a buffer of its own, and moves there what has arrived of it.
    pub fn begin_large(&mut self, head: FrameHead) {
        assert!(self.large.is_none(), "one frame at a time");
        let mut large = BytesMut::with_capacity(head.size);
        self.buffer.advance(LENGTH_BYTES);
        large.extend_from_slice(&self.buffer);
        self.buffer.clear();
        self.large = Some((large, head.size));
    }

    /// How much has come of a frame that has a buffer of its own.
    pub(crate) fn large_received_bytes(&self) -> usize {
        self.large.as_ref().map_or(0, |(large, _)| large.len())
    }

    /// Whether the frame that `head` tells of has arrived as a whole.
    pub fn is_complete(&self, head: FrameHead) -> bool {
        match &self.large {
            Some((large, size)) => large.len() == *size,
            None => self.buffer.len() - LENGTH_BYTES >= head.size,
        }
    }

    /// Takes the frame that `head` tells of, without its length. It must be complete.
    pub fn take(&mut self, head: FrameHead) -> Bytes {
        assert!(self.is_complete(head), "only whole frames are taken");
        if let Some((large, size)) = self.large.take() {
            self.last_large = size;
            return large.freeze();
        }
        self.last_large = 0;
        self.buffer.advance(LENGTH_BYTES);
        self.buffer.split_to(head.size).freeze()
    }

    /// Takes the next frame if it has arrived as a whole, for those who keep no budget of memory. `None`: more is to be read.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some(head) = self.head()? else { return Ok(None) };
        if self.needs_large(head) {
            self.begin_large(head);
        }
        Ok(self.is_complete(head).then(|| self.take(head)))
    }

    /// Where to read into: at least one byte of free space, and no more than belongs there.
    pub fn space(&mut self) -> Limit<&mut BytesMut> {
        if self.large.is_none() {
            self.tidy();
        }
        match &mut self.large {
            Some((large, size)) => {
                let missing = *size - large.len();
                large.limit(missing)
            }
            None => {
                let free = self.buffer.capacity() - self.buffer.len();
                let expects_large = self.last_large > 0 && self.buffer.is_empty();
                (&mut self.buffer).limit(if expects_large { free.min(READ_MIN) } else { free })
            }
        }
    }

    /// Takes bytes from the front of `chunk`, as many as there is space for, and returns how many.
    pub fn feed(&mut self, chunk: &[u8]) -> usize {
        let mut space = self.space();
        let taken = space.remaining_mut().min(chunk.len());
        space.put_slice(&chunk[..taken]);
        taken
    }

    fn large_key(&self) -> i16 {
        self.large.as_ref().and_then(|(large, _)| large.first_chunk()).map_or(0, |key| i16::from_be_bytes(*key))
    }

    /// Makes room in the receive buffer: in place where nobody holds a slice of it any more, else in a new one.
    fn tidy(&mut self) {
        let free = self.buffer.capacity() - self.buffer.len();
        let wanted = match self.head() {
            Ok(Some(head)) => (LENGTH_BYTES + head.size).min(BUFFER_BYTES).saturating_sub(self.buffer.len()).max(1),
            _ => READ_MIN,
        };
        if !self.buffer.is_empty() && free >= wanted {
            return;
        }
        if !self.buffer.try_reclaim(BUFFER_BYTES - self.buffer.len()) {
            let mut fresh = BytesMut::with_capacity(BUFFER_BYTES);
            fresh.extend_from_slice(&self.buffer);
            self.buffer = fresh;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZES: FrameSizes = FrameSizes { min: 8, records_max: 1_000_000, plain_max: 200_000 };

    fn frame(api_key: i16, size: usize) -> Vec<u8> {
        let body = api_key.to_be_bytes().into_iter().chain((2..size).map(|n| n as u8));
        i32::try_from(size).expect("small").to_be_bytes().into_iter().chain(body).collect()
    }

    /// Feeds `chunk` and returns the frames that it completes.
    fn push(decoder: &mut FrameDecoder, mut chunk: &[u8]) -> Result<Vec<Bytes>, FrameError> {
        let mut frames = Vec::new();
        loop {
            while let Some(frame) = decoder.next_frame()? {
                frames.push(frame);
            }
            if chunk.is_empty() {
                return Ok(frames);
            }
            let taken = decoder.feed(chunk);
            assert!(taken > 0, "there is always space");
            chunk = &chunk[taken..];
        }
    }

    #[test]
    fn all_frames_of_one_read_come_out() {
        let mut decoder = FrameDecoder::new(SIZES);
        let bytes = [frame(0, 8), frame(1, 100), frame(3, 9)].concat();
        let frames = push(&mut decoder, &bytes).expect("legal");
        assert_eq!(frames.iter().map(Bytes::len).collect::<Vec<_>>(), [8, 100, 9]);
        assert_eq!(frames[1], frame(1, 100)[4..]);
    }

    #[test]
    fn the_receive_buffer_is_used_again_once_its_frames_are_dropped() {
        let mut decoder = FrameDecoder::new(SIZES);
        let first = push(&mut decoder, &frame(0, 100)).expect("legal")[0].as_ptr();
        for _ in 0..10_000 {
            let frames = push(&mut decoder, &frame(0, 100)).expect("legal");
            assert_eq!(frames[0].as_ptr(), first);
        }
    }

    #[test]
    fn a_frame_that_is_kept_keeps_its_bytes() {
        let mut decoder = FrameDecoder::new(SIZES);
        let kept = push(&mut decoder, &frame(0, 100)).expect("legal");
        for _ in 0..2_000 {
            push(&mut decoder, &[0, 0, 0, 8, 9, 9, 9, 9, 9, 9, 9, 9]).expect("legal");
        }
        assert_eq!(kept[0], frame(0, 100)[4..]);
    }

    #[test]
    fn nothing_is_reserved_for_a_large_frame_until_it_is_begun() {
        let mut decoder = FrameDecoder::new(SIZES);
        let bytes = frame(0, 900_000);
        assert_eq!(decoder.feed(&bytes), BUFFER_BYTES);
        let head = decoder.head().expect("legal").expect("known");
        assert!(decoder.needs_large(head) && decoder.buffer.capacity() == BUFFER_BYTES);
        decoder.begin_large(head);
        // The next frame's bytes are not read into a large frame's buffer.
        assert_eq!(decoder.feed(&[&bytes[BUFFER_BYTES..], &[1, 2, 3]].concat()), bytes.len() - BUFFER_BYTES);
        assert_eq!(decoder.take(head), bytes[4..]);
    }

    #[test]
    fn a_large_frame_after_another_is_received_where_it_will_lie() {
        let mut decoder = FrameDecoder::new(SIZES);
        let large = frame(0, 300_000);
        assert_eq!(push(&mut decoder, &large).expect("legal").len(), 1);
        assert_eq!(decoder.feed(&large), READ_MIN);
        let head = decoder.head().expect("legal").expect("known");
        assert!(decoder.needs_large(head));
        decoder.begin_large(head);
        assert_eq!(decoder.feed(&large[READ_MIN..]), large.len() - READ_MIN);
        assert_eq!(decoder.take(head), large[4..]);

        // One that says to be much larger gets nothing on its word.
        assert_eq!(decoder.feed(&frame(0, 900_000)), READ_MIN);
        assert!(!decoder.needs_large(decoder.head().expect("legal").expect("known")));
    }

    #[test]
    fn lengths_are_refused_as_soon_as_they_are_known() {
        let check = |bytes: &[u8], expected: FrameError| {
            let mut decoder = FrameDecoder::new(SIZES);
            decoder.feed(bytes);
            assert_eq!(decoder.head(), Err(expected));
        };
        check(&[0xff, 0xff, 0xff, 0xff], FrameError::TooShort { length: -1 });
        check(&[0x80, 0, 0, 0], FrameError::TooShort { length: i32::MIN });
        check(&[0, 0, 0, 0], FrameError::TooShort { length: 0 });
        check(&[0, 0, 0, 7], FrameError::TooShort { length: 7 });
        check(&1_000_001_i32.to_be_bytes(), FrameError::TooLong { length: 1_000_001, max: 1_000_000 });
        check(&frame(3, 200_001)[..6], FrameError::TooLong { length: 200_001, max: 200_000 });
    }

    #[test]
    fn the_longest_and_shortest_frames_are_legal() {
        for (key, size) in [(0, 1_000_000), (3, 200_000), (0, 8), (0, BUFFER_BYTES - 4), (0, BUFFER_BYTES - 3)] {
            let frames = push(&mut FrameDecoder::new(SIZES), &frame(key, size)).expect("legal");
            assert_eq!(frames.len(), 1, "{size}");
            assert_eq!(frames[0], frame(key, size)[4..]);
        }
    }

    proptest! {
        #[test]
        fn the_cuts_of_a_stream_do_not_show(
            sizes in prop::collection::vec(prop_oneof![8..200_usize, 60_000..70_000_usize], 1..12),
            cuts in prop::collection::vec(1..40_000_usize, 1..40),
            keep: bool,
        ) {
            let frames: Vec<_> = sizes.iter().map(|size| frame(0, *size)).collect();
            let bytes = frames.concat();
            let mut decoder = FrameDecoder::new(SIZES);
            let (mut rest, mut out, mut cuts) = (&bytes[..], Vec::new(), cuts.iter().cycle());
            let mut count = 0;
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(rest.len().min(*cuts.next().expect("endless")));
                for taken in push(&mut decoder, chunk).expect("legal") {
                    prop_assert_eq!(&taken[..], &frames[count][4..]);
                    count += 1;
                    if keep {
                        out.push(taken);
                    }
                }
                rest = after;
            }
            prop_assert_eq!(count, frames.len());
            prop_assert!(out.iter().zip(&frames).all(|(out, frame)| out[..] == frame[4..]));
        }

        #[test]
        fn any_stream_is_cut_or_refused(bytes: Vec<u8>, cut in 1..64_usize) {
            let mut decoder = FrameDecoder::new(SIZES);
            for chunk in bytes.chunks(cut) {
                if push(&mut decoder, chunk).is_err() {
                    break;
                }
            }
        }
    }
}
