//! Producing and consuming with kcat, whose librdkafka is older than the crate's.

use testkit::Kcat;

use crate::Sample;

const KEY_DELIMITER: &str = "<key|value>";
const RECORD_DELIMITER: &str = "<next>";

/// Has kcat read `count` records of one partition from `from` (as its `-o`), with whatever else `arguments` ask for.
///
/// kcat prints a header without a value as `NULL` and does not quote: headers here have values without commas.
pub fn kcat_read(
    kcat: &Kcat,
    topic: &str,
    partition: i32,
    from: &str,
    count: usize,
    arguments: &[&str],
) -> Vec<Sample> {
    let (partition, count) = (partition.to_string(), count.to_string());
    let mut all = vec!["-C", "-q", "-t", topic, "-p", &partition, "-o", from, "-c", &count, "-X", "check.crcs=true"];
    all.extend(["-f", "%T %K %S %h\n%k%s"]);
    all.extend(arguments);
    parse(&kcat.run(&all, b"").expect("kcat reads"))
}

/// Lines of timestamp, key length, value length (-1 for none) and headers, each followed by so many bytes.
fn parse(mut output: &[u8]) -> Vec<Sample> {
    let mut samples = Vec::new();
    while !output.is_empty() {
        let end = output.iter().position(|&byte| byte == b'\n').expect("a line of figures");
        let line = std::str::from_utf8(&output[..end]).expect("figures and headers are text");
        output = &output[end + 1..];
        let mut fields = line.splitn(4, ' ');
        let mut number = || fields.next().expect("a figure").parse::<i64>().expect("a number");
        let (timestamp, key_len, value_len) = (number(), number(), number());
        let headers = fields.next().unwrap_or_default();
        let mut take = |length: i64| {
            let (taken, rest) = output.split_at(usize::try_from(length).ok()?);
            output = rest;
            Some(taken.to_vec())
        };
        let (key, value) = (take(key_len), take(value_len));
        samples.push(Sample { key, value, headers: parse_headers(headers), timestamp: Some(timestamp) });
    }
    samples
}

fn parse_headers(line: &str) -> Vec<(String, Option<Vec<u8>>)> {
    let pairs = line.split(',').filter_map(|header| header.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), (value != "NULL").then(|| value.as_bytes().to_vec()))).collect()
}

/// What kcat can write: it gives all records of a run the same headers, takes an empty value for none, and time is its
/// own.
pub fn kcat_samples() -> Vec<Sample> {
    let headers =
        vec![("trace".to_owned(), Some(b"4bf92f35".to_vec())), ("twice".to_owned(), Some(b"\xc3\xa4".to_vec()))];
    let every_byte: Vec<u8> = (0..=255).collect();
    let sample = |key: Option<&[u8]>, value: Option<&[u8]>| Sample {
        key: key.map(<[u8]>::to_vec),
        value: value.map(<[u8]>::to_vec),
        headers: headers.clone(),
        timestamp: None,
    };
    let mut samples = vec![
        sample(Some(b"key"), Some(b"value")),
        sample(None, Some(b"no key")),
        sample(Some(b"tombstone"), None),
        sample(Some(&every_byte), Some(&every_byte)),
    ];
    samples.extend((0..300).map(|i| sample(Some(b"k"), Some(format!("record {i} of many that are alike").as_bytes()))));
    samples
}

/// Has kcat write `samples` to one partition. All of a run have the same headers, no record has an empty key, and time
/// is kcat's own.
pub fn kcat_write(kcat: &Kcat, topic: &str, partition: i32, samples: &[Sample], arguments: &[&str]) {
    let partition = partition.to_string();
    let mut all = vec!["-P", "-t", topic, "-p", &partition, "-K", KEY_DELIMITER, "-D", RECORD_DELIMITER, "-Z"];
    let headers = samples.first().map(|sample| sample.headers.as_slice()).unwrap_or_default();
    let headers: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value.as_deref().unwrap_or_default())))
        .collect();
    for header in &headers {
        all.extend(["-H", header]);
    }
    all.extend(arguments);
    let mut input = Vec::new();
    for sample in samples {
        if let Some(key) = &sample.key {
            input.extend_from_slice(key);
            input.extend_from_slice(KEY_DELIMITER.as_bytes());
        }
        input.extend_from_slice(sample.value.as_deref().unwrap_or_default());
        input.extend_from_slice(RECORD_DELIMITER.as_bytes());
    }
    kcat.run(&all, &input).expect("kcat writes");
}
