//! Volume and switch of one direction of a PCM device, set by control elements, applied by devices.
//!
//! A setter computes the factor once; the data path loads an integer and multiplies. No amplification: the highest
//! volume passes samples untouched.

mod apply;

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::Relaxed};

/// Most channels that have a volume of their own; channels beyond take the last one's.
pub const CHANNELS: usize = 2;

/// Lowest volume, hundredths of a dB; at this one a channel is silent.
pub const MIN_CENTIBEL: i32 = -6000;

/// The factor that passes samples untouched: factors are fractions of it.
const UNITY: u32 = 1 << 31;

/// Per-channel volume in hundredths of a dB (0 passes samples untouched) and an on switch. Shared between the control
/// device, which sets, and the device's data path, which applies.
#[derive(Debug)]
pub struct Gain {
    volume: [AtomicI32; CHANNELS],
    on: [AtomicBool; CHANNELS],
    /// What volume and switch come to, in fractions of [`UNITY`].
    factor: [AtomicU32; CHANNELS],
}

impl Default for Gain {
    fn default() -> Self {
        Gain {
            volume: [const { AtomicI32::new(0) }; CHANNELS],
            on: [const { AtomicBool::new(true) }; CHANNELS],
            factor: [const { AtomicU32::new(UNITY) }; CHANNELS],
        }
    }
}

/// The factor of a volume in hundredths of a dB.
fn factor(centibel: i32, on: bool) -> u32 {
    if !on || centibel <= MIN_CENTIBEL {
        return 0;
    }
    if centibel >= 0 {
        return UNITY;
    }
    let factor = f64::from(UNITY) * 10f64.powf(f64::from(centibel) / 2000.0);
    factor.round() as u32
}

impl Gain {
    /// Volume of a channel, hundredths of a dB, `MIN_CENTIBEL..=0`.
    #[must_use]
    pub fn volume(&self, channel: usize) -> i32 {
        self.volume.get(channel).map_or(0, |v| v.load(Relaxed))
    }

    /// Sets the volume of a channel, hundredths of a dB; clamped to `MIN_CENTIBEL..=0`.
    pub fn set_volume(&self, channel: usize, centibel: i32) {
        if let Some(v) = self.volume.get(channel) {
            v.store(centibel.clamp(MIN_CENTIBEL, 0), Relaxed);
            self.settle(channel);
        }
    }

    /// Whether a channel sounds.
    #[must_use]
    pub fn is_on(&self, channel: usize) -> bool {
        self.on.get(channel).is_none_or(|v| v.load(Relaxed))
    }

    /// Switches a channel.
    pub fn set_on(&self, channel: usize, on: bool) {
        if let Some(v) = self.on.get(channel) {
            v.store(on, Relaxed);
            self.settle(channel);
        }
    }

    /// Whether every sample passes untouched.
    #[must_use]
    pub fn is_unity(&self) -> bool {
        (0..CHANNELS).all(|c| self.factor(c) == UNITY)
    }

    /// Recomputes the factor of a channel. One setter at a time: the control device's.
    fn settle(&self, channel: usize) {
        if let Some(f) = self.factor.get(channel) {
            f.store(factor(self.volume(channel), self.is_on(channel)), Relaxed);
        }
    }

    /// The factor of a channel of the stream, of any number.
    fn factor(&self, channel: usize) -> u32 {
        self.factor
            .get(channel.min(CHANNELS - 1))
            .map_or(UNITY, |f| f.load(Relaxed))
    }
}
