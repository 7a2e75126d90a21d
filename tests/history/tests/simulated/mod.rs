//! A broker that is right, and clients of it, from a seed: they write clean histories. A test may then bend the broker
//! or a client once.

use std::collections::BTreeMap;

use history::{Action, History, Key, MicroOp, Offset, Outcome, Process, Record, Send, Value};

const KEYS: u32 = 3;
const PRODUCERS: u32 = 4;
const CONSUMERS: u32 = 3;

/// One run under way.
pub(crate) struct Run {
    pub(crate) history: History,
    logs: BTreeMap<Key, BTreeMap<Offset, Value>>,
    ends: BTreeMap<Key, Offset>,
    positions: BTreeMap<(Process, Key), Offset>,
    under_way: BTreeMap<Process, Action>,
    next_value: u64,
    next_process: u32,
    time_ns: u64,
    random: u64,
}

impl Run {
    /// A run that has gone on for a while, with everything idle and one fault behind it.
    pub(crate) fn new(seed: u64) -> Self {
        let mut run = Self {
            history: History::new(),
            logs: BTreeMap::new(),
            ends: BTreeMap::new(),
            positions: BTreeMap::new(),
            under_way: BTreeMap::new(),
            next_value: 0,
            next_process: PRODUCERS + CONSUMERS,
            time_ns: 0,
            random: seed,
        };
        run.fault();
        run.go_on();
        run
    }

    /// Some hundred steps of everybody, interleaved; then everybody ends what they began.
    pub(crate) fn go_on(&mut self) {
        let mut producers: Vec<_> = (0..PRODUCERS).map(Process).collect();
        for _ in 0..300 {
            if self.one_in(3) {
                let process = Process(PRODUCERS + self.below(CONSUMERS));
                self.step_consumer(process);
            } else {
                let slot = self.below(PRODUCERS) as usize;
                self.step_producer(&mut producers[slot]);
            }
        }
        for process in self.under_way.keys().copied().collect::<Vec<_>>() {
            self.finish(process, Outcome::Ok);
        }
    }

    /// A fresh consumer reads everything from the start, and the run is over.
    pub(crate) fn drain(mut self) -> History {
        let process = self.process();
        for key in self.logs.keys().copied().collect::<Vec<_>>() {
            while self.ends[&key] > self.position(process, key) {
                self.poll(process, key);
            }
        }
        self.history
    }

    pub(crate) fn fault(&mut self) {
        let time_ns = self.tick();
        self.history.fault(time_ns, "kill -9").expect("a fault is always admitted");
    }

    /// A process that has done nothing yet.
    pub(crate) fn process(&mut self) -> Process {
        self.next_process += 1;
        Process(self.next_process - 1)
    }

    /// A value that was never sent.
    pub(crate) fn value(&mut self) -> Value {
        self.next_value += 1;
        Value(self.next_value - 1)
    }

    pub(crate) fn invoke(&mut self, process: Process, action: Action) {
        let time_ns = self.tick();
        self.history.invoke(time_ns, process, action).expect("the run is well formed");
    }

    pub(crate) fn complete(&mut self, process: Process, outcome: Outcome, action: Action) {
        let time_ns = self.tick();
        self.history.complete(time_ns, process, outcome, action).expect("the run is well formed");
    }

    /// Begins and ends one operation.
    pub(crate) fn perform(&mut self, process: Process, outcome: Outcome, action: Action) {
        self.invoke(process, begun(&action));
        self.complete(process, outcome, action);
    }

    /// Keeps the next offset of `key` free, for [`put`](Self::put).
    pub(crate) fn reserve(&mut self, key: Key) -> Offset {
        let end = self.ends.entry(key).or_insert(Offset(0));
        let offset = *end;
        end.0 += 1;
        self.logs.entry(key).or_default();
        offset
    }

    pub(crate) fn put(&mut self, key: Key, offset: Offset, value: Value) {
        self.logs.entry(key).or_default().insert(offset, value);
    }

    pub(crate) fn append(&mut self, key: Key, value: Value) -> Offset {
        let offset = self.reserve(key);
        self.put(key, offset, value);
        offset
    }

    pub(crate) fn remove(&mut self, key: Key, offset: Offset) {
        let removed = self.logs.get_mut(&key).and_then(|log| log.remove(&offset));
        assert!(removed.is_some(), "nothing to remove");
    }

    /// What lies at `offset` and after it, at most `count` records.
    pub(crate) fn records(&self, key: Key, offset: Offset, count: usize) -> Vec<Record> {
        let range = self.logs[&key].range(offset..).take(count);
        range.map(|(&offset, &value)| Record { key, offset, value }).collect()
    }

    /// A send by a fresh process, appended and acknowledged.
    pub(crate) fn send(&mut self, key: Key) -> Send {
        let process = self.process();
        let value = self.value();
        let send = Send { key, value, offset: Some(self.append(key, value)) };
        self.perform(process, Outcome::Ok, Action::Send(vec![MicroOp::Send(send)]));
        send
    }

    /// A poll by `process` of what stands at its position, which moves.
    pub(crate) fn poll(&mut self, process: Process, key: Key) {
        let records = self.records(key, self.position(process, key), 5);
        let past = records.last().map_or(self.ends[&key], |last| Offset(last.offset.0 + 1));
        self.positions.insert((process, key), past);
        self.perform(process, Outcome::Ok, polled(records));
    }

    pub(crate) fn position(&self, process: Process, key: Key) -> Offset {
        self.positions.get(&(process, key)).copied().unwrap_or(Offset(0))
    }

    fn step_consumer(&mut self, process: Process) {
        let key = Key(self.below(KEYS));
        if self.logs.contains_key(&key) {
            self.poll(process, key);
        }
    }

    /// Begins something, or ends it: well, not at all, or nobody knows how; then another process takes the place.
    fn step_producer(&mut self, process: &mut Process) {
        if !self.under_way.contains_key(process) {
            let count = 1 + self.below(3);
            let sends = (0..count).map(|_| {
                let (key, value) = (Key(self.below(KEYS)), self.value());
                MicroOp::Send(Send { key, value, offset: None })
            });
            let action = Action::Send(sends.collect());
            self.invoke(*process, action.clone());
            self.under_way.insert(*process, action);
        } else if self.one_in(10) {
            self.finish(*process, Outcome::Info);
            *process = self.process();
        } else if self.one_in(10) {
            self.finish(*process, Outcome::Fail);
        } else {
            self.finish(*process, Outcome::Ok);
        }
    }

    fn finish(&mut self, process: Process, outcome: Outcome) {
        let Some(Action::Send(mut micro_ops)) = self.under_way.remove(&process) else { return };
        for micro_op in &mut micro_ops {
            let MicroOp::Send(send) = micro_op else { continue };
            if outcome == Outcome::Ok || (outcome == Outcome::Info && self.one_in(2)) {
                let offset = self.append(send.key, send.value);
                send.offset = (outcome == Outcome::Ok).then_some(offset);
            }
        }
        self.complete(process, outcome, Action::Send(micro_ops));
    }

    fn tick(&mut self) -> u64 {
        self.time_ns += 1_000_000;
        self.time_ns
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    /// SplitMix64.
    fn below(&mut self, n: u32) -> u32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % u64::from(n)) as u32
    }
}

/// A poll of `records`.
pub(crate) fn polled(records: Vec<Record>) -> Action {
    Action::Poll(vec![MicroOp::Poll(records)])
}

/// `action` as it looked when nothing was known yet.
fn begun(action: &Action) -> Action {
    let forget = |micro_op: &MicroOp| match micro_op {
        MicroOp::Send(send) => MicroOp::Send(Send { offset: None, ..*send }),
        MicroOp::Poll(_) => MicroOp::Poll(Vec::new()),
    };
    match action {
        Action::Send(micro_ops) => Action::Send(micro_ops.iter().map(forget).collect()),
        Action::Poll(micro_ops) => Action::Poll(micro_ops.iter().map(forget).collect()),
        Action::Txn(micro_ops) => Action::Txn(micro_ops.iter().map(forget).collect()),
        other => other.clone(),
    }
}
