//! The files of partitions, looked at while the broker is not running, and damaged copies of them.
#![expect(clippy::disallowed_methods, reason = "reads what the process under test left, outside of any simulation")]

use std::fs;
use std::path::{Path, PathBuf};

/// The files with `extension` of all partitions of `topic`, in order.
pub fn log_files(data_dir: &Path, topic: &str, extension: &str) -> Vec<PathBuf> {
    let prefix = format!("{topic}-");
    let is_partition = |folder: &PathBuf| {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.strip_prefix(&prefix).is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let folders = entries(data_dir).into_iter().filter(is_partition);
    let files = folders.flat_map(|folder| entries(&folder));
    files.filter(|file| file.extension().is_some_and(|found| found == extension)).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).unwrap_or_else(|error| panic!("list {}: {error}", folder.display()));
    let mut paths: Vec<_> = listed.map(|entry| entry.expect("list a folder").path()).collect();
    paths.sort();
    paths
}

/// Copies all files of `file`'s folder to `to`, has `damage` change the bytes of the copy of `file`, and returns that.
pub fn damaged_copy(file: &Path, to: &Path, damage: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let name = |path: &Path| path.file_name().expect("a file has a name").to_owned();
    for neighbour in entries(file.parent().expect("a file lies in a folder")) {
        fs::copy(&neighbour, to.join(name(&neighbour))).expect("copy a file");
    }
    let copy = to.join(name(file));
    let mut bytes = fs::read(&copy).expect("read the copy");
    damage(&mut bytes);
    fs::write(&copy, bytes).expect("write the copy");
    copy
}
