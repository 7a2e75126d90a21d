//! [`Home`]: a folder below the target directory for what the tests get once, and again when its recipe changes.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use rustix::fs::{FlockOperation, flock};

use crate::broker::target_dir;

/// Debian's own: another that comes first on the path has none of Debian's packages.
pub(crate) const PYTHON: &str = "/usr/bin/python3";

/// A file below a folder of sources: its path from there, and its text.
pub(crate) type SourceFile = (PathBuf, String);

/// Where one thing's packages lie.
pub(crate) struct Home {
    pub(crate) path: PathBuf,
}

impl Home {
    /// The folder `name` among those of its `kind`.
    pub(crate) fn new(kind: &str, name: &str) -> Self {
        Self { path: target_dir().join(kind).join(name) }
    }

    /// Has `install` fill the folder, unless that was done for the same `files`. Tests that want it at the same time
    /// wait for one another.
    pub(crate) fn install(&self, files: &[SourceFile], install: impl FnOnce() -> Result<()>) -> Result<()> {
        make_folder(self.path.parent().expect("it lies below the target directory"))?;
        let lock = make_file(&self.beside("lock"))?;
        flock(&lock, FlockOperation::LockExclusive).context("wait for another test that installs it")?;
        let installed_for = self.beside("installed-for");
        let wanted: String = files.iter().map(|(path, text)| format!("{}\n{text}\n", path.display())).collect();
        if read_file(&installed_for).is_some_and(|found| found == wanted) {
            return Ok(());
        }
        make_empty_folder(&self.path)?;
        install()?;
        write_file(&installed_for, &wanted)
    }

    /// Puts `files` into the folder.
    pub(crate) fn copy(&self, files: &[SourceFile]) -> Result<()> {
        files.iter().try_for_each(|(path, text)| write_file(&self.path.join(path), text))
    }

    /// A virtual environment of Python's in the folder, with what a file of requirements names.
    pub(crate) fn python_packages(&self, requirements: &Path) -> Result<()> {
        run(Command::new(PYTHON).args(["-m", "venv"]).arg(self.path.join("venv")))?;
        run(Command::new(self.path.join("venv/bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(requirements))
    }

    /// The path beside the folder that has its name and this extension.
    pub(crate) fn beside(&self, extension: &str) -> PathBuf {
        PathBuf::from(format!("{}.{extension}", self.path.display()))
    }
}

/// Everything below `folder` whose name ends with one of `extensions`, in the order of paths.
pub(crate) fn text_files(folder: &Path, extensions: &[&str]) -> Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    collect(folder, Path::new(""), extensions, &mut files).with_context(|| format!("read {}", folder.display()))?;
    files.sort();
    Ok(files)
}

#[expect(clippy::disallowed_methods, reason = "reads the tests' own sources, outside of any simulation")]
fn collect(root: &Path, below: &Path, extensions: &[&str], files: &mut Vec<SourceFile>) -> Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            collect(root, &path, extensions, files)?;
        } else if path.extension().is_some_and(|found| extensions.iter().any(|extension| found == *extension)) {
            files.push((path.clone(), fs::read_to_string(root.join(path))?));
        }
    }
    Ok(())
}

/// Runs `command` and returns what it wrote to standard output. Errors: it failed, with all its words.
pub(crate) fn run_text(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("run {command:?}"))?;
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}:\n{words}{complaints}", output.status);
    Ok(words)
}

/// The same, where only its success matters.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    run_text(command).map(drop)
}

#[expect(clippy::disallowed_methods, reason = "a cache of the tests' own, outside of any simulation")]
pub(crate) fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("make {}", path.display()))
}

#[expect(clippy::disallowed_methods, reason = "a cache of the tests' own, outside of any simulation")]
fn make_empty_folder(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_dir_all(path).with_context(|| format!("empty {}", path.display()))?;
    }
    make_folder(path)
}

#[expect(clippy::disallowed_methods, reason = "a cache of the tests' own, outside of any simulation")]
pub(crate) fn make_file(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("make {}", path.display()))
}

#[expect(clippy::disallowed_methods, reason = "a cache of the tests' own, outside of any simulation")]
pub(crate) fn read_file(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

#[expect(clippy::disallowed_methods, reason = "a cache of the tests' own, outside of any simulation")]
pub(crate) fn write_file(path: &Path, text: &str) -> Result<()> {
    path.parent().map(make_folder).transpose()?;
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

#[expect(clippy::disallowed_methods, reason = "a cache of the tests' own, outside of any simulation")]
pub(crate) fn append(path: &Path, parts: &[&[u8]]) -> Result<()> {
    let mut file = File::options().append(true).open(path).with_context(|| format!("open {}", path.display()))?;
    parts.iter().try_for_each(|part| file.write_all(part)).with_context(|| format!("write {}", path.display()))
}
