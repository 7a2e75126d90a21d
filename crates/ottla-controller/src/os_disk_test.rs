//! The controller as it runs: the operating system's disk, clock and threads.

use std::sync::Arc;

use ottla_base::{BrokerId, DirectoryId, OsEntropy, SystemClock, ThreadWorkers, Uuid};
use ottla_net::TaskScope;
use ottla_storage::disk::OsDisk;
use tokio::runtime::Handle as Runtime;

use crate::testing::registration;
use crate::{Handle, Options, Seams};

fn seams() -> Seams {
    Seams {
        scope: TaskScope::new("node", Runtime::current(), Arc::new(OsEntropy)),
        disk: Arc::new(OsDisk),
        workers: Arc::new(ThreadWorkers::new(1)),
        clock: Arc::new(SystemClock::new()),
        ballast: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_founded_and_found_again_on_a_real_disk() {
    let folder = tempfile::tempdir().expect("there is room");
    let options = || Options::new(BrokerId(1), folder.path().join("quorum"), DirectoryId(Uuid([1; 16])));
    let mut cluster_id = None;
    for start in 1..4 {
        let handle = Handle::start(options(), seams()).await.expect("the disk is sound");
        assert!(handle.is_active());
        assert_eq!(*cluster_id.get_or_insert(handle.cluster_id()), handle.cluster_id());
        handle.submit(registration(start)).await.expect("committed").expect("a newer start");
        let broker = handle.image().brokers.get(BrokerId(7)).cloned();
        assert_eq!(broker.expect("registered").start_counter, start);
        handle.stop().await;
    }
}
