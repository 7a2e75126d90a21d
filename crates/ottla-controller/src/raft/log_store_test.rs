//! The store by itself: openraft's conformance suite, and every crash image of votes, appends, cuts, purges and restarts.
//!
//! `PROVE_CASES=FIRST..END` chooses the lives to judge (`cargo xtask prove crash-images-controller`).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::type_config::TypeConfigExt;
use openraft::vote::RaftLeaderId;
use openraft::{EntryPayload, RaftLogReader, StorageError};
use ottla_base::{Entropy, Offset, SeededEntropy};
use ottla_net::TaskScope;
use ottla_storage::disk::Disk;
use ottla_storage::disk::sim::judge::{Judge, Promises, Verdict};
use ottla_storage::disk::sim::{CarelessDisk, SimDisk, SyncCall};
use tokio::runtime::Handle as Runtime;

use super::log_store::LogStore;
use super::snapshot::SnapshotFile;
use super::state_machine::StateMachine;
use super::types::{Entry, LeaderId, LogId, Proposal, TypeConfig, Vote};
use crate::testing::{directory, new_disk, options, seams, simulate};
use crate::{Seams, StartError};
use ottla_base::testing::InlineWorkers;

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
    /// The vote that is being saved, which may be found instead.
    voting: Option<Vote>,
    /// Payloads of entries that were acknowledged and neither cut nor purged, by index.
    entries: BTreeMap<u64, Bytes>,
    /// Entries that were ever appended and not cut, by index and term.
    appended: BTreeMap<(u64, u64), Bytes>,
    /// What the last purge that returned was called with.
    purged: Option<LogId>,
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

const STEPS: u64 = 24;

/// Which mistake the store's disk makes on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    None,
    /// Entries are acknowledged before they are synced.
    AckBeforeSync,
    /// The vote's file is renamed before it is synced.
    VoteNotSynced,
    /// No folder is ever synced.
    NoDirectorySync,
}

/// A store in use, by a seed.
struct Life {
    seams: Seams,
    store: LogStore,
    promises: Promises<Promised>,
    entropy: SeededEntropy,
    term: u64,
    /// The first entry that is not purged, and the next to be appended.
    first: u64,
    next: u64,
}

impl Life {
    fn begin(sim: &Arc<SimDisk>, promises: &Promises<Promised>, seed: u64, mistake: Mistake) -> Life {
        let disk: Arc<dyn Disk> = match mistake {
            Mistake::None => sim.clone(),
            Mistake::AckBeforeSync => CarelessDisk::new(sim.clone(), |call, path| {
                call == SyncCall::FileSystem || (call == SyncCall::File && path.extension().is_some_and(|e| e == "log"))
            }),
            Mistake::VoteNotSynced => CarelessDisk::new(sim.clone(), |call, path| {
                let name = path.file_name().and_then(|name| name.to_str());
                call == SyncCall::File && name.is_some_and(|name| name.starts_with("quorum-state"))
            }),
            Mistake::NoDirectorySync => CarelessDisk::new(sim.clone(), |call, _| call == SyncCall::Folder),
        };
        let seams = Seams { disk, ..inline_seams(sim) };
        let store = LogStore::open(&options(1), &seams).expect("an empty disk");
        let (promises, entropy) = (promises.clone(), SeededEntropy::new(seed));
        Life { seams, store, promises, entropy, term: 1, first: 0, next: 0 }
    }

    async fn step(&mut self) {
        match self.entropy.below(9) {
            0 | 1 => self.vote().await,
            2 if self.next > self.first + 2 => self.cut().await,
            3 if self.next > self.first + 2 => self.purge().await,
            4 => self.note_committed().await,
            5 if self.entropy.one_in(2) => self.restart(),
            _ => self.append().await,
        }
    }

    async fn vote(&mut self) {
        self.term += 1;
        let vote = Vote { leader_id: LeaderId::new(self.term, 1), committed: self.entropy.one_in(2) };
        self.promises.update(|promised| promised.voting = Some(vote));
        self.store.save_vote(&vote).await.expect("the disk is sound");
        self.promises.update(|promised| promised.vote = Some(vote));
    }

    async fn append(&mut self) {
        let count = 1 + self.entropy.below(3);
        let payload = |_| Bytes::from(vec![self.entropy.next_u64() as u8; 1 + self.entropy.below(6000) as usize]);
        let new: Vec<_> = (self.next..self.next + count).map(|index| (index, payload(index))).collect();
        let term = self.term;
        self.promises.update(|p| p.appended.extend(new.iter().map(|(i, bytes)| ((*i, term), bytes.clone()))));
        let entries: Vec<_> = new.iter().map(|(index, payload)| entry(term, *index, payload)).collect();
        let (sender, flushed) = TypeConfig::oneshot();
        self.store.append(entries, IOFlushed::signal(sender)).await.expect("the disk is sound");
        flushed.await.expect("it is told").expect("the disk is sound");
        self.next += count;
        self.promises.update(|promised| promised.entries.extend(new));
    }

    /// Cuts off the end, as a follower does whose leader has other entries.
    async fn cut(&mut self) {
        let last = self.drawn_entry();
        // What is cut may be gone from the moment it is asked for.
        self.promises.update(|promised| promised.entries.retain(|index, _| *index <= last.index()));
        self.store.truncate_after(Some(last)).await.expect("the disk is sound");
        self.next = last.index() + 1;
        // The entries of a cut tail must not come back under their old one.
        self.promises.update(|promised| promised.appended.retain(|(index, _), _| *index <= last.index()));
    }

    async fn purge(&mut self) {
        let upto = self.drawn_entry();
        self.promises.update(|promised| {
            promised.entries.retain(|index, _| *index > upto.index());
            promised.purging = Some(upto);
        });
        self.store.purge(upto).await.expect("the disk is sound");
        self.promises.update(|promised| promised.purged = Some(upto));
        self.first = upto.index() + 1;
    }

    async fn note_committed(&mut self) {
        let committed = (self.next > self.first).then(|| self.drawn_entry_up_to(self.next - 1));
        self.store.save_committed(committed).await.expect("the disk is sound");
    }

    /// The process is killed, or stops in order, and starts again.
    fn restart(&mut self) {
        if self.entropy.one_in(2) {
            self.store.files().close().expect("the disk is sound");
        }
        self.store = LogStore::open(&options(1), &self.seams).expect("the machine goes on");
    }

    /// An entry behind which there is another.
    fn drawn_entry(&self) -> LogId {
        self.drawn_entry_up_to(self.next - 2)
    }

    fn drawn_entry_up_to(&self, last: u64) -> LogId {
        let drawn = self.first + self.entropy.below(last - self.first + 1);
        let promised = self.promises.get();
        let terms = promised.appended.keys().filter(|(index, _)| *index == drawn).map(|(_, term)| *term);
        log_id(terms.max().expect("it was appended"), drawn)
    }
}

async fn check(disk: &Arc<SimDisk>, promised: &Promised) -> Result<(), String> {
    let mut store = open(disk).map_err(|error| format!("does not open: {error}"))?;
    let mut reader = store.get_log_reader().await;
    let vote = reader.read_vote().await.map_err(|error| error.to_string())?;
    if vote != promised.vote && vote != promised.voting {
        return Err(format!("vote {:?} was saved, {vote:?} is found", promised.vote));
    }
    let state = store.get_log_state().await.map_err(|error| error.to_string())?;
    if state.last_purged_log_id < promised.purged || state.last_purged_log_id > promised.purging {
        let (purged, purging) = (promised.purged, promised.purging);
        return Err(format!("purged are {:?}, not {purged:?} or {purging:?}", state.last_purged_log_id));
    }
    let start = state.last_purged_log_id.map_or(0, |purged| purged.index() + 1);
    let entries = reader.try_get_log_entries(..).await.map_err(|error| error.to_string())?;
    let last = entries.last().map(|entry| entry.log_id).or(state.last_purged_log_id);
    if last != state.last_log_id {
        return Err(format!("the last entry is {last:?}, not {:?}", state.last_log_id));
    }
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
    for (index, payload) in &promised.entries {
        if *index >= start && found.get(index) != Some(payload) {
            return Err(format!("entry {index} was acknowledged and is lost"));
        }
    }
    Ok(())
}

/// Judges lives until so many distinct images have been seen, or a promise is broken.
fn judge(lives: impl Iterator<Item = u64>, images: usize, mistake: Mistake) -> Verdict {
    let mut verdict = Verdict::default();
    for seed in lives {
        if verdict.images.len() >= images || !verdict.violations.is_empty() {
            break;
        }
        let scenario = |disk: &Arc<SimDisk>, promises: &Promises<Promised>| {
            simulate(seed, async {
                let live = async {
                    let mut life = Life::begin(disk, promises, seed, mistake);
                    for _ in 0..STEPS {
                        life.step().await;
                    }
                };
                scope().enter(live).await;
            });
        };
        let check = |disk: Arc<SimDisk>, promised: &Promised| simulate(1, check(&disk, promised));
        let judge = Judge { seed, tries_per_point: 12 };
        let judged = judge.run(&new_disk(), Promised::default(), scenario, check);
        if let Some(violation) = judged.violations.first() {
            println!("life {seed}: {violation}");
        }
        verdict.absorb(judged);
    }
    verdict
}

/// The lives that `PROVE_CASES` chooses.
fn lives_to_prove() -> Option<Range<u64>> {
    let text = std::env::var("PROVE_CASES").ok()?;
    let range = text.split_once("..").and_then(|(first, end)| Some(first.parse().ok()?..end.parse().ok()?));
    Some(range.expect("PROVE_CASES is FIRST..END"))
}

/// With those of a partition's log, 20,000.
const IMAGES_FOR_EVERY_DAY: usize = 4_000;

#[test]
fn no_crash_loses_an_acknowledged_entry_or_takes_a_vote_back() {
    let Some(lives) = lives_to_prove() else {
        return judge(0.., IMAGES_FOR_EVERY_DAY, Mistake::None).assert_kept(IMAGES_FOR_EVERY_DAY);
    };
    let verdict = judge(lives, usize::MAX, Mistake::None);
    println!("proved: images {}", verdict.images.len());
    verdict.assert_kept(1);
}

fn assert_found(mistake: Mistake) {
    let verdict = judge(0.., IMAGES_FOR_EVERY_DAY, mistake);
    println!("{mistake:?}: found by image {}", verdict.images.len());
    assert!(!verdict.violations.is_empty(), "{mistake:?} was not found");
}

#[test]
fn an_entry_that_is_acknowledged_before_its_sync_is_found() {
    assert_found(Mistake::AckBeforeSync);
}

#[test]
fn a_vote_that_is_not_synced_is_found() {
    assert_found(Mistake::VoteNotSynced);
}

#[test]
fn a_directory_that_is_not_synced_is_found() {
    assert_found(Mistake::NoDirectorySync);
}
