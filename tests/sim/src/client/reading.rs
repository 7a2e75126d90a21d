//! [`View`]: what a Fetch says of one partition, taken apart.

use history::Value;
use ottla_base::LeaderEpoch;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::FetchResponse;
use ottla_protocol::messages::fetch_response::PartitionData;
use ottla_records::{Malformed, batches};

use super::value;

/// More than any batch of ours decompresses to.
const DECODED_BYTES_MAX: usize = 16 << 20;

/// What was said of one partition.
#[derive(Clone, Debug)]
pub struct View {
    /// The error, or none.
    pub error: ErrorCode,
    /// The first offset there is.
    pub log_start_offset: i64,
    /// The end of what `read_committed` sees.
    pub last_stable_offset: i64,
    /// The end of what anybody sees.
    pub high_watermark: i64,
    /// Whole batches, in order.
    pub batches: Vec<BatchView>,
    /// What is wrong with the bytes, if anything.
    pub damage: Option<String>,
}

/// One batch.
#[derive(Clone, Debug)]
pub struct BatchView {
    /// Its first offset.
    pub base_offset: i64,
    /// Its last.
    pub last_offset: i64,
    /// Its leader's epoch.
    pub leader_epoch: LeaderEpoch,
    /// Offset and number of each of its records.
    pub records: Vec<(i64, Value)>,
}

impl View {
    /// The records from `position` on.
    pub fn records_from(&self, position: i64) -> impl Iterator<Item = (i64, Value)> {
        let records = self.batches.iter().flat_map(|batch| &batch.records).copied();
        records.filter(move |(offset, _)| *offset >= position)
    }

    /// The offset behind the last batch, where there is one.
    pub fn end_offset(&self) -> Option<i64> {
        self.batches.last().map(|batch| batch.last_offset + 1)
    }
}

/// What `response` says of its partitions, in its order.
pub(crate) fn views(response: &FetchResponse) -> Vec<View> {
    response.responses.iter().flat_map(|topic| &topic.partitions).map(view).collect()
}

fn view(data: &PartitionData) -> View {
    let mut view = View {
        error: ErrorCode::from_code(data.error_code).unwrap_or(ErrorCode::UnknownServerError),
        log_start_offset: data.log_start_offset,
        last_stable_offset: data.last_stable_offset,
        high_watermark: data.high_watermark,
        batches: Vec::new(),
        damage: None,
    };
    for batch in batches(data.records.clone().unwrap_or_default()) {
        match batch {
            Ok(batch) if !batch.crc_is_valid() => view.damage = Some("a batch with a wrong checksum".to_owned()),
            Ok(batch) => match records(&batch) {
                Ok(records) => view.batches.push(BatchView {
                    base_offset: batch.header().base_offset.0,
                    last_offset: batch.header().last_offset().0,
                    leader_epoch: batch.header().leader_epoch,
                    records,
                }),
                Err(damage) => view.damage = Some(damage),
            },
            // The last one may be cut.
            Err(Malformed::Truncated { .. }) => {}
            Err(error) => view.damage = Some(error.to_string()),
        }
    }
    view
}

fn records(batch: &ottla_records::Batch) -> Result<Vec<(i64, Value)>, String> {
    let numbered = batch.records(DECODED_BYTES_MAX).map(|record| {
        let record = record.map_err(|error| error.to_string())?;
        let number = value::number(record.value.as_ref()).ok_or("a record that nobody can have sent")?;
        Ok((record.offset.0, Value(number)))
    });
    numbered.collect()
}
