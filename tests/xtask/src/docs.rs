//! `cargo xtask docs`: writes what is generated into the tree. Tests say when it is stale.

use anyhow::Context;

use crate::command::{cargo, execute};
use crate::workspace;

pub(crate) fn run() -> anyhow::Result<()> {
    let path = workspace::root().join("config/reference.md");
    workspace::write(&path, &ottla_settings::reference()).with_context(|| format!("write {}", path.display()))?;
    println!("wrote {}", path.display());
    // The table of APIs is the server's, which is no business of this binary's: it would have to be built first.
    let test = "api::readme_tests::the_readmes_table_of_served_apis_is_fresh";
    execute(cargo(&["test", "--package", "ottla-server", "--lib", "--", "--exact", test]).env("OTTLA_WRITE_DOCS", "1"))
}
