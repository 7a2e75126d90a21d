//! [`ProcessFigures`]: what the kernel tells of a process.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Figures of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessFigures {
    /// Resident memory that is not backed by a file, in bytes: what the process itself takes.
    pub anonymous_bytes: u64,
    /// The most that was resident, files included, since the process began or since [`forget_peak`](Self::forget_peak).
    pub peak_bytes: u64,
    /// How often its threads, all together, have gone to sleep and been woken since they began.
    pub wake_ups: u64,
    /// Threads.
    pub threads: usize,
    /// Open descriptors.
    pub open_files: usize,
}

impl ProcessFigures {
    /// Reads them from `/proc`.
    #[expect(clippy::disallowed_methods, reason = "the kernel's figures of the process under test")]
    pub fn of(pid: u32) -> Result<Self> {
        let process = Path::new("/proc").join(pid.to_string());
        let mut wake_ups = 0;
        let mut threads = 0;
        for task in fs::read_dir(process.join("task")).context("list threads")? {
            // A thread may end between being listed and being read.
            if let Ok(status) = fs::read_to_string(task?.path().join("status")) {
                wake_ups += field(&status, "voluntary_ctxt_switches")?;
                threads += 1;
            }
        }
        let status = fs::read_to_string(process.join("status")).context("read the process's status")?;
        let anonymous_bytes = field(&status, "RssAnon")? * 1024;
        let peak_bytes = field(&status, "VmHWM")? * 1024;
        let open_files = fs::read_dir(process.join("fd")).context("list descriptors")?.count();
        Ok(Self { anonymous_bytes, peak_bytes, wake_ups, threads, open_files })
    }

    /// Has the kernel begin anew with the peak.
    #[expect(clippy::disallowed_methods, reason = "the kernel's figures of the process under test")]
    pub fn forget_peak(pid: u32) -> Result<()> {
        fs::write(format!("/proc/{pid}/clear_refs"), "5").context("reset the peak")
    }
}

/// The number after `name:` in a status file.
fn field(status: &str, name: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.with_context(|| format!("find {name}"))?.parse().with_context(|| format!("parse {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_can_be_asked_about_itself() {
        let figures = ProcessFigures::of(std::process::id()).unwrap();
        assert!(figures.anonymous_bytes > 0 && figures.threads > 0 && figures.open_files > 0, "{figures:?}");
    }

    #[test]
    fn a_missing_field_is_named() {
        assert!(field("RssAnon: 3 kB\n", "RssFile").unwrap_err().to_string().contains("RssFile"));
    }
}
