//! A client's memory that is none: bytes behind invented addresses.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cuse_pcm::request::{ClientMemory, FileHandle};
use hw_backends::dma::Area;
use uapi::Errno;

/// Where the client's memory begins.
pub const BASE: u64 = 0x10_0000;
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One client's memory from [`BASE`] on, its descriptors and its flags.
#[derive(Debug)]
pub struct FakeMemory {
    bytes: Mutex<Vec<u8>>,
    flags: Mutex<Option<u32>>,
    descriptors: Mutex<HashMap<i32, FileHandle>>,
}

impl FakeMemory {
    /// This many bytes, zero.
    #[must_use]
    pub fn new(size: usize) -> FakeMemory {
        let (bytes, flags) = (Mutex::new(vec![0; size]), Mutex::new(None));
        FakeMemory {
            bytes,
            flags,
            descriptors: Mutex::default(),
        }
    }

    /// Where an address lies.
    ///
    /// # Errors
    /// EFAULT.
    pub fn range(&self, address: u64, length: usize) -> Result<std::ops::Range<usize>, Errno> {
        let start = address
            .checked_sub(BASE)
            .and_then(|at| usize::try_from(at).ok());
        let start = start.ok_or(Errno::EFAULT)?;
        let end = start.checked_add(length).ok_or(Errno::EFAULT)?;
        if end > lock(&self.bytes).len() {
            Err(Errno::EFAULT)
        } else {
            Ok(start..end)
        }
    }

    /// What fcntl(F_GETFL) would tell of the descriptor in use; `None` where nobody can find out.
    pub fn set_flags(&self, flags: Option<u32>) {
        *lock(&self.flags) = flags;
    }

    /// Gives an open file a descriptor number.
    pub fn set_descriptor(&self, descriptor: i32, file: FileHandle) {
        lock(&self.descriptors).insert(descriptor, file);
    }
}

impl ClientMemory for FakeMemory {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Errno> {
        let range = self.range(address, into.len())?;
        into.copy_from_slice(&lock(&self.bytes)[range]);
        Ok(())
    }

    fn write(&self, address: u64, from: &[u8]) -> Result<(), Errno> {
        let range = self.range(address, from.len())?;
        lock(&self.bytes)[range].copy_from_slice(from);
        Ok(())
    }

    fn read_area(&self, address: u64, into: &Area) -> Result<(), Errno> {
        let range = self.range(address, into.len())?;
        into.write(0, &lock(&self.bytes)[range]);
        Ok(())
    }

    fn write_area(&self, address: u64, from: &Area) -> Result<(), Errno> {
        let range = self.range(address, from.len())?;
        from.read(0, &mut lock(&self.bytes)[range]);
        Ok(())
    }

    fn file_flags(&self) -> Option<u32> {
        *lock(&self.flags)
    }

    fn process(&self) -> u32 {
        1
    }

    fn open_file(&self, descriptor: i32) -> Option<FileHandle> {
        lock(&self.descriptors).get(&descriptor).copied()
    }
}
