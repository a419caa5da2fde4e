//! `/dev/udmabuf`: dma-bufs of the pages of a memfd. (Heaps come with the crate `dma-heap`.)
#![allow(unsafe_code, reason = "one ioctl that takes a structure")]

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use uapi::Errno;
use uapi::dmabuf::{UDMABUF_CREATE, UdmabufCreate};

use super::steps;

/// The node.
pub(super) const UDMABUF: &str = "/dev/udmabuf";

/// A dma-buf of `bytes` of `memfd` from `offset`, both whole pages. The memfd has to be sealed against shrinking, and not
/// against writing.
///
/// # Errors
/// ENOENT, EACCES: the node. EINVAL: the file, its seals, the sizes, or more than the module's limit. ENOMEM.
pub(crate) fn wrap(memfd: impl AsFd, offset: u64, bytes: u64) -> Result<OwnedFd, Errno> {
    steps::step()?;
    let device = rustix::fs::open(UDMABUF, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .map_err(super::area::errno)?;
    steps::step()?;
    let create = UdmabufCreate {
        memfd: u32::try_from(memfd.as_fd().as_raw_fd()).map_err(|_| Errno::EBADF)?,
        flags: UdmabufCreate::CLOEXEC,
        offset,
        size: bytes,
    };
    // SAFETY: the command reads an `UdmabufCreate`, which lives over the call.
    let fd = unsafe {
        libc::ioctl(
            device.as_raw_fd(),
            libc::Ioctl::from(UDMABUF_CREATE),
            &raw const create,
        )
    };
    if fd < 0 {
        let error = std::io::Error::last_os_error().raw_os_error();
        return Err(Errno(error.unwrap_or(Errno::EIO.0)));
    }
    // SAFETY: the kernel made the descriptor for this call; nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
