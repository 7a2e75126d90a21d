//! Bytes that no client should send: the broker lives, answers as Kafka does or closes, and its memory stays in its
//! budget.

#[path = "bad_input/dense.rs"]
mod dense;
#[path = "bad_input/forged.rs"]
mod forged;
#[path = "bad_input/frames.rs"]
mod frames;
#[path = "bad_input/memory.rs"]
mod memory;
#[path = "bad_input/records.rs"]
mod records;
#[path = "../../../crates/ottla-protocol/tests/protocol/samples.rs"]
mod samples;
#[path = "bad_input/support.rs"]
mod support;
