//! [`Tmpfs`]: a file system in memory, small enough to be filled.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

/// A mounted tmpfs; dropping it unmounts it. Only root can make one.
#[derive(Debug)]
pub struct Tmpfs {
    mount_point: TempDir,
}

impl Tmpfs {
    /// Mounts one that holds `mebibytes`.
    pub fn mount(mebibytes: u32) -> Result<Self> {
        let mount_point = tempfile::tempdir().context("make a mount point")?;
        let size = format!("size={mebibytes}m");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(mount_point.path()))?;
        Ok(Self { mount_point })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.mount_point.path()
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: a process under test that outlives it by a moment must not leave the mount behind.
        if let Err(error) = run(Command::new("umount").arg("--lazy").arg(self.mount_point.path())) {
            eprintln!("{error:#}");
        }
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("run {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    Ok(())
}
