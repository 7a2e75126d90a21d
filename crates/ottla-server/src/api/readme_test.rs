//! The README's table of served APIs, which is generated: `cargo xtask docs` runs this with `OTTLA_WRITE_DOCS` set.

use super::*;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
const README: &str = include_str!("../../../../README.md");
const BEGIN: &str = "<!-- served -->\n";
const END: &str = "<!-- /served -->";

fn table() -> String {
    let line = |api: &Api| {
        let (first, last) = (api.served.start(), api.served.end());
        let advertised = match api.advertised_from {
            from if from < *first => format!(", advertised from {from}"),
            _ => String::new(),
        };
        let versions = if first == last { format!("{first}") } else { format!("{first} to {last}") };
        format!("| {} | {} | {versions}{advertised} |\n", api.key, api.key.code())
    };
    let lines: String = TABLE.iter().map(line).collect();
    format!("| API | key | versions |\n|---|---|---|\n{lines}")
}

#[test]
#[expect(clippy::disallowed_methods, reason = "writes a page of the tree, on demand")]
fn the_readmes_table_of_served_apis_is_fresh() {
    let (before, rest) = README.split_once(BEGIN).expect("the README has the mark");
    let (found, after) = rest.split_once(END).expect("the README has the other mark");
    let table = table();
    if found != table && std::env::var_os("OTTLA_WRITE_DOCS").is_some() {
        let fresh = [before, BEGIN, &table, END, after].concat();
        return std::fs::write(PATH, fresh).expect("the README can be written");
    }
    assert!(found == table, "README.md is stale: run `cargo xtask docs`");
}
