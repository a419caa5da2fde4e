//! Hardware and software parameters of a PCM stream.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A set of small integers, 256 bits; only the first 64 are ever constrained.
#[doc(alias = "snd_mask")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Mask {
    /// The bits, lowest first.
    pub bits: [u32; 8],
}

/// A range of integers.
#[doc(alias = "snd_interval")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Interval {
    /// Lower bound.
    pub min: u32,
    /// Upper bound.
    pub max: u32,
    /// Bit field: [`Interval::OPENMIN`], [`Interval::OPENMAX`], [`Interval::INTEGER`], [`Interval::EMPTY`]; the
    /// other bits are unused and kept as passed.
    pub flags: u32,
}

impl Interval {
    /// The lower bound itself is excluded.
    pub const OPENMIN: u32 = 1;
    /// The upper bound itself is excluded.
    pub const OPENMAX: u32 = 2;
    /// Only integers are meant.
    pub const INTEGER: u32 = 4;
    /// Nothing is left.
    pub const EMPTY: u32 = 8;
}

/// A parameter of the hardware configuration space, by its number in `snd_pcm_hw_params`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Param {
    Access = 0,
    Format = 1,
    Subformat = 2,
    SampleBits = 8,
    FrameBits = 9,
    Channels = 10,
    Rate = 11,
    PeriodTime = 12,
    PeriodSize = 13,
    PeriodBytes = 14,
    Periods = 15,
    BufferTime = 16,
    BufferSize = 17,
    BufferBytes = 18,
    TickTime = 19,
}

/// `struct snd_pcm_hw_params` of a 64-bit client, 608 bytes.
#[doc(alias = "snd_pcm_hw_params")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct HwParams {
    /// Bit 2 asks for no period wake-ups; the others are hints between library and client.
    pub flags: u32,
    /// ACCESS, FORMAT, SUBFORMAT.
    pub masks: [Mask; 3],
    /// Reserved masks, echoed.
    pub mres: [Mask; 5],
    /// SAMPLE_BITS (8) to TICK_TIME (19).
    pub intervals: [Interval; 12],
    /// Reserved intervals, echoed.
    pub ires: [Interval; 9],
    /// Which parameters the caller asks to be refined, bit = parameter number.
    pub rmask: u32,
    /// Which parameters changed; bits are only ever added.
    pub cmask: u32,
    /// Information flags of the device.
    pub info: u32,
    /// Significant bits of a sample.
    pub msbits: u32,
    /// Rate numerator, Hz.
    pub rate_num: u32,
    /// Rate denominator.
    pub rate_den: u32,
    /// Size of the device's own queue, frames.
    pub fifo_size: u64,
    /// Synchronisation id, echoed.
    pub sync: [u8; 16],
    /// Echoed.
    pub reserved: [u8; 48],
}

/// `struct snd_pcm_hw_params_old`, 256 bytes: what HW_REFINE_OLD and HW_PARAMS_OLD take. Parameters are numbered
/// differently in `rmask` and `cmask`: masks 0 to 2, intervals from 3.
#[doc(alias = "snd_pcm_hw_params_old")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct HwParamsOld {
    /// As in [`HwParams`].
    pub flags: u32,
    /// ACCESS, FORMAT, SUBFORMAT: the first 32 bits.
    pub masks: [u32; 3],
    /// SAMPLE_BITS to TICK_TIME.
    pub intervals: [Interval; 12],
    /// As in [`HwParams`], but for the numbering.
    pub rmask: u32,
    /// As in [`HwParams`], but for the numbering.
    pub cmask: u32,
    /// As in [`HwParams`].
    pub info: u32,
    /// As in [`HwParams`].
    pub msbits: u32,
    /// As in [`HwParams`].
    pub rate_num: u32,
    /// As in [`HwParams`].
    pub rate_den: u32,
    /// As in [`HwParams`].
    pub fifo_size: u64,
    /// Echoed.
    pub reserved: [u8; 64],
}

/// `struct snd_pcm_sw_params` of a 64-bit client, 136 bytes.
#[doc(alias = "snd_pcm_sw_params")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SwParams {
    /// 0 none, 1 timestamps on.
    pub tstamp_mode: i32,
    /// Unused.
    pub period_step: u32,
    /// Unused.
    pub sleep_min: u32,
    /// Padding.
    pub pad: u32,
    /// Wake-up threshold, frames.
    pub avail_min: u64,
    /// Unused.
    pub xfer_align: u64,
    /// Frames queued (playback) or asked for (capture) that start the stream.
    pub start_threshold: u64,
    /// Available frames that stop the stream.
    pub stop_threshold: u64,
    /// Silence threshold, frames.
    pub silence_threshold: u64,
    /// Silence size, frames.
    pub silence_size: u64,
    /// Where the pointers wrap, frames (returned).
    pub boundary: u64,
    /// Protocol version of the caller.
    pub proto: u32,
    /// Clock of the timestamps, honoured from protocol 2.0.12.
    pub tstamp_type: u32,
    /// Echoed.
    pub reserved: [u8; 56],
}
