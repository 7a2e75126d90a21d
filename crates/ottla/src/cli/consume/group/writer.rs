//! [`Writer`]: standard output, written on a thread that whoever reads it may hold up for as long as it likes, while the member keeps its
//! place in the group.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use ottla_base::{Lane, ThreadWorkers};
use ottla_net::offload;

use super::pages::Page;
use crate::cli::output::write_to_stdout;

/// Writes one page after the other.
pub(super) struct Writer {
    workers: Arc<ThreadWorkers>,
    in_flight: Option<InFlight>,
}

struct InFlight {
    written: Pin<Box<dyn Future<Output = anyhow::Result<()>>>>,
    positions: BTreeMap<i32, i64>,
}

impl Writer {
    /// A writer of which nothing was asked.
    pub(super) fn new() -> Writer {
        Writer { workers: Arc::new(ThreadWorkers::new(1)), in_flight: None }
    }

    /// Begins to write a page. There is none that is still being written.
    pub(super) fn begin(&mut self, page: Page) {
        assert!(self.in_flight.is_none(), "one page is written after the other");
        let workers = self.workers.clone();
        let Page { bytes, positions, .. } = page;
        let written = async move {
            // Nothing is no reason to wake a thread.
            if bytes.is_empty() {
                Ok(())
            } else {
                offload(&*workers, Lane::Background, move || write_to_stdout(&bytes)).await
            }
        };
        self.in_flight = Some(InFlight { written: Box::pin(written), positions });
    }

    /// Waits until the page is written, if there is one, and returns the offsets behind it. It may be dropped, and called again. Errors:
    /// those of [`write_to_stdout`].
    pub(super) async fn finish(&mut self) -> anyhow::Result<BTreeMap<i32, i64>> {
        let Some(in_flight) = &mut self.in_flight else { return Ok(BTreeMap::new()) };
        let outcome = in_flight.written.as_mut().await;
        let positions = self.in_flight.take().map(|in_flight| in_flight.positions).unwrap_or_default();
        outcome.map(|()| positions)
    }

    /// The page that is being written belongs to partitions that others read now: its offsets are not to be committed.
    pub(super) fn disown(&mut self) {
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.positions.clear();
        }
    }
}
