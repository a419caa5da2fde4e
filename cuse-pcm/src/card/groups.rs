//! Which substreams of the card are linked (§9.1).

use hw_backends::units::Now;
use uapi::Errno;
use uapi::pcm::State;

use super::{Card, SubstreamId};
use crate::pcm::Substream;

/// The groups of a card. A substream is in one at most, and none has fewer than two members.
#[derive(Debug, Default)]
pub(super) struct Groups(Vec<Group>);

/// Substreams that start and stop together.
#[derive(Debug, Default)]
struct Group {
    /// In the order in which they joined.
    members: Vec<SubstreamId>,
    /// One for every member but one: takes the place of a member that is lent to another one.
    absent: Vec<Substream>,
}

impl Groups {
    fn of(&self, id: &SubstreamId) -> Option<usize> {
        self.0.iter().position(|group| group.members.contains(id))
    }
}

impl Card {
    /// LINK: `target` joins the group of `caller`, which may have none yet.
    ///
    /// # Errors
    /// In this order. EINVAL: they are the same. EBADFD: `caller` is OPEN, or their states differ. EALREADY: `target` is
    /// in a group.
    pub fn link(&mut self, caller: &SubstreamId, target: &SubstreamId) -> Result<(), Errno> {
        if caller == target {
            return Err(Errno::EINVAL);
        }
        let state = |id| self.substream(id).map(Substream::state);
        let states = (state(caller), state(target));
        if states.0 == Some(State::Open) || states.0 != states.1 || states.0.is_none() {
            return Err(Errno::EBADFD);
        }
        if self.groups.of(target).is_some() {
            return Err(Errno::EALREADY);
        }
        let at = self.groups.of(caller).unwrap_or_else(|| {
            let members = vec![*caller];
            let absent = Vec::new();
            self.groups.0.push(Group { members, absent });
            self.groups.0.len().saturating_sub(1)
        });
        if let Some(group) = self.groups.0.get_mut(at) {
            group.members.push(*target);
            group.absent.push(Substream::absent(target.direction));
        }
        Ok(())
    }

    /// UNLINK: leaves its group. One that remains alone is in no group any more. Whoever waits for a member looks again.
    ///
    /// # Errors
    /// EALREADY: it is in none.
    pub fn unlink(&mut self, id: &SubstreamId) -> Result<(), Errno> {
        let at = self.groups.of(id).ok_or(Errno::EALREADY)?;
        let group = self.groups.0.get_mut(at).ok_or(Errno::EALREADY)?;
        group.members.retain(|member| member != id);
        group.absent.pop();
        if group.members.len() < 2 {
            self.groups.0.remove(at);
        }
        Ok(())
    }

    /// Whether it is linked.
    #[must_use]
    pub fn linked(&self, id: &SubstreamId) -> bool {
        self.groups.of(id).is_some()
    }

    /// The member that joined the group of `id` as number `at`; one without a group is number 0 of its own.
    #[must_use]
    pub fn member(&self, id: &SubstreamId, at: usize) -> Option<SubstreamId> {
        match self
            .groups
            .of(id)
            .and_then(|group| self.groups.0.get(group))
        {
            Some(group) => group.members.get(at).copied(),
            None => (at == 0).then_some(*id),
        }
    }

    /// Calls something of a substream while the other members of its group are with it. Nothing else of the card's
    /// substreams may be touched meanwhile, and no link be made or broken.
    pub fn together<T>(
        &mut self,
        id: &SubstreamId,
        now: &Now,
        what: impl FnOnce(&mut Card) -> T,
    ) -> T {
        let Some(at) = self.groups.of(id) else {
            return what(self);
        };
        self.gather(at, id, now);
        let result = what(self);
        self.scatter(at, id);
        result
    }

    fn gather(&mut self, at: usize, id: &SubstreamId, now: &Now) {
        let (members, mut lent) = self.borrow_group(at);
        self.swap_others(&members, id, &mut lent);
        let place = members.iter().position(|member| member == id);
        if let Some(substream) = self.substream_mut(id) {
            substream.gather(lent, place.unwrap_or(0), now);
        }
        self.return_group(at, members, Vec::new());
    }

    fn scatter(&mut self, at: usize, id: &SubstreamId) {
        let (members, _) = self.borrow_group(at);
        let mut lent = self
            .substream_mut(id)
            .map(Substream::scatter)
            .unwrap_or_default();
        self.swap_others(&members, id, &mut lent);
        self.return_group(at, members, lent);
    }

    /// Every member but `id` changes places with what is in `lent`.
    fn swap_others(&mut self, members: &[SubstreamId], id: &SubstreamId, lent: &mut [Substream]) {
        let others = members.iter().filter(|member| *member != id);
        for (other, place) in others.zip(lent) {
            if let Some(substream) = self.substream_mut(other) {
                std::mem::swap(substream, place);
            }
        }
    }

    fn borrow_group(&mut self, at: usize) -> (Vec<SubstreamId>, Vec<Substream>) {
        let group = self.groups.0.get_mut(at).map(std::mem::take);
        group.map_or_else(Default::default, |group| (group.members, group.absent))
    }

    fn return_group(&mut self, at: usize, members: Vec<SubstreamId>, absent: Vec<Substream>) {
        if let Some(group) = self.groups.0.get_mut(at) {
            *group = Group { members, absent };
        }
    }
}
