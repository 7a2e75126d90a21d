//! [`Terminal`]: a shell that runs commands, and what they print.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use testkit::wait;

/// Longer than any of the commands takes; the longest fetches packages.
const LIMIT: Duration = Duration::from_secs(180);

/// A shell with its commands. Dropping it interrupts them, and kills what does not end by that.
#[derive(Debug)]
pub(crate) struct Terminal {
    shell: Child,
    screen: tempfile::NamedTempFile,
}

impl Terminal {
    /// Types `commands` in `folder`, with our binary on the path.
    pub(crate) fn run(folder: &Path, commands: &str) -> Terminal {
        let screen = tempfile::NamedTempFile::new().expect("a file for what is printed");
        let output = || Stdio::from(File::options().append(true).open(screen.path()).expect("the file is there"));
        let binary = testkit::binary().canonicalize().expect("the binary is there");
        let own = binary.parent().expect("a binary lies in a folder").to_owned();
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&others)));
        let shell = Command::new("bash")
            .args(["-e", "-c", commands])
            .current_dir(folder)
            .env("PATH", path.expect("paths without colons"))
            .stdin(Stdio::null())
            .stdout(output())
            .stderr(output())
            .process_group(0)
            .spawn()
            .expect("there is a bash");
        Terminal { shell, screen }
    }

    /// All that was printed so far.
    pub(crate) fn output(&self) -> String {
        std::fs::read_to_string(self.screen.path()).expect("what is printed is text")
    }

    /// Waits until a line with these words was printed.
    pub(crate) fn wait_for(&self, words: &str) {
        let shown = || self.output().lines().any(|line| without_spaces(line).contains(&without_spaces(words)));
        let found = wait::for_up_to(wait::PATIENCE, || shown().then_some(()));
        assert!(found.is_some(), "no line says: {words}\n{}", self.output());
    }

    /// Waits for the commands' end, and gives their exit code.
    pub(crate) fn end(&mut self) -> i32 {
        let ended = wait::for_up_to(LIMIT, || self.shell.try_wait().expect("the shell is ours"));
        let status = ended.unwrap_or_else(|| panic!("not within {LIMIT:?}\n{}", self.output()));
        status.code().unwrap_or_else(|| panic!("ended by a signal\n{}", self.output()))
    }

    /// Presses Ctrl-C, and waits for the end.
    pub(crate) fn interrupt(mut self) {
        self.signal(Signal::INT);
        let ended = wait::for_up_to(wait::PATIENCE, || self.shell.try_wait().expect("the shell is ours"));
        assert!(ended.is_some(), "Ctrl-C does not end it\n{}", self.output());
    }

    fn signal(&self, signal: Signal) {
        // It has ended where there is none.
        let _ = kill_process_group(Pid::from_child(&self.shell), signal);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.signal(Signal::INT);
        if wait::for_up_to(wait::PATIENCE, || self.shell.try_wait().ok().flatten()).is_none() {
            self.signal(Signal::KILL);
            let _ = self.shell.wait();
        }
        if std::thread::panicking() {
            eprintln!("---- printed\n{}", self.output());
        }
    }
}

fn without_spaces(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
