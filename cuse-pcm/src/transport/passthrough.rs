//! Memory of an open that the kernel maps in place of the node: a file of ours, laid out as the node is.
//!
//! Needs CAP_SYS_ADMIN in the initial user namespace, for [`register`].
#![allow(unsafe_code, reason = "ioctls on /dev/fuse")]

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use hw_backends::dma::{Area, Backing, Pages, Shared};
use rustix::fs::{FallocateFlags, MemfdFlags, Mode, OFlags, SealFlags};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags};
use uapi::Errno;
use uapi::fuse::{BackingMap, DEV_IOC_BACKING_CLOSE, DEV_IOC_BACKING_OPEN};
use uapi::pcm::table;

use super::channel::Channel;
use super::errno;

/// Where the status page is: the old offset and the new one.
pub const STATUS: [u64; 2] = [table::MMAP_OFFSET_STATUS_OLD, table::MMAP_OFFSET_STATUS_NEW];
/// Where the control page is: the old offset and the new one.
pub const CONTROL: [u64; 2] = [
    table::MMAP_OFFSET_CONTROL_OLD,
    table::MMAP_OFFSET_CONTROL_NEW,
];
/// The end of the last page, and the most a client can reach.
pub const END: u64 = CONTROL[1] + PAGE;
/// Data ends here at the latest.
pub const DATA_LIMIT: u64 = STATUS[0];
const PAGE: u64 = 4096;

/// A registered file, as the kernel numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackingId(pub i32);

/// Makes `file` known to the kernel as one that opens may be backed by.
///
/// # Errors
/// EPERM without the privilege; EOPNOTSUPP, ENOTTY on kernels without.
pub fn register(channel: &Channel, file: impl AsFd) -> Result<BackingId, Errno> {
    let map = BackingMap {
        fd: file.as_fd().as_raw_fd(),
        flags: 0,
        padding: 0,
    };
    // SAFETY: the command reads a `BackingMap`, which lives over the call.
    let id = unsafe {
        libc::ioctl(
            channel.fd().as_raw_fd(),
            libc::Ioctl::from(DEV_IOC_BACKING_OPEN),
            &raw const map,
        )
    };
    if id <= 0 {
        return Err(last_errno());
    }
    Ok(BackingId(id))
}

/// Drops a registration; opens that use the file keep it.
pub fn unregister(channel: &Channel, id: BackingId) {
    // SAFETY: the command reads an `i32`, which lives over the call.
    let done = unsafe {
        libc::ioctl(
            channel.fd().as_raw_fd(),
            libc::Ioctl::from(DEV_IOC_BACKING_CLOSE),
            &raw const id.0,
        )
    };
    if done < 0 {
        log::warn!("Backing file {} was not dropped: {}", id.0, last_errno());
    }
}

fn last_errno() -> Errno {
    Errno(
        std::io::Error::last_os_error()
            .raw_os_error()
            .unwrap_or(Errno::EIO.0),
    )
}

/// Whether this process may [`register`]: it has CAP_SYS_ADMIN, in the initial user namespace.
#[must_use]
pub fn permitted() -> bool {
    const CAP_SYS_ADMIN: u32 = 21;
    /// The number that the kernel gives the initial user namespace.
    const INITIAL: &str = "user:[4026531837]";
    let initial =
        std::fs::read_link("/proc/self/ns/user").is_ok_and(|ns| ns.as_os_str() == INITIAL);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective
        .and_then(|set| u64::from_str_radix(set.trim(), 16).ok())
        .unwrap_or(0);
    initial && effective & (1 << CAP_SYS_ADMIN) != 0
}

/// An empty file as long as the layout, that takes no memory where nothing was written and never shrinks.
///
/// # Errors
/// ENOMEM, EMFILE.
pub fn sparse_file() -> Result<OwnedFd, Errno> {
    let file = rustix::fs::memfd_create("pcm", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)
        .map_err(errno)?;
    rustix::fs::ftruncate(&file, END).map_err(errno)?;
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)
        .map_err(errno)?;
    Ok(file)
}

/// As [`sparse_file`], for a 32-bit program. The kernel opens the file behind an open with the program's own flags, and a
/// memfd of this length only if these include O_LARGEFILE. A file of a ramfs has no such limit; it cannot be sealed.
///
/// # Errors
/// EPERM without CAP_SYS_ADMIN; ENOMEM, EMFILE.
fn sparse_file_for_32_bits() -> Result<OwnedFd, Errno> {
    let context = rustix::mount::fsopen("ramfs", FsOpenFlags::FSOPEN_CLOEXEC).map_err(errno)?;
    rustix::mount::fsconfig_create(&context).map_err(errno)?;
    // In no namespace; it ends with the file.
    let mount = rustix::mount::fsmount(
        &context,
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::empty(),
    )
    .map_err(errno)?;
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&mount, ".", flags, Mode::RUSR | Mode::WUSR).map_err(errno)?;
    rustix::fs::ftruncate(&file, END).map_err(errno)?;
    Ok(file)
}

/// The daemon's side of one open's memory.
#[derive(Debug)]
pub struct FileBacking {
    file: Shared,
    pages: Pages,
    allocated: usize,
}

impl FileBacking {
    /// Fresh memory, of a 32-bit program if it is `narrow`.
    ///
    /// # Errors
    /// ENOMEM, EMFILE; EPERM for a 32-bit program, without CAP_SYS_ADMIN.
    pub fn new(narrow: bool) -> Result<FileBacking, Errno> {
        let file = if narrow {
            sparse_file_for_32_bits()?
        } else {
            sparse_file()?
        };
        let page = |offset| Area::map(&file, offset, 4096);
        let pages = Pages {
            status: [page(STATUS[0])?, page(STATUS[1])?],
            control: [page(CONTROL[0])?, page(CONTROL[1])?],
            narrow,
        };
        Ok(FileBacking {
            file: Shared::new(file, 0),
            pages,
            allocated: 0,
        })
    }

    /// The file, to be registered.
    #[must_use]
    pub fn file(&self) -> &Shared {
        &self.file
    }
}

impl Backing for FileBacking {
    fn allocate(&mut self, bytes: usize) -> Result<Area, Errno> {
        if bytes as u64 > DATA_LIMIT {
            return Err(Errno::ENOMEM);
        }
        let area = Area::map(&self.file, 0, bytes)?;
        self.allocated = self.allocated.max(bytes);
        Ok(area)
    }

    fn release(&mut self) {
        if self.allocated == 0 {
            return;
        }
        if self.pages.narrow {
            // No hole can be made in this file.
            match Area::map(&self.file, 0, self.allocated) {
                Ok(area) => area.fill(0, self.allocated, 0),
                Err(e) => log::warn!("Ring memory was not cleared: {e}"),
            }
            self.allocated = 0;
            return;
        }
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        if let Err(e) = rustix::fs::fallocate(&self.file, hole, 0, DATA_LIMIT) {
            log::warn!("Ring memory was not given back: {e}");
        }
        self.allocated = 0;
    }

    fn pages(&self) -> Option<Pages> {
        Some(self.pages.clone())
    }

    // One that others may be given is a memfd.
    fn file(&self) -> Option<Shared> {
        (!self.pages.narrow).then(|| self.file.clone())
    }

    // The kernel takes the argument of PAUSE and LINK for an address, and fails the call.
    fn values(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests"
    )]
    use super::*;

    #[test]
    fn a_ring_and_the_four_pages_are_parts_of_one_file() {
        let mut backing = FileBacking::new(false).unwrap();
        backing.allocate(8192).unwrap().write(4096, b"ring");
        let pages = backing.pages().unwrap();
        pages.status[0].write(0, b"s0");
        pages.control[1].write(0, b"c1");
        for (offset, expected) in [
            (4096, &b"ring"[..]),
            (STATUS[0], b"s0"),
            (CONTROL[1], b"c1"),
            (STATUS[1], &[0, 0]),
        ] {
            let mut got = vec![0; expected.len()];
            rustix::io::pread(backing.file(), &mut got, offset).unwrap();
            assert_eq!(got, expected, "{offset:#x}");
        }
    }

    #[test]
    fn a_released_ring_comes_back_empty() {
        let mut backing = FileBacking::new(false).unwrap();
        backing.allocate(4096).unwrap().write(0, b"old");
        backing.pages().unwrap().status[0].write(0, b"status");
        backing.release();
        let mut got = [0xffu8; 3];
        backing.allocate(4096).unwrap().read(0, &mut got);
        assert_eq!(got, [0; 3]);
        let mut status = [0u8; 6];
        backing.pages().unwrap().status[0].read(0, &mut status);
        assert_eq!(&status, b"status", "pages stay");
    }

    #[test]
    fn a_ring_that_would_reach_the_pages_is_enomem() {
        assert_eq!(
            FileBacking::new(false)
                .unwrap()
                .allocate(0x8000_0001)
                .unwrap_err(),
            Errno::ENOMEM
        );
    }
}
