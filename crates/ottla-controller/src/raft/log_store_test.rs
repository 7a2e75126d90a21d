//! The store by itself: openraft's conformance suite, and every crash image of votes, appends, cuts and purges.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::type_config::TypeConfigExt;
use openraft::vote::RaftLeaderId;
use openraft::{EntryPayload, RaftLogReader, StorageError};
use ottla_base::{Offset, SeededEntropy};
use ottla_net::TaskScope;
use ottla_storage::disk::sim::SimDisk;
use ottla_storage::disk::sim::judge::{Judge, Promises};
use tokio::runtime::Handle as Runtime;

use super::log_store::LogStore;
use super::snapshot::SnapshotFile;
use super::state_machine::StateMachine;
use super::types::{Entry, LeaderId, LogId, Proposal, TypeConfig, Vote};
use crate::testing::{InlineWorkers, directory, new_disk, options, seams, simulate};
use crate::{Seams, StartError};

fn scope() -> TaskScope {
    TaskScope::new("store", Runtime::current(), Arc::new(SeededEntropy::new(5)))
}

fn inline_seams(disk: &Arc<SimDisk>) -> Seams {
    seams(&scope(), disk, Arc::new(InlineWorkers))
}

fn open(disk: &Arc<SimDisk>) -> Result<LogStore, StartError> {
    LogStore::open(&options(1), &inline_seams(disk))
}

struct Stores;

impl StoreBuilder<TypeConfig, LogStore, StateMachine> for Stores {
    async fn build(&self) -> Result<((), LogStore, StateMachine), StorageError<TypeConfig>> {
        let disk = new_disk();
        let store = open(&disk).expect("an empty disk");
        let seams = inline_seams(&disk);
        let file = SnapshotFile::new(seams.disk, seams.workers, directory());
        Ok(((), store, StateMachine::open(file).expect("an empty disk")))
    }
}

#[test]
fn openrafts_conformance_suite_passes() {
    simulate(1, async {
        scope().enter(Suite::test_all(Stores)).await.expect("the store is what openraft expects");
    });
}

/// What the store has promised at some moment.
#[derive(Clone, Debug, Default)]
struct Promised {
    /// The newest vote that was saved.
    vote: Option<Vote>,
    /// Payloads of entries that were acknowledged and neither cut nor purged, by index.
    entries: BTreeMap<u64, Bytes>,
    /// Entries that were ever appended, by index and term.
    appended: BTreeMap<(u64, u64), Bytes>,
    /// What `purge` was last called with, whether it has returned or not.
    purging: Option<LogId>,
}

fn log_id(term: u64, index: u64) -> LogId {
    LogId::new(LeaderId::new(term, 1), index)
}

fn entry(term: u64, index: u64, payload: &Bytes) -> Entry {
    let proposal = Proposal { decided_on: Offset(index as i64), records: payload.clone() };
    Entry { log_id: log_id(term, index), payload: EntryPayload::Normal(proposal) }
}

/// Votes, appends of several sizes, cuts and purges, drawn by the seed.
async fn run_scenario(disk: &Arc<SimDisk>, promises: &Promises<Promised>, seed: u64) {
    use ottla_base::Entropy;
    let entropy = SeededEntropy::new(seed);
    let mut store = open(disk).expect("an empty disk");
    let (mut term, mut next, mut first) = (1, 0, 0);
    for _ in 0..24 {
        match entropy.below(8) {
            0 | 1 => {
                term += 1;
                let vote = Vote { leader_id: LeaderId::new(term, 1), committed: entropy.one_in(2) };
                store.save_vote(&vote).await.expect("the disk is sound");
                promises.update(|promised| promised.vote = Some(vote));
            }
            2 if next > first + 2 => {
                let last = first + entropy.below(next - first - 1);
                // What is cut may be gone from the moment it is asked for.
                promises.update(|promised| promised.entries.retain(|index, _| *index <= last));
                let term = promises.get().appended.keys().filter(|(index, _)| *index == last).map(|(_, t)| *t).max();
                store.truncate_after(term.map(|term| log_id(term, last))).await.expect("the disk is sound");
                next = last + 1;
                // The entries of a cut tail must not come back under their old term.
                promises.update(|promised| promised.appended.retain(|(index, _), _| *index <= last));
                term_check(term);
            }
            3 if next > first + 2 => {
                let upto = first + entropy.below(next - first - 1);
                let term = promises.get().appended.keys().filter(|(index, _)| *index == upto).map(|(_, t)| *t).max();
                let upto_id = log_id(term.expect("it was appended"), upto);
                promises.update(|promised| {
                    promised.entries.retain(|index, _| *index > upto);
                    promised.purging = Some(upto_id);
                });
                store.purge(upto_id).await.expect("the disk is sound");
                first = upto + 1;
            }
            _ => {
                let count = 1 + entropy.below(3);
                let payload = |_| Bytes::from(vec![entropy.next_u64() as u8; 1 + entropy.below(6000) as usize]);
                let new: Vec<_> = (next..next + count).map(|index| (index, payload(index))).collect();
                promises.update(|p| p.appended.extend(new.iter().map(|(i, bytes)| ((*i, term), bytes.clone()))));
                let entries: Vec<_> = new.iter().map(|(index, payload)| entry(term, *index, payload)).collect();
                let (sender, flushed) = TypeConfig::oneshot();
                store.append(entries, IOFlushed::signal(sender)).await.expect("the disk is sound");
                flushed.await.expect("it is told").expect("the disk is sound");
                next += count;
                promises.update(|promised| promised.entries.extend(new));
            }
        }
    }
}

fn term_check(term: Option<u64>) {
    assert!(term.is_some(), "a cut keeps an entry that was appended");
}

fn check(disk: &Arc<SimDisk>, promised: &Promised) -> Result<(), String> {
    simulate(1, async {
        let mut store = open(disk).map_err(|error| format!("does not open: {error}"))?;
        let mut reader = store.get_log_reader().await;
        let vote = reader.read_vote().await.map_err(|error| error.to_string())?;
        if vote < promised.vote {
            return Err(format!("vote {:?} was saved, {vote:?} is found", promised.vote));
        }
        let state = store.get_log_state().await.map_err(|error| error.to_string())?;
        let start = state.last_purged_log_id.map_or(0, |purged| purged.index() + 1);
        let entries = reader.try_get_log_entries(..).await.map_err(|error| error.to_string())?;
        let mut found = BTreeMap::new();
        for (expected, entry) in (start..).zip(entries) {
            let EntryPayload::Normal(proposal) = entry.payload else {
                return Err("an entry of another kind".to_owned());
            };
            let (index, term) = (entry.log_id.index(), entry.log_id.committed_leader_id().term);
            if index != expected || promised.appended.get(&(index, term)) != Some(&proposal.records) {
                return Err(format!("entry {} was never appended so", entry.log_id));
            }
            found.insert(index, proposal.records);
        }
        if state.last_purged_log_id > promised.purging {
            return Err("more was purged than was asked for".to_owned());
        }
        for (index, payload) in &promised.entries {
            if *index >= start && found.get(index) != Some(payload) {
                return Err(format!("entry {index} was acknowledged and is lost"));
            }
        }
        Ok(())
    })
}

#[test]
fn no_crash_loses_an_acknowledged_entry_or_takes_a_vote_back() {
    let judge = Judge { seed: 3, tries_per_point: 8 };
    let mut verdict = ottla_storage::disk::sim::judge::Verdict::default();
    for seed in 0..6 {
        let scenario = |disk: &Arc<SimDisk>, promises: &Promises<Promised>| {
            simulate(seed, async {
                let scope = scope();
                scope.enter(run_scenario(disk, promises, seed)).await;
            });
        };
        verdict.absorb(judge.run(&new_disk(), Promised::default(), scenario, |disk, promised| check(&disk, promised)));
    }
    verdict.assert_kept(1000);
}
