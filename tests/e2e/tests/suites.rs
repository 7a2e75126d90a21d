//! The tests that client libraries carry in their packages, run as they are. What Apache Kafka passes on one node, and
//! what needs no more than there is, passes; the rest is listed with its reason in `tests/suites/expected`.

use std::sync::{Mutex, PoisonError};

use testkit::{ClientSuite, wait};

/// Held by each test: their tests have limits of their own, and want the machine for themselves.
static ALONE: Mutex<()> = Mutex::new(());

/// Runs `suite` and demands that exactly the listed tests do not pass, and that as many as `passing` do: so that none
/// vanishes, and that the list does not grow without this number's saying so.
fn all_but_the_listed_pass(suite: ClientSuite, passing: usize) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut broker = suite.start_broker().expect("the broker starts");
    let started = wait::now();
    let outcomes = suite.run(&broker.bootstrap()).expect("the suite runs");
    println!("{} took {:?}; its words are in {}", suite.name(), started.elapsed(), suite.words().display());
    println!("proved: {} passed {}", suite.name(), outcomes.passed());
    println!("proved: {} listed {}", suite.name(), outcomes.not_passed());
    if let Err(error) = outcomes.check_against_list(suite) {
        panic!("{error:#}");
    }
    assert_eq!(outcomes.passed(), passing, "tests that pass");
    broker.stop().expect("it stops as it should");
}

#[test]
fn kafka_python() {
    all_but_the_listed_pass(ClientSuite::KafkaPython, 40);
}

// What CI has no minutes for: each of these builds librdkafka first. The proof runs them all.

#[test]
#[ignore = "builds librdkafka: `cargo xtask prove suites` runs it"]
fn rdkafka() {
    all_but_the_listed_pass(ClientSuite::Rdkafka, 46);
}

#[test]
#[ignore = "builds librdkafka: `cargo xtask prove suites` runs it"]
fn rskafka() {
    all_but_the_listed_pass(ClientSuite::Rskafka, 56);
}

#[test]
#[ignore = "builds librdkafka: `cargo xtask prove suites` runs it"]
fn node_rdkafka() {
    all_but_the_listed_pass(ClientSuite::NodeRdkafka, 36);
}
