//! Numbers inside PCM structures.

/// `SNDRV_PCM_INFO_*`: what a device can do.
pub mod info {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const MMAP: u32 = 0x0000_0001;
    pub const MMAP_VALID: u32 = 0x0000_0002;
    pub const DOUBLE: u32 = 0x0000_0004;
    pub const BATCH: u32 = 0x0000_0010;
    pub const SYNC_APPLPTR: u32 = 0x0000_0020;
    pub const PERFECT_DRAIN: u32 = 0x0000_0040;
    pub const INTERLEAVED: u32 = 0x0000_0100;
    pub const NONINTERLEAVED: u32 = 0x0000_0200;
    pub const COMPLEX: u32 = 0x0000_0400;
    pub const BLOCK_TRANSFER: u32 = 0x0001_0000;
    pub const OVERRANGE: u32 = 0x0002_0000;
    pub const RESUME: u32 = 0x0004_0000;
    pub const PAUSE: u32 = 0x0008_0000;
    pub const HALF_DUPLEX: u32 = 0x0010_0000;
    pub const JOINT_DUPLEX: u32 = 0x0020_0000;
    pub const SYNC_START: u32 = 0x0040_0000;
    pub const NO_PERIOD_WAKEUP: u32 = 0x0080_0000;
    pub const HAS_LINK_ATIME: u32 = 0x0100_0000;
    pub const HAS_LINK_ABSOLUTE_ATIME: u32 = 0x0200_0000;
    pub const HAS_LINK_ESTIMATED_ATIME: u32 = 0x0400_0000;
    pub const HAS_LINK_SYNCHRONIZED_ATIME: u32 = 0x0800_0000;
    pub const EXPLICIT_SYNC: u32 = 0x1000_0000;
    pub const NO_REWINDS: u32 = 0x2000_0000;
    pub const DRAIN_TRIGGER: u32 = 0x4000_0000;
    pub const FIFO_IN_FRAMES: u32 = 0x8000_0000;
}

/// `SNDRV_PCM_HW_PARAMS_*`: `HwParams::flags`.
pub mod hw_flags {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const NORESAMPLE: u32 = 1;
    pub const EXPORT_BUFFER: u32 = 1 << 1;
    pub const NO_PERIOD_WAKEUP: u32 = 1 << 2;
    pub const NO_DRAIN_SILENCE: u32 = 1 << 3;
}

/// `SNDRV_PCM_TSTAMP_*`: `SwParams::tstamp_mode`.
pub mod tstamp_mode {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const NONE: i32 = 0;
    pub const ENABLE: i32 = 1;
}

/// `SNDRV_PCM_TSTAMP_TYPE_*`: the clock of timestamps.
pub mod tstamp_type {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const GETTIMEOFDAY: i32 = 0;
    pub const MONOTONIC: i32 = 1;
    pub const MONOTONIC_RAW: i32 = 2;
}

/// `SNDRV_PCM_AUDIO_TSTAMP_TYPE_*`: the kind of audio timestamp.
pub mod audio_tstamp_type {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const COMPAT: u32 = 0;
    pub const DEFAULT: u32 = 1;
    pub const LINK: u32 = 2;
    pub const LINK_ABSOLUTE: u32 = 3;
    pub const LINK_ESTIMATED: u32 = 4;
    pub const LINK_SYNCHRONIZED: u32 = 5;
}

/// `SNDRV_PCM_STREAM_*`: direction, in `Info::stream`.
pub mod stream {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const PLAYBACK: i32 = 0;
    pub const CAPTURE: i32 = 1;
}

/// `SNDRV_PCM_CLASS_*`.
pub mod class {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const GENERIC: i32 = 0;
    pub const MULTI: i32 = 1;
    pub const MODEM: i32 = 2;
    pub const DIGITIZER: i32 = 3;
}

/// `SNDRV_PCM_SUBCLASS_*`.
pub mod subclass {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const GENERIC_MIX: i32 = 0;
    pub const MULTI_MIX: i32 = 1;
}

/// `SNDRV_CHMAP_*`: channel positions.
pub mod chmap {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const UNKNOWN: u32 = 0;
    pub const NA: u32 = 1;
    pub const MONO: u32 = 2;
    pub const FL: u32 = 3;
    pub const FR: u32 = 4;
    pub const RL: u32 = 5;
    pub const RR: u32 = 6;
    pub const FC: u32 = 7;
    pub const LFE: u32 = 8;
    pub const SL: u32 = 9;
    pub const SR: u32 = 10;
    pub const RC: u32 = 11;
    pub const FLC: u32 = 12;
    pub const FRC: u32 = 13;
    pub const RLC: u32 = 14;
    pub const RRC: u32 = 15;
    pub const FLW: u32 = 16;
    pub const FRW: u32 = 17;
    pub const FLH: u32 = 18;
    pub const FCH: u32 = 19;
    pub const FRH: u32 = 20;
    pub const TC: u32 = 21;
    pub const TFL: u32 = 22;
    pub const TFR: u32 = 23;
    pub const TFC: u32 = 24;
    pub const TRL: u32 = 25;
    pub const TRR: u32 = 26;
    pub const TRC: u32 = 27;
    pub const TFLC: u32 = 28;
    pub const TFRC: u32 = 29;
    pub const TSL: u32 = 30;
    pub const TSR: u32 = 31;
    pub const LLFE: u32 = 32;
    pub const RLFE: u32 = 33;
    pub const BC: u32 = 34;
    pub const BLC: u32 = 35;
    pub const BRC: u32 = 36;
    pub const POSITION_MASK: u32 = 0xffff;
    pub const PHASE_INVERSE: u32 = 1 << 16;
    pub const DRIVER_SPEC: u32 = 1 << 17;
}
