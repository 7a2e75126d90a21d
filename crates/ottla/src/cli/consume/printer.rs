//! [`Printer`]: records as they are shown, as many as are wanted.

use std::ops::ControlFlow;

use ottla_records::Record;

use super::Consume;
use super::format::Format;

/// What gives records their form.
pub(super) struct Printer<'a> {
    consume: &'a Consume,
    format: Format,
    /// How many more are wanted.
    left: u64,
}

impl<'a> Printer<'a> {
    /// Prints as `consume` says.
    pub(super) fn new(consume: &'a Consume) -> Printer<'a> {
        let format = if consume.json { Format::Json } else { consume.format };
        Printer { consume, format, left: consume.max_messages.unwrap_or(u64::MAX) }
    }

    /// Whether no more are wanted.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Adds a record to what is to be shown; `Break` where it was the last that is wanted.
    pub(super) fn print(
        &mut self,
        out: &mut Vec<u8>,
        partition: i32,
        record: &Record,
    ) -> anyhow::Result<ControlFlow<()>> {
        let Consume { topic, key_separator, .. } = self.consume;
        self.format.write(out, topic, partition, record, key_separator)?;
        self.left -= 1;
        Ok(if self.is_done() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// So many of those that were printed are not shown after all.
    pub(super) fn take_back(&mut self, records: u64) {
        self.left += records;
    }
}
