//! Timer structures and ioctls of 32-bit clients. With 64-bit time, `Status` and `Tread` are the native ones.

use std::mem::size_of;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::pcm::Timespec32;
use crate::ioctl::{READ, Row, Shape, WRITE, number};
use crate::timer::{self, KIND, TimerId};

/// `struct snd_timer_ginfo`, 224 bytes. Members as in [`crate::timer::GInfo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "as in the native structure")]
pub struct GInfo {
    pub tid: TimerId,
    pub flags: u32,
    pub card: i32,
    pub id: [u8; 64],
    pub name: [u8; 80],
    pub reserved0: u32,
    pub resolution: u32,
    pub resolution_min: u32,
    pub resolution_max: u32,
    pub clients: u32,
    pub reserved: [u8; 32],
}

/// `struct snd_timer_gparams`, 60 bytes. Members as in [`crate::timer::GParams`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "as in the native structure")]
pub struct GParams {
    pub tid: TimerId,
    pub period_num: u32,
    pub period_den: u32,
    pub reserved: [u8; 32],
}

/// `struct snd_timer_gstatus`, 64 bytes. Members as in [`crate::timer::GStatus`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "as in the native structure")]
pub struct GStatus {
    pub tid: TimerId,
    pub resolution: u32,
    pub resolution_num: u32,
    pub resolution_den: u32,
    pub reserved: [u8; 32],
}

/// `struct snd_timer_info`, 224 bytes. Members as in [`crate::timer::Info`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "as in the native structure")]
pub struct Info {
    pub flags: u32,
    pub card: i32,
    pub id: [u8; 64],
    pub name: [u8; 80],
    pub reserved0: u32,
    pub resolution: u32,
    pub reserved: [u8; 64],
}

/// `struct snd_timer_status` with 32-bit time, 88 bytes. Members as in [`crate::timer::Status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "as in the native structure")]
pub struct StatusT32 {
    pub tstamp: Timespec32,
    pub resolution: u32,
    pub lost: u32,
    pub overrun: u32,
    pub queue: u32,
    pub reserved: [u8; 64],
}

/// `struct snd_timer_tread` with 32-bit time, 16 bytes. Members as in [`crate::timer::Tread`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[expect(missing_docs, reason = "as in the native structure")]
pub struct TreadT32 {
    pub event: i32,
    pub tstamp: Timespec32,
    pub val: u32,
}

const BOTH: u32 = READ | WRITE;

/// `SNDRV_TIMER_IOCTL_GINFO` of a 32-bit client. The kernel answers ENOTTY.
pub const GINFO: u32 = number(BOTH, KIND, 0x03, size_of::<GInfo>());
/// `SNDRV_TIMER_IOCTL_GPARAMS` of a 32-bit client.
pub const GPARAMS: u32 = number(WRITE, KIND, 0x04, size_of::<GParams>());
/// `SNDRV_TIMER_IOCTL_GSTATUS` of a 32-bit client. The kernel answers ENOTTY.
pub const GSTATUS: u32 = number(BOTH, KIND, 0x05, size_of::<GStatus>());
/// `SNDRV_TIMER_IOCTL_INFO` of a 32-bit client.
pub const INFO: u32 = number(READ, KIND, 0x11, size_of::<Info>());
/// `SNDRV_TIMER_IOCTL_STATUS` with 32-bit time, as the header has it. The kernel answers ENOTTY.
pub const STATUS_T32: u32 = number(READ, KIND, 0x14, size_of::<StatusT32>());
/// STATUS with 32-bit time, as the kernel takes it.
pub const STATUS_T32_TAKEN: u32 = number(WRITE, KIND, 0x14, size_of::<StatusT32>());
/// STATUS with 64-bit time, as the kernel takes it from a 32-bit client.
pub const STATUS_T64_TAKEN: u32 = number(WRITE, KIND, 0x14, size_of::<timer::Status>());

/// The ioctls with 32-bit numbers of their own that the kernel answers, by number.
pub const TABLE: &[Row] = &[
    Row::new(GPARAMS, "GPARAMS", Shape::In),
    Row::new(INFO, "INFO", Shape::Out),
    Row::new(STATUS_T32_TAKEN, "STATUS_T32", Shape::Out),
    Row::new(STATUS_T64_TAKEN, "STATUS_T64", Shape::Out),
];

/// The row of a 32-bit client's number: one of [`TABLE`], or the native row where number and structure are the same;
/// `None` where the kernel answers ENOTTY.
#[must_use]
pub fn find(cmd: u32) -> Option<&'static Row> {
    let other = |row: &&Row| row.cmd != timer::GINFO && row.cmd != timer::GSTATUS;
    let own = crate::ioctl::find(TABLE, cmd);
    own.or_else(|| {
        timer::find(cmd)
            .filter(other)
            .filter(|row| TABLE.iter().all(|own| own.nr() != row.nr()))
    })
}
