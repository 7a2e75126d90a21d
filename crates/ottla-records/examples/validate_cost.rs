//! What validation costs, beside the CRC that it contains: `cargo run --release -p ottla-records --example validate_cost`.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use ottla_base::{Clock, SystemClock, Timestamp};
use ottla_records::{BatchBuilder, Compression, Rules, validate};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn main() {
    println!("{:>9} {:>8} {:>8} {:>12} {:>10}", "codec", "batch", "record", "validate", "CRC alone");
    for (batch_len, record_len) in [(100, 100), (16 << 10, 100), (1 << 20, 100), (1 << 20, 1024)] {
        measure(Compression::None, batch_len, record_len);
    }
    for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        measure(codec, 1 << 20, 100);
    }
}

/// Fills a batch with records of `record_len` bytes until it has `batch_len` bytes before compression.
fn measure(codec: Compression, batch_len: usize, record_len: usize) {
    let mut builder = BatchBuilder::new(codec);
    while builder.record_count() == 0 || builder.size_in_bytes() + record_len < batch_len {
        let seed = builder.record_count();
        let value: Vec<u8> = (0..record_len).map(|n| ((seed * 31 + n) * 7 % 251) as u8).collect();
        builder.append(NOW, None, Some(&value));
    }
    let bytes: Bytes = builder.build().bytes();
    let rules = Rules::default();
    let validating = fastest(|| _ = black_box(validate(bytes.clone(), &rules, NOW).expect("the batch is sound")));
    let crc = fastest(|| _ = black_box(crc32c::crc32c(&bytes[21..])));
    println!("{codec:>9} {:>8} {record_len:>8} {validating:>12.2?} {crc:>10.2?}", bytes.len());
}

/// The time of one call in the fastest of many short rounds: what it costs where nothing else runs.
fn fastest(mut call: impl FnMut()) -> Duration {
    const CALLS: u32 = 10;
    let clock = SystemClock::new();
    let round = |_| {
        let start = clock.now();
        (0..CALLS).for_each(|_| call());
        clock.now().since(start) / CALLS
    };
    (0..200).map(round).min().expect("there are rounds")
}
