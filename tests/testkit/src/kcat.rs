//! [`Kcat`]: the command-line client over an older librdkafka. `KCAT` names the program where it is not on the path.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

const LIMIT_SECONDS: &str = "60";

/// kcat for one broker.
#[derive(Debug, Clone)]
pub struct Kcat {
    bootstrap: String,
}

impl Kcat {
    /// For the broker at `bootstrap`.
    pub fn new(bootstrap: impl Into<String>) -> Self {
        Self { bootstrap: bootstrap.into() }
    }

    /// Runs it with `arguments`, gives it `input`, and returns what it wrote to standard output. Errors: it failed,
    /// with its own words.
    pub fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>> {
        let program = std::env::var_os("KCAT").unwrap_or_else(|| OsString::from("kcat"));
        // kcat waits for a broker as long as it takes; a test does not.
        let mut command = Command::new("timeout");
        command.args(["--signal=KILL", LIMIT_SECONDS]).arg(program);
        command.args(["-b", &self.bootstrap]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("run kcat: is the package installed?")?;
        child.stdin.take().expect("it was asked for").write_all(input).context("give kcat its input")?;
        let output = child.wait_with_output().context("wait for kcat")?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "kcat {}: {}\n{words}", arguments.join(" "), output.status);
        Ok(output.stdout)
    }

    /// The same, for what it writes as text.
    pub fn run_text(&self, arguments: &[&str], input: &[u8]) -> Result<String> {
        String::from_utf8(self.run(arguments, input)?).context("kcat wrote no UTF-8")
    }
}
