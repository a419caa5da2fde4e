//! The capabilities of a device, as plain data.

use uapi::pcm::params::Param;

/// What a substream can do. Sizes in bytes, rates in Hz.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hardware {
    /// `SNDRV_PCM_INFO_*` flags.
    pub info: u32,
    /// Formats, bit = format number.
    pub formats: u64,
    /// `SNDRV_PCM_RATE_*` mask: a list of rates, unless it holds CONTINUOUS (bit 30) or KNOT (bit 31).
    pub rates: u32,
    /// Lowest rate, Hz.
    pub rate_min: u32,
    /// Highest rate, Hz.
    pub rate_max: u32,
    /// Fewest channels.
    pub channels_min: u32,
    /// Most channels.
    pub channels_max: u32,
    /// Largest ring, bytes.
    pub buffer_bytes_max: u32,
    /// Smallest period, bytes.
    pub period_bytes_min: u32,
    /// Largest period, bytes.
    pub period_bytes_max: u32,
    /// Fewest periods in a ring.
    pub periods_min: u32,
    /// Most periods in a ring.
    pub periods_max: u32,
    /// The device's own queue, bytes.
    pub fifo_size: u32,
    /// What the device narrows when it is opened, before the common constraints, in this order.
    pub constraints: Vec<Constraint>,
    /// What the device narrows at every refinement, after the common rules 1 to 20, in this order.
    pub rules: Vec<Rule>,
}

/// A fixed narrowing of one parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// Whole numbers only.
    Integer(Param),
    /// `[min, max]`, closed.
    Range(Param, u32, u32),
}

/// A narrowing that takes part in the refinement loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// FORMAT within this mask.
    Formats(u64),
    /// An interval parameter within `[min, max]`, closed.
    Range(Param, u32, u32),
    /// An interval parameter to multiples of a number.
    Step(Param, u32),
}

pub use uapi::pcm::info;

/// `SNDRV_PCM_RATE_CONTINUOUS`.
pub const RATE_CONTINUOUS: u32 = 1 << 30;
/// `SNDRV_PCM_RATE_KNOT`.
pub const RATE_KNOT: u32 = 1 << 31;

/// The rates of a rate mask, by bit, Hz.
pub static RATES: [u32; 20] = [
    5512, 8000, 11025, 16000, 22050, 32000, 44100, 48000, 64000, 88200, 96000, 176_400, 192_000,
    352_800, 384_000, 705_600, 768_000, 12000, 24000, 128_000,
];

impl Hardware {
    /// The limits of `model` for a device that can do what this one says: of formats only those that it has, and where
    /// `confined` also of rates and channels. What it narrows by rules of its own stays.
    #[must_use]
    pub fn like(self, model: &Hardware, confined: bool) -> Hardware {
        let mut like = model.clone();
        like.formats &= self.formats;
        if confined {
            like.rate_min = like.rate_min.max(self.rate_min);
            like.rate_max = like.rate_max.min(self.rate_max);
            like.channels_min = like.channels_min.max(self.channels_min);
            like.channels_max = like.channels_max.min(self.channels_max);
        }
        for rule in &mut like.rules {
            if let Rule::Formats(formats) = rule {
                *formats &= self.formats;
            }
        }
        like.rules.extend(self.rules);
        like
    }

    /// Whether anything is left that it can do.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.formats != 0
            && self.rate_min <= self.rate_max
            && self.channels_min <= self.channels_max
    }
}
