//! [`Member`]: takes its place in a group, commits what it owns, and is not always well.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use history::Key;
use ottla_base::Entropy;
use ottla_net::timer;
use tokio::sync::watch;

use super::Spot;
use super::coordinator::{Coordinator, JoinAnswer, Refusal, Standing};
use super::messages::Assignment;
use crate::group_options::MemberPlan;

/// How many good heartbeats make a member content once the trouble is over.
const CONTENT_AFTER: u32 = 3;

/// How a member behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// It stalls, leaves and dies as it likes until the trouble is over, and then ends as soon as it is served.
    Whims,
    /// It does its work until it is ended.
    Steady,
}

/// Where a member is, for whoever watches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) standing: Standing,
    pub(crate) keys: BTreeSet<Key>,
    /// How many heartbeats were well received there.
    pub(crate) heartbeats: u32,
}

/// A member of a group.
pub(crate) struct Member {
    coordinator: Coordinator,
    plan: MemberPlan,
    conduct: Conduct,
    spots: Vec<Spot>,
    standing: Standing,
    /// As whom it acted before it became somebody else.
    past: Option<Standing>,
    owned: Vec<Spot>,
    place: watch::Sender<Option<Place>>,
}

/// What a member does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// It joins again under its id.
    Rejoin,
    /// It has no id any more.
    JoinAnew,
    End,
}

impl Member {
    /// One that has not joined yet.
    pub(crate) fn new(coordinator: Coordinator, plan: MemberPlan, conduct: Conduct) -> Member {
        let around = &coordinator.around;
        let spots = around.partitions().into_iter().map(|partition| Spot::shared(&around.topics, partition)).collect();
        let standing = Standing { member_id: String::new(), instance_id: plan.instance_id.clone(), generation: -1 };
        let place = watch::Sender::new(None);
        Member { coordinator, plan, conduct, spots, standing, past: None, owned: Vec::new(), place }
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.coordinator.around.connection.address()
    }

    /// Where it is from now on; `None` while it has no place.
    pub(crate) fn place(&self) -> watch::Receiver<Option<Place>> {
        self.place.subscribe()
    }

    fn timeouts(&self) -> (Duration, Duration) {
        (self.plan.session_timeout, self.plan.rebalance_timeout)
    }

    fn one_in(&self, n: u64) -> bool {
        self.coordinator.around.entropy.one_in(n)
    }

    async fn rest(&self, at_most: Duration) {
        let ms = u64::try_from(at_most.as_millis()).expect("a short time");
        timer::sleep(Duration::from_millis(self.coordinator.around.entropy.below(ms + 1))).await;
    }

    pub(crate) async fn run(mut self) {
        loop {
            let next = match self.take_place().await {
                Ok(()) => self.live().await,
                Err(refusal) => {
                    self.coordinator.back_off().await;
                    self.after(&refusal)
                }
            };
            self.place.send_replace(None);
            match next {
                Next::Rejoin => {}
                Next::JoinAnew => self.forget_itself(),
                Next::End => return,
            }
        }
    }

    /// What a refusal leaves to be done.
    fn after(&self, refusal: &Refusal) -> Next {
        match refusal {
            // A static member's own earlier join, which it took for lost, may have taken its place.
            Refusal::UnknownMember | Refusal::FencedInstance | Refusal::MemberIdRequired(_) => Next::JoinAnew,
            Refusal::NoAnswer | Refusal::NotNow | Refusal::IllegalGeneration | Refusal::RebalanceInProgress => {
                Next::Rejoin
            }
        }
    }

    fn forget_itself(&mut self) {
        let instance_id = self.plan.instance_id.clone();
        let new = Standing { member_id: String::new(), instance_id, generation: -1 };
        let past = std::mem::replace(&mut self.standing, new);
        if past.generation >= 0 {
            self.past = Some(past);
        }
    }

    /// Joins and syncs.
    async fn take_place(&mut self) -> Result<(), Refusal> {
        let timeouts = self.timeouts();
        let mut joined = self.coordinator.join(&self.standing, timeouts, &self.plan.protocols).await;
        if let Err(Refusal::MemberIdRequired(member_id)) = joined {
            self.standing.member_id = member_id;
            joined = self.coordinator.join(&self.standing, timeouts, &self.plan.protocols).await;
        }
        let JoinAnswer { member_id, generation, protocol, to_assign } = joined?;
        self.standing.member_id = member_id;
        self.standing.generation = generation;
        if self.conduct == Conduct::Whims && self.one_in(20) {
            // A member that is slow to sync, or a leader that the others wait for.
            self.rest(2 * self.plan.session_timeout).await;
        }
        let assignments = to_assign.map(|members| self.assign(&members)).unwrap_or_default();
        self.owned = self.coordinator.sync(&self.standing, timeouts, &protocol, &assignments).await?;
        self.show(0);
        Ok(())
    }

    /// Gives the partitions to the members in turns.
    fn assign(&self, members: &[String]) -> Vec<(String, bytes::Bytes)> {
        let number = self.coordinator.ledger.number();
        let mut members = members.to_vec();
        members.sort();
        let part_of = |place: usize| {
            let spots = self.spots.iter().skip(place).step_by(members.len()).cloned().collect();
            Assignment { number, spots }.encode()
        };
        members.iter().enumerate().map(|(place, member)| (member.clone(), part_of(place))).collect()
    }

    fn show(&self, heartbeats: u32) {
        let keys = self.owned.iter().map(|spot| spot.key).collect();
        self.place.send_replace(Some(Place { standing: self.standing.clone(), keys, heartbeats }));
    }

    /// Heartbeats and commits until it has to join again, or does what it likes.
    async fn live(&mut self) -> Next {
        let (mut heartbeats, mut content) = (0, 0);
        loop {
            let was_healed = self.coordinator.around.is_healed();
            timer::sleep(self.plan.heartbeat_interval).await;
            if self.conduct == Conduct::Whims
                && !was_healed
                && let Some(next) = self.have_a_whim().await
            {
                return next;
            }
            match self.work().await {
                Ok(()) => heartbeats += 1,
                // There is time until the end of the session.
                Err(Refusal::NoAnswer | Refusal::NotNow) => {
                    self.coordinator.back_off().await;
                    continue;
                }
                Err(refusal) => return self.after(&refusal),
            }
            self.show(heartbeats);
            content += u32::from(was_healed);
            if self.conduct == Conduct::Whims && content == CONTENT_AFTER {
                if self.one_in(2) {
                    // It may go without a word.
                    let _ = self.coordinator.leave(&self.standing).await;
                }
                return Next::End;
            }
        }
    }

    /// A heartbeat, and now and then a commit of what it owns, which it then finds.
    async fn work(&mut self) -> Result<(), Refusal> {
        self.coordinator.heartbeat(&self.standing).await?;
        if !self.owned.is_empty() && self.one_in(2) {
            self.coordinator.commit(Some(&self.standing), &self.owned, None).await?;
        }
        if !self.owned.is_empty() && self.one_in(4) {
            self.coordinator.fetch(&self.owned, false).await?;
        }
        Ok(())
    }

    async fn have_a_whim(&mut self) -> Option<Next> {
        match self.coordinator.around.entropy.below(100) {
            // It stalls, and goes on as if nothing had been.
            0..3 => {
                self.rest(2 * self.plan.session_timeout).await;
                if self.one_in(2) {
                    let _ = self.coordinator.commit(Some(&self.standing), &self.owned, None).await;
                }
                None
            }
            3..5 => {
                let _ = self.coordinator.leave(&self.standing).await;
                self.rest(2 * self.plan.session_timeout).await;
                Some(Next::JoinAnew)
            }
            // It dies, and comes back as somebody else; a static member in its old place.
            5..8 => {
                self.coordinator.around.connection.close();
                self.rest(2 * self.plan.session_timeout).await;
                Some(Next::JoinAnew)
            }
            8 => Some(Next::Rejoin),
            // What it was in an earlier life commits once more.
            9..12 => {
                if let Some(past) = self.past.take() {
                    let _ = self.coordinator.commit(Some(&past), &self.owned, None).await;
                }
                None
            }
            _ => None,
        }
    }
}
