//! [`Printer`]: records on standard output, as many as are wanted.

use std::ops::ControlFlow;

use ottla_records::Record;

use super::Consume;
use super::format::Format;
use crate::cli::output::Stdout;

/// What shows records.
pub(super) struct Printer<'a> {
    consume: &'a Consume,
    format: Format,
    /// How many more are wanted.
    left: u64,
    out: Stdout,
}

impl<'a> Printer<'a> {
    /// Shows records as `consume` says.
    pub(super) fn new(consume: &'a Consume) -> Printer<'a> {
        let format = if consume.json { Format::Json } else { consume.format };
        Printer { consume, format, left: consume.max_messages.unwrap_or(u64::MAX), out: Stdout::open() }
    }

    /// Whether no more are wanted.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Shows a record; `Break` where it was the last that is wanted.
    pub(super) fn write(&mut self, partition: i32, record: &Record) -> anyhow::Result<ControlFlow<()>> {
        let Consume { topic, key_separator, .. } = self.consume;
        self.format.write(&mut self.out, topic, partition, record, key_separator)?;
        self.left -= 1;
        Ok(if self.is_done() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// Hands on what was written.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        self.out.flush()
    }
}
