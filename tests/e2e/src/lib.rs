//! Real clients against the real binary: what the test files under `tests/` share.
//!
//! One file a subject: `clients`, `every_client`, `suites`, `admin`, `cli`, `settings`, `kill`, `disk_format`,
//! `disk_full`, `start`, `bad_input`. Tests of what every broker of this protocol does take their broker from
//! [`Target`], so that they can be held against any other broker, and what they expect is what that one does. Tests of
//! what only ours promises start it with [`testkit`].
//!
//! `OTTLA_BIN` names the binary (else the release build is taken), `OTTLA_E2E_BOOTSTRAP` another broker in its place,
//! and `KCAT` kcat where it is not on the path.
//!
//! **Architecture invariant:** the tests know the broker from outside only, and of its code they share the codecs and
//! no more; expectations are Kafka's, or the project's promises.

mod group;
mod group_ledger;
mod kcat_records;
mod librdkafka;
mod lines;
mod load;
mod log_files;
mod recorder;
mod sample;
mod target;

pub use group::{Group, Place, Told};
pub use group_ledger::{Found, GroupCommit, GroupFault, GroupLedger, Span};
pub use kcat_records::{kcat_read, kcat_samples, kcat_write};
pub use librdkafka::{Delivery, admin, config, consumer, produce, read, read_messages, sample};
pub use lines::{parse_record, parse_records, record_line, record_lines};
pub use load::{Load, Party, Recorded, SESSION_TIMEOUT_MS, Workers};
pub use log_files::{damaged_copy, log_files};
pub use recorder::{Recorder, keep};
pub use sample::{Sample, assert_same, samples};
pub use target::Target;
