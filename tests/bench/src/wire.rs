//! Frames of Kafka's protocol from the client's side: a request with its length prefix and header, and the answer's body behind its header.

use anyhow::{Context, Result, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};

/// `request` as a frame, length prefix included.
pub(crate) fn request_frame<R: Request>(request: &R, version: i16, correlation_id: i32) -> Result<Bytes> {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation_id)
        .with_client_id(Some(StrBytes::from_static_str("bench")));
    let mut body = BytesMut::new();
    header.encode(&mut body, R::header_version(version)).context("encode a request header")?;
    request.encode(&mut body, version).context("encode a request")?;
    prefixed(&body)
}

/// `response` as the frame that a broker would send, length prefix included.
pub(crate) fn response_frame<R: Encodable + HeaderVersion>(response: &R, version: i16) -> Result<Bytes> {
    let mut body = BytesMut::new();
    ResponseHeader::default().encode(&mut body, R::header_version(version)).context("encode a response header")?;
    response.encode(&mut body, version).context("encode a response")?;
    prefixed(&body)
}

/// Decodes the answer to `correlation_id` from `frame`, which has no length prefix.
pub(crate) fn decode_response<R: Decodable + HeaderVersion>(
    mut frame: Bytes,
    version: i16,
    correlation_id: i32,
) -> Result<R> {
    let header = ResponseHeader::decode(&mut frame, R::header_version(version)).context("decode a response header")?;
    ensure!(
        header.correlation_id == correlation_id,
        "the answer to {correlation_id} is numbered {}",
        header.correlation_id
    );
    R::decode(&mut frame, version).context("decode a response")
}

fn prefixed(body: &[u8]) -> Result<Bytes> {
    let mut frame = BytesMut::with_capacity(4 + body.len());
    frame.put_i32(i32::try_from(body.len()).context("the frame is too long")?);
    frame.put_slice(body);
    Ok(frame.freeze())
}
