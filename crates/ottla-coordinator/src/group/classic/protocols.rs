//! Which protocol a group runs: one that all its members support, chosen by their votes.

use std::sync::Arc;

use super::{ClassicGroup, JoinGroup, Phase};

impl ClassicGroup {
    /// Whether one who joins can take part. An empty group takes any type.
    pub(super) fn supports(&self, request: &JoinGroup) -> bool {
        if request.protocol_type.is_empty() || request.protocols.is_empty() {
            return false;
        }
        self.phase == Phase::Empty
            || (self.protocol_type.as_deref() == Some(&*request.protocol_type)
                && request.protocols.iter().any(|protocol| self.is_supported_by_all(&protocol.name)))
    }

    fn is_supported_by_all(&self, protocol: &str) -> bool {
        self.members.values().all(|member| member.supports(protocol))
    }

    /// The protocol that most members prefer among those that all support; of equally many the one that the first member prefers.
    /// None where the group has no members. Source: Kafka `ClassicGroup.selectProtocol`, which leaves ties to chance.
    pub(super) fn select_protocol(&self) -> Option<Arc<str>> {
        let first = self.members.values().next()?;
        let candidates: Vec<(&Arc<str>, usize)> = first
            .protocols
            .iter()
            .filter(|protocol| self.is_supported_by_all(&protocol.name))
            .map(|protocol| (&protocol.name, 0))
            .collect();
        let votes = self.members.values().fold(candidates, |mut candidates, member| {
            let vote = member
                .protocols
                .iter()
                .find_map(|protocol| candidates.iter().position(|(candidate, _)| **candidate == protocol.name));
            if let Some(vote) = vote {
                candidates[vote].1 += 1;
            }
            candidates
        });
        let most = votes.iter().map(|(_, count)| *count).max()?;
        votes.into_iter().find(|(_, count)| *count == most).map(|(name, _)| name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::JoinGroup;
    use super::*;
    use crate::testing::{joining, member};

    fn group(preferences: &[&[&str]]) -> ClassicGroup {
        let mut group =
            ClassicGroup { phase: Phase::Stable, protocol_type: Some("consumer".into()), ..Default::default() };
        for (i, protocols) in preferences.iter().enumerate() {
            group.members.insert(format!("m{i}").into(), Arc::new(member(protocols)));
        }
        group
    }

    #[test]
    fn the_most_votes_win_among_what_all_support() {
        let check = |preferences: &[&[&str]], expected: &str| {
            assert_eq!(group(preferences).select_protocol().as_deref(), Some(expected), "{preferences:?}")
        };
        check(&[&["range"]], "range");
        check(&[&["range", "sticky"], &["sticky", "range"], &["sticky", "range"]], "sticky");
        // The favourite of two is not known to the third.
        check(&[&["sticky", "range"], &["sticky", "range"], &["range"]], "range");
        // A tie.
        check(&[&["range", "sticky"], &["sticky", "range"]], "range");
    }

    #[test]
    fn a_joiner_must_share_a_protocol_with_all() {
        let group = group(&[&["range", "sticky"], &["sticky"]]);
        let supports = |protocols: &[&str]| group.supports(&joining("", protocols));
        assert!(supports(&["sticky"]) && supports(&["x", "sticky"]));
        assert!(!supports(&["range"]) && !supports(&["x"]) && !supports(&[]));
        assert!(!group.supports(&JoinGroup { protocol_type: "connect".into(), ..joining("", &["sticky"]) }));
    }

    #[test]
    fn an_empty_group_takes_any_type_that_has_a_protocol() {
        let empty = ClassicGroup { protocol_type: Some("consumer".into()), ..Default::default() };
        assert!(empty.supports(&JoinGroup { protocol_type: "connect".into(), ..joining("", &["x"]) }));
        assert!(!empty.supports(&JoinGroup { protocol_type: "".into(), ..joining("", &["x"]) }));
        assert!(!empty.supports(&joining("", &[])));
    }
}
