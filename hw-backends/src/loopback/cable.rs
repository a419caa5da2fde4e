//! What the two ends of a cable share.
//!
//! Both ends run at the same speed, so their positions differ by a constant D, up to rounding. The capture's ring is
//! written `ceil(D)` behind the played position: then each end has its frames when its own position says so, and neither
//! waits for the other's rounding. What is written is at most one frame ahead of the capture's position.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uapi::Errno;

use crate::dma::Ring;
use crate::drive::{Drive, Speed};
use crate::frames::Frames;
use crate::gain::Gain;
use crate::ops::{Pointer, Trigger, View};
use crate::pace::NOMINAL;
use crate::params::Params;
use crate::units::{Direction, Nanos};

/// What both ends must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// Format number.
    pub(super) format: u32,
    /// Channels.
    pub(super) channels: u32,
    /// Rate, Hz.
    pub(super) rate: u32,
}

/// A cable with two ends. Its lock is held for moments, under the card's lock or not.
#[derive(Debug)]
pub(super) struct Cable {
    ends: Mutex<Ends>,
    shift: Arc<AtomicU32>,
}

impl Default for Cable {
    fn default() -> Cable {
        let ends = Ends {
            player: Side::new(Direction::Playback),
            recorder: Side::new(Direction::Capture),
        };
        Cable {
            ends: Mutex::new(ends),
            shift: Arc::new(AtomicU32::new(NOMINAL)),
        }
    }
}

#[derive(Debug)]
struct Ends {
    player: Side,
    recorder: Side,
}

/// One end.
#[derive(Debug)]
struct Side {
    open: bool,
    /// Set by `prepare`, kept until both ends are closed: the other end can be nothing else.
    pinned: Option<Kind>,
    setup: Option<Setup>,
    drive: Drive,
    /// Player: frames taken from its ring. Recorder: frames written to its ring. Since `prepare`.
    done: u64,
    /// The client's position as last seen.
    view: View,
    /// The other end started in other parameters: this one cannot go on.
    broken: bool,
}

#[derive(Debug)]
struct Setup {
    kind: Kind,
    frames: Frames,
    gain: Arc<Gain>,
}

impl Side {
    fn new(direction: Direction) -> Side {
        Side {
            open: false,
            pinned: None,
            setup: None,
            drive: Drive::new(direction, Speed::Real),
            done: 0,
            view: View::default(),
            broken: false,
        }
    }

    fn reset(&mut self) {
        self.drive.reset();
        self.done = 0;
        self.view = View::default();
        self.broken = false;
    }

    fn kind(&self) -> Option<Kind> {
        self.setup.as_ref().map(|setup| setup.kind)
    }
}

impl Cable {
    /// What shifts the rate of both ends.
    pub(super) fn shift(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.shift)
    }

    /// What an end is held to by the other one.
    pub(super) fn pinned_for(&self, direction: Direction) -> Option<Kind> {
        self.lock().split(direction).1.pinned
    }

    pub(super) fn open(&self, direction: Direction) {
        self.lock().split(direction).0.open = true;
    }

    pub(super) fn close(&self, direction: Direction) {
        let mut ends = self.lock();
        let (own, other) = ends.split(direction);
        own.open = false;
        own.setup = None;
        own.reset();
        if !other.open {
            own.pinned = None;
            other.pinned = None;
        }
    }

    pub(super) fn configure(
        &self,
        direction: Direction,
        params: &Params,
        ring: &Ring,
        gain: &Arc<Gain>,
    ) -> Result<(), Errno> {
        let frames = Frames::new(params, ring)?;
        let kind = Kind {
            format: params.format,
            channels: params.channels,
            rate: params.rate,
        };
        let mut ends = self.lock();
        let (own, _) = ends.split(direction);
        own.reset();
        own.drive.configure(params);
        own.setup = Some(Setup {
            kind,
            frames,
            gain: Arc::clone(gain),
        });
        Ok(())
    }

    pub(super) fn free(&self, direction: Direction) {
        let mut ends = self.lock();
        let (own, _) = ends.split(direction);
        own.setup = None;
        own.reset();
    }

    pub(super) fn prepare(&self, direction: Direction) {
        let mut ends = self.lock();
        let (own, _) = ends.split(direction);
        own.reset();
        own.pinned = own.kind();
    }

    pub(super) fn trigger(
        &self,
        direction: Direction,
        trigger: Trigger,
        view: &View,
        now: Nanos,
    ) -> Result<(), Errno> {
        let mut ends = self.lock();
        ends.split(direction).0.view = *view;
        if trigger == Trigger::Start {
            ends.meet(direction)?;
        }
        ends.shift(self.shift.load(Relaxed), now);
        ends.advance(now);
        let begins = matches!(
            trigger,
            Trigger::Start | Trigger::PauseRelease | Trigger::Resume
        );
        if begins && !(direction == Direction::Capture && trigger == Trigger::Start) {
            ends.pad(direction, now);
        }
        ends.split(direction).0.drive.trigger(trigger, now);
        Ok(())
    }

    pub(super) fn pointer(&self, direction: Direction, view: &View, now: Nanos) -> Pointer {
        let mut ends = self.lock();
        ends.split(direction).0.view = *view;
        ends.shift(self.shift.load(Relaxed), now);
        ends.advance(now);
        let (own, _) = ends.split(direction);
        if own.broken {
            return Pointer::Xrun;
        }
        let target = own.drive.target(view, now);
        let position = match direction {
            // Run dry, the position goes on, so that the core finds the xrun.
            Direction::Playback if own.done >= own.drive.filled(view, target) => target,
            _ => own.done.min(target),
        };
        Pointer::At(own.drive.settle(position))
    }

    pub(super) fn look(&self, direction: Direction, view: &View) {
        self.lock().split(direction).0.view = *view;
    }

    pub(super) fn next_event(&self, direction: Direction, view: &View) -> Option<Nanos> {
        self.lock().split(direction).0.drive.next_event(view)
    }

    fn lock(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ends {
    /// An end, and the other one.
    fn split(&mut self, direction: Direction) -> (&mut Side, &mut Side) {
        match direction {
            Direction::Playback => (&mut self.player, &mut self.recorder),
            Direction::Capture => (&mut self.recorder, &mut self.player),
        }
    }

    /// An end starts. A recorder in other parameters than its player's is refused; a player breaks such a recorder.
    fn meet(&mut self, direction: Direction) -> Result<(), Errno> {
        let (own, other) = self.split(direction);
        let agree = match (own.kind(), other.kind()) {
            (Some(own), Some(other)) => own == other,
            (None, _) => return Err(Errno::EBADFD),
            (_, None) => true,
        };
        match direction {
            Direction::Capture if !agree => return Err(Errno::EIO),
            Direction::Playback if !agree && other.drive.is_running() => other.broken = true,
            _ => {}
        }
        Ok(())
    }

    fn shift(&mut self, shift: u32, now: Nanos) {
        self.player.drive.set_shift(shift, now);
        self.recorder.drive.set_shift(shift, now);
    }

    /// Both ends begin to run together, at any fraction of a frame: one frame of silence makes up for the rounding.
    fn pad(&mut self, direction: Direction, now: Nanos) {
        let Ends { player, recorder } = self;
        let joins = match direction {
            Direction::Playback => recorder.drive.is_running(),
            Direction::Capture => player.drive.is_running(),
        };
        let Some(setup) = recorder.setup.as_mut().filter(|_| joins) else {
            return;
        };
        if recorder.done <= recorder.drive.aim(&recorder.view, now) {
            setup.frames.silence(recorder.done, recorder.done + 1);
            recorder.done += 1;
        }
    }

    /// Moves the data up to `now`.
    fn advance(&mut self, now: Nanos) {
        let Ends { player, recorder } = self;
        let hears = recorder.drive.is_running() && recorder.setup.is_some();
        let position = recorder.drive.aim(&recorder.view, now);
        if player.drive.is_running() {
            let target = player.drive.aim(&player.view, now);
            let filled = player.drive.filled(&player.view, target).max(player.done);
            if !hears || recorder.kind() != player.kind() {
                player.done = filled;
            } else {
                let room = (position + 1).saturating_sub(recorder.done);
                let to = filled.min(player.done.saturating_add(room));
                carry(player, recorder, to);
                return;
            }
        }
        if hears && position > recorder.done {
            if let Some(setup) = &mut recorder.setup {
                setup.frames.silence(recorder.done, position);
            }
            recorder.done = position;
        }
    }
}

/// Carries the player's frames up to `to` over.
fn carry(player: &mut Side, recorder: &mut Side, to: u64) {
    let (Some(from), Some(into)) = (&mut player.setup, &mut recorder.setup) else {
        return;
    };
    let Kind {
        format, channels, ..
    } = from.kind;
    // After a long sleep only a ring's worth is there; what was before it is lost to both.
    let skipped = (to - player.done).saturating_sub(from.frames.buffer());
    into.frames.silence(recorder.done, recorder.done + skipped);
    let mut at = recorder.done + skipped;
    let frame = into.frames.frame_bytes();
    from.frames.take(player.done + skipped, to, |piece| {
        from.gain.apply(format, channels, piece);
        into.gain.apply(format, channels, piece);
        into.frames.store(at, piece);
        at += (piece.len() / frame) as u64;
    });
    player.done = to;
    recorder.done = at;
}
