//! A copy of `/dev` in a tmpfs: every entry of the old one bound to its place, and room for more.

use std::ffi::{OsStr, OsString};
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
    // Two views of it, both taken before it is covered: one to be shown as a whole, one to take entries from.
    let whole = clone(CWD, dev.as_os_str()).map_err(failed)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let old = open(dev, flags, Mode::empty()).map_err(failed)?;
    let entries = entries(dev).map_err(failed)?;
    let options = Some(c"mode=0755");
    mount("cuse-pcm", dev, "tmpfs", MountFlags::NOSUID, options).map_err(failed)?;
    make_directory(&dev.join(WHOLE))?;
    attach(&whole, &dev.join(WHOLE)).map_err(failed)?;
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

/// The old directory as a whole, beside its entries.
const WHOLE: &str = ".host";

/// The device that makes pseudo-terminals. It looks for `pts` beside itself, which a bound file has not: so it is
/// reached through [`WHOLE`].
const PTMX: &str = "ptmx";

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
fn transfer(old: &OwnedFd, dev: &Path, name: &OsStr, kind: FileType) -> Result<(), Errno> {
    let target: PathBuf = dev.join(name);
    if kind.is_symlink() {
        return symlinkat(readlinkat(old, name, Vec::new())?.as_c_str(), CWD, &target);
    }
    if name == PTMX {
        return symlinkat(Path::new(WHOLE).join(PTMX), CWD, &target);
    }
    if kind.is_dir() {
        mkdirat(CWD, &target, Mode::from_raw_mode(0o755))?;
    } else {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        open(&target, flags, Mode::from_raw_mode(0o644))?;
    }
    attach(&clone(old, name)?, &target)
}

/// A copy of what is seen at `name` in the directory `at`, with all that is mounted below it (pts, shm, mqueue...).
fn clone(at: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    open_tree(at, name, flags)
}

/// Shows a copy at `target`.
fn attach(tree: &OwnedFd, target: &Path) -> Result<(), Errno> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    move_mount(tree, "", CWD, target, flags)
}
