//! The process, under the names that Prometheus' own clients use. Linux tells in `/proc`; what it does not tell is left out.
#![expect(clippy::disallowed_methods, reason = "reads the kernel's own words under /proc, no file of a log")]

use std::fs;

use super::exposition::Exposition;

/// What the kernel says of this process.
#[derive(Debug, PartialEq)]
struct Figures {
    cpu_seconds: f64,
    start_time_seconds: f64,
    resident_bytes: u64,
}

pub(super) fn write(text: &mut Exposition, open_files_max: u64) {
    if let Some(figures) = Figures::read() {
        let Figures { cpu_seconds, start_time_seconds, resident_bytes } = figures;
        text.counter("process_cpu_seconds_total", "Processor time used, in user mode and in the kernel.", cpu_seconds);
        text.gauge("process_start_time_seconds", "When the process started, in Unix time.", start_time_seconds);
        text.gauge(
            "process_resident_memory_bytes",
            "Memory that is resident, mapped log files included.",
            resident_bytes,
        );
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // One of them is the directory that is read.
        text.gauge("process_open_fds", "Open file descriptors.", open.count().saturating_sub(1));
    }
    text.gauge("process_max_fds", "How many file descriptors may be open.", open_files_max);
}

impl Figures {
    fn read() -> Option<Figures> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let boot = fs::read_to_string("/proc/stat").ok()?;
        let ticks_per_second = rustix::param::clock_ticks_per_second();
        Figures::parse(&stat, &boot, ticks_per_second, rustix::param::page_size() as u64)
    }

    /// From `/proc/self/stat` and `/proc/stat` (proc(5)). The second field of the one is the program's name, which may hold anything.
    fn parse(stat: &str, boot: &str, ticks_per_second: u64, page_bytes: u64) -> Option<Figures> {
        let (_, after_name) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        // Numbered from 1 there, and the first of `fields` is the third.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let seconds = |ticks: u64| ticks as f64 / ticks_per_second as f64;
        let booted_at: f64 = boot.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
        Some(Figures {
            cpu_seconds: seconds(field(14)? + field(15)?),
            start_time_seconds: booted_at + seconds(field(22)?),
            resident_bytes: field(24)? * page_bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_read_whatever_the_program_is_called() {
        let stat =
            "17 (a) b (c) S 1 17 17 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 5 0 12345 1000000 300 18446744073709551615";
        let boot = "cpu 1 2 3\nbtime 1700000000\nprocesses 5\n";
        let figures = Figures { cpu_seconds: 3.0, start_time_seconds: 1_700_000_123.45, resident_bytes: 300 * 4096 };
        assert_eq!(Figures::parse(stat, boot, 100, 4096), Some(figures));
        assert_eq!(Figures::parse("17 (cut", boot, 100, 4096), None);
        assert_eq!(Figures::parse(stat, "", 100, 4096), None);
    }

    #[test]
    fn this_process_is_told_of() {
        let mut text = Exposition::default();
        write(&mut text, 1024);
        let text = text.finish();
        for name in [
            "process_cpu_seconds_total",
            "process_start_time_seconds",
            "process_resident_memory_bytes",
            "process_open_fds",
            "process_max_fds",
        ] {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            let value: f64 = value.unwrap_or_else(|| panic!("{name} in\n{text}")).parse().unwrap();
            assert!(value > 0.0 || name == "process_cpu_seconds_total", "{name} is {value}");
        }
    }
}
