//! Ends the mount of a daemon that was killed.
//!
//! A killed process first gives up its memory and then its descriptors. Where it has mapped a node of its own mount, the
//! kernel writes the pages back, and waits for the answer of the very process that is ending: for ever. So a child waits
//! for the daemon's death (a robust mutex tells, before memory is given up) and aborts the connection.
#![allow(unsafe_code, reason = "fork(2), and a mutex shared by two processes")]

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{Pid, WaitOptions, waitpid};

/// What daemon and guardian share.
struct Shared {
    /// Held by the daemon's main thread as long as that lives.
    alive: libc::pthread_mutex_t,
    /// The daemon ended by itself and has unmounted.
    ended: AtomicBool,
}

/// The guardian of a daemon; sent home when dropped.
pub(super) struct Guardian {
    shared: &'static Shared,
    child: Pid,
}

impl std::fmt::Debug for Guardian {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guardian")
            .field("child", &self.child)
            .finish_non_exhaustive()
    }
}

impl Guardian {
    /// Starts the guardian of what is going to be mounted on `at`. To be called by the main thread before any other is
    /// started and before anything is mounted.
    ///
    /// # Errors
    /// What mmap(2), fork(2) and the mutex give.
    pub(super) fn start(at: &Path) -> io::Result<Guardian> {
        let shared = share()?;
        let before = mounts_on(at);
        // SAFETY: the process has one thread, so the child may do what it likes; it never returns from here.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                watch(shared, at, &before);
                // SAFETY: ends the child at once, without what the daemon has registered for its own end.
                unsafe { libc::_exit(0) }
            }
            child => {
                let child = Pid::from_raw(child).ok_or(io::ErrorKind::InvalidData)?;
                Ok(Guardian { shared, child })
            }
        }
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        // SAFETY: held by this thread since `share`; it was made there and is never taken apart.
        unsafe { libc::pthread_mutex_unlock((&raw const self.shared.alive).cast_mut()) };
        let _ = waitpid(Some(self.child), WaitOptions::empty());
    }
}

/// Memory that stays shared after fork, with the mutex held by the calling thread.
fn share() -> io::Result<&'static Shared> {
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at a place of the kernel's choice touches nothing that exists.
    let place = unsafe {
        mmap_anonymous(
            std::ptr::null_mut(),
            size_of::<Shared>(),
            protection,
            MapFlags::SHARED,
        )?
    };
    let shared = place.cast::<Shared>();
    // SAFETY: a page of our own, zeroed, aligned, and large enough.
    let mutex = unsafe { &raw mut (*shared).alive };
    hold(mutex)?;
    // SAFETY: zero is a valid flag, the mutex was just made, and the mapping is never taken away.
    Ok(unsafe { &*shared })
}

/// Makes a robust mutex at `mutex` and takes it.
fn hold(mutex: *mut libc::pthread_mutex_t) -> io::Result<()> {
    let mut attributes = std::mem::MaybeUninit::uninit();
    let attributes = attributes.as_mut_ptr();
    // SAFETY: initialises what it is given, which is ours.
    check(unsafe { libc::pthread_mutexattr_init(attributes) })?;
    // SAFETY: initialised by the line above.
    check(unsafe { libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) })?;
    // SAFETY: as above.
    check(unsafe { libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST) })?;
    // SAFETY: the caller gives a place of its own for the mutex.
    check(unsafe { libc::pthread_mutex_init(mutex, attributes) })?;
    // SAFETY: initialised by the line above.
    check(unsafe { libc::pthread_mutex_lock(mutex) })
}

fn check(error: i32) -> io::Result<()> {
    if error == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(error))
    }
}

/// The guardian: waits for the daemon to end, and if it did not do so by itself, ends its mount.
fn watch(shared: &Shared, at: &Path, before: &[String]) {
    let _ = rustix::thread::set_name(c"guardian");
    // Neither the terminal nor whoever reads the daemon's output shall notice it.
    if let Ok(null) = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")
    {
        let _ = rustix::stdio::dup2_stdin(&null);
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
    }
    // SAFETY: closes what the daemon's code owns in this process, of which nothing runs any more.
    unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
    // SAFETY: made by `share` in memory that both share. It is had when the daemon has let go or is dying.
    let _ = unsafe { libc::pthread_mutex_lock((&raw const shared.alive).cast_mut()) };
    if !shared.ended.load(Ordering::Acquire) && mounts_on(at) != before {
        let _ = unmount(at, UnmountFlags::FORCE | UnmountFlags::DETACH);
    }
}

/// The mounts on `at`, from `/proc/self/mountinfo`, which asks no file system.
fn mounts_on(at: &Path) -> Vec<String> {
    let at: PathBuf = std::path::absolute(at).unwrap_or_else(|_| at.to_path_buf());
    let table = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    let table = String::from_utf8_lossy(&table);
    let is_there = |line: &&str| {
        line.split(' ')
            .nth(4)
            .is_some_and(|place| place.as_bytes() == at.as_os_str().as_bytes())
    };
    table
        .lines()
        .filter(is_there)
        .map(|line| line.split(' ').next().unwrap_or("").to_owned())
        .collect()
}
