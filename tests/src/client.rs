//! A client of a PCM node that calls the kernel's interface directly, for what no stock program does.
#![allow(
    unsafe_code,
    reason = "ioctl and mmap are called as any client calls them"
)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::ptr::NonNull;

use uapi::ioctl::{NONE, READ, WRITE, number};
use uapi::pcm::params::Param;
use uapi::pcm::{HwParams, Interval, Mask, Status, SwParams, SyncPtr, XferI};
use zerocopy::{FromZeros, IntoBytes};

const fn pcm(dir: u32, nr: u8, size: usize) -> u32 {
    number(dir, b'A', nr, size)
}

/// `SNDRV_PCM_IOCTL_*` numbers that this client uses.
pub mod cmd {
    #![expect(missing_docs, reason = "the names are the field's own")]
    use super::{HwParams, NONE, READ, Status, SwParams, SyncPtr, WRITE, XferI, pcm};

    pub const HW_REFINE: u32 = pcm(READ | WRITE, 0x10, size_of::<HwParams>());
    pub const HW_PARAMS: u32 = pcm(READ | WRITE, 0x11, size_of::<HwParams>());
    pub const HW_FREE: u32 = pcm(NONE, 0x12, 0);
    pub const SW_PARAMS: u32 = pcm(READ | WRITE, 0x13, size_of::<SwParams>());
    pub const STATUS: u32 = pcm(READ, 0x20, size_of::<Status>());
    pub const HWSYNC: u32 = pcm(NONE, 0x22, 0);
    pub const SYNC_PTR: u32 = pcm(READ | WRITE, 0x23, size_of::<SyncPtr>());
    pub const PREPARE: u32 = pcm(NONE, 0x40, 0);
    pub const START: u32 = pcm(NONE, 0x42, 0);
    pub const DROP: u32 = pcm(NONE, 0x43, 0);
    pub const DRAIN: u32 = pcm(NONE, 0x44, 0);
    pub const WRITEI: u32 = pcm(WRITE, 0x50, size_of::<XferI>());
    pub const READI: u32 = pcm(READ, 0x51, size_of::<XferI>());
}

/// mmap offset of the status page.
pub const STATUS_OFFSET: i64 = 0x8000_0000;
/// mmap offset of the control page.
pub const CONTROL_OFFSET: i64 = 0x8100_0000;

/// How a stream is set up.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Access number (0 `MMAP_INTERLEAVED`, 3 `RW_INTERLEAVED`).
    pub access: u32,
    /// Format number (2 `S16_LE`).
    pub format: u32,
    /// Channels.
    pub channels: u32,
    /// Hz.
    pub rate: u32,
    /// Period, frames.
    pub period: u32,
    /// Ring, frames.
    pub buffer: u32,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            access: 3,
            format: 2,
            channels: 2,
            rate: 48000,
            period: 480,
            buffer: 1920,
        }
    }
}

/// An open PCM node.
#[derive(Debug)]
pub struct PcmClient {
    file: File,
}

impl PcmClient {
    /// Opens read-write with further `flags` (`O_NONBLOCK`).
    ///
    /// # Errors
    /// What open(2) gives.
    pub fn open(path: &Path, flags: i32) -> io::Result<PcmClient> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(path)?;
        Ok(PcmClient { file })
    }

    /// The open file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// An ioctl without an argument.
    ///
    /// # Errors
    /// Its errno.
    pub fn call(&self, cmd: u32) -> io::Result<i32> {
        self.call_value(cmd, 0)
    }

    /// An ioctl whose argument is a value (PAUSE, LINK).
    ///
    /// # Errors
    /// Its errno.
    pub fn call_value(&self, cmd: u32, value: i32) -> io::Result<i32> {
        // SAFETY: such a command reads and writes no memory of ours.
        check(unsafe { libc::ioctl(self.file.as_raw_fd(), libc::c_ulong::from(cmd), value) })
    }

    /// An ioctl on a structure whose size is the one in `cmd`; a TLV's payload may follow within `T`.
    ///
    /// # Errors
    /// Its errno.
    pub fn call_on<T: IntoBytes + zerocopy::FromBytes>(
        &self,
        cmd: u32,
        argument: &mut T,
    ) -> io::Result<i32> {
        let tlv = uapi::control::table::TLV_READ..=uapi::control::table::TLV_COMMAND;
        let size = uapi::ioctl::size(cmd);
        assert!(
            size == size_of::<T>() || (tlv.contains(&cmd) && size < size_of::<T>()),
            "{cmd:#x} takes another structure"
        );
        let address: *mut T = argument;
        // SAFETY: the device reads and writes at most the number's size at the address, which is that of `T`, or as many
        // bytes more as a TLV's caller says there are in `T`; and any bytes are a valid `T`.
        check(unsafe { libc::ioctl(self.file.as_raw_fd(), libc::c_ulong::from(cmd), address) })
    }

    /// HW_PARAMS, SW_PARAMS (start when the ring is full) and PREPARE.
    ///
    /// # Errors
    /// The first errno met.
    pub fn set_up(&self, setup: &Setup) -> io::Result<HwParams> {
        let mut hw = any();
        hw.masks[0] = one(setup.access);
        hw.masks[1] = one(setup.format);
        for (param, value) in [
            (Param::Channels, setup.channels),
            (Param::Rate, setup.rate),
            (Param::PeriodSize, setup.period),
            (Param::BufferSize, setup.buffer),
        ] {
            hw.intervals[param as usize - 8] = Interval {
                min: value,
                max: value,
                flags: Interval::INTEGER,
            };
        }
        self.call_on(cmd::HW_PARAMS, &mut hw)?;
        let mut sw = SwParams::new_zeroed();
        sw.avail_min = u64::from(setup.period);
        sw.start_threshold = u64::from(setup.buffer);
        sw.stop_threshold = u64::from(setup.buffer);
        self.call_on(cmd::SW_PARAMS, &mut sw)?;
        self.call(cmd::PREPARE)?;
        Ok(hw)
    }

    /// WRITEI; gives the frames taken.
    ///
    /// # Errors
    /// Its errno.
    pub fn writei(&self, data: &[u8], frames: u64) -> io::Result<u64> {
        let mut xfer = XferI {
            result: 0,
            buf: data.as_ptr() as u64,
            frames,
        };
        self.call_on(cmd::WRITEI, &mut xfer)?;
        Ok(u64::try_from(xfer.result).unwrap_or(0))
    }

    /// READI; gives the frames read.
    ///
    /// # Errors
    /// Its errno.
    pub fn readi(&self, data: &mut [u8], frames: u64) -> io::Result<u64> {
        let mut xfer = XferI {
            result: 0,
            buf: data.as_mut_ptr() as u64,
            frames,
        };
        self.call_on(cmd::READI, &mut xfer)?;
        Ok(u64::try_from(xfer.result).unwrap_or(0))
    }

    /// STATUS.
    ///
    /// # Errors
    /// Its errno.
    pub fn status(&self) -> io::Result<Status> {
        let mut status = Status::new_zeroed();
        self.call_on(cmd::STATUS, &mut status)?;
        Ok(status)
    }

    /// Maps `length` bytes at `offset`, shared, readable and writable.
    ///
    /// # Errors
    /// What mmap(2) gives.
    pub fn map(&self, offset: i64, length: usize) -> io::Result<Mapped> {
        let (prot, fd) = (libc::PROT_READ | libc::PROT_WRITE, self.file.as_raw_fd());
        // SAFETY: a new mapping at an address of the kernel's choice.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                prot,
                libc::MAP_SHARED,
                fd,
                offset,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(address.cast())
            .map(|address| Mapped { address, length })
            .ok_or_else(io::Error::last_os_error)
    }
}

/// A mapping of a node.
#[derive(Debug)]
pub struct Mapped {
    address: NonNull<u8>,
    length: usize,
}

impl Mapped {
    /// Stores bytes at `offset`.
    pub fn put(&self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= self.length, "beyond the mapping");
        let to = self.address.as_ptr().wrapping_add(offset);
        // SAFETY: inside the mapping, as just checked; the other side expects any bytes at any time.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    }

    /// Reads the 64-bit number at `offset`.
    #[must_use]
    pub fn u64_at(&self, offset: usize) -> u64 {
        assert!(
            offset + 8 <= self.length && offset % 8 == 0,
            "beyond the mapping"
        );
        let from = self.address.as_ptr().wrapping_add(offset).cast::<u64>();
        // SAFETY: inside the mapping and aligned, as just checked.
        unsafe { from.read_volatile() }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the mapping made by `PcmClient::map`, unmapped once.
        let _ = unsafe { libc::munmap(self.address.as_ptr().cast(), self.length) };
    }
}

/// The whole configuration space.
#[must_use]
pub fn any() -> HwParams {
    let mut hw = HwParams::new_zeroed();
    hw.masks = [Mask {
        bits: [u32::MAX; 8],
    }; 3];
    hw.intervals = [Interval {
        min: 0,
        max: u32::MAX,
        flags: 0,
    }; 12];
    hw.rmask = u32::MAX;
    hw
}

fn one(bit: u32) -> Mask {
    let mut mask = Mask { bits: [0; 8] };
    mask.bits[bit as usize / 32] = 1 << (bit % 32);
    mask
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
