//! Memory of substreams.
//!
//! A ring's bytes may be shared with a hostile client at any time: nothing here makes a reference to them, all access is
//! by copies.

pub mod area;
pub mod backing;

pub use area::Area;
pub use backing::{Backing, Pages, PrivateBacking};

/// The ring of a substream, as a device and the core see it.
#[derive(Clone, Debug)]
pub struct Ring {
    /// The bytes, `dma_bytes` of them (the memory behind is page-rounded).
    pub area: Area,
}
