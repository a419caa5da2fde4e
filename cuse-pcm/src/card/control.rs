//! The control elements of a card: who they are, their values, their locks, and what clients are told of changes.
//!
//! Speaks the structures of a 64-bit client. Knows nothing of ioctls, open files or a client's memory: a file is a
//! number in [`Owner`], and what lies elsewhere in the client is handed in by a function.

pub mod element;
mod entry;
pub mod events;
mod tlv;
mod user;
mod volume;

use std::sync::Arc;

use hw_backends::gain::Gain;
use hw_backends::units::Direction;
use uapi::Errno;
use uapi::control::elem::{ElemId, ElemInfo, ElemValue, Event, NAME_LEN, access, event};

use element::Element;
use entry::Entry;
use volume::{Switch, Volume};

/// The open control file that holds a lock, and its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Names the open file: unique among those that are open.
    pub file: u64,
    /// Process id, as ELEM_INFO tells it of the owner of a lock.
    pub process: u32,
}

/// The control elements of one card.
#[derive(Debug)]
pub struct Control {
    /// Sets of elements in the order of registration, hence by rising number.
    entries: Vec<Entry>,
    /// The number of the next element. Numbers are never used twice.
    next_numid: u32,
    /// Memory held for user-defined elements, bytes.
    user_bytes: usize,
    /// What clients have not been told yet.
    events: Vec<Event>,
    /// The numbers of elements that may change by themselves.
    restless: Vec<u32>,
    /// How many control files have been opened.
    files: u64,
}

impl Default for Control {
    fn default() -> Self {
        Control::new()
    }
}

impl Control {
    /// No elements.
    #[must_use]
    pub fn new() -> Control {
        Control {
            entries: Vec::new(),
            next_numid: 1,
            user_bytes: 0,
            events: Vec::new(),
            restless: Vec::new(),
            files: 0,
        }
    }

    /// Adds an element of one of the card's own devices.
    ///
    /// # Errors
    /// EBUSY: an element of this interface, device, subdevice, name and index exists. EINVAL: no values or too many, an
    /// empty name, or one that is too long. ENOMEM: numbers have run out.
    pub fn add(&mut self, element: Box<dyn Element>) -> Result<(), Errno> {
        let restless = element.is_restless();
        let id = self.register(Entry::of_device(element)?)?;
        if restless {
            self.restless.push(id.numid);
        }
        Ok(())
    }

    /// Adds volume and switch of one direction of a PCM device: "Master Playback Volume" and "Master Playback Switch",
    /// or "Capture Volume" and "Capture Switch". `index` is 0 for the card's first such device, and so on.
    ///
    /// # Errors
    /// As [`Control::add`].
    pub fn add_gain(
        &mut self,
        direction: Direction,
        index: u32,
        gain: &Arc<Gain>,
    ) -> Result<(), Errno> {
        self.add(Box::new(Volume {
            gain: gain.clone(),
            direction,
            index,
        }))?;
        self.add(Box::new(Switch {
            gain: gain.clone(),
            direction,
            index,
        }))
    }

    /// How many elements there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.entries
            .iter()
            .map(|entry| entry.count())
            .fold(0, u32::saturating_add)
    }

    /// The ids of at most `space` elements from the `offset`th on, in the order of registration.
    pub fn ids(&self, offset: u32, space: u32) -> impl Iterator<Item = ElemId> {
        let all = self.entries.iter().flat_map(Entry::ids);
        all.skip(offset as usize).take(space as usize)
    }

    /// What ELEM_INFO tells: completes the id, fills type, access, count, owner and range. For ENUMERATED elements the
    /// item asked for is clamped to the last one.
    ///
    /// # Errors
    /// ENOENT.
    pub fn info(&self, file: u64, info: &mut ElemInfo) -> Result<(), Errno> {
        let (entry, offset) = self.find(&info.id)?;
        entry.info(offset, file, info);
        Ok(())
    }

    /// What ELEM_READ tells: completes the id, fills the element's values; all else stays as it is.
    ///
    /// # Errors
    /// ENOENT; EPERM: the element cannot be read.
    pub fn read(&self, value: &mut ElemValue) -> Result<(), Errno> {
        let (entry, offset) = self.find(&value.id)?;
        if entry.access() & access::READ == 0 {
            return Err(Errno::EPERM);
        }
        value.id = entry.id(offset);
        entry.read(offset, &mut value.value);
        Ok(())
    }

    /// What ELEM_WRITE does: sets the element's values and completes the id.
    ///
    /// # Errors
    /// ENOENT; EPERM: the element cannot be written, or another file has locked it; EINVAL: a value out of range;
    /// whatever the element's device says.
    pub fn write(&mut self, file: u64, value: &mut ElemValue) -> Result<(), Errno> {
        let (place, offset) = self.locate(&value.id)?;
        let Some(entry) = self.entries.get_mut(place) else {
            return Err(Errno::ENOENT);
        };
        if entry.access() & access::WRITE == 0 || entry.locks.held_by_other(offset, file) {
            return Err(Errno::EPERM);
        }
        let changed = entry.write(offset, &value.value)?;
        value.id = entry.id(offset);
        if changed {
            self.tell(event::MASK_VALUE, value.id);
        }
        Ok(())
    }

    /// Locks an element: others cannot write it.
    ///
    /// # Errors
    /// ENOENT; EBUSY: it is locked, by whomever.
    pub fn lock(&mut self, owner: Owner, id: &ElemId) -> Result<(), Errno> {
        let (place, offset) = self.locate(id)?;
        let Some(entry) = self.entries.get_mut(place) else {
            return Err(Errno::ENOENT);
        };
        entry.locks.lock(offset, owner)
    }

    /// Unlocks an element.
    ///
    /// # Errors
    /// ENOENT; EINVAL: it is not locked; EPERM: another file has locked it.
    pub fn unlock(&mut self, file: u64, id: &ElemId) -> Result<(), Errno> {
        let (place, offset) = self.locate(id)?;
        let Some(entry) = self.entries.get_mut(place) else {
            return Err(Errno::ENOENT);
        };
        entry.locks.unlock(offset, file)
    }

    /// A number for a control file that is being opened: [`Owner::file`].
    pub fn open(&mut self) -> u64 {
        self.files = self.files.wrapping_add(1);
        self.files
    }

    /// A file is closed: its locks drop. Nobody is told.
    pub fn release(&mut self, file: u64) {
        for entry in &mut self.entries {
            entry.locks.release(file);
        }
    }

    /// What has happened since last asked, in order; for every subscribed file.
    pub fn take_events(&mut self) -> Vec<Event> {
        for at in 0..self.restless.len() {
            let Some(&numid) = self.restless.get(at) else {
                continue;
            };
            let Ok((place, _)) = self.locate(&by_number(numid)) else {
                continue;
            };
            let Some(entry) = self.entries.get_mut(place) else {
                continue;
            };
            if entry.take_changed() {
                self.events.push(changed(event::MASK_VALUE, entry.id(0)));
            }
        }
        std::mem::take(&mut self.events)
    }

    fn tell(&mut self, mask: u32, id: ElemId) {
        self.events.push(changed(mask, id));
    }

    fn tell_all(&mut self, mask: u32, ids: impl Iterator<Item = ElemId>) {
        self.events.extend(ids.map(|id| changed(mask, id)));
    }

    /// Numbers a new set of elements and tells of it; returns the id of its first one.
    fn register(&mut self, mut entry: Entry) -> Result<ElemId, Errno> {
        let first = ElemId {
            numid: 0,
            ..entry.id(0)
        };
        first
            .index
            .checked_add(entry.count())
            .ok_or(Errno::EINVAL)?;
        if self.find(&first).is_ok() {
            return Err(Errno::EBUSY);
        }
        let numid = self.next_numid;
        self.next_numid = numid.checked_add(entry.count()).ok_or(Errno::ENOMEM)?;
        entry.set_numid(numid);
        let id = entry.id(0);
        self.tell_all(event::MASK_ADD, entry.ids());
        self.entries.push(entry);
        Ok(id)
    }

    /// The set that holds an element, and its place in the set.
    fn find(&self, id: &ElemId) -> Result<(&Entry, u32), Errno> {
        let (place, offset) = self.locate(id)?;
        self.entries
            .get(place)
            .map(|entry| (entry, offset))
            .ok_or(Errno::ENOENT)
    }

    /// As [`Control::find`], by number if there is one, else by the other members.
    fn locate(&self, id: &ElemId) -> Result<(usize, u32), Errno> {
        if id.numid == 0 {
            let mut entries = self.entries.iter().enumerate();
            return entries
                .find_map(|(place, entry)| Some((place, entry.offset_of(id)?)))
                .ok_or(Errno::ENOENT);
        }
        let after = self
            .entries
            .partition_point(|entry| entry.id(0).numid <= id.numid);
        let place = after.checked_sub(1).ok_or(Errno::ENOENT)?;
        let entry = self.entries.get(place).ok_or(Errno::ENOENT)?;
        let offset = id.numid.wrapping_sub(entry.id(0).numid);
        if offset < entry.count() {
            Ok((place, offset))
        } else {
            Err(Errno::ENOENT)
        }
    }
}

const fn changed(mask: u32, id: ElemId) -> Event {
    Event {
        event_type: event::ELEM,
        mask,
        id,
    }
}

/// An id that finds an element by its number alone.
const fn by_number(numid: u32) -> ElemId {
    ElemId {
        numid,
        iface: 0,
        device: 0,
        subdevice: 0,
        name: [0; NAME_LEN],
        index: 0,
    }
}
