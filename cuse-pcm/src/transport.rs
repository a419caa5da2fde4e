//! Bytes in and out of `/dev/fuse` (and, one layer up, `/dev/cuse`), and the client's memory.
//!
//! Decodes what the kernel asks, answers what concerns only names and pages itself, and hands everything that
//! concerns an open card node on as a [`Request`]. Knows nothing of cards, files or streams.

pub mod channel;
pub mod client_memory;
pub mod guard;
pub mod init;
pub mod mount;
pub mod mounting;
pub mod nodes;
pub mod opens;
pub mod page_cache;
pub mod passthrough;
pub mod wire;

use crate::request::Request;

/// Which of the served cards; an index, not ALSA's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CardIndex(pub usize);

/// Takes requests to their card. Implemented by the server.
///
/// Must not wait for a card that is busy: the caller serves `/dev/fuse`, and the thread that holds the card may be
/// waiting for just that.
pub trait Deliver: Send + Sync + std::fmt::Debug {
    /// Hands `request` to `card`, now or as soon as that is free. The order of requests of one caller is kept.
    fn deliver(&self, card: CardIndex, request: Request<'_>);
}

pub(crate) fn errno(e: rustix::io::Errno) -> uapi::Errno {
    uapi::Errno(e.raw_os_error())
}
