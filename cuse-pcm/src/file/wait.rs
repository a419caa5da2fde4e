//! Requests that wait for their answer: transfers, drains, blocking opens.
//!
//! Blocking is data, not a thread: a parked request keeps its reply and its progress. It goes on at a wake-up of its
//! substream and ends by success, its time-out, a signal, the release of its file or the card's removal.

use std::sync::Arc;

use hw_backends::units::{Nanos, Now};
use uapi::Errno;
use uapi::pcm::State;

use super::open::Opening;
use super::pcm_transfer::Pending;
use crate::card::{Card, CardKey, Member, SubstreamId};
use crate::pcm::Substream;
use crate::request::{Answer, ClientMemory, FileHandle, Node, Reply, RequestId};

/// How many signals are remembered that came before their request had to wait.
const EARLY: usize = 16;
/// How long others come first.
const YIELD: Nanos = Nanos(1_000_000);
/// How long a paused stream's transfer sleeps before it looks again.
const PAUSED_SLEEP: Nanos = Nanos(100_000_000);

/// What a parked request waits for.
#[derive(Debug)]
pub(crate) enum Work {
    /// Space or data.
    Transfer(Pending),
    /// The end of the last period.
    Drain(Draining),
    /// A free substream.
    Open(Opening),
    /// An event, to be read with so many bytes of room.
    ControlRead(usize),
}

/// A drain that waits for its group (§6.10).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draining {
    /// Whose drain it is.
    substream: SubstreamId,
    /// The member it sleeps on.
    watched: Member,
    /// Longest sleep without a wake-up of that member, a length.
    timeout: Option<Nanos>,
}

impl Draining {
    /// The drain of a substream, whose group is with it.
    pub(crate) fn of(substream: SubstreamId, card: &Card) -> Draining {
        let watch = card.substream(&substream).and_then(Substream::playing_out);
        let (watched, timeout) = match watch {
            Some((at, timeout)) => (card.member(&substream, at), timeout),
            None => (None, None),
        };
        Draining {
            substream,
            watched: watched.unwrap_or_else(|| card.own(&substream)),
            timeout,
        }
    }
}

/// A request that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// The file it came through; an open has none yet.
    pub(crate) file: Option<FileHandle>,
    /// Its answer.
    pub(crate) reply: Reply,
    /// Its caller's memory.
    pub(crate) memory: Arc<dyn ClientMemory>,
    /// What it waits for.
    pub(crate) work: Work,
}

/// How a request goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It waits, at most for this length.
    Waits(Option<Nanos>),
    /// It could go on, but others come first.
    Yields,
    /// It is over; a transfer's frames.
    Done(Result<u64, Errno>),
}

impl Waiting {
    /// The substream it belongs to.
    fn substream(&self) -> Option<SubstreamId> {
        match &self.work {
            Work::Transfer(pending) => Some(pending.substream),
            Work::Drain(draining) => Some(draining.substream),
            Work::Open(_) | Work::ControlRead(_) => None,
        }
    }

    /// Whether it looks again when something changed on this substream; its own card is `card`.
    fn woken_by(&self, changed: &Member, card: CardKey) -> bool {
        match &self.work {
            Work::Drain(draining) if draining.watched == *changed => true,
            _ => changed.card == card && self.substream() == Some(changed.substream),
        }
    }
}

#[derive(Debug)]
struct Slot {
    waiting: Waiting,
    deadline: Option<Nanos>,
}

impl Slot {
    fn sleep(&mut self, timeout: Option<Nanos>, now: &Now) {
        self.deadline = timeout.map(|t| now.monotonic.after(t));
    }
}

/// All requests that wait, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Parked {
    slots: Vec<Slot>,
    /// Signals whose request was not waiting (yet), the oldest overwritten first.
    early: [Option<RequestId>; EARLY],
    next_early: usize,
}

impl Parked {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The earliest time-out.
    pub(crate) fn next_deadline(&self) -> Option<Nanos> {
        self.slots.iter().filter_map(|slot| slot.deadline).min()
    }

    /// Lets a request wait, at most for the length `timeout` (a yielding transfer: for a short while). A signal that came early ends it at once.
    pub(crate) fn park(
        &mut self,
        waiting: Waiting,
        timeout: Option<Nanos>,
        card: &mut Card,
        now: &Now,
    ) {
        let id = waiting.reply.id();
        if let Some(signal) = self.early.iter_mut().find(|signal| **signal == Some(id)) {
            *signal = None;
            return interrupted(waiting, card, now);
        }
        let timeout = match &waiting.work {
            Work::Transfer(pending) if pending.yielded => Some(YIELD),
            _ => timeout,
        };
        self.slots.push(Slot {
            waiting,
            deadline: timeout.map(|t| now.monotonic.after(t)),
        });
    }

    /// A signal came for the caller of a request.
    pub(crate) fn interrupt(&mut self, card: &mut Card, of: RequestId, now: &Now) {
        match self
            .slots
            .iter()
            .position(|slot| slot.waiting.reply.id() == of)
        {
            Some(at) => interrupted(self.slots.remove(at).waiting, card, now),
            None => {
                if let Some(place) = self.early.get_mut(self.next_early) {
                    *place = Some(of);
                }
                self.next_early = self.next_early.wrapping_add(1) % EARLY;
            }
        }
    }

    /// Something changed on a substream: whoever waits for it looks again.
    pub(crate) fn wake(&mut self, card: &mut Card, changed: &Member, now: &Now) {
        let key = card.key();
        self.look(card, now, |waiting| waiting.woken_by(changed, key));
    }

    /// A group is no longer what it was: whoever waits for one looks again.
    pub(crate) fn regroup(&mut self, card: &mut Card, now: &Now) {
        self.look(card, now, |waiting| matches!(waiting.work, Work::Drain(_)));
    }

    fn look(&mut self, card: &mut Card, now: &Now, which: impl Fn(&Waiting) -> bool) {
        let mut at = 0;
        while let Some(slot) = self.slots.get_mut(at) {
            if !which(&slot.waiting) {
                at = at.saturating_add(1);
                continue;
            }
            let timeout = match look_again(&mut slot.waiting, card, now) {
                Next::Done(result) => {
                    finish(self.slots.remove(at).waiting, result);
                    continue;
                }
                Next::Waits(timeout) => timeout,
                Next::Yields => Some(YIELD),
            };
            slot.sleep(timeout, now);
            at = at.saturating_add(1);
        }
    }

    /// Ends whatever has waited too long (§6.10, §7.3).
    pub(crate) fn time_out(&mut self, card: &mut Card, now: &Now) {
        let mut at = 0;
        while let Some(slot) = self.slots.get_mut(at) {
            if slot
                .deadline
                .is_none_or(|deadline| deadline > now.monotonic)
            {
                at = at.saturating_add(1);
                continue;
            }
            match too_late(&mut slot.waiting, card, now) {
                Late::Again(timeout) => {
                    slot.sleep(timeout, now);
                    at = at.saturating_add(1);
                }
                Late::End(cause) => end(self.slots.remove(at).waiting, card, cause, now),
                Late::Finish(result) => finish(self.slots.remove(at).waiting, result),
            }
        }
    }

    /// A file is closed: nothing that came through it waits any more.
    pub(crate) fn end_file(&mut self, card: &mut Card, file: FileHandle, cause: Errno, now: &Now) {
        for waiting in self.extract(|waiting| waiting.file == Some(file)) {
            end(waiting, card, cause, now);
        }
    }

    /// The card is gone (§3.6).
    pub(crate) fn disconnect(&mut self, card: &mut Card, now: &Now) {
        for Slot { waiting, .. } in std::mem::take(&mut self.slots) {
            let cause = match waiting.work {
                Work::Transfer(_) => Errno::EBADFD,
                Work::Drain(..) | Work::Open(_) | Work::ControlRead(_) => Errno::ENODEV,
            };
            end(waiting, card, cause, now);
        }
    }

    /// Takes out the opens that wait for a substream of a PCM device.
    pub(crate) fn take_openers(&mut self, device: u32) -> Vec<Waiting> {
        self.extract(|waiting| match &waiting.work {
            Work::Open(opening) => {
                matches!(opening.node, Node::Pcm { device: waited, .. } if waited == device)
            }
            _ => false,
        })
    }

    /// Takes out the reads that wait for an event of a control file.
    pub(crate) fn take_readers(&mut self, file: FileHandle) -> Vec<Waiting> {
        self.extract(|waiting| {
            waiting.file == Some(file) && matches!(waiting.work, Work::ControlRead(_))
        })
    }

    fn extract(&mut self, mut which: impl FnMut(&Waiting) -> bool) -> Vec<Waiting> {
        let mut out = Vec::new();
        let mut at = 0;
        while let Some(slot) = self.slots.get(at) {
            if which(&slot.waiting) {
                out.push(self.slots.remove(at).waiting);
            } else {
                at = at.saturating_add(1);
            }
        }
        out
    }
}

/// After a wake-up.
fn look_again(waiting: &mut Waiting, card: &mut Card, now: &Now) -> Next {
    let Some(id) = waiting.substream() else {
        return Next::Waits(None);
    };
    card.together(&id, now, |card| {
        match (&mut waiting.work, card.substream_mut(&id)) {
            (Work::Transfer(pending), Some(substream)) => {
                pending.run(substream, &*waiting.memory, now)
            }
            (Work::Drain(draining), Some(substream)) => match substream.drain_state(false, now) {
                Some(result) => Next::Done(result.map(|()| 0)),
                None => {
                    *draining = Draining::of(id, card);
                    Next::Waits(draining.timeout)
                }
            },
            _ => Next::Waits(None),
        }
    })
}

/// What a time-out means.
enum Late {
    /// Nothing yet; the next time-out is a length.
    Again(Option<Nanos>),
    End(Errno),
    Finish(Result<u64, Errno>),
}

/// After its time-out.
fn too_late(waiting: &mut Waiting, card: &mut Card, now: &Now) -> Late {
    match waiting.substream() {
        Some(id) => card.together(&id, now, |card| late(waiting, card.substream_mut(&id), now)),
        None => Late::End(Errno::EIO),
    }
}

fn late(waiting: &mut Waiting, substream: Option<&mut Substream>, now: &Now) -> Late {
    match (&mut waiting.work, substream) {
        (Work::Transfer(pending), Some(substream)) if pending.yielded => {
            match pending.run(substream, &*waiting.memory, now) {
                Next::Yields => Late::Again(Some(YIELD)),
                Next::Waits(timeout) => Late::Again(timeout),
                Next::Done(result) => Late::Finish(result),
            }
        }
        (Work::Transfer(_), Some(substream)) if substream.state() == State::Paused => {
            Late::Again(Some(PAUSED_SLEEP))
        }
        (Work::Drain(draining), Some(substream)) => match substream.drain_state(true, now) {
            None => Late::Again(draining.timeout),
            Some(Err(errno)) => Late::End(errno),
            Some(Ok(())) => Late::Finish(Ok(0)),
        },
        _ => Late::End(Errno::EIO),
    }
}

/// Ends a request from outside. A transfer's partial count wins over the cause.
fn end(waiting: Waiting, card: &mut Card, cause: Errno, now: &Now) {
    let Waiting {
        reply,
        memory,
        work,
        ..
    } = waiting;
    match work {
        Work::Transfer(pending) => {
            let Pending {
                substream,
                transfer,
                samples,
                answer,
                yielded: _,
            } = pending;
            let result = match card.substream_mut(&substream) {
                Some(substream) => substream.end_transfer(transfer, cause, now),
                None => Err(cause),
            };
            answer.send(result, samples.collected(), reply, &*memory);
        }
        Work::Drain(..) => reply.fail(cause),
        Work::Open(_) | Work::ControlRead(_) => reply.fail(without_restart(cause)),
    }
}

/// A signal's answer. Only an ioctl's answer can carry "restart the call" to the kernel (§14.3).
pub(crate) fn without_restart(errno: Errno) -> Errno {
    if errno == Errno::ERESTARTSYS {
        Errno::EINTR
    } else {
        errno
    }
}

fn interrupted(waiting: Waiting, card: &mut Card, now: &Now) {
    end(waiting, card, Errno::ERESTARTSYS, now);
}

fn finish(waiting: Waiting, result: Result<u64, Errno>) {
    let Waiting {
        reply,
        memory,
        work,
        ..
    } = waiting;
    match work {
        Work::Transfer(Pending {
            samples, answer, ..
        }) => {
            answer.send(result, samples.collected(), reply, &*memory);
        }
        Work::Drain(..) => reply.send(&Answer::Ioctl(result.map(|_| 0), &[])),
        Work::Open(_) | Work::ControlRead(_) => reply.fail(Errno::EIO),
    }
}
