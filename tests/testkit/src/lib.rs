//! Launchers, clients and fixtures that the test crates share.
//!
//! - [`Broker`]: the real binary as a process of its own, in a folder of its own, started, stopped, killed and started
//!   again.
//! - [`Client`]: Kafka's protocol over a plain socket, message by message or byte by byte. [`requests`] builds the
//!   usual messages.
//! - [`Page`]: one request to the admin pages.
//! - [`OttlaCli`]: the binary's own command line. [`Kcat`], [`KafkaTools`]: other people's tools, run as processes.
//! - [`ClientProgram`]: the programs under `tests/clients`, on client libraries in their own languages.
//! - [`ClientSuite`]: the tests that client libraries carry in their packages.
//! - [`Tmpfs`]: a small file system that can be filled. [`ProcessFigures`]: what the kernel says of a process.
//! - [`proof`]: which cases to run.
//! - [`wait`]: the one place that waits, for a condition and never for a time.
//!
//! **Architecture invariant:** the testkit knows the broker from outside only: its command line, its port and its
//! folder.

mod broker;
mod client;
mod client_program;
mod client_suite;
mod home;
mod http;
mod kafka_tools;
mod kcat;
mod ottla_cli;
mod process_figures;
pub mod proof;
pub mod requests;
mod tmpfs;
pub mod wait;

pub use broker::{Broker, Launcher, binary};
pub use client::{Client, Reply};
pub use client_program::ClientProgram;
pub use client_suite::{ClientSuite, Outcomes};
pub use http::Page;
pub use kafka_tools::KafkaTools;
pub use kcat::Kcat;
pub use ottla_cli::{Ended, OttlaCli, Running};
pub use process_figures::ProcessFigures;
pub use tmpfs::Tmpfs;
