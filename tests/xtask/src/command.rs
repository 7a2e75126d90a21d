//! Programs that chores run: from the workspace's root, echoed, and with an error that names them.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};

use crate::workspace;

/// `program` with `arguments`, to be run from the workspace's root.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(workspace::root());
    command
}

/// The `cargo` that built this program, with `arguments`.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    command(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()), arguments)
}

/// As it would be typed.
pub(crate) fn line(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let name = program.rsplit('/').next().unwrap_or(&program).to_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    [name].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Runs it with this terminal. Errors: it cannot be run, or fails.
pub(crate) fn execute(command: &mut Command) -> anyhow::Result<()> {
    println!("$ {}", line(command));
    let status = command.status().with_context(|| format!("run {}", line(command)))?;
    ensure!(status.success(), "`{}` failed: {status}", line(command));
    Ok(())
}

/// Runs it with this terminal, shows each line that it prints and hands it to `on_line`. Errors: it cannot be run, or
/// fails.
pub(crate) fn execute_reading(command: &mut Command, mut on_line: impl FnMut(&str)) -> anyhow::Result<()> {
    println!("$ {}", line(command));
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("run {}", line(command)))?;
    for text in BufReader::new(child.stdout.take().expect("it was asked for")).lines() {
        let text = text?;
        println!("{text}");
        on_line(&text);
    }
    let status = child.wait()?;
    ensure!(status.success(), "`{}` failed: {status}", line(command));
    Ok(())
}

/// What it prints, trimmed; `None` where it cannot be run or fails.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Now, for telling how long something took.
#[expect(clippy::disallowed_methods, reason = "chores run in real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
