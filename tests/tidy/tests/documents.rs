//! The documents are there, complete, and true where a machine can tell. What is generated has its freshness test
//! beside its generator.

use tidy::{assert_none, metadata, read, sources};

#[test]
fn the_licence_is_apache_2() {
    let licence = read("LICENSE");
    assert!(licence.contains("Apache License") && licence.contains("Version 2.0, January 2004"));
}

#[test]
fn the_readme_names_the_two_commands() {
    let readme = read("README.md");
    for command in ["cargo run --release", "cargo xtask test"] {
        assert!(readme.contains(command), "README.md names `{command}`");
    }
}

#[test]
fn the_map_shows_every_crate() {
    let map = read("ARCHITECTURE.md");
    let crates = metadata().packages.into_iter().map(|package| package.name.to_string());
    let missing: Vec<String> = crates
        .filter_map(|name| name.strip_prefix("ottla-").map(str::to_owned))
        .filter(|name| !map.contains(name.as_str()))
        .collect();
    assert_none(&missing, "ARCHITECTURE.md shows every crate");
}

#[test]
fn changes_are_written_down() {
    assert!(read("CHANGELOG.md").contains("## [Unreleased]"));
}

#[test]
fn decisions_are_numbered_listed_and_complete() {
    let index = read("docs/adr/README.md");
    let decisions: Vec<_> = sources()
        .into_iter()
        .filter(|source| source.path.starts_with("docs/adr/") && source.path != "docs/adr/README.md")
        .collect();
    let mut found = Vec::new();
    for (i, decision) in decisions.iter().enumerate() {
        let name = decision.path.trim_start_matches("docs/adr/");
        let number = format!("{:04}", i + 1);
        if !name.starts_with(&number) || !decision.text.starts_with(&format!("# {number}: ")) {
            found.push(format!("{name} is not number {number}"));
        }
        if !index.contains(&format!("({name})")) {
            found.push(format!("{name} is not listed"));
        }
        for part in ["## Context", "## Decision", "## Consequences"] {
            if !decision.text.contains(part) {
                found.push(format!("{name} has no {part:?}"));
            }
        }
    }
    assert_none(&found, "docs/adr holds numbered decisions, each with context, decision and consequences");
}

// Registries are reached through their clients as the machine has them set up.
#[test]
fn continuous_integration_names_no_host() {
    assert!(!read(".ci/run").contains("://"));
}

/// The README's first command names no binary, and several members have one.
#[test]
fn a_plain_cargo_run_starts_a_node() {
    let runs: Vec<_> = tidy::metadata().packages.into_iter().filter_map(|package| package.default_run).collect();
    assert_eq!(runs, ["ottla"]);
}
