//! The ring that the core allocates for a substream before the device's `hw_params`, and frees after its `hw_free` (§4.8).

use hw_backends::dma::area::page_round;
use hw_backends::dma::{Area, Backing, Memory, Merged, Needs, Pages, Refusal, Ring, Traits};
use hw_backends::units::Now;
use uapi::Errno;

use super::budget::{Charge, Payer};
use super::parties::Parties;
use super::report::{MemoryReport, PassedOver, Refused, Report};
use super::{Limits, Supply};

/// A demand for a ring.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    /// Size, bytes.
    pub bytes: u64,
    /// What the device needs of the ring that it works on.
    pub device: Needs,
    /// That is to be a ring of its own.
    pub own: bool,
    /// What brings it about, for reports.
    pub by: &'a str,
    /// The time, for reports.
    pub now: Now,
}

/// Rings of a substream, as its device sees them.
#[derive(Clone, Debug)]
pub struct Rings {
    /// The one the device works on.
    pub device: Ring,
    /// Its address or size differ from the one before.
    pub changed: bool,
}

/// The ring of one substream, and the memory of the open it comes from.
#[derive(Debug, Default)]
pub struct ManagedBuffer {
    pub(super) supply: Supply,
    /// What is set aside for this substream.
    aside: Option<Charge>,
    /// Who has it open.
    uid: Option<u32>,
    backing: Option<Box<dyn Backing>>,
    /// What clients see; whole pages, at least as large as the ring.
    pub(super) memory: Option<Held>,
    /// What the device sees, where that is not the same.
    pub(super) own: Option<Held>,
    pub(super) ring: Option<Ring>,
    device_ring: Option<Ring>,
    /// The client attached a dma-buf: its own, or (in `memory`) another one.
    pub(super) attached: bool,
    /// Address and size of the ring that the device was told last.
    told: Option<(usize, usize)>,
    pub(super) parties: Parties,
}

/// Memory that was allocated.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) memory: Memory,
    account: MemoryReport,
    charge: Option<Charge>,
}

impl Held {
    /// Somebody else's memory, which counts to nobody here.
    pub(super) fn attached(memory: Memory, name: &str, demand: &Demand<'_>) -> Held {
        let account = MemoryReport {
            role: "ring",
            allocator: format!("{name} (attached)"),
            bytes: memory.area().len() as u64,
            triggered_by: demand.by.to_owned(),
            allocated_at: demand.now.realtime.0,
            passed_over: Vec::new(),
            exported: true,
        };
        Held {
            memory,
            account,
            charge: None,
        }
    }

    /// Whether it was allocated here.
    pub(super) fn is_managed(&self) -> bool {
        self.charge.is_some()
    }

    fn serves(&self, merged: &Merged, bytes: u64) -> bool {
        let there = self.memory.area().len() as u64;
        bytes <= there && merged.met_by(self.memory.traits(), bytes).is_ok()
    }
}

impl ManagedBuffer {
    /// A buffer without memory. What is preallocated is set aside in the card's budget now, as far as that goes.
    #[must_use]
    pub fn new(supply: Supply) -> ManagedBuffer {
        let aside = match supply.limits.preallocated {
            0 => None,
            bytes => Charge::new(&supply.budget, rounded(u64::from(bytes)), None).ok(),
        };
        let mut buffer = ManagedBuffer::default();
        buffer.supply = supply;
        buffer.aside = aside;
        buffer
    }

    /// The sizes that were set.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.supply.limits
    }

    /// Whether the device shall have a ring of its own, whatever it says.
    #[must_use]
    pub fn explicit_sync(&self) -> bool {
        self.supply.explicit_sync
    }

    /// An open by user `uid` brings its memory.
    pub fn attach(&mut self, backing: Box<dyn Backing>, uid: Option<u32>) {
        self.detach();
        self.backing = Some(backing);
        self.uid = uid;
    }

    /// The open ends: everything is given back.
    pub fn detach(&mut self) {
        self.release();
        self.backing = None;
        self.parties.clear();
    }

    /// Whether clients can map the ring, in whatever way.
    #[must_use]
    pub fn offers_mapping(&self) -> bool {
        self.mappable() || (self.supply.dma_buf && self.supply.pool.exports())
    }

    /// Whether clients can map the ring through the node.
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

    /// A zeroed ring, in the memory at hand if that is large enough and serves everybody; otherwise that is freed first.
    ///
    /// # Errors
    /// ENOMEM: more than the limits allow, no memory, or none that serves everybody; there is no ring then.
    pub fn provide(&mut self, demand: &Demand<'_>) -> Result<Rings, Errno> {
        self.ring = None;
        self.device_ring = None;
        if self.attached {
            self.release();
        }
        let result = self.try_provide(demand);
        if result.is_err() {
            self.release();
        }
        result
    }

    fn try_provide(&mut self, demand: &Demand<'_>) -> Result<Rings, Errno> {
        if demand.bytes > self.supply.limits.maximum {
            return Err(Errno::ENOMEM);
        }
        let size = usize::try_from(demand.bytes).map_err(|_| Errno::ENOMEM)?;
        let clients = self.collect(demand);
        let kept = self.memory.as_ref();
        if !kept.is_some_and(|held| held.serves(&clients, demand.bytes)) || !demand.own {
            self.own = None;
        }
        if !kept.is_some_and(|held| held.serves(&clients, demand.bytes)) {
            self.release();
            self.memory = Some(self.allocate(&clients, "ring", demand)?);
        }
        let ring = zeroed(self.memory.as_ref(), size).ok_or(Errno::ENOMEM)?;
        self.complete(ring, demand)
    }

    /// Takes over the clients' ring, with one for the device.
    pub(super) fn complete(&mut self, ring: Ring, demand: &Demand<'_>) -> Result<Rings, Errno> {
        let size = ring.area.len();
        let device = if demand.own {
            let needs = Merged::of([&demand.device]);
            let kept = self.own.take();
            let kept = kept.filter(|held| held.serves(&needs, demand.bytes));
            self.own = Some(match kept {
                Some(held) => held,
                None => self.allocate(&needs, "device", demand)?,
            });
            zeroed(self.own.as_ref(), size).ok_or(Errno::ENOMEM)?
        } else {
            ring.clone()
        };
        let place = (device.area.as_ptr().addr(), size);
        let changed = self.told.replace(place) != Some(place);
        self.ring = Some(ring);
        self.device_ring = Some(device.clone());
        Ok(Rings { device, changed })
    }

    /// Everybody's needs of the ring.
    fn collect(&mut self, demand: &Demand<'_>) -> Merged {
        let mut fixed = Vec::new();
        if !demand.own {
            fixed.push(("device", demand.device));
        }
        let node = self.backing.as_ref();
        let mappable = node.is_some_and(|node| node.mappable());
        if mappable {
            let needs = Needs {
                mappable,
                ..Needs::default()
            };
            fixed.push(("node", needs));
        }
        let in_file = node.is_some_and(|node| node.file().is_some());
        if self.supply.pool.exports() && (in_file || !mappable) {
            let needs = Needs {
                shareable: true,
                ..Needs::default()
            };
            fixed.push(("exporter", needs));
        }
        self.parties
            .settle(&fixed, demand.own.then_some(&demand.device))
    }

    /// What memory of the open itself has.
    fn node_traits(&self) -> Option<Traits> {
        let node = self.backing.as_ref()?;
        let shareable = node.file().is_some();
        Some(Traits {
            shareable,
            mappable: node.mappable(),
            exportable: shareable && self.supply.pool.wraps(),
            ..Traits::PAGES
        })
    }

    /// New memory for the ring (`role`), or for the device's own one: from the cheapest place that serves everybody and
    /// has some. The open's own memory comes first; there is one piece of it.
    fn allocate(
        &mut self,
        needs: &Merged,
        role: &'static str,
        demand: &Demand<'_>,
    ) -> Result<Held, Errno> {
        let node = self.node_traits().filter(|_| role == "ring");
        let pool = self.supply.pool.clone();
        let places = pool.allocators().map(|a| (a.name(), a.traits()));
        let named = if self.mappable() { "node" } else { "private" };
        let offers: Vec<(&str, Traits)> = node
            .map(|traits| (named, traits))
            .into_iter()
            .chain(places.filter(|(name, _)| node.is_none() || *name != named))
            .collect();
        let (mut passed_over, mut next) = (Vec::new(), 0);
        while let Some(rest) = offers.get(next..).filter(|rest| !rest.is_empty()) {
            let (found, refusals) =
                needs.choose(rest.iter().map(|(_, traits)| traits), demand.bytes);
            let refused = rest.iter().zip(&refusals);
            passed_over.extend(refused.map(|((name, _), why)| PassedOver::constraint(name, why)));
            let Some((name, traits)) = found.and_then(|at| rest.get(at)) else {
                break;
            };
            next = next.saturating_add(refusals.len()).saturating_add(1);
            let from_node = node.is_some() && next == 1;
            match self.take(name, traits, from_node, role, demand) {
                Ok(mut held) => {
                    held.account.passed_over = passed_over;
                    return Ok(held);
                }
                Err(errno) => passed_over.push(PassedOver {
                    allocator: (*name).to_owned(),
                    constraint: None,
                    why: format!("no memory: {errno}"),
                }),
            }
        }
        self.nothing_serves(role, &passed_over, demand);
        Err(Errno::ENOMEM)
    }

    fn nothing_serves(&mut self, role: &str, passed_over: &[PassedOver], demand: &Demand<'_>) {
        let reasons: Vec<String> = passed_over
            .iter()
            .map(|place| format!("{}: {}", place.allocator, place.why))
            .collect();
        let why = reasons.join("; ");
        log::info!(
            "No memory serves for {} bytes ({role}): {why}",
            demand.bytes
        );
        self.parties
            .refuse(Refused::new(demand.by, None, why, &demand.now));
    }

    /// Takes memory from one place, and counts it.
    fn take(
        &mut self,
        name: &str,
        traits: &Traits,
        from_node: bool,
        role: &'static str,
        demand: &Demand<'_>,
    ) -> Result<Held, Errno> {
        let aside = match (role, self.supply.limits.preallocated) {
            ("ring", bytes) => u64::from(bytes),
            _ => 0,
        };
        let bytes = rounded(demand.bytes.max(aside));
        let bytes = if traits.huge_pages {
            bytes.next_multiple_of(traits.run_bytes.max(1))
        } else {
            bytes
        };
        let size = usize::try_from(bytes).map_err(|_| Errno::ENOMEM)?;
        let counted = match &self.aside {
            Some(_) if role == "ring" => bytes.saturating_sub(rounded(aside)),
            _ => bytes,
        };
        let payer = Payer {
            users: self.supply.users.clone(),
            uid: self.uid,
            limit: self.supply.user_limit,
        };
        let charge = Charge::new(&self.supply.budget, counted, Some((&payer, bytes)))?;
        let memory = if from_node {
            let node = self.backing.as_mut().ok_or(Errno::ENOMEM)?;
            let area = node.allocate(size)?;
            match node.file() {
                Some(file) => Memory::in_file(area, file, *traits),
                None => Memory::private(area, *traits),
            }
        } else {
            let mut places = self.supply.pool.allocators();
            let place = places.find(|a| a.name() == name).ok_or(Errno::ENOMEM)?;
            place.allocate(size)?
        };
        let account = MemoryReport {
            role,
            allocator: name.to_owned(),
            bytes: memory.area().len() as u64,
            triggered_by: demand.by.to_owned(),
            allocated_at: demand.now.realtime.0,
            passed_over: Vec::new(),
            exported: false,
        };
        Ok(Held {
            memory,
            account,
            charge: Some(charge),
        })
    }

    /// The ring as clients see it, between HW_PARAMS and HW_FREE.
    #[must_use]
    pub fn ring(&self) -> Option<&Ring> {
        self.ring.as_ref()
    }

    /// The area of the device's own ring, if it has one.
    #[must_use]
    pub fn device_area(&self) -> Option<&Area> {
        self.own
            .as_ref()
            .and(self.device_ring.as_ref())
            .map(|ring| &ring.area)
    }

    /// Whether one more party can use the ring as it is. Without a ring it can: the next one will serve it.
    ///
    /// # Errors
    /// The constraint that refuses it; the report keeps it.
    pub fn join(&mut self, party: &str, needs: &Needs, now: &Now) -> Result<(), Refusal> {
        let ring = self.memory.as_ref().zip(self.ring.as_ref());
        let ring = ring.map(|(held, ring)| (self.as_it_is(held), ring.area.len() as u64));
        let ring = ring.as_ref().map(|(traits, bytes)| (traits, *bytes));
        self.parties.join(party, needs, ring, now)
    }

    /// What the ring's memory has, with what became of it.
    fn as_it_is(&self, held: &Held) -> Traits {
        let (traits, in_file) = (held.memory.traits(), held.memory.file().is_some());
        Traits {
            exportable: traits.exportable || (in_file && self.supply.pool.wraps()),
            coherent: traits.coherent && self.own.is_none(),
            ..*traits
        }
    }

    /// A party that [joined](Self::join) leaves.
    pub fn leave(&mut self, party: &str) {
        self.parties.leave(party);
    }

    /// All that can be told.
    #[must_use]
    pub fn report(&self) -> Report {
        let memory = [&self.memory, &self.own].into_iter().flatten();
        let memory = memory.map(|held| MemoryReport {
            exported: held.memory.exported(),
            ..held.account.clone()
        });
        Report {
            ring_bytes: self.ring.as_ref().map(|ring| ring.area.len() as u64),
            parties: self.parties.listed(),
            memory: memory.collect(),
            refused: self.parties.refused(),
        }
    }

    /// The device no longer uses the ring. Its memory is freed, unless it is preallocated.
    pub fn free(&mut self) {
        self.ring = None;
        self.device_ring = None;
        self.own = None;
        let kept = rounded(u64::from(self.supply.limits.preallocated));
        let preallocated = kept != 0
            && !self.attached
            && self
                .memory
                .as_ref()
                .is_some_and(|held| held.account.bytes == kept);
        if !preallocated {
            self.release();
        }
    }

    pub(super) fn release(&mut self) {
        self.ring = None;
        self.device_ring = None;
        self.own = None;
        self.attached = false;
        if let Some(held) = self.memory.take() {
            // What is allocated anew may lie at the same address and still be another ring.
            self.told = None;
            if let Some(backing) = &mut self.backing {
                backing.release();
            }
            drop(held);
        }
    }
}

/// A zeroed ring of `size` bytes in memory.
fn zeroed(held: Option<&Held>, size: usize) -> Option<Ring> {
    let memory = &held?.memory;
    let area: &Area = memory.area();
    area.fill(0, page_round(size), 0);
    Some(Ring {
        area: area.part(0, size),
        file: memory.file().cloned(),
    })
}

/// Whole pages.
fn rounded(bytes: u64) -> u64 {
    bytes.saturating_add(4095) / 4096 * 4096
}

impl Drop for ManagedBuffer {
    fn drop(&mut self) {
        self.detach();
    }
}

#[cfg(test)]
mod tests;
