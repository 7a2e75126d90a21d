//! Writes the seeds that our own code makes, into the folder that this package lies in.
#![expect(clippy::disallowed_methods, reason = "a tool that writes files")]

use std::path::Path;

use bytes::Bytes;
use ottla_base::{ProducerEpoch, ProducerId, Timestamp};
use ottla_records::{BatchBuilder, Compression, EndTxnMarker, TransactionResult};

/// The filled requests that the codec is tested with.
#[expect(dead_code, reason = "the codec's own tests look at more of them")]
#[path = "../../../crates/ottla-protocol/tests/protocol/samples.rs"]
mod samples;

fn main() -> std::io::Result<()> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (name, bytes) in batch_seeds() {
        std::fs::write(seeds.join("batch_validation").join(name), bytes)?;
    }
    for (name, bytes) in frame_seeds() {
        std::fs::write(seeds.join("frame").join(name), bytes)?;
    }
    Ok(())
}

fn batch_seeds() -> Vec<(String, Bytes)> {
    let mut seeds: Vec<(String, Bytes)> =
        Compression::ALL.iter().map(|codec| (codec.to_string(), batch(*codec))).collect();
    seeds.push(("two-batches".into(), [batch(Compression::None), batch(Compression::Gzip)].concat().into()));
    let marker = EndTxnMarker { result: TransactionResult::Commit, coordinator_epoch: 3 };
    seeds.push(("end-txn-marker".into(), marker.to_batch(ProducerId(7), ProducerEpoch(1), Timestamp(5)).bytes()));
    for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        seeds.push((format!("bomb-{codec}"), bomb(codec)));
    }
    seeds
}

fn batch(codec: Compression) -> Bytes {
    let mut builder = BatchBuilder::new(codec).producer(ProducerId(7), ProducerEpoch(1), 40);
    let headers: [(&str, Option<&[u8]>); 2] = [("trace", Some(b"0123")), ("none", None)];
    builder.append_with_headers(Timestamp(1_700_000_000_000), Some(b"key"), Some(b"a value"), &headers);
    builder.append(Timestamp(1_700_000_000_900), None, Some(&[b'x'; 90]));
    builder.append(Timestamp(1_699_999_999_000), Some(b"key"), None);
    builder.build().bytes()
}

/// Two records that decode to more than the check allows.
fn bomb(codec: Compression) -> Bytes {
    let mut builder = BatchBuilder::new(codec);
    (0..2).for_each(|_| builder.append(Timestamp(0), None, Some(&[0; 40_000])));
    builder.build().bytes()
}

/// A stream that arrives in pieces of eight bytes, for each API in its oldest and its newest version; and one of all of them.
fn frame_seeds() -> Vec<(String, Vec<u8>)> {
    const PIECE: u8 = 7;
    let ends = |sample: &samples::Sample| {
        let versions = sample.api.codec_versions();
        [*versions.start(), *versions.end()].contains(&sample.version)
    };
    let mut all = vec![PIECE];
    let mut seeds = Vec::new();
    for sample in samples::samples().iter().filter(|sample| ends(sample)) {
        let length = (sample.frame.len() as i32).to_be_bytes();
        let frame = [&length[..], &sample.frame].concat();
        all.extend_from_slice(&frame);
        seeds.push((format!("{}-{}", sample.api, sample.version), [&[PIECE], &frame[..]].concat()));
    }
    seeds.push(("all".into(), all));
    seeds
}
