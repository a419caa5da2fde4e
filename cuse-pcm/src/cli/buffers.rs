//! The options that say what rings are made of.

use clap::Args;

use crate::config::{BufferPlan, MemoryPlan, Size};

/// Rings of the card on the command line.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Buffers")]
pub(super) struct BufferOptions {
    /// Set this much memory aside for each substream: bytes, or with k, M, G
    #[arg(long, value_name = "SIZE")]
    preallocate: Option<Size>,
    /// Largest buffer (default: what is preallocated, else what the device can do)
    #[arg(long, value_name = "SIZE")]
    buffer_max: Option<Size>,
    /// All buffers of the card together (default: 32M)
    #[arg(long, value_name = "SIZE")]
    card_memory: Option<Size>,
    /// All buffers of one user together (default: no limit)
    #[arg(long, value_name = "SIZE")]
    user_memory: Option<Size>,
    /// Let the device work on memory of its own: samples are copied at sync points
    #[arg(long)]
    explicit_sync: bool,
    /// Offer mapped access on character devices, too: for programs that map a dma-buf of the buffer. Others are told that
    /// they can map, and then cannot
    #[arg(long)]
    dma_buf: bool,
}

/// Their names, for what excludes them.
pub(super) const NAMES: [&str; 6] = [
    "preallocate",
    "buffer_max",
    "card_memory",
    "user_memory",
    "explicit_sync",
    "dma_buf",
];

impl BufferOptions {
    pub(super) fn memory(&self) -> MemoryPlan {
        MemoryPlan {
            card: self.card_memory,
            user: self.user_memory,
        }
    }

    pub(super) fn buffer(&self) -> BufferPlan {
        BufferPlan {
            preallocate: self.preallocate,
            max: self.buffer_max,
            explicit_sync: self.explicit_sync,
            dma_buf: self.dma_buf,
        }
    }
}
