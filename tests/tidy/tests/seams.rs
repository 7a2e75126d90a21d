//! The seams hold: what would go around them is refused. A crate with one planted use of each is checked with the
//! workspace's `clippy.toml`, and clippy must name every one.
#![expect(clippy::disallowed_methods, reason = "plants a crate in a temporary folder")]

use std::fs;
use std::process::Command;

use tidy::{assert_none, read, root};

/// What each line goes around, as clippy.toml names it.
const PLANTED: &[(&str, &str)] = &[
    ("std::fs::File::open", "let _ = std::fs::File::open(\"x\");"),
    ("std::fs::OpenOptions::open", "let _ = std::fs::OpenOptions::new().open(\"x\");"),
    ("std::fs::rename", "let _ = std::fs::rename(\"x\", \"y\");"),
    ("std::fs::read_to_string", "let _ = std::fs::read_to_string(\"x\");"),
    ("std::time::Instant::now", "let _ = std::time::Instant::now();"),
    ("std::time::SystemTime::now", "let _ = std::time::SystemTime::now();"),
    ("std::thread::spawn", "let _ = std::thread::spawn(|| ());"),
    ("std::thread::sleep", "std::thread::sleep(std::time::Duration::ZERO);"),
    ("std::sync::mpsc::channel", "let _ = std::sync::mpsc::channel::<()>();"),
    ("std::collections::HashMap", "let _ = std::collections::HashMap::<u8, u8>::new();"),
    ("std::collections::HashSet", "let _ = std::collections::HashSet::<u8>::new();"),
    ("std::net::TcpStream", "let _: Option<std::net::TcpStream> = None;"),
];

#[test]
fn what_goes_around_a_seam_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let body: String = PLANTED.iter().map(|(_, line)| format!("    {line}\n")).collect();
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("src/lib.rs"), format!("//! Planted.\npub fn planted() {{\n{body}}}\n")).unwrap();
    let manifest = "[package]\nname = \"planted\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n";
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();

    let output = Command::new(env!("CARGO"))
        .args([
            "clippy",
            "--quiet",
            "--offline",
            "--",
            "-D",
            "clippy::disallowed_methods",
            "-D",
            "clippy::disallowed_types",
        ])
        .current_dir(folder.path())
        .env("CLIPPY_CONF_DIR", root())
        .env("CARGO_TARGET_DIR", folder.path().join("target"))
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "clippy accepted the planted crate:\n{words}");
    let missed = PLANTED.iter().filter(|(path, _)| !words.contains(&format!("`{path}`")));
    let missed: Vec<String> = missed.map(|(path, _)| (*path).to_owned()).collect();
    assert_none(&missed, &format!("clippy names every planted use; it said:\n{words}"));
}

#[test]
fn the_workspace_makes_the_seams_an_error() {
    let manifest = read("Cargo.toml");
    for lint in ["disallowed_methods", "disallowed_types", "await_holding_lock", "undocumented_unsafe_blocks"] {
        assert!(manifest.contains(&format!("{lint} = \"deny\"")), "clippy::{lint} is an error in Cargo.toml");
    }
    assert!(manifest.contains("unsafe_code = \"deny\""));
}

#[test]
fn every_forbidden_name_says_what_to_use_instead() {
    let entries = read("clippy.toml");
    let entries = entries.lines().filter(|line| line.trim_start().starts_with("{ path"));
    let silent: Vec<String> = entries.filter(|line| !line.contains("reason = \"")).map(str::to_owned).collect();
    assert_none(&silent, "entries of clippy.toml carry a reason");
}
