//! Which substreams are linked (§9.1), within the card and across cards.
//!
//! A group lies with the card of its first member. To look at a group that spans cards, and to call something of one of
//! its members, the other cards have to be [lent](Card::lend) to the called one.

use std::sync::atomic::{AtomicU64, Ordering};

use hw_backends::units::Now;
use uapi::Errno;
use uapi::pcm::State;

use super::{Card, PcmDevice, SubstreamId};
use crate::pcm::Substream;

/// Tells a card from every other one of the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CardKey(u64);

impl CardKey {
    /// One that no other card has.
    pub(super) fn fresh() -> CardKey {
        static LAST: AtomicU64 = AtomicU64::new(0);
        CardKey(LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1))
    }
}

/// A substream of some card, as a group names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Member {
    /// The card.
    pub card: CardKey,
    /// Which one of the card's.
    pub substream: SubstreamId,
}

/// The groups that lie with a card. A substream is in one at most, and none has fewer than two members.
#[derive(Debug, Default)]
pub(super) struct Groups {
    all: Vec<Group>,
    /// A link was made since it was last asked.
    made: bool,
    /// A link was broken since it was last asked.
    broken: bool,
}

/// Substreams that start and stop together.
#[derive(Debug, Default)]
struct Group {
    /// In the order in which they joined.
    members: Vec<Member>,
    /// One for every member but one: takes the place of a member that is lent to another one.
    absent: Vec<Substream>,
}

impl Groups {
    fn of(&self, member: &Member) -> Option<usize> {
        self.all
            .iter()
            .position(|group| group.members.contains(member))
    }
}

impl Card {
    /// What the card is called among all cards of the program.
    #[must_use]
    pub fn key(&self) -> CardKey {
        self.key
    }

    /// How groups call this substream.
    #[must_use]
    pub fn own(&self, id: &SubstreamId) -> Member {
        Member {
            card: self.key,
            substream: *id,
        }
    }

    /// The other card comes along, with its groups, until [`Card::give_back`].
    pub fn lend(&mut self, mut other: Card) {
        self.groups.all.append(&mut other.groups.all);
        self.groups.made |= std::mem::take(&mut other.groups.made);
        self.groups.broken |= std::mem::take(&mut other.groups.broken);
        self.beside.push(other);
    }

    /// The card that was lent last, with the groups that lie with it.
    pub fn give_back(&mut self) -> Option<Card> {
        let mut other = self.beside.pop()?;
        let mut at = 0;
        while let Some(group) = self.groups.all.get(at) {
            if group.members.first().is_some_and(|m| m.card == other.key) {
                other.groups.all.push(self.groups.all.swap_remove(at));
            } else {
                at = at.saturating_add(1);
            }
        }
        Some(other)
    }

    /// Whether other cards are lent to it.
    #[must_use]
    pub fn in_company(&self) -> bool {
        !self.beside.is_empty()
    }

    /// Whether somebody who waits may have to look again: for a substream, or for a group.
    #[must_use]
    pub fn stirs(&self) -> bool {
        self.groups.made || self.groups.broken || self.open_substreams().any(|(_, s)| s.stirs())
    }

    /// Whether a link was made since this was last asked.
    pub fn take_links_made(&mut self) -> bool {
        std::mem::take(&mut self.groups.made)
    }

    /// Whether a link was broken since this was last asked.
    pub fn take_links_broken(&mut self) -> bool {
        std::mem::take(&mut self.groups.broken)
    }

    /// Which cards the groups that lie with this one tie together: the first member's card, and another one.
    pub fn ties(&self) -> impl Iterator<Item = (CardKey, CardKey)> {
        self.groups.all.iter().flat_map(|group| {
            let first = group.members.first().map(|first| first.card);
            let others = group.members.iter().map(|member| member.card);
            first
                .into_iter()
                .flat_map(move |first| others.clone().map(move |other| (first, other)))
        })
    }

    fn at(&self, member: &Member) -> Option<&Substream> {
        if member.card == self.key {
            return self.substream(&member.substream);
        }
        let other = self.beside.iter().find(|card| card.key == member.card);
        other?.substream(&member.substream)
    }

    fn at_mut(&mut self, member: &Member) -> Option<&mut Substream> {
        if member.card == self.key {
            return self.substream_mut(&member.substream);
        }
        let other = self.beside.iter_mut().find(|card| card.key == member.card);
        other?.substream_mut(&member.substream)
    }

    /// LINK: `target` joins the group of `caller`, which may have none yet.
    ///
    /// # Errors
    /// In this order. EINVAL: they are the same. EBADFD: `caller` is OPEN, or their states differ, or `target`'s card is
    /// not here. EALREADY: `target` is in a group.
    pub fn link(&mut self, caller: &SubstreamId, target: &Member) -> Result<(), Errno> {
        let caller = self.own(caller);
        if caller == *target {
            return Err(Errno::EINVAL);
        }
        let state = |member| self.at(member).map(Substream::state);
        let states = (state(&caller), state(target));
        if states.0 == Some(State::Open) || states.0 != states.1 || states.0.is_none() {
            return Err(Errno::EBADFD);
        }
        if self.groups.of(target).is_some() {
            return Err(Errno::EALREADY);
        }
        let at = self.groups.of(&caller).unwrap_or_else(|| {
            let members = vec![caller];
            let absent = Vec::new();
            self.groups.all.push(Group { members, absent });
            self.groups.all.len().saturating_sub(1)
        });
        if let Some(group) = self.groups.all.get_mut(at) {
            group.members.push(*target);
            group
                .absent
                .push(Substream::absent(target.substream.direction));
        }
        self.groups.made = true;
        Ok(())
    }

    /// UNLINK: leaves its group. One that remains alone is in no group any more. Whoever waits for a member looks again.
    ///
    /// # Errors
    /// EALREADY: it is in none.
    pub fn unlink(&mut self, id: &SubstreamId) -> Result<(), Errno> {
        let own = self.own(id);
        let at = self.groups.of(&own).ok_or(Errno::EALREADY)?;
        let group = self.groups.all.get_mut(at).ok_or(Errno::EALREADY)?;
        group.members.retain(|member| *member != own);
        group.absent.pop();
        if group.members.len() < 2 {
            self.groups.all.remove(at);
        }
        self.groups.broken = true;
        Ok(())
    }

    /// UNLINK of everything: nothing of this card is in a group any more.
    pub fn unlink_all(&mut self) {
        let all = self.devices.iter().flat_map(PcmDevice::all);
        let linked: Vec<_> = all.map(|(id, _)| id).filter(|id| self.linked(id)).collect();
        for id in linked {
            let _ = self.unlink(&id);
        }
    }

    /// Whether it is linked.
    #[must_use]
    pub fn linked(&self, id: &SubstreamId) -> bool {
        self.groups.of(&self.own(id)).is_some()
    }

    /// The member that joined the group of `id` as number `at`; one without a group is number 0 of its own.
    #[must_use]
    pub fn member(&self, id: &SubstreamId, at: usize) -> Option<Member> {
        let own = self.own(id);
        match self.groups.of(&own).and_then(|of| self.groups.all.get(of)) {
            Some(group) => group.members.get(at).copied(),
            None => (at == 0).then_some(own),
        }
    }

    /// Calls something of a substream while the other members of its group are with it. Nothing else of the substreams
    /// may be touched meanwhile, and no link be made or broken.
    pub fn together<T>(
        &mut self,
        id: &SubstreamId,
        now: &Now,
        what: impl FnOnce(&mut Card) -> T,
    ) -> T {
        let own = self.own(id);
        let Some(at) = self.groups.of(&own) else {
            return what(self);
        };
        self.gather(at, &own, now);
        let result = what(self);
        self.scatter(at, &own);
        result
    }

    fn gather(&mut self, at: usize, own: &Member, now: &Now) {
        let (members, mut lent) = self.borrow_group(at);
        self.swap_others(&members, own, &mut lent);
        let place = members.iter().position(|member| member == own);
        if let Some(substream) = self.at_mut(own) {
            substream.gather(lent, place.unwrap_or(0), now);
        }
        self.return_group(at, members, Vec::new());
    }

    fn scatter(&mut self, at: usize, own: &Member) {
        let (members, _) = self.borrow_group(at);
        let mut lent = self.at_mut(own).map(Substream::scatter).unwrap_or_default();
        self.swap_others(&members, own, &mut lent);
        self.return_group(at, members, lent);
    }

    /// Every member but `own` changes places with what is in `lent`.
    fn swap_others(&mut self, members: &[Member], own: &Member, lent: &mut [Substream]) {
        let others = members.iter().filter(|member| *member != own);
        for (other, place) in others.zip(lent) {
            if let Some(substream) = self.at_mut(other) {
                std::mem::swap(substream, place);
            }
        }
    }

    fn borrow_group(&mut self, at: usize) -> (Vec<Member>, Vec<Substream>) {
        let group = self.groups.all.get_mut(at).map(std::mem::take);
        group.map_or_else(Default::default, |group| (group.members, group.absent))
    }

    fn return_group(&mut self, at: usize, members: Vec<Member>, absent: Vec<Substream>) {
        if let Some(group) = self.groups.all.get_mut(at) {
            *group = Group { members, absent };
        }
    }
}
