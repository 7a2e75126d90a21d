//! The binary's own command line: against the binary as a broker, beside other clients, and alone.

#[path = "cli/files.rs"]
mod files;
#[path = "cli/groups.rs"]
mod groups;
#[path = "cli/records.rs"]
mod records;
#[path = "cli/start.rs"]
mod start;
#[path = "cli/topics.rs"]
mod topics;
