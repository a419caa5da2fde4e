//! Heaps in `/dev/dma_heap`.

use std::path::PathBuf;

use dma_heap::{Heap as Device, HeapKind};
use uapi::Errno;

use super::{Allocator, COHERENT_MACHINE, usable};
use crate::dma::area::page_round;
use crate::dma::foreign::is_contiguous;
use crate::dma::{Area, Memory, Shared, Traits, steps};

const DIRECTORY: &str = "/dev/dma_heap";

/// One heap.
#[derive(Debug)]
pub(super) struct Heap {
    name: String,
    path: PathBuf,
    contiguous: bool,
}

/// The heaps that this process may use: those of scattered memory first, the contiguous ones (which are scarce) last.
pub(super) fn all() -> Vec<Heap> {
    let Ok(entries) = std::fs::read_dir(DIRECTORY) else {
        return Vec::new();
    };
    let mut heaps: Vec<Heap> = entries
        .flatten()
        .filter(|entry| entry.path().to_str().is_some_and(usable))
        .map(|entry| {
            let file = entry.file_name().to_string_lossy().into_owned();
            Heap {
                contiguous: is_contiguous(&file),
                name: format!("dma_heap/{file}"),
                path: entry.path(),
            }
        })
        .collect();
    heaps.sort_by(|a, b| (a.contiguous, &a.name).cmp(&(b.contiguous, &b.name)));
    heaps
}

impl Allocator for Heap {
    fn name(&self) -> &str {
        &self.name
    }

    fn traits(&self) -> Traits {
        Traits {
            shareable: true,
            exportable: true,
            run_bytes: if self.contiguous {
                u64::MAX
            } else {
                Traits::PAGES.run_bytes
            },
            coherent: COHERENT_MACHINE,
            ..Traits::PAGES
        }
    }

    fn allocate(&self, bytes: usize) -> Result<Memory, Errno> {
        let failed = |error: std::io::Error| Errno(error.raw_os_error().unwrap_or(Errno::EIO.0));
        let length = page_round(bytes.max(1));
        steps::step()?;
        let device = Device::new(HeapKind::Custom(self.path.clone())).map_err(failed)?;
        steps::step()?;
        let made = device.allocate(length).map_err(failed)?;
        let area = Area::map(&made, 0, length)?;
        Ok(Memory::dma_buf(
            area,
            None,
            Shared::new(made, 0),
            self.traits(),
        ))
    }
}
