//! The machine that is measured on: what it is, how its page cache is brought to one state before each measurement,
//! what its disk takes for a sync, and who else is using its cores.
//!
//! Bulk figures depend on the state of the page cache more than on the program (the same program takes up to five times
//! the CPU on fragmented memory full of dirty pages), so a figure counts only when the cache was levelled before it.
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures the real machine: its clock, its files, its /proc"
)]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::replay::latency_histogram;

/// What a reader needs to compare figures between machines.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    /// Unix time in seconds at which the run began.
    pub(crate) taken_at_unix_s: u64,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: f64,
    pub(crate) kernel: String,
    /// Type and device of the file system that holds the data, from `/proc/mounts`.
    pub(crate) file_system: String,
    /// The one-minute load average when the run began.
    pub(crate) load_average: f64,
}

impl Machine {
    /// Reads what the kernel says of the machine and of the file system below `data`.
    pub(crate) fn describe(data: &Path) -> Result<Machine> {
        let cpuinfo = read("/proc/cpuinfo")?;
        let processor = field(&cpuinfo, "model name").unwrap_or("unknown").to_owned();
        let load = read("/proc/loadavg")?;
        Ok(Machine {
            taken_at_unix_s: SystemTime::now().duration_since(UNIX_EPOCH).context("read the clock")?.as_secs(),
            processor,
            cores: std::thread::available_parallelism().context("count the cores")?.get(),
            memory_gib: memory_bytes("MemTotal")? as f64 / f64::from(1 << 30),
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            file_system: file_system_of(data)?,
            load_average: load.split(' ').next().and_then(|value| value.parse().ok()).context("read /proc/loadavg")?,
        })
    }
}

/// Writes everything dirty back, drops the page cache and compacts free memory. Returns false where the last two are
/// not permitted (they need root): bulk figures of such a run are not comparable.
pub(crate) fn level_page_cache() -> bool {
    rustix::fs::sync();
    std::fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
        && std::fs::write("/proc/sys/vm/compact_memory", "1").is_ok()
}

/// Bytes that an unprivileged process may still write below `directory`.
pub(crate) fn free_bytes(directory: &Path) -> Result<u64> {
    let stat =
        rustix::fs::statvfs(directory).with_context(|| format!("ask for the free space of {}", directory.display()))?;
    Ok(stat.f_bavail * stat.f_frsize)
}

/// Bytes that programs could still allocate without swapping, free page cache included.
pub(crate) fn available_memory_bytes() -> Result<u64> {
    memory_bytes("MemAvailable")
}

/// Nanoseconds of `appends` appends of 4 KiB to one new file in `directory`, each followed by `fdatasync`: what the
/// machine charges for one durable write. The file is removed.
pub(crate) fn probe_fdatasync(directory: &Path, appends: usize) -> Result<Histogram<u64>> {
    let path = directory.join("fdatasync-probe");
    let mut file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
    let block = [0x5a_u8; 4096];
    let mut latency = latency_histogram();
    for _ in 0..appends {
        let begun = Instant::now();
        file.write_all(&block).context("append to the probe's file")?;
        file.sync_data().context("sync the probe's file")?;
        latency.saturating_record(nanoseconds(begun.elapsed()));
    }
    drop(file);
    std::fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
    Ok(latency)
}

/// CPU time that the whole machine spent not idle, and that its host took away, since it booted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MachineTime {
    busy: Duration,
    stolen: Duration,
}

impl MachineTime {
    /// Reads the first line of `/proc/stat`, whose unit is the kernel's tick of 10 ms.
    pub(crate) fn now() -> Result<MachineTime> {
        let stat = read("/proc/stat")?;
        let ticks: Vec<u64> = stat
            .lines()
            .next()
            .context("read the first line of /proc/stat")?
            .split_whitespace()
            .skip(1)
            .map(str::parse)
            .collect::<Result<_, _>>()
            .context("parse /proc/stat")?;
        let [user, nice, system, _idle, _iowait, irq, softirq, steal, ..] = ticks[..] else {
            anyhow::bail!("/proc/stat has fewer columns than expected");
        };
        let tick = Duration::from_millis(10);
        let times = |count: u64| tick * u32::try_from(count).unwrap_or(u32::MAX);
        Ok(MachineTime { busy: times(user + nice + system + irq + softirq), stolen: times(steal) })
    }

    /// Busy and stolen time since `earlier`.
    pub(crate) fn since(self, earlier: MachineTime) -> Duration {
        self.busy.saturating_sub(earlier.busy) + self.stolen.saturating_sub(earlier.stolen)
    }
}

/// `duration` in whole nanoseconds, as the histograms count.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn memory_bytes(name: &str) -> Result<u64> {
    let meminfo = read("/proc/meminfo")?;
    let kib =
        field(&meminfo, name).and_then(|value| value.strip_suffix(" kB")).and_then(|value| value.parse::<u64>().ok());
    Ok(kib.with_context(|| format!("read {name} from /proc/meminfo"))? * 1024)
}

fn file_system_of(path: &Path) -> Result<String> {
    let path = std::fs::canonicalize(path).with_context(|| format!("resolve {}", path.display()))?;
    let mounts = read("/proc/mounts")?;
    let mount = mounts
        .lines()
        .filter_map(|line| {
            let mut columns = line.split(' ');
            Some((columns.next()?, columns.next()?, columns.next()?))
        })
        .filter(|(_, mount_point, _)| path.starts_with(mount_point))
        .max_by_key(|(_, mount_point, _)| mount_point.len());
    let (device, _, kind) = mount.context("find the file system in /proc/mounts")?;
    Ok(format!("{kind} on {device}"))
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("read {path}"))
}
