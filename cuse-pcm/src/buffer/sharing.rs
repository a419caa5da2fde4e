//! Rings that are dma-bufs: one of ours given away, or one that somebody else made taken in its place.

use std::os::fd::OwnedFd;

use hw_backends::dma::{ExportError, Foreign, Ring, Shared, Unusable};
use hw_backends::units::Now;
use uapi::Errno;

use super::managed::{Demand, Held, ManagedBuffer, Rings};
use super::report::Refused;

impl ManagedBuffer {
    /// The dma-buf of the ring.
    ///
    /// # Errors
    /// EBADFD: there is no ring. ENODEV: this memory cannot be one; the report says why. What making one gave.
    pub fn export(&mut self, by: &str, now: &Now) -> Result<Shared, Errno> {
        if self.ring.is_none() {
            return Err(Errno::EBADFD);
        }
        let wraps = self.supply.pool.wraps();
        let held = self.memory.as_mut().ok_or(Errno::EBADFD)?;
        let (refusal, errno) = match held.memory.export() {
            Ok(shared) => return Ok(shared.clone()),
            Err(ExportError::Refused(refusal)) => (Some(refusal), Errno::ENODEV),
            Err(ExportError::Failed(_)) if !wraps => (None, Errno::ENODEV),
            Err(ExportError::Failed(errno)) => (None, errno),
        };
        let why = refusal.map_or_else(
            || format!("no dma-buf: {errno}"),
            |refusal| refusal.to_string(),
        );
        log::info!("The ring cannot be exported: {why}");
        self.parties
            .refuse(Refused::new(by, refusal.as_ref(), why, now));
        Err(errno)
    }

    /// Whether a dma-buf was attached.
    #[must_use]
    pub fn attached(&self) -> bool {
        self.attached
    }

    /// Makes the dma-buf behind a descriptor the ring; it keeps its content. `None`: it is the dma-buf of this ring, and
    /// nothing changes. With an error, the ring is as it was.
    ///
    /// # Errors
    /// EBUSY: one is attached. EBADFD: there is no ring. EINVAL: no dma-buf, or not of a memfd or heap. EACCES: not open
    /// for reading and writing. ENOSPC: smaller than the ring. EOPNOTSUPP: it does not serve the parties to this ring; the
    /// report names the constraint. What mapping it gave.
    pub fn attach_shared(
        &mut self,
        fd: OwnedFd,
        demand: &Demand<'_>,
    ) -> Result<Option<Rings>, Errno> {
        if self.attached {
            return Err(Errno::EBUSY);
        }
        if self.ring.is_none() {
            return Err(Errno::EBADFD);
        }
        let foreign = Foreign::of(fd).map_err(|unusable| {
            self.not_attached(unusable.to_string(), demand);
            match unusable {
                Unusable::NoDmaBuf | Unusable::Exporter(_) => Errno::EINVAL,
                Unusable::Access => Errno::EACCES,
            }
        })?;
        let own = self.memory.as_ref().and_then(|held| held.memory.made());
        if own.is_some_and(|own| foreign.is(own)) {
            self.attached = true;
            return Ok(None);
        }
        self.replace(foreign, demand).map(Some)
    }

    fn replace(&mut self, foreign: Foreign, demand: &Demand<'_>) -> Result<Rings, Errno> {
        if foreign.bytes() < demand.bytes {
            let (has, wanted) = (foreign.bytes(), demand.bytes);
            self.not_attached(format!("{has} bytes for a ring of {wanted}"), demand);
            return Err(Errno::ENOSPC);
        }
        let parties = [("device", demand.device)];
        let (fixed, own) = match demand.own {
            true => (&parties[..0], Some(&demand.device)),
            false => (&parties[..], None),
        };
        let needs = self.parties.needs(fixed);
        if let Err(refusal) = needs.met_by(&foreign.traits(), demand.bytes) {
            let why = refusal.to_string();
            log::info!("The dma-buf cannot be attached: {why}");
            let refused = Refused::new(demand.by, Some(&refusal), why, &demand.now);
            self.parties.refuse(refused);
            return Err(Errno::EOPNOTSUPP);
        }
        let size = usize::try_from(demand.bytes).map_err(|_| Errno::ENOMEM)?;
        let name = foreign.exporter().to_owned();
        let memory = foreign.map(size)?;
        let ring = Ring {
            area: memory.area().part(0, size),
            file: memory.file().cloned(),
        };
        let device = self.own.take();
        self.release();
        self.own = device;
        self.parties.settle(fixed, own);
        self.memory = Some(Held::attached(memory, &name, demand));
        self.attached = true;
        self.complete(ring, demand)
    }

    /// The dma-buf that is the ring's own and attached goes; the ring stays. Says whether it was that.
    pub fn detach_own(&mut self) -> bool {
        let own = self.attached && self.memory.as_ref().is_some_and(Held::is_managed);
        if own {
            self.attached = false;
        }
        own
    }

    fn not_attached(&mut self, why: String, demand: &Demand<'_>) {
        log::info!("The descriptor cannot be attached: {why}");
        let refused = Refused::new(demand.by, None, why, &demand.now);
        self.parties.refuse(refused);
    }
}
