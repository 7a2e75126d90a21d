//! `cargo xtask docs`: writes what is generated into the tree. Tests say when it is stale.

use anyhow::Context;

use crate::workspace;

pub(crate) fn run() -> anyhow::Result<()> {
    let path = workspace::root().join("config/reference.md");
    workspace::write(&path, &ottla_settings::reference()).with_context(|| format!("write {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}
