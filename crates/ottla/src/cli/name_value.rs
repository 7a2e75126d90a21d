//! Options that are a name and a value.

/// Reads `NAME=VALUE`. The value may hold further `=`, and may be empty; the name may not.
pub(super) fn parse(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_equals_sign_ends_the_name() {
        let check = |text, name: &str, value: &str| assert_eq!(parse(text), Ok((name.to_owned(), value.to_owned())));
        check("a=b", "a", "b");
        check("a=b=c", "a", "b=c");
        check("a=", "a", "");
        for wrong in ["", "a", "=b"] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
