//! Which partition of `__consumer_offsets` a group's records are in.

use ottla_base::PartitionIndex;

/// The partition of `group_id` among `partitions`, which is at least 1: Java's hash of the string without its sign. Source: Kafka
/// `GroupCoordinatorService.partitionFor`, `Utils.abs`.
pub fn partition_for(group_id: &str, partitions: i32) -> PartitionIndex {
    assert!(partitions > 0, "__consumer_offsets has partitions");
    let hash = group_id.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    // The one number that has no positive counterpart counts as 0.
    PartitionIndex(hash.checked_abs().unwrap_or(0) % partitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_where_kafka_looks_for_them() {
        let check =
            |group_id, expected| assert_eq!(partition_for(group_id, 50), PartitionIndex(expected), "{group_id}");
        check("", 0);
        // "abc".hashCode() is 96354, "hello world".hashCode() 1794106052.
        check("abc", 4);
        check("hello world", 2);
        // Its hash is Integer.MIN_VALUE, which has no absolute value.
        check("polygenelubricants", 0);
        // -1808118735: the sign goes, not the bit.
        check("String", 35);
    }

    #[test]
    fn characters_outside_the_basic_plane_count_as_two() {
        // U+1F600 is d83d de00 in UTF-16: 0xd83d * 31 + 0xde00 = 1772899.
        assert_eq!(partition_for("\u{1f600}", 1_000_000_000), PartitionIndex(0xd83d * 31 + 0xde00));
    }
}
