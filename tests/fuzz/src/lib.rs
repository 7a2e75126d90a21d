//! What each fuzz target claims about any bytes. README.md tells how to run them and how to add one.

pub mod batch_validation;
pub mod frame;
pub mod recovery;
