//! The PCM ioctls of the 2019 dma-buf proposal, which never became part of the kernel.

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
