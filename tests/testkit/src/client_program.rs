//! [`ClientProgram`]: the programs under `tests/clients`, each on a client library in its own language, and their like in
//! Rust.

mod install;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use install::{Program, beside_the_tests, debian_python, go, java, node, python};

/// Longer than a program takes that reads what all others have written, on a machine that is busy with other tests.
const LIMIT_SECONDS: &str = "100";

/// A client library, in one version. `tests/clients/README.md` has what its program can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientProgram {
    /// confluent-kafka for Python, newest.
    ConfluentKafka,
    /// confluent-kafka 1.7, as Debian has it.
    ConfluentKafkaOfDebian,
    /// kafka-python, newest.
    KafkaPython,
    /// kafka-python 2.0.2, which many still use.
    KafkaPython2,
    /// aiokafka.
    Aiokafka,
    /// kafkajs.
    Kafkajs,
    /// franz-go.
    FranzGo,
    /// sarama.
    Sarama,
    /// Apache Kafka's own client.
    Java,
    /// The rdkafka crate, over a current librdkafka.
    Rdkafka,
}

impl ClientProgram {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ConfluentKafka,
        Self::ConfluentKafkaOfDebian,
        Self::KafkaPython,
        Self::KafkaPython2,
        Self::Aiokafka,
        Self::Kafkajs,
        Self::FranzGo,
        Self::Sarama,
        Self::Java,
        Self::Rdkafka,
    ];

    /// A name for topics, groups and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::ConfluentKafka => "confluent-kafka",
            Self::ConfluentKafkaOfDebian => "confluent-kafka-of-debian",
            Self::KafkaPython => "kafka-python",
            Self::KafkaPython2 => "kafka-python-2.0.2",
            Self::Aiokafka => "aiokafka",
            Self::Kafkajs => "kafkajs",
            Self::FranzGo => "franz-go",
            Self::Sarama => "sarama",
            Self::Java => "java",
            Self::Rdkafka => "rdkafka",
        }
    }

    /// Whether it can write a header without a value. All can read one.
    pub fn writes_headers_without_value(self) -> bool {
        !matches!(self, Self::KafkaPython | Self::KafkaPython2 | Self::Kafkajs)
    }

    /// Whether it can commit an offset with metadata, and read it back.
    pub fn has_metadata(self) -> bool {
        self != Self::ConfluentKafkaOfDebian
    }

    /// Runs it to its end with `arguments`, gives it `input`, and returns what it wrote to standard output. Errors: it
    /// failed, with its own words.
    pub fn run(self, arguments: &[&str], input: &[u8]) -> Result<String> {
        let program = self.program()?;
        let mut command = Command::new("timeout");
        command.args(["--signal=KILL", LIMIT_SECONDS]).arg(&program.command).args(&program.arguments).args(arguments);
        command.envs(program.variables).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("run the program of {}", self.name()))?;
        let mut stdin = child.stdin.take().expect("it was asked for");
        // What ends early does not read all of it.
        let _ = stdin.write_all(input);
        drop(stdin);
        let output = child.wait_with_output().with_context(|| format!("wait for the program of {}", self.name()))?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} {}: {}\n{words}", self.name(), arguments.join(" "), output.status);
        String::from_utf8(output.stdout).with_context(|| format!("{} wrote no UTF-8", self.name()))
    }

    /// Starts it with `arguments`; its standard input is a pipe.
    pub fn spawn(self, arguments: &[&str], stdout: impl Into<Stdio>, stderr: impl Into<Stdio>) -> Result<Child> {
        let program = self.program()?;
        let mut command = Command::new(&program.command);
        command.args(&program.arguments).args(arguments).envs(program.variables);
        command.stdin(Stdio::piped()).stdout(stdout).stderr(stderr);
        command.spawn().with_context(|| format!("run the program of {}", self.name()))
    }

    /// Installs it, if it is not there yet.
    fn program(self) -> Result<Program> {
        let installed = match self {
            Self::ConfluentKafka => python("confluent-kafka", "requirements.txt"),
            Self::ConfluentKafkaOfDebian => Ok(debian_python("confluent-kafka")),
            Self::KafkaPython => python("kafka-python", "requirements.txt"),
            Self::KafkaPython2 => python("kafka-python", "requirements-2.0.2.txt"),
            Self::Aiokafka => python("aiokafka", "requirements.txt"),
            Self::Kafkajs => node("kafkajs"),
            Self::FranzGo => go("franz-go"),
            Self::Sarama => go("sarama"),
            Self::Java => java("java"),
            Self::Rdkafka => beside_the_tests("rdkafka-program"),
        };
        installed.with_context(|| format!("install the client program of {}", self.name()))
    }
}

/// The folder of the programs' sources.
fn sources() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../clients"))
}
