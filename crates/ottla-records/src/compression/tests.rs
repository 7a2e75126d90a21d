use proptest::prelude::*;

use super::*;

const CODECS: [Compression; 4] = [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

fn compressed(compression: Compression, raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    compress(compression, raw, &mut out);
    out
}

/// Bytes that compress a little, and fill several blocks of every codec.
fn text(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * n / 7 % 61) as u8).collect()
}

#[test]
fn a_bomb_is_refused_once_it_exceeds_its_limit() {
    let zeros = vec![0; 8 << 20];
    for codec in CODECS {
        let bomb = compressed(codec, &zeros);
        assert!(bomb.len() < 1 << 20, "{codec}: {}", bomb.len());
        assert_eq!(decompress(codec, &bomb, 1 << 20), Err(DecompressError::TooLarge { limit: 1 << 20 }), "{codec}");
    }
}

#[test]
fn what_fits_its_limit_exactly_is_decoded() {
    let raw = text(200_000);
    for codec in CODECS {
        let compressed = compressed(codec, &raw);
        assert_eq!(decompress(codec, &compressed, raw.len()).as_ref(), Ok(&raw), "{codec}");
        let limit = raw.len() - 1;
        assert_eq!(decompress(codec, &compressed, limit), Err(DecompressError::TooLarge { limit }), "{codec}");
    }
}

#[test]
fn a_cut_stream_is_corrupt() {
    let raw = text(200_000);
    for codec in CODECS {
        let compressed = compressed(codec, &raw);
        for cut in [1, 4, 5, 100, compressed.len() / 2, compressed.len() - 3] {
            let decoded = decompress(codec, &compressed[..compressed.len() - cut], 1 << 20);
            assert!(matches!(decoded, Err(DecompressError::Corrupt { .. })), "{codec} without its last {cut} bytes");
        }
    }
}

#[test]
fn a_raw_snappy_block_is_read_as_librdkafka_writes_it() {
    let raw = text(100_000);
    let block = snap::raw::Encoder::new().compress_vec(&raw).unwrap();
    assert_eq!(decompress(Compression::Snappy, &block, raw.len()), Ok(raw));
}

#[test]
fn framed_snappy_streams_may_follow_one_another() {
    let twice = [compressed(Compression::Snappy, b"one, "), compressed(Compression::Snappy, b"two")].concat();
    assert_eq!(decompress(Compression::Snappy, &twice, 100), Ok(b"one, two".to_vec()));
}

#[test]
fn a_snappy_block_that_lies_about_its_length_allocates_nothing() {
    // The varint 0xffff_ffff: a block of 4 GiB in five bytes.
    let forged = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let refused = decompress(Compression::Snappy, &forged, usize::MAX).unwrap_err();
    assert!(refused.to_string().contains("cannot decode to what it says"), "{refused}");
}

#[test]
fn gzip_members_may_follow_one_another() {
    let twice = [compressed(Compression::Gzip, b"one, "), compressed(Compression::Gzip, b"two")].concat();
    assert_eq!(decompress(Compression::Gzip, &twice, 100), Ok(b"one, two".to_vec()));
}

#[test]
fn lz4_frames_that_kafka_cannot_read_are_refused() {
    let refusal = |bytes: &[u8]| decompress(Compression::Lz4, bytes, 1000).unwrap_err().to_string();
    let frame = compressed(Compression::Lz4, b"abc");

    let mut linked = frame.clone();
    linked[4] &= !0b0010_0000;
    assert!(refusal(&linked).contains("depend on one another"));

    let mut later = frame.clone();
    later[4] |= 0b1000_0000;
    assert!(refusal(&later).contains("another version"));

    // The skippable frames and the legacy frames that the format's tools know.
    assert!(refusal(&[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]).contains("not an LZ4 frame"));
    assert!(refusal(&[0x02, 0x21, 0x4c, 0x18, 0, 0, 0, 0]).contains("not an LZ4 frame"));
}

#[test]
fn bytes_after_an_lz4_frame_are_left_out() {
    let frame = [compressed(Compression::Lz4, b"abc"), b"junk".to_vec()].concat();
    assert_eq!(decompress(Compression::Lz4, &frame, 100), Ok(b"abc".to_vec()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_codec_reads_back(raw in prop::collection::vec(any::<u8>(), 0..5000), repeats in 1_usize..20) {
        let raw = raw.repeat(repeats);
        for codec in Compression::ALL {
            prop_assert_eq!(&decompress(codec, &compressed(codec, &raw), raw.len()).unwrap(), &raw);
        }
    }

    #[test]
    fn any_bytes_decode_or_are_refused(bytes: Vec<u8>, limit in 0_usize..10_000) {
        for codec in Compression::ALL {
            if let Ok(decoded) = decompress(codec, &bytes, limit) {
                prop_assert!(decoded.len() <= limit);
            }
        }
    }

    #[test]
    fn damaged_streams_stay_in_their_limit(
        raw in prop::collection::vec(any::<u8>(), 1..3000),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        limit in 0_usize..10_000,
    ) {
        for codec in CODECS {
            let mut bytes = compressed(codec, &raw);
            for (at, value) in &damage {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            if let Ok(decoded) = decompress(codec, &bytes, limit) {
                prop_assert!(decoded.len() <= limit);
            }
        }
    }
}
