//! One process under measurement: its CPU time to the nanosecond, and a child that ends with its owner.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures real processes through /proc")]

use std::collections::BTreeMap;
use std::process::Child;
use std::time::Duration;

use anyhow::{Context, Result};

/// CPU time of every thread of a process at one moment.
///
/// Threads are read one by one from `/proc/PID/task/*/schedstat`, in nanoseconds: `/proc/PID/stat` counts in ticks of
/// 10 ms, too coarse for a window of a second. A thread that ends inside a window takes its time with it, so windows
/// are read while the process is at rest and keeps its threads.
#[derive(Debug)]
pub(crate) struct CpuTime {
    nanoseconds_by_thread: BTreeMap<u32, u64>,
}

impl CpuTime {
    /// Reads the CPU time that the threads of `pid` have used so far.
    pub(crate) fn of(pid: u32) -> Result<CpuTime> {
        let folder = format!("/proc/{pid}/task");
        let mut nanoseconds_by_thread = BTreeMap::new();
        for entry in std::fs::read_dir(&folder).with_context(|| format!("list {folder}: has the process ended?"))? {
            let entry = entry.with_context(|| format!("list {folder}"))?;
            let thread: u32 = entry.file_name().to_string_lossy().parse().context("read a thread's number")?;
            // A thread may end between the listing and the read.
            let Ok(text) = std::fs::read_to_string(entry.path().join("schedstat")) else { continue };
            let on_cpu = text.split(' ').next().unwrap_or_default();
            nanoseconds_by_thread.insert(thread, on_cpu.parse().with_context(|| format!("parse schedstat {text:?}"))?);
        }
        Ok(CpuTime { nanoseconds_by_thread })
    }

    /// CPU time used since `earlier`, by the threads that live now.
    pub(crate) fn since(&self, earlier: &CpuTime) -> Duration {
        let nanoseconds = self
            .nanoseconds_by_thread
            .iter()
            .map(|(thread, now)| now - earlier.nanoseconds_by_thread.get(thread).copied().unwrap_or(0))
            .sum();
        Duration::from_nanos(nanoseconds)
    }
}

/// A child process that has nothing to lose: it is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Takes charge of `child`.
    pub(crate) fn new(child: Child) -> Running {
        Running { child }
    }

    /// The process's id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill, and nothing to do about it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn cpu_time_grows_by_what_this_thread_burns() {
        let before = CpuTime::of(std::process::id()).unwrap();
        let begun = Instant::now();
        let mut sum = 0_u64;
        while begun.elapsed() < Duration::from_millis(50) {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
        }
        let used = CpuTime::of(std::process::id()).unwrap().since(&before);
        assert!(used > Duration::ZERO, "a busy loop must show in schedstat");
    }
}
