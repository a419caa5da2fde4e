//! Memory that was allocated, with what others need to reach it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use uapi::Errno;

use super::area::page_round;
use super::{Area, Refusal, Traits, devices};
use crate::dma::Constraint;

/// Where in a file memory is. Clones share the descriptor.
#[derive(Clone, Debug)]
pub struct Shared {
    fd: Arc<OwnedFd>,
    /// Bytes from the file's beginning.
    pub offset: u64,
}

impl Shared {
    /// Memory at `offset` of a file.
    #[must_use]
    pub fn new(fd: OwnedFd, offset: u64) -> Shared {
        let fd = Arc::new(fd);
        Shared { fd, offset }
    }
}

impl AsFd for Shared {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Memory; dropped, it is free again as soon as no [`Area`] and no descriptor of it is left.
#[derive(Debug)]
pub struct Memory {
    area: Area,
    file: Option<Shared>,
    dma_buf: Option<Shared>,
    traits: Traits,
}

impl Memory {
    /// Memory known to nobody else.
    #[must_use]
    pub fn private(area: Area, traits: Traits) -> Memory {
        Memory {
            area,
            file: None,
            dma_buf: None,
            traits,
        }
    }

    /// Memory in a file.
    #[must_use]
    pub fn in_file(area: Area, file: Shared, traits: Traits) -> Memory {
        Memory {
            area,
            file: Some(file),
            dma_buf: None,
            traits,
        }
    }

    /// Memory that is a dma-buf from its beginning; `file` is what it is made of, where that is known.
    #[must_use]
    pub fn dma_buf(area: Area, file: Option<Shared>, dma_buf: Shared, traits: Traits) -> Memory {
        Memory {
            area,
            file,
            dma_buf: Some(dma_buf),
            traits,
        }
    }

    /// The bytes.
    #[must_use]
    pub fn area(&self) -> &Area {
        &self.area
    }

    /// What it has, as it is.
    #[must_use]
    pub fn traits(&self) -> &Traits {
        &self.traits
    }

    /// A file that others can map it through, if there is one.
    #[must_use]
    pub fn file(&self) -> Option<&Shared> {
        self.file.as_ref().or(self.dma_buf.as_ref())
    }

    /// The dma-buf of all of it, made now if there is none yet.
    ///
    /// # Errors
    /// The [`Refusal`] if it cannot be one, else what making it gave.
    pub fn export(&mut self) -> Result<&Shared, ExportError> {
        if self.dma_buf.is_none() {
            let file = self.file.as_ref().ok_or(ExportError::Refused(Refusal {
                constraint: Constraint::Exportable,
                needs: 1,
                has: 0,
            }))?;
            let length = page_round(self.area.len()) as u64;
            let made = devices::wrap(file, file.offset, length).map_err(ExportError::Failed)?;
            self.dma_buf = Some(Shared::new(made, 0));
        }
        self.dma_buf
            .as_ref()
            .ok_or(ExportError::Failed(Errno::ENOMEM))
    }

    /// The dma-buf of it, if there is one now.
    #[must_use]
    pub fn made(&self) -> Option<&Shared> {
        self.dma_buf.as_ref()
    }

    /// Whether there is a dma-buf of it now.
    #[must_use]
    pub fn exported(&self) -> bool {
        self.dma_buf.is_some()
    }
}

/// Why there is no dma-buf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportError {
    /// This memory cannot be one.
    Refused(Refusal),
    /// It could not be made.
    Failed(Errno),
}
