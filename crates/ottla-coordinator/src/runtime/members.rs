//! The operations on a group's members: JoinGroup, SyncGroup, Heartbeat, LeaveGroup, DescribeGroups, ListGroups, DeleteGroups.

use std::sync::Arc;

use ottla_base::Uuid;

use super::{Answer, Completed, Completions, Each, PartitionWriter, Shard, Ticket};
use crate::group::classic::{
    ClassicGroup, Context, DescribedGroup, Effects, Heartbeat, JoinGroup, LeaveGroup, ListedGroup, SyncGroup,
};
use crate::record::Record;
use crate::{Error, Now};

impl<W: PartitionWriter> Shard<W> {
    /// JoinGroup. Its answer comes as the completion of the ticket, perhaps in this very [`Answer`].
    ///
    /// A group that is not there comes into being, and is recorded, when a client without a member id joins it. Errors:
    /// `EmptyGroupId`, `InvalidSessionTimeout`, `FieldTooLong`, `InconsistentProtocol`, `MemberIdRequired`, `UnknownMember`,
    /// `FencedInstance`, `GroupFull`, `Append`; and from a parked join also `Superseded`, `NotCoordinator`.
    pub fn join_group(&mut self, request: &JoinGroup, now: Now) -> Answer<Ticket> {
        let ticket = self.new_ticket();
        let completed =
            self.try_join(request, ticket, now).unwrap_or_else(|error| vec![(ticket, Completed::Join(Err(error)))]);
        self.answer(ticket, completed)
    }

    fn try_join(&mut self, request: &JoinGroup, ticket: Ticket, now: Now) -> Result<Completions, Error> {
        request.check(self.config())?;
        let (group_id, mut next, records) = match self.groups.get_key_value(&request.group_id) {
            Some((group_id, group)) => (group_id.clone(), group.classic.clone(), Vec::new()),
            None if request.member_id.is_empty() => {
                let (group_id, group) = (Arc::<str>::from(request.group_id.as_str()), ClassicGroup::new(now));
                let record = Record::GroupMetadata { group_id: group_id.clone(), value: Some(group.metadata()) };
                (group_id, group, vec![record])
            }
            None => return Err(Error::UnknownMember),
        };
        let member_id = self.new_member_id(request);
        let mut effects = Effects::default();
        let context = Context { config: self.config(), now };
        next.join(request, member_id, ticket, context, &mut effects)?;
        Ok(self.settle(&group_id, next, effects, records, now)?)
    }

    /// The instance id or the client id, and a UUID.
    fn new_member_id(&self, request: &JoinGroup) -> Arc<str> {
        let Uuid(bytes) = Uuid::random(&*self.entropy);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
        let name = request.group_instance_id.as_deref().unwrap_or(&request.client_id);
        format!("{name}-{a}-{b}-{c}-{d}-{e}").into()
    }

    /// SyncGroup. Its answer comes as the completion of the ticket, perhaps in this very [`Answer`].
    ///
    /// Errors: `EmptyGroupId`, `UnknownMember`, `FencedInstance`, `IllegalGeneration`, `InconsistentProtocol`, `RebalanceInProgress`,
    /// `Append` (for the leader, whose assignment is recorded); and from a parked sync also `Superseded`, `NotCoordinator`.
    pub fn sync_group(&mut self, request: &SyncGroup, now: Now) -> Answer<Ticket> {
        let ticket = self.new_ticket();
        let completed =
            self.try_sync(request, ticket, now).unwrap_or_else(|error| vec![(ticket, Completed::Sync(Err(error)))]);
        self.answer(ticket, completed)
    }

    fn try_sync(&mut self, request: &SyncGroup, ticket: Ticket, now: Now) -> Result<Completions, Error> {
        check_group_id(&request.group_id)?;
        let sync = |classic: &mut ClassicGroup, context: Context<'_>, effects: &mut Effects| {
            classic.sync(request, ticket, context, effects)
        };
        let (result, completed) = self.change_members(&request.group_id, now, sync).ok_or(Error::UnknownMember)??;
        result.map(|()| completed)
    }

    /// Heartbeat. Errors: `EmptyGroupId`, `UnknownMember`, `FencedInstance`, `IllegalGeneration`, and `RebalanceInProgress`, which
    /// renews the session all the same.
    pub fn heartbeat(&mut self, request: &Heartbeat, now: Now) -> Answer<Result<(), Error>> {
        let result = check_group_id(&request.group_id).and_then(|()| {
            let group = self.groups.get_mut(&request.group_id).ok_or(Error::UnknownMember)?;
            group.classic.heartbeat(request, now)
        });
        self.answer(result, Vec::new())
    }

    /// LeaveGroup: one answer for each member, `UnknownMember` or `FencedInstance` where it is not there. Errors, with nobody gone:
    /// `EmptyGroupId`, `Append` (where the last member goes, the empty group is recorded).
    pub fn leave_group(&mut self, request: &LeaveGroup, now: Now) -> Answer<Each> {
        if let Err(error) = check_group_id(&request.group_id) {
            return self.answer(Err(error), Vec::new());
        }
        let leave = |classic: &mut ClassicGroup, context: Context<'_>, effects: &mut Effects| {
            classic.leave(&request.members, context, effects)
        };
        match self.change_members(&request.group_id, now, leave) {
            Some(Ok((results, completed))) => self.answer(Ok(results), completed),
            Some(Err(error)) => self.answer(Err(error.into()), Vec::new()),
            None => self.answer(Ok(vec![Err(Error::UnknownMember); request.members.len()]), Vec::new()),
        }
    }

    /// DescribeGroups. Errors: `GroupNotFound`.
    pub fn describe_group(&self, group_id: &str) -> Answer<Result<DescribedGroup, Error>> {
        let group = self.groups.get(group_id).ok_or(Error::GroupNotFound);
        self.answer(group.map(|group| group.classic.describe()), Vec::new())
    }

    /// ListGroups: all of the shard's, by id.
    pub fn list_groups(&self) -> Answer<Vec<ListedGroup>> {
        let listed = self.groups.iter().map(|(group_id, group)| group.classic.list(group_id));
        self.answer(listed.collect(), Vec::new())
    }

    /// DeleteGroups: the group and all its offsets. Errors: `GroupNotFound`, `NonEmptyGroup`, `Append`, after which some offsets may
    /// be gone and the group is still there.
    pub fn delete_group(&mut self, group_id: &str, now: Now) -> Answer<Result<(), Error>> {
        let result = self.try_delete(group_id, now);
        self.answer(result, Vec::new())
    }

    fn try_delete(&mut self, group_id: &str, now: Now) -> Result<(), Error> {
        let (group_id, group) = self.groups.get_key_value(group_id).ok_or(Error::GroupNotFound)?;
        if !group.classic.is_empty() {
            return Err(Error::NonEmptyGroup);
        }
        let tombstones = group.tombstones(group_id);
        Ok(self.append_tombstones(tombstones, now)?)
    }
}

pub(super) fn check_group_id(group_id: &str) -> Result<(), Error> {
    if group_id.is_empty() { Err(Error::EmptyGroupId) } else { Ok(()) }
}
