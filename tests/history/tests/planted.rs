//! The judge is judged: into a clean simulated history each anomaly is planted once, and the checker must report that
//! one and no other.

mod simulated;

use history::{Action, Key, MicroOp, Offset, Outcome, Record, Report, Send, Shortfall, check};
use proptest::prelude::*;
use simulated::{Run, polled};

const KEY: Key = Key(0);
const SEEDS: std::ops::Range<u64> = 0..20;

/// Bends one run for each seed, lets it go on after, and demands that `name` is all that is found.
fn only_finds(name: &str, plant: impl Fn(&mut Run)) {
    for seed in SEEDS {
        let report = report_after(seed, &plant);
        let found: Vec<_> = report.anomalies.iter().map(|anomaly| anomaly.name()).collect();
        assert_eq!(found, [name], "seed {seed}\n{report}");
        assert!(!report.is_clean());
    }
}

/// The same for what is allowed: it stands among the notes, and the run is clean.
fn only_notes(name: &str, plant: impl Fn(&mut Run)) {
    for seed in SEEDS {
        let before = report_after(seed, |_| {}).notes.iter().filter(|note| note.name() == name).count();
        let report = report_after(seed, &plant);
        let after = report.notes.iter().filter(|note| note.name() == name).count();
        assert_eq!(after, before + 1, "seed {seed}\n{report}");
        assert!(report.is_clean(), "seed {seed}\n{report}");
    }
}

fn report_after(seed: u64, plant: impl Fn(&mut Run)) -> Report {
    let mut run = Run::new(seed);
    plant(&mut run);
    run.go_on();
    check(&run.drain())
}

fn send(send: Send) -> MicroOp {
    MicroOp::Send(send)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_right_broker_is_clean(seed: u64) {
        let report = report_after(seed, |_| {});
        prop_assert!(report.is_clean(), "{report}");
        prop_assert!(report.measures.acknowledged > 100 && report.measures.polled > 100, "{report}");
    }
}

#[test]
fn finds_two_values_at_one_offset() {
    only_finds("inconsistent-offsets", |run| {
        let sent = run.send(KEY);
        let before = run.process();
        let seen = run.records(KEY, sent.offset.unwrap(), 1);
        run.perform(before, Outcome::Ok, polled(seen));
        let (rival, value) = (run.process(), run.value());
        run.perform(rival, Outcome::Info, Action::Send(vec![send(Send { key: KEY, value, offset: None })]));
        run.put(KEY, sent.offset.unwrap(), value);
    });
}

#[test]
fn finds_one_value_at_two_offsets() {
    only_finds("duplicate", |run| {
        let sent = run.send(KEY);
        run.append(KEY, sent.value);
    });
}

#[test]
fn finds_a_value_that_nobody_sent() {
    only_finds("phantom", |run| {
        let value = run.value();
        run.append(KEY, value);
    });
}

#[test]
fn finds_the_read_of_a_failed_send() {
    only_finds("G1a", |run| {
        let (process, value) = (run.process(), run.value());
        run.perform(process, Outcome::Fail, Action::Send(vec![send(Send { key: KEY, value, offset: None })]));
        run.append(KEY, value);
    });
}

#[test]
fn finds_a_transaction_that_reads_its_own_record() {
    only_finds("precommitted-read", |run| {
        let (process, value) = (run.process(), run.value());
        let offset = run.append(KEY, value);
        let own = MicroOp::Poll(vec![Record { key: KEY, offset, value }]);
        run.perform(process, Outcome::Ok, Action::Txn(vec![send(Send { key: KEY, value, offset: Some(offset) }), own]));
    });
}

#[test]
fn finds_an_acknowledged_record_that_is_gone() {
    only_finds("lost-write", |run| {
        let lost = run.send(KEY);
        run.remove(KEY, lost.offset.unwrap());
        run.send(KEY);
    });
}

#[test]
fn finds_a_record_of_a_transaction_that_others_prove_committed() {
    only_finds("lost-write", |run| {
        let process = run.process();
        let (kept, lost) = (run.value(), run.value());
        let (kept_at, lost_at) = (run.append(KEY, kept), run.reserve(KEY));
        let sends = [(kept, kept_at), (lost, lost_at)];
        let sends = sends.map(|(value, offset)| send(Send { key: KEY, value, offset: Some(offset) }));
        run.perform(process, Outcome::Info, Action::Txn(sends.to_vec()));
        run.send(KEY);
    });
}

#[test]
fn finds_an_acknowledged_record_at_the_end_that_nobody_gets() {
    only_finds("unseen", |run| {
        // A key of its own: nothing is sent to it any more.
        let key = Key(90);
        let process = run.process();
        run.send(key);
        let send = Send { key, value: run.value(), offset: Some(Offset(1)) };
        run.perform(process, Outcome::Ok, Action::Send(vec![MicroOp::Send(send)]));
    });
}

#[test]
fn finds_a_poll_that_leaves_out_a_record() {
    only_finds("poll-skip", |run| {
        let process = run.process();
        let first = run.send(KEY).offset.unwrap();
        run.send(KEY);
        run.send(KEY);
        for offset in [first, Offset(first.0 + 2)] {
            let seen = run.records(KEY, offset, 1);
            run.perform(process, Outcome::Ok, polled(seen));
        }
    });
}

#[test]
fn finds_a_poll_that_goes_back() {
    only_finds("nonmonotonic-poll", |run| {
        let process = run.process();
        let first = run.send(KEY).offset.unwrap();
        for _ in 0..2 {
            let seen = run.records(KEY, first, 1);
            run.perform(process, Outcome::Ok, polled(seen));
        }
    });
}

#[test]
fn finds_a_record_left_out_inside_a_poll() {
    only_finds("int-poll-skip", |run| {
        let process = run.process();
        let first = run.send(KEY).offset.unwrap();
        run.send(KEY);
        run.send(KEY);
        let mut seen = run.records(KEY, first, 3);
        seen.remove(1);
        run.perform(process, Outcome::Ok, polled(seen));
    });
}

#[test]
fn finds_a_record_repeated_inside_a_poll() {
    only_finds("int-nonmonotonic-poll", |run| {
        let process = run.process();
        let first = run.send(KEY).offset.unwrap();
        let seen = run.records(KEY, first, 1).repeat(2);
        run.perform(process, Outcome::Ok, polled(seen));
    });
}

#[test]
fn a_group_may_move_a_subscriber_between_polls_but_not_inside_one() {
    only_notes("nonmonotonic-poll", |run| {
        let process = run.process();
        let first = run.send(KEY).offset.unwrap();
        run.perform(process, Outcome::Ok, Action::Subscribe { keys: vec![KEY] });
        for _ in 0..2 {
            let seen = run.records(KEY, first, 1);
            run.perform(process, Outcome::Ok, polled(seen));
        }
    });
    only_finds("int-nonmonotonic-poll", |run| {
        let process = run.process();
        let first = run.send(KEY).offset.unwrap();
        run.perform(process, Outcome::Ok, Action::Subscribe { keys: vec![KEY] });
        let seen = run.records(KEY, first, 1).repeat(2);
        run.perform(process, Outcome::Ok, polled(seen));
    });
}

#[test]
fn a_seek_to_the_start_is_no_step_back() {
    for seed in SEEDS {
        let report = report_after(seed, |run| {
            let process = run.process();
            let first = run.send(KEY).offset.unwrap();
            for _ in 0..2 {
                run.perform(process, Outcome::Ok, Action::Assign { keys: vec![KEY], seek_to_start: true });
                let seen = run.records(KEY, first, 1);
                run.perform(process, Outcome::Ok, polled(seen));
            }
        });
        assert!(report.is_clean(), "seed {seed}\n{report}");
        assert_eq!(report.measures.repeated.most, 2);
    }
}

#[test]
fn finds_a_later_send_at_a_lower_offset() {
    only_finds("nonmonotonic-send", |run| {
        let process = run.process();
        let (low, high) = (run.reserve(KEY), run.reserve(KEY));
        for offset in [high, low] {
            let value = run.value();
            run.put(KEY, offset, value);
            let sent = Send { key: KEY, value, offset: Some(offset) };
            run.perform(process, Outcome::Ok, Action::Send(vec![send(sent)]));
        }
    });
}

#[test]
fn finds_sends_of_one_operation_that_changed_places() {
    only_finds("int-nonmonotonic-send", |run| {
        let process = run.process();
        let (low, high) = (run.reserve(KEY), run.reserve(KEY));
        let sends = [high, low].map(|offset| {
            let value = run.value();
            run.put(KEY, offset, value);
            send(Send { key: KEY, value, offset: Some(offset) })
        });
        run.perform(process, Outcome::Ok, Action::Send(sends.to_vec()));
    });
}

#[test]
fn notes_a_record_between_two_sends_of_one_operation() {
    only_notes("int-send-skip", |run| {
        let process = run.process();
        let (first, last) = (run.value(), run.value());
        let (first_at, _between, last_at) = (run.append(KEY, first), run.send(KEY), run.append(KEY, last));
        let sends = [(first, first_at), (last, last_at)];
        let sends = sends.map(|(value, offset)| send(Send { key: KEY, value, offset: Some(offset) }));
        run.perform(process, Outcome::Ok, Action::Send(sends.to_vec()));
    });
}

#[test]
fn finds_two_transactions_that_read_each_other() {
    only_finds("G1c", |run| {
        let keys = [Key(80), Key(81)];
        let processes = [run.process(), run.process()];
        let values = [run.value(), run.value()];
        let offsets = [run.append(keys[0], values[0]), run.append(keys[1], values[1])];
        let own = |i: usize, offset| send(Send { key: keys[i], value: values[i], offset });
        let other = |i: usize| Record { key: keys[1 - i], offset: offsets[1 - i], value: values[1 - i] };
        for (i, process) in processes.into_iter().enumerate() {
            run.invoke(process, Action::Txn(vec![own(i, None), MicroOp::Poll(Vec::new())]));
        }
        for (i, process) in processes.into_iter().enumerate() {
            let seen = MicroOp::Poll(vec![other(i)]);
            run.complete(process, Outcome::Ok, Action::Txn(vec![own(i, Some(offsets[i])), seen]));
        }
    });
}

#[test]
fn finds_a_record_that_is_read_before_anybody_began_to_send_it() {
    only_finds("G1c", |run| {
        let (reader, writer, value) = (run.process(), run.process(), run.value());
        let offset = run.append(KEY, value);
        let seen = run.records(KEY, offset, 1);
        run.perform(reader, Outcome::Ok, polled(seen));
        let sent = Send { key: KEY, value, offset: Some(offset) };
        run.perform(writer, Outcome::Ok, Action::Send(vec![send(sent)]));
    });
}

#[test]
fn notes_two_transactions_that_overwrite_each_other() {
    let crossed = |run: &mut Run| {
        let keys = [Key(80), Key(81)];
        let processes = [run.process(), run.process()];
        let values = [[run.value(), run.value()], [run.value(), run.value()]];
        let mut sends = [[None; 2]; 2];
        for (key, first) in [(0, 0), (1, 1)] {
            for writer in [first, 1 - first] {
                let offset = Some(run.append(keys[key], values[writer][key]));
                sends[writer][key] = Some(Send { key: keys[key], value: values[writer][key], offset });
            }
        }
        let txn = |i: usize, known: bool| {
            let sends = sends[i].iter().flatten();
            Action::Txn(sends.map(|sent| send(Send { offset: sent.offset.filter(|_| known), ..*sent })).collect())
        };
        for (i, process) in processes.iter().enumerate() {
            run.invoke(*process, txn(i, false));
        }
        for (i, process) in processes.iter().enumerate() {
            run.complete(*process, Outcome::Ok, txn(i, true));
        }
    };
    only_notes("G0", crossed);
}

#[test]
fn a_run_without_a_fault_fails() {
    let mut run = Run::new(1);
    run.go_on();
    let whole = run.drain();
    let mut calm = history::History::new();
    for event in whole.events().iter().filter(|event| !matches!(event.action, Action::Fault(_))) {
        calm.push(history::Event { index: calm.events().len() as u64, ..event.clone() }).unwrap();
    }
    let report = check(&calm);
    assert_eq!(report.shortfalls, [Shortfall::NoFault]);
    assert!(!report.is_clean());
}

#[test]
fn a_run_in_which_nothing_was_done_fails() {
    let mut idle = history::History::new();
    idle.fault(1, "kill -9").unwrap();
    let report = check(&idle);
    assert_eq!(report.shortfalls, [Shortfall::NothingWritten, Shortfall::NothingRead]);
    assert!(!report.is_clean());
}

#[test]
fn the_verdict_is_the_same_from_a_file() {
    let mut run = Run::new(3);
    let sent = run.send(KEY);
    run.append(KEY, sent.value);
    let history = run.drain();
    let mut file = Vec::new();
    history.write(&mut file).unwrap();
    let read = history::History::read(file.as_slice()).unwrap();
    assert_eq!(check(&read).to_string(), check(&history).to_string());
}
