//! Dma-bufs that somebody else made.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{OFlags, SeekFrom};
use uapi::Errno;

use super::allocators::COHERENT_MACHINE;
use super::{Area, Memory, Shared, Traits};

/// A dma-buf, looked at but not mapped.
#[derive(Debug)]
pub struct Foreign {
    fd: OwnedFd,
    bytes: u64,
    exporter: String,
}

/// Why a descriptor is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It is no dma-buf.
    NoDmaBuf,
    /// It is one of a driver (of this name) whose memory might go away; only memfds and heaps keep it.
    Exporter(String),
    /// It is not open for reading and writing.
    Access,
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unusable::NoDmaBuf => f.write_str("it is no dma-buf"),
            Unusable::Exporter(name) => {
                write!(f, "it is a dma-buf of {name}, not of a memfd or heap")
            }
            Unusable::Access => f.write_str("it is not open for reading and writing"),
        }
    }
}

impl Foreign {
    /// Looks at a descriptor.
    ///
    /// # Errors
    /// Why it is of no use.
    pub fn of(fd: OwnedFd) -> Result<Foreign, Unusable> {
        let number = fd.as_raw_fd();
        let name = std::fs::read_link(format!("/proc/self/fd/{number}"));
        if !name.is_ok_and(|name| name.to_string_lossy().starts_with("/dmabuf:")) {
            return Err(Unusable::NoDmaBuf);
        }
        let told = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}"));
        let told = told.unwrap_or_default();
        let exporter = told.lines().find_map(|line| line.strip_prefix("exp_name:"));
        let exporter = exporter.map(str::trim).unwrap_or_default().to_owned();
        if exporter != "udmabuf" && !is_heap(&exporter) {
            return Err(Unusable::Exporter(exporter));
        }
        let flags = rustix::fs::fcntl_getfl(&fd).map_err(|_| Unusable::Access)?;
        if flags & OFlags::ACCMODE != OFlags::RDWR {
            return Err(Unusable::Access);
        }
        let bytes = rustix::fs::seek(&fd, SeekFrom::End(0)).map_err(|_| Unusable::NoDmaBuf)?;
        Ok(Foreign {
            fd,
            bytes,
            exporter,
        })
    }

    /// Its size.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Who made it: `udmabuf`, or the name of a heap.
    #[must_use]
    pub fn exporter(&self) -> &str {
        &self.exporter
    }

    /// What its memory has, as far as can be seen.
    #[must_use]
    pub fn traits(&self) -> Traits {
        Traits {
            shareable: true,
            exportable: true,
            run_bytes: if is_contiguous(&self.exporter) {
                u64::MAX
            } else {
                Traits::PAGES.run_bytes
            },
            coherent: COHERENT_MACHINE,
            most_bytes: self.bytes,
            ..Traits::PAGES
        }
    }

    /// Whether `other` is a descriptor of the same dma-buf.
    #[must_use]
    pub fn is(&self, other: &Shared) -> bool {
        let (Ok(this), Ok(other)) = (rustix::fs::fstat(&self.fd), rustix::fs::fstat(other)) else {
            return false;
        };
        (this.st_dev, this.st_ino) == (other.st_dev, other.st_ino)
    }

    /// Maps its first `bytes`.
    ///
    /// # Errors
    /// What mmap(2) gives.
    pub fn map(self, bytes: usize) -> Result<Memory, Errno> {
        let traits = self.traits();
        let area = Area::map(&self.fd, 0, bytes)?;
        Ok(Memory::dma_buf(area, None, Shared::new(self.fd, 0), traits))
    }
}

fn is_heap(name: &str) -> bool {
    let plain = !name.is_empty() && !name.contains('/') && !name.starts_with('.');
    plain && std::path::Path::new("/dev/dma_heap").join(name).exists()
}

/// Whether a heap of this name gives memory in one stretch.
pub(super) fn is_contiguous(heap: &str) -> bool {
    heap.contains("cma") || heap == "reserved"
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::MemfdFlags;

    #[test]
    fn what_is_no_dma_buf_is_told() {
        let files = [
            rustix::fs::memfd_create("dmabuf:", MemfdFlags::CLOEXEC).ok(),
            std::fs::File::open("/dev/null").ok().map(OwnedFd::from),
            rustix::pipe::pipe().ok().map(|(read, _)| read),
        ];
        for fd in files.into_iter().flatten() {
            assert_eq!(Foreign::of(fd).err(), Some(Unusable::NoDmaBuf));
        }
    }
}
