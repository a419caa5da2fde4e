//! PCM structures and ioctls of 32-bit clients.

use std::mem::size_of;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::ioctl::{READ, Row, Shape, WRITE, number};
use crate::pcm::Timespec;
use crate::pcm::params::{Interval, Mask};
use crate::pcm::table::{self, KIND};

/// Seconds and nanoseconds of a client with 32-bit time.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Timespec32 {
    /// Seconds, truncated.
    pub sec: i32,
    /// Nanoseconds, 0..10⁹.
    pub nsec: i32,
}

/// `struct snd_pcm_hw_params`, 604 bytes. Members as in [`crate::pcm::HwParams`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "as in the native structure")]
pub struct HwParams {
    pub flags: u32,
    pub masks: [Mask; 3],
    pub mres: [Mask; 5],
    pub intervals: [Interval; 12],
    pub ires: [Interval; 9],
    pub rmask: u32,
    pub cmask: u32,
    pub info: u32,
    pub msbits: u32,
    pub rate_num: u32,
    pub rate_den: u32,
    pub fifo_size: u32,
    pub sync: [u8; 16],
    pub reserved: [u8; 48],
}

/// `struct snd_pcm_sw_params`, 104 bytes. Members as in [`crate::pcm::SwParams`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "as in the native structure")]
pub struct SwParams {
    pub tstamp_mode: i32,
    pub period_step: u32,
    pub sleep_min: u32,
    pub avail_min: u32,
    pub xfer_align: u32,
    pub start_threshold: u32,
    pub stop_threshold: u32,
    pub silence_threshold: u32,
    pub silence_size: u32,
    pub boundary: u32,
    pub proto: u32,
    pub tstamp_type: u32,
    pub reserved: [u8; 56],
}

/// `struct snd_pcm_status` with 32-bit time, 108 bytes. Members as in [`crate::pcm::Status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "as in the native structure")]
pub struct StatusT32 {
    pub state: i32,
    pub trigger_tstamp: Timespec32,
    pub tstamp: Timespec32,
    pub appl_ptr: u32,
    pub hw_ptr: u32,
    pub delay: i32,
    pub avail: u32,
    pub avail_max: u32,
    pub overrange: u32,
    pub suspended_state: i32,
    pub audio_tstamp_data: u32,
    pub audio_tstamp: Timespec32,
    pub driver_tstamp: Timespec32,
    pub audio_tstamp_accuracy: u32,
    pub reserved: [u8; 36],
}

/// `struct snd_pcm_status` with 64-bit time, 128 bytes. Members as in [`crate::pcm::Status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "as in the native structure")]
pub struct StatusT64 {
    pub state: i32,
    pub pad1: u32,
    pub trigger_tstamp: Timespec,
    pub tstamp: Timespec,
    pub appl_ptr: u32,
    pub hw_ptr: u32,
    pub delay: i32,
    pub avail: u32,
    pub avail_max: u32,
    pub overrange: u32,
    pub suspended_state: i32,
    pub audio_tstamp_data: u32,
    pub audio_tstamp: Timespec,
    pub driver_tstamp: Timespec,
    pub audio_tstamp_accuracy: u32,
    pub reserved: [u8; 20],
}

/// `struct snd_pcm_mmap_status` with 32-bit time, 32 bytes. Members as in [`crate::pcm::MmapStatus`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[expect(missing_docs, reason = "as in the native structure")]
pub struct MmapStatusT32 {
    pub state: i32,
    pub pad1: u32,
    pub hw_ptr: u32,
    pub tstamp: Timespec32,
    pub suspended_state: i32,
    pub audio_tstamp: Timespec32,
}

/// `struct snd_pcm_mmap_status` with 64-bit time, 56 bytes. Members as in [`crate::pcm::MmapStatus`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[expect(missing_docs, reason = "as in the native structure")]
pub struct MmapStatusT64 {
    pub state: i32,
    pub pad1: u32,
    pub hw_ptr: u32,
    pub pad2: u32,
    pub tstamp: Timespec,
    pub suspended_state: i32,
    pub pad3: u32,
    pub audio_tstamp: Timespec,
}

/// `struct snd_pcm_mmap_control` with 32-bit time, 8 bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MmapControlT32 {
    /// Application pointer, frames.
    pub appl_ptr: u32,
    /// Wake-up threshold, frames.
    pub avail_min: u32,
}

/// `struct snd_pcm_mmap_control` with 64-bit time, 12 bytes. The padding follows the wrong member, and so it has stayed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MmapControlT64 {
    /// Application pointer, frames.
    pub appl_ptr: u32,
    /// Wake-up threshold, frames.
    pub avail_min: u32,
    /// Padding.
    pub pad: u32,
}

/// `struct snd_pcm_sync_ptr` with 32-bit time, 132 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SyncPtrT32 {
    /// As in [`crate::pcm::SyncPtr`].
    pub flags: u32,
    /// Status half of the union, padded to 64 bytes.
    pub status: MmapStatusT32,
    /// The rest of the status union.
    pub status_pad: [u8; 32],
    /// Control half of the union, padded to 64 bytes.
    pub control: MmapControlT32,
    /// The rest of the control union.
    pub control_pad: [u8; 56],
}

/// `struct snd_pcm_sync_ptr` with 64-bit time, 136 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SyncPtrT64 {
    /// As in [`crate::pcm::SyncPtr`].
    pub flags: u32,
    /// Padding.
    pub pad1: u32,
    /// Status half of the union, padded to 64 bytes.
    pub status: MmapStatusT64,
    /// The rest of the status union.
    pub status_pad: [u8; 8],
    /// Control half of the union, padded to 64 bytes.
    pub control: MmapControlT64,
    /// The rest of the control union.
    pub control_pad: [u8; 52],
}

/// `struct snd_pcm_channel_info`, 16 bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ChannelInfo {
    /// Channel asked for.
    pub channel: u32,
    /// mmap offset, bytes; −1 where nothing can be mapped.
    pub offset: i32,
    /// First sample, bits from the start of the ring.
    pub first: u32,
    /// Distance of samples, bits.
    pub step: u32,
}

/// `struct snd_xferi`, 12 bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct XferI {
    /// Frames moved, or −errno (returned).
    pub result: i32,
    /// Address of the samples in the client.
    pub buf: u32,
    /// Frames asked for.
    pub frames: u32,
}

/// `struct snd_xfern`, 12 bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct XferN {
    /// Frames moved, or −errno (returned).
    pub result: i32,
    /// Address of an array of `channels` 32-bit addresses in the client.
    pub bufs: u32,
    /// Frames asked for.
    pub frames: u32,
}

const FRAMES: usize = 4;
const BOTH: u32 = READ | WRITE;

macro_rules! ioctls {
    ($($name:ident = $dir:ident, $nr:literal, $size:expr, $make:ident $shape:ident;)*) => {
        $(#[doc = concat!("`SNDRV_PCM_IOCTL_", stringify!($name), "` of a 32-bit client.")]
          pub const $name: u32 = number($dir, KIND, $nr, $size);)*

        /// The ioctls with 32-bit numbers or structures of their own, by number.
        pub const TABLE: &[Row] = &[$(Row::$make($name, stringify!($name), Shape::$shape)),*];
    };
}

ioctls! {
    HW_REFINE = BOTH, 0x10, size_of::<HwParams>(), new InOut;
    HW_PARAMS = BOTH, 0x11, size_of::<HwParams>(), new InOut;
    SW_PARAMS = BOTH, 0x13, size_of::<SwParams>(), new InOut;
    STATUS_T32 = READ, 0x20, size_of::<StatusT32>(), new Out;
    STATUS_T64 = READ, 0x20, size_of::<StatusT64>(), new Out;
    DELAY = READ, 0x21, FRAMES, new Out;
    SYNC_PTR_T32 = BOTH, 0x23, size_of::<SyncPtrT32>(), new InOut;
    SYNC_PTR_T64 = BOTH, 0x23, size_of::<SyncPtrT64>(), new InOut;
    STATUS_EXT_T32 = BOTH, 0x24, size_of::<StatusT32>(), new InOut;
    STATUS_EXT_T64 = BOTH, 0x24, size_of::<StatusT64>(), new InOut;
    CHANNEL_INFO = READ, 0x32, size_of::<ChannelInfo>(), new InOut;
    REWIND = WRITE, 0x46, FRAMES, new InOut;
    FORWARD = WRITE, 0x49, FRAMES, new InOut;
    WRITEI_FRAMES = WRITE, 0x50, size_of::<XferI>(), indirect InOut;
    READI_FRAMES = READ, 0x51, size_of::<XferI>(), indirect InOut;
    WRITEN_FRAMES = WRITE, 0x52, size_of::<XferN>(), indirect InOut;
    READN_FRAMES = READ, 0x53, size_of::<XferN>(), indirect InOut;
}

/// Numbers that the kernel takes from 64-bit clients too, with the structures of 32-bit time.
pub const NATIVE_TOO: [u32; 3] = [STATUS_T32, STATUS_EXT_T32, SYNC_PTR_T32];

/// The row of a 32-bit client's number: one of [`TABLE`], or the native row where number and structure are the same;
/// `None` where the kernel answers ENOTTY.
#[must_use]
pub fn find(cmd: u32) -> Option<&'static Row> {
    let own = crate::ioctl::find(TABLE, cmd);
    own.or_else(|| table::find(cmd).filter(|row| TABLE.iter().all(|own| own.nr() != row.nr())))
}
