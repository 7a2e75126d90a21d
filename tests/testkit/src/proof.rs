//! What `cargo xtask prove` asks of a test: which cases to run. A case is whatever the test counts: a seed, a kill, a
//! crash image.

use std::ops::Range;

const CASES: &str = "PROVE_CASES";

/// The cases to run: `PROVE_CASES=FIRST..END`, or the first `few` where nobody proves anything.
///
/// # Panics
/// Where `PROVE_CASES` is not a range.
pub fn cases(few: u64) -> Range<u64> {
    let Ok(text) = std::env::var(CASES) else { return 0..few };
    let range = text.split_once("..").and_then(|(first, end)| Some(first.parse().ok()?..end.parse().ok()?));
    range.unwrap_or_else(|| panic!("{CASES} is FIRST..END, not {text}"))
}

/// Whether figures are to be asserted and not only printed: a proof has the machine to itself.
pub fn is_proving() -> bool {
    std::env::var_os(CASES).is_some()
}
