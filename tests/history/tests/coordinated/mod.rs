//! A coordinator that is right, and one group of it, from a seed: it writes clean group histories. A test may then bend it once.

use std::collections::BTreeMap;

use history::groups::{
    CommitNumber, Generation, Group, GroupAction, GroupHistory, GroupOperation, Joined, Member, Membership, Synced,
};
use history::{Key, Outcome};

pub(crate) const GROUP: Group = Group(3);
pub(crate) const KEYS: [Key; 4] = [Key(0), Key(1), Key(2), Key(3)];
pub(crate) const KEPT_NS: u64 = 1_000_000_000;
pub(crate) const PATIENCE_NS: u64 = 300_000_000;

/// An operation happens at one moment, up to so much after its beginning and before its end.
const SPREAD_NS: u64 = 3_000_000;
const STEP_NS: u64 = 1_000_000;

/// One run under way.
pub(crate) struct Run {
    pub(crate) history: GroupHistory,
    pub(crate) generation: Generation,
    pub(crate) members: Vec<Member>,
    life: u32,
    registers: BTreeMap<Key, CommitNumber>,
    next_number: u64,
    now_ns: u64,
    random: u64,
}

impl Run {
    /// A run that has gone on for a while.
    pub(crate) fn new(seed: u64) -> Self {
        let mut run = Self {
            history: GroupHistory::default(),
            generation: Generation(0),
            members: Vec::new(),
            life: 1,
            registers: BTreeMap::new(),
            next_number: 0,
            now_ns: SPREAD_NS,
            random: seed,
        };
        let members = [run.member(None), run.member(Some(7)), run.member(None)];
        run.rebalance(&members);
        run.go_on();
        run
    }

    /// Some hundred operations, many of them at the same time; then nothing is under way.
    pub(crate) fn go_on(&mut self) {
        for _ in 0..300 {
            self.step();
        }
        self.settle();
    }

    fn step(&mut self) {
        let key = KEYS[self.below(4) as usize];
        match self.below(20) {
            0 => self.next_generation(),
            1 => self.restart_static(),
            2 => self.restart(),
            3..8 => {
                self.commit(key, Outcome::Ok);
            }
            8 => {
                // Nobody knows whether it was done.
                let outcome = Outcome::Info;
                match self.below(2) {
                    0 => drop(self.commit(key, outcome)),
                    _ => drop(self.commit_in_vain(key, outcome)),
                }
            }
            9 => drop(self.commit_in_vain(key, Outcome::Fail)),
            10..14 => {
                let place = self.below(self.members.len() as u32) as usize;
                let member = self.members[place];
                self.perform(Outcome::Ok, GroupAction::Heartbeat(self.membership(member)));
            }
            _ => self.fetch(key),
        }
    }

    /// Another coordinator takes over, which knows what was recorded.
    pub(crate) fn restart(&mut self) {
        self.life += 1;
    }

    /// Lets time pass until everything that was begun has ended.
    pub(crate) fn settle(&mut self) {
        self.pass(3 * SPREAD_NS);
    }

    pub(crate) fn pass(&mut self, span_ns: u64) {
        self.now_ns += span_ns;
    }

    pub(crate) fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// Everybody is silent until all has expired, and an onlooker sees that.
    pub(crate) fn expire(&mut self) {
        self.pass(KEPT_NS + 4 * SPREAD_NS);
        self.registers.clear();
        KEYS.iter().for_each(|key| self.fetch(*key));
        self.settle();
    }

    /// A member with an id that was never given.
    pub(crate) fn member(&mut self, instance: Option<u32>) -> Member {
        let CommitNumber(number) = self.number();
        Member { id: number as u32, instance }
    }

    /// A commit that was never tried.
    pub(crate) fn number(&mut self) -> CommitNumber {
        self.next_number += 1;
        CommitNumber(self.next_number)
    }

    pub(crate) fn membership(&self, member: Member) -> Membership {
        Membership { member, generation: self.generation }
    }

    /// What a fetch would find.
    pub(crate) fn current(&self, key: Key) -> Option<CommitNumber> {
        self.registers.get(&key).copied()
    }

    pub(crate) fn put(&mut self, key: Key, number: CommitNumber) {
        self.registers.insert(key, number);
    }

    pub(crate) fn forget(&mut self, key: Key) {
        self.registers.remove(&key);
    }

    /// Does `action` now.
    pub(crate) fn perform(&mut self, outcome: Outcome, action: GroupAction) {
        self.now_ns += STEP_NS;
        let begun_ns = self.now_ns - u64::from(self.below(SPREAD_NS as u32));
        let ended_ns = self.now_ns + u64::from(self.below(SPREAD_NS as u32));
        self.history.push(GroupOperation { group: GROUP, begun_ns, ended_ns, outcome, action });
    }

    /// A member commits.
    pub(crate) fn commit(&mut self, key: Key, outcome: Outcome) -> CommitNumber {
        let number = self.commit_in_vain(key, outcome);
        self.put(key, number);
        number
    }

    /// A member tries to commit.
    pub(crate) fn commit_in_vain(&mut self, key: Key, outcome: Outcome) -> CommitNumber {
        let (number, by) = (self.number(), Some(self.membership(self.members[0])));
        self.perform(outcome, GroupAction::Commit { key, number, by, kept_ns: Some(KEPT_NS) });
        number
    }

    /// An onlooker asks.
    pub(crate) fn fetch(&mut self, key: Key) {
        let found = self.current(key);
        self.perform(Outcome::Ok, GroupAction::Fetch { key, found });
    }

    /// Begins a generation of `members`, who own the keys in turns.
    pub(crate) fn rebalance(&mut self, members: &[Member]) {
        self.generation.0 += 1;
        self.members = members.to_vec();
        for member in members {
            self.join(*member, members[0], 0);
        }
        let CommitNumber(assignment) = self.number();
        for (i, member) in members.iter().enumerate() {
            let keys = KEYS.iter().copied().skip(i).step_by(members.len()).collect();
            self.sync(*member, Some(assignment), keys);
        }
    }

    pub(crate) fn join(&mut self, member: Member, leader: Member, protocol: u32) {
        let (membership, life) = (self.membership(member), Some(self.life));
        self.perform(Outcome::Ok, GroupAction::Join(Joined { membership, leader, protocol, life }));
    }

    pub(crate) fn sync(&mut self, member: Member, assignment: Option<u64>, keys: Vec<Key>) {
        let membership = self.membership(member);
        let synced = Synced { membership, assignment, keys, patience_ns: PATIENCE_NS };
        self.perform(Outcome::Ok, GroupAction::Sync(synced));
    }

    /// One member leaves, or falls silent, and another comes.
    fn next_generation(&mut self) {
        let gone = self.members[2];
        if self.below(2) == 0 {
            self.perform(Outcome::Ok, GroupAction::Leave(gone));
        } else {
            self.pass(PATIENCE_NS + 2 * SPREAD_NS);
        }
        self.perform(Outcome::Ok, GroupAction::Expelled(gone));
        let members = [self.members[0], self.members[1], self.member(None)];
        self.rebalance(&members);
    }

    /// A static member comes back under a new id, and nothing is rebalanced.
    fn restart_static(&mut self) {
        self.settle();
        let keys: Vec<_> = KEYS.iter().copied().skip(1).step_by(3).collect();
        self.members[1] = self.member(Some(7));
        self.join(self.members[1], self.members[0], 0);
        self.sync(self.members[1], None, keys);
        self.settle();
    }

    /// SplitMix64.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % u64::from(n)) as u32
    }
}
