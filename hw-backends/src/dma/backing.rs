//! Where an open descriptor's ring and shared pages come from.

use uapi::Errno;

use super::{Area, Shared};

/// Status and control pages shared with a client. The old and the new mmap offset are two pages each.
#[derive(Clone, Debug)]
pub struct Pages {
    /// Status page at the old and the new offset, 4096 bytes each.
    pub status: [Area; 2],
    /// Control page at the old and the new offset, 4096 bytes each.
    pub control: [Area; 2],
    /// The client is a 32-bit one, and so are the records: with 32-bit time at the old offset, with 64-bit time at the
    /// new one.
    pub narrow: bool,
}

/// The memory of one open descriptor. The transport gives it, the core's buffer module takes from it.
pub trait Backing: Send + std::fmt::Debug {
    /// The first `bytes` (page-rounded) of the data region.
    ///
    /// # Errors
    /// ENOMEM.
    fn allocate(&mut self, bytes: usize) -> Result<Area, Errno>;

    /// Gives the data region back; its content is gone.
    fn release(&mut self);

    /// The shared pages, where this kind of node has any.
    fn pages(&self) -> Option<Pages>;

    /// Whether a client can map the data region.
    fn mappable(&self) -> bool {
        self.pages().is_some()
    }

    /// The file that the data region is in, where it is a memfd that others may be given.
    fn file(&self) -> Option<Shared> {
        None
    }

    /// Whether the node passes on ioctl arguments that are values, not addresses (PAUSE, LINK). Where it does not, a
    /// client is not told that it can pause.
    fn values(&self) -> bool {
        true
    }
}

/// Memory that no client can map.
#[derive(Debug, Default)]
pub struct PrivateBacking {
    area: Option<Area>,
}

impl Backing for PrivateBacking {
    fn allocate(&mut self, bytes: usize) -> Result<Area, Errno> {
        let area = Area::anonymous(bytes)?;
        self.area = Some(area.clone());
        Ok(area)
    }

    fn release(&mut self) {
        self.area = None;
    }

    fn pages(&self) -> Option<Pages> {
        None
    }
}
