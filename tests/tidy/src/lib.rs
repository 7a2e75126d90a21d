//! Tests of the source itself: layering, seams, conventions, documents.
//!
//! The tests are in `tests/`, one file for each subject; here is what they share: the workspace's files as text, and
//! its crates.
//!
//! **Architecture invariant:** tidy reads the tree and never writes to it.
#![expect(clippy::disallowed_methods, reason = "reads the source tree; no simulation runs it")]

use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand};

/// The folder of the workspace's `Cargo.toml`.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate lies two folders deep").to_owned()
}

/// What `cargo metadata` says of the workspace's own crates; it asks no registry.
///
/// # Panics
/// Where cargo cannot be run.
pub fn metadata() -> Metadata {
    let command = MetadataCommand::new().current_dir(root()).no_deps().exec();
    command.expect("cargo describes the workspace that this test was built in")
}

/// A file of the tree.
#[derive(Clone, Debug)]
pub struct Source {
    /// From the root of the workspace, with `/`.
    pub path: String,
    /// What it holds.
    pub text: String,
}

impl Source {
    /// Its lines with their numbers, from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Whether it is Rust.
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The code before the tests that stand in it.
    pub fn without_tests(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
    }
}

/// Every text file of the tree that people write, sorted by path. Build output, data and what tools generate are left
/// out.
///
/// # Panics
/// Where the tree cannot be read.
pub fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    collect(&root(), Path::new(""), &mut sources);
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// The text of one file of the tree.
///
/// # Panics
/// Where it is not there.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("read {path}: {error}"))
}

/// What is not written by people, or not text.
const SKIPPED_FOLDERS: &[&str] = &["target", "data", ".git", "artifacts", "corpus", "seeds"];
const TEXT: &[&str] = &["rs", "toml", "md", "properties", "yml", "yaml", "sh", "py"];

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    let entries = fs::read_dir(root.join(folder)).expect("a folder of the tree can be read");
    for entry in entries {
        let entry = entry.expect("a folder of the tree can be read");
        let (name, path) = (entry.file_name(), folder.join(entry.file_name()));
        let name = name.to_str().expect("names in the tree are UTF-8");
        if entry.file_type().expect("an entry has a type").is_dir() {
            if !SKIPPED_FOLDERS.contains(&name) {
                collect(root, &path, sources);
            }
        } else if is_text(&path) {
            let text = fs::read_to_string(root.join(&path)).unwrap_or_else(|e| panic!("read {}: {e}", path.display()));
            sources.push(Source { path: path.to_str().expect("names in the tree are UTF-8").to_owned(), text });
        }
    }
}

fn is_text(path: &Path) -> bool {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some(extension) => TEXT.contains(&extension),
        // Scripts, such as .ci/run.
        None => path.parent().is_some_and(|folder| folder != Path::new("") && !folder.ends_with("docs")),
    }
}

/// Fails with all that was found, one line each.
///
/// # Panics
/// Where something was found.
pub fn assert_none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}
