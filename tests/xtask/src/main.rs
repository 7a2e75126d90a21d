//! The project's chores: test, prove, bench.
fn main() {}
