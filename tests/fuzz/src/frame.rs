//! Any bytes, taken for what a client sends: they are cut into frames the same way however they arrive, and each frame is a request that
//! its decoder takes or refuses.

use bytes::Bytes;
use ottla_net::{FrameDecoder, FrameError, FrameSizes};
use ottla_protocol::{ApiKey, RequestHeader};

/// Small, so that long frames are within a run's reach.
const SIZES: FrameSizes = FrameSizes { min: 8, records_max: 1 << 20, plain_max: 100_000 };

/// Checks the stream that follows the first byte, which says in what pieces it arrives too.
pub fn check(data: &[u8]) {
    let Some((piece, stream)) = data.split_first() else { return };
    let (frames, end) = frames(stream, stream.len());
    assert_eq!(self::frames(stream, 1 + usize::from(*piece)), (frames.clone(), end));
    frames.into_iter().for_each(request);
    // Most inputs are no frame at all: without its length, one is a request all the same.
    request(Bytes::copy_from_slice(stream));
}

/// The frames of `stream` if it comes in pieces of `piece` bytes, and what it ends with.
fn frames(stream: &[u8], piece: usize) -> (Vec<Bytes>, Result<(), FrameError>) {
    let mut decoder = FrameDecoder::new(SIZES);
    let mut frames = Vec::new();
    for mut piece in stream.chunks(piece.max(1)) {
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) if piece.is_empty() => break,
                Ok(None) => {
                    let taken = decoder.feed(piece);
                    assert!(taken > 0, "there is space for what is missing");
                    piece = &piece[taken..];
                }
                Err(e) => return (frames, Err(e)),
            }
        }
    }
    (frames, Ok(()))
}

fn request(mut frame: Bytes) {
    let whole = frame.clone();
    if let Ok(header) = RequestHeader::decode(&mut frame) {
        assert_eq!(whole[..2], header.api_key.code().to_be_bytes());
        let served = header.api_key.codec_versions().contains(&header.api_version);
        let decoded = header.api_key.check_request(header.api_version, frame);
        assert!(served || decoded.is_err());
    }
    // What a decoder makes of a body does not depend on the header that it came with.
    if let (Some(version), Some(body)) = (whole.first(), whole.get(1..)) {
        let api = ApiKey::ALL[usize::from(*version) % ApiKey::ALL.len()];
        let _ = api.check_request(*api.codec_versions().end(), Bytes::copy_from_slice(body));
    }
}
