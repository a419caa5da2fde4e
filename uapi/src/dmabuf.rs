//! The PCM ioctls of the 2019 dma-buf proposal, which never became part of the kernel; and the kernel's own ioctls that
//! make and sync dma-bufs.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::ioctl::{NONE, READ, Row, Shape, WRITE, number};
use crate::pcm::table::KIND;

/// Exports the ring as a dma-buf: a new descriptor is stored at the argument (an `int`).
pub const EXPORT: u32 = number(READ, KIND, 0x70, 4);
/// Makes the dma-buf whose descriptor is stored at the argument (an `int`) the ring.
pub const ATTACH: u32 = number(WRITE, KIND, 0x71, 4);
/// Takes an attached dma-buf away.
pub const DETACH: u32 = number(NONE, KIND, 0x72, 0);

/// The three rows.
pub const TABLE: &[Row] = &[
    Row::new(EXPORT, "DMABUF_EXPORT", Shape::Out),
    Row::new(ATTACH, "DMABUF_ATTACH", Shape::In),
    Row::new(DETACH, "DMABUF_DETACH", Shape::None),
];

/// The row of a number.
#[must_use]
pub fn find(cmd: u32) -> Option<&'static Row> {
    crate::ioctl::find(TABLE, cmd)
}

/// Makes a dma-buf of pages of a memfd, on `/dev/udmabuf`.
pub const UDMABUF_CREATE: u32 = number(WRITE, b'u', 0x42, size_of::<UdmabufCreate>());

/// Argument of [`UDMABUF_CREATE`] (`linux/udmabuf.h`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[doc(alias = "udmabuf_create")]
pub struct UdmabufCreate {
    /// Descriptor of the memfd.
    pub memfd: u32,
    /// [`UdmabufCreate::CLOEXEC`] or 0.
    pub flags: u32,
    /// Where it begins in the memfd, bytes; whole pages.
    pub offset: u64,
    /// How long it is, bytes; whole pages.
    pub size: u64,
}

impl UdmabufCreate {
    /// The new descriptor is closed at exec.
    pub const CLOEXEC: u32 = 1;
}

/// Begins or ends a program's access to a dma-buf that it has mapped (`linux/dma-buf.h`); the argument is a `u64` of
/// `SYNC_*`.
#[doc(alias = "DMA_BUF_IOCTL_SYNC")]
pub const SYNC: u32 = number(WRITE, b'b', 0, 8);
/// It will read.
pub const SYNC_READ: u64 = 1;
/// It will write.
pub const SYNC_WRITE: u64 = 2;
/// The access ends; without it, it begins.
pub const SYNC_END: u64 = 4;
