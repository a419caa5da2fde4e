//! Memory in files that exist nowhere else: memfd, with ordinary or huge pages, and dma-bufs of it.

use rustix::fs::{MemfdFlags, SealFlags};
use std::os::fd::OwnedFd;
use uapi::Errno;

use super::{Allocator, COHERENT_MACHINE};
use crate::dma::area::{PAGE, errno, page_round};
use crate::dma::{Area, Memory, Shared, Traits, devices, steps};

/// A huge page, bytes.
const HUGE: usize = 2 << 20;

/// What a memfd is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pages {
    Ordinary,
    Huge,
}

/// Whether the machine has huge pages of that size set aside.
pub(super) fn huge_pages() -> bool {
    let set = std::fs::read_to_string("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
    set.is_ok_and(|text| text.trim().parse().is_ok_and(|pages: u64| pages > 0))
}

/// A memfd.
#[derive(Debug)]
pub(super) struct Memfd {
    pages: Pages,
}

impl Memfd {
    pub(super) fn new(pages: Pages) -> Memfd {
        Memfd { pages }
    }
}

const ORDINARY: Traits = Traits {
    shareable: true,
    ..Traits::PAGES
};

impl Allocator for Memfd {
    fn name(&self) -> &'static str {
        match self.pages {
            Pages::Ordinary => "memfd",
            Pages::Huge => "hugetlb memfd",
        }
    }

    fn traits(&self) -> Traits {
        match self.pages {
            Pages::Ordinary => ORDINARY,
            Pages::Huge => Traits {
                run_bytes: HUGE as u64,
                alignment: HUGE as u64,
                huge_pages: true,
                ..ORDINARY
            },
        }
    }

    fn allocate(&self, bytes: usize) -> Result<Memory, Errno> {
        let (file, area) = match self.pages {
            Pages::Ordinary => make(bytes, PAGE, MemfdFlags::empty())?,
            Pages::Huge => make(bytes, HUGE, MemfdFlags::HUGETLB | MemfdFlags::HUGE_2MB)?,
        };
        Ok(Memory::in_file(area, Shared::new(file, 0), self.traits()))
    }
}

/// A memfd behind `/dev/udmabuf`.
#[derive(Debug)]
pub(super) struct Udmabuf;

impl Allocator for Udmabuf {
    fn name(&self) -> &'static str {
        "udmabuf"
    }

    fn traits(&self) -> Traits {
        Traits {
            exportable: true,
            coherent: COHERENT_MACHINE,
            ..ORDINARY
        }
    }

    fn allocate(&self, bytes: usize) -> Result<Memory, Errno> {
        let (file, area) = make(bytes, PAGE, MemfdFlags::empty())?;
        let made = devices::wrap(&file, 0, page_round(bytes) as u64)?;
        Ok(Memory::dma_buf(
            area,
            Some(Shared::new(file, 0)),
            Shared::new(made, 0),
            self.traits(),
        ))
    }
}

/// A file of `bytes` that never changes its size, and its mapping.
fn make(bytes: usize, page: usize, flags: MemfdFlags) -> Result<(OwnedFd, Area), Errno> {
    let length = bytes
        .max(1)
        .checked_next_multiple_of(page)
        .ok_or(Errno::ENOMEM)?;
    let flags = flags | MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    steps::step()?;
    let file = rustix::fs::memfd_create("pcm-ring", flags).map_err(errno)?;
    steps::step()?;
    rustix::fs::ftruncate(&file, length as u64).map_err(errno)?;
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    steps::step()?;
    rustix::fs::fcntl_add_seals(&file, seals).map_err(errno)?;
    let area = Area::map(&file, 0, length)?;
    Ok((file, area))
}
