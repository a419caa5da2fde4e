//! The memory of a client that may not be touched: the kernel carries it, once it is told which.
//!
//! A request is tried with what was carried. If that is not enough, nothing has come of it but an EFAULT, and what was
//! missing is known: the kernel is asked to send the request again with that too (`FUSE_IOCTL_RETRY`).

use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hw_backends::dma::{Area, Shared};
use uapi::Errno;
use uapi::fuse::flags::ioctl::RETRY;
use uapi::fuse::{IoctlIovec, IoctlOut};
use uapi::ioctl::{self, Row, Shape};
use zerocopy::IntoBytes;

use crate::request::{ClientMemory, FileHandle};
use crate::transport::client_memory::Client;
use crate::transport::wire::ioctl_result;

/// How often a request may be sent again.
const TRIES: u32 = 8;
/// The most that is carried, bytes: the kernel's own limit.
const MOST: u64 = 128 * 1024;
/// Of it, what is left for samples beside the structure that points to them.
const SAMPLES_MOST: u64 = MOST - 4096;

/// A part of the client's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    base: u64,
    len: u64,
    /// What is stored there goes back.
    back: bool,
}

/// What becomes of a request that was tried.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// To be sent again, with these parts of the client's memory.
    Retry(Vec<Range>),
    /// Answered, with the bytes that go back.
    Done(Vec<u8>),
}

/// The parts of a client's memory that came with a request.
#[derive(Debug)]
pub(super) struct Carried {
    state: Mutex<State>,
    /// The client, for what is no memory.
    client: std::sync::Arc<Client>,
    tries: u32,
}

#[derive(Debug)]
struct State {
    parts: Vec<(Range, Vec<u8>)>,
    missing: Vec<Range>,
}

/// What an ioctl is to bring at first: by its row, else by its number.
pub(super) fn announced(cmd: u32, arg: u64, row: Option<&Row>) -> Vec<Range> {
    let dir = ioctl::dir(cmd);
    let (reads, writes) = match row.map(|row| row.shape) {
        Some(Shape::None | Shape::Value) => (false, false),
        Some(shape) => (shape.reads(), shape.writes()),
        None => (dir & ioctl::WRITE != 0, dir & ioctl::READ != 0),
    };
    let len = ioctl::size(cmd) as u64;
    if len == 0 || !(reads || writes) {
        return Vec::new();
    }
    vec![Range {
        base: arg,
        len,
        back: writes,
    }]
}

impl Carried {
    /// `input` are the bytes of `ranges`, one after the other; too few where it was sent for the first time. `tries`:
    /// how often it was sent before.
    pub(super) fn new(
        ranges: &[Range],
        input: &[u8],
        client: std::sync::Arc<Client>,
        tries: u32,
    ) -> Carried {
        let (mut parts, mut missing, mut rest) = (Vec::new(), Vec::new(), input);
        for range in ranges {
            let len = usize::try_from(range.len).unwrap_or(usize::MAX);
            match rest.split_at_checked(len) {
                Some((bytes, after)) => {
                    parts.push((*range, bytes.to_vec()));
                    rest = after;
                }
                None => missing.push(*range),
            }
        }
        Carried {
            state: Mutex::new(State { parts, missing }),
            client,
            tries,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something is known to be missing before it is tried.
    pub(super) fn incomplete(&self) -> bool {
        !self.state().missing.is_empty()
    }

    /// How often it was sent.
    pub(super) fn tries(&self) -> u32 {
        self.tries
    }

    /// What becomes of the request, which came to `result`.
    pub(super) fn verdict(&self, result: Result<i32, Errno>) -> Verdict {
        let state = self.state();
        if result == Err(Errno::EFAULT) && !state.missing.is_empty() && self.tries < TRIES {
            let mut wanted: Vec<Range> = state.parts.iter().map(|(range, _)| *range).collect();
            for miss in &state.missing {
                join(&mut wanted, *miss);
            }
            let total = wanted.iter().map(|r| r.len).fold(0, u64::saturating_add);
            if total <= MOST && wanted.len() <= uapi::fuse::IOCTL_MAX_IOV / 2 {
                return Verdict::Retry(wanted);
            }
        }
        let back = state.parts.iter().filter(|(range, _)| range.back);
        Verdict::Done(back.flat_map(|(_, bytes)| bytes.iter().copied()).collect())
    }
}

/// Adds a part; one that begins at the same place becomes longer instead.
fn join(wanted: &mut Vec<Range>, miss: Range) {
    match wanted.iter_mut().find(|range| range.base == miss.base) {
        Some(range) => {
            range.len = range.len.max(miss.len);
            range.back |= miss.back;
        }
        None => wanted.push(miss),
    }
}

/// The answer that asks for a request to be sent again: all parts are brought, so that what is not stored stays, and
/// those that go back are said to.
pub(super) fn retry(ranges: &[Range]) -> (IoctlOut, Vec<u8>) {
    let back = ranges.iter().filter(|range| range.back);
    let vectors: Vec<IoctlIovec> = (ranges.iter().chain(back))
        .map(|range| IoctlIovec {
            base: range.base,
            len: range.len,
        })
        .collect();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let head = IoctlOut {
        flags: RETRY,
        in_iovs: count(ranges.len()),
        out_iovs: count(vectors.len().saturating_sub(ranges.len())),
        ..ioctl_result(0)
    };
    (head, vectors.as_bytes().to_vec())
}

impl State {
    /// The bytes at an address, if they are there; else they are missing.
    fn at(&mut self, address: u64, len: usize, back: bool) -> Result<&mut [u8], Errno> {
        let found = self.parts.iter().position(|(range, bytes)| {
            let inside = address.checked_sub(range.base);
            let end = inside.and_then(|start| start.checked_add(len as u64));
            end.is_some_and(|end| end <= bytes.len() as u64) && (range.back || !back)
        });
        let Some((range, bytes)) = found.and_then(|n| self.parts.get_mut(n)) else {
            let len = len as u64;
            self.missing.push(Range {
                base: address,
                len,
                back,
            });
            return Err(Errno::EFAULT);
        };
        let start = usize::try_from(address.saturating_sub(range.base)).unwrap_or(usize::MAX);
        let end = start.saturating_add(len);
        bytes.get_mut(start..end).ok_or(Errno::EFAULT)
    }
}

impl ClientMemory for Carried {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Errno> {
        if !into.is_empty() {
            into.copy_from_slice(self.state().at(address, into.len(), false)?);
        }
        Ok(())
    }

    fn write(&self, address: u64, from: &[u8]) -> Result<(), Errno> {
        if !from.is_empty() {
            self.state()
                .at(address, from.len(), true)?
                .copy_from_slice(from);
        }
        Ok(())
    }

    fn read_area(&self, address: u64, into: &Area) -> Result<(), Errno> {
        into.write(0, self.state().at(address, into.len(), false)?);
        Ok(())
    }

    fn write_area(&self, address: u64, from: &Area) -> Result<(), Errno> {
        from.read(0, self.state().at(address, from.len(), true)?);
        Ok(())
    }

    fn announce(&self, address: u64, bytes: u64, back: bool) -> Result<(), Errno> {
        match usize::try_from(bytes) {
            Ok(len) if bytes > 0 => self.state().at(address, len, back).map(|_| ()),
            _ => Ok(()),
        }
    }

    fn reach(&self) -> u64 {
        SAMPLES_MOST
    }

    fn file_flags(&self) -> Option<u32> {
        self.client.file_flags()
    }

    fn process(&self) -> u32 {
        self.client.process()
    }

    fn give_descriptor(&self, file: &Shared, address: u64) -> Result<(), Errno> {
        self.client.give_descriptor(file, address)
    }

    fn take_descriptor(&self, number: i32) -> Result<OwnedFd, Errno> {
        self.client.take_descriptor(number)
    }

    fn open_file(&self, descriptor: i32) -> Option<FileHandle> {
        self.client.open_file(descriptor)
    }
}
