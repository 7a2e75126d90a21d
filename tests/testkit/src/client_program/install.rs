//! How a client program gets its library, each by the means of its language, below the target directory: once, and again
//! when its sources change.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::sources;
use crate::home::{Home, PYTHON, run, text_files};

/// The folder of their homes.
const KIND: &str = "clients";

/// How an installed program is run.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) command: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) variables: Vec<(&'static str, String)>,
}

/// A program in Python, with what `requirements` in its folder names.
pub(super) fn python(folder: &str, requirements: &str) -> Result<Program> {
    let home = Home::new(KIND, &format!("{folder}-{}", requirements.trim_end_matches(".txt")));
    let source = sources().join(folder);
    home.install(&text_files(&source, &["txt"])?, || home.python_packages(&source.join(requirements)))?;
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

/// A program in JavaScript. Node looks for packages beside the program, so it runs from a copy.
pub(super) fn node(folder: &str) -> Result<Program> {
    let home = Home::new(KIND, folder);
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
    let home = Home::new(KIND, "go");
    let source = sources().join("go");
    home.install(&text_files(&source, &["go", "mod", "sum", "txt"])?, || {
        home.python_packages(&source.join("requirements.txt"))?;
        let mut build = Command::new(home.path.join("venv/bin/go"));
        build.arg("build").arg("-o").arg(home.path.join("bin/")).arg("./...").current_dir(&source);
        run(build.envs([("GOTOOLCHAIN", "local"), ("CGO_ENABLED", "0"), ("GOFLAGS", "-mod=readonly -buildvcs=false")]))
    })?;
    Ok(Program { command: home.path.join("bin").join(program), arguments: Vec::new(), variables: Vec::new() })
}

/// A program in Java. Maven builds beside the sources, so it builds a copy.
pub(super) fn java(folder: &str) -> Result<Program> {
    let home = Home::new(KIND, folder);
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
