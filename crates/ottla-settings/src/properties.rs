//! Java's `.properties` syntax, as `java.util.Properties.load` reads it.
//!
//! Comments begin with `#` or `!`; key and value are parted by `=`, `:` or blanks; a backslash at the end of a line
//! continues it; `\t`, `\n`, `\r`, `\f` and `\uHHHH` are escapes, and a backslash before anything else stands for that.
//! Text is UTF-8. Knows no setting.

use std::iter::Peekable;
use std::str::Chars;

/// One key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// The line on which it begins, counted from 1.
    pub line: usize,
    /// The key, escapes resolved.
    pub key: String,
    /// The value, escapes resolved; blanks at its end are kept, as Java keeps them.
    pub value: String,
}

/// A line that Java would refuse too.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: \\u is not followed by four hexadecimal digits")]
pub struct SyntaxError {
    /// The line on which the property begins, counted from 1.
    pub line: usize,
}

/// The properties of `text` in the order in which they stand; a key may come more than once, and the last counts.
///
/// # Errors
/// [`SyntaxError`] for a malformed `\uHHHH`, which is all that Java refuses.
pub fn parse_properties(text: &str) -> Result<Vec<Property>, SyntaxError> {
    let mut properties = Vec::new();
    let mut lines = natural_lines(text).enumerate();
    while let Some((index, line)) = lines.next() {
        let line = line.trim_start_matches(is_blank);
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = line.to_owned();
        while ends_with_open_backslash(&logical) {
            logical.pop();
            match lines.next() {
                Some((_, next)) => logical.push_str(next.trim_start_matches(is_blank)),
                None => break,
            }
        }
        let line = index + 1;
        let (key, value) = split(&logical).ok_or(SyntaxError { line })?;
        properties.push(Property { line, key, value });
    }
    Ok(properties)
}

/// Lines end with `\n`, `\r` or `\r\n`.
fn natural_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\x0c')
}

fn ends_with_open_backslash(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// `None` where an escape is malformed.
fn split(line: &str) -> Option<(String, String)> {
    let mut rest = line.chars().peekable();
    let key = unescape(&mut rest, |c| is_blank(c) || matches!(c, '=' | ':'))?;
    while rest.next_if(|c| is_blank(*c)).is_some() {}
    if rest.next_if(|c| matches!(c, '=' | ':')).is_some() {
        while rest.next_if(|c| is_blank(*c)).is_some() {}
    }
    let value = unescape(&mut rest, |_| false)?;
    Some((key, value))
}

/// Reads up to the first character that `ends` and no backslash precedes.
fn unescape(rest: &mut Peekable<Chars<'_>>, ends: impl Fn(char) -> bool) -> Option<String> {
    // UTF-16, since \u escapes are: a pair of them may make one character.
    let mut units: Vec<u16> = Vec::new();
    while let Some(c) = rest.next_if(|c| !ends(*c)) {
        if c != '\\' {
            push(&mut units, c);
            continue;
        }
        match rest.next()? {
            't' => push(&mut units, '\t'),
            'n' => push(&mut units, '\n'),
            'r' => push(&mut units, '\r'),
            'f' => push(&mut units, '\x0c'),
            'u' => units.push(hexadecimal(rest)?),
            other => push(&mut units, other),
        }
    }
    Some(String::from_utf16_lossy(&units))
}

fn push(units: &mut Vec<u16>, c: char) {
    units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
}

fn hexadecimal(rest: &mut Peekable<Chars<'_>>) -> Option<u16> {
    let mut unit = 0;
    for _ in 0..4 {
        unit = unit << 4 | u16::try_from(rest.next()?.to_digit(16)?).expect("a digit is below 16");
    }
    Some(unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &[(usize, &str, &str)]) {
        let read = parse_properties(text).unwrap();
        let read: Vec<_> = read.iter().map(|p| (p.line, p.key.as_str(), p.value.as_str())).collect();
        assert_eq!(read, expected, "{text:?}");
    }

    // Each pair is what java.util.Properties.load makes of the text.
    #[test]
    fn every_separator_and_comment_of_java_is_read() {
        check(
            "a=1\nb:2\nc 3\nd = 4\n e\t:\t5",
            &[(1, "a", "1"), (2, "b", "2"), (3, "c", "3"), (4, "d", "4"), (5, "e", "5")],
        );
        check("# a=1\n  ! b=2\n\n \t\nc=3 # no comment", &[(5, "c", "3 # no comment")]);
        check("a\nb=\n=c", &[(1, "a", ""), (2, "b", ""), (3, "", "c")]);
        check("a==b=c\nd = :e", &[(1, "a", "=b=c"), (2, "d", ":e")]);
        check("a=1\r\nb=2\rc=3", &[(1, "a", "1"), (2, "b", "2"), (3, "c", "3")]);
        check("a=1  ", &[(1, "a", "1  ")]);
    }

    #[test]
    fn a_backslash_continues_a_line_unless_it_is_escaped() {
        check("a=1,\\\n   2,\\\n\t3\nb=4", &[(1, "a", "1,2,3"), (4, "b", "4")]);
        check("a=1\\\\\nb=2", &[(1, "a", "1\\"), (2, "b", "2")]);
        check("a=1\\\n# still a", &[(1, "a", "1# still a")]);
        check("a=1\\", &[(1, "a", "1")]);
        check("# comment \\\na=1", &[(2, "a", "1")]);
    }

    #[test]
    fn escapes_are_resolved_in_keys_and_values() {
        check("a\\=b\\:c\\ d=e", &[(1, "a=b:c d", "e")]);
        check("a=\\t\\n\\r\\f\\\\\\z\\u0041", &[(1, "a", "\t\n\r\x0c\\zA")]);
        check("a=\\uD83D\\uDE00", &[(1, "a", "\u{1F600}")]);
        check("k\\u00e9y=ü", &[(1, "kéy", "ü")]);
        assert_eq!(parse_properties("a=1\nb=\\u12g4"), Err(SyntaxError { line: 2 }));
        assert_eq!(parse_properties("b=\\u12"), Err(SyntaxError { line: 1 }));
    }

    /// Writes a text so that every character of it survives, as `Properties.store` does.
    fn escaped(text: &str) -> String {
        text.chars()
            .map(|c| match c {
                '\n' => "\\n".to_owned(),
                '\r' => "\\r".to_owned(),
                '\t' => "\\t".to_owned(),
                '\x0c' => "\\f".to_owned(),
                ' ' | '\\' | '=' | ':' | '#' | '!' => format!("\\{c}"),
                other => other.to_string(),
            })
            .collect()
    }

    proptest! {
        #[test]
        fn what_is_written_escaped_is_read_back(pairs in proptest::collection::vec((".*", ".*"), 0..8)) {
            // An empty key with an empty value is an empty line.
            let text: String = pairs.iter().map(|(key, value)| format!("{}={}\n", escaped(key), escaped(value))).collect();
            let read: Vec<_> = parse_properties(&text).unwrap().into_iter().map(|p| (p.key, p.value)).collect();
            prop_assert_eq!(read, pairs);
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let lines = text.split(['\n', '\r']).count();
            if let Ok(properties) = parse_properties(&text) {
                prop_assert!(properties.len() <= lines);
            }
        }
    }
}
