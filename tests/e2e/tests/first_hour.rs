//! What the README says of a first hour, done word for word in an empty folder: its files are saved, its commands are run by a
//! shell, and what it says that they print must be there.
#![expect(clippy::disallowed_methods, reason = "saves and reads files as a newcomer does, outside of any simulation")]

#[path = "first_hour/script.rs"]
mod script;
#[path = "first_hour/terminal.rs"]
mod terminal;

use script::Step;
use terminal::Terminal;

const README: &str = include_str!("../../../README.md");

#[test]
fn a_newcomer_who_types_what_the_readme_says_sees_what_it_says() {
    let folder = tempfile::tempdir().expect("an empty folder");
    let mut terminals = Vec::new();
    for step in script::steps(README) {
        match step {
            Step::Save { name, text } => {
                std::fs::write(folder.path().join(&name), text).unwrap_or_else(|error| panic!("save {name}: {error}"));
            }
            Step::InterruptLast => terminals.pop().map(Terminal::interrupt).expect("something runs in a terminal"),
            Step::Run { commands, in_own_terminal, exit_code, prints } => {
                let mut terminal = Terminal::run(folder.path(), &commands);
                if !in_own_terminal {
                    assert_eq!(terminal.end(), exit_code, "{commands}\n{}", terminal.output());
                }
                prints.iter().for_each(|line| terminal.wait_for(line));
                if in_own_terminal {
                    terminals.push(terminal);
                }
            }
        }
    }
    assert!(!terminals.is_empty(), "the README starts a node");
}
