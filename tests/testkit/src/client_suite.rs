//! [`ClientSuite`]: the tests that client libraries carry in their packages, run as they are against a broker.

mod cargo;
mod mocha;
mod outcomes;
mod pytest;

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

pub use outcomes::Outcomes;

use cargo::Crate;

use crate::home::{Home, append, write_file};
use crate::{Broker, Launcher, requests};

/// The folder of the suites' homes.
const KIND: &str = "suites";

/// Kafka's, which one test demands.
const PORT: u16 = 9092;

/// Longer than any of them takes on a machine that is busy with other tests.
const LIMIT_SECONDS: &str = "900";

const RDKAFKA: Crate = Crate {
    version: "0.39.0",
    updates: &[],
    variables: &[("KAFKA_VERSION", "4.0.0")],
    // It demands that no broker creates a topic and answers within 100 ms.
    left_out: &["test_base_producer_timeout"],
    broker_variable: "KAFKA_HOST",
};

const RSKAFKA: Crate = Crate {
    version: "0.6.0",
    updates: &[("rsasl", "2.2.1")],
    variables: &[("TEST_INTEGRATION", "1"), ("TEST_BROKER_IMPL", "kafka")],
    left_out: &[],
    broker_variable: "KAFKA_CONNECT",
};

/// A library's own tests, in one version of it. `tests/suites/README.md` says where they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientSuite {
    /// kafka-python's.
    KafkaPython,
    /// The rdkafka crate's, over librdkafka.
    Rdkafka,
    /// rskafka's, which compare with an older librdkafka.
    Rskafka,
    /// node-rdkafka's end-to-end tests, over librdkafka.
    NodeRdkafka,
}

impl ClientSuite {
    /// Its name, and that of its files.
    pub fn name(self) -> &'static str {
        match self {
            Self::KafkaPython => "kafka-python",
            Self::Rdkafka => "rdkafka",
            Self::Rskafka => "rskafka",
            Self::NodeRdkafka => "node-rdkafka",
        }
    }

    /// Starts a broker with the settings, and the topics, of the one that the suite is made for.
    pub fn start_broker(self) -> Result<Broker> {
        let address = SocketAddr::from((self.host(), PORT));
        let launcher = Launcher::default().listen_at(address).setting("group.initial.rebalance.delay.ms", 0);
        let launcher = match self {
            Self::KafkaPython => launcher
                .setting("node.id", 0)
                .setting("num.partitions", 4)
                .setting("group.min.session.timeout.ms", 2_000)
                // It looks at this one setting of the broker's.
                .setting("advertised.listeners", format!("PLAINTEXT://{address}")),
            Self::Rdkafka => launcher.setting("node.id", 0).setting("num.partitions", 3),
            Self::Rskafka => launcher.setting("auto.create.topics.enable", false),
            Self::NodeRdkafka => launcher.setting("num.partitions", 1),
        };
        let broker = launcher.start()?;
        if self == Self::NodeRdkafka {
            requests::make_topic(&mut broker.client()?, "test", 1, &[]);
        }
        Ok(broker)
    }

    /// An address of this machine's own for each of them, which is nobody else's.
    fn host(self) -> Ipv4Addr {
        match self {
            // Some of its tests look for a broker at localhost, whatever they are told.
            Self::Rdkafka => Ipv4Addr::LOCALHOST,
            Self::KafkaPython => Ipv4Addr::new(127, 0, 9, 1),
            Self::Rskafka => Ipv4Addr::new(127, 0, 9, 2),
            Self::NodeRdkafka => Ipv4Addr::new(127, 0, 9, 3),
        }
    }

    /// Runs all of its tests against the broker at `bootstrap`. Gets and builds them first, if that is not done yet.
    /// Errors: they cannot be run; that some fail is none.
    pub fn run(self, bootstrap: &str) -> Result<Outcomes> {
        write_file(&self.words(), "")?;
        let outcomes = match self {
            Self::KafkaPython => pytest::run(self, bootstrap),
            Self::Rdkafka => cargo::run(self, &RDKAFKA, bootstrap),
            Self::Rskafka => cargo::run(self, &RSKAFKA, bootstrap),
            Self::NodeRdkafka => mocha::run(self, bootstrap),
        };
        outcomes.with_context(|| format!("run the suite of {}", self.name()))
    }

    /// Where its tests' words of the last run are.
    pub fn words(self) -> PathBuf {
        self.home().beside("log")
    }

    fn home(self) -> Home {
        Home::new(KIND, self.name())
    }

    /// The folder of its recipe.
    fn sources(self) -> PathBuf {
        sources().join(self.name())
    }

    /// Runs `command`, whose failure is the tests' own, and returns what it wrote to standard output. All its words are
    /// added to [`ClientSuite::words`].
    fn run_tests(self, command: &mut Command) -> Result<String> {
        let output = command.stdin(Stdio::null()).output().with_context(|| format!("run {command:?}"))?;
        append(&self.words(), &[&output.stdout, &output.stderr])?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// `program`, to be killed where it takes much longer than it should.
fn limited(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", LIMIT_SECONDS]).arg(program);
    command
}

/// The folder of the recipes.
fn sources() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../suites"))
}
