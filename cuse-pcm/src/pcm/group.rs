//! A stream's group: the members that start, stop and pause with it (§9.1).
//!
//! Who is linked to whom is the card's knowledge. For the time of one call it lends the others to the member that is
//! called; without them every stream is a group of one.

use hw_backends::dma::Ring;
use hw_backends::hardware::Hardware;
use hw_backends::ops::{PcmOps, Pointer, Trigger, View};
use hw_backends::params::Params;
use hw_backends::units::{Direction, Nanos, Now};
use uapi::Errno;
use uapi::pcm::State;

use super::Substream;
use super::action::{self, Action};

/// The other members, while they are here.
#[derive(Debug, Default)]
pub(super) struct Peers {
    /// In the order in which they joined.
    others: Vec<Substream>,
    /// Where among them this one joined.
    place: usize,
}

/// All members of a group, in the order in which they joined.
#[derive(Debug)]
pub(super) struct Members<'a> {
    own: &'a mut Substream,
    others: &'a mut [Substream],
    place: usize,
}

impl Members<'_> {
    pub(super) fn len(&self) -> usize {
        self.others.len().saturating_add(1)
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Substream> {
        if at == self.place {
            return Some(self.own);
        }
        let skipped = usize::from(at > self.place);
        self.others.get_mut(at.saturating_sub(skipped))
    }
}

impl Substream {
    /// The others of its group come to it, in the order in which they joined; it joined as number `place`. To be ended by
    /// [`scatter`](Substream::scatter) when the call is over.
    pub fn gather(&mut self, others: Vec<Substream>, place: usize, now: &Now) {
        let place = place.min(others.len());
        self.peers = Peers { others, place };
        let mut refused = false;
        for peer in &mut self.peers.others {
            let before = peer.state();
            peer.read_control(Some(now));
            refused |= peer.state() != before;
        }
        if refused {
            // A device that would not hear of a move has stopped with an xrun: it was alone, the others follow.
            self.operation(now, |s| s.stop(State::Xrun, now));
        }
    }

    /// The others go back to where they came from.
    pub fn scatter(&mut self) -> Vec<Substream> {
        let Peers { mut others, .. } = std::mem::take(&mut self.peers);
        others.iter_mut().for_each(Substream::publish);
        others
    }

    /// What stands in the place of a substream that was lent: open, and nothing else.
    #[must_use]
    pub fn absent(direction: Direction) -> Substream {
        let mut absent = Substream::new(Box::new(Absent), direction);
        absent.open = true;
        absent
    }

    /// Applies an action to the whole group, or to nobody.
    ///
    /// # Errors
    /// As [`apply`](action::apply).
    pub(super) fn act(&mut self, action: &impl Action, now: &Now) -> Result<(), Errno> {
        let Peers { mut others, place } = std::mem::take(&mut self.peers);
        let mut members = Members {
            own: self,
            others: &mut others,
            place,
        };
        let result = action::apply(action, &mut members, now);
        self.peers = Peers { others, place };
        result
    }

    /// Applies an action to this member alone.
    ///
    /// # Errors
    /// As [`apply`](action::apply).
    pub(super) fn act_alone(&mut self, action: &impl Action, now: &Now) -> Result<(), Errno> {
        let mut members = Members {
            own: self,
            others: &mut [],
            place: 0,
        };
        action::apply(action, &mut members, now)
    }

    /// The member that is first in the order of joining and for which `which` holds.
    pub(super) fn find_member(
        &self,
        which: impl Fn(&Substream) -> bool,
    ) -> Option<(usize, &Substream)> {
        let Peers { others, place } = &self.peers;
        let before = others.iter().take(*place);
        let after = others.iter().skip(*place);
        let mut members = before.chain(std::iter::once(self)).chain(after).enumerate();
        members.find(|(_, member)| which(member))
    }
}

/// A device that is elsewhere. Nobody asks it.
#[derive(Debug)]
struct Absent;

impl PcmOps for Absent {
    fn hardware(&self) -> Hardware {
        hw_backends::null::hardware()
    }

    fn open(&mut self) -> Result<(), Errno> {
        Err(Errno::ENODEV)
    }

    fn close(&mut self) {}

    fn hw_params(&mut self, _: &Params, _: &Ring, _: bool) -> Result<(), Errno> {
        Err(Errno::ENODEV)
    }

    fn hw_free(&mut self) {}

    fn prepare(&mut self) -> Result<(), Errno> {
        Err(Errno::ENODEV)
    }

    fn trigger(&mut self, _: Trigger, _: &View, _: &Now) -> Result<(), Errno> {
        Err(Errno::ENODEV)
    }

    fn pointer(&mut self, _: &View, _: &Now) -> Pointer {
        Pointer::At(0)
    }

    fn next_event(&self, _: &View) -> Option<Nanos> {
        None
    }
}
