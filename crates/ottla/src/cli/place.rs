//! [`Place`]: a place in partitions as a user writes it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use ottla_base::{Clock, SystemClock};

use super::connect::Session;
use super::offsets::{self, Position};
use super::time;

/// A place that each partition has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// One whose offset the leader knows.
    Position(Position),
    /// This offset.
    Offset(i64),
}

impl Place {
    /// Reads `beginning`, `end`, an offset, or a time. The error is one line with all that is to be said.
    pub(super) fn parse(text: &str) -> std::result::Result<Place, String> {
        Place::read(text).map_err(|error| format!("{error:#}"))
    }

    fn read(text: &str) -> Result<Place> {
        match text {
            "beginning" | "earliest" => Ok(Place::Position(Position::Beginning)),
            "end" | "latest" => Ok(Place::Position(Position::End)),
            offset if !offset.is_empty() && offset.bytes().all(|byte| byte.is_ascii_digit()) => {
                offset.parse().map(Place::Offset).context("larger than any offset")
            }
            moment => {
                let found = time::parse(moment, SystemClock::new().wall());
                let time = found.context("neither beginning, end nor an offset, so it should be a time")?;
                Ok(Place::Position(Position::Time(time)))
            }
        }
    }

    /// The offset in each of `partitions`; an offset that the user names is not held against the log. Errors: those of [`offsets::find`].
    pub(super) async fn find(self, session: &Session, topic: &str, partitions: &[i32]) -> Result<BTreeMap<i32, i64>> {
        match self {
            Place::Position(position) => offsets::find(session, topic, partitions, position).await,
            Place::Offset(offset) => Ok(partitions.iter().map(|partition| (*partition, offset)).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_base::Timestamp;

    #[test]
    fn a_word_an_offset_or_a_time() {
        let check = |text: &str, place| assert_eq!(Place::parse(text).unwrap(), place, "{text}");
        check("beginning", Place::Position(Position::Beginning));
        check("latest", Place::Position(Position::End));
        check("0", Place::Offset(0));
        check("9223372036854775807", Place::Offset(i64::MAX));
        check("2001-09-09T01:46:40Z", Place::Position(Position::Time(Timestamp(1_000_000_000_000))));
        assert!(matches!(Place::parse("2h").unwrap(), Place::Position(Position::Time(_))));
        for wrong in ["", "start", "-1", "9223372036854775808"] {
            assert!(Place::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
