//! A broker for tests: a real controller on a simulated disk, and no partitions. What it has taken up is for the test to say.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use ottla_base::testing::InlineWorkers;
use ottla_base::{BrokerId, DirectoryId, Incarnation, SeededEntropy, SystemClock, Uuid};
use ottla_controller::{Handle, Options, Seams};
use ottla_metadata::{Image, Listener, RegisterBroker, UnfenceBroker};
use ottla_net::{ConnectionId, ConnectionInfo, Frame, MemoryPermit, Reply, Service, Staged, TaskScope};
use ottla_protocol::{Request, RequestHeader, Response};
use ottla_replica::Replicas;
use ottla_settings::Loaded;
use ottla_storage::disk::sim::{SimDisk, SimOptions};
use tokio::runtime;
use tokio::sync::watch;

use crate::{Broker, BrokerParts, CoordinatorSeams, Coordinators, Dispatcher, PublishedImage};

const NODE: BrokerId = BrokerId(1);
const DIRECTORY: DirectoryId = DirectoryId(Uuid([1; 16]));

/// Runs `test` on one thread, with paused time.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without I/O").block_on(test);
}

/// The settings of a node with these overrides.
pub(crate) fn settings(overrides: &[&str]) -> Loaded {
    let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    ottla_settings::load(None, &overrides).expect("valid overrides")
}

/// A connection that came to this address.
pub(crate) fn connection_to(local_address: &str) -> ConnectionInfo {
    ConnectionInfo {
        id: ConnectionId(0),
        listener: "PLAINTEXT".into(),
        peer_address: "10.0.0.9:5000".parse().expect("an address"),
        local_address: local_address.parse().expect("an address"),
    }
}

/// A broker that is registered and not fenced.
pub(crate) struct TestBroker {
    dispatcher: Dispatcher,
    controller: Handle,
    coordinators: Arc<Coordinators>,
    published: watch::Sender<Arc<Image>>,
    scope: TaskScope,
}

impl TestBroker {
    /// Starts one whose settings have these overrides. It has taken up what there is, and takes up nothing more.
    pub(crate) async fn start(overrides: &[&str]) -> TestBroker {
        let scope = TaskScope::new("node", runtime::Handle::current(), Arc::new(SeededEntropy::new(1)));
        let (clock, workers) = (Arc::new(SystemClock::new()), Arc::new(InlineWorkers));
        let seams = Seams {
            scope: scope.clone(),
            disk: SimDisk::new(SimOptions::default()),
            workers: workers.clone(),
            clock: clock.clone(),
            ballast: None,
        };
        let options = Options::new(NODE, PathBuf::from("/quorum"), DIRECTORY);
        let controller = scope.enter(Handle::start(options, seams)).await.expect("an empty disk");
        register(&controller).await;
        let published = watch::Sender::new(controller.image());
        let Loaded { broker: settings, layers, .. } = settings(overrides);
        let seams = CoordinatorSeams {
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(2)),
            workers: workers.clone(),
            scope: scope.clone(),
        };
        let coordinators = Arc::new(Coordinators::new(&settings.groups, seams));
        let broker = Broker::new(BrokerParts {
            broker_id: NODE,
            settings: Arc::new(settings),
            layers: Arc::new(layers),
            replicas: Arc::new(Replicas::new()),
            coordinators: coordinators.clone(),
            published: PublishedImage::new(published.subscribe()),
            controller: controller.clone(),
            clock,
            workers,
        });
        TestBroker { dispatcher: Dispatcher::new(Arc::new(broker)), controller, coordinators, published, scope }
    }

    /// The groups that it coordinates.
    pub(crate) fn coordinators(&self) -> &Coordinators {
        &self.coordinators
    }

    /// What it has taken up.
    pub(crate) fn image(&self) -> Arc<Image> {
        self.published.borrow().clone()
    }

    /// Takes up what has been decided.
    pub(crate) fn take_up(&self) {
        self.published.send_replace(self.controller.image());
    }

    /// Takes up everything that is decided from now on.
    pub(crate) fn keep_up(&self) {
        let (published, mut images) = (self.published.clone(), self.controller.images());
        self.scope.spawn(async move {
            while images.changed().await.is_ok() {
                published.send_replace(images.borrow_and_update().clone());
            }
        });
    }

    /// Sends a request in `version` and waits for its answer.
    pub(crate) async fn ask<R: Request>(&self, version: i16, request: R) -> R::Response {
        let header = RequestHeader { api_key: R::KEY, api_version: version, correlation_id: 7, client_id: None };
        let bytes = request.encode(&header).expect("the version has it").into_bytes();
        let frame = Frame { bytes, memory: MemoryPermit::none() };
        let reply = match self.dispatcher.call(&connection_to("127.0.0.1:9092"), frame) {
            Staged::Done(reply) => reply,
            Staged::Later(reply) => match reply.await {
                Reply::Send(reply) => reply,
                Reply::Close => panic!("the connection is closed"),
            },
            other => panic!("there is no answer: {other:?}"),
        };
        let (correlation_id, response) = R::Response::decode(version, reply.into_bytes()).expect("it was encoded");
        assert_eq!(correlation_id, 7);
        response
    }
}

async fn register(controller: &Handle) {
    let registration = RegisterBroker {
        broker_id: NODE,
        incarnation: Incarnation(Uuid([2; 16])),
        start_counter: 1,
        clean_shutdown: true,
        directories: vec![DIRECTORY],
        listeners: vec![Listener { name: "PLAINTEXT".into(), host: "localhost".into(), port: 9092 }],
        rack: None,
    };
    let registered = controller.submit(registration).await.expect("committed").expect("new");
    let unfence = UnfenceBroker {
        broker_id: NODE,
        broker_epoch: registered.broker_epoch,
        metadata_offset: controller.image().metadata_offset,
        lacking: Vec::new(),
    };
    controller.submit(unfence).await.expect("committed").expect("caught up");
}
