//! The argument of one ioctl, as its handler sees it: what goes in and what comes back, whatever the transport carried.
//!
//! An ioctl number says in which directions its argument travels, and some numbers lie. What a transport could not
//! carry is read from, or stored into, the caller's memory.

use std::fmt;

use uapi::Errno;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::request::{Abi, Caller, ClientMemory};

/// Largest argument that travels back with the answer, bytes: an `elem_value` has 1224.
const OUTPUT_MAX: usize = 1280;

/// One ioctl.
pub struct Argument<'a> {
    /// The full 32-bit command.
    pub cmd: u32,
    /// The argument word: a value, or an address in the caller.
    pub arg: u64,
    /// Width of the caller's structures.
    pub abi: Abi,
    /// Who asks.
    pub caller: Caller,
    /// The caller's memory.
    pub memory: &'a dyn ClientMemory,
    input: &'a [u8],
    out_size: usize,
    output: [u8; OUTPUT_MAX],
    output_length: usize,
}

impl fmt::Debug for Argument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Argument")
            .field("cmd", &format_args!("{:#010x}", self.cmd))
            .field("arg", &self.arg)
            .field("abi", &self.abi)
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}

impl<'a> Argument<'a> {
    /// An ioctl with the bytes that came with it (`input`) and the number of bytes that can go back with the answer.
    #[must_use]
    pub fn new(
        cmd: u32,
        arg: u64,
        abi: Abi,
        input: &'a [u8],
        out_size: usize,
        caller: Caller,
        memory: &'a dyn ClientMemory,
    ) -> Argument<'a> {
        let out_size = out_size.min(OUTPUT_MAX);
        Argument {
            cmd,
            arg,
            abi,
            caller,
            memory,
            input,
            out_size,
            output: [0; OUTPUT_MAX],
            output_length: 0,
        }
    }

    /// How many bytes the answer can carry back.
    #[must_use]
    pub fn out_size(&self) -> usize {
        self.out_size
    }

    /// The structure at `arg`.
    ///
    /// # Errors
    /// EFAULT: it did not come along and is not in the caller's memory.
    pub fn get<T: FromBytes + IntoBytes>(&self) -> Result<T, Errno> {
        if let Ok((value, _)) = T::read_from_prefix(self.input) {
            return Ok(value);
        }
        let mut value = T::new_zeroed();
        self.memory.read(self.arg, value.as_mut_bytes())?;
        Ok(value)
    }

    /// Stores the structure at `arg`. The last one stored counts.
    ///
    /// # Errors
    /// EFAULT: the answer cannot carry it and it is not in the caller's memory.
    pub fn put<T: IntoBytes + Immutable>(&mut self, value: &T) -> Result<(), Errno> {
        self.put_bytes(value.as_bytes())
    }

    /// Stores bytes at `arg`. The last ones stored count.
    ///
    /// # Errors
    /// EFAULT: the answer cannot carry them and they are not in the caller's memory.
    pub fn put_bytes(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        if bytes.len() > self.out_size {
            return self.memory.write(self.arg, bytes);
        }
        if let Some(place) = self.output.get_mut(..bytes.len()) {
            place.copy_from_slice(bytes);
            self.output_length = bytes.len();
        }
        Ok(())
    }

    /// What goes back with the answer, whether that is a success or an error.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        self.output.get(..self.output_length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use std::sync::Mutex;

    use hw_backends::dma::Area;

    use super::*;

    /// Sixteen bytes of a client at address 0x100.
    #[derive(Debug, Default)]
    struct Sixteen(Mutex<[u8; 16]>);

    impl ClientMemory for Sixteen {
        fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Errno> {
            let start = usize::try_from(address.wrapping_sub(0x100)).unwrap();
            let bytes = self.0.lock().unwrap();
            let from = start
                .checked_add(into.len())
                .and_then(|end| bytes.get(start..end));
            into.copy_from_slice(from.ok_or(Errno::EFAULT)?);
            Ok(())
        }

        fn write(&self, address: u64, from: &[u8]) -> Result<(), Errno> {
            let start = usize::try_from(address.wrapping_sub(0x100)).unwrap();
            let mut bytes = self.0.lock().unwrap();
            let end = start.checked_add(from.len()).ok_or(Errno::EFAULT)?;
            bytes
                .get_mut(start..end)
                .ok_or(Errno::EFAULT)?
                .copy_from_slice(from);
            Ok(())
        }

        fn read_area(&self, _: u64, _: &Area) -> Result<(), Errno> {
            Err(Errno::EFAULT)
        }

        fn write_area(&self, _: u64, _: &Area) -> Result<(), Errno> {
            Err(Errno::EFAULT)
        }

        fn file_flags(&self) -> Option<u32> {
            None
        }

        fn process(&self) -> u32 {
            0
        }
    }

    fn argument<'a>(memory: &'a Sixteen, input: &'a [u8], out_size: usize) -> Argument<'a> {
        Argument::new(
            0,
            0x100,
            Abi::Native,
            input,
            out_size,
            Caller::default(),
            memory,
        )
    }

    #[test]
    fn what_came_along_is_preferred_to_the_clients_memory() {
        let memory = Sixteen::default();
        assert_eq!(argument(&memory, &[1, 0, 0, 0, 9], 0).get::<u32>(), Ok(1));
    }

    #[test]
    fn what_did_not_come_along_is_read_from_the_clients_memory() {
        let memory = Sixteen(Mutex::new([2; 16]));
        assert_eq!(argument(&memory, &[], 0).get::<u32>(), Ok(0x0202_0202));
        assert_eq!(
            argument(&memory, &[1, 0, 0], 0).get::<u32>(),
            Ok(0x0202_0202)
        );
        assert_eq!(
            argument(&memory, &[], 0).get::<[u8; 17]>(),
            Err(Errno::EFAULT)
        );
    }

    #[test]
    fn an_answer_goes_back_with_the_reply_or_into_the_clients_memory() {
        let memory = Sixteen::default();
        let mut carried = argument(&memory, &[], 4);
        carried.put(&7u32).unwrap();
        assert_eq!(carried.output(), 7u32.to_ne_bytes());
        assert_eq!(*memory.0.lock().unwrap(), [0; 16]);
        let mut stored = argument(&memory, &[], 3);
        stored.put(&7u32).unwrap();
        assert!(stored.output().is_empty());
        assert_eq!(memory.0.lock().unwrap()[..4], 7u32.to_ne_bytes());
        assert_eq!(stored.put(&[0u8; 17]), Err(Errno::EFAULT));
    }
}
