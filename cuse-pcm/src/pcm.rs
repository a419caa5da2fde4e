//! The PCM core: states, parameters, positions and transfers of a substream, as a client observes them of the kernel.
//!
//! Pure: no descriptor, no thread, no clock of its own; `now` is passed in, waiting is an answer
//! ([`transfer::Step::Wait`], [`drain::Drain::Wait`]). Knows nothing of files, nodes, cards or transports.

#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "clients choose the numbers"
    )
)]

mod action;
pub mod configure;
pub mod dmabuf;
pub mod drain;
pub mod group;
pub mod hw_params;
mod hw_ptr;
pub mod interval;
pub mod mask;
mod pages;
pub mod position;
pub mod prepare;
mod rules;
mod runtime;
mod silence;
mod state;
pub mod status;
pub mod substream;
pub mod sw_params;
pub mod sync;
pub mod sync_ptr;
pub mod transfer;
pub mod transition;
pub mod wakeups;

pub use drain::Drain;
pub use substream::{Snapshot, Substream};
pub use sync::SyncPoint;
pub use transfer::{Chunk, Layout, Step, Transfer};
pub use uapi::pcm::State;
pub use wakeups::Wakeups;
