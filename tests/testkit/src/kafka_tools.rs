//! [`KafkaTools`]: Apache Kafka's own command-line tools and classes, got with Maven once and kept under the target directory.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use rustix::fs::{FlockOperation, flock};

use crate::broker::target_dir;

const VERSION: &str = "4.3.1";
/// Longer than a tool takes that talks to a broker.
const LIMIT_SECONDS: &str = "60";
const DUMP_LOG: &str = "org.apache.kafka.tools.DumpLogSegments";

/// The tools' jars. They need Maven once, and a Java of 17 or later.
#[derive(Debug)]
pub struct KafkaTools {
    libs: PathBuf,
}

impl KafkaTools {
    /// Gets the jars, if they are not there yet.
    pub fn get() -> Result<Self> {
        let folder = target_dir().join("kafka-tools").join(VERSION);
        let tools = Self { libs: folder.join("libs") };
        make_folder(&folder)?;
        let lock = make_file(&folder.join("lock"))?;
        flock(&lock, FlockOperation::LockExclusive).context("wait for another test that gets the tools")?;
        let complete = folder.join("complete");
        if !complete.exists() {
            fetch(&folder, &tools.libs)?;
            make_file(&complete)?;
        }
        Ok(tools)
    }

    /// Runs `kafka-dump-log` over `files` and returns its words. It ends well on damaged files too: the words tell.
    pub fn dump_log(&self, arguments: &[&str], files: &[PathBuf]) -> Result<String> {
        let mut command = self.java();
        command.arg(DUMP_LOG).args(arguments).arg("--files");
        command.arg(files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(","));
        run(&mut command)
    }

    /// Runs the tool of class `class`, gives it `input`, and returns what it wrote to standard output.
    pub fn run_class(&self, class: &str, arguments: &[&str], input: &[u8]) -> Result<String> {
        let mut command = Command::new("timeout");
        let java = self.java();
        command.args(["--signal=KILL", LIMIT_SECONDS]).arg(java.get_program()).args(java.get_args());
        command.arg(class).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("run {class}"))?;
        child
            .stdin
            .take()
            .expect("it was asked for")
            .write_all(input)
            .with_context(|| format!("give {class} input"))?;
        let output = child.wait_with_output().with_context(|| format!("wait for {class}"))?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{class} {}: {}\n{words}", arguments.join(" "), output.status);
        String::from_utf8(output.stdout).with_context(|| format!("{class} wrote no UTF-8"))
    }

    /// Compiles a file of Java that asks Kafka's classes something, runs it, and returns its words.
    pub fn run_source(&self, file: &Path) -> Result<String> {
        let mut command = self.java();
        command.arg(file);
        run(&mut command)
    }

    fn java(&self) -> Command {
        let mut command = Command::new("java");
        // It lives for a second: a cheap collector and a quick compiler.
        command.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-cp"]);
        command.arg(format!("{}/*", self.libs.display()));
        command
    }
}

fn fetch(folder: &Path, libs: &Path) -> Result<()> {
    let pom = folder.join("pom.xml");
    write_file(
        &pom,
        &format!(
            r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId>
  <artifactId>kafka-tools-here</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka-tools</artifactId>
      <version>{VERSION}</version>
    </dependency>
  </dependencies>
</project>
"#
        ),
    )?;
    let mut command = Command::new("mvn");
    command.args(["--batch-mode", "--quiet", "--file"]).arg(&pom).arg("dependency:copy-dependencies");
    command.arg("-DincludeScope=runtime").arg(format!("-DoutputDirectory={}", libs.display()));
    run(&mut command).context("get Kafka's tools")?;
    Ok(())
}

/// Runs `command` and returns what it wrote to standard output. Errors: it failed, with all its words.
fn run(command: &mut Command) -> Result<String> {
    let program = command.get_program().display().to_string();
    let output = command.output().with_context(|| format!("run {program}"))?;
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} ended with {}:\n{words}{complaints}", output.status);
    Ok(words)
}

#[expect(clippy::disallowed_methods, reason = "a cache of the tests' own, outside of any simulation")]
fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("make {}", path.display()))
}

#[expect(clippy::disallowed_methods, reason = "a cache of the tests' own, outside of any simulation")]
fn make_file(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("make {}", path.display()))
}

#[expect(clippy::disallowed_methods, reason = "a cache of the tests' own, outside of any simulation")]
fn write_file(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}
