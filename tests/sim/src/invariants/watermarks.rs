//! The high watermark and the log's start never go back while a node runs: an answer knows no less than what was known before it was asked
//! for. A node that has just started may give less for a moment, and then ListOffsets says so.
//!
//! Source: Kafka's `Partition.maybeIncrementLeaderHW`; KIP-207 for what follows a change of leader.

use crate::client::View;

/// The ends of a partition as a client was told them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) log_start_offset: i64,
    pub(crate) high_watermark: i64,
}

impl Ends {
    pub(crate) fn of(view: &View) -> Ends {
        Ends { log_start_offset: view.log_start_offset, high_watermark: view.high_watermark }
    }

    /// The higher of each.
    pub(crate) fn latest(self, other: Ends) -> Ends {
        Ends {
            log_start_offset: self.log_start_offset.max(other.log_start_offset),
            high_watermark: self.high_watermark.max(other.high_watermark),
        }
    }
}

/// Judges an answer by what was known before.
pub(crate) fn check(known: Ends, told: Ends) -> Result<(), String> {
    if told.high_watermark < known.high_watermark {
        return Err(format!("the high watermark went back from {} to {}", known.high_watermark, told.high_watermark));
    }
    if told.log_start_offset < known.log_start_offset {
        return Err(format!("the log start went back from {} to {}", known.log_start_offset, told.log_start_offset));
    }
    Ok(())
}
