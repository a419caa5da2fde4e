//! A device that moves as the kernel's snd-dummy and snd-aloop do, whose answers are recorded in
//! `tests/kernel-answers`. It plays nothing and captures what its ring holds.

use hw_backends::dma::Ring;
use hw_backends::hardware::Hardware;
use hw_backends::ops::{PcmOps, Pointer, Trigger, View};
use hw_backends::params::Params;
use hw_backends::units::{Nanos, Now};
use uapi::Errno;

/// A timer tick of the recorded kernel (HZ=250), ns.
const JIFFY: u64 = 4_000_000;

/// How fine a position is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// snd-dummy: the frame that began, by whole microseconds.
    Micros,
    /// snd-aloop: whole timer ticks.
    Jiffies,
}

/// The device.
#[derive(Debug)]
pub struct OracleDevice {
    hardware: Hardware,
    grain: Grain,
    rate: u64,
    period: u64,
    /// Frames before the last start or release.
    base: u64,
    started: Option<u64>,
    last: u64,
}

impl OracleDevice {
    /// A device with these capabilities.
    #[must_use]
    pub fn new(hardware: Hardware, grain: Grain) -> OracleDevice {
        OracleDevice {
            hardware,
            grain,
            rate: 1,
            period: 1,
            base: 0,
            started: None,
            last: 0,
        }
    }

    /// Frames since the last start or release.
    fn moved(&self, started: u64, now: u64) -> u64 {
        let elapsed = now.saturating_sub(started);
        match self.grain {
            Grain::Micros => (elapsed / 1000 * self.rate).div_ceil(1_000_000),
            Grain::Jiffies => (now / JIFFY - started / JIFFY) * JIFFY * self.rate / 1_000_000_000,
        }
    }

    fn position(&self, now: u64) -> u64 {
        self.base + self.started.map_or(0, |started| self.moved(started, now))
    }
}

impl PcmOps for OracleDevice {
    fn hardware(&self) -> Hardware {
        self.hardware.clone()
    }

    fn open(&mut self) -> Result<(), Errno> {
        Ok(())
    }

    fn close(&mut self) {}

    fn hw_params(&mut self, params: &Params, _: &Ring, _: bool) -> Result<(), Errno> {
        (self.rate, self.period) = (u64::from(params.rate), params.period_size);
        Ok(())
    }

    fn hw_free(&mut self) {}

    fn prepare(&mut self) -> Result<(), Errno> {
        (self.base, self.started) = (0, None);
        Ok(())
    }

    fn trigger(&mut self, trigger: Trigger, _: &View, now: &Now) -> Result<(), Errno> {
        let now = now.monotonic.0;
        self.last = now;
        match trigger {
            Trigger::Start | Trigger::PauseRelease | Trigger::Resume => self.started = Some(now),
            Trigger::Stop | Trigger::PausePush | Trigger::Suspend => {
                self.base = self.position(now);
                self.started = None;
            }
            Trigger::Drain => {}
        }
        Ok(())
    }

    fn pointer(&mut self, _: &View, now: &Now) -> Pointer {
        self.last = now.monotonic.0;
        Pointer::At(self.position(self.last))
    }

    fn next_event(&self, _: &View) -> Option<Nanos> {
        let started = self.started?;
        let nth = self.position(self.last) / self.period + 1;
        let frames = nth * self.period - self.base;
        let time = frames * 1_000_000_000;
        Some(Nanos(match self.grain {
            Grain::Micros => started + time.div_ceil(self.rate),
            Grain::Jiffies => (started / JIFFY + time.div_ceil(self.rate * JIFFY)) * JIFFY,
        }))
    }
}
