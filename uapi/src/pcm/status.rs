//! Identity, status and pointers of a PCM stream.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// State of a stream (`SNDRV_PCM_STATE_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i32)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum State {
    Open = 0,
    Setup = 1,
    Prepared = 2,
    Running = 3,
    Xrun = 4,
    Draining = 5,
    Paused = 6,
    Suspended = 7,
    Disconnected = 8,
}

/// Seconds and nanoseconds of a 64-bit client.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Timespec {
    /// Seconds.
    pub sec: i64,
    /// Nanoseconds, 0..10⁹.
    pub nsec: i64,
}

/// `struct snd_pcm_info`, 288 bytes.
#[doc(alias = "snd_pcm_info")]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Info {
    /// Device number.
    pub device: u32,
    /// Subdevice number.
    pub subdevice: u32,
    /// 0 playback, 1 capture.
    pub stream: i32,
    /// Card number.
    pub card: i32,
    /// Identifier, NUL terminated.
    pub id: [u8; 64],
    /// Name, NUL terminated.
    pub name: [u8; 80],
    /// Subdevice name, NUL terminated.
    pub subname: [u8; 32],
    /// 0 generic.
    pub dev_class: i32,
    /// 0 generic mix.
    pub dev_subclass: i32,
    /// How many subdevices this direction has.
    pub subdevices_count: u32,
    /// How many of them are free.
    pub subdevices_avail: u32,
    /// Formerly a synchronisation id; zero.
    pub pad1: [u8; 16],
    /// Zero.
    pub reserved: [u8; 64],
}

/// `struct snd_pcm_status` of a 64-bit client, 152 bytes.
#[doc(alias = "snd_pcm_status")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Status {
    /// [`State`].
    pub state: i32,
    /// Padding.
    pub pad1: u32,
    /// When the stream last started, stopped or paused.
    pub trigger_tstamp: Timespec,
    /// Time of the reading.
    pub tstamp: Timespec,
    /// Application pointer, frames.
    pub appl_ptr: u64,
    /// Hardware pointer, frames.
    pub hw_ptr: u64,
    /// Frames between the application and the ear, or the microphone and the application.
    pub delay: i64,
    /// Free (playback) or filled (capture) frames.
    pub avail: u64,
    /// Largest `avail` since the last status.
    pub avail_max: u64,
    /// Overruns of the converter; 0.
    pub overrange: u64,
    /// State before the suspend.
    pub suspended_state: i32,
    /// Request and report of audio timestamps.
    pub audio_tstamp_data: u32,
    /// Audio timestamp.
    pub audio_tstamp: Timespec,
    /// When the device read its pointer.
    pub driver_tstamp: Timespec,
    /// ns.
    pub audio_tstamp_accuracy: u32,
    /// Zero.
    pub reserved: [u8; 20],
}

/// `struct snd_pcm_mmap_status` of a 64-bit client, 56 bytes.
#[doc(alias = "snd_pcm_mmap_status")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MmapStatus {
    /// [`State`].
    pub state: i32,
    /// Padding.
    pub pad1: u32,
    /// Hardware pointer, frames.
    pub hw_ptr: u64,
    /// Time of the last update.
    pub tstamp: Timespec,
    /// State before the suspend.
    pub suspended_state: i32,
    /// Padding.
    pub pad2: u32,
    /// Audio timestamp of the last update.
    pub audio_tstamp: Timespec,
}

/// `struct snd_pcm_mmap_control` of a 64-bit client, 16 bytes.
#[doc(alias = "snd_pcm_mmap_control")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MmapControl {
    /// Application pointer, frames.
    pub appl_ptr: u64,
    /// Wake-up threshold, frames.
    pub avail_min: u64,
}

/// `struct snd_pcm_sync_ptr` of a 64-bit client, 136 bytes.
#[doc(alias = "snd_pcm_sync_ptr")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SyncPtr {
    /// [`SyncPtr::HWSYNC`], [`SyncPtr::APPL`], [`SyncPtr::AVAIL_MIN`].
    pub flags: u32,
    /// Padding.
    pub pad: u32,
    /// Status half of the union, padded to 64 bytes.
    pub status: MmapStatus,
    /// The rest of the status union.
    pub status_pad: [u8; 8],
    /// Control half of the union, padded to 64 bytes.
    pub control: MmapControl,
    /// The rest of the control union.
    pub control_pad: [u8; 48],
}

impl SyncPtr {
    /// Update the hardware pointer first.
    pub const HWSYNC: u32 = 1;
    /// Report `appl_ptr` instead of applying it.
    pub const APPL: u32 = 2;
    /// Report `avail_min` instead of applying it.
    pub const AVAIL_MIN: u32 = 4;
}

/// `struct snd_pcm_channel_info` of a 64-bit client, 24 bytes.
#[doc(alias = "snd_pcm_channel_info")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ChannelInfo {
    /// Channel asked for.
    pub channel: u32,
    /// Padding.
    pub pad: u32,
    /// mmap offset, bytes; −1 where nothing can be mapped.
    pub offset: i64,
    /// First sample, bits from the start of the ring.
    pub first: u32,
    /// Distance of samples, bits.
    pub step: u32,
}
