//! Profiles of a broker while it is under load, by `perf record` on its process.
#![expect(clippy::disallowed_methods, reason = "a benchmark writes real files, without the broker's seam")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal};

use crate::report::Subject;

/// Samples per second of CPU time: odd, so that it does not run in step with timers.
const FREQUENCY_HZ: &str = "997";

/// Records into one directory.
#[derive(Debug)]
pub(crate) struct Profiler {
    directory: PathBuf,
}

impl Profiler {
    /// Creates `directory`.
    pub(crate) fn new(directory: &Path) -> Result<Profiler> {
        std::fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
        Ok(Profiler { directory: directory.to_owned() })
    }

    /// Begins to record the process `pid`, into `CASE-SUBJECT.data`. Frame pointers give the call graph, so the process
    /// should have been built with them.
    pub(crate) fn record(&self, pid: u32, case: &str, subject: Subject) -> Result<Recording> {
        let path = self.directory.join(format!("{case}-{subject}.data").to_lowercase());
        let mut command = Command::new("perf");
        command.args(["record", "--quiet", "-F", FREQUENCY_HZ, "--call-graph", "fp", "-o"]).arg(&path);
        command.args(["-p", &pid.to_string()]);
        let perf = command.stdin(Stdio::null()).spawn().context("run perf: is it installed?")?;
        Ok(Recording { perf })
    }
}

/// A recording under way.
#[derive(Debug)]
pub(crate) struct Recording {
    perf: Child,
}

impl Recording {
    /// Ends it and waits until the file is written.
    pub(crate) fn finish(mut self) -> Result<()> {
        let pid = i32::try_from(self.perf.id()).ok().and_then(Pid::from_raw).context("convert perf's process id")?;
        rustix::process::kill_process(pid, Signal::INT).context("end perf's recording")?;
        let status = self.perf.wait().context("wait for perf")?;
        // perf ends by the signal that it was sent, after it has written everything.
        ensure!(status.success() || status.code().is_none(), "perf record failed: {status}");
        Ok(())
    }
}
