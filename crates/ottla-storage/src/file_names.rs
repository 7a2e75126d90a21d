//! The names of a partition's files: a 20-digit offset and a suffix. Source: Kafka `LogFileUtils`.

use std::path::{Path, PathBuf};

use ottla_base::Offset;

pub(crate) const LOG: &str = ".log";
pub(crate) const OFFSET_INDEX: &str = ".index";
pub(crate) const TIME_INDEX: &str = ".timeindex";
pub(crate) const TXN_INDEX: &str = ".txnindex";
pub(crate) const SNAPSHOT: &str = ".snapshot";
/// The copy that a segment is replaced by, until it is whole.
pub(crate) const CLEANED: &str = ".log.cleaned";
/// What recovery cut off; the offset is where it began.
pub(crate) const CUT: &str = ".cut";
/// Added to the name of a file that is to be deleted.
pub(crate) const DELETED: &str = ".deleted";

/// The leader epochs, see `epochs.rs`.
pub(crate) const EPOCHS: &str = "leader-epoch-checkpoint";
/// The offset to which the log was truncated, while a recovery point may be checkpointed that lies above.
pub(crate) const TRUNCATION: &str = "truncation-checkpoint";

/// The file of `suffix` for `offset` in `directory`.
pub(crate) fn path(directory: &Path, offset: Offset, suffix: &str) -> PathBuf {
    directory.join(format!("{offset:020}{suffix}"))
}

/// The offset in a file's name, where the name has `suffix`.
pub(crate) fn offset_of(name: &str, suffix: &str) -> Option<Offset> {
    let digits = name.strip_suffix(suffix)?;
    if digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit()) {
        digits.parse().ok().map(Offset)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_their_offset() {
        let path = path(Path::new("/d"), Offset(42), LOG);
        assert_eq!(path, Path::new("/d/00000000000000000042.log"));
        let check =
            |name, suffix, expected: Option<i64>| assert_eq!(offset_of(name, suffix), expected.map(Offset), "{name}");
        check("00000000000000000042.log", LOG, Some(42));
        check("00000000000000000042.log.deleted", LOG, None);
        check("00000000000000000042.timeindex", OFFSET_INDEX, None);
        check("42.log", LOG, None);
        check("99999999999999999999.log", LOG, None);
    }
}
