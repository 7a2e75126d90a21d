//! [`OttlaCli`]: the binary's own command line as a client of a broker.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::broker::binary;

const LIMIT_SECONDS: &str = "60";

/// The command line, for one broker or for none.
#[derive(Debug, Clone)]
pub struct OttlaCli {
    bootstrap: Option<String>,
}

/// How a command ended, and what it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// A command that runs.
#[derive(Debug)]
pub struct Running {
    child: Child,
}

impl OttlaCli {
    /// For the broker at `bootstrap`.
    pub fn new(bootstrap: impl Into<String>) -> Self {
        Self { bootstrap: Some(bootstrap.into()) }
    }

    /// For commands that ask no broker.
    pub fn offline() -> Self {
        Self { bootstrap: None }
    }

    /// Runs a command that succeeds, and returns what it wrote to standard output. Errors: it failed, with its own words.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A], input: &[u8]) -> Result<String> {
        let ended = self.end(arguments, input)?;
        ensure!(ended.code == Some(0), "ended with {:?}: {}", ended.code, ended.stderr);
        Ok(ended.stdout)
    }

    /// Runs a command that fails, and returns its words. Errors: it did not exit with 1, or said nothing.
    pub fn refusal<A: AsRef<OsStr>>(&self, arguments: &[A], input: &[u8]) -> Result<String> {
        let ended = self.end(arguments, input)?;
        ensure!(ended.code == Some(1), "ended with {:?}: {}{}", ended.code, ended.stdout, ended.stderr);
        ensure!(!ended.stderr.is_empty(), "failed without a word");
        Ok(ended.stderr)
    }

    /// Runs a command to its end, whatever that is.
    pub fn end<A: AsRef<OsStr>>(&self, arguments: &[A], input: &[u8]) -> Result<Ended> {
        let mut running = self.spawn(arguments)?;
        let mut stdin = running.stdin();
        // What ends early does not read all of it.
        let _ = stdin.write_all(input);
        drop(stdin);
        running.end()
    }

    /// Starts a command and does not wait for it.
    pub fn spawn<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<Running> {
        // A test does not wait for ever.
        let mut command = Command::new("timeout");
        command.args(["--signal=KILL", LIMIT_SECONDS]).arg(binary()).args(arguments);
        if let Some(bootstrap) = &self.bootstrap {
            command.args(["--bootstrap-server", bootstrap]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(Running { child: command.spawn().context("run ottla")? })
    }
}

impl Running {
    /// Its standard input, which may be taken once. Dropping it is the end of the input.
    pub fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("it is taken once")
    }

    /// Its standard output, which may be taken once. Dropping it closes the pipe.
    pub fn stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().expect("it is taken once")
    }

    /// Interrupts it, as Ctrl-C does.
    pub fn interrupt(&self) -> Result<()> {
        // `timeout` passes it on.
        let pid = Pid::from_raw(self.child.id().try_into()?).context("a process has an id")?;
        kill_process(pid, Signal::INT).context("interrupt ottla")
    }

    /// Waits for its end. What was taken is not there.
    pub fn end(mut self) -> Result<Ended> {
        drop(self.child.stdin.take());
        let mut stdout = String::new();
        if let Some(mut pipe) = self.child.stdout.take() {
            pipe.read_to_string(&mut stdout).context("read what ottla wrote")?;
        }
        let output = self.child.wait_with_output().context("wait for ottla")?;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(Ended { code: output.status.code(), stdout, stderr })
    }
}
