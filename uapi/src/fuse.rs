//! The FUSE protocol, as far as a device node can receive it: opcodes, messages, flags. Layouts of protocol 7.41 (the
//! same on every architecture and for 32-bit daemons); CUSE speaks it too.
//!
//! A request is an [`InHeader`] and its body, an answer an [`OutHeader`] and its body.

pub mod flags;
pub mod node;
pub mod opcode;
pub mod open_file;
pub mod session;
pub mod unasked;

pub use node::*;
pub use open_file::*;
pub use session::*;
pub use unasked::*;

use std::mem::size_of;

use crate::ioctl::{READ, WRITE, number};

/// Major protocol version.
pub const KERNEL_VERSION: u32 = 7;
/// Minor protocol version these layouts are of.
pub const KERNEL_MINOR_VERSION: u32 = 41;
/// Node id of the root.
pub const ROOT_ID: u64 = 1;
/// Smallest buffer a daemon may read with, bytes.
pub const MIN_READ_BUFFER: usize = 8192;
/// Largest number of vectors in an ioctl retry, in and out together.
pub const IOCTL_MAX_IOV: usize = 256;
/// Largest text after [`CuseInitOut`], bytes.
pub const CUSE_INIT_INFO_MAX: usize = 4096;

/// The type byte of ioctls on `/dev/fuse`.
pub const DEV_IOC_MAGIC: u8 = 229;
/// `FUSE_DEV_IOC_CLONE`: adds a channel; argument: the address of the descriptor to join.
pub const DEV_IOC_CLONE: u32 = number(READ, DEV_IOC_MAGIC, 0, 4);
/// `FUSE_DEV_IOC_BACKING_OPEN`: registers a backing file; argument [`BackingMap`], returns its id.
pub const DEV_IOC_BACKING_OPEN: u32 = number(WRITE, DEV_IOC_MAGIC, 1, size_of::<BackingMap>());
/// `FUSE_DEV_IOC_BACKING_CLOSE`: drops a backing file; argument: the address of its id.
pub const DEV_IOC_BACKING_CLOSE: u32 = number(WRITE, DEV_IOC_MAGIC, 2, 4);

/// Codes of messages a daemon sends unasked, in [`OutHeader::error`] with `unique` 0.
pub mod notify {
    #![expect(missing_docs, reason = "the names are the field's own")]
    pub const POLL: i32 = 1;
    pub const INVAL_INODE: i32 = 2;
    pub const INVAL_ENTRY: i32 = 3;
    pub const STORE: i32 = 4;
    pub const RETRIEVE: i32 = 5;
    pub const DELETE: i32 = 6;
    pub const RESEND: i32 = 7;
}

/// The length of a directory entry with a name of `namelen` bytes: header and name, padded to 8 bytes.
#[must_use]
pub const fn dirent_size(namelen: usize) -> usize {
    size_of::<Dirent>()
        .saturating_add(namelen)
        .saturating_add(7)
        & !7
}
