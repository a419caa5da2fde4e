//! One connection to the kernel: whole messages in, whole answers out.
//!
//! Knows the framing of answers (header, error, payload) and nothing of what they mean. Serves `/dev/fuse` and
//! `/dev/cuse` alike, and a socket pair in tests.

use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno as OsErrno;
use uapi::Errno;
use uapi::fuse::{NotifyPollWakeupOut, OutHeader};
use zerocopy::IntoBytes;

/// Bytes of a [`OutHeader`].
const HEADER: usize = size_of::<OutHeader>();
/// Messages up to so many bytes are sent in one piece: the answers of STATUS and SYNC_PTR, and smaller ones.
const SMALL: usize = 256;

/// What a receive gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A message of so many bytes.
    Message(usize),
    /// Nothing this time (a signal, a request that was taken back); ask again.
    Nothing,
    /// The connection is over: unmounted or aborted.
    Over,
}

/// A connection.
#[derive(Debug)]
pub struct Channel {
    fd: OwnedFd,
}

impl Channel {
    /// A channel over an open `/dev/fuse` or `/dev/cuse`.
    #[must_use]
    pub fn new(fd: OwnedFd) -> Channel {
        Channel { fd }
    }

    /// The descriptor.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Waits for the next message.
    pub fn receive(&self, buffer: &mut [u8]) -> Received {
        match rustix::io::read(&self.fd, buffer) {
            Ok(0) => Received::Over,
            Ok(n) => Received::Message(n),
            Err(OsErrno::INTR | OsErrno::AGAIN | OsErrno::NOENT) => Received::Nothing,
            Err(OsErrno::NODEV | OsErrno::CONNABORTED) => Received::Over,
            Err(e) => {
                log::error!("Reading requests failed: {e}");
                Received::Over
            }
        }
    }

    /// Waits until a message is there, at most so long; false if none came.
    #[must_use]
    pub fn wait(&self, at_most: Duration) -> bool {
        let at_most = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(at_most.subsec_nanos()),
        };
        poll(&mut [PollFd::new(&self.fd, PollFlags::IN)], Some(&at_most)).is_ok_and(|n| n > 0)
    }

    /// Answers request `unique` with `head` followed by `tail`.
    ///
    /// # Errors
    /// What the kernel says of it: ENOENT where nobody waits for this answer any more, EINVAL where it does not fit
    /// the request.
    pub fn reply(&self, unique: u64, head: &[u8], tail: &[u8]) -> Result<(), Errno> {
        self.write(
            OutHeader {
                len: length(head.len() + tail.len()),
                error: 0,
                unique,
            },
            head,
            tail,
        )
    }

    /// Answers request `unique` with an error. Numbers the header cannot carry become EIO.
    ///
    /// # Errors
    /// As [`Channel::reply`].
    pub fn fail(&self, unique: u64, errno: Errno) -> Result<(), Errno> {
        let number = match errno.0 {
            n @ 1..=511 => n,
            512 => Errno::EINTR.0,
            _ => Errno::EIO.0,
        };
        self.write(
            OutHeader {
                len: length(0),
                error: -number,
                unique,
            },
            &[],
            &[],
        )
    }

    /// Wakes the pollers of `kh`.
    ///
    /// # Errors
    /// As [`Channel::reply`].
    pub fn notify_poll(&self, kh: u64) -> Result<(), Errno> {
        let body = NotifyPollWakeupOut { kh };
        let code = uapi::fuse::notify::POLL;
        let header = OutHeader {
            len: length(size_of_val(&body)),
            error: code,
            unique: 0,
        };
        self.write(header, body.as_bytes(), &[])
    }

    fn write(&self, header: OutHeader, head: &[u8], tail: &[u8]) -> Result<(), Errno> {
        let mut small = [0u8; SMALL];
        let sent = match assemble(&mut small, &[header.as_bytes(), head, tail]) {
            Some(message) => rustix::io::write(&self.fd, message),
            None => rustix::io::writev(
                &self.fd,
                &[
                    IoSlice::new(header.as_bytes()),
                    IoSlice::new(head),
                    IoSlice::new(tail),
                ],
            ),
        };
        sent.map(drop).map_err(super::errno)
    }
}

/// Puts the parts of a message one behind the other, where they fit: the kernel takes hold of each part by itself, which
/// costs more than copying a few hundred bytes.
fn assemble<'a>(into: &'a mut [u8], parts: &[&[u8]]) -> Option<&'a [u8]> {
    let mut end = 0usize;
    for part in parts {
        let next = end.checked_add(part.len())?;
        into.get_mut(end..next)?.copy_from_slice(part);
        end = next;
    }
    into.get(..end)
}

fn length(payload: usize) -> u32 {
    u32::try_from(HEADER.saturating_add(payload)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_fit_are_one_message_in_their_order() {
        let mut room = [0u8; 6];
        assert_eq!(
            assemble(&mut room, &[b"ab", b"", b"cdef"]),
            Some(&b"abcdef"[..])
        );
        assert_eq!(assemble(&mut room, &[b"abc", b"defg"]), None);
    }
}
