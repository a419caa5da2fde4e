//! The PCM core: states, parameters, positions and transfers of a substream, as a client observes them of the kernel.
//!
//! Pure: no descriptor, no thread, no clock of its own; `now` is passed in, waiting is an answer
//! ([`transfer::Step::Wait`], [`drain::Drain::Wait`]). Knows nothing of files, nodes, cards or transports.

pub mod drain;
pub mod hw_params;
pub mod interval;
pub mod mask;
mod rules;
pub mod substream;
pub mod transfer;
pub mod wakeups;

pub use drain::Drain;
pub use substream::Substream;
pub use transfer::{Chunk, Layout, Step, Transfer};
pub use uapi::pcm::State;
pub use wakeups::Wakeups;
