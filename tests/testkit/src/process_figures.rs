//! [`ProcessFigures`]: what the kernel tells of a process.

use std::fs;
use std::path::Path;
use std::time::Duration;

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
    /// What the process has used of the processors, threads that have ended included; to the nearest 10 ms.
    pub cpu_time: Duration,
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
        let stat = fs::read_to_string(process.join("stat")).context("read the process's times")?;
        let cpu_time = cpu_time(&stat).with_context(|| format!("parse {stat:?}"))?;
        let status = fs::read_to_string(process.join("status")).context("read the process's status")?;
        let anonymous_bytes = field(&status, "RssAnon")? * 1024;
        let peak_bytes = field(&status, "VmHWM")? * 1024;
        let open_files = fs::read_dir(process.join("fd")).context("list descriptors")?.count();
        Ok(Self { anonymous_bytes, peak_bytes, wake_ups, cpu_time, threads, open_files })
    }

    /// Has the kernel begin anew with the peak.
    #[expect(clippy::disallowed_methods, reason = "the kernel's figures of the process under test")]
    pub fn forget_peak(pid: u32) -> Result<()> {
        fs::write(format!("/proc/{pid}/clear_refs"), "5").context("reset the peak")
    }
}

/// User and system time, which `/proc` counts in hundredths of a second.
fn cpu_time(stat: &str) -> Option<Duration> {
    // The name before it may hold anything, spaces and brackets too.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().ok()).sum::<Option<u64>>()?;
    Some(Duration::from_millis(10 * ticks))
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
    fn cpu_time_is_user_and_system_time() {
        let stat = "1 (a) b) S 1 1 1 0 -1 0 1 2 3 4 150 25 9 9 20 0 1";
        assert_eq!(cpu_time(stat), Some(Duration::from_millis(1_750)));
        assert_eq!(cpu_time("1 (a"), None);
    }

    #[test]
    fn a_missing_field_is_named() {
        assert!(field("RssAnon: 3 kB\n", "RssFile").unwrap_err().to_string().contains("RssFile"));
    }
}
