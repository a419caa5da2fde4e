//! A copy of `/dev` in a tmpfs: every entry of the old one bound to its place, and room for more.

use std::ffi::OsString;
use std::fs::FileType;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, mkdirat, open, readlinkat, symlinkat};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MoveMountFlags, OpenTreeFlags, mount, move_mount, open_tree};

use super::Error;

/// Covers `dev` by a tmpfs that shows the same entries. What cannot be bound is left out, and said in the log.
///
/// # Errors
/// [`Error::Mount`] where the tmpfs is refused.
pub(super) fn replace(dev: &Path) -> Result<(), Error> {
    let failed = |source| Error::Mount {
        on: dev.to_path_buf(),
        source,
    };
    let old = open(
        dev,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(failed)?;
    let entries = entries(dev).map_err(failed)?;
    mount(
        "cuse-pcm",
        dev,
        "tmpfs",
        MountFlags::NOSUID,
        Some(c"mode=0755"),
    )
    .map_err(failed)?;
    for (name, kind) in entries {
        if let Err(errno) = transfer(&old, dev, &name, kind) {
            log::info!(
                "{} is left out of the private /dev: {errno}",
                dev.join(&name).display()
            );
        }
    }
    Ok(())
}

/// Makes a directory in a `/dev` that was replaced.
pub(super) fn make_directory(path: &Path) -> Result<(), Error> {
    mkdirat(CWD, path, Mode::from_raw_mode(0o755)).map_err(|source| Error::Mount {
        on: path.to_path_buf(),
        source,
    })
}

fn entries(dev: &Path) -> Result<Vec<(OsString, FileType)>, Errno> {
    let errno = |error: &std::io::Error| Errno::from_io_error(error).unwrap_or(Errno::IO);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dev).map_err(|e| errno(&e))? {
        let entry = entry.map_err(|e| errno(&e))?;
        found.push((entry.file_name(), entry.file_type().map_err(|e| errno(&e))?));
    }
    Ok(found)
}

/// Makes one entry of the old directory appear in the new one.
fn transfer(old: &OwnedFd, dev: &Path, name: &OsString, kind: FileType) -> Result<(), Errno> {
    let target: PathBuf = dev.join(name);
    if kind.is_symlink() {
        return symlinkat(readlinkat(old, name, Vec::new())?.as_c_str(), CWD, &target);
    }
    if kind.is_dir() {
        mkdirat(CWD, &target, Mode::from_raw_mode(0o755))?;
    } else {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        open(&target, flags, Mode::from_raw_mode(0o644))?;
    }
    // With all that is mounted below it (pts, shm, mqueue...).
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    let tree = open_tree(old.as_fd(), name, flags)?;
    move_mount(
        tree.as_fd(),
        "",
        CWD,
        &target,
        MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
    )
}
