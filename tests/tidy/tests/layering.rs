//! Who may know whom: ARCHITECTURE.md's table, held against `cargo metadata`.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, Package};
use tidy::{assert_none, metadata};

/// The crates from ground to roof. A crate uses only crates on lines before its own; crates on one line do not know
/// each other.
const LAYERS: &[&[&str]] = &[
    &["ottla-base"],
    &["ottla-records", "ottla-protocol", "ottla-settings"],
    &["ottla-storage", "ottla-metadata", "ottla-coordinator", "ottla-net"],
    &["ottla-replica", "ottla-controller", "ottla-security"],
    &["ottla-server", "ottla-peer"],
    &["ottla"],
];

/// Crates of others that only these of ours may name: they hide them behind a door of their own.
const DOORS: &[(&str, &[&str])] = &[
    ("kafka-protocol", &["ottla-protocol"]),
    ("openraft", &["ottla-controller"]),
    ("openraft-rt", &["ottla-controller"]),
    ("openraft-rt-tokio", &["ottla-controller"]),
    ("socket2", &["ottla-net"]),
    ("getrandom", &["ottla-base"]),
    ("tikv-jemallocator", &["ottla"]),
];

/// Crates of ours that are plain functions: no task, no async runtime.
const SANS_IO: &[&str] = &[
    "ottla-base",
    "ottla-records",
    "ottla-protocol",
    "ottla-settings",
    "ottla-storage",
    "ottla-metadata",
    "ottla-coordinator",
    "ottla-replica",
    "ottla-security",
];

fn crates() -> Vec<Package> {
    let packages = metadata().packages.into_iter();
    packages.filter(|package| package.manifest_path.components().any(|part| part.as_str() == "crates")).collect()
}

/// What a crate is built from, its tests aside.
fn dependencies(package: &Package) -> impl Iterator<Item = &str> {
    let dependencies = package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
    dependencies.map(|dependency| dependency.name.as_str())
}

#[test]
fn crates_use_only_crates_below_them() {
    let layer_of: BTreeMap<&str, usize> =
        LAYERS.iter().enumerate().flat_map(|(layer, names)| names.iter().map(move |name| (*name, layer))).collect();
    let mut found = Vec::new();
    for package in crates() {
        let name = package.name.as_str();
        let Some(layer) = layer_of.get(name) else {
            found.push(format!("{name} has no layer: say in {} where it belongs", file!()));
            continue;
        };
        for dependency in dependencies(&package) {
            if layer_of.get(dependency).is_some_and(|below| below >= layer) {
                found.push(format!("{name} uses {dependency}, which is not below it"));
            }
        }
    }
    assert_none(&found, "crates use only crates on lower lines (ARCHITECTURE.md)");
}

#[test]
fn the_product_does_not_know_its_tests() {
    let tests: Vec<String> = metadata()
        .packages
        .iter()
        .filter(|package| package.manifest_path.components().any(|part| part.as_str() == "tests"))
        .map(|package| package.name.to_string())
        .collect();
    let mut found = Vec::new();
    for package in crates() {
        for dependency in &package.dependencies {
            if tests.contains(&dependency.name) {
                found.push(format!("{} uses {}", package.name, dependency.name));
            }
        }
    }
    assert_none(&found, "crates/ uses nothing of tests/");
}

#[test]
fn a_foreign_crate_has_one_door() {
    let mut found = Vec::new();
    for package in crates() {
        for dependency in dependencies(&package) {
            let door = DOORS.iter().find(|(foreign, _)| *foreign == dependency);
            if let Some((foreign, doors)) = door.filter(|(_, doors)| !doors.contains(&package.name.as_str())) {
                found.push(format!("{} uses {foreign}, whose door is {}", package.name, doors.join(", ")));
            }
        }
    }
    assert_none(&found, "what others wrote is known to one crate");
}

#[test]
fn plain_functions_know_no_async_runtime() {
    let mut found = Vec::new();
    for package in crates().iter().filter(|package| SANS_IO.contains(&package.name.as_str())) {
        let runtimes =
            dependencies(package).filter(|dependency| dependency.starts_with("tokio") || *dependency == "futures-util");
        found.extend(runtimes.map(|runtime| format!("{} uses {runtime}", package.name)));
    }
    assert_none(&found, "async begins at net (ARCHITECTURE.md)");
}

#[test]
fn every_crate_takes_lints_licence_and_name_from_the_workspace() {
    let mut found = Vec::new();
    for package in metadata().packages {
        let folder = package.manifest_path.parent().and_then(|folder| folder.file_name()).unwrap_or_default();
        if folder != package.name.as_str() {
            found.push(format!("{} lies in a folder named {folder}", package.name));
        }
        if package.license.as_deref() != Some("Apache-2.0") {
            found.push(format!("{} has the licence {:?}", package.name, package.license));
        }
        let manifest =
            tidy::read(package.manifest_path.strip_prefix(tidy::root()).expect("a member lies in the tree").as_str());
        if !manifest.contains("[lints]\nworkspace = true") {
            found.push(format!("{} does not take the workspace's lints", package.name));
        }
        if package.description.is_none() {
            found.push(format!("{} has no description", package.name));
        }
    }
    assert_none(&found, "folder = crate, Apache-2.0, the workspace's lints, a description");
}
