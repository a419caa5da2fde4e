//! The ring that the core allocates for a substream before the device's `hw_params`, and frees after its `hw_free` (§4.8).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hw_backends::dma::area::page_round;
use hw_backends::dma::{Area, Backing, Pages, Ring};
use uapi::Errno;

/// Sizes set for a substream, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory taken at the first HW_PARAMS of an open and kept until its close; it bounds BUFFER_BYTES. 0 for none.
    pub preallocated: u32,
    /// Largest ring; more gives ENOMEM.
    pub maximum: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            preallocated: 0,
            maximum: u64::MAX,
        }
    }
}

/// How much all rings of a card may take together. Clones are the same budget.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Account>);

#[derive(Debug)]
struct Account {
    limit: u64,
    used: AtomicU64,
}

impl Budget {
    /// What the kernel allows each card (`max_alloc_per_card`), bytes.
    pub const DEFAULT: u64 = 32 << 20;

    /// A budget of `limit` bytes.
    #[must_use]
    pub fn new(limit: u64) -> Budget {
        Budget(Arc::new(Account {
            limit,
            used: AtomicU64::new(0),
        }))
    }

    /// Bytes in use.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> Result<(), Errno> {
        let grown = |used: u64| used.checked_add(bytes).filter(|&sum| sum <= self.0.limit);
        let updated = self
            .0
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown);
        updated.map(drop).map_err(|_| Errno::ENOMEM)
    }

    fn give_back(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        let _ = self
            .0
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

impl Default for Budget {
    fn default() -> Budget {
        Budget::new(Budget::DEFAULT)
    }
}

/// The ring of one substream, and the memory of the open it comes from.
#[derive(Debug, Default)]
pub struct ManagedBuffer {
    limits: Limits,
    budget: Budget,
    backing: Option<Box<dyn Backing>>,
    /// Whole pages, at least as large as the ring.
    memory: Option<Area>,
    ring: Option<Ring>,
    /// Address and size of the ring that the device was told last.
    told: Option<(usize, usize)>,
}

impl ManagedBuffer {
    /// A buffer without memory.
    #[must_use]
    pub fn new(limits: Limits, budget: Budget) -> ManagedBuffer {
        ManagedBuffer {
            limits,
            budget,
            backing: None,
            memory: None,
            ring: None,
            told: None,
        }
    }

    /// The sizes that were set.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// An open brings its memory.
    pub fn attach(&mut self, backing: Box<dyn Backing>) {
        self.detach();
        self.backing = Some(backing);
    }

    /// The open ends: everything is given back.
    pub fn detach(&mut self) {
        self.ring = None;
        self.release();
        self.backing = None;
    }

    /// Whether clients can map the ring.
    #[must_use]
    pub fn mappable(&self) -> bool {
        self.backing
            .as_ref()
            .is_some_and(|backing| backing.mappable())
    }

    /// Whether the node of this open carries ioctl arguments that are values.
    #[must_use]
    pub fn carries_values(&self) -> bool {
        self.backing.as_ref().is_none_or(|backing| backing.values())
    }

    /// The pages shared with the client of this open.
    #[must_use]
    pub fn pages(&self) -> Option<Pages> {
        self.backing.as_ref().and_then(|backing| backing.pages())
    }

    /// A zeroed ring of `bytes`, in the memory at hand if it is large enough; otherwise that is freed first. Says whether
    /// address or size differ from the ring before.
    ///
    /// # Errors
    /// ENOMEM: more than the limits allow, or no memory; there is no ring then.
    pub fn provide(&mut self, bytes: u64) -> Result<(Ring, bool), Errno> {
        self.ring = None;
        if bytes > self.limits.maximum {
            return Err(Errno::ENOMEM);
        }
        let fits = self
            .memory
            .as_ref()
            .is_some_and(|memory| bytes <= memory.len() as u64);
        if !fits {
            self.release();
            self.allocate(bytes.max(u64::from(self.limits.preallocated)))?;
        }
        let memory = self.memory.as_ref().ok_or(Errno::ENOMEM)?;
        let size = usize::try_from(bytes).map_err(|_| Errno::ENOMEM)?;
        memory.fill(0, page_round(size), 0);
        let ring = Ring::private(memory.part(0, size));
        let place = (ring.area.as_ptr().addr(), size);
        let changed = self.told.replace(place) != Some(place);
        self.ring = Some(ring.clone());
        Ok((ring, changed))
    }

    /// The ring, between HW_PARAMS and HW_FREE.
    #[must_use]
    pub fn ring(&self) -> Option<&Ring> {
        self.ring.as_ref()
    }

    /// The device no longer uses the ring. Its memory is freed, unless it is preallocated.
    pub fn free(&mut self) {
        self.ring = None;
        let kept = page_round(usize::try_from(self.limits.preallocated).unwrap_or(usize::MAX));
        let preallocated =
            self.limits.preallocated != 0 && self.memory.as_ref().is_some_and(|m| m.len() == kept);
        if !preallocated {
            self.release();
        }
    }

    fn allocate(&mut self, bytes: u64) -> Result<(), Errno> {
        let backing = self.backing.as_mut().ok_or(Errno::ENOMEM)?;
        let size = page_round(usize::try_from(bytes).map_err(|_| Errno::ENOMEM)?);
        self.budget.take(size as u64)?;
        match backing.allocate(size) {
            Ok(area) => {
                self.memory = Some(area);
                Ok(())
            }
            Err(errno) => {
                self.budget.give_back(size as u64);
                Err(errno)
            }
        }
    }

    fn release(&mut self) {
        let Some(memory) = self.memory.take() else {
            return;
        };
        // What is allocated anew may lie at the same address and still be another ring.
        self.told = None;
        self.budget.give_back(memory.len() as u64);
        if let Some(backing) = &mut self.backing {
            backing.release();
        }
    }
}

impl Drop for ManagedBuffer {
    fn drop(&mut self) {
        self.detach();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use hw_backends::dma::PrivateBacking;

    fn buffer(limits: Limits, budget: &Budget) -> ManagedBuffer {
        let mut buffer = ManagedBuffer::new(limits, budget.clone());
        buffer.attach(Box::<PrivateBacking>::default());
        buffer
    }

    #[test]
    fn a_ring_that_fits_is_kept_and_zeroed_again() {
        let mut buffer = buffer(Limits::default(), &Budget::default());
        let (ring, changed) = buffer.provide(10_000).unwrap();
        assert!(changed);
        ring.area.fill(0, 10_000, 0xaa);
        let (again, changed) = buffer.provide(10_000).unwrap();
        assert!(!changed);
        let mut bytes = [1; 10_000];
        assert_eq!(again.area.read(0, &mut bytes), 10_000);
        assert!(bytes.iter().all(|&b| b == 0));
        assert_eq!(again.area.as_ptr(), ring.area.as_ptr());
    }

    #[test]
    fn another_size_is_another_ring() {
        let mut buffer = buffer(Limits::default(), &Budget::default());
        let (large, _) = buffer.provide(8192).unwrap();
        let (small, changed) = buffer.provide(4096).unwrap();
        assert!(changed);
        assert_eq!(
            small.area.as_ptr(),
            large.area.as_ptr(),
            "the memory is kept"
        );
        assert!(buffer.provide(20_000).unwrap().1);
    }

    #[test]
    fn freed_memory_counts_no_longer() {
        let budget = Budget::new(16384);
        let mut buffer = buffer(Limits::default(), &budget);
        assert!(buffer.provide(16384).is_ok());
        assert_eq!(budget.used(), 16384);
        buffer.free();
        assert_eq!(budget.used(), 0);
        assert!(buffer.ring().is_none());
        assert!(buffer.provide(16384).unwrap().1, "allocated anew");
        drop(buffer);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn beyond_the_cards_budget_is_enomem() {
        let budget = Budget::new(16384);
        let mut first = buffer(Limits::default(), &budget);
        let mut second = buffer(Limits::default(), &budget);
        assert!(first.provide(12288).is_ok());
        assert_eq!(second.provide(8192).unwrap_err(), Errno::ENOMEM);
        assert!(second.ring().is_none());
        assert!(second.provide(4096).is_ok());
    }

    #[test]
    fn beyond_the_maximum_is_enomem() {
        let mut buffer = buffer(
            Limits {
                preallocated: 0,
                maximum: 4096,
            },
            &Budget::default(),
        );
        assert_eq!(buffer.provide(4097).unwrap_err(), Errno::ENOMEM);
        assert!(buffer.provide(4096).is_ok());
    }

    #[test]
    fn preallocated_memory_outlives_hw_free() {
        let budget = Budget::default();
        let mut buffer = buffer(
            Limits {
                preallocated: 65536,
                maximum: 65536,
            },
            &budget,
        );
        let (ring, _) = buffer.provide(4096).unwrap();
        assert_eq!(budget.used(), 65536);
        buffer.free();
        assert_eq!(budget.used(), 65536);
        let (again, changed) = buffer.provide(4096).unwrap();
        assert!(!changed);
        assert_eq!(again.area.as_ptr(), ring.area.as_ptr());
        buffer.detach();
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn without_an_open_there_is_no_memory() {
        let mut buffer = ManagedBuffer::default();
        assert_eq!(buffer.provide(1).unwrap_err(), Errno::ENOMEM);
        assert!(buffer.pages().is_none() && !buffer.mappable());
    }
}
