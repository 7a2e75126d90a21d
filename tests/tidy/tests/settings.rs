//! A setting that is typed is read. One that changes nothing stands in the table with the reason, so that users are told.

use tidy::{assert_none, sources};

const TABLE: &str = "crates/ottla-settings/src/table/";

/// The fields of the table's structs: `name: Type = Setting::…`, the doc comment above.
fn fields(text: &str) -> impl Iterator<Item = &str> {
    let names = text.lines().filter_map(|line| line.strip_prefix("        ")?.split_once(": "));
    names.filter(|(_, rest)| rest.contains(" = Setting::") || rest.ends_with(" =")).map(|(name, _)| name)
}

#[test]
fn every_typed_setting_is_read_by_somebody() {
    let (table, others): (Vec<_>, Vec<_>) = sources().into_iter().partition(|source| source.path.starts_with(TABLE));
    let product: String = others
        .iter()
        .filter(|source| source.path.starts_with("crates/") && source.path.contains("/src/"))
        .map(|source| source.without_tests())
        .collect();
    let is_read = |field: &str| product.contains(&format!(".{field}"));
    let fields: Vec<&str> = table.iter().flat_map(|source| fields(&source.text)).collect();
    assert!(fields.contains(&"num_partitions") && fields.contains(&"segment_bytes"), "the table is read: {fields:?}");
    let unread: Vec<String> = fields.into_iter().filter(|field| !is_read(field)).map(str::to_owned).collect();
    assert_none(&unread, "a setting that nobody reads says `.without_effect(why)` and has no field");
}
