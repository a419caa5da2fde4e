//! Headers, the start of a session, and what belongs to no node.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Before every request; 40 bytes.
#[doc(alias = "fuse_in_header")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct InHeader {
    /// Bytes of the whole message.
    pub len: u32,
    /// What is asked: [`super::opcode`].
    pub opcode: u32,
    /// Name of the request.
    pub unique: u64,
    /// The node.
    pub nodeid: u64,
    /// The caller's user.
    pub uid: u32,
    /// The caller's group.
    pub gid: u32,
    /// The caller's thread id; 0 if not visible from here.
    pub pid: u32,
    /// Length of extensions, in 8 bytes.
    pub total_extlen: u16,
    /// Padding.
    pub padding: u16,
}

/// Before every answer; 16 bytes.
#[doc(alias = "fuse_out_header")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct OutHeader {
    /// Bytes of the whole message.
    pub len: u32,
    /// 0 or −errno, −511..=0; with `unique` 0 a code of [`super::notify`].
    pub error: i32,
    /// Name of the request; 0: unasked.
    pub unique: u64,
}

/// INIT, asked. Older kernels send the first 16 bytes only.
#[doc(alias = "fuse_init_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct InitIn {
    /// Major version.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
    /// Bytes.
    pub max_readahead: u32,
    /// [`super::flags::init`], lower half.
    pub flags: u32,
    /// [`super::flags::init`], upper half.
    pub flags2: u32,
    /// Zero.
    pub unused: [u32; 11],
}

/// INIT, answered; 64 bytes.
#[doc(alias = "fuse_init_out")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct InitOut {
    /// Major version.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
    /// Bytes.
    pub max_readahead: u32,
    /// [`super::flags::init`], lower half.
    pub flags: u32,
    /// Requests in the background.
    pub max_background: u16,
    /// Requests in the background that count as congestion.
    pub congestion_threshold: u16,
    /// Largest write, bytes.
    pub max_write: u32,
    /// Granularity of file times, ns.
    pub time_gran: u32,
    /// Largest request, pages.
    pub max_pages: u16,
    /// log2 bytes (DAX).
    pub map_alignment: u16,
    /// [`super::flags::init`], upper half.
    pub flags2: u32,
    /// File systems that may be stacked, for passthrough at least 1.
    pub max_stack_depth: u32,
    /// Seconds after which an unanswered request ends the connection; 0 never.
    pub request_timeout: u16,
    /// Zero.
    pub unused: [u16; 11],
}

/// CUSE_INIT, asked.
#[doc(alias = "cuse_init_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct CuseInitIn {
    /// Major version.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
    /// Zero.
    pub unused: u32,
    /// [`super::flags::cuse`].
    pub flags: u32,
}

/// CUSE_INIT, answered; 72 bytes, then `KEY=value` strings, NUL terminated.
#[doc(alias = "cuse_init_out")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct CuseInitOut {
    /// Major version.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
    /// Zero.
    pub unused: u32,
    /// [`super::flags::cuse`].
    pub flags: u32,
    /// Largest read, bytes.
    pub max_read: u32,
    /// Largest write, bytes.
    pub max_write: u32,
    /// Major device number; 0 any.
    pub dev_major: u32,
    /// Minor device number.
    pub dev_minor: u32,
    /// Zero.
    pub spare: [u32; 10],
}

/// INTERRUPT.
#[doc(alias = "fuse_interrupt_in")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct InterruptIn {
    /// The request whose caller got a signal.
    pub unique: u64,
}

/// Argument of `FUSE_DEV_IOC_BACKING_OPEN`.
#[doc(alias = "fuse_backing_map")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct BackingMap {
    /// The backing file.
    pub fd: i32,
    /// Zero.
    pub flags: u32,
    /// Zero.
    pub padding: u64,
}
