//! Input whose harm is what it makes of memory.

use std::time::Duration;

use ottla_base::{Offset, Timestamp};
use ottla_protocol::ErrorCode;
use ottla_records::{BatchBuilder, Compression};
use testkit::{Client, requests, wait};

use crate::support::{assert_well, start};

/// Larger than what a broker holds for all requests together.
const BOMB_BYTES: usize = 160 << 20;
const BOMBS_AT_ONCE: usize = 4;

const SILENT_CLIENTS: usize = 20;
const REQUESTS_EACH: usize = 300;
const FETCHED_BYTES: i32 = 8 << 20;

/// One record of zeros, which every codec makes small.
fn bomb(compression: Compression) -> bytes::Bytes {
    let mut builder = BatchBuilder::new(compression);
    builder.append(Timestamp(1), None, Some(&vec![0; BOMB_BYTES]));
    builder.build().bytes()
}

#[test]
fn a_decompression_bomb_of_any_codec_stays_in_the_budget() {
    let mut broker = start();
    let mut client = broker.client().expect("the broker listens");
    // Snappy does not get far below a twentieth.
    requests::make_topic(&mut client, "bombs", 1, &[("max.message.bytes", "20000000"), ("retention.ms", "-1")]);
    for compression in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        let bomb = bomb(compression);
        assert!(bomb.len() < 20_000_000, "{compression}: {} bytes", bomb.len());
        std::thread::scope(|scope| {
            for _ in 0..BOMBS_AT_ONCE {
                scope.spawn(|| {
                    let mut client = broker.client().expect("the broker listens");
                    let request = requests::produce("bombs", 0, bomb.clone(), -1);
                    let response = client.call(requests::PRODUCE_VERSION, &request).expect("Produce is answered");
                    let code = response.responses[0].partition_responses[0].error_code;
                    println!("a bomb of {compression}, {} bytes: {:?}", bomb.len(), ErrorCode::from_code(code));
                    assert_ne!(code, ErrorCode::UnknownServerError.code());
                });
            }
        });
        assert_well(&mut broker);
    }
}

/// Asks for far more than it ever reads, until the broker takes no more.
fn ask_and_never_read(mut client: Client) -> Client {
    client.give_up_sending_after(Duration::from_millis(500)).expect("a live socket");
    let request = requests::fetch("read", 0, Offset::ZERO, FETCHED_BYTES, 0);
    let asked = (0..REQUESTS_EACH).take_while(|_| client.send(requests::FETCH_VERSION, &request).is_ok()).count();
    assert!(asked > 0, "at least one request is taken");
    client
}

#[test]
fn clients_that_never_read_hold_up_nobody_and_stay_in_the_budget() {
    let mut broker = start();
    let mut client = broker.client().expect("the broker listens");
    requests::make_topic(&mut client, "read", 1, &[("retention.ms", "-1")]);
    let batch = requests::batch(Compression::None, [vec![7; 1_000_000].as_slice()]);
    for _ in 0..8 {
        let response = client.call(requests::PRODUCE_VERSION, &requests::produce("read", 0, batch.clone(), -1));
        assert_eq!(response.expect("Produce is answered").responses[0].partition_responses[0].error_code, 0);
    }
    let silent: Vec<_> =
        (0..SILENT_CLIENTS).map(|_| ask_and_never_read(broker.client().expect("the broker listens"))).collect();
    let started = wait::now();
    for offset in 0..8 {
        let request = requests::fetch("read", 0, Offset(offset), 1, 0);
        let response = client.call(requests::FETCH_VERSION, &request).expect("Fetch is answered");
        assert_eq!(response.responses[0].partitions[0].error_code, 0);
    }
    println!("eight reads beside {} silent clients: {:?}", silent.len(), wait::now() - started);
    assert_well(&mut broker);
    drop(silent);
    assert_well(&mut broker);
}
