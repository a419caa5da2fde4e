//! The PCM ioctls, with the real shape of their arguments.

use std::mem::size_of;

use super::params::HwParamsOld;
use super::{ChannelInfo, HwParams, Info, Status, SwParams, SyncPtr, XferI, XferN};
use crate::ioctl::{NONE, READ, Row, Shape, WRITE, number};

/// The type byte of PCM ioctls.
pub const KIND: u8 = b'A';
/// The protocol version a card reports: 2.0.18.
pub const VERSION: u32 = 0x0002_0012;

/// mmap offset of the ring.
pub const MMAP_OFFSET_DATA: u64 = 0;
/// mmap offset of the status page (64-bit clients, and 32-bit ones of 32-bit time).
pub const MMAP_OFFSET_STATUS_OLD: u64 = 0x8000_0000;
/// mmap offset of the control page (64-bit clients, and 32-bit ones of 32-bit time).
pub const MMAP_OFFSET_CONTROL_OLD: u64 = 0x8100_0000;
/// mmap offset of the status page (32-bit clients of 64-bit time).
pub const MMAP_OFFSET_STATUS_NEW: u64 = 0x8200_0000;
/// mmap offset of the control page (32-bit clients of 64-bit time).
pub const MMAP_OFFSET_CONTROL_NEW: u64 = 0x8300_0000;

const INT: usize = 4;
const FRAMES: usize = 8;
const BOTH: u32 = READ | WRITE;

macro_rules! ioctls {
    ($($name:ident = $dir:ident, $nr:literal, $size:expr, $make:ident $shape:ident;)*) => {
        $(#[doc = concat!("`SNDRV_PCM_IOCTL_", stringify!($name), "`")]
          pub const $name: u32 = number($dir, KIND, $nr, $size);)*

        /// Every PCM ioctl of a 64-bit client, by number.
        pub const TABLE: &[Row] = &[$(Row::$make($name, stringify!($name), Shape::$shape)),*];
    };
}

ioctls! {
    PVERSION = READ, 0x00, INT, new Out;
    INFO = READ, 0x01, size_of::<Info>(), new Out;
    TSTAMP = WRITE, 0x02, INT, new In;
    TTSTAMP = WRITE, 0x03, INT, new In;
    USER_PVERSION = WRITE, 0x04, INT, new In;
    HW_REFINE = BOTH, 0x10, size_of::<HwParams>(), new InOut;
    HW_REFINE_OLD = BOTH, 0x10, size_of::<HwParamsOld>(), new InOut;
    HW_PARAMS = BOTH, 0x11, size_of::<HwParams>(), new InOut;
    HW_PARAMS_OLD = BOTH, 0x11, size_of::<HwParamsOld>(), new InOut;
    HW_FREE = NONE, 0x12, 0, new None;
    SW_PARAMS = BOTH, 0x13, size_of::<SwParams>(), new InOut;
    STATUS = READ, 0x20, size_of::<Status>(), new Out;
    DELAY = READ, 0x21, FRAMES, new Out;
    HWSYNC = NONE, 0x22, 0, new None;
    SYNC_PTR = BOTH, 0x23, size_of::<SyncPtr>(), new InOut;
    STATUS_EXT = BOTH, 0x24, size_of::<Status>(), new InOut;
    CHANNEL_INFO = READ, 0x32, size_of::<ChannelInfo>(), new InOut;
    PREPARE = NONE, 0x40, 0, new None;
    RESET = NONE, 0x41, 0, new None;
    START = NONE, 0x42, 0, new None;
    DROP = NONE, 0x43, 0, new None;
    DRAIN = NONE, 0x44, 0, new None;
    PAUSE = WRITE, 0x45, INT, new Value;
    REWIND = WRITE, 0x46, FRAMES, new InOut;
    RESUME = NONE, 0x47, 0, new None;
    XRUN = NONE, 0x48, 0, new None;
    FORWARD = WRITE, 0x49, FRAMES, new InOut;
    WRITEI_FRAMES = WRITE, 0x50, size_of::<XferI>(), indirect InOut;
    READI_FRAMES = READ, 0x51, size_of::<XferI>(), indirect InOut;
    WRITEN_FRAMES = WRITE, 0x52, size_of::<XferN>(), indirect InOut;
    READN_FRAMES = READ, 0x53, size_of::<XferN>(), indirect InOut;
    LINK = WRITE, 0x60, INT, new Value;
    UNLINK = NONE, 0x61, 0, new None;
}

/// The row of a number; `None` where the kernel answers ENOTTY.
#[must_use]
pub fn find(cmd: u32) -> Option<&'static Row> {
    crate::ioctl::find(TABLE, cmd)
}
