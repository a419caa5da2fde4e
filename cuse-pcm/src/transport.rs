//! Bytes in and out of `/dev/fuse` (and, one layer up, `/dev/cuse`), and the client's memory.
//!
//! Decodes what the kernel asks, answers what concerns only names and pages itself, and hands everything that
//! concerns an open card node on as a [`Request`]. Knows nothing of cards, files or streams.

pub mod channel;
pub mod client_memory;
pub mod cuse;
pub mod guard;
pub mod init;
pub mod mount;
pub mod mounting;
mod narrow;
pub mod nodes;
pub mod opens;
pub mod page_cache;
pub mod passthrough;
pub mod session;
pub mod wire;

use std::sync::Arc;

use crate::request::Request;
use session::Session;

pub use crate::request::CardIndex;

/// Knows the cards that there are now. Implemented by the server; asked at open, and then no more.
pub trait Cards: Send + Sync + std::fmt::Debug {
    /// The way to a card; `None` where it was taken away.
    fn card(&self, card: CardIndex) -> Option<Arc<dyn Deliver>>;
}

/// Takes requests to one card, which may have been taken away meanwhile. Implemented by the server.
///
/// Must not wait for a card that is busy: the caller serves `/dev/fuse`, and the thread that holds the card may be
/// waiting for just that.
pub trait Deliver: Send + Sync + std::fmt::Debug {
    /// Hands `request` to the card, now or as soon as that is free. The order of requests of one caller is kept.
    fn deliver(&self, request: Request<'_>);
}

/// Makes a reading thread look up from its wait, once a call; false when more calls are of no use.
pub type Knock = Box<dyn FnMut() -> bool + Send>;

/// What threads read requests from: a mount, or a character device.
pub trait Connection: Send + Sync + std::fmt::Debug + 'static {
    /// Room that any request needs, bytes.
    const BUFFER: usize;

    /// The connection itself.
    fn session(&self) -> &Session;

    /// Whether several threads may read at a time, and must not overtake each other on the way to a card.
    fn in_turns(&self) -> bool {
        false
    }

    /// Whether a message has its place among those of a card.
    fn has_its_place(&self, _message: &[u8]) -> bool {
        true
    }

    /// Serves the message of `length` bytes in `buffer`, all of which is scratch space.
    fn serve(self: &Arc<Self>, buffer: &mut [u8], length: usize, cards: &dyn Cards);

    /// Whether the kernel's INIT has been answered.
    fn started(&self) -> bool;

    /// The cards whose nodes are served, each once.
    fn cards(&self) -> Vec<CardIndex>;

    /// Whether no file of it is open or about to be.
    fn idle(&self) -> bool {
        self.session().opens.idle()
    }

    /// What makes readers look up; `None` where that cannot be had.
    fn knock(&self) -> Option<Knock>;
}

pub(crate) fn errno(e: rustix::io::Errno) -> uapi::Errno {
    uapi::Errno(e.raw_os_error())
}
