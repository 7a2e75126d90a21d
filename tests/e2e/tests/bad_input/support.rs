//! Frames by hand, and what they may cost.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;

use bytes::{BufMut as _, BytesMut};
use ottla_protocol::ApiKey;
use testkit::{Broker, Client, ProcessFigures, Reply};

use crate::samples::{Sample, samples};

/// What a broker holds for requests (`queued.max.request.bytes`), what their answers take while they are built, and as
/// much again for all else: its own 40 MB, what is on its way out, and what the allocator keeps. It is one sum for all
/// clients.
const BUDGET_BYTES: u64 = 3 * 134_217_728;

/// A request's header with the client id "c".
pub(crate) fn header(api_key: i16, version: i16, is_flexible: bool) -> BytesMut {
    let mut header = BytesMut::new();
    header.put_i16(api_key);
    header.put_i16(version);
    header.put_i32(7);
    header.put_i16(1);
    header.put_u8(b'c');
    if is_flexible {
        header.put_u8(0);
    }
    header
}

/// The versions that the broker says it serves, of the APIs that there are samples of.
pub(crate) fn served(client: &mut Client) -> BTreeMap<ApiKey, RangeInclusive<i16>> {
    let response = client.api_versions().expect("ApiVersions is answered");
    let entry = |served: &ottla_protocol::messages::api_versions_response::ApiVersion| {
        Some((ApiKey::try_from(served.api_key).ok()?, served.min_version..=served.max_version))
    };
    let served: BTreeMap<_, _> = response.api_keys.iter().filter_map(entry).collect();
    assert!(served.len() >= ApiKey::ALL.len(), "every API that there are samples of: {served:?}");
    served
}

/// The samples that the broker serves.
pub(crate) fn served_samples(client: &mut Client) -> Vec<Sample> {
    let served = served(client);
    samples().into_iter().filter(|sample| served[&sample.api].contains(&sample.version)).collect()
}

/// Sends `frame` over a connection of its own, says that nothing more will come, and waits for an answer or the end.
pub(crate) fn ask(address: SocketAddr, frame: &[u8]) -> Reply {
    let mut client = Client::connect(address).expect("the broker listens");
    // A broker that has seen enough may close before all is sent.
    if client.send_frame(frame).and_then(|()| client.finish_sending()).is_err() {
        return Reply::Closed;
    }
    client.read_reply().expect("an answer, or the end")
}

/// Demands that the broker is as well as before, within its budget since its peak was last forgotten. Returns that
/// peak.
#[track_caller]
pub(crate) fn assert_well(broker: &mut Broker) -> u64 {
    assert!(broker.is_running(), "the broker has ended");
    broker.client().and_then(|mut client| client.api_versions()).expect("the broker answers");
    let figures = ProcessFigures::of(broker.pid()).expect("the broker runs");
    assert!(figures.peak_bytes < BUDGET_BYTES, "{figures:?}");
    figures.peak_bytes
}

/// A broker of its own, whose peak begins now.
pub(crate) fn start() -> Broker {
    let broker = Broker::start_default().expect("the broker starts");
    ProcessFigures::forget_peak(broker.pid()).expect("the broker runs");
    broker
}
