//! Ends the connection of a daemon that is dying.
//!
//! A daemon that maps pages of its own mount cannot die alone: when it is killed, the kernel first unmaps its memory,
//! which writes those pages back through the mount, which nobody serves any more; and the descriptor whose closing would
//! end the connection is closed only after that. So a small process outside watches, and ends the connection first.
//!
//! It watches a robust lock in shared memory, held by a thread that does nothing else: the kernel passes such a lock on
//! at the very start of a thread's end. Knows nothing of cards or requests.
#![allow(
    unsafe_code,
    reason = "fork, and a robust mutex in memory that two processes share"
)]

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use hw_backends::dma::Area;

/// A process that ends a connection when this one dies. Dropped, it goes away and leaves the connection alone.
#[derive(Debug)]
pub struct Guard {
    child: libc::pid_t,
    /// Its drop lets the holder unlock.
    hold: Option<Sender<()>>,
    holder: Option<JoinHandle<()>>,
}

/// The lock's place in memory that both processes share.
#[derive(Clone, Debug)]
struct Lock {
    area: Area,
}

impl Lock {
    fn new() -> io::Result<Lock> {
        let file = rustix::fs::memfd_create("guard", rustix::fs::MemfdFlags::CLOEXEC)?;
        rustix::fs::ftruncate(&file, 4096)?;
        let area = Area::map(&file, 0, 4096).map_err(|e| io::Error::from_raw_os_error(e.0))?;
        let lock = Lock { area };
        let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: initialises the attributes it is given.
        check(unsafe { libc::pthread_mutexattr_init(attributes) })?;
        // SAFETY: the attributes were initialised above.
        check(unsafe {
            libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED)
        })?;
        // SAFETY: as above.
        check(unsafe {
            libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST)
        })?;
        // SAFETY: the page is mapped as long as `area` lives, is aligned and larger than a mutex, and nobody else
        // knows it yet.
        check(unsafe { libc::pthread_mutex_init(lock.mutex(), attributes) })?;
        Ok(lock)
    }

    fn mutex(&self) -> *mut libc::pthread_mutex_t {
        self.area.as_ptr().cast()
    }

    /// Locks; says whether the last holder died holding it.
    fn lock(&self) -> io::Result<bool> {
        // SAFETY: the mutex was initialised by `new` and its page is mapped while `self` lives.
        match unsafe { libc::pthread_mutex_lock(self.mutex()) } {
            libc::EOWNERDEAD => Ok(true),
            result => check(result).map(|()| false),
        }
    }

    fn unlock(&self) {
        // SAFETY: as in `lock`; called by the thread that locked.
        let _ = unsafe { libc::pthread_mutex_unlock(self.mutex()) };
    }
}

impl Guard {
    /// Watches over the mount whose root directory is `root`. To be called before any of its pages are mapped, for the
    /// guard must not share them.
    ///
    /// # Errors
    /// What a thread, memory or fork(2) give.
    pub fn new(root: BorrowedFd<'_>) -> io::Result<Guard> {
        let lock = Lock::new()?;
        let (hold, until) = channel::<()>();
        let (locked, is_locked) = channel();
        let held = lock.clone();
        let holder = std::thread::Builder::new()
            .name("guarded".into())
            .spawn(move || {
                let _ = locked.send(held.lock());
                let _ = until.recv();
                held.unlock();
            })?;
        is_locked.recv().map_err(|_| io::ErrorKind::BrokenPipe)??;
        let directory = CString::new("/proc/self/fd/0")?;
        // SAFETY: the child goes on in `watch` alone, which calls nothing that fork may have left in the middle
        // (no allocation, no lock but its own).
        let child = unsafe { libc::fork() };
        if child == 0 {
            watch(&lock, root.as_raw_fd(), &directory);
        }
        if child < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Guard {
            child,
            hold: Some(hold),
            holder: Some(holder),
        })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.hold.take());
        if let Some(holder) = self.holder.take() {
            let _ = holder.join();
        }
        // SAFETY: waits for our own child; a null status is allowed.
        unsafe { libc::waitpid(self.child, std::ptr::null_mut(), 0) };
    }
}

/// The child: waits until the lock is given up or its holder is dead, which it answers by ending the connection.
fn watch(lock: &Lock, root: i32, directory: &CString) -> ! {
    #[expect(
        clippy::multiple_unsafe_ops_per_block,
        reason = "one invariant for all of them"
    )]
    // SAFETY: plain system calls on numbers of this process; it has no code left that uses descriptors of before.
    unsafe {
        // Out of the job: a signal to all of it must not take the guard first.
        libc::setsid();
        libc::dup2(root, 0);
        libc::syscall(libc::SYS_close_range, 1, u32::MAX, 0);
        libc::chdir(c"/".as_ptr());
        libc::prctl(libc::PR_SET_NAME, c"guard".as_ptr());
    }
    if matches!(lock.lock(), Ok(true)) {
        // SAFETY: the path is a C string. A forced unmount ends the connection, whatever it gives back.
        unsafe { libc::umount2(directory.as_ptr(), libc::MNT_FORCE | libc::MNT_DETACH) };
    }
    // SAFETY: ends this process at once, without what the parent had registered for its own end.
    unsafe { libc::_exit(0) }
}

fn check(result: i32) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(result))
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn a_guard_goes_when_it_is_dropped() {
        let root = std::fs::File::open("/").unwrap();
        let guard = Guard::new(root.as_fd()).unwrap();
        let proc = format!("/proc/{}", guard.child);
        assert!(std::path::Path::new(&proc).exists());
        drop(guard);
        assert!(!std::path::Path::new(&proc).exists());
    }
}
