//! [`From`]: where reading begins.

use anyhow::{Context, Result};
use ottla_base::{Clock, SystemClock};

use crate::cli::offsets::Position;
use crate::cli::time;

/// Where reading begins, in each partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// At a place whose offset the leader knows.
    Position(Position),
    /// At this offset.
    Offset(i64),
}

impl From {
    /// Reads `beginning`, `end`, an offset, or a time. The error is one line with all that is to be said.
    pub(super) fn parse(text: &str) -> std::result::Result<From, String> {
        From::read(text).map_err(|error| format!("{error:#}"))
    }

    fn read(text: &str) -> Result<From> {
        match text {
            "beginning" | "earliest" => Ok(From::Position(Position::Beginning)),
            "end" | "latest" => Ok(From::Position(Position::End)),
            offset if !offset.is_empty() && offset.bytes().all(|byte| byte.is_ascii_digit()) => {
                offset.parse().map(From::Offset).context("larger than any offset")
            }
            moment => {
                let found = time::parse(moment, SystemClock::new().wall());
                let time = found.context("neither beginning, end nor an offset, so it should be a time")?;
                Ok(From::Position(Position::Time(time)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_base::Timestamp;

    #[test]
    fn a_word_an_offset_or_a_time() {
        let check = |text: &str, from| assert_eq!(From::parse(text).unwrap(), from, "{text}");
        check("beginning", From::Position(Position::Beginning));
        check("latest", From::Position(Position::End));
        check("0", From::Offset(0));
        check("9223372036854775807", From::Offset(i64::MAX));
        check("2001-09-09T01:46:40Z", From::Position(Position::Time(Timestamp(1_000_000_000_000))));
        assert!(matches!(From::parse("2h").unwrap(), From::Position(Position::Time(_))));
        for wrong in ["", "start", "-1", "9223372036854775808"] {
            assert!(From::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
