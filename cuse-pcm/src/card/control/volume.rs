//! Volume and switch elements in front of a device's [`Gain`].

use std::sync::Arc;

use hw_backends::gain::{CHANNELS, Gain, MIN_CENTIBEL};
use hw_backends::units::Direction;
use uapi::Errno;
use uapi::control::elem::{Range, tlv_type};

use super::element::{Description, Element, Kind};

/// Hundredths of a dB between two values of a volume element.
const STEP: i32 = 50;
/// The largest value of a volume element: 0 dB. The smallest is 0: silence.
const VOLUME_MAX: i32 = -MIN_CENTIBEL / STEP;
const COUNT: u32 = CHANNELS as u32;

/// What the simple mixer shows as "Master" and "Capture".
const fn stem(direction: Direction) -> &'static str {
    match direction {
        Direction::Playback => "Master Playback",
        Direction::Capture => "Capture",
    }
}

/// "Master Playback Volume" or "Capture Volume": steps of 0.5 dB from silence up to 0 dB.
#[derive(Debug)]
pub(super) struct Volume {
    pub(super) gain: Arc<Gain>,
    pub(super) direction: Direction,
    pub(super) index: u32,
}

/// "Master Playback Switch" or "Capture Switch".
#[derive(Debug)]
pub(super) struct Switch {
    pub(super) gain: Arc<Gain>,
    pub(super) direction: Direction,
    pub(super) index: u32,
}

impl Element for Volume {
    fn description(&self) -> Description {
        let range = Range {
            min: 0,
            max: i64::from(VOLUME_MAX),
            step: 0,
        };
        let scale = vec![
            tlv_type::DB_SCALE,
            8,
            MIN_CENTIBEL as u32,
            STEP as u32 | tlv_type::DB_SCALE_MUTE,
        ];
        Description::mixer(
            format!("{} Volume", stem(self.direction)),
            Kind::Integer(range),
        )
        .index(self.index)
        .values(COUNT)
        .tlv(scale)
    }

    fn get(&self, values: &mut [i64]) {
        for (channel, value) in values.iter_mut().enumerate() {
            let above = self.gain.volume(channel).saturating_sub(MIN_CENTIBEL);
            *value = i64::from(above / STEP);
        }
    }

    fn put(&mut self, values: &[i64]) -> Result<bool, Errno> {
        let mut changed = false;
        for (channel, &value) in values.iter().enumerate() {
            let steps = i32::try_from(value).map_err(|_| Errno::EINVAL)?;
            let volume = steps.saturating_mul(STEP).saturating_add(MIN_CENTIBEL);
            changed |= self.gain.volume(channel) != volume;
            self.gain.set_volume(channel, volume);
        }
        Ok(changed)
    }

    fn is_restless(&self) -> bool {
        false
    }

    fn take_changed(&mut self) -> bool {
        false
    }
}

impl Element for Switch {
    fn description(&self) -> Description {
        Description::mixer(format!("{} Switch", stem(self.direction)), Kind::Boolean)
            .index(self.index)
            .values(COUNT)
    }

    fn get(&self, values: &mut [i64]) {
        for (channel, value) in values.iter_mut().enumerate() {
            *value = i64::from(self.gain.is_on(channel));
        }
    }

    fn put(&mut self, values: &[i64]) -> Result<bool, Errno> {
        let mut changed = false;
        for (channel, &value) in values.iter().enumerate() {
            let on = value != 0;
            changed |= self.gain.is_on(channel) != on;
            self.gain.set_on(channel, on);
        }
        Ok(changed)
    }

    fn is_restless(&self) -> bool {
        false
    }

    fn take_changed(&mut self) -> bool {
        false
    }
}
