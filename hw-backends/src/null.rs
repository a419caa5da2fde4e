//! A device that is nowhere: consumes everything, gives silence.

use uapi::Errno;

use crate::dma::Ring;
use crate::drive::{Drive, Speed};
use crate::frames::Frames;
use crate::hardware::{Constraint, Hardware, RATE_CONTINUOUS, info};
use crate::ops::{PcmOps, Pointer, Trigger, View};
use crate::params::Params;
use crate::units::{Direction, Nanos, Now};
use uapi::pcm::params::Param;

/// Every format whose samples are whole bytes: linear, float, IEC958, µ-law, A-law, one-byte G.723, DSD.
pub const WHOLE_BYTE_FORMATS: u64 =
    0x3f_ffff /* 0..=21 */ | 0xf << 25 | 0xfff << 32 /* 32..=43 */ | 1 << 45 | 0x3f << 47 /* 47..=52 */;

/// What a device without hardware limits can do.
#[must_use]
pub fn hardware() -> Hardware {
    Hardware {
        info: info::MMAP
            | info::MMAP_VALID
            | info::INTERLEAVED
            | info::NONINTERLEAVED
            | info::PAUSE,
        formats: WHOLE_BYTE_FORMATS,
        rates: RATE_CONTINUOUS,
        rate_min: 4000,
        rate_max: 768_000,
        channels_min: 1,
        channels_max: 32,
        buffer_bytes_max: 4 << 20,
        period_bytes_min: 64,
        period_bytes_max: 2 << 20,
        periods_min: 2,
        periods_max: 1024,
        fifo_size: 0,
        constraints: vec![Constraint::Integer(Param::Periods)],
        rules: Vec::new(),
    }
}

/// One substream.
#[derive(Debug)]
pub struct Null {
    direction: Direction,
    drive: Drive,
    frames: Option<Frames>,
}

impl Null {
    /// A substream that moves at `speed`. Silence has no volume, so a gain would change nothing.
    #[must_use]
    pub fn new(direction: Direction, speed: Speed) -> Null {
        Null {
            direction,
            drive: Drive::new(direction, speed),
            frames: None,
        }
    }
}

impl PcmOps for Null {
    fn hardware(&self) -> Hardware {
        hardware()
    }

    fn open(&mut self) -> Result<(), Errno> {
        Ok(())
    }

    fn close(&mut self) {
        self.frames = None;
        self.drive.reset();
    }

    fn hw_params(
        &mut self,
        params: &Params,
        ring: &Ring,
        _ring_changed: bool,
    ) -> Result<(), Errno> {
        self.frames = Some(Frames::new(params, ring)?);
        self.drive.configure(params);
        Ok(())
    }

    fn hw_free(&mut self) {
        self.frames = None;
        self.drive.reset();
    }

    fn prepare(&mut self) -> Result<(), Errno> {
        self.drive.reset();
        Ok(())
    }

    fn trigger(&mut self, trigger: Trigger, _view: &View, now: &Now) -> Result<(), Errno> {
        self.drive.trigger(trigger, now.monotonic);
        Ok(())
    }

    fn pointer(&mut self, view: &View, now: &Now) -> Pointer {
        let from = self.drive.position();
        let to = self.drive.target(view, now.monotonic);
        if self.direction == Direction::Capture {
            if let Some(frames) = &mut self.frames {
                frames.silence(from, to);
            }
        }
        Pointer::At(self.drive.settle(to))
    }

    fn next_event(&self, view: &View) -> Option<Nanos> {
        self.drive.next_event(view)
    }
}
