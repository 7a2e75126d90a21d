//! Record batches (Kafka's message format v2, magic 2): what a producer sends, the log keeps and a consumer reads, byte for byte.
//!
//! - [`Header`], [`Attributes`]: the 61 bytes before the records, decoded. [`Batch`], [`batches`]: whole batches over `Bytes`.
//! - [`Records`], [`Record`]: the records themselves, for those that must see them. The hot path never does.
//! - [`validate`]: everything that a leader checks before it appends, and the rewrites that it may have to make.
//! - [`BatchBuilder`], [`EndTxnMarker`]: batches of our own making. [`compress`], [`decompress`]: the four codecs.
//! - [`increment_sequence`]: the arithmetic of idempotent producers (KIP-98).
//!
//! ```text
//!  0            8        12       16  17    21   23       27        35       43      51     53       57      61
//!  | baseOffset | length | leader |mag| crc |attr| last   | base    | max     | producer | base   | record | records ..
//!  |            |        | epoch  |ic |     |    | offset | timestp | timestp | id|epoch | sequence | count|
//!  |<-- the broker's own, outside the CRC -->|    |<---------------- covered by the CRC (CRC-32C) ------------------->
//! ```
//!
//! **Architecture invariant:** records knows bytes, no message, no file, no partition and no clock. Bytes that came from a client or a
//! disk give errors, never panics, and what they decode to is bounded while it is decoded.

mod attributes;
mod builder;
mod compression;
mod control;
mod header;
mod record;
mod sequence;
mod validate;
mod varint;
mod view;
mod walk;

pub use attributes::{Attributes, TimestampType};
pub use builder::BatchBuilder;
pub use compression::{Compression, DecompressError, UnknownCompression, compress, decompress};
pub use control::{ControlRecordType, EndTxnMarker, InvalidControlRecord, TransactionResult};
pub use header::{HEADER_LEN, Header, Malformed};
pub use record::{Record, RecordHeader, Records, RecordsError};
pub use sequence::{NO_SEQUENCE, increment_sequence};
pub use validate::{Origin, RecordError, RecordErrorCause, Rules, Validated, ValidationError, validate};
pub use view::{Batch, Batches, batches, count_records};
pub use walk::RecordFault;
