//! The parameters a stream was configured with, as a device sees them.

/// What HW_PARAMS settled. Sizes in frames unless bytes are said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// Access type number (0 MMAP_INTERLEAVED, 1 MMAP_NONINTERLEAVED, 2 MMAP_COMPLEX, 3 RW_INTERLEAVED,
    /// 4 RW_NONINTERLEAVED).
    pub access: u32,
    /// Format number; its properties are in `uapi::pcm::format`.
    pub format: u32,
    /// Channels, at least 1.
    pub channels: u32,
    /// Rate in Hz, at least 1.
    pub rate: u32,
    /// Period, frames.
    pub period_size: u64,
    /// Ring, frames.
    pub buffer_size: u64,
    /// Storage bits of one frame.
    pub frame_bits: u32,
    /// Ring, bytes.
    pub dma_bytes: u64,
    /// The client does not want a wake-up each period.
    pub no_period_wakeup: bool,
}

impl Params {
    /// Whether all channels of a frame lie together.
    #[must_use]
    pub const fn interleaved(&self) -> bool {
        matches!(self.access, 0 | 3)
    }

    /// Bytes that `frames` take in the ring.
    #[must_use]
    pub const fn bytes(&self, frames: u64) -> u64 {
        frames * self.frame_bits as u64 / 8
    }
}
