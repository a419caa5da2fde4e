//! The nodes of an existing card, and the few ioctls that tell what it can do.
#![allow(unsafe_code, reason = "ioctl")]

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use uapi::Errno;
use uapi::control::elem::CardInfo;
use uapi::control::table as ctl;
use uapi::pcm::{HwParams, Info, table};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use crate::units::Direction;

/// A control node.
#[derive(Debug)]
pub(super) struct ControlNode(File);

/// A PCM node.
#[derive(Debug)]
pub(super) struct PcmNode(File);

fn open(path: &Path) -> Result<File, Errno> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(path)
        .map_err(errno)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn errno(error: std::io::Error) -> Errno {
    Errno(error.raw_os_error().unwrap_or(libc::EIO))
}

/// An ioctl on a structure of the size in `cmd`.
fn call<T: IntoBytes + FromBytes>(file: &File, cmd: u32, argument: &mut T) -> Result<(), Errno> {
    if uapi::ioctl::size(cmd) != size_of::<T>() {
        return Err(Errno::EINVAL);
    }
    let address: *mut T = argument;
    // SAFETY: the kernel reads and writes at most the number's size at the address, which is that of `T` as just checked;
    // any bytes are a `T`.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::c_ulong::from(cmd), address) };
    if result < 0 {
        return Err(errno(std::io::Error::last_os_error()));
    }
    Ok(())
}

impl ControlNode {
    /// # Errors
    /// Those of open(2).
    pub(super) fn open(path: &Path) -> Result<ControlNode, Errno> {
        open(path).map(ControlNode)
    }

    /// # Errors
    /// ENOTTY: not a control node.
    pub(super) fn card_info(&self) -> Result<CardInfo, Errno> {
        let mut info = CardInfo::new_zeroed();
        call(&self.0, ctl::CARD_INFO, &mut info)?;
        Ok(info)
    }

    /// The PCM device after `last` (-1 for the first).
    ///
    /// # Errors
    /// ENOTTY: not a control node.
    pub(super) fn next_device(&self, last: i32) -> Result<Option<u32>, Errno> {
        let mut number = last;
        call(&self.0, ctl::PCM_NEXT_DEVICE, &mut number)?;
        Ok(u32::try_from(number).ok())
    }

    /// What a PCM device says of its first substream.
    ///
    /// # Errors
    /// ENOENT: it has not this direction.
    pub(super) fn pcm_info(&self, device: u32, direction: Direction) -> Result<Info, Errno> {
        let mut info = Info::new_zeroed();
        info.device = device;
        info.stream = direction as i32;
        call(&self.0, ctl::PCM_INFO, &mut info)?;
        Ok(info)
    }
}

impl PcmNode {
    /// # Errors
    /// Those of open(2): EBUSY when all substreams are in use.
    pub(super) fn open(path: &Path) -> Result<PcmNode, Errno> {
        open(path).map(PcmNode)
    }

    /// # Errors
    /// EINVAL: a contradiction.
    pub(super) fn hw_refine(&self, p: &mut HwParams) -> Result<(), Errno> {
        call(&self.0, table::HW_REFINE, p)
    }
}
