//! How a device's position moves: by the clock, or as fast as its client can.
//!
//! Knows positions, thresholds and times; moves no data.

use crate::ops::{Trigger, View};
use crate::pace::Pace;
use crate::params::Params;
use crate::units::{Direction, Nanos};

/// How often a free-running device that can make no progress looks again, for want of its client or of a file.
pub const SLOW_POLL: Nanos = Nanos(1_000_000);

/// What sets the speed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Speed {
    /// The nominal rate.
    #[default]
    Real,
    /// The client: playback takes what is written, capture gives what there is room for. Never makes an xrun.
    Free,
}

/// The motion of one substream between `prepare` and `hw_free`.
#[derive(Clone, Copy, Debug)]
pub struct Drive {
    direction: Direction,
    speed: Speed,
    pace: Pace,
    period: u64,
    buffer: u64,
    /// Last reported position, frames.
    position: u64,
    /// When the drive was last asked.
    last: Nanos,
    /// What it answered then, frames.
    aimed: u64,
    /// Nothing came of that: something other than the client holds the device up.
    held_up: bool,
}

impl Drive {
    /// A drive that stands at 0.
    #[must_use]
    pub fn new(direction: Direction, speed: Speed) -> Drive {
        Drive {
            direction,
            speed,
            pace: Pace::new(1),
            period: 1,
            buffer: 1,
            position: 0,
            last: Nanos::default(),
            aimed: 0,
            held_up: false,
        }
    }

    /// New parameters; stands at 0.
    pub fn configure(&mut self, params: &Params) {
        self.pace = Pace::new(params.rate);
        self.period = params.period_size.max(1);
        self.buffer = params.buffer_size.max(1);
        self.reset();
    }

    /// Back to 0, standing.
    pub fn reset(&mut self) {
        self.pace.reset();
        self.position = 0;
        self.aimed = 0;
        self.held_up = false;
    }

    /// Starts, freezes or goes on.
    pub fn trigger(&mut self, trigger: Trigger, now: Nanos) {
        self.last = now;
        match trigger {
            Trigger::Start | Trigger::PauseRelease | Trigger::Resume => self.pace.start(now),
            Trigger::Stop | Trigger::PausePush | Trigger::Suspend => self.pace.stop(now),
            Trigger::Drain => {}
        }
    }

    /// Whether it moves.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.pace.is_running()
    }

    /// Runs at `shift`/100000 of the rate.
    pub fn set_shift(&mut self, shift: u32, now: Nanos) {
        self.pace.set_shift(shift, now);
    }

    /// Last settled position, frames.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Where the device would be at `now` if nothing held it up, frames; never behind the last settled position.
    /// A draining playback ends at its last written frame.
    pub fn target(&mut self, view: &View, now: Nanos) -> u64 {
        self.last = now;
        self.aimed = self.aim(view, now);
        self.aimed
    }

    /// As [`target`](Self::target), asked by somebody else than the substream's own client: leaves no trace.
    #[must_use]
    pub fn aim(&self, view: &View, now: Nanos) -> u64 {
        let target = match self.speed {
            Speed::Real => self.pace.position(now),
            Speed::Free if self.is_running() => self.free_limit(view),
            Speed::Free => self.position,
        };
        let target = if self.plays_out(view) {
            target.min(view.appl)
        } else {
            target
        };
        target.max(self.position)
    }

    /// Of the frames up to `target`, those that carry something: a playback that is about to run dry, or drains, has
    /// nothing after `appl`; one that may never run dry repeats what is in the ring, as hardware does.
    #[must_use]
    pub fn filled(&self, view: &View, target: u64) -> u64 {
        let avail = target.saturating_add(self.buffer).saturating_sub(view.appl);
        if view.draining || avail >= view.stop_threshold {
            target.min(view.appl)
        } else {
            target
        }
    }

    /// Reports `position`. It never goes back.
    pub fn settle(&mut self, position: u64) -> u64 {
        let before = self.position;
        self.position = before.max(position);
        self.held_up = self.position == before && self.aimed > before;
        self.position
    }

    /// When the next period will have elapsed, or the drain will have ended; `None` while standing.
    #[must_use]
    pub fn next_event(&self, view: &View) -> Option<Nanos> {
        if !self.is_running() {
            return None;
        }
        if self.speed == Speed::Free {
            let moves = self.free_limit(view) > self.position;
            return Some(if moves && !self.held_up {
                self.last
            } else {
                self.last.after(SLOW_POLL)
            });
        }
        let mut frames = (self.position / self.period)
            .saturating_add(1)
            .saturating_mul(self.period);
        if self.plays_out(view) {
            frames = frames.min(view.appl);
        }
        let deadline = self.pace.deadline(frames)?;
        // Due already, yet asked after it: something holds the device up. Look again soon.
        Some(if deadline <= self.last {
            self.last.after(SLOW_POLL)
        } else {
            deadline
        })
    }

    fn plays_out(&self, view: &View) -> bool {
        view.draining && self.direction == Direction::Playback
    }

    /// The farthest position that makes no xrun.
    fn free_limit(&self, view: &View) -> u64 {
        let room = view.stop_threshold.saturating_sub(1);
        match self.direction {
            Direction::Playback if view.draining => view.appl,
            // avail = position + buffer - appl stays below stop_threshold, and nothing unwritten is taken.
            Direction::Playback => view
                .appl
                .min(view.appl.saturating_add(room).saturating_sub(self.buffer)),
            Direction::Capture => view.appl.saturating_add(room.min(self.buffer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_device_that_something_holds_up_does_not_look_again_at_once() {
        let mut drive = Drive::new(Direction::Playback, Speed::Free);
        let view = View {
            appl: 1000,
            stop_threshold: u64::MAX,
            ..View::default()
        };
        let (start, now) = (Nanos(5), Nanos(7));
        drive.trigger(Trigger::Start, start);
        assert_eq!(drive.next_event(&view), Some(start));

        assert_eq!(drive.target(&view, now), 1000);
        drive.settle(400);
        assert_eq!(drive.next_event(&view), Some(now), "it makes progress");
        drive.target(&view, now);
        drive.settle(400);
        assert_eq!(drive.next_event(&view), Some(now.after(SLOW_POLL)));

        drive.target(&view, now);
        drive.settle(1000);
        let more = View { appl: 2000, ..view };
        assert_eq!(drive.next_event(&more), Some(now));
    }
}
