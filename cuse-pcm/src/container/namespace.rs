//! Leaves the host's mount namespace, with or without root.
#![allow(
    unsafe_code,
    reason = "unshare(2) may change what other code of this process relies on"
)]

use std::path::PathBuf;

use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{getegid, geteuid};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use super::Error;

/// What was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A mount namespace: the process was allowed to mount as it was.
    Mount,
    /// A user namespace with the same user and group in it, and a mount namespace.
    UserAndMount,
}

/// Moves the process into a mount namespace of its own, in a user namespace where it may not do so otherwise. Mounts
/// made from here on are seen by this process and its children only. To be called before any thread is started.
///
/// # Errors
/// [`Error::Namespace`] where neither is allowed, or with EINVAL when there are other threads.
pub fn enter() -> Result<Kind, Error> {
    let kind = match unshare(UnshareFlags::NEWNS) {
        Ok(()) => Kind::Mount,
        Err(Errno::PERM) => {
            let (user, group) = (geteuid(), getegid());
            unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNS).map_err(Error::Namespace)?;
            // The group map may only be written once setgroups(2) is given up.
            identify("setgroups", "deny")?;
            identify("uid_map", &format!("{0} {0} 1", user.as_raw()))?;
            identify("gid_map", &format!("{0} {0} 1", group.as_raw()))?;
            Kind::UserAndMount
        }
        Err(source) => return Err(Error::Namespace(source)),
    };
    // What the host mounts later still shows here; nothing goes the other way.
    let slave = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    mount_change("/", slave).map_err(|source| Error::Mount {
        on: PathBuf::from("/"),
        source,
    })?;
    Ok(kind)
}

fn unshare(flags: UnshareFlags) -> Result<(), Errno> {
    // SAFETY: neither flag separates the descriptor table, which safe code relies on; `enter` is called while the
    // process has one thread.
    unsafe { unshare_unsafe(flags) }
}

fn identify(file: &'static str, line: &str) -> Result<(), Error> {
    std::fs::write(format!("/proc/self/{file}"), line)
        .map_err(|source| Error::Identity { file, source })
}
