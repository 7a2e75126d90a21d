//! [`Deadlines`]: when which group has to be looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ottla_base::Instant;

/// One deadline for each group that has any. It may be too early, since a heartbeat does not move it, but is never too late.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    by_group: BTreeMap<Arc<str>, Instant>,
    by_time: BTreeSet<(Instant, Arc<str>)>,
}

impl Deadlines {
    /// Replaces the group's deadline.
    pub(super) fn set(&mut self, group_id: &Arc<str>, deadline: Option<Instant>) {
        let earlier = match deadline {
            Some(deadline) => self.by_group.insert(group_id.clone(), deadline),
            None => self.by_group.remove(group_id),
        };
        if earlier == deadline {
            return;
        }
        if let Some(earlier) = earlier {
            self.by_time.remove(&(earlier, group_id.clone()));
        }
        if let Some(deadline) = deadline {
            self.by_time.insert((deadline, group_id.clone()));
        }
    }

    /// The earliest.
    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(deadline, _)| *deadline)
    }

    /// Takes out a group whose deadline has come, the earliest first.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Arc<str>> {
        let (_, group_id) = self.by_time.first().filter(|(deadline, _)| *deadline <= now)?.clone();
        self.set(&group_id, None);
        Some(group_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> Instant {
        Instant(Duration::from_secs(seconds))
    }

    #[test]
    fn groups_come_due_once_in_the_order_of_their_last_deadlines() {
        let [a, b, c] = ["a", "b", "c"].map(Arc::<str>::from);
        let mut deadlines = Deadlines::default();
        deadlines.set(&a, Some(at(1)));
        deadlines.set(&b, Some(at(2)));
        deadlines.set(&c, Some(at(1)));
        deadlines.set(&a, Some(at(3)));
        deadlines.set(&c, None);
        assert_eq!(deadlines.next(), Some(at(2)));
        assert_eq!(deadlines.pop_due(at(1)), None);
        assert_eq!(deadlines.pop_due(at(3)), Some(b));
        assert_eq!(deadlines.pop_due(at(3)), Some(a));
        assert_eq!((deadlines.pop_due(at(3)), deadlines.next()), (None, None));
    }
}
