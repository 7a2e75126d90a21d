//! `cargo xtask deny`: `deny.toml` held against the dependencies.
//!
//! Not part of `test`: building cargo-deny takes five minutes, which would be a seventh of what continuous integration
//! may take.

use anyhow::ensure;

use crate::command::{cargo, execute, output};

pub(crate) fn run() -> anyhow::Result<()> {
    let installed = output(&mut cargo(&["deny", "--version"])).is_some();
    ensure!(installed, "cargo-deny is not installed: cargo install --locked cargo-deny");
    execute(&mut cargo(&["deny", "check"]))
}
