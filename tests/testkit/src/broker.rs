//! [`Broker`]: the real binary as a process.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{Client, wait};

/// A broker that is asked to stop is gone within this time: Docker kills after ten seconds.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// How a broker is to be started.
#[derive(Debug, Default, Clone)]
pub struct Launcher {
    binary: Option<PathBuf>,
    settings: Vec<(String, String)>,
    variables: Vec<(String, String)>,
    data_dir: Option<PathBuf>,
    address: Option<SocketAddr>,
    open_files_max: Option<u32>,
    admin_port: Option<u16>,
}

impl Launcher {
    /// Runs `path` instead of what `OTTLA_BIN` names or `cargo build --release` made.
    #[must_use]
    pub fn binary(mut self, path: &Path) -> Self {
        self.binary = Some(path.into());
        self
    }

    /// Sets a setting, as `--override name=value` does.
    #[must_use]
    pub fn setting(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.push((name.into(), value.to_string()));
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Keeps the data in `dir`, which outlives the broker; else in a folder that goes with it.
    #[must_use]
    pub fn data_dir(mut self, dir: &Path) -> Self {
        self.data_dir = Some(dir.into());
        self
    }

    /// Has it listen at `address` instead of at a free port of 127.0.0.1.
    #[must_use]
    pub fn listen_at(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Lets the process open no more than `files` files, as `ulimit -n` does.
    #[must_use]
    pub fn open_files_max(mut self, files: u32) -> Self {
        self.open_files_max = Some(files);
        self
    }

    /// Has it serve its admin pages on a free port; without this it has none, since brokers that run side by side would
    /// fight for the default's.
    pub fn admin(mut self) -> Result<Self> {
        self.admin_port = Some(free_port()?);
        Ok(self)
    }

    /// Starts the binary and waits until it answers ApiVersions.
    pub fn start(self) -> Result<Broker> {
        let mut broker = self.spawn()?;
        broker.wait_until_ready()?;
        Ok(broker)
    }

    /// Starts the binary and does not wait.
    pub fn spawn(self) -> Result<Broker> {
        let folder = tempfile::tempdir().context("make a folder for the broker")?;
        let data_dir = self.data_dir.clone().unwrap_or_else(|| folder.path().join("data"));
        let address = match self.address {
            Some(address) => address,
            None => (Ipv4Addr::LOCALHOST, free_port()?).into(),
        };
        let mut broker = Broker { launcher: self, folder, data_dir, address, child: None, started: wait::now() };
        broker.spawn()?;
        Ok(broker)
    }

    fn command(&self, data_dir: &Path, address: SocketAddr) -> Command {
        let binary = self.binary.clone().unwrap_or_else(binary);
        let mut command = match self.open_files_max {
            None => Command::new(binary),
            Some(files) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\"")]).arg(binary);
                shell
            }
        };
        // Settings of whoever runs the tests are not the tests'.
        let is_setting = |name: &OsString| name.as_encoded_bytes().starts_with(b"KAFKA_") || name == "CLUSTER_ID";
        for name in std::env::vars_os().map(|(name, _)| name).filter(is_setting) {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.arg("start");
        let admin_listeners = self.admin_port.map(|port| format!("http://127.0.0.1:{port}"));
        let own = [
            ("listeners", format!("PLAINTEXT://{address}")),
            ("admin.listeners", admin_listeners.unwrap_or_default()),
            ("log.dirs", data_dir.display().to_string()),
        ];
        for (name, value) in own {
            command.arg("--override").arg(format!("{name}={value}"));
        }
        for (name, value) in &self.settings {
            command.arg("--override").arg(format!("{name}={value}"));
        }
        command
    }
}

/// A running broker, or one that was stopped or killed and may be started again on the same port and folder. Dropping
/// it kills it; where a test fails, what it wrote to standard error is printed first.
#[derive(Debug)]
pub struct Broker {
    launcher: Launcher,
    folder: TempDir,
    data_dir: PathBuf,
    address: SocketAddr,
    child: Option<Child>,
    started: Instant,
}

impl Broker {
    /// A broker with the defaults.
    pub fn start_default() -> Result<Self> {
        Launcher::default().start()
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its admin pages are. The launcher was told [`Launcher::admin`].
    pub fn admin_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.launcher.admin_port.expect("the launcher was told")).into()
    }

    /// Where clients connect, as `bootstrap.servers` wants it.
    pub fn bootstrap(&self) -> String {
        self.address().to_string()
    }

    /// The log directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The process id. The broker runs.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the broker runs").id()
    }

    /// When the process was last started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// A connection to it.
    pub fn client(&self) -> Result<Client> {
        Client::connect(self.address())
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Everything it has written to standard error, over all its starts.
    #[expect(clippy::disallowed_methods, reason = "a test reads what the process under test wrote")]
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.stderr_path()).unwrap_or_default()
    }

    /// Starts it and waits until it answers ApiVersions.
    pub fn start(&mut self) -> Result<()> {
        self.spawn()?;
        self.wait_until_ready()
    }

    /// Starts it and does not wait.
    pub fn spawn(&mut self) -> Result<()> {
        ensure!(self.child.is_none(), "the broker runs already");
        let stderr = append_to(&self.stderr_path()).context("open a file for the broker's standard error")?;
        let mut command = self.launcher.command(&self.data_dir, self.address);
        command.stdin(Stdio::null()).stdout(stderr.try_clone()?).stderr(stderr).current_dir(self.folder.path());
        self.started = wait::now();
        let child = command.spawn().with_context(|| format!("run {command:?}"))?;
        self.child = Some(child);
        Ok(())
    }

    /// Waits until it answers ApiVersions. Errors: it ended, or [`wait::PATIENCE`] did.
    pub fn wait_until_ready(&mut self) -> Result<()> {
        let address = self.address();
        let answered = wait::for_up_to(wait::PATIENCE, || {
            if !self.is_running() {
                return Some(false);
            }
            let mut client = Client::connect(address).ok()?;
            client.api_versions().ok().map(|_| true)
        });
        match answered {
            Some(true) => Ok(()),
            Some(false) => bail!("the broker ended while starting:\n{}", self.stderr()),
            None => bail!("the broker does not answer:\n{}", self.stderr()),
        }
    }

    /// Stops it as an operator does, with SIGTERM, and demands that it ends well and in time.
    pub fn stop(&mut self) -> Result<()> {
        self.signal(Signal::TERM)?;
        let status = self.reap(STOP_LIMIT).with_context(|| format!("still there {STOP_LIMIT:?} after SIGTERM"))?;
        ensure!(status.success(), "ended with {status} after SIGTERM:\n{}", self.stderr());
        Ok(())
    }

    /// Kills it as `kill -9` does, and waits until it is gone.
    pub fn kill(&mut self) -> Result<()> {
        self.signal(Signal::KILL)?;
        let status = self.reap(STOP_LIMIT).context("still there after SIGKILL")?;
        ensure!(status.signal() == Some(9), "had ended by itself, with {status}:\n{}", self.stderr());
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a child has a positive id");
        kill_process(pid, signal).context("signal the broker")
    }

    fn reap(&mut self, limit: Duration) -> Option<ExitStatus> {
        let child = self.child.as_mut()?;
        let status = wait::for_up_to(limit, || child.try_wait().ok().flatten())?;
        self.child = None;
        Some(status)
    }

    fn stderr_path(&self) -> PathBuf {
        self.folder.path().join("stderr")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; then there is nothing to kill, and nothing to do about it.
            let _ = child.kill();
            let _ = child.wait();
        }
        if thread::panicking() {
            eprintln!("--- the broker's standard error\n{}---", self.stderr());
        }
    }
}

/// The binary under test: `OTTLA_BIN`, or what `cargo build --release` made.
pub fn binary() -> PathBuf {
    let built = || target_dir().join("release/ottla");
    let path = std::env::var_os("OTTLA_BIN").map_or_else(built, PathBuf::from);
    assert!(path.exists(), "{} is not there: run `cargo build --release`, or set OTTLA_BIN", path.display());
    path
}

/// Cargo's target directory.
pub(crate) fn target_dir() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(default, PathBuf::from)
}

/// A port that nobody listens on. Somebody else may take it before the broker does; then the broker says so and the
/// test fails.
#[expect(clippy::disallowed_types, reason = "asks the kernel for a port; no simulation runs it")]
fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    Ok(listener.local_addr()?.port())
}

#[expect(clippy::disallowed_methods, reason = "the process under test writes to a file that the test reads")]
fn append_to(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}
