//! Where memory comes from, the cheapest first.

mod heap;
mod memfd;

use std::fmt::Debug;
use std::sync::Arc;

use uapi::Errno;

use super::{Area, Memory, Traits, devices};

/// Gives memory of one kind.
pub trait Allocator: Send + Sync + Debug {
    /// Its name in reports.
    fn name(&self) -> &str;

    /// What its memory has.
    fn traits(&self) -> Traits;

    /// `bytes` of zeroed memory, or a little more.
    ///
    /// # Errors
    /// ENOMEM, EMFILE, and what the device gives that it comes from. Nothing is left then.
    fn allocate(&self, bytes: usize) -> Result<Memory, Errno>;
}

/// Memory known to nobody else.
#[derive(Debug)]
struct Private;

impl Allocator for Private {
    fn name(&self) -> &'static str {
        "private"
    }

    fn traits(&self) -> Traits {
        Traits::PAGES
    }

    fn allocate(&self, bytes: usize) -> Result<Memory, Errno> {
        Ok(Memory::private(Area::anonymous(bytes)?, self.traits()))
    }
}

/// Allocators in the order of their cost. Clones are the same pool.
#[derive(Clone, Debug)]
pub struct Pool {
    allocators: Arc<[Box<dyn Allocator>]>,
    /// Memory in a memfd can be made a dma-buf.
    wraps: bool,
}

impl Pool {
    /// A pool of these.
    #[must_use]
    pub fn new(allocators: Vec<Box<dyn Allocator>>) -> Pool {
        Pool {
            allocators: allocators.into(),
            wraps: false,
        }
    }

    /// What every machine has: private memory and memfd.
    #[must_use]
    pub fn basic() -> Pool {
        Pool::new(vec![
            Box::new(Private),
            Box::new(memfd::Memfd::new(memfd::Pages::Ordinary)),
        ])
    }

    /// All that this machine has and this process may use.
    #[must_use]
    pub fn of_this_machine() -> Pool {
        let mut all: Vec<Box<dyn Allocator>> = vec![
            Box::new(Private),
            Box::new(memfd::Memfd::new(memfd::Pages::Ordinary)),
        ];
        if memfd::huge_pages() {
            all.push(Box::new(memfd::Memfd::new(memfd::Pages::Huge)));
        }
        let wraps = usable(devices::UDMABUF);
        if wraps {
            all.push(Box::new(memfd::Udmabuf));
        }
        for heap in heap::all() {
            all.push(Box::new(heap));
        }
        Pool {
            allocators: all.into(),
            wraps,
        }
    }

    /// The allocators.
    pub fn allocators(&self) -> impl Iterator<Item = &dyn Allocator> {
        self.allocators.iter().map(AsRef::as_ref)
    }

    /// Whether memory in a memfd can be made a dma-buf later.
    #[must_use]
    pub fn wraps(&self) -> bool {
        self.wraps
    }

    /// Whether a dma-buf can be had at all.
    #[must_use]
    pub fn exports(&self) -> bool {
        self.wraps || self.allocators().any(|a| a.traits().exportable)
    }
}

/// Whether this process may open a device.
fn usable(path: &str) -> bool {
    rustix::fs::access(
        path,
        rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK,
    )
    .is_ok()
}

/// Whether the processor's caches are kept coherent with devices without a sync.
pub(crate) const COHERENT_MACHINE: bool = cfg!(any(target_arch = "x86", target_arch = "x86_64"));
