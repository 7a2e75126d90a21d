//! What can be wrong with bytes that claim to be a message, and with a message that is to become bytes.

use crate::{ApiKey, UnknownApi};

/// Why bytes are no message. There is no answer to such a request: the connection is closed, as Kafka does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The header names an API that the door does not know.
    #[error(transparent)]
    UnknownApi(#[from] UnknownApi),
    /// The codec has no such version of the message.
    #[error("{api:?} has no version {version}")]
    UnknownVersion {
        /// The message's API.
        api: ApiKey,
        /// The version that was asked for.
        version: i16,
    },
    /// The header ends too early or its client id is no string.
    #[error("the header is cut off or holds no legal client id")]
    Header,
    /// The body does not follow its schema: too short, a negative length, a string that is not UTF-8.
    #[error("{api:?} version {version}: {reason}")]
    Body {
        /// The message's API.
        api: ApiKey,
        /// The message's version.
        version: i16,
        /// The codec's words.
        reason: String,
    },
    /// A response ends before its bytes do. After a request, they are let be.
    #[error("{api:?} version {version} is followed by {bytes} bytes that are not part of it")]
    Trailing {
        /// The message's API.
        api: ApiKey,
        /// The message's version.
        version: i16,
        /// How many bytes are left over, at least 1.
        bytes: usize,
    },
}

/// Why a message has no encoding: it sets a field that the version does not have, or a string or array is too long for its length field.
/// The message is ours, so this is a fault of the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{api:?} version {version} cannot carry this message: {reason}")]
pub struct Unencodable {
    /// The message's API.
    pub api: ApiKey,
    /// The version that it was to be encoded in.
    pub version: i16,
    /// The codec's words.
    pub reason: String,
}
