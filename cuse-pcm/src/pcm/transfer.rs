//! Moving frames between a client and the ring, chunk by chunk (§7).
//!
//! The core says what to copy and when to wait; the copying and the waiting are the caller's. Nothing here allocates.

use hw_backends::dma::Area;
use hw_backends::units::{Direction, Nanos, Now};
use uapi::Errno;
use uapi::pcm::State;

use super::Substream;
use super::hw_ptr::Cause;
use super::position::{Position, signed};
use super::silence::{channel_part, interleaved_part, silence_area};
use super::state::accessible;
use super::sync::SyncPoint;

/// How the client's memory is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One buffer, channels side by side in each frame (WRITEI, READI, read, write).
    Interleaved,
    /// One buffer a channel (WRITEN, READN, readv, writev).
    Noninterleaved,
}

/// A stretch of the ring that is to be copied now. It never wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Where in the ring it begins, frames.
    pub ring_offset_frames: u64,
    /// How many frames.
    pub frames: u64,
    /// Where in the client's buffer it begins, frames.
    pub done_frames: u64,
}

/// What a transfer needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Copy this between client and ring, then [`commit`](Substream::commit).
    Copy(Chunk),
    /// Sleep until a wake-up of transfers, then [`next_step`](Substream::next_step); or for `timeout` (a length; `None` is
    /// for ever), then [`end_transfer`](Substream::end_transfer) with EIO.
    Wait {
        /// Longest sleep.
        timeout: Option<Nanos>,
    },
    /// It is over: frames moved, or why none were.
    Done(Result<u64, Errno>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Chunks are being copied.
    Moving,
    /// Asleep until this many frames are available.
    Waiting { threshold: u64 },
    /// Over; the error, if any, counts if nothing was moved.
    Ended(Option<Errno>),
}

/// A read or write under way. Ended by [`Step::Done`] or [`end_transfer`](Substream::end_transfer).
#[derive(Debug)]
#[must_use]
pub struct Transfer {
    frames: u64,
    done: u64,
    /// Frames known to be available. Renewed only by waiting.
    avail: u64,
    /// The chunk that was given out: where it begins, and its length.
    lent: (Position, u64),
    nonblock: bool,
    phase: Phase,
    /// Counted in the stream's active transfers.
    counted: bool,
}

impl Transfer {
    /// Frames asked for.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Frames moved so far.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done
    }

    fn remaining(&self) -> u64 {
        self.frames.saturating_sub(self.done)
    }

    fn result(&self, error: Option<Errno>) -> Result<u64, Errno> {
        match error {
            Some(errno) if self.done == 0 => Err(errno),
            _ => Ok(self.done),
        }
    }
}

impl Substream {
    /// Begins to move `frames` in this substream's direction. `null`: the client gave no buffer (playback then writes
    /// silence).
    ///
    /// # Errors
    /// In this order: EBADFD in OPEN; EINVAL for a layout that does not fit the access type, or `null` on capture; nothing
    /// more for 0 frames; EPIPE in XRUN, ESTRPIPE in SUSPENDED, EBADFD where nothing can be moved; why a capture could not
    /// be started.
    #[doc(alias = "SNDRV_PCM_IOCTL_WRITEI_FRAMES")]
    pub fn begin_transfer(
        &mut self,
        layout: Layout,
        frames: u64,
        null: bool,
        now: &Now,
    ) -> Result<Transfer, Errno> {
        self.operation(now, |s| s.begin(layout, frames, null, now))
    }

    fn begin(
        &mut self,
        layout: Layout,
        frames: u64,
        null: bool,
        now: &Now,
    ) -> Result<Transfer, Errno> {
        self.check_access(layout)?;
        if null && self.direction == Direction::Capture {
            return Err(Errno::EINVAL);
        }
        let mut transfer = Transfer {
            frames,
            done: 0,
            avail: 0,
            lent: (Position::default(), 0),
            nonblock: self.runtime.nonblock,
            phase: Phase::Moving,
            counted: false,
        };
        if frames == 0 {
            transfer.phase = Phase::Ended(None);
            return Ok(transfer);
        }
        accessible(self.runtime.state())?;
        self.activate(&mut transfer, u64::MAX);
        if self.runtime.state() == State::Running {
            // A stop that is found here is reported after the first chunk, as by the kernel.
            let _ = self.update_pointer(Cause::Process, now);
        }
        let starts = self.direction == Direction::Capture
            && self.runtime.state() == State::Prepared
            && frames >= self.runtime.software.start_threshold;
        if starts {
            if let Err(errno) = self.start_now(now) {
                self.deactivate(&mut transfer);
                return Err(errno);
            }
        }
        transfer.avail = self.runtime.avail(self.direction);
        Ok(transfer)
    }

    fn check_access(&self, layout: Layout) -> Result<(), Errno> {
        const RW_INTERLEAVED: u32 = 3;
        const RW_NONINTERLEAVED: u32 = 4;
        let params = match self.runtime.state() {
            State::Open => None,
            _ => self.runtime.params,
        };
        let params = params.ok_or(Errno::EBADFD)?;
        let fits = match layout {
            Layout::Interleaved => params.access == RW_INTERLEAVED || params.channels == 1,
            Layout::Noninterleaved => params.access == RW_NONINTERLEAVED,
        };
        if fits { Ok(()) } else { Err(Errno::EINVAL) }
    }

    /// Counts a transfer in, to be woken when `remaining` frames, or avail_min, are available.
    fn activate(&mut self, transfer: &mut Transfer, remaining: u64) -> u64 {
        let active = &mut self.runtime.active;
        let threshold = remaining.min(self.runtime.avail_min.max(1));
        let others = active.count > u32::from(transfer.counted);
        active.threshold = if others {
            active.threshold.min(threshold)
        } else {
            threshold
        };
        if !transfer.counted {
            transfer.counted = true;
            active.count = active.count.saturating_add(1);
        }
        threshold
    }

    fn deactivate(&mut self, transfer: &mut Transfer) {
        let active = &mut self.runtime.active;
        if std::mem::take(&mut transfer.counted) {
            active.count = active.count.saturating_sub(1);
        }
        if active.count == 0 {
            active.threshold = 0;
        }
    }

    /// What to do next: at the beginning, after each commit, and after a wake-up.
    pub fn next_step(&mut self, t: &mut Transfer, now: &Now) -> Step {
        self.operation(now, |s| s.step(t, now))
    }

    fn step(&mut self, t: &mut Transfer, now: &Now) -> Step {
        if let Phase::Waiting { threshold } = t.phase {
            match self.wait_ends(threshold) {
                None => return self.wait(),
                Some(Ok(avail)) => {
                    t.avail = avail;
                    t.phase = Phase::Moving;
                }
                Some(Err(errno)) => t.phase = Phase::Ended(Some(errno)),
            }
        }
        if let Phase::Ended(error) = t.phase {
            return self.finish(t, error, now);
        }
        if t.remaining() == 0 {
            return self.finish(t, None, now);
        }
        if t.avail == 0 {
            if self.direction == Direction::Capture && self.runtime.state() == State::Draining {
                self.stop(State::Setup, now);
                return self.finish(t, None, now);
            }
            if t.nonblock {
                return self.finish(t, Some(Errno::EAGAIN), now);
            }
            let threshold = self.activate(t, t.remaining());
            t.avail = self.runtime.avail(self.direction);
            if t.avail < threshold {
                t.phase = Phase::Waiting { threshold };
                return self.wait();
            }
        }
        self.sync_for_client(SyncPoint::Read);
        Step::Copy(self.lend(t))
    }

    /// Whether a sleeper goes on, after a wake-up (§7.3): with this many frames available, or with an error.
    fn wait_ends(&self, threshold: u64) -> Option<Result<u64, Errno>> {
        match self.runtime.state() {
            State::Suspended => return Some(Err(Errno::ESTRPIPE)),
            State::Xrun => return Some(Err(Errno::EPIPE)),
            State::Draining if self.direction == Direction::Playback => {
                return Some(Err(Errno::EPIPE));
            }
            State::Draining => return Some(Ok(0)),
            State::Open | State::Setup | State::Disconnected => return Some(Err(Errno::EBADFD)),
            State::Prepared | State::Running | State::Paused => {}
        }
        let avail = self.runtime.avail(self.direction);
        (avail >= threshold).then_some(Ok(avail))
    }

    fn wait(&self) -> Step {
        let paused = self.runtime.state() == State::Paused;
        Step::Wait {
            timeout: if paused {
                None
            } else {
                self.runtime.patience()
            },
        }
    }

    /// The next chunk: what remains, what is available, what comes before the ring's end.
    fn lend(&self, t: &mut Transfer) -> Chunk {
        let buffer = self.runtime.extent.buffer;
        let from = self.runtime.appl;
        let ring_offset_frames = from.in_ring(buffer);
        let frames = t
            .remaining()
            .min(t.avail)
            .min(buffer.saturating_sub(ring_offset_frames));
        t.lent = (from, frames);
        Chunk {
            ring_offset_frames,
            frames,
            done_frames: t.done,
        }
    }

    /// The chunk was copied, or (`copied`: why not) it was not. Starts a playback that has enough queued.
    pub fn commit(
        &mut self,
        t: &mut Transfer,
        chunk: &Chunk,
        copied: Result<(), Errno>,
        now: &Now,
    ) {
        self.operation(now, |s| {
            if let Err(errno) = copied.and_then(|()| s.advance(t, chunk.frames, now)) {
                t.phase = Phase::Ended(Some(errno));
            }
        });
    }

    fn advance(&mut self, t: &mut Transfer, frames: u64, now: &Now) -> Result<(), Errno> {
        let (from, lent) = std::mem::take(&mut t.lent);
        let frames = frames.min(lent);
        accessible(self.runtime.state())?;
        let to = from.forward(frames, self.runtime.extent.boundary);
        self.apply_appl(to, SyncPoint::Write, now)?;
        t.done = t.done.saturating_add(frames);
        t.avail = t.avail.saturating_sub(frames);
        let starts = self.direction == Direction::Playback
            && self.runtime.state() == State::Prepared
            && self.runtime.hw_avail(self.direction)
                >= signed(self.runtime.software.start_threshold);
        if starts { self.start_now(now) } else { Ok(()) }
    }

    /// Ends a sleeping transfer from outside: `cause` is EIO when its time-out passed, or what a signal makes of it. A
    /// partial count hides the cause.
    ///
    /// # Errors
    /// `cause`, if nothing was moved.
    pub fn end_transfer(&mut self, mut t: Transfer, cause: Errno, now: &Now) -> Result<u64, Errno> {
        self.operation(now, |s| {
            let error = if let Phase::Ended(error) = t.phase {
                error
            } else {
                Some(cause)
            };
            t.phase = Phase::Ended(error);
            s.deactivate(&mut t);
            t.result(error)
        })
    }

    fn finish(&mut self, t: &mut Transfer, error: Option<Errno>, now: &Now) -> Step {
        let first_time = t.counted;
        t.phase = Phase::Ended(error);
        self.deactivate(t);
        if first_time && t.done > 0 && error.is_none() {
            // A stop that is found now is the next call's to report.
            let _ = self.check_state(now);
        }
        Step::Done(t.result(error))
    }

    /// The part of the ring that a chunk is: all channels (`None`, interleaved), or one.
    #[must_use]
    pub fn ring_part(&self, chunk: &Chunk, channel: Option<u32>) -> Option<Area> {
        let params = self.runtime.params.as_ref()?;
        let ring = &self.buffer.ring()?.area;
        Some(match channel {
            None => interleaved_part(ring, params, chunk.ring_offset_frames, chunk.frames),
            Some(channel) if channel < params.channels => channel_part(
                ring,
                params,
                channel,
                chunk.ring_offset_frames,
                chunk.frames,
            ),
            Some(_) => return None,
        })
    }

    /// Makes a chunk of the ring silent, in all channels (`None`, interleaved) or one: a write without a buffer.
    pub fn silence_chunk(&mut self, chunk: &Chunk, channel: Option<u32>) {
        let format = self.runtime.params.map(|params| params.format);
        if let (Some(format), Some(area)) = (format, self.ring_part(chunk, channel)) {
            silence_area(&area, format);
        }
    }
}
