//! [`Sample`]: a record as a test writes it and expects it back.

use std::fmt;

/// Everything of a record that a client can set. Compared byte for byte.
#[derive(Clone, PartialEq, Eq)]
pub struct Sample {
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// The record's value.
    pub value: Option<Vec<u8>>,
    /// In order; names may repeat.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Milliseconds since 1970; `None` leaves it to the client.
    pub timestamp: Option<i64>,
}

/// Long values are cut: a failed assertion should be readable.
impl fmt::Debug for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let brief = |bytes: &Option<Vec<u8>>| {
            bytes.as_ref().map(|bytes| format!("{} bytes {}", bytes.len(), bytes[..bytes.len().min(24)].escape_ascii()))
        };
        f.debug_struct("Sample")
            .field("key", &brief(&self.key))
            .field("value", &brief(&self.value))
            .field("headers", &self.headers.iter().map(|(name, value)| (name, brief(value))).collect::<Vec<_>>())
            .field("timestamp", &self.timestamp)
            .finish()
    }
}

/// Records with every edge that fields have: missing, empty, all byte values, longer than a page, names that repeat,
/// time that goes back.
pub fn samples() -> Vec<Sample> {
    let every_byte: Vec<u8> = (0..=255).collect();
    let header = |name: &str, value: &[u8]| (name.to_owned(), Some(value.to_vec()));
    let base = 1_700_000_000_000;
    let sample = |key: Option<&[u8]>, value: Option<&[u8]>, headers: &[(String, Option<Vec<u8>>)], timestamp| Sample {
        key: key.map(<[u8]>::to_vec),
        value: value.map(<[u8]>::to_vec),
        headers: headers.to_vec(),
        timestamp: Some(timestamp),
    };
    let mut samples = vec![
        sample(Some(b"key"), Some(b"value"), &[], base),
        sample(None, Some(b"no key"), &[header("trace", b"4bf92f35")], base + 10),
        sample(Some(b""), Some(b"empty key"), &[], base + 5),
        sample(Some(b"tombstone"), None, &[], base + 20),
        sample(Some(b"empty"), Some(b""), &[header("twice", b"first"), header("twice", b"second")], base + 30),
        sample(Some(&every_byte), Some(&every_byte), &[header("\u{e4}\u{f6}", b"\xf0\x9f\x90\x9e")], base + 40),
        sample(None, Some(&every_byte.repeat(40)), &[("null".into(), None), header("empty", b"")], base + 50),
    ];
    // Enough alike to be worth compressing, and more than one batch's worth of them.
    samples.extend((0_i64..500).map(|i| {
        let value = format!("record {i} of a longer run, with words that repeat and repeat and repeat");
        sample(Some(format!("{}", i % 7).as_bytes()), Some(value.as_bytes()), &[], base + 100 + i)
    }));
    samples
}

/// Demands that `read` is `written`, and names the first record that is not.
#[track_caller]
pub fn assert_same(read: &[Sample], written: &[Sample]) {
    for (i, (read, written)) in read.iter().zip(written).enumerate() {
        assert_eq!(read, written, "record {i}");
    }
    assert_eq!(read.len(), written.len(), "as many records");
}
