//! A mapping of a node.
#![allow(unsafe_code, reason = "mmap, and what is mapped is touched")]

/// A shared mapping, unmapped when dropped.
#[derive(Debug)]
pub(super) struct Mapped {
    address: usize,
    length: usize,
}

impl Mapped {
    /// # Errors
    /// The errno of mmap(2).
    pub(super) fn new(fd: i32, offset: u64, length: usize, prot: i32) -> Result<Mapped, i32> {
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        let (nowhere, shared) = (std::ptr::null_mut(), libc::MAP_SHARED);
        // SAFETY: a new mapping at an address of the kernel's choice.
        let address = unsafe { libc::mmap(nowhere, length, prot, shared, fd, offset) };
        if address == libc::MAP_FAILED {
            let error = std::io::Error::last_os_error();
            return Err(error.raw_os_error().unwrap_or(libc::EIO));
        }
        let address = address as usize;
        Ok(Mapped { address, length })
    }

    /// Bytes of it; none where it does not reach.
    pub(super) fn load(&self, offset: usize, length: usize) -> Vec<u8> {
        if offset + length > self.length {
            return Vec::new();
        }
        let mut bytes = vec![0; length];
        let from = (self.address + offset) as *const u8;
        // SAFETY: inside the mapping, as just checked; scripts map what they load from as readable.
        unsafe { std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), length) };
        bytes
    }

    /// Puts bytes into it, where it reaches.
    pub(super) fn store(&self, offset: usize, bytes: &[u8]) {
        if offset + bytes.len() > self.length {
            return;
        }
        let to = (self.address + offset) as *mut u8;
        // SAFETY: inside the mapping, as just checked; scripts map what they store into as writable.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, unmapped once.
        unsafe { libc::munmap(self.address as *mut libc::c_void, self.length) };
    }
}
