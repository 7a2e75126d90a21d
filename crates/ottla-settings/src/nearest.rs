//! The known name that a misspelt one most likely meant.

/// The name in `known` that is the fewest edits away from `name`, where that is close enough to be a slip of the
/// fingers: at most a third of its length. Among equals the first.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (edits(name, candidate), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance * 3 <= candidate.len())
        .map(|(_, candidate)| candidate)
}

/// How many single-byte insertions, deletions and substitutions turn `from` into `to` (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let to = to.as_bytes();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_a_stranger_finds_none() {
        let known = ["log.segment.bytes", "log.retention.ms", "num.partitions"];
        let find = |name| nearest(name, known.into_iter());
        assert_eq!(find("log.segment.byte"), Some("log.segment.bytes"));
        assert_eq!(find("log.retnetion.ms"), Some("log.retention.ms"));
        assert_eq!(find("num_partitions"), Some("num.partitions"));
        assert_eq!(find("zookeeper.connect"), None);
        assert_eq!(find(""), None);
    }
}
