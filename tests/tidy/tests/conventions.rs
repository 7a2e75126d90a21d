//! How the source reads.

use tidy::{Source, assert_none, metadata, read, sources};

/// Files that may hold `unsafe`, each for what its own `#[expect]` says.
const UNSAFE: &[&str] = &[
    "crates/ottla-storage/src/disk/os",
    "crates/ottla-protocol/src/splice.rs",
    "crates/ottla-protocol/tests/protocol/counting.rs",
    "tests/bench/src/floor.rs",
];

/// Files that may hold a `static`: the allocator, and what a task is told of its node.
const STATICS: &[&str] =
    &["crates/ottla/src/main.rs", "crates/ottla-net/src/tasks.rs", "crates/ottla-controller/src/raft"];

/// A file that is longer usually has two subjects. Its own tests do not count.
const LINES_MAX: usize = 600;

/// First folders of paths that are somebody's machine.
const MACHINES: &[&str] = &["home", "root", "Users", "work", "workspace", "builds", "mnt"];

fn rust() -> impl Iterator<Item = Source> {
    sources().into_iter().filter(Source::is_rust)
}

fn is_under(source: &Source, folders: &[&str]) -> bool {
    folders.iter().any(|folder| source.path.starts_with(folder))
}

/// `path:line: text` for every line that `is_wrong`.
fn find(sources: impl Iterator<Item = Source>, is_wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let lines = source.lines().filter(|(_, line)| is_wrong(line));
        found.extend(lines.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim())));
    }
    found
}

#[test]
fn every_crate_begins_with_its_architecture_invariant() {
    let mut missing = Vec::new();
    for package in metadata().packages {
        let path = package.manifest_path.strip_prefix(tidy::root()).expect("a member lies in the tree");
        let lib = path.with_file_name("src").join("lib.rs");
        if path.starts_with("crates") && !read(lib.as_str()).contains("**Architecture invariant:**") {
            missing.push(lib.to_string());
        }
    }
    assert_none(&missing, "a crate's lib.rs states its architecture invariant");
}

#[test]
fn every_file_says_what_it_is() {
    // Tests that outgrew their file are named after what they are about, each with its behaviour.
    let is_tests = |source: &Source| source.path.ends_with("/tests.rs") || source.text.contains("\n#[test]\n");
    let is_silent = |source: &Source| !source.text.starts_with("//!") && !source.text.starts_with("#![");
    let silent = rust().filter(|source| is_silent(source) && !is_tests(source));
    assert_none(&silent.map(|source| source.path).collect::<Vec<_>>(), "a file opens with a line of documentation");
}

#[test]
fn a_file_has_one_subject() {
    let lines = |source: &Source| source.without_tests().lines().count();
    let long = rust().filter(|source| lines(source) > LINES_MAX);
    let long: Vec<String> = long.map(|source| format!("{}: {} lines", source.path, lines(&source))).collect();
    assert_none(&long, &format!("files have at most {LINES_MAX} lines without their tests"));
}

#[test]
fn an_exception_to_a_lint_has_a_reason() {
    let mut found = Vec::new();
    for source in rust() {
        for lint in ["#[allow(", "#![allow(", "#[expect(", "#![expect("] {
            for (at, _) in source.text.match_indices(lint) {
                let rest = &source.text[at..];
                let attribute = &rest[..rest.find(")]").unwrap_or(rest.len())];
                let line_start = source.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
                // Not in this file's own strings, nor in prose.
                let is_code = source.text[line_start..at].chars().all(char::is_whitespace);
                if is_code && !attribute.contains("reason =") {
                    found.push(format!("{}: {attribute})]", source.path));
                }
            }
        }
    }
    assert_none(&found, "#[allow] and #[expect] say why");
}

#[test]
fn no_test_is_ignored_without_a_reason() {
    let ignored = find(rust(), |line| line.trim_start().starts_with("#[ignore") && !line.contains("ignore = \""));
    assert_none(&ignored, "#[ignore] says why");
}

#[test]
fn unsafe_code_stays_where_it_is_needed() {
    let elsewhere =
        rust().filter(|source| !is_under(source, UNSAFE) && source.path != "tests/tidy/tests/conventions.rs");
    let is_unsafe = |line: &str| {
        let code = line.split("//").next().unwrap_or_default().trim_start();
        ["unsafe {", "unsafe impl", "unsafe fn", "unsafe extern", "unsafe trait"].iter().any(|form| code.contains(form))
    };
    assert_none(&find(elsewhere, is_unsafe), "unsafe is allowed in a few files only");
}

// So that many nodes run in one process, and a crashed one leaves nothing behind.
#[test]
fn nothing_is_global() {
    let is_product = |source: &Source| source.path.starts_with("crates/") && source.path.contains("/src/");
    let product = rust().filter(|source| is_product(source) && !is_under(source, STATICS));
    let is_static = |line: &str| {
        let item = line.trim_start().trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        item.starts_with("static ")
    };
    assert_none(&find(product, is_static), "no statics");
}

#[test]
fn nothing_is_left_to_do() {
    let words = ["TO", "FIX"].map(|start| format!("{start}{}", if start == "TO" { "DO" } else { "ME" }));
    let left = find(sources().into_iter(), |line| words.iter().any(|word| line.contains(word.as_str())));
    assert_none(&left, "what is left to do is an issue, not a comment");
}

#[test]
fn no_path_of_somebodys_machine_is_named() {
    let is_machine = |line: &str| {
        MACHINES.iter().any(|folder| {
            let path = format!("/{folder}/");
            line.match_indices(&path)
                .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-~*}".contains(c)))
        })
    };
    assert_none(&find(sources().into_iter(), is_machine), "no machine's paths");
}
