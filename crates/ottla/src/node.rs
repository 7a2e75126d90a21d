//! [`Node`]: a node's life, from its seams to a running broker and back.
//!
//! ```text
//! start:  lock directories ► quorum ► recover logs ► bind ► register ► take up the metadata ► unfence ► serve
//! stop:   stop serving ► close logs ► write checkpoints ► stop quorum ► clean markers, last of all
//! ```

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::join_all;
use ottla_base::{BrokerEpoch, BrokerId, Clock, Entropy, Incarnation, Lane, Uuid, Workers};
use ottla_controller::{Handle, Options, Seams};
use ottla_metadata::{
    AssignDirectories, Defaults, FenceBroker, Image, Listener as ListenerRecord, RegisterBroker, UnfenceBroker,
};
use ottla_net::transport::Transport;
use ottla_net::{Acceptor, RequestMemory, TaskScope, offload, timer};
use ottla_replica::Replicas;
use ottla_server::{Broker, BrokerParts, CoordinatorSeams, Coordinators, Dispatcher, PublishedImage};
use ottla_settings::{BrokerSettings, Layers, Loaded, TopicSettings};
use ottla_storage::disk::Disk;
use ottla_storage::{CleanShutdown, LogDirectory, QUORUM_FOLDER};
use tokio::runtime;
use tokio::sync::watch;

use crate::admin::{Admin, Directory, Observed};
use crate::directory_failures::{self, Outage};
use crate::listen::{self, Bound};
use crate::log_directories::LogDirectories;
use crate::log_stores::LogStores;
use crate::promote;
use crate::publish::Publisher;
use crate::quorum_of_one;
use crate::recover;
use crate::tasks::{Housekeeping, Intervals};

/// How long connections may take to send the replies that they owe when the node stops.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// How long a start waits for what an unclean stop left behind to become durable.
const SETTLE_MAX: Duration = Duration::from_secs(5);

/// How long a start may take from its registration until it may serve.
const UNFENCE_MAX: Duration = Duration::from_secs(60);

/// Everything that a node touches the world with.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What would need a thread of its own.
    pub workers: Arc<dyn Workers>,
    /// Files.
    pub disk: Arc<dyn Disk>,
    /// How many files the process may have open, sockets included.
    pub open_files_max: u64,
    /// Sockets.
    pub transport: Arc<dyn Transport>,
    /// Run connections, each on one of them: a disk that stalls one must not cost a heartbeat.
    pub data: Arc<[runtime::Handle]>,
    /// Runs the quorum and everything else. The node is started on it.
    pub control: runtime::Handle,
}

/// A running node.
pub struct Node {
    scope: TaskScope,
    connections: TaskScope,
    controller: Handle,
    replicas: Arc<Replicas>,
    coordinators: Arc<Coordinators>,
    /// For each log directory.
    housekeeping: Vec<Arc<Housekeeping>>,
    workers: Arc<dyn Workers>,
    broker_epoch: BrokerEpoch,
    addresses: Vec<SocketAddr>,
    failures: watch::Receiver<Outage>,
}

impl Node {
    /// Starts a node; when it returns, clients are served. Everything that it starts is a task in a scope of its own. A start that fails,
    /// or that is given up by dropping it, leaves none behind.
    pub async fn start(environment: Environment, loaded: Loaded) -> anyhow::Result<Node> {
        let scope = TaskScope::new("node", environment.control.clone(), environment.entropy.clone());
        let mut unfinished = Unfinished(Some(scope.clone()));
        let started = scope.enter(start(&scope, environment, loaded)).await;
        if started.is_ok() {
            unfinished.0 = None;
        }
        started
    }

    /// Where clients are served.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Resolves when the node can no longer go on, with the reason.
    pub async fn failed(&self) -> anyhow::Error {
        let mut failures = self.failures.clone();
        tokio::select! {
            biased;
            failure = self.controller.failed() => failure.into(),
            outage = failures.wait_for(|outage| outage.fatal.is_some()) => match outage {
                Ok(outage) => anyhow::anyhow!("{}", outage.fatal.as_deref().unwrap_or_default()),
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// Stops in order: what was acknowledged is on disk and the next start has nothing to recover.
    pub async fn stop(self) {
        tracing::info!("stopping");
        // First: a member that waits for its group would keep its connection open.
        self.coordinators.resign();
        self.connections.stop(DRAIN_MAX).await;
        let (replicas, housekeeping) = (self.replicas, self.housekeeping);
        let closed = offload(&*self.workers, Lane::Background, move || {
            replicas.all().iter().for_each(|partition| partition.stop());
            let close =
                |of_directory: &Arc<Housekeeping>| (of_directory.logs.directory().clone(), of_directory.close());
            housekeeping.iter().map(close).collect::<Vec<_>>()
        });
        let closed = closed.await;
        self.controller.stop().await;
        let mark = CleanShutdown { broker_epoch: Some(self.broker_epoch) };
        let mut is_clean = true;
        for (directory, closed) in closed {
            if let Err(error) = closed.and_then(|()| Ok(directory.mark_clean_shutdown(mark)?)) {
                is_clean = false;
                let (directory, error) = (directory.path().display(), format!("{error:#}"));
                tracing::error!(%directory, error, "stopped, but the next start has to recover");
            }
        }
        if is_clean {
            tracing::info!("stopped, with everything on disk");
        }
        self.scope.abort();
    }

    /// Ends without any of that, as a crash does.
    pub async fn kill(self) {
        self.connections.abort();
        self.scope.abort();
        self.scope.ended().await;
    }
}

/// Ends the tasks of a start that comes to nothing.
struct Unfinished(Option<TaskScope>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(scope) = &self.0 {
            scope.abort();
        }
    }
}

async fn start(scope: &TaskScope, environment: Environment, loaded: Loaded) -> anyhow::Result<Node> {
    let Environment { clock, entropy, workers, disk, transport, data, .. } = environment.clone();
    let settings = Arc::new(loaded.broker);
    let layers = Arc::new(loaded.layers);
    let broker_id = BrokerId(settings.node.node_id);

    quorum_of_one::check_roles(&settings)?;
    quorum_of_one::warn_about_listeners(&settings);
    let directories = LogDirectories::open(&disk, &settings, &*entropy)?;
    let admin_listeners = settings.network.admin_listeners.as_deref();
    let admin = Admin::start(&*transport, admin_listeners, scope, &environment.control).await?;
    let controller = start_controller(scope, &environment, &settings, &layers, directories.metadata()).await?;
    let cluster_id = controller.cluster_id().context("the quorum has founded its cluster")?;
    directories.adopt_cluster(&cluster_id.to_string())?;

    let replicas = Arc::new(Replicas::new());
    // First: the node must hear of a failure while a partition is stuck in the disk that has failed.
    let failures = directory_failures::watch(&directories);
    let logs = Arc::new(LogStores::new(&directories, &environment, &settings));
    logs.watch_health(&replicas);
    recover::recover(&logs, &*workers, settings.storage.num_recovery_threads_per_data_dir).await?;

    let seams = CoordinatorSeams {
        clock: clock.clone(),
        entropy: entropy.clone(),
        workers: workers.clone(),
        scope: scope.clone(),
    };
    let coordinators = Arc::new(Coordinators::new(&settings.groups, seams));
    let publisher = Arc::new(Publisher::new(
        broker_id,
        settings.clone(),
        layers.clone(),
        logs.clone(),
        replicas.clone(),
        coordinators.clone(),
        clock.clone(),
    ));
    let published = PublishedImage::new(publisher.published());
    let listening = listen::bind(&*transport, &settings, &data[0]).await?;
    let broker_epoch = register(&controller, &settings, &listening, &directories, &*entropy).await?;
    directory_failures::report(failures.clone(), controller.clone(), broker_id, broker_epoch, scope);
    publisher.clone().start(controller.images(), workers.clone(), scope);
    timer::timeout(UNFENCE_MAX, unfence(&controller, &published, &publisher, broker_id, broker_epoch))
        .await
        .context("this node was not let in by the active controller in time")??;
    settle(&replicas).await;
    let logs_here = logs.clone();
    offload(&*workers, Lane::Background, move || logs_here.set_strays_aside()).await;

    let housekeeping = logs.all().iter().map(|logs| {
        let (logs, replicas, clock) = (logs.clone(), replicas.clone(), clock.clone());
        let intervals = Intervals::of(&settings);
        Housekeeping { logs, replicas, clock, intervals }.start(workers.clone(), scope)
    });
    let housekeeping = housekeeping.collect();
    promote::start(broker_id, replicas.clone(), controller.clone(), scope);
    let broker = Arc::new(Broker::new(BrokerParts {
        broker_id,
        settings: settings.clone(),
        layers,
        replicas: replicas.clone(),
        coordinators: coordinators.clone(),
        published: published.clone(),
        controller: controller.clone(),
        clock,
        workers: workers.clone(),
    }));
    let connections = scope.child("connections", data[0].clone());
    let limits = listen::limits(&settings, environment.open_files_max);
    let memory = RequestMemory::new(settings.network.queued_max_request_bytes.unwrap_or(usize::MAX));
    let acceptor = Acceptor::new(Arc::new(Dispatcher::new(broker.clone())), limits, memory.clone(), data);
    let addresses = serve(&acceptor, listening, &connections);
    admin.show(Observed {
        broker_id,
        broker_epoch,
        cluster_id: cluster_id.to_string(),
        open_files_max: environment.open_files_max,
        published,
        replicas: replicas.clone(),
        coordinators: coordinators.clone(),
        directories: logs.all().iter().map(|logs| Directory::of(logs)).collect(),
        acceptor,
        memory,
        broker,
        connections: connections.clone(),
    });
    tracing::info!(
        cluster_id = %cluster_id, node_id = broker_id.0, data = directories.names(), "{}", greeting(&addresses)
    );
    admin.announce();
    Ok(Node {
        scope: scope.clone(),
        connections,
        controller,
        replicas,
        coordinators,
        housekeeping,
        workers,
        broker_epoch,
        addresses,
        failures,
    })
}

async fn start_controller(
    scope: &TaskScope,
    environment: &Environment,
    settings: &BrokerSettings,
    layers: &Layers,
    directory: &LogDirectory,
) -> anyhow::Result<Handle> {
    let topic = TopicSettings::resolve(layers, &Default::default())?;
    let defaults = Defaults {
        num_partitions: settings.topics.num_partitions,
        replication_factor: i16::try_from(settings.topics.default_replication_factor)?,
        min_insync_replicas: usize::try_from(topic.min_insync_replicas)?,
        write_caching: topic.write_caching,
    };
    let folder = settings.metadata_log_dir().join(QUORUM_FOLDER);
    let options = Options {
        defaults,
        snapshot_record_bytes: settings.quorum.metadata_log_max_record_bytes_between_snapshots,
        election_timeout: settings.quorum.controller_quorum_election_timeout,
        request_timeout: settings.network.request_timeout,
        sync_age_max: settings.storage.log_dir_failure_timeout,
        ..Options::new(BrokerId(settings.node.node_id), folder, directory.id())
    };
    let seams = Seams {
        scope: scope.clone(),
        disk: environment.disk.clone(),
        workers: environment.workers.clone(),
        clock: environment.clock.clone(),
        ballast: Some(directory.ballast().clone()),
    };
    Ok(Handle::start(options, seams).await?)
}

async fn register(
    controller: &Handle,
    settings: &BrokerSettings,
    listening: &[Bound],
    directories: &LogDirectories,
    entropy: &dyn Entropy,
) -> anyhow::Result<BrokerEpoch> {
    let listener = |bound: &Bound| ListenerRecord {
        name: bound.name.to_string(),
        host: bound.address.ip().to_string(),
        port: bound.address.port(),
    };
    let request = RegisterBroker {
        broker_id: BrokerId(settings.node.node_id),
        incarnation: Incarnation(Uuid::random(entropy)),
        start_counter: directories.start_counter(),
        clean_shutdown: directories.was_clean(),
        directories: directories.online(),
        listeners: listening.iter().map(listener).collect(),
        rack: settings.node.broker_rack.clone(),
    };
    fence_predecessor(controller, &request).await?;
    let registered = controller.submit(request).await??;
    Ok(registered.broker_epoch)
}

/// A run that shares no log directory with the one before, as after the loss of a disk, is not known by them to be its successor. It is:
/// the quorum is this node alone, and this process has its lock.
async fn fence_predecessor(controller: &Handle, request: &RegisterBroker) -> anyhow::Result<()> {
    let image = controller.image();
    let Some(before) = image.brokers.get(request.broker_id) else { return Ok(()) };
    let is_known = before.directories.iter().any(|directory| request.directories.contains(directory));
    if !is_known {
        controller.submit(FenceBroker { broker_id: before.broker_id, broker_epoch: before.broker_epoch }).await??;
    }
    Ok(())
}

/// Catches up with the node's own registration and asks to lead; returns when what it leads then is led here.
async fn unfence(
    controller: &Handle,
    published: &PublishedImage,
    publisher: &Publisher,
    broker_id: BrokerId,
    broker_epoch: BrokerEpoch,
) -> anyhow::Result<()> {
    published.reaches(ottla_base::Offset(broker_epoch.0)).await;
    let image: Arc<Image> = published.get();
    let replicas = publisher.moved(&image);
    if !replicas.is_empty() {
        controller.submit(AssignDirectories { broker_id, broker_epoch, replicas }).await??;
    }
    let lacking = publisher.doubtful(&image);
    let request = UnfenceBroker { broker_id, broker_epoch, metadata_offset: image.metadata_offset, lacking };
    controller.submit(request).await??;
    published.reaches(controller.image().metadata_offset).await;
    Ok(())
}

/// Waits until what an unclean stop left behind is durable and can be seen: a consumer that comes at once must not find less than it was
/// shown before. A disk that cannot do it in time is not waited for: what it has is seen when it is durable.
async fn settle(replicas: &Replicas) {
    let led = replicas.all().into_iter().filter(|partition| partition.leader_epoch().is_ok());
    let settled = join_all(led.map(|partition| partition.wait_for_high_watermark(partition.log().log_end_offset())));
    if timer::timeout(SETTLE_MAX, settled).await.is_err() {
        tracing::warn!("the disk is slow: some records of the last run are seen later");
    }
}

fn serve(acceptor: &Acceptor, listening: Vec<Bound>, connections: &TaskScope) -> Vec<SocketAddr> {
    let addresses = listening.iter().map(|bound| bound.address).collect();
    for bound in listening {
        acceptor.serve(bound.name, bound.listener, connections);
    }
    addresses
}

fn greeting(addresses: &[SocketAddr]) -> String {
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    format!("listening on {}", addresses.join(" and "))
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
