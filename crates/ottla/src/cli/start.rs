//! `ottla start`: a node from the operating system's clock, entropy, threads, disk and network, until a signal stops it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use ottla_base::{OsEntropy, SystemClock, ThreadWorkers};
use ottla_net::timer;
use ottla_net::transport::TcpTransport;
use ottla_settings::{Loaded, PropertiesFile, load_with_environment};
use ottla_storage::OpenError;
use ottla_storage::disk::{LockError, OsDisk, raise_open_files_limit, read_file};
use tokio::runtime::Builder;

use super::culprit::Process;
use super::start_screen;
use super::stop_signal::StopSignal;
use crate::data_threads::DataThreads;
use crate::listen::ListenError;
use crate::{Environment, Node, limits, logging};

/// The largest properties file that is read, in bytes.
const PROPERTIES_LEN_MAX: u64 = 1 << 20;

/// How long tasks that do not end with the node are waited for.
const RUNTIME_SHUTDOWN_MAX: Duration = Duration::from_millis(500);

/// How long a node that has failed may take to end its tasks.
const KILL_MAX: Duration = Duration::from_secs(2);

/// What to start with.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "Example:
    ottla start server.properties --override num.partitions=6")]
pub(super) struct Start {
    /// Settings in the format of Kafka's server.properties
    #[arg(value_name = "FILE.properties")]
    file: Option<PathBuf>,

    /// A setting that wins over the file and over KAFKA_* variables; may be given more than once
    #[arg(long = "override", value_name = "NAME=VALUE")]
    overrides: Vec<String>,
}

pub(super) fn run(start: &Start) -> anyhow::Result<()> {
    logging::init();
    tracing::info!("{}", start_screen::version());
    let loaded = read_settings(start)?;
    loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let open_files_max = raise_open_files_limit();
    limits::warn_about_limits(open_files_max);
    let data = DataThreads::start()?;
    let control = Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    let environment = Environment {
        clock: Arc::new(SystemClock::new()),
        entropy: Arc::new(OsEntropy),
        workers: Arc::new(ThreadWorkers::for_directories(
            loaded.broker.storage.log_dirs.len(),
            loaded.broker.storage.num_recovery_threads_per_data_dir,
        )),
        disk: Arc::new(OsDisk),
        open_files_max,
        transport: Arc::new(TcpTransport),
        data: data.handles(),
        control: control.handle().clone(),
    };
    let outcome = control.block_on(run_node(environment, loaded)).map_err(name_culprit);
    data.stop(RUNTIME_SHUTDOWN_MAX);
    control.shutdown_timeout(RUNTIME_SHUTDOWN_MAX);
    outcome
}

fn read_settings(start: &Start) -> anyhow::Result<Loaded> {
    let text = start.file.as_ref().map(|path| -> anyhow::Result<String> {
        let bytes = read_file(&OsDisk, path, PROPERTIES_LEN_MAX)?;
        let bytes = bytes.with_context(|| format!("{}: no such file", path.display()))?;
        String::from_utf8(bytes).with_context(|| format!("{}: not UTF-8", path.display()))
    });
    let text = text.transpose()?;
    let name = start.file.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let file = text.as_ref().map(|text| PropertiesFile { name: &name, text });
    Ok(load_with_environment(file, std::env::vars_os(), &start.overrides)?)
}

/// Runs a node until SIGTERM or SIGINT, or until it fails.
async fn run_node(environment: Environment, loaded: Loaded) -> anyhow::Result<()> {
    // Before the start: a signal that comes in the middle of it stops the node once it is up.
    let mut stop = StopSignal::listen()?;
    let node = Node::start(environment, loaded).await?;
    start_screen::first_steps(node.addresses()).iter().for_each(|step| tracing::info!("{step}"));
    let failure = tokio::select! {
        biased;
        () = stop.received() => None,
        failure = node.failed() => Some(failure),
    };
    match failure {
        None => {
            node.stop().await;
            Ok(())
        }
        Some(failure) => {
            // What is stuck in a disk that has failed never ends: the process does.
            let _ = timer::timeout(KILL_MAX, node.kill()).await;
            Err(failure)
        }
    }
}

/// What another process has is not to be had by trying again: says who that is, and how to do without.
fn name_culprit(error: anyhow::Error) -> anyhow::Error {
    if let Some(taken @ ListenError { address, setting, .. }) = error.downcast_ref()
        && taken.is_taken()
    {
        let culprit = Process::listening_on(*address);
        let culprit = culprit.map_or_else(|| "another process".to_owned(), |process| process.to_string());
        return anyhow!("{address} is taken by {culprit}: stop it, or set other listeners ({setting})");
    }
    if let Some(OpenError::Locked { path, cause: LockError::Held { process_id } }) = error.downcast_ref() {
        let path = path.display();
        if *process_id == Some(std::process::id()) {
            return anyhow!("log directory {path} is named twice in log.dirs: one path leads to the other");
        }
        let culprit = process_id.map(Process::with_id);
        let culprit = culprit.map_or_else(|| "another process".to_owned(), |process| process.to_string());
        return anyhow!("log directory {path} is in use by {culprit}: stop it, or set another (log.dirs={path})");
    }
    error
}
