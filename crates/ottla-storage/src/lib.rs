//! A partition's log on disk; the only crate that owns files.
