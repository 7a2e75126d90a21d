//! Where the workspace lies, and the only file access of the chores: they run beside the product, not in it.
#![expect(clippy::disallowed_methods, reason = "chores are no part of a node and need no simulated disk")]

use std::path::{Path, PathBuf};

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate lies two folders deep").to_owned()
}

/// Where cargo builds.
pub(crate) fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Replaces a file, and makes its folder where there is none.
pub(crate) fn write(path: &Path, text: &str) -> std::io::Result<()> {
    path.parent().map(make_folder).transpose()?;
    std::fs::write(path, text)
}

/// Makes a folder, and those that it lies in, where they are not there.
pub(crate) fn make_folder(path: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(path)
}

/// The text of a file that may not be there.
pub(crate) fn read(path: &Path) -> std::io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
