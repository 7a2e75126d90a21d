//! The arithmetic of an idempotent producer's sequence numbers (KIP-98). Who may continue with which number is decided by the log.

/// The base sequence of a batch whose producer is not idempotent.
pub const NO_SEQUENCE: i32 = -1;

/// The number `records` records after `sequence`: sequences wrap from 2^31 - 1 to 0.
///
/// Source: Kafka `DefaultRecordBatch.incrementSequence`.
pub fn increment_sequence(sequence: i32, records: i32) -> i32 {
    let sum = i64::from(sequence) + i64::from(records);
    i32::try_from(sum.rem_euclid(1 << 31)).expect("a remainder of 2^31 is below 2^31")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_wrap_to_zero() {
        assert_eq!(increment_sequence(0, 5), 5);
        assert_eq!(increment_sequence(i32::MAX, 1), 0);
        assert_eq!(increment_sequence(i32::MAX - 2, 5), 2);
        assert_eq!(increment_sequence(i32::MAX, i32::MAX), i32::MAX - 1);
    }

    #[test]
    fn forged_numbers_stay_in_range() {
        assert!(increment_sequence(i32::MIN, i32::MIN) >= 0);
        assert!(increment_sequence(-7, 3) >= 0);
    }
}
