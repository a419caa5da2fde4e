//! Making and ending a mount.
//!
//! By mount(2), which needs root of the (user) namespace; where that is refused, through the set-uid helper
//! `fusermount3`, which passes the descriptor back over a socket.

use std::ffi::CString;
use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
};

/// What a mount shall be.
#[derive(Clone, Debug)]
pub struct MountOptions {
    /// Users other than the one who mounts may enter.
    pub allow_other: bool,
    /// The name that shows in the mount table.
    pub source: String,
}

impl Default for MountOptions {
    fn default() -> Self {
        MountOptions {
            allow_other: true,
            source: "cuse-pcm".to_owned(),
        }
    }
}

/// A mount, ended when dropped.
#[derive(Debug)]
pub struct Mounted {
    path: PathBuf,
    by_helper: bool,
    /// The mounted root, by which its names are reached whatever is mounted over it.
    root: OwnedFd,
}

impl Mounted {
    /// Where.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The root directory (an `O_PATH` descriptor).
    #[must_use]
    pub fn root(&self) -> impl AsFd + '_ {
        &self.root
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Only ours: another mount may have come over the same place meanwhile.
        if !same_place(&self.root, &self.path) {
            return;
        }
        let ended = if self.by_helper {
            helper()
                .arg("-u")
                .arg("-z")
                .arg("--")
                .arg(&self.path)
                .status()
                .is_ok_and(|s| s.success())
        } else {
            rustix::mount::unmount(&self.path, UnmountFlags::DETACH).is_ok()
        };
        if !ended {
            log::warn!("Could not unmount {}", self.path.display());
        }
    }
}

/// Mounts a new FUSE file system on the directory `path`.
///
/// # Errors
/// What open(2) of `/dev/fuse` and mount(2) say; where mounting is not permitted, what the helper says.
pub fn mount_at(path: &Path, options: &MountOptions) -> std::io::Result<(OwnedFd, Mounted)> {
    let (fd, by_helper) = match mount_directly(path, options) {
        Ok(fd) => (fd, false),
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
            match mount_by_helper(path, options) {
                Ok(fd) => (fd, true),
                Err(helper) => {
                    return Err(std::io::Error::new(
                        e.kind(),
                        format!(
                            "Mounting on {} is not permitted ({e}), nor by fusermount3 ({helper})",
                            path.display()
                        ),
                    ));
                }
            }
        }
        Err(e) => return Err(e),
    };
    // A path-only descriptor asks the file system nothing, so it can be had before anybody serves.
    let root = rustix::fs::open(
        path,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    Ok((
        fd,
        Mounted {
            path: path.to_owned(),
            by_helper,
            root,
        },
    ))
}

fn mount_directly(path: &Path, options: &MountOptions) -> std::io::Result<OwnedFd> {
    let fd = rustix::fs::open("/dev/fuse", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    let uid = rustix::process::getuid().as_raw();
    let gid = rustix::process::getgid().as_raw();
    let mut data = format!(
        "fd={},rootmode=40000,user_id={uid},group_id={gid},default_permissions",
        fd.as_raw_fd()
    );
    if options.allow_other {
        data.push_str(",allow_other");
    }
    let data = CString::new(data)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::NOATIME;
    rustix::mount::mount(
        options.source.as_str(),
        path,
        "fuse.cuse-pcm",
        flags,
        data.as_c_str(),
    )?;
    Ok(fd)
}

fn helper() -> Command {
    Command::new("fusermount3")
}

fn mount_by_helper(path: &Path, options: &MountOptions) -> std::io::Result<OwnedFd> {
    let (ours, theirs) = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::empty(),
        None,
    )?;
    rustix::io::fcntl_setfd(&ours, rustix::io::FdFlags::CLOEXEC)?;
    let mut wanted = format!(
        "nosuid,nodev,noexec,noatime,default_permissions,fsname={}",
        options.source
    );
    wanted.push_str(",subtype=cuse-pcm");
    if options.allow_other {
        wanted.push_str(",allow_other");
    }
    let status = helper()
        .arg("-o")
        .arg(wanted)
        .arg("--")
        .arg(path)
        .env("_FUSE_COMMFD", theirs.as_raw_fd().to_string())
        .status()?;
    drop(theirs);
    if !status.success() {
        return Err(std::io::Error::other(format!("it ended with {status}")));
    }
    let fd = receive_descriptor(&ours)?;
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
    Ok(fd)
}

fn receive_descriptor(socket: &OwnedFd) -> std::io::Result<OwnedFd> {
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0u8; 1];
    rustix::net::recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut byte)],
        &mut ancillary,
        RecvFlags::empty(),
    )?;
    ancillary
        .drain()
        .find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        })
        .ok_or_else(|| std::io::Error::other("fusermount3 passed no descriptor"))
}

/// Whether `path` still leads to the mount whose root is `root`.
fn same_place(root: &OwnedFd, path: &Path) -> bool {
    let number = |id: std::io::Result<u64>| id.ok();
    let there = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    let Ok(there) = there else { return false };
    number(mount_id(root)).is_some_and(|id| number(mount_id(&there)) == Some(id))
}

/// A node of a mount that is shown in the place of another file, until it is dropped.
#[derive(Debug)]
pub struct Bound {
    path: PathBuf,
    node: OwnedFd,
}

impl Bound {
    /// Shows `node` (an `O_PATH` descriptor) at `path`, where a file has to be.
    ///
    /// # Errors
    /// What mount(2) says.
    pub fn new(node: OwnedFd, path: &Path) -> std::io::Result<Bound> {
        rustix::mount::mount_bind(format!("/proc/self/fd/{}", node.as_raw_fd()), path)?;
        let path = path.to_owned();
        Ok(Bound { path, node })
    }

    /// Whether it is what is seen there.
    fn seen(&self) -> bool {
        let there = rustix::fs::stat(&self.path);
        let here = rustix::fs::fstat(&self.node);
        matches!((there, here), (Ok(a), Ok(b)) if (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino))
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let flags = UnmountFlags::DETACH | UnmountFlags::NOFOLLOW;
        if self.seen() {
            if let Err(error) = rustix::mount::unmount(&self.path, flags) {
                log::warn!("Could not unmount {}: {error}", self.path.display());
            }
        }
    }
}

/// The kernel's number of the mount a descriptor is on; from fdinfo, which asks the file system nothing.
fn mount_id(fd: &OwnedFd) -> std::io::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd()))?;
    text.lines()
        .find_map(|line| line.strip_prefix("mnt_id:"))
        .and_then(|id| id.trim().parse().ok())
        .ok_or_else(|| std::io::Error::other("no mnt_id in fdinfo"))
}
