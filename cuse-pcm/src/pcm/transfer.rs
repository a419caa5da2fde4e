//! Moving frames between a client and the ring, chunk by chunk.

use hw_backends::units::Nanos;
use uapi::Errno;

/// How the client's memory is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One buffer, channels side by side in each frame (WRITEI, READI, read, write).
    Interleaved,
    /// One buffer a channel (WRITEN, READN, readv, writev).
    Noninterleaved,
}

/// A stretch of the ring that is to be copied now. It never wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Where in the ring it begins, frames.
    pub ring_offset_frames: u64,
    /// How many frames.
    pub frames: u64,
    /// Where in the client's buffer it begins, frames.
    pub done_frames: u64,
}

/// What a transfer needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Copy this between client and ring, then [`commit`](super::Substream::commit).
    Copy(Chunk),
    /// Sleep until a wake-up of transfers, or for `timeout` (a length; `None` is for ever), then
    /// [`end_transfer`](super::Substream::end_transfer) with EIO.
    Wait {
        /// Longest sleep.
        timeout: Option<Nanos>,
    },
    /// It is over: frames moved, or why none were.
    Done(Result<u64, Errno>),
}

/// A read or write under way. Ended by [`Step::Done`] or [`end_transfer`](super::Substream::end_transfer).
#[derive(Debug)]
pub struct Transfer {
    frames: u64,
}

impl Transfer {
    /// Frames asked for.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }
}
