//! [`Finale`]: what a group must be able to do once nothing hinders it. Each step has its deadline, and what it misses is a violation.
//!
//! ```text
//! new members, while the old ones are still counted ► the coordinator restarts, and nothing has changed ► a static member comes back, and
//! nobody is disturbed ► it dies, and another member, and the rest take over ► all leave ► the coordinator restarts ► offsets expire in time
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use history::Key;
use ottla_base::Entropy;
use ottla_net::{TaskScope, timer};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::client::Phase;
use crate::client::group::messages::Versions;
use crate::client::group::{Conduct, Coordinator, Member, Place, Spot};
use crate::group_options::MemberPlan;
use crate::group_run::GroupRun;
use crate::nemesis::Nemesis;
use crate::world::World;

/// How late anything may be: a heartbeat, a connection, a sync, a start.
const SLACK: Duration = Duration::from_secs(6);

/// How often it is looked whether something has come about.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// The last steps of a run with groups.
pub(crate) struct Finale<'a> {
    run: &'a GroupRun,
    world: &'a mut World,
    nemesis: &'a mut Nemesis,
    /// A client that asks about any group.
    onlooker: Coordinator,
    phase: watch::Receiver<Phase>,
    spots: Vec<Spot>,
    members: Vec<Steady>,
    /// How many members were started.
    started: usize,
}

/// A member that does its work until it is ended.
struct Steady {
    plan: MemberPlan,
    place: watch::Receiver<Option<Place>>,
    task: JoinHandle<()>,
}

impl Steady {
    fn place(&self) -> Option<Place> {
        self.place.borrow().clone()
    }

    /// It dies without a word.
    async fn die(self) -> MemberPlan {
        self.task.abort();
        // It has ended when this is over, with whatever it held.
        let _ = self.task.await;
        self.plan
    }
}

impl<'a> Finale<'a> {
    pub(crate) fn new(run: &'a GroupRun, world: &'a mut World, nemesis: &'a mut Nemesis) -> Finale<'a> {
        world.clients = TaskScope::new("finale", Handle::current(), Arc::new(world.entropy.fork()));
        let (_, phase) = watch::channel(Phase::Healed);
        let group = run.plan.groups[0].name.clone();
        let onlooker = run.coordinator(world, ("finale", &group), phase.clone(), Versions::NEWEST, None);
        let around = &onlooker.around;
        let spots = around.partitions().into_iter().map(|partition| Spot::shared(&around.topics, partition)).collect();
        Finale { run, world, nemesis, onlooker, phase, spots, members: Vec::new(), started: 0 }
    }

    /// Goes through all of it, or up to what fails.
    pub(crate) async fn play(mut self) {
        let told = self.steps().await;
        if let Err(what) = told {
            self.world.journal.violation(format_args!("{what}"));
        }
        self.world.clients.abort();
        self.world.clients.ended().await;
    }

    async fn steps(&mut self) -> Result<(), String> {
        let mut plans = self.run.plan.groups[0].members.clone();
        if plans.iter().all(|plan| plan.instance_id.is_none()) {
            plans.push(self.static_member());
        }
        for plan in plans {
            self.start(plan);
        }
        // A join whose client has gone is answered all the same, and its session begins only then.
        let generation = self.settle("the members of old are gone", 2 * self.run.plan.takeover()).await?;
        self.step("a restart of the coordinator");
        self.outlive_restart(generation).await?;
        let (place, name) = self.a_static_member();
        self.step(&format!("{name} comes back"));
        self.come_back(place, generation).await?;
        self.step(&format!("{name} dies"));
        let generation = self.lose(place, generation).await?;
        if self.members.len() > 1 {
            let place = self.world.entropy.below(self.members.len() as u64) as usize;
            self.step("a member dies");
            self.lose(place, generation).await?;
        }
        self.step("all leave");
        self.leave_and_expire().await
    }

    fn step(&self, what: &str) {
        self.world.journal.trace(format_args!("finale: {what}"));
    }

    fn static_member(&self) -> MemberPlan {
        let instance_id = format!("{}-static", self.run.plan.groups[0].name);
        self.run.ledger.add_instance(&instance_id);
        let first = &self.run.plan.groups[0].members[0];
        MemberPlan { instance_id: Some(instance_id), versions: Versions::NEWEST, ..first.clone() }
    }

    fn start(&mut self, plan: MemberPlan) {
        let group = self.run.plan.groups[0].name.clone();
        self.started += 1;
        let name = format!("steady-{}", self.started);
        let kept = Some(self.run.plan.kept);
        let coordinator = self.run.coordinator(self.world, (&name, &group), self.phase.clone(), plan.versions, kept);
        let member = Member::new(coordinator, plan.clone(), Conduct::Steady);
        let place = member.place();
        let task = self.world.clients.spawn(member.run());
        self.members.push(Steady { plan, place, task });
    }

    /// The generation that all members are in, if they share one, and in it every partition among them.
    fn settled(&self) -> Option<i32> {
        let places: Vec<_> = self.members.iter().map(Steady::place).collect::<Option<_>>()?;
        let generation = places.first()?.standing.generation;
        let owned: usize = places.iter().map(|place| place.keys.len()).sum();
        let keys: BTreeSet<Key> = places.iter().flat_map(|place| place.keys.iter().copied()).collect();
        let is_settled = places.iter().all(|place| place.standing.generation == generation && place.heartbeats > 0)
            && owned == self.spots.len()
            && keys.len() == owned;
        is_settled.then_some(generation)
    }

    /// Waits until all members share a generation, and all partitions.
    async fn settle(&mut self, when: &str, within: Duration) -> Result<i32, String> {
        let within = within + SLACK;
        let mut settled = None;
        self.wait_until(within, |finale| {
            settled = finale.settled();
            settled.is_some()
        })
        .await;
        settled.ok_or_else(|| {
            let places: Vec<_> = self.members.iter().map(Steady::place).collect();
            format!("a group is not settled {within:?} after this: {when}; its members are at {places:?}")
        })
    }

    /// Returns whether it came about.
    async fn wait_until(&self, within: Duration, mut holds: impl FnMut(&Finale<'_>) -> bool) -> bool {
        let begin = timer::now();
        while !holds(self) {
            if begin.elapsed() > within {
                return false;
            }
            timer::sleep(LOOK_INTERVAL).await;
        }
        true
    }

    /// What is said of a group, as soon as anything is.
    async fn describe(&mut self, group: &str) -> Result<(String, String), String> {
        let begin = timer::now();
        self.onlooker.turn_to(group);
        loop {
            match self.onlooker.describe().await {
                Ok(told) => return Ok(told),
                Err(refusal) if begin.elapsed() > SLACK => {
                    return Err(format!("{group} cannot be described: {refusal:?}"));
                }
                Err(_) => self.onlooker.back_off().await,
            }
        }
    }

    /// Has everybody's offsets written down. Returns of which partitions there are any.
    async fn look_at_offsets(&mut self) -> Result<Vec<String>, String> {
        let begin = timer::now();
        let mut there = Vec::new();
        for group in self.run.group_names() {
            self.onlooker.turn_to(&group);
            let spots = self.spots.clone();
            let found = loop {
                match self.onlooker.fetch(&spots, false).await {
                    Ok(found) => break found,
                    Err(refusal) if begin.elapsed() > SLACK => {
                        return Err(format!("the offsets of {group} cannot be fetched: {refusal:?}"));
                    }
                    Err(_) => self.onlooker.back_off().await,
                }
            };
            let found = spots.iter().zip(found).filter(|(_, found)| found.is_some());
            there.extend(found.map(|(spot, _)| format!("{group}: {} {}", spot.topic, spot.partition)));
            if self.run.plan.groups.iter().any(|plan| plan.name == group) {
                // The judge of the history misses it, if it is not there.
                let _ = self.onlooker.fetch(&[GroupRun::pinned()], false).await;
            }
        }
        Ok(there)
    }

    async fn outlive_restart(&mut self, generation: i32) -> Result<(), String> {
        let groups: Vec<_> = self.run.plan.groups.iter().map(|group| group.name.clone()).collect();
        let begin = timer::now();
        for other in &groups[1..] {
            // Its members have died, and were given up like the others.
            while self.describe(other).await?.0 != "Empty" {
                if begin.elapsed() > self.run.plan.takeover() + SLACK {
                    return Err(format!("members of {other} that have died are still counted"));
                }
                timer::sleep(LOOK_INTERVAL).await;
            }
        }
        let mut before = Vec::new();
        for group in &groups {
            before.push(self.describe(group).await?);
        }
        self.look_at_offsets().await?;
        Box::pin(self.nemesis.restart(self.world)).await;
        for (group, before) in groups.iter().zip(before) {
            let after = self.describe(group).await?;
            if after != before {
                return Err(format!("{group} was {before:?} before a restart, and is {after:?} after it"));
            }
        }
        self.look_at_offsets().await?;
        let seen: Vec<_> = self.members.iter().map(Steady::place).collect();
        let is_heard_again = |finale: &Finale<'_>| {
            let places = finale.members.iter().map(Steady::place);
            places.zip(&seen).all(|(now, then)| {
                let heartbeats = |place: Option<&Place>| place.map(|place| place.heartbeats);
                now.as_ref().is_some_and(|now| now.standing.generation != generation)
                    || heartbeats(now.as_ref()) > heartbeats(then.as_ref())
            })
        };
        if !self.wait_until(SLACK, is_heard_again).await {
            return Err(format!("members are not heard within {SLACK:?} after a restart"));
        }
        match self.settled() {
            Some(settled) if settled == generation => Ok(()),
            settled => Err(format!("a restart has moved a group from generation {generation} to {settled:?}")),
        }
    }

    /// One of the static members: its place among all, and its name.
    fn a_static_member(&self) -> (usize, String) {
        let named = self
            .members
            .iter()
            .enumerate()
            .filter_map(|(place, member)| Some((place, member.plan.instance_id.clone()?)));
        let named: Vec<_> = named.collect();
        named[self.world.entropy.below(named.len() as u64) as usize].clone()
    }

    /// A static member restarts within its session.
    async fn come_back(&mut self, place: usize, generation: i32) -> Result<(), String> {
        let member = self.members.remove(place);
        let before = member.place();
        let plan = member.die().await;
        self.start(plan);
        // The new one is the last; it goes to where the old one was.
        let member = self.members.pop().expect("it has just been started");
        self.members.insert(place, member);
        let settled = self.settle("a static member has come back", Duration::ZERO).await?;
        let after = self.members[place].place();
        let keys = |place: Option<Place>| place.map(|place| place.keys);
        if settled != generation || keys(before.clone()) != keys(after.clone()) {
            return Err(format!("a static member was at {before:?}, and has come back to {after:?}"));
        }
        Ok(())
    }

    /// A member dies, and the others take over.
    async fn lose(&mut self, place: usize, generation: i32) -> Result<i32, String> {
        let plan = self.members.remove(place).die().await;
        let rebalance = self.members.iter().map(|member| member.plan.rebalance_timeout).max().unwrap_or_default();
        let within = plan.session_timeout + rebalance.max(plan.rebalance_timeout);
        let mut settled = None;
        let is_taken_over = |finale: &Finale<'_>| {
            settled = finale.settled().filter(|settled| *settled > generation);
            settled.is_some()
        };
        self.wait_until(within + SLACK, is_taken_over).await;
        settled.ok_or_else(|| {
            let places: Vec<_> = self.members.iter().map(Steady::place).collect();
            format!("what a dead member ({plan:?}) had is not taken over; the others are at {places:?}")
        })
    }

    async fn leave_and_expire(&mut self) -> Result<(), String> {
        let group = self.run.plan.groups[0].name.clone();
        self.onlooker.turn_to(&group);
        let mut standings = Vec::new();
        for member in std::mem::take(&mut self.members) {
            let place = member.place().ok_or("a settled member has no place")?;
            member.die().await;
            standings.push(place.standing);
        }
        let left_at = self.world.elapsed();
        for standing in standings {
            self.onlooker
                .leave(&standing)
                .await
                .map_err(|refusal| format!("{standing:?} cannot leave: {refusal:?}"))?;
        }
        let begin = timer::now();
        while self.describe(&group).await?.0 != "Empty" {
            if begin.elapsed() > SLACK {
                return Err("a group is not empty though all have left".to_owned());
            }
            timer::sleep(LOOK_INTERVAL).await;
        }
        let empty_at = self.world.elapsed();
        if !self.run.plan.is_short() {
            self.look_at_offsets().await?;
            Box::pin(self.nemesis.restart(self.world)).await;
            return self.look_at_offsets().await.map(drop);
        }
        let retention = self.run.plan.retention;
        // Another coordinator counts from where this one did.
        self.sleep_until(left_at + retention / 2).await;
        Box::pin(self.nemesis.restart(self.world)).await;
        self.sleep_until(left_at + retention - Duration::from_millis(500)).await;
        self.look_at_offsets().await?;
        self.sleep_until(empty_at + retention + self.run.plan.check_interval + SLACK).await;
        self.expect_no_offsets().await?;
        Box::pin(self.nemesis.restart(self.world)).await;
        self.expect_no_offsets().await
    }

    async fn expect_no_offsets(&mut self) -> Result<(), String> {
        let there = self.look_at_offsets().await?;
        if there.is_empty() { Ok(()) } else { Err(format!("offsets have outlived their retention: {there:?}")) }
    }

    async fn sleep_until(&self, at: Duration) {
        timer::sleep(at.saturating_sub(self.world.elapsed())).await;
    }
}
