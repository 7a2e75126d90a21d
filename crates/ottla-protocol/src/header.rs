//! The header before every request, and what little stands before a response.

use bytes::{Buf, BufMut, Bytes};
use kafka_protocol::protocol::StrBytes;

use crate::{ApiKey, Malformed};

/// What stands before a request's body. Source: Kafka `RequestHeader.json`, versions 1 and 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// Which request follows.
    pub api_key: ApiKey,
    /// In which version. Any number at all: it is for the server to say which it serves.
    pub api_version: i16,
    /// Chosen by the client, and repeated before the response.
    pub correlation_id: i32,
    /// `client.id`; a slice of the frame.
    pub client_id: Option<StrBytes>,
}

impl RequestHeader {
    /// Takes the header off the front of `frame`, which is left with the body.
    ///
    /// Errors: [`Malformed::UnknownApi`], and [`Malformed::Header`] where the bytes end too early. A version that nobody serves is no
    /// error, since ApiVersions must answer it (KIP-511); its header is read as that of the newest.
    pub fn decode(frame: &mut Bytes) -> Result<RequestHeader, Malformed> {
        let cut_off = |_| Malformed::Header;
        let api_key = ApiKey::try_from(frame.try_get_i16().map_err(cut_off)?)?;
        let api_version = frame.try_get_i16().map_err(cut_off)?;
        let correlation_id = frame.try_get_i32().map_err(cut_off)?;
        let client_id = decode_client_id(frame)?;
        if api_key.is_flexible(api_version) {
            skip_tagged_fields(frame).ok_or(Malformed::Header)?;
        }
        Ok(RequestHeader { api_key, api_version, correlation_id, client_id })
    }

    pub(crate) fn encode(&self, out: &mut impl BufMut) {
        out.put_i16(self.api_key.code());
        out.put_i16(self.api_version);
        out.put_i32(self.correlation_id);
        match &self.client_id {
            Some(id) => {
                // A client id is cut where it is too long for its length: nobody but a log reads it.
                let id = &id.as_bytes()[..id.len().min(i16::MAX as usize)];
                out.put_i16(id.len() as i16);
                out.put_slice(id);
            }
            None => out.put_i16(-1),
        }
        if self.api_key.is_flexible(self.api_version) {
            out.put_u8(0);
        }
    }
}

/// Takes the header off a response: the correlation id, and tagged fields where the version has them.
pub(crate) fn decode_response_header(frame: &mut Bytes, flexible: bool) -> Option<i32> {
    let correlation_id = frame.try_get_i32().ok()?;
    if flexible {
        skip_tagged_fields(frame)?;
    }
    Some(correlation_id)
}

fn decode_client_id(frame: &mut Bytes) -> Result<Option<StrBytes>, Malformed> {
    let length = frame.try_get_i16().map_err(|_| Malformed::Header)?;
    if length == -1 {
        return Ok(None);
    }
    let length = usize::try_from(length).map_err(|_| Malformed::Header)?;
    if frame.len() < length {
        return Err(Malformed::Header);
    }
    StrBytes::from_utf8(frame.split_to(length)).map(Some).map_err(|_| Malformed::Header)
}

/// Steps over tagged fields (KIP-482); none is defined for a header.
fn skip_tagged_fields(frame: &mut Bytes) -> Option<()> {
    for _ in 0..unsigned_varint(frame)? {
        unsigned_varint(frame)?;
        let size = unsigned_varint(frame)? as usize;
        if frame.len() < size {
            return None;
        }
        frame.advance(size);
    }
    Some(())
}

fn unsigned_varint(frame: &mut Bytes) -> Option<u32> {
    let mut value = 0_u32;
    for shift in (0..35).step_by(7) {
        let byte = frame.try_get_u8().ok()?;
        value |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BytesMut;
    use proptest::prelude::*;

    fn encoded(header: &RequestHeader) -> Bytes {
        let mut out = BytesMut::new();
        header.encode(&mut out);
        out.freeze()
    }

    fn header(api_key: ApiKey, api_version: i16) -> RequestHeader {
        let client_id = Some(StrBytes::from_static_str("rdkafka"));
        RequestHeader { api_key, api_version, correlation_id: 77, client_id }
    }

    #[test]
    fn headers_read_back_in_both_versions_and_leave_the_body() {
        for (api, version) in
            [(ApiKey::Produce, 8), (ApiKey::Produce, 9), (ApiKey::ApiVersions, 2), (ApiKey::ApiVersions, 3)]
        {
            let mut frame = BytesMut::from(&encoded(&header(api, version))[..]);
            frame.extend_from_slice(b"body");
            let mut frame = frame.freeze();
            assert_eq!(RequestHeader::decode(&mut frame), Ok(header(api, version)));
            assert_eq!(frame, "body");
        }
    }

    #[test]
    fn a_version_from_the_future_still_has_a_header() {
        let mut frame = encoded(&header(ApiKey::ApiVersions, 99));
        assert_eq!(RequestHeader::decode(&mut frame).map(|header| header.api_version), Ok(99));
    }

    #[test]
    fn tagged_fields_are_stepped_over() {
        let mut frame = BytesMut::from(&encoded(&header(ApiKey::ApiVersions, 3))[..]);
        frame.truncate(frame.len() - 1);
        frame.extend_from_slice(&[2, 0, 3, b'a', b'b', b'c', 0x81, 0x01, 0, b'!']);
        let mut frame = frame.freeze();
        assert_eq!(RequestHeader::decode(&mut frame), Ok(header(ApiKey::ApiVersions, 3)));
        assert_eq!(frame, "!");
    }

    #[test]
    fn an_unknown_api_and_every_cut_are_errors() {
        let mut unknown = Bytes::from_static(&[0x7f, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff]);
        assert!(matches!(RequestHeader::decode(&mut unknown), Err(Malformed::UnknownApi(_))));
        let whole = encoded(&header(ApiKey::Produce, 9));
        for length in 0..whole.len() {
            assert_eq!(RequestHeader::decode(&mut whole.slice(..length)), Err(Malformed::Header), "{length} bytes");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_header_or_an_error(bytes: Vec<u8>, api in 0..ApiKey::ALL.len()) {
            let mut frame = BytesMut::new();
            frame.put_i16(ApiKey::ALL[api].code());
            frame.extend_from_slice(&bytes);
            if let Ok(header) = RequestHeader::decode(&mut frame.clone().freeze()) {
                prop_assert_eq!(header.api_key, ApiKey::ALL[api]);
            }
            let _ = RequestHeader::decode(&mut Bytes::from(bytes));
        }
    }
}
