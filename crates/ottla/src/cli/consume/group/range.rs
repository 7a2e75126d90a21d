//! Kafka's `range` assignor: the members that read a topic, in order, take its partitions in runs of equal length, those at the front one
//! more where there is a remainder. Source: Kafka `RangeAssignor`, without racks.

use std::collections::BTreeMap;

use crate::cli::consumer_protocol::Partitions;

/// A member that is to be given partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscriber {
    pub(super) member_id: String,
    /// Of a static member (KIP-345), whose place in the order outlives its member id.
    pub(super) group_instance_id: Option<String>,
    pub(super) topics: Vec<String>,
}

/// What each member reads, by member id, of topics with so many partitions; each member is in it. Topics that nobody counted are left out.
pub(super) fn assign(
    subscribers: &[Subscriber],
    partition_counts: &BTreeMap<String, i32>,
) -> BTreeMap<String, Partitions> {
    let mut ordered: Vec<&Subscriber> = subscribers.iter().collect();
    ordered.sort_by_key(|member| {
        let instance = member.group_instance_id.as_ref();
        (instance.is_none(), instance, &member.member_id)
    });
    let mut assigned: BTreeMap<String, Partitions> =
        ordered.iter().map(|member| (member.member_id.clone(), Partitions::new())).collect();
    for (topic, count) in partition_counts {
        let readers: Vec<&Subscriber> =
            ordered.iter().filter(|member| member.topics.contains(topic)).copied().collect();
        for (reader, partitions) in readers.iter().zip(runs(*count, readers.len())) {
            let of_member = assigned.get_mut(&reader.member_id).expect("each member is in it");
            if !partitions.is_empty() {
                of_member.insert(topic.clone(), partitions.collect());
            }
        }
    }
    assigned
}

/// `count` numbers in `parts` runs.
fn runs(count: i32, parts: usize) -> impl Iterator<Item = std::ops::Range<i32>> {
    let parts = i32::try_from(parts).expect("fewer members than fit into a frame");
    (0..parts).scan(0, move |start, part| {
        let length = count / parts + i32::from(part < count % parts);
        let run = *start..*start + length;
        *start = run.end;
        Some(run)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn member(id: &str, instance: Option<&str>, topics: &[&str]) -> Subscriber {
        Subscriber {
            member_id: id.to_owned(),
            group_instance_id: instance.map(str::to_owned),
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
        }
    }

    fn counts(topics: &[(&str, i32)]) -> BTreeMap<String, i32> {
        topics.iter().map(|(topic, count)| ((*topic).to_owned(), *count)).collect()
    }

    fn of(assigned: &BTreeMap<String, Partitions>, member: &str, topic: &str) -> Vec<i32> {
        assigned[member].get(topic).cloned().unwrap_or_default()
    }

    #[test]
    fn the_first_members_take_what_is_left_over() {
        let members = [member("b", None, &["t"]), member("a", None, &["t"]), member("c", None, &["t"])];
        let assigned = assign(&members, &counts(&[("t", 7)]));
        assert_eq!(of(&assigned, "a", "t"), [0, 1, 2]);
        assert_eq!(of(&assigned, "b", "t"), [3, 4]);
        assert_eq!(of(&assigned, "c", "t"), [5, 6]);
    }

    #[test]
    fn a_topic_goes_to_those_that_read_it() {
        let members = [member("a", None, &["t", "u"]), member("b", None, &["u"])];
        let assigned = assign(&members, &counts(&[("t", 2), ("u", 2), ("v", 2)]));
        assert_eq!((of(&assigned, "a", "t"), of(&assigned, "a", "u")), (vec![0, 1], vec![0]));
        assert_eq!(assigned["b"], Partitions::from([("u".to_owned(), vec![1])]));
    }

    #[test]
    fn who_gets_nothing_is_told_so() {
        let members = [member("a", None, &["t"]), member("b", None, &["t"]), member("c", None, &["gone"])];
        let assigned = assign(&members, &counts(&[("t", 1)]));
        assert_eq!(of(&assigned, "a", "t"), [0]);
        assert!(assigned["b"].is_empty() && assigned["c"].is_empty());
    }

    /// So that one which comes back under a new member id is given what it had.
    #[test]
    fn static_members_come_first_in_the_order_of_their_instances() {
        let members = [member("a", None, &["t"]), member("z", Some("1"), &["t"]), member("y", Some("2"), &["t"])];
        let assigned = assign(&members, &counts(&[("t", 3)]));
        assert_eq!(["z", "y", "a"].map(|id| of(&assigned, id, "t")), [vec![0], vec![1], vec![2]]);
    }

    proptest! {
        #[test]
        fn every_partition_is_read_by_one_and_none_has_two_more_than_another(count in 0..200_i32, members in 1..20_usize) {
            let members: Vec<Subscriber> = (0..members).map(|n| member(&format!("member-{n}"), None, &["t"])).collect();
            let assigned = assign(&members, &counts(&[("t", count)]));
            let mut all: Vec<i32> = members.iter().flat_map(|member| of(&assigned, &member.member_id, "t")).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
            let sizes: Vec<usize> = members.iter().map(|member| of(&assigned, &member.member_id, "t").len()).collect();
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
        }
    }
}
