//! A client's memory that is none: bytes behind invented addresses.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cuse_pcm::request::{ClientMemory, FileHandle};
use hw_backends::dma::{Area, Shared};
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
    /// Descriptors of other files.
    others: Mutex<HashMap<i32, OwnedFd>>,
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
            others: Mutex::default(),
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

    /// The client gets one more descriptor; its number.
    pub fn put(&self, descriptor: OwnedFd) -> i32 {
        let mut others = lock(&self.others);
        let number = others.keys().max().map_or(500, |last| last + 1);
        others.insert(number, descriptor);
        number
    }

    /// The client closes one, or hands it over.
    pub fn close(&self, number: i32) -> Option<OwnedFd> {
        lock(&self.others).remove(&number)
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

    fn give_descriptor(&self, file: &Shared, address: u64) -> Result<(), Errno> {
        self.range(address, 4)?;
        let copy = file.as_fd().try_clone_to_owned();
        let number = self.put(copy.map_err(|_| Errno::EMFILE)?);
        self.write(address, &number.to_ne_bytes())
    }

    fn take_descriptor(&self, number: i32) -> Result<OwnedFd, Errno> {
        let others = lock(&self.others);
        let named = others.get(&number).ok_or(Errno::EBADF)?;
        named.try_clone().map_err(|_| Errno::EMFILE)
    }

    fn open_file(&self, descriptor: i32) -> Option<FileHandle> {
        lock(&self.descriptors).get(&descriptor).copied()
    }
}
