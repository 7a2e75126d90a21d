//! A producer id is given once in the life of a cluster, whatever crashes.
//!
//! Source: KIP-98; two producers with one id would drop each other's records as duplicates.

use std::collections::BTreeSet;

use ottla_base::ProducerId;

/// The ids that were given.
#[derive(Debug, Default)]
pub(crate) struct ProducerIds {
    given: BTreeSet<ProducerId>,
}

impl ProducerIds {
    /// Judges a new one.
    pub(crate) fn check(&mut self, id: ProducerId) -> Result<(), String> {
        if id.0 < 0 {
            return Err(format!("{id} was given as a producer id"));
        }
        if self.given.insert(id) { Ok(()) } else { Err(format!("producer id {id} was given twice")) }
    }
}
