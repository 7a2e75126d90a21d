//! [`Rowdy`]: a client with bad manners. It leaves in the middle of a request, asks for more than it reads, and sends what is no request.

use std::net::IpAddr;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use ottla_base::Entropy;
use ottla_net::timer;
use ottla_net::transport::{Stream, Transport};
use ottla_protocol::messages::StrBytes;
use ottla_protocol::{Request, RequestHeader};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::messages::FetchTerms;
use super::{Surroundings, messages};

/// The longest that it keeps up one kind of behaviour.
const MOOD_MAX: Duration = Duration::from_secs(20);

/// How many requests it sends without reading an answer.
const UNREAD_MAX: u64 = 40;

/// A client with bad manners.
pub(crate) struct Rowdy {
    around: Surroundings,
}

impl Rowdy {
    pub(crate) fn new(around: Surroundings) -> Rowdy {
        Rowdy { around }
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.around.connection.address()
    }

    pub(crate) async fn run(self) {
        while !self.around.is_healed() {
            timer::sleep(Duration::from_millis(self.around.entropy.below(1000))).await;
            let peer = self.around.connection.peer();
            let connecting = timer::timeout(Duration::from_secs(1), self.around.connection.host().connect(&peer));
            if let Ok(Ok(stream)) = connecting.await {
                // It may be kept waiting for ever, which is what it deserves.
                let _ = timer::timeout(MOOD_MAX, self.misbehave(stream)).await;
            }
        }
    }

    async fn misbehave(&self, mut stream: Box<dyn Stream>) {
        let entropy = &self.around.entropy;
        let frame = self.fetch_frame();
        match entropy.below(4) {
            0 => {
                let cut = entropy.below(frame.len() as u64) as usize;
                let _ = stream.write_all(&frame[..cut]).await;
                timer::sleep(Duration::from_millis(entropy.below(3000))).await;
            }
            1 => {
                for _ in 0..entropy.below(UNREAD_MAX) {
                    if stream.write_all(&frame).await.is_err() {
                        return;
                    }
                }
                timer::sleep(Duration::from_millis(entropy.below(15_000))).await;
            }
            2 => {
                // A byte at a time, and the same with the answer.
                for byte in &frame {
                    timer::sleep(Duration::from_millis(entropy.below(20))).await;
                    if stream.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                }
                for _ in 0..100 {
                    timer::sleep(Duration::from_millis(10)).await;
                    if stream.read_u8().await.is_err() {
                        return;
                    }
                }
            }
            _ => {
                let mut noise = vec![0; 1 + entropy.below(200) as usize];
                entropy.fill(&mut noise);
                let _ = stream.write_all(&noise).await;
                let _ = timer::timeout(Duration::from_secs(1), stream.read_u8()).await;
            }
        }
    }

    /// A whole Fetch of everything from the start, with its length before it.
    fn fetch_frame(&self) -> BytesMut {
        let partitions = self.around.partitions();
        let positions: Vec<_> = partitions.iter().map(|p| (self.around.topic_of(*p), p.partition, 0)).collect();
        let terms = FetchTerms { wait_ms: 500, bytes_min: 1, bytes_max: 1 << 20, is_read_committed: false };
        let request = messages::fetch(&positions, terms);
        let header = RequestHeader {
            api_key: ottla_protocol::ApiKey::Fetch,
            api_version: messages::FETCH,
            correlation_id: 7,
            client_id: Some(StrBytes::from_static_str("rowdy")),
        };
        let body = request.encode(&header).expect("the version is one of the codec's").into_bytes();
        let mut frame = BytesMut::with_capacity(4 + body.len());
        frame.put_i32(i32::try_from(body.len()).expect("requests are small"));
        frame.put_slice(&body);
        frame
    }
}
