//! [`GroupsPlan`]: what a seed decides about groups, in a world that has them.

use std::time::Duration;

use ottla_base::{Entropy, SeededEntropy};

use crate::client::group::messages::{PROTOCOLS, Versions};
use crate::nemesis::Fault;
use crate::options::Options;

/// The least that the setting allows.
const RETENTION_MIN: Duration = Duration::from_secs(60);

/// What a world's wall clock may be wrong by, both ways together, and more.
const CLOCK_JUMPS: Duration = Duration::from_secs(4 * 3600);

/// The groups of a world, and whoever commits without being in one.
#[derive(Clone, Debug)]
pub struct GroupsPlan {
    /// Groups with members.
    pub groups: Vec<GroupPlan>,
    /// Those who commit for a group of their own without members, each with how long it asks to have its offsets kept, if it does.
    pub committers: Vec<Option<Duration>>,
    /// Whether somebody deletes topics for which offsets are committed.
    pub has_forgetter: bool,
    /// `offsets.retention.minutes`.
    pub retention: Duration,
    /// `offsets.retention.check.interval.ms`.
    pub check_interval: Duration,
    /// How long an offset is kept at least, whatever the clocks do.
    pub kept: Duration,
}

/// A group with members.
#[derive(Clone, Debug)]
pub struct GroupPlan {
    /// Its id.
    pub name: String,
    /// Its members; never fewer than two.
    pub members: Vec<MemberPlan>,
}

/// A member of a group.
#[derive(Clone, Debug)]
pub struct MemberPlan {
    /// Its name, if it is static.
    pub instance_id: Option<String>,
    /// How long it may be silent.
    pub session_timeout: Duration,
    /// How long it may take to join a rebalance.
    pub rebalance_timeout: Duration,
    /// How often it is heard.
    pub heartbeat_interval: Duration,
    /// The protocols that it speaks, the preferred first.
    pub protocols: Vec<usize>,
    /// The versions that it speaks.
    pub versions: Versions,
}

impl GroupsPlan {
    /// The longest time in which a group gets over the loss of members.
    pub(crate) fn takeover(&self) -> Duration {
        let members = self.groups.iter().flat_map(|group| &group.members);
        members.map(|member| member.session_timeout + member.rebalance_timeout).max().unwrap_or_default()
    }

    /// Whether offsets expire while the run lasts.
    pub(crate) fn is_short(&self) -> bool {
        self.retention == RETENTION_MIN
    }
}

impl Options {
    /// What the seed that `entropy` comes from decides about a world of groups: few records, and many members.
    pub fn draw_with_groups(entropy: &SeededEntropy) -> Options {
        let mut options = Options::draw(entropy);
        options.producers.truncate(1);
        for producer in &mut options.producers {
            producer.rest_max = Duration::from_secs(3);
            producer.batch_records_max = 3;
        }
        options.consumers = 1;
        options.admins = 0;
        options.rowdies = entropy.below(2) as usize;
        let one_of = |choices: &[u64]| choices[entropy.below(choices.len() as u64) as usize];
        // Time that jumps tells nothing about what has expired.
        let is_short = !options.faults.contains(&Fault::ClockJump) && !entropy.one_in(3);
        let retention = if is_short { RETENTION_MIN } else { Duration::from_secs(7 * 24 * 3600) };
        let check_interval = Duration::from_millis(one_of(&[1000, 5000]));
        options.node.settings.extend([
            format!("offsets.retention.minutes={}", retention.as_secs() / 60),
            format!("offsets.retention.check.interval.ms={}", check_interval.as_millis()),
            format!("offsets.topic.num.partitions={}", one_of(&[1, 2, 3])),
            "offsets.topic.replication.factor=1".to_owned(),
            format!("offsets.load.buffer.size={}", one_of(&[1, 1000, 5_242_880])),
            format!("group.initial.rebalance.delay.ms={}", one_of(&[0, 100, 1000])),
            "group.min.session.timeout.ms=1000".to_owned(),
        ]);
        let groups = (0..1 + entropy.below(2)).map(|number| draw_group(entropy, number));
        let own_retention = |_| entropy.one_in(2).then(|| Duration::from_secs(3 + entropy.below(10)));
        options.groups = Some(GroupsPlan {
            groups: groups.collect(),
            committers: (0..1 + entropy.below(2)).map(own_retention).collect(),
            has_forgetter: entropy.one_in(2),
            retention,
            check_interval,
            kept: if is_short { retention } else { retention - CLOCK_JUMPS },
        });
        // Where time jumps, what asks for seconds is promised nothing.
        if options.faults.contains(&Fault::ClockJump)
            && let Some(groups) = &mut options.groups
        {
            groups.committers.iter_mut().for_each(|retention| *retention = None);
        }
        options
    }
}

fn draw_group(entropy: &SeededEntropy, number: u64) -> GroupPlan {
    let name = format!("service-{number}");
    // All speak the same ones. A coordinator that has restarted knows of each member only the one that was chosen, so that a newcomer must
    // speak that (as with Kafka's).
    let spoken = 1 + entropy.below(PROTOCOLS.len() as u64) as usize;
    let members = (0..2 + entropy.below(3)).map(|member| {
        let one_of = |choices: &[u64]| choices[entropy.below(choices.len() as u64) as usize];
        let versions = Versions::ALL[entropy.below(Versions::ALL.len() as u64) as usize];
        let is_static = versions.know_static_members() && entropy.one_in(3);
        let preferred = entropy.below(spoken as u64) as usize;
        MemberPlan {
            instance_id: is_static.then(|| format!("{name}-static-{member}")),
            session_timeout: Duration::from_millis(one_of(&[2000, 4000, 6000])),
            rebalance_timeout: Duration::from_millis(one_of(&[1500, 4000, 8000])),
            heartbeat_interval: Duration::from_millis(one_of(&[300, 600, 1000])),
            protocols: (0..spoken).map(|place| (preferred + place) % spoken).collect(),
            versions,
        }
    });
    GroupPlan { members: members.collect(), name }
}
