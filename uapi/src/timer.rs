//! The timer device `/dev/snd/timer`: structures of a 64-bit client and ioctls, with the real shape of their arguments.

use std::mem::size_of;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::ioctl::{NONE, READ, Row, Shape, WRITE, number};
use crate::pcm::Timespec;

/// The type byte of timer ioctls.
pub const KIND: u8 = b'T';
/// The protocol version the device reports: 2.0.8.
pub const VERSION: u32 = 0x0002_0008;

/// `SNDRV_TIMER_CLASS_*`.
pub mod class {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const NONE: i32 = -1;
    pub const SLAVE: i32 = 0;
    pub const GLOBAL: i32 = 1;
    pub const CARD: i32 = 2;
    pub const PCM: i32 = 3;
}

/// `SNDRV_TIMER_SCLASS_*`: who owns a slave timer.
pub mod sclass {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const NONE: i32 = 0;
    pub const APPLICATION: i32 = 1;
    pub const SEQUENCER: i32 = 2;
    pub const OSS_SEQUENCER: i32 = 3;
}

/// `SNDRV_TIMER_GLOBAL_*`: device numbers of global timers.
pub mod global {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const SYSTEM: i32 = 0;
    pub const RTC: i32 = 1;
    pub const HPET: i32 = 2;
    pub const HRTIMER: i32 = 3;
}

/// `SNDRV_TIMER_EVENT_*`; a filter's bit is `1 << event`.
pub mod event {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const RESOLUTION: i32 = 0;
    pub const TICK: i32 = 1;
    pub const START: i32 = 2;
    pub const STOP: i32 = 3;
    pub const CONTINUE: i32 = 4;
    pub const PAUSE: i32 = 5;
    pub const EARLY: i32 = 6;
    pub const SUSPEND: i32 = 7;
    pub const RESUME: i32 = 8;
    pub const MSTART: i32 = START + 10;
    pub const MSTOP: i32 = STOP + 10;
    pub const MCONTINUE: i32 = CONTINUE + 10;
    pub const MPAUSE: i32 = PAUSE + 10;
    pub const MSUSPEND: i32 = SUSPEND + 10;
    pub const MRESUME: i32 = RESUME + 10;
}

/// [`Info::flags`]: a slave timer, which cannot be controlled (`SNDRV_TIMER_FLG_SLAVE`).
pub const FLG_SLAVE: u32 = 1;
/// [`Params::flags`]: goes on by itself (`SNDRV_TIMER_PSFLG_AUTO`).
pub const PSFLG_AUTO: u32 = 1;
/// [`Params::flags`]: for one user only (`SNDRV_TIMER_PSFLG_EXCLUSIVE`).
pub const PSFLG_EXCLUSIVE: u32 = 1 << 1;
/// [`Params::flags`]: an early event first (`SNDRV_TIMER_PSFLG_EARLY_EVENT`).
pub const PSFLG_EARLY_EVENT: u32 = 1 << 2;

/// `struct snd_timer_id`, 20 bytes.
#[doc(alias = "snd_timer_id")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct TimerId {
    /// [`class`].
    pub dev_class: i32,
    /// [`sclass`].
    pub dev_sclass: i32,
    /// Card number.
    pub card: i32,
    /// Device number.
    pub device: i32,
    /// Subdevice number.
    pub subdevice: i32,
}

/// `struct snd_timer_ginfo` of a 64-bit client, 248 bytes.
#[doc(alias = "snd_timer_ginfo")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct GInfo {
    /// The timer asked for.
    pub tid: TimerId,
    /// `FLG_*`.
    pub flags: u32,
    /// Card number.
    pub card: i32,
    /// Identifier, NUL terminated.
    pub id: [u8; 64],
    /// Name, NUL terminated.
    pub name: [u8; 80],
    /// Padding.
    pub pad: u32,
    /// Zero.
    pub reserved0: u64,
    /// Mean period, ns.
    pub resolution: u64,
    /// Shortest period, ns.
    pub resolution_min: u64,
    /// Longest period, ns.
    pub resolution_max: u64,
    /// Active users.
    pub clients: u32,
    /// Zero.
    pub reserved: [u8; 32],
    /// Padding.
    pub pad2: u32,
}

/// `struct snd_timer_gparams` of a 64-bit client, 72 bytes.
#[doc(alias = "snd_timer_gparams")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct GParams {
    /// The timer.
    pub tid: TimerId,
    /// Padding.
    pub pad: u32,
    /// Period asked for, seconds, numerator.
    pub period_num: u64,
    /// Its denominator.
    pub period_den: u64,
    /// Zero.
    pub reserved: [u8; 32],
}

/// `struct snd_timer_gstatus` of a 64-bit client, 80 bytes.
#[doc(alias = "snd_timer_gstatus")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct GStatus {
    /// The timer asked for.
    pub tid: TimerId,
    /// Padding.
    pub pad: u32,
    /// Period, ns.
    pub resolution: u64,
    /// Exact period, seconds, numerator.
    pub resolution_num: u64,
    /// Its denominator.
    pub resolution_den: u64,
    /// Zero.
    pub reserved: [u8; 32],
}

/// `struct snd_timer_select`, 52 bytes.
#[doc(alias = "snd_timer_select")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Select {
    /// The timer to use.
    pub id: TimerId,
    /// Zero.
    pub reserved: [u8; 32],
}

/// `struct snd_timer_info` of a 64-bit client, 232 bytes.
#[doc(alias = "snd_timer_info")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Info {
    /// `FLG_*`.
    pub flags: u32,
    /// Card number.
    pub card: i32,
    /// Identifier, NUL terminated.
    pub id: [u8; 64],
    /// Name, NUL terminated.
    pub name: [u8; 80],
    /// Zero.
    pub reserved0: u64,
    /// Mean period, ns.
    pub resolution: u64,
    /// Zero.
    pub reserved: [u8; 64],
}

/// `struct snd_timer_params`, 80 bytes.
#[doc(alias = "snd_timer_params")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Params {
    /// `PSFLG_*`.
    pub flags: u32,
    /// Ticks between events.
    pub ticks: u32,
    /// Length of the queue, records, 32..=1024.
    pub queue_size: u32,
    /// Unused.
    pub reserved0: u32,
    /// Events wanted, bit = [`event`].
    pub filter: u32,
    /// Unused.
    pub reserved: [u8; 60],
}

/// `struct snd_timer_status` of a client with 64-bit time, 96 bytes.
#[doc(alias = "snd_timer_status")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Status {
    /// Time of the last update.
    pub tstamp: Timespec,
    /// Period, ns.
    pub resolution: u32,
    /// Lost ticks of the master.
    pub lost: u32,
    /// Records that found no room in the queue.
    pub overrun: u32,
    /// Records in the queue.
    pub queue: u32,
    /// Zero.
    pub reserved: [u8; 64],
}

/// `struct snd_timer_read`, 8 bytes: a record of the queue.
#[doc(alias = "snd_timer_read")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Read {
    /// Period, ns.
    pub resolution: u32,
    /// Ticks.
    pub ticks: u32,
}

/// `struct snd_timer_tread` with 64-bit time, 32 bytes: a record of the queue after TREAD.
#[doc(alias = "snd_timer_tread")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Tread {
    /// [`event`].
    pub event: i32,
    /// Padding.
    pub pad1: u32,
    /// When.
    pub tstamp: Timespec,
    /// Ticks or ns, by the event.
    pub val: u32,
    /// Padding.
    pub pad2: u32,
}

/// `struct snd_timer_uinfo`, 32 bytes: a timer driven from user space.
#[doc(alias = "snd_timer_uinfo")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct UInfo {
    /// Period, ns.
    pub resolution: u64,
    /// Descriptor of the new timer (returned).
    pub fd: i32,
    /// Its number (returned).
    pub id: u32,
    /// Zero.
    pub reserved: [u8; 16],
}

const INT: usize = 4;
const BOTH: u32 = READ | WRITE;

macro_rules! ioctls {
    ($($name:ident = $dir:ident, $nr:literal, $size:expr, $shape:ident;)*) => {
        $(#[doc = concat!("`SNDRV_TIMER_IOCTL_", stringify!($name), "`")]
          pub const $name: u32 = number($dir, KIND, $nr, $size);)*

        /// Every timer ioctl of a 64-bit client, by number.
        pub const TABLE: &[Row] = &[$(Row::new($name, stringify!($name), Shape::$shape)),*];
    };
}

ioctls! {
    PVERSION = READ, 0x00, INT, Out;
    NEXT_DEVICE = BOTH, 0x01, size_of::<TimerId>(), InOut;
    TREAD_OLD = WRITE, 0x02, INT, In;
    GINFO = BOTH, 0x03, size_of::<GInfo>(), InOut;
    GPARAMS = WRITE, 0x04, size_of::<GParams>(), In;
    GSTATUS = BOTH, 0x05, size_of::<GStatus>(), InOut;
    SELECT = WRITE, 0x10, size_of::<Select>(), In;
    INFO = READ, 0x11, size_of::<Info>(), Out;
    PARAMS = WRITE, 0x12, size_of::<Params>(), InOut;
    STATUS = READ, 0x14, size_of::<Status>(), Out;
    START = NONE, 0xa0, 0, None;
    STOP = NONE, 0xa1, 0, None;
    CONTINUE = NONE, 0xa2, 0, None;
    PAUSE = NONE, 0xa3, 0, None;
    TREAD64 = WRITE, 0xa4, INT, In;
    CREATE = BOTH, 0xa5, size_of::<UInfo>(), InOut;
    TRIGGER = NONE, 0xa6, 0, None;
}

/// The row of a number; `None` where the kernel answers ENOTTY.
#[must_use]
pub fn find(cmd: u32) -> Option<&'static Row> {
    crate::ioctl::find(TABLE, cmd)
}
