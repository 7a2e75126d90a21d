//! The verdict on a run: its record as a history for the checker, with what no client may rely on taken out.

use std::collections::BTreeMap;
use std::time::Duration;

use history::{Action, History, Malformed, MicroOp, Offset, Outcome, Report, Send};

use crate::invariants::Held;
use crate::journal::{Event, PartitionId, Polled, Record, Sent};
use crate::options::{Promise, TopicPlan};

/// Judges the part of `record` before `until`, which is when everything was drained, by the history checker. `held` is what the drain
/// found.
pub(crate) fn judge(
    record: &Record,
    topics: &[TopicPlan],
    until: Duration,
    held: &BTreeMap<PartitionId, Held>,
) -> Result<Report, Malformed> {
    let terms = Terms { record, topics, held, until };
    let mut history = History::new();
    for entry in record.entries.iter().take_while(|entry| entry.at <= until) {
        let time_ns = u64::try_from(entry.at.as_nanos()).expect("runs take minutes");
        let process = entry.process;
        match &entry.event {
            Event::Fault(name) => history.fault(time_ns, name.as_str())?,
            Event::Assigned { keys } => {
                let assign = Action::Assign { keys: keys.clone(), seek_to_start: true };
                history.invoke(time_ns, process, assign.clone())?;
                history.complete(time_ns, process, Outcome::Ok, assign)?;
            }
            Event::SendBegun { sent } => history.invoke(time_ns, process, send(sent, |_| None))?,
            Event::SendEnded { sent, acks, begun } => {
                let told = send(sent, |sent| terms.promised_offset(sent, *acks, *begun));
                let is_ok = told.sends().all(|send| send.offset.is_some());
                history.complete(time_ns, process, if is_ok { Outcome::Ok } else { Outcome::Info }, told)?;
            }
            Event::PollBegun => history.invoke(time_ns, process, poll(Vec::new()))?,
            Event::PollEnded { polled: None, .. } => {
                history.complete(time_ns, process, Outcome::Fail, poll(Vec::new()))?
            }
            Event::PollEnded { polled: Some(polled), .. } => {
                let records = polled.iter().filter(|polled| !terms.is_of_earlier_era(polled)).map(|polled| {
                    history::Record { key: polled.key, offset: Offset(polled.offset), value: polled.value }
                });
                history.complete(time_ns, process, Outcome::Ok, poll(records.collect()))?;
            }
        }
    }
    Ok(history::check(&history))
}

/// What clients may rely on in this run.
struct Terms<'a> {
    record: &'a Record,
    topics: &'a [TopicPlan],
    held: &'a BTreeMap<PartitionId, Held>,
    until: Duration,
}

impl Terms<'_> {
    /// The offset of an acknowledgement that holds to the end; `None` where it may have been lost since.
    fn promised_offset(&self, sent: &Sent, acks: i16, begun: Duration) -> Option<Offset> {
        let promise = self.topics[sent.partition.topic].promise;
        let is_dark_since = self.record.power_cuts.iter().any(|cut| (begun..=self.until).contains(cut));
        let is_kept = match promise {
            Promise::Durable | Promise::Trimmed => acks == -1 || !is_dark_since,
            Promise::Cached => !is_dark_since && Some(sent.key) == self.record.last_key(sent.partition, self.until),
        };
        let offset = sent.offset.filter(|_| is_kept)?;
        let is_dropped = offset < self.held.get(&sent.partition).map_or(0, |held| held.log_start_offset);
        (!is_dropped).then_some(Offset(offset))
    }

    /// Whether a record was sent before a power cut that it has outlived, which it need not have done.
    fn is_of_earlier_era(&self, polled: &Polled) -> bool {
        let writer = self.record.writers.get(&polled.value);
        writer.is_some_and(|(partition, key)| *partition == polled.partition && *key != polled.key)
    }
}

fn send(sent: &[Sent], offset: impl Fn(&Sent) -> Option<Offset>) -> Action {
    let send = |sent: &Sent| MicroOp::Send(Send { key: sent.key, value: sent.value, offset: offset(sent) });
    Action::Send(sent.iter().map(send).collect())
}

fn poll(records: Vec<history::Record>) -> Action {
    Action::Poll(vec![MicroOp::Poll(records)])
}
