//! Memory of substreams.
//!
//! A ring's bytes may be shared with a hostile client at any time: nothing here makes a reference to them, all access is
//! by copies.

pub mod allocators;
pub mod area;
pub mod backing;
pub mod constraints;
mod devices;
pub mod foreign;
pub mod memory;
pub mod steps;

pub use allocators::{Allocator, Pool};
pub use area::Area;
pub use backing::{Backing, Pages, PrivateBacking};
pub use constraints::{Constraint, Merged, Needs, Refusal, Traits};
pub use foreign::{Foreign, Unusable};
pub use memory::{ExportError, Memory, Shared};

/// The ring of a substream, as a device and the core see it.
#[derive(Clone, Debug)]
pub struct Ring {
    /// The bytes, `dma_bytes` of them (the memory behind is page-rounded).
    pub area: Area,
    /// The file that the bytes are in, for devices in other processes; there if the device [needs](Needs::shareable) it.
    pub file: Option<Shared>,
}

impl Ring {
    /// A ring that nobody else can be given.
    #[must_use]
    pub fn private(area: Area) -> Ring {
        Ring { area, file: None }
    }
}
