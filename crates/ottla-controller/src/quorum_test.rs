//! Three voters: elections, failover, restarts and lost messages, from a seed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ottla_base::{BrokerId, DirectoryId, Entropy, Offset, Uuid};
use ottla_net::timer;
use parking_lot::Mutex;

use crate::testing::{Cluster, registration, simulate};
use crate::{Call, CallError, Error, Handle, Target};

/// A client that registers one start of a broker after the other, wherever the active controller is.
struct Client {
    handles: Arc<Mutex<BTreeMap<i32, Handle>>>,
    /// The newest start that was acknowledged, and at which broker epoch.
    acknowledged: Arc<Mutex<(u64, i64)>>,
}

impl Client {
    async fn run(self) {
        for start in 1.. {
            while !self.register(start).await {
                timer::sleep(Duration::from_millis(20)).await;
            }
            timer::sleep(Duration::from_millis(60)).await;
        }
    }

    /// Whether it was acknowledged. A start whose fate is not known is sent again: it is the same incarnation.
    async fn register(&self, start: u64) -> bool {
        let handles: Vec<_> = self.handles.lock().values().cloned().collect();
        for handle in handles {
            match timer::timeout(Duration::from_secs(1), handle.submit(registration(start))).await {
                Ok(Ok(registered)) => {
                    let epoch = registered.expect("no newer start was sent").broker_epoch.0;
                    *self.acknowledged.lock() = (start, epoch);
                    return true;
                }
                Ok(Err(Error::NotActive { .. } | Error::TimedOut { .. } | Error::Stopped)) | Err(_) => {}
            }
        }
        false
    }
}

/// Some ten simulated seconds with faults, then peace; returns the trace.
async fn run_with_faults(seed: u64) -> Vec<String> {
    let mut cluster = Cluster::of_three(seed).await;
    let handles = Arc::new(Mutex::new(handles_of(&cluster)));
    let acknowledged = Arc::new(Mutex::new((0, 0)));
    let client = Client { handles: handles.clone(), acknowledged: acknowledged.clone() };
    drive(&mut cluster, &handles, client).await;
    let acknowledged = *acknowledged.lock();
    check_convergence(&cluster, acknowledged).await;
    cluster.network.take_trace()
}

fn handles_of(cluster: &Cluster) -> BTreeMap<i32, Handle> {
    cluster.nodes.iter().map(|(node_id, node)| (*node_id, node.handle.clone())).collect()
}

/// Lets the client work while leaders are cut off and nodes lose their power.
async fn drive(cluster: &mut Cluster, handles: &Mutex<BTreeMap<i32, Handle>>, client: Client) {
    let faults = async {
        for _ in 0..3 {
            timer::sleep(Duration::from_millis(1000 + cluster.entropy.below(1500))).await;
            let victim =
                if cluster.entropy.one_in(2) { cluster.active().await } else { 1 + cluster.entropy.below(3) as i32 };
            if cluster.entropy.one_in(2) {
                cluster.network.cut_off(victim);
                timer::sleep(Duration::from_millis(cluster.entropy.below(4000))).await;
                cluster.network.heal();
            } else {
                let disk = cluster.crash(victim).await;
                handles.lock().remove(&victim);
                timer::sleep(Duration::from_millis(cluster.entropy.below(4000))).await;
                cluster.boot(victim, disk).await;
                *handles.lock() = handles_of(cluster);
            }
        }
        timer::sleep(Duration::from_secs(2)).await;
    };
    tokio::select! {
        biased;
        () = faults => (),
        () = client.run() => unreachable!("the client has no end"),
    }
}

/// All voters end at one image, which has all that was acknowledged.
async fn check_convergence(cluster: &Cluster, (start, epoch): (u64, i64)) {
    assert!(start > 10, "a run in which nothing happens shows nothing: {start} registrations");
    let deadline = timer::now() + Duration::from_secs(20);
    loop {
        let offsets: Vec<_> = cluster.nodes.values().map(|node| node.handle.image().metadata_offset).collect();
        if offsets.iter().all(|offset| *offset == offsets[0] && *offset >= Offset(epoch)) {
            break;
        }
        assert!(timer::now() < deadline, "voters stay apart: {offsets:?}");
        timer::sleep(Duration::from_millis(50)).await;
    }
    let images: Vec<_> = cluster.nodes.values().map(|node| node.handle.image()).collect();
    assert!(images.iter().all(|image| *image == images[0]), "one offset, one image");
    let broker = images[0].brokers.get(BrokerId(7)).expect("registered");
    assert!(broker.start_counter >= start && broker.broker_epoch.0 >= epoch, "what was acknowledged is there");
}

#[test]
fn acknowledged_requests_survive_faults_and_a_seed_gives_one_trace() {
    for seed in 0..5 {
        let first = simulate(seed, run_with_faults(seed));
        let second = simulate(seed, run_with_faults(seed));
        let differs = first.iter().zip(&second).position(|(a, b)| a != b);
        assert_eq!(differs.map(|at| (&first[at], &second[at])), None, "seed {seed}");
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}

#[test]
fn an_election_asks_before_it_votes() {
    simulate(1, async {
        let mut cluster = Cluster::of_three(1).await;
        let first = cluster.active().await;
        cluster.crash(first).await;
        timer::sleep(Duration::from_secs(1)).await;
        assert_ne!(cluster.active().await, first);
        assert!(cluster.network.calls("pre-vote") > 0 && cluster.network.calls("vote") > 0);
    });
}

#[test]
fn a_call_to_another_directory_is_refused() {
    simulate(4, async {
        let cluster = Cluster::of_three(4).await;
        let (node_id, directory_id) = (BrokerId(1), DirectoryId(Uuid([99; 16])));
        let vote = openraft::raft::VoteRequest::new(crate::raft::types::Vote::new(99, 2), None);
        let call = Call(crate::peers::Request::Vote(vote));
        let answer = cluster.nodes[&1].handle.answer(Target { node_id, directory_id }, call).await;
        assert!(matches!(answer, Err(CallError::OtherVoter { .. })), "it has forgotten whom it voted for");
    });
}

#[test]
fn leadership_is_handed_over_on_demand() {
    simulate(2, async {
        let cluster = Cluster::of_three(2).await;
        let from = cluster.active().await;
        let to = 1 + from % 3;
        let leader = &cluster.nodes[&from].handle;
        while leader.submit(registration(1)).await.is_err() {}
        let begin = timer::now();
        leader.inner.raft.trigger().transfer_leader(to as u64).await.expect("it runs");
        while !cluster.nodes[&to].handle.is_active() {
            timer::sleep(Duration::from_millis(5)).await;
        }
        assert!(cluster.network.calls("transfer-leader") > 0);
        assert!(begin.elapsed() < Duration::from_millis(500), "no election timeout was waited for");
    });
}

#[test]
fn a_voter_that_was_away_for_long_gets_a_snapshot() {
    simulate(3, async {
        let mut cluster = Cluster::of_three(3).await;
        let active = cluster.active().await;
        let away = 1 + active % 3;
        let disk = cluster.crash(away).await;
        let mut start = 0;
        while start < 1100 {
            let active = cluster.active().await;
            start += 1;
            while cluster.nodes[&active].handle.submit(registration(start)).await.is_err() {
                timer::sleep(Duration::from_millis(20)).await;
            }
        }
        cluster.boot(away, disk).await;
        let newest = cluster.nodes[&active].handle.image();
        let mut images = cluster.nodes[&away].handle.images();
        images.wait_for(|image| **image == *newest).await.expect("it runs");
        assert!(cluster.network.calls("install-snapshot") > 0);
    });
}
