//! Memory of an open for everyone: the daemon and the client map the same cached pages of the node's inode.
//!
//! The daemon opens the client's inode once more, through a name that only its own thread can resolve, and maps it.
//! That thread, the mapper, may wait for the readers of `/dev/fuse`; they never wait for it. Cached pages come and go
//! (each new mapping by the client drops them once): a [`Store`] keeps what they hold meanwhile.
#![allow(unsafe_code, reason = "locks pages in memory")]

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use hw_backends::dma::{Area, Backing, Pages};
use rustix::fs::{Mode, OFlags};
use rustix::mm::MlockFlags;
use uapi::Errno;

use super::errno;
use super::passthrough::{CONTROL, DATA_LIMIT, END, STATUS, sparse_file};
use crate::request::Caller;

/// Said once: the memory limit keeps pages from being locked.
static UNLOCKED: AtomicBool = AtomicBool::new(false);

/// What the pages of an inode hold while they are not cached.
#[derive(Debug)]
pub struct Store {
    file: OwnedFd,
}

impl Store {
    /// All zero.
    ///
    /// # Errors
    /// ENOMEM, EMFILE.
    pub fn new() -> Result<Store, Errno> {
        Ok(Store {
            file: sparse_file()?,
        })
    }

    /// The content at `offset`, zeros where there is none.
    ///
    /// # Errors
    /// EIO.
    pub fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), Errno> {
        let mut done = 0;
        while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match rustix::io::pread(&self.file, &mut *rest, offset.saturating_add(done as u64)) {
                Ok(0) => {
                    rest.fill(0);
                    break;
                }
                Ok(n) => done += n,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return Err(Errno::EIO),
            }
        }
        Ok(())
    }

    /// Keeps `from` at `offset`; what lies beyond the layout's end is dropped.
    ///
    /// # Errors
    /// ENOSPC where memory is short.
    pub fn write(&self, offset: u64, from: &[u8]) -> Result<(), Errno> {
        let room = usize::try_from(END.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut rest = from.get(..from.len().min(room)).unwrap_or(from);
        let mut at = offset;
        while !rest.is_empty() {
            match rustix::io::pwrite(&self.file, rest, at) {
                Ok(n) => {
                    rest = rest.get(n..).unwrap_or(&[]);
                    at = at.saturating_add(n as u64);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(errno(e)),
            }
        }
        Ok(())
    }
}

/// The thread that maps.
///
/// Whoever waits for a FUSE request of its own daemon must not keep that daemon's `/dev/fuse` open: if the daemon is
/// killed meanwhile, the connection would never end, and neither would the wait. So this thread has descriptors of its
/// own: the mount's root and no others.
#[derive(Debug)]
pub struct Mapper {
    root: OwnedFd,
    tid: u32,
    jobs: Sender<Job>,
}

impl Mapper {
    /// Makes the calling thread the mapper. It must own no descriptors but `root`, and gets none of others later.
    ///
    /// # Errors
    /// What unshare(2) and close_range(2) give.
    pub fn become_here(root: &OwnedFd, jobs: Sender<Job>) -> Result<Mapper, Errno> {
        // The mapper drops nothing that owns a descriptor opened elsewhere (see `Mount::run_mapper`).
        let root = keep_only(root)?;
        let tid = tid();
        Ok(Mapper { root, tid, jobs })
    }

    /// The thread's id, as the kernel reports it in requests.
    #[must_use]
    pub fn tid(&self) -> u32 {
        self.tid
    }

    /// Opens and maps the inode that `name` leads to.
    ///
    /// # Errors
    /// What open(2) and mmap(2) give.
    pub fn map(&self, name: &str, narrow: bool) -> Result<PageBacking, Errno> {
        map(&self.root, name, narrow, self.jobs.clone())
    }

    /// Ends a mapping. What was written goes out first: unmapping would wait for it with the process's map locked, which
    /// the readers may need.
    #[expect(clippy::needless_pass_by_value, reason = "ends here")]
    pub fn unmap(&self, area: Area) {
        // SAFETY: writes pages out, changes no content; the range is inside the mapping that `area` keeps.
        let _ = unsafe {
            rustix::mm::msync(
                area.as_ptr().cast(),
                area.len(),
                rustix::mm::MsyncFlags::SYNC,
            )
        };
    }
}

/// This thread's id, as the kernel reports it in requests.
#[must_use]
pub fn tid() -> u32 {
    u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap_or(0)
}

/// Gives the calling thread descriptors of its own: the standard streams and `root`. It must drop nothing that owns a
/// descriptor opened elsewhere.
fn keep_only(root: &OwnedFd) -> Result<OwnedFd, Errno> {
    // SAFETY: the callers use only what this function returns and drop no other owner of a descriptor.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::FILES) }
        .map_err(errno)?;
    let number = root.as_raw_fd();
    close_range(3, number.saturating_sub(1))?;
    close_range(number.saturating_add(1), i32::MAX)?;
    // SAFETY: the number is open in this thread's own table, and nothing else here owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// The anchor: waits for an answer that comes only when the mount stops in an orderly way.
///
/// A process that dies unmaps before it closes its files, and unmapping pages of a node waits until they are written out:
/// by the process itself, which would so wait for ever for its own answer, and every client with it. This thread waits
/// for a request that was taken and not answered, which no signal ends, and has none of the other threads' files. So it
/// outlives them all: their files close, the connection goes down, this wait ends, and only then is the memory unmapped.
///
/// # Errors
/// What unshare(2) and close_range(2) give.
pub fn anchor(root: &OwnedFd) -> Result<(), Errno> {
    let root = keep_only(root)?;
    let _ = rustix::fs::fstatfs(&root);
    Ok(())
}

fn close_range(from: i32, to: i32) -> Result<(), Errno> {
    let (Ok(from), Ok(to)) = (libc::c_uint::try_from(from), libc::c_uint::try_from(to)) else {
        return Ok(());
    };
    if from > to {
        return Ok(());
    }
    // SAFETY: closes numbers of this thread's own table, which nothing in this thread refers to.
    match unsafe { libc::syscall(libc::SYS_close_range, from, to, 0) } {
        0 => Ok(()),
        _ => Err(Errno(
            std::io::Error::last_os_error()
                .raw_os_error()
                .unwrap_or(Errno::EIO.0),
        )),
    }
}

/// Work for the mapper.
#[derive(Debug)]
pub enum Job {
    /// A client opened an inode; map it, then let the open go on.
    Open(MapRequest),
    /// A mapping is not needed any more; ending it may write pages out.
    Unmap(Area),
    /// End.
    Stop,
}

/// An open that waits for its memory.
#[derive(Clone, Copy, Debug)]
pub struct MapRequest {
    /// The request.
    pub unique: u64,
    /// The inode.
    pub inode: u64,
    /// Open flags of the client.
    pub flags: u32,
    /// Who opens.
    pub caller: Caller,
    /// It is a 32-bit program.
    pub narrow: bool,
}

fn map(root: impl AsFd, name: &str, narrow: bool, jobs: Sender<Job>) -> Result<PageBacking, Errno> {
    let file = rustix::fs::openat(root, name, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .map_err(errno)?;
    let length = usize::try_from(END).map_err(|_| Errno::ENOMEM)?;
    let whole = Area::map(&file, 0, length)?;
    let page = |offset: u64| {
        let page = whole.part(usize::try_from(offset).unwrap_or(usize::MAX), 4096);
        lock(&page);
        page
    };
    let pages = Pages {
        status: [page(STATUS[0]), page(STATUS[1])],
        control: [page(CONTROL[0]), page(CONTROL[1])],
        narrow,
    };
    Ok(PageBacking {
        whole: Some(whole),
        pages,
        jobs,
    })
}

/// The daemon's side of one open's memory.
#[derive(Debug)]
pub struct PageBacking {
    whole: Option<Area>,
    pages: Pages,
    jobs: Sender<Job>,
}

impl Backing for PageBacking {
    fn allocate(&mut self, bytes: usize) -> Result<Area, Errno> {
        if bytes as u64 > DATA_LIMIT {
            return Err(Errno::ENOMEM);
        }
        let area = self.whole.as_ref().ok_or(Errno::ENOMEM)?.part(0, bytes);
        lock(&area);
        area.fill(0, bytes, 0);
        Ok(area)
    }

    fn release(&mut self) {
        if let Some(whole) = &self.whole {
            let data = whole.part(0, usize::try_from(DATA_LIMIT).unwrap_or(usize::MAX));
            // SAFETY: unlocking changes no content; the range is inside the mapping that `whole` keeps.
            let _ = unsafe { rustix::mm::munlock(data.as_ptr().cast(), data.len()) };
        }
    }

    fn pages(&self) -> Option<Pages> {
        Some(self.pages.clone())
    }

    // The kernel takes the argument of PAUSE and LINK for an address, and fails the call.
    fn values(&self) -> bool {
        false
    }
}

impl Drop for PageBacking {
    fn drop(&mut self) {
        if let Some(whole) = self.whole.take() {
            // Where the mapper is gone the area comes back in the error and ends here.
            let _ = self.jobs.send(Job::Unmap(whole));
        }
    }
}

/// Keeps pages in memory from their first touch on, where the limit allows; they work unlocked as well, only a page
/// written out has to be fetched again.
fn lock(area: &Area) {
    // SAFETY: locking changes no content; the range is inside a mapping that `area` keeps.
    let locked =
        unsafe { rustix::mm::mlock_with(area.as_ptr().cast(), area.len(), MlockFlags::ONFAULT) };
    if let Err(e) = locked {
        if !UNLOCKED.swap(true, Ordering::Relaxed) {
            log::info!("Ring pages are not locked in memory: {e} (limit: ulimit -l)");
        }
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
    fn a_store_gives_back_what_was_written_and_zeros_elsewhere() {
        let store = Store::new().unwrap();
        store.write(STATUS[0], b"abc").unwrap();
        let mut got = [0xffu8; 5];
        store.read(STATUS[0] - 1, &mut got).unwrap();
        assert_eq!(&got, b"\0abc\0");
    }

    #[test]
    fn a_store_ends_where_the_layout_does() {
        let store = Store::new().unwrap();
        store.write(END - 2, b"abcd").unwrap();
        store.write(END, b"x").unwrap();
        store.write(u64::MAX, b"x").unwrap();
        let mut got = [0xffu8; 4];
        store.read(END - 2, &mut got).unwrap();
        assert_eq!(&got, b"ab\0\0");
    }
}
