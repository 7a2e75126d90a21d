//! Kafka's wire messages behind one door, with record data left as bytes.
//!
//! A frame's body begins with a [`RequestHeader`], whose [`ApiKey`] says which [`Request`] follows; the answer is that request's
//! [`Response`], encoded into an [`Encoded`] whose record bytes are the very slices that the broker handed in. Both directions of both
//! are here: brokers are clients of one another, and tests are clients of brokers.
//!
//! The messages themselves come from the `kafka-protocol` crate, generated from Kafka's schemas, and stand in [`messages`].
//!
//! **Architecture invariant:** protocol knows no records, only `Bytes`; and nobody but protocol names `kafka-protocol`.

mod api;
mod charge;
mod encoded;
mod error_code;
mod header;
mod malformed;
pub mod messages;
mod metered;
mod splice;

pub use api::{ApiKey, Request, Response, UnknownApi};
pub use charge::{PRODUCE_OVERHEAD_MAX, memory_charge};
pub use encoded::Encoded;
pub use error_code::ErrorCode;
pub use header::RequestHeader;
pub use malformed::{Malformed, Unencodable};
