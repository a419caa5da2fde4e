//! Volume and switch of one direction of a PCM device, set by control elements, applied by devices.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::Relaxed};

/// Most channels that have a volume of their own; channels beyond take the last one's.
pub const CHANNELS: usize = 2;

/// Lowest volume, hundredths of a dB.
pub const MIN_CENTIBEL: i32 = -6000;

/// Per-channel volume in hundredths of a dB (0 passes samples untouched) and an on switch. Shared between the control
/// device, which sets, and the device's data path, which applies.
#[derive(Debug)]
pub struct Gain {
    volume: [AtomicI32; CHANNELS],
    on: [AtomicBool; CHANNELS],
}

impl Default for Gain {
    fn default() -> Self {
        Gain { volume: [const { AtomicI32::new(0) }; CHANNELS], on: [const { AtomicBool::new(true) }; CHANNELS] }
    }
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
        }
    }

    /// Whether every sample passes untouched.
    #[must_use]
    pub fn is_unity(&self) -> bool {
        (0..CHANNELS).all(|c| self.volume(c) == 0 && self.is_on(c))
    }
}
