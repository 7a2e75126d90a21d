//! How a client program gets its library, each by the means of its language, below the target directory: once, and again
//! when its sources change.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use rustix::fs::{FlockOperation, flock};

use super::sources;
use crate::broker::target_dir;

/// Debian's own: another that comes first on the path has none of Debian's packages.
const PYTHON: &str = "/usr/bin/python3";

/// How an installed program is run.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) command: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) variables: Vec<(&'static str, String)>,
}

/// A program in Python, with what `requirements` in its folder names.
pub(super) fn python(folder: &str, requirements: &str) -> Result<Program> {
    let home = Home::new(&format!("{folder}-{}", requirements.trim_end_matches(".txt")));
    let source = sources().join(folder);
    home.install(&text_files(&source, &["txt"])?, || python_packages(&home.path, &source.join(requirements)))?;
    Ok(python_program(home.path.join("venv/bin/python"), folder))
}

/// A program in Python on Debian's packages, which are installed with the machine.
pub(super) fn debian_python(folder: &str) -> Program {
    python_program(PYTHON.into(), folder)
}

fn python_program(interpreter: PathBuf, folder: &str) -> Program {
    Program {
        command: interpreter,
        arguments: vec![sources().join(folder).join("program.py").display().to_string()],
        variables: vec![
            ("PYTHONPATH", sources().display().to_string()),
            // Nothing is written beside the sources.
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ],
    }
}

fn python_packages(home: &Path, requirements: &Path) -> Result<()> {
    run(Command::new(PYTHON).args(["-m", "venv"]).arg(home.join("venv")))?;
    run(Command::new(home.join("venv/bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(requirements))
}

/// A program in JavaScript. Node looks for packages beside the program, so it runs from a copy.
pub(super) fn node(folder: &str) -> Result<Program> {
    let home = Home::new(folder);
    let files = text_files(&sources().join(folder), &["js", "json"])?;
    home.install(&files, || {
        home.copy(&files)?;
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&home.path))
    })?;
    let program = home.path.join("program.js").display().to_string();
    Ok(Program { command: "node".into(), arguments: vec![program], variables: Vec::new() })
}

/// A program in Go. All are of one module, and Go itself comes as a package of Python's, since Debian's is too old for
/// them.
pub(super) fn go(program: &str) -> Result<Program> {
    let home = Home::new("go");
    let source = sources().join("go");
    home.install(&text_files(&source, &["go", "mod", "sum", "txt"])?, || {
        python_packages(&home.path, &source.join("requirements.txt"))?;
        let mut build = Command::new(home.path.join("venv/bin/go"));
        build.arg("build").arg("-o").arg(home.path.join("bin/")).arg("./...").current_dir(&source);
        run(build.envs([("GOTOOLCHAIN", "local"), ("CGO_ENABLED", "0"), ("GOFLAGS", "-mod=readonly -buildvcs=false")]))
    })?;
    Ok(Program { command: home.path.join("bin").join(program), arguments: Vec::new(), variables: Vec::new() })
}

/// A program in Java. Maven builds beside the sources, so it builds a copy.
pub(super) fn java(folder: &str) -> Result<Program> {
    let home = Home::new(folder);
    let files = text_files(&sources().join(folder), &["java", "xml"])?;
    let (classes, libs) = (home.path.join("target/classes"), home.path.join("libs"));
    home.install(&files, || {
        home.copy(&files)?;
        let mut maven = Command::new("mvn");
        maven.args(["--batch-mode", "--quiet", "compile", "dependency:copy-dependencies", "-DincludeScope=runtime"]);
        run(maven.arg(format!("-DoutputDirectory={}", libs.display())).current_dir(&home.path))
    })?;
    let class_path = format!("{}:{}/*", classes.display(), libs.display());
    // It lives for seconds: a cheap collector and a quick compiler.
    let options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx128m"];
    let quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn";
    let arguments = options.into_iter().chain([quiet, "-cp", &class_path, "Program"]).map(str::to_owned).collect();
    Ok(Program { command: "java".into(), arguments, variables: Vec::new() })
}

/// A program of the tests' own crate, which cargo builds along with them and puts one folder above them.
pub(super) fn beside_the_tests(program: &str) -> Result<Program> {
    let test = std::env::current_exe().context("find this test")?;
    let folder = test.ancestors().nth(2).context("a test lies in a folder of its profile's")?;
    Ok(Program { command: folder.join(program), arguments: Vec::new(), variables: Vec::new() })
}

/// A file below a program's folder: its path from there, and its text.
type SourceFile = (PathBuf, String);

/// Where one program's packages lie.
struct Home {
    path: PathBuf,
}

impl Home {
    fn new(name: &str) -> Self {
        Self { path: target_dir().join("clients").join(name) }
    }

    /// Has `install` fill the folder, unless that was done for the same `files`. Tests that want it at the same time
    /// wait for one another.
    fn install(&self, files: &[SourceFile], install: impl FnOnce() -> Result<()>) -> Result<()> {
        let beside = |extension: &str| PathBuf::from(format!("{}.{extension}", self.path.display()));
        make_folder(&target_dir().join("clients"))?;
        let lock = make_file(&beside("lock"))?;
        flock(&lock, FlockOperation::LockExclusive).context("wait for another test that installs it")?;
        let installed_for = beside("installed-for");
        let wanted: String = files.iter().map(|(path, text)| format!("{}\n{text}\n", path.display())).collect();
        if read_file(&installed_for).is_some_and(|found| found == wanted) {
            return Ok(());
        }
        make_empty_folder(&self.path)?;
        install()?;
        write_file(&installed_for, &wanted)
    }

    fn copy(&self, files: &[SourceFile]) -> Result<()> {
        files.iter().try_for_each(|(path, text)| write_file(&self.path.join(path), text))
    }
}

/// Everything below `folder` whose name ends with one of `extensions`, in the order of paths.
fn text_files(folder: &Path, extensions: &[&str]) -> Result<Vec<SourceFile>> {
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

/// Runs `command`. Errors: it failed, with all its words.
fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("run {command:?}"))?;
    let words = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}:\n{words}{complaints}", output.status);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a cache of the tests' own, outside of any simulation")]
fn make_folder(path: &Path) -> Result<()> {
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
fn make_file(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("make {}", path.display()))
}

#[expect(clippy::disallowed_methods, reason = "a cache of the tests' own, outside of any simulation")]
fn read_file(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

#[expect(clippy::disallowed_methods, reason = "a cache of the tests' own, outside of any simulation")]
fn write_file(path: &Path, text: &str) -> Result<()> {
    path.parent().map(make_folder).transpose()?;
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}
