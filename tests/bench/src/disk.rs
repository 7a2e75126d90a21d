//! The files that a run leaves on disk while it lasts.
#![expect(clippy::disallowed_methods, reason = "a benchmark writes real files, without the broker's seam")]

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::machine::{available_memory_bytes, free_bytes};

/// Left free on the disk beyond what the run writes.
const RESERVE_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// A fresh directory below `parent`, which is created; removed when it is dropped.
pub(crate) fn temporary_directory(parent: &Path) -> Result<TempDir> {
    std::fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
    let parent = std::fs::canonicalize(parent).with_context(|| format!("resolve {}", parent.display()))?;
    tempfile::Builder::new()
        .prefix("run-")
        .tempdir_in(&parent)
        .with_context(|| format!("create a directory in {}", parent.display()))
}

/// Fails unless `bytes`, a fifth more for indexes and round numbers, and a reserve fit on the disk of `directory`.
pub(crate) fn demand_space(directory: &Path, bytes: u64) -> Result<()> {
    let wanted = bytes + bytes / 5 + RESERVE_BYTES;
    let free = free_bytes(directory)?;
    ensure!(
        free >= wanted,
        "the run writes up to {} MB below {}, where {} MB are free",
        wanted / 1_000_000,
        directory.display(),
        free / 1_000_000
    );
    Ok(())
}

/// Makes the host back `bytes` of the memory that the page cache takes next, by reading a sparse file through it: the first touch
/// of a virtual machine's page costs up to ten times a later one, and whoever is measured first would pay it. Once is not enough
/// for a whole run, since a host with free page reporting takes back within seconds what is free.
pub(crate) fn warm_memory(directory: &Path, bytes: u64) -> Result<()> {
    let path = directory.join("sparse");
    let mut file =
        File::options().read(true).write(true).create_new(true).open(&path).context("create a sparse file")?;
    file.set_len(bytes.min(available_memory_bytes()? / 4 * 3)).context("extend a sparse file")?;
    let mut block = vec![0; 1024 * 1024];
    while file.read(&mut block).context("read a sparse file")? > 0 {}
    drop(file);
    std::fs::remove_file(&path).context("remove a sparse file")
}

/// Creates an empty directory.
pub(crate) fn create(directory: &Path) -> Result<()> {
    std::fs::create_dir(directory).with_context(|| format!("create {}", directory.display()))
}

/// Removes a directory and what is in it.
pub(crate) fn remove(directory: &Path) -> Result<()> {
    std::fs::remove_dir_all(directory).with_context(|| format!("remove {}", directory.display()))
}

/// Writes `bytes` into a new file `count` times.
pub(crate) fn write_repeated(path: &Path, bytes: &[u8], count: usize) -> Result<()> {
    let mut file = File::create(path).with_context(|| format!("create {}", path.display()))?;
    (0..count).try_for_each(|_| file.write_all(bytes)).with_context(|| format!("write {}", path.display()))
}

/// The first line of what a child process prints.
pub(crate) fn first_line(output: impl Read) -> Result<String> {
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).context("read a child's output")?;
    Ok(line)
}
