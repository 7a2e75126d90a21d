//! Lengths that lie, in every position of every request: each array's and each string's is among them.

use testkit::Reply;

use crate::support::{ask, assert_well, served_samples, start};

/// In place of four bytes: the largest length, the smallest, and the first that is not "null".
const PLAIN: [[u8; 4]; 3] = [[0x7f, 0xff, 0xff, 0xff], [0x80, 0, 0, 0], [0xff, 0xff, 0xff, 0xfe]];

/// In place of one byte: the largest compact lengths that are an `i32`, and a `u32`.
const COMPACT: [[u8; 5]; 2] = [[0x80, 0x80, 0x80, 0x80, 0x08], [0xff, 0xff, 0xff, 0xff, 0x0f]];

/// `whole` with `forged` instead of the `replaced` bytes at `position`.
fn forge(whole: &[u8], position: usize, replaced: usize, forged: &[u8]) -> Vec<u8> {
    let rest = whole.get(position + replaced..).unwrap_or_default();
    [&whole[..position], forged, rest].concat()
}

#[test]
fn a_forged_length_in_any_position_is_answered_or_refused() {
    let mut broker = start();
    let address = broker.address();
    let samples = served_samples(&mut broker.client().expect("the broker listens"));
    for sample in &samples {
        let whole = &sample.frame;
        let body_start = whole.len() - sample.body.len();
        let mut refused = 0;
        for position in body_start..whole.len() {
            let plain = PLAIN.iter().map(|forged| forge(whole, position, 4, forged));
            let compact = COMPACT.iter().map(|forged| forge(whole, position, 1, forged));
            let refusals = plain.chain(compact).filter(|forged| match ask(address, forged) {
                Reply::Closed => true,
                Reply::Frame(_) => false,
                Reply::Nothing => panic!("{sample:?}: neither answered nor closed at {position}"),
            });
            refused += usize::from(refusals.count() > 0);
        }
        assert!(refused >= sample.arrays, "{sample:?}: {refused} positions refused");
    }
    assert_well(&mut broker);
}

#[test]
fn a_request_cut_anywhere_is_refused() {
    let mut broker = start();
    let address = broker.address();
    for sample in served_samples(&mut broker.client().expect("the broker listens")) {
        let whole = &sample.frame;
        for length in 0..whole.len() {
            assert_eq!(ask(address, &whole[..length]), Reply::Closed, "{sample:?} cut to {length} bytes");
        }
    }
    assert_well(&mut broker);
}
