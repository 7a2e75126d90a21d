//! The project's chores: `cargo xtask docs`.

use clap::Parser;

mod docs;
mod workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's chores")]
enum Chore {
    /// Writes config/reference.md from the table of settings
    Docs,
}

fn main() -> anyhow::Result<()> {
    match Chore::parse() {
        Chore::Docs => docs::run(),
    }
}
