//! The control ioctls, with the real shape of their arguments.

use std::mem::size_of;

use super::elem::{CardInfo, ElemId, ElemInfo, ElemList, ElemValue, Tlv};
use crate::ioctl::{READ, Row, Shape, WRITE, number};
use crate::pcm::Info;

/// The type byte of control ioctls.
pub const KIND: u8 = b'U';
/// The protocol version a card reports: 2.0.9.
pub const VERSION: u32 = 0x0002_0009;

const INT: usize = 4;
const BOTH: u32 = READ | WRITE;
/// Size of `struct snd_hwdep_info`, bytes.
pub const HWDEP_INFO_SIZE: usize = 220;
/// Size of `struct snd_rawmidi_info`, bytes.
pub const RAWMIDI_INFO_SIZE: usize = 268;
/// Size of `struct snd_ump_endpoint_info`, bytes.
pub const UMP_ENDPOINT_INFO_SIZE: usize = 328;
/// Size of `struct snd_ump_block_info`, bytes.
pub const UMP_BLOCK_INFO_SIZE: usize = 180;

macro_rules! ioctls {
    ($($name:ident = $dir:ident, $nr:literal, $size:expr, $make:ident $shape:ident;)*) => {
        $(#[doc = concat!("`SNDRV_CTL_IOCTL_", stringify!($name), "`")]
          pub const $name: u32 = number($dir, KIND, $nr, $size);)*

        /// Every control ioctl of a 64-bit client, by number.
        pub const TABLE: &[Row] = &[$(Row::$make($name, stringify!($name), Shape::$shape)),*];
    };
}

ioctls! {
    PVERSION = READ, 0x00, INT, new Out;
    CARD_INFO = READ, 0x01, size_of::<CardInfo>(), new Out;
    ELEM_LIST = BOTH, 0x10, size_of::<ElemList>(), indirect InOut;
    ELEM_INFO = BOTH, 0x11, size_of::<ElemInfo>(), new InOut;
    ELEM_READ = BOTH, 0x12, size_of::<ElemValue>(), new InOut;
    ELEM_WRITE = BOTH, 0x13, size_of::<ElemValue>(), new InOut;
    ELEM_LOCK = WRITE, 0x14, size_of::<ElemId>(), new In;
    ELEM_UNLOCK = WRITE, 0x15, size_of::<ElemId>(), new In;
    SUBSCRIBE_EVENTS = BOTH, 0x16, INT, new InOut;
    ELEM_ADD = BOTH, 0x17, size_of::<ElemInfo>(), indirect InOut;
    ELEM_REPLACE = BOTH, 0x18, size_of::<ElemInfo>(), indirect InOut;
    ELEM_REMOVE = BOTH, 0x19, size_of::<ElemId>(), new InOut;
    TLV_READ = BOTH, 0x1a, size_of::<Tlv>(), indirect InOut;
    TLV_WRITE = BOTH, 0x1b, size_of::<Tlv>(), indirect InOut;
    TLV_COMMAND = BOTH, 0x1c, size_of::<Tlv>(), indirect InOut;
    HWDEP_NEXT_DEVICE = BOTH, 0x20, INT, new InOut;
    HWDEP_INFO = READ, 0x21, HWDEP_INFO_SIZE, new InOut;
    PCM_NEXT_DEVICE = READ, 0x30, INT, new InOut;
    PCM_INFO = BOTH, 0x31, size_of::<Info>(), new InOut;
    PCM_PREFER_SUBDEVICE = WRITE, 0x32, INT, new In;
    RAWMIDI_NEXT_DEVICE = BOTH, 0x40, INT, new InOut;
    RAWMIDI_INFO = BOTH, 0x41, RAWMIDI_INFO_SIZE, new InOut;
    RAWMIDI_PREFER_SUBDEVICE = WRITE, 0x42, INT, new In;
    UMP_NEXT_DEVICE = BOTH, 0x43, INT, new InOut;
    UMP_ENDPOINT_INFO = BOTH, 0x44, UMP_ENDPOINT_INFO_SIZE, new InOut;
    UMP_BLOCK_INFO = BOTH, 0x45, UMP_BLOCK_INFO_SIZE, new InOut;
    POWER = BOTH, 0xd0, INT, new InOut;
    POWER_STATE = READ, 0xd1, INT, new Out;
}

/// The row of a number; `None` where the kernel answers ENOTTY.
#[must_use]
pub fn find(cmd: u32) -> Option<&'static Row> {
    crate::ioctl::find(TABLE, cmd)
}
