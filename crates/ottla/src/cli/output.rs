//! [`Output`]: what a command shows, to a human or as JSON.

use std::fmt::{self, Display};
use std::io::{self, BufWriter, StdoutLock, Write};

use serde::Serialize;

/// Whoever read standard output has stopped, as `head` does. The command ends, and all is well.
#[derive(Debug)]
pub(super) struct StdoutClosed;

impl std::error::Error for StdoutClosed {}

impl Display for StdoutClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output is closed")
    }
}

/// How results are to be shown.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Output {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Output {
    /// Prints `found`, or `human` where no JSON is asked for.
    pub(super) fn show(self, found: &impl Serialize, human: &dyn Display) -> anyhow::Result<()> {
        let mut out = Stdout::open();
        if self.json {
            out.write_json_line(found)?;
        } else {
            out.write(human.to_string().as_bytes())?;
        }
        out.flush()
    }
}

/// Standard output, held and buffered.
#[derive(Debug)]
pub(super) struct Stdout(BufWriter<StdoutLock<'static>>);

impl Stdout {
    /// Takes it.
    pub(super) fn open() -> Stdout {
        Stdout(BufWriter::with_capacity(64 * 1024, io::stdout().lock()))
    }

    /// Writes bytes. Errors: [`StdoutClosed`], or what the system says.
    pub(super) fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.0.write_all(bytes).map_err(closed_or_failed)
    }

    /// Writes `value` as JSON on a line of its own.
    pub(super) fn write_json_line(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.write(&line)
    }

    /// Hands on what is buffered.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        self.0.flush().map_err(closed_or_failed)
    }
}

/// Writes `bytes` and hands them on, for as long as whoever reads standard output takes. Errors: as of [`Stdout::write`].
pub(super) fn write_to_stdout(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(closed_or_failed)
}

fn closed_or_failed(error: io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => StdoutClosed.into(),
        _ => anyhow::Error::from(error).context("write to standard output"),
    }
}

/// Says something to standard error that is no result. Nobody may be listening there.
pub(super) fn note(text: impl Display) {
    let _ = writeln!(io::stderr(), "ottla: {text}");
}
