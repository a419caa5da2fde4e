//! Where the device is: updates of the hardware pointer, and the check of the state that follows (§6.2, §6.3).
//!
//! A device's position only grows, so no wrap of the ring has to be guessed, and no update is ever ignored.

use hw_backends::ops::{Pointer, View};
use hw_backends::units::{Direction, Nanos, Now};
use uapi::Errno;
use uapi::pcm::State;

use super::Substream;
use super::position::{Position, signed};

/// What asks for the update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The device's deadline.
    Interrupt,
    /// A call of the client.
    Process,
}

impl Substream {
    /// Where the client stands, for the device.
    pub(super) fn view(&self) -> View {
        self.view_as(self.runtime.state() == State::Draining)
    }

    /// The same, with `draining` said.
    pub(super) fn view_as(&self, draining: bool) -> View {
        let rt = &self.runtime;
        let ahead = match self.direction {
            Direction::Playback => rt.hw_avail(Direction::Playback),
            Direction::Capture => signed(rt.avail(Direction::Capture)).saturating_neg(),
        };
        let never = rt.software.stop_threshold >= rt.extent.boundary;
        View {
            appl: rt.device_frames.saturating_add_signed(ahead),
            hw: rt.device_frames,
            draining: draining && self.direction == Direction::Playback,
            stop_threshold: if never {
                u64::MAX
            } else {
                rt.software.stop_threshold
            },
        }
    }

    /// Asks the device where it is, and draws every conclusion.
    ///
    /// # Errors
    /// EPIPE: this stopped the stream, by an xrun or by the end of a drain.
    pub(super) fn update_pointer(&mut self, cause: Cause, now: &Now) -> Result<(), Errno> {
        let view = self.view();
        let reported = match self.device.pointer(&view, now) {
            Pointer::At(frames) => frames,
            Pointer::Xrun => {
                self.declare_xrun(now);
                return Err(Errno::EPIPE);
            }
        };
        self.runtime.delay = self.device.delay(now);
        let read_at = self.runtime.clock(now);
        let odd = reported.checked_rem(self.runtime.min_align).unwrap_or(0);
        let reported = reported.saturating_sub(odd);
        let frames = reported.saturating_sub(self.runtime.device_frames);
        if frames == 0 {
            self.stamp(read_at);
            // A device that ends a drain at the last frame stands still there.
            if cause == Cause::Interrupt && self.drained() {
                return self.check_state(now);
            }
            return Ok(());
        }
        let (hw, wrapped) = self.runtime.hw.moved(frames, self.runtime.extent.boundary);
        self.silence_update(hw);
        self.install(hw, wrapped, reported);
        self.stamp(read_at);
        self.check_state(now)
    }

    fn install(&mut self, hw: Position, wrapped: u64, device_frames: u64) {
        let rt = &mut self.runtime;
        rt.hw = hw;
        rt.hw_wrap = rt.hw_wrap.wrapping_add(wrapped);
        rt.device_frames = device_frames;
    }

    fn drained(&self) -> bool {
        let rt = &self.runtime;
        rt.state() == State::Draining && rt.avail(self.direction) >= rt.extent.buffer
    }

    /// Renews the timestamps of the status page, if they are on (§6.6).
    fn stamp(&mut self, read_at: Nanos) {
        let direction = self.direction;
        let rt = &mut self.runtime;
        if !rt.software.tstamp {
            return;
        }
        let mut frames = rt.hw_wrap.wrapping_add(rt.hw.0);
        if rt.report_delay {
            let delay = if direction == Direction::Playback {
                rt.delay.saturating_neg()
            } else {
                rt.delay
            };
            frames = frames.saturating_add_signed(delay);
        }
        let rate = rt.params.map_or(0, |params| params.rate);
        let audio = audio_time(frames, rate);
        if audio != rt.audio_tstamp {
            rt.audio_tstamp = audio;
            rt.tstamp = read_at;
        }
        rt.driver_tstamp = read_at;
    }

    /// Stops a stream that has to stop, else wakes who waits for this much (§6.3).
    ///
    /// # Errors
    /// EPIPE: it was stopped.
    pub(super) fn check_state(&mut self, now: &Now) -> Result<(), Errno> {
        let rt = &mut self.runtime;
        let avail = rt.avail(self.direction);
        rt.avail_max = rt.avail_max.max(avail);
        if rt.state() == State::Draining {
            if avail >= rt.extent.buffer {
                self.drain_done(now);
                return Err(Errno::EPIPE);
            }
        } else if avail >= rt.software.stop_threshold {
            self.declare_xrun(now);
            return Err(Errno::EPIPE);
        }
        let rt = &mut self.runtime;
        if rt.active.threshold != 0 {
            if avail >= rt.active.threshold {
                rt.wake_transfers();
            }
        } else if avail >= rt.avail_min {
            rt.wake_pollers();
        }
        Ok(())
    }
}

/// Time that `frames` last at `rate` Hz, truncated.
fn audio_time(frames: u64, rate: u32) -> Nanos {
    let nanos = u128::from(frames)
        .saturating_mul(u128::from(Nanos::SECOND.0))
        .checked_div(u128::from(rate));
    Nanos(nanos.map_or(0, |n| u64::try_from(n).unwrap_or(u64::MAX)))
}
