//! [`CleanShutdown`]: the mark that a log directory was closed with everything on disk, in Kafka's `.kafka_cleanshutdown`.
//!
//! ```text
//! {"version":0,"brokerEpoch":17}
//! ```
//!
//! Its presence is what counts: recovery is skipped. So it is written last, and removed durably before anything else happens.
//! Source: Kafka `CleanShutdownFileHandler` (KIP-966).

use ottla_base::BrokerEpoch;
use serde::{Deserialize, Serialize};

/// The file's name in a log directory.
pub const CLEAN_SHUTDOWN_FILE: &str = ".kafka_cleanshutdown";

const VERSION: u32 = 0;

/// What the broker knew when it stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanShutdown {
    /// The epoch of its last registration. Kafka's older versions wrote none.
    pub broker_epoch: Option<BrokerEpoch>,
}

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    #[serde(rename = "brokerEpoch")]
    broker_epoch: i64,
}

impl CleanShutdown {
    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let broker_epoch = self.broker_epoch.map_or(-1, |epoch| epoch.0);
        serde_json::to_vec(&Content { version: VERSION, broker_epoch }).expect("two numbers have a JSON form")
    }

    /// Reads the file. `None` where it cannot be relied on: the stop counts as unclean then, which costs a recovery and loses nothing.
    /// An empty file is a clean stop without an epoch, as Kafka before KIP-966 left it.
    pub fn decode(bytes: &[u8]) -> Option<CleanShutdown> {
        if bytes.is_empty() {
            return Some(CleanShutdown { broker_epoch: None });
        }
        let content: Content =
            serde_json::from_slice(bytes).ok().filter(|content: &Content| content.version == VERSION)?;
        Some(CleanShutdown { broker_epoch: Some(BrokerEpoch(content.broker_epoch)).filter(|epoch| epoch.0 >= 0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_text_is_kafkas() {
        let mark = CleanShutdown { broker_epoch: Some(BrokerEpoch(17)) };
        assert_eq!(mark.encode(), br#"{"version":0,"brokerEpoch":17}"#);
    }

    #[test]
    fn what_is_damaged_or_unknown_counts_as_unclean() {
        for text in ["{", "{\"version\":1,\"brokerEpoch\":17}", "{\"version\":0}", "[]"] {
            assert_eq!(CleanShutdown::decode(text.as_bytes()), None, "{text}");
        }
        assert_eq!(CleanShutdown::decode(b""), Some(CleanShutdown { broker_epoch: None }));
    }

    proptest! {
        #[test]
        fn marks_read_back(epoch in prop::option::of(0..i64::MAX)) {
            let mark = CleanShutdown { broker_epoch: epoch.map(BrokerEpoch) };
            prop_assert_eq!(CleanShutdown::decode(&mark.encode()), Some(mark));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = CleanShutdown::decode(&bytes);
        }
    }
}
