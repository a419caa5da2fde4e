//! What is asked of an open file.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// OPEN and OPENDIR, asked.
#[doc(alias = "fuse_open_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct OpenIn {
    /// Open flags (`O_*`).
    pub flags: u32,
    /// [`super::flags::open`].
    pub open_flags: u32,
}

/// OPEN and OPENDIR, answered.
#[doc(alias = "fuse_open_out")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct OpenOut {
    /// The open file, named by the daemon.
    pub fh: u64,
    /// [`super::flags::fopen`].
    pub open_flags: u32,
    /// Backing file, with `fopen::PASSTHROUGH`; else 0.
    pub backing_id: i32,
}

/// RELEASE and RELEASEDIR, asked.
#[doc(alias = "fuse_release_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ReleaseIn {
    /// The open file.
    pub fh: u64,
    /// Open flags (`O_*`).
    pub flags: u32,
    /// [`super::flags::release`].
    pub release_flags: u32,
    /// Lock owner.
    pub lock_owner: u64,
}

/// FLUSH, asked.
#[doc(alias = "fuse_flush_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct FlushIn {
    /// The open file.
    pub fh: u64,
    /// Unused.
    pub unused: u32,
    /// Padding.
    pub padding: u32,
    /// Lock owner.
    pub lock_owner: u64,
}

/// READ and READDIR, asked.
#[doc(alias = "fuse_read_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ReadIn {
    /// The open file.
    pub fh: u64,
    /// Bytes; for READDIR a position.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
    /// [`super::flags::read`].
    pub read_flags: u32,
    /// Lock owner.
    pub lock_owner: u64,
    /// The file's current flags (`O_*`).
    pub flags: u32,
    /// Padding.
    pub padding: u32,
}

/// WRITE, asked; the bytes follow.
#[doc(alias = "fuse_write_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct WriteIn {
    /// The open file.
    pub fh: u64,
    /// Bytes.
    pub offset: u64,
    /// Bytes that follow.
    pub size: u32,
    /// [`super::flags::write`].
    pub write_flags: u32,
    /// Lock owner.
    pub lock_owner: u64,
    /// The file's current flags (`O_*`).
    pub flags: u32,
    /// Padding.
    pub padding: u32,
}

/// WRITE, answered.
#[doc(alias = "fuse_write_out")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct WriteOut {
    /// Bytes taken.
    pub size: u32,
    /// Padding.
    pub padding: u32,
}

/// FSYNC and FSYNCDIR, asked.
#[doc(alias = "fuse_fsync_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct FsyncIn {
    /// The open file.
    pub fh: u64,
    /// 1: data only.
    pub fsync_flags: u32,
    /// Padding.
    pub padding: u32,
}

/// LSEEK, asked (SEEK_DATA and SEEK_HOLE only).
#[doc(alias = "fuse_lseek_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct LseekIn {
    /// The open file.
    pub fh: u64,
    /// Bytes.
    pub offset: u64,
    /// `SEEK_*`.
    pub whence: u32,
    /// Padding.
    pub padding: u32,
}

/// LSEEK, answered.
#[doc(alias = "fuse_lseek_out")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct LseekOut {
    /// Bytes.
    pub offset: u64,
}

/// FALLOCATE, asked.
#[doc(alias = "fuse_fallocate_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct FallocateIn {
    /// The open file.
    pub fh: u64,
    /// Bytes.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// `FALLOC_FL_*`.
    pub mode: u32,
    /// Padding.
    pub padding: u32,
}

/// IOCTL, asked; `in_size` bytes follow.
#[doc(alias = "fuse_ioctl_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct IoctlIn {
    /// The open file.
    pub fh: u64,
    /// [`super::flags::ioctl`].
    pub flags: u32,
    /// Command.
    pub cmd: u32,
    /// The argument word.
    pub arg: u64,
    /// Bytes that follow.
    pub in_size: u32,
    /// Bytes that may be answered.
    pub out_size: u32,
}

/// A piece of the caller's memory, in an ioctl retry.
#[doc(alias = "fuse_ioctl_iovec")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct IoctlIovec {
    /// Address.
    pub base: u64,
    /// Bytes.
    pub len: u64,
}

/// IOCTL, answered; data or [`IoctlIovec`]s follow.
#[doc(alias = "fuse_ioctl_out")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct IoctlOut {
    /// What ioctl(2) returns: ≥ 0, or −errno.
    pub result: i32,
    /// [`super::flags::ioctl`].
    pub flags: u32,
    /// Pieces to read, with `RETRY`.
    pub in_iovs: u32,
    /// Pieces to write, with `RETRY`.
    pub out_iovs: u32,
}

/// POLL, asked.
#[doc(alias = "fuse_poll_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct PollIn {
    /// The open file.
    pub fh: u64,
    /// Name of the poller, for the wake-up.
    pub kh: u64,
    /// [`super::flags::poll`].
    pub flags: u32,
    /// Events asked for (`POLL*`).
    pub events: u32,
}

/// POLL, answered.
#[doc(alias = "fuse_poll_out")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct PollOut {
    /// Events that are ready.
    pub revents: u32,
    /// Padding.
    pub padding: u32,
}
