//! A stretch of memory that others may write at any time.
#![allow(unsafe_code, reason = "maps and copies shared memory")]

use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::Arc;

use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};
use uapi::Errno;

use super::steps;

/// The size of a page, bytes.
pub const PAGE: usize = 4096;

#[derive(Debug)]
struct Mapping {
    address: NonNull<u8>,
    length: usize,
}

// SAFETY: a mapping is plain memory with no thread affinity; it is unmapped once, by the last owner.
unsafe impl Send for Mapping {}
// SAFETY: `&Mapping` gives out only the address; all access goes through `Area`'s copies.
unsafe impl Sync for Mapping {}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: address and length are those of the mapping made by `Area`'s constructors, and no `Area` is left.
        let _ = unsafe { munmap(self.address.as_ptr().cast(), self.length) };
    }
}

/// Part of a mapping. Clones share the memory.
#[derive(Clone, Debug)]
pub struct Area {
    mapping: Arc<Mapping>,
    start: usize,
    length: usize,
}

/// Rounds up to whole pages.
#[must_use]
pub const fn page_round(bytes: usize) -> usize {
    bytes.saturating_add(PAGE - 1) / PAGE * PAGE
}

impl Area {
    /// Private zeroed memory of `bytes`.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn anonymous(bytes: usize) -> Result<Area, Errno> {
        steps::step()?;
        let length = page_round(bytes.max(1));
        // SAFETY: a new mapping at an address of the kernel's choice touches no existing memory.
        let address = unsafe {
            mmap_anonymous(
                std::ptr::null_mut(),
                length,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )
        };
        Self::from_mapping(address.map_err(errno)?, length, bytes)
    }

    /// A shared mapping of `bytes` of `file` from `offset` (page aligned). Touching it beyond the file's end, or after
    /// the file shrank, raises SIGBUS: whoever maps answers for a file that never shrinks.
    ///
    /// # Errors
    /// What mmap(2) gives.
    pub fn map(file: impl AsFd, offset: u64, bytes: usize) -> Result<Area, Errno> {
        steps::step()?;
        let length = page_round(bytes.max(1));
        // SAFETY: a new mapping at an address of the kernel's choice touches no existing memory.
        let address = unsafe {
            mmap(
                std::ptr::null_mut(),
                length,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                file,
                offset,
            )
        };
        Self::from_mapping(address.map_err(errno)?, length, bytes)
    }

    fn from_mapping(
        address: *mut core::ffi::c_void,
        length: usize,
        bytes: usize,
    ) -> Result<Area, Errno> {
        let address = NonNull::new(address.cast::<u8>()).ok_or(Errno::ENOMEM)?;
        Ok(Area {
            mapping: Arc::new(Mapping { address, length }),
            start: 0,
            length: bytes,
        })
    }

    /// Bytes of this area.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// How many areas share this memory.
    #[must_use]
    pub fn holders(&self) -> usize {
        Arc::strong_count(&self.mapping)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// A part of this area, cut to what exists.
    #[must_use]
    pub fn part(&self, offset: usize, length: usize) -> Area {
        let offset = offset.min(self.length);
        let length = length.min(self.length - offset);
        Area {
            mapping: Arc::clone(&self.mapping),
            start: self.start + offset,
            length,
        }
    }

    /// The first byte's address, for system calls that copy into or out of the area. Valid while `self` lives.
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        self.mapping.address.as_ptr().wrapping_add(self.start)
    }

    /// Copies out; returns how many bytes there were.
    pub fn read(&self, offset: usize, into: &mut [u8]) -> usize {
        let offset = offset.min(self.length);
        let n = into.len().min(self.length - offset);
        // SAFETY: `offset + n ≤ length`, which the constructors and `part` keep inside the mapping; `into` is ours alone.
        // Others may write the source meanwhile: bytes are then any mixture, which callers must expect.
        unsafe {
            std::ptr::copy_nonoverlapping(self.as_ptr().wrapping_add(offset), into.as_mut_ptr(), n);
        };
        n
    }

    /// Copies in; returns how many bytes there was room for.
    pub fn write(&self, offset: usize, from: &[u8]) -> usize {
        let offset = offset.min(self.length);
        let n = from.len().min(self.length - offset);
        // SAFETY: as in `read`, the other way round.
        unsafe {
            std::ptr::copy_nonoverlapping(from.as_ptr(), self.as_ptr().wrapping_add(offset), n);
        };
        n
    }

    /// Copies `length` bytes of `from` at `from_offset` here to `offset`, cut to what exists on both sides.
    pub fn copy_from(&self, offset: usize, from: &Area, from_offset: usize, length: usize) {
        let (offset, from_offset) = (offset.min(self.length), from_offset.min(from.length));
        let n = length
            .min(self.length - offset)
            .min(from.length - from_offset);
        let (source, target) = (
            from.as_ptr().wrapping_add(from_offset),
            self.as_ptr().wrapping_add(offset),
        );
        // SAFETY: both ranges lie inside their mappings, as in `read`. `copy` allows them to overlap, and others to write
        // them gives any mixture of bytes.
        unsafe { std::ptr::copy(source, target, n) };
    }

    /// Sets every byte from `offset` on, `length` of them, to `byte`, cut to what exists.
    pub fn fill(&self, offset: usize, length: usize, byte: u8) {
        let offset = offset.min(self.length);
        let n = length.min(self.length - offset);
        // SAFETY: `offset + n ≤ length`, inside the mapping.
        unsafe { std::ptr::write_bytes(self.as_ptr().wrapping_add(offset), byte, n) };
    }
}

/// A system call's error.
pub(crate) fn errno(e: rustix::io::Errno) -> Errno {
    Errno(e.raw_os_error())
}
