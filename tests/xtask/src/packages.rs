//! What the end-to-end tests need of the machine beside Rust and a C compiler, and how it gets there.

use std::io::{IsTerminal, Write};

use crate::command::{command, execute, output};

/// Something that must be there, and the Debian package that brings it.
struct Need {
    package: &'static str,
    what_for: &'static str,
    /// Succeeds where it is there.
    probe: &'static [&'static str],
}

const NEEDS: &[Need] = &[
    Need { package: "kcat", what_for: "a client on an older librdkafka", probe: &["kcat", "-V"] },
    Need { package: "cmake", what_for: "builds librdkafka for the rdkafka client", probe: &["cmake", "--version"] },
    Need { package: "pkg-config", what_for: "builds librdkafka", probe: &["pkg-config", "--version"] },
    Need { package: "zlib1g-dev", what_for: "builds librdkafka", probe: &["pkg-config", "--exists", "zlib"] },
    Need {
        package: "libcurl4-openssl-dev",
        what_for: "builds librdkafka",
        probe: &["pkg-config", "--exists", "libcurl"],
    },
    Need { package: "default-jdk-headless", what_for: "runs Kafka's own tools", probe: &["java", "-version"] },
    Need { package: "maven", what_for: "gets Kafka's own tools and client", probe: &["mvn", "--version"] },
    // By its path: another Python that comes first on the path has none of Debian's packages.
    Need {
        package: "python3-venv",
        what_for: "gets the clients in Python, and Go",
        probe: &["/usr/bin/python3", "-c", "import ensurepip, venv"],
    },
    Need {
        package: "python3-confluent-kafka",
        what_for: "a client in Python that is some years old",
        probe: &["/usr/bin/python3", "-c", "import confluent_kafka"],
    },
    Need { package: "nodejs", what_for: "runs the client in JavaScript", probe: &["node", "--version"] },
    Need { package: "npm", what_for: "gets the client in JavaScript", probe: &["npm", "--version"] },
];

/// Installs what is missing, after asking unless `yes`. Returns the packages that are missing still, so that what needs
/// them is skipped.
pub(crate) fn provide(yes: bool) -> anyhow::Result<Vec<&'static str>> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !is_there(need)).collect();
    println!("The end-to-end tests get once, into the target directory:");
    println!("  Kafka's command-line tools (about 55 MB) and its client, with Maven");
    println!(
        "  client libraries for Python, JavaScript and Go, and Go itself (about 500 MB unpacked), with pip, npm and go"
    );
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    println!("They also need these Debian packages, which are not installed:");
    for Need { package, what_for, .. } in &missing {
        println!("  {package}: {what_for}");
    }
    let names: Vec<&'static str> = missing.iter().map(|need| need.package).collect();
    if !rustix::process::geteuid().is_root() || output(&mut command("apt-get", &["--version"])).is_none() {
        println!("To install them: apt-get install {} (as root)", names.join(" "));
        return Ok(names);
    }
    if !yes && !confirm("Install them with apt-get?")? {
        return Ok(names);
    }
    execute(&mut command("apt-get", &["update", "--quiet"]))?;
    let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
    execute(command("apt-get", &[&install, names.as_slice()].concat()).env("DEBIAN_FRONTEND", "noninteractive"))?;
    Ok(missing.into_iter().filter(|need| !is_there(need)).map(|need| need.package).collect())
}

fn is_there(need: &Need) -> bool {
    let (program, arguments) = need.probe.split_first().expect("a probe names a program");
    output(command(program, arguments).stdin(std::process::Stdio::null())).is_some()
}

/// Asks on the terminal; without one the answer is no.
fn confirm(question: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    print!("{question} [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
