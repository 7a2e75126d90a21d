//! Stories of groups, told through [`crate::Shard`]: one behaviour each, and after every step of each the log is replayed and compared.

mod failures;
mod histories;
mod joining;
mod loading;
mod members;
mod offsets;
mod retention;
mod static_members;
