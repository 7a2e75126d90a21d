//! [`GroupRun`]: the groups of one run: their clients, what is committed for good at the beginning, and the verdict.

use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::client::group::messages::Versions;
use crate::client::group::{Committer, Conduct, Coordinator, Forgetter, Member, Onlooker, Spot};
use crate::client::{Phase, Surroundings, topics};
use crate::group_ledger::GroupLedger;
use crate::group_options::GroupsPlan;
use crate::invariants::Watch;
use crate::world::World;

/// What nobody writes to or reads, and every group has an offset of.
const PINNED_TOPIC: &str = "pinned";

/// Longer than any run, whatever its clocks do.
const PINNED_FOR: Duration = Duration::from_secs(24 * 3600);

/// The groups of a run.
pub(crate) struct GroupRun {
    pub(crate) plan: GroupsPlan,
    pub(crate) ledger: GroupLedger,
    watch: Watch,
}

/// A client's name, its address and its task.
type Client = (String, IpAddr, JoinHandle<()>);

impl GroupRun {
    pub(crate) fn new(world: &World, plan: GroupsPlan, watch: Watch) -> GroupRun {
        let ledger = GroupLedger::new(world.journal.clone());
        let members = plan.groups.iter().flat_map(|group| &group.members);
        members.filter_map(|member| member.instance_id.as_deref()).for_each(|name| ledger.add_instance(name));
        GroupRun { plan, ledger, watch }
    }

    /// A client that knows the coordinator of `group`. It can tell that what it commits is kept for `kept`, if anybody can.
    pub(crate) fn coordinator(
        &self,
        world: &mut World,
        (name, group): (&str, &str),
        phase: watch::Receiver<Phase>,
        versions: Versions,
        kept: Option<Duration>,
    ) -> Coordinator {
        let around = Surroundings::new(world, name.to_owned(), &self.watch, phase);
        Coordinator::new(around, self.ledger.clone(), versions, group, kept)
    }

    /// The groups with members, and then those without.
    pub(crate) fn group_names(&self) -> Vec<String> {
        let alone = (0..self.plan.committers.len()).map(alone);
        self.plan.groups.iter().map(|group| group.name.clone()).chain(alone).collect()
    }

    /// What every group with members has an offset of that outlives the run. It keeps the group from being deleted when its other offsets
    /// have expired, and its generations from beginning again.
    pub(crate) fn pinned() -> Spot {
        Spot::passing(PINNED_TOPIC, 0)
    }

    /// Has every group with members keep an offset for good. Goes on until it has: the caller sets a deadline.
    pub(crate) async fn begin(&self, world: &mut World) {
        let mut connection = world.client();
        topics::create(&mut connection, &world.journal, PINNED_TOPIC, 1, &[]).await;
        for group in &self.plan.groups {
            let (_healed, phase) = watch::channel(Phase::Healed);
            let mut coordinator = self.coordinator(world, ("pin", &group.name), phase, Versions::NEWEST, None);
            while coordinator.commit(None, &[GroupRun::pinned()], Some(PINNED_FOR)).await.is_err() {
                coordinator.back_off().await;
            }
        }
    }

    /// Starts all clients of groups.
    pub(crate) fn start_clients(&self, world: &mut World, phase: &watch::Sender<Phase>) -> Vec<Client> {
        let mut clients = Vec::new();
        let kept = Some(self.plan.kept);
        for group in &self.plan.groups {
            for (number, plan) in group.members.iter().enumerate() {
                let name = format!("{}-{number}", group.name);
                let coordinator = self.coordinator(world, (&name, &group.name), phase.subscribe(), plan.versions, kept);
                let member = Member::new(coordinator, plan.clone(), Conduct::Whims);
                clients.push((name, member.address(), world.clients.spawn(member.run())));
            }
        }
        for (number, retention) in self.plan.committers.iter().enumerate() {
            let name = alone(number);
            let versions = Versions::ALL[number % Versions::ALL.len()];
            let coordinator = self.coordinator(world, (&name, &name), phase.subscribe(), versions, kept);
            let committer = Committer::new(coordinator, *retention);
            clients.push((name, committer.address(), world.clients.spawn(committer.run())));
        }
        if self.plan.has_forgetter {
            let name = "forgetter";
            let coordinator = self.coordinator(world, (name, name), phase.subscribe(), Versions::NEWEST, None);
            let forgetter = Forgetter::new(coordinator);
            clients.push((name.to_owned(), forgetter.address(), world.clients.spawn(forgetter.run())));
        }
        let names = self.group_names();
        let coordinator = self.coordinator(world, ("onlooker", &names[0]), phase.subscribe(), Versions::NEWEST, None);
        let onlooker = Onlooker::new(coordinator, names);
        clients.push(("onlooker".to_owned(), onlooker.address(), world.clients.spawn(onlooker.run())));
        clients
    }

    /// Judges all that was written down, and that it is enough to judge by.
    pub(crate) fn judge(&self, world: &World) {
        for anomaly in self.ledger.judge() {
            world.journal.violation(format_args!("{anomaly}"));
        }
        let (committed, found, synced) = self.ledger.counts();
        if committed == 0 || found == 0 || synced == 0 {
            let counts = format!("{committed} commits, {found} fetches, {synced} syncs");
            world.journal.violation(format_args!("the run proves nothing about groups: {counts}"));
        }
    }
}

/// The name of a committer, and of its group.
fn alone(number: usize) -> String {
    format!("alone-{number}")
}
