//! A set of elements of one name with consecutive numbers and indices: one, for a device's own; any number, for
//! user-defined ones. Values come from a device's element or are kept here.

use uapi::Errno;
use uapi::control::elem::{ElemId, ElemInfo, NAME_LEN, Value, access, elem_type};

use super::Owner;
use super::element::{Description, Element, Kind};
use super::user::UserElement;
use crate::card::identity::text;

/// Most values of a BOOLEAN, INTEGER or ENUMERATED element.
const VALUES_MAX: usize = 128;

/// A set of elements.
#[derive(Debug)]
pub(super) struct Entry {
    /// The id of the first one.
    first: ElemId,
    /// What may be done to each.
    access: u32,
    pub(super) locks: Locks,
    pub(super) source: Source,
}

/// Where values come from.
#[derive(Debug)]
pub(super) enum Source {
    /// A device's element, and what it is.
    Device(Box<dyn Element>, Description),
    /// A client defined it.
    User(Box<UserElement>),
}

impl Entry {
    /// One element of a device, not numbered yet.
    pub(super) fn of_device(element: Box<dyn Element>) -> Result<Entry, Errno> {
        let about = element.description();
        let fits = |length: usize, most: usize| (1..=most).contains(&length);
        if !fits(about.count as usize, VALUES_MAX) || !fits(about.name.len(), NAME_LEN - 1) {
            return Err(Errno::EINVAL);
        }
        let first = ElemId {
            numid: 0,
            iface: about.iface,
            device: about.device,
            subdevice: about.subdevice,
            name: text(&about.name),
            index: about.index,
        };
        let (access, locks) = (about.access, Locks::free(1));
        Ok(Entry {
            first,
            access,
            locks,
            source: Source::Device(element, about),
        })
    }

    /// A set that `owner` defines and thereby locks, not numbered yet.
    pub(super) fn of_user(
        first: ElemId,
        access: u32,
        count: u32,
        owner: Owner,
        element: UserElement,
    ) -> Entry {
        let locks = Locks(vec![Some(owner); count as usize]);
        Entry {
            first,
            access,
            locks,
            source: Source::User(Box::new(element)),
        }
    }

    /// How many elements.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.locks.0.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn access(&self) -> u32 {
        self.access
    }

    /// Grants more; says whether that is news.
    pub(super) fn grant(&mut self, bits: u32) -> bool {
        let news = self.access & bits != bits;
        self.access |= bits;
        news
    }

    pub(super) fn set_numid(&mut self, numid: u32) {
        self.first.numid = numid;
    }

    /// The id of the element at this place of the set.
    pub(super) fn id(&self, offset: u32) -> ElemId {
        ElemId {
            numid: self.first.numid.wrapping_add(offset),
            index: self.first.index.wrapping_add(offset),
            ..self.first
        }
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = ElemId> {
        (0..self.count()).map(|offset| self.id(offset))
    }

    /// The place of the element with this id, whose number does not matter.
    pub(super) fn offset_of(&self, id: &ElemId) -> Option<u32> {
        let first = &self.first;
        let same = first.iface == id.iface
            && first.device == id.device
            && first.subdevice == id.subdevice
            && same_name(&first.name, &id.name);
        let offset = id.index.checked_sub(first.index)?;
        (same && offset < self.count()).then_some(offset)
    }

    pub(super) fn info(&self, offset: u32, file: u64, info: &mut ElemInfo) {
        match &self.source {
            Source::Device(_, about) => describe(about, info),
            Source::User(user) => user.describe(info),
        }
        info.id = self.id(offset);
        info.access = self.access;
        info.owner = -1;
        if let Some(owner) = self.locks.owner(offset) {
            info.access |= access::LOCK;
            if owner.file == file {
                info.access |= access::OWNER;
            }
            info.owner = i32::try_from(owner.process).unwrap_or(0);
        }
    }

    pub(super) fn read(&self, offset: u32, value: &mut Value) {
        match &self.source {
            Source::Device(element, about) => {
                let mut values = [0; VALUES_MAX];
                if let Some(values) = values.get_mut(..about.count as usize) {
                    element.get(values);
                    store(about, values, value);
                }
            }
            Source::User(user) => user.read(offset, value),
        }
    }

    /// Sets values; says whether any has changed.
    pub(super) fn write(&mut self, offset: u32, value: &Value) -> Result<bool, Errno> {
        match &mut self.source {
            Source::Device(element, about) => {
                let mut values = [0; VALUES_MAX];
                let Some(values) = values.get_mut(..about.count as usize) else {
                    return Ok(false);
                };
                load(about, value, values);
                if values.iter().all(|&v| about.accepts(v)) {
                    element.put(values)
                } else {
                    Err(Errno::EINVAL)
                }
            }
            Source::User(user) => user.write(offset, value),
        }
    }

    /// Whether values have changed by themselves.
    pub(super) fn take_changed(&mut self) -> bool {
        match &mut self.source {
            Source::Device(element, _) => element.take_changed(),
            Source::User(_) => false,
        }
    }
}

/// Names are compared up to their NUL.
fn same_name(a: &[u8; NAME_LEN], b: &[u8; NAME_LEN]) -> bool {
    let text = |name: &[u8; NAME_LEN]| name.iter().position(|&c| c == 0).unwrap_or(NAME_LEN);
    let (length, other) = (text(a), text(b));
    length == other && a.get(..length) == b.get(..length)
}

/// Type, count and range of a device's element.
fn describe(about: &Description, info: &mut ElemInfo) {
    info.count = about.count;
    match &about.kind {
        Kind::Boolean => {
            info.elem_type = elem_type::BOOLEAN;
            let range = info.value.integer_mut();
            (range.min, range.max, range.step) = (0, 1, 0);
        }
        Kind::Integer(range) => {
            info.elem_type = elem_type::INTEGER;
            *info.value.integer_mut() = *range;
        }
        Kind::Enumerated(items) => {
            info.elem_type = elem_type::ENUMERATED;
            let told = info.value.enumerated_mut();
            told.items = u32::try_from(items.len()).unwrap_or(u32::MAX);
            told.item = told.item.min(told.items.saturating_sub(1));
            told.name = text(items.get(told.item as usize).map_or("", String::as_str));
            told.names_ptr = 0;
            told.names_length = 0;
        }
    }
}

/// Values of a device's element into a client's structure.
fn store(about: &Description, values: &[i64], into: &mut Value) {
    if let Kind::Enumerated(_) = about.kind {
        for (to, &from) in into.enumerated_mut().iter_mut().zip(values) {
            *to = u32::try_from(from).unwrap_or(0);
        }
    } else {
        into.integer_mut()
            .iter_mut()
            .zip(values)
            .for_each(|(to, &from)| *to = from);
    }
}

/// Values of a client's structure for a device's element.
fn load(about: &Description, from: &Value, values: &mut [i64]) {
    if let Kind::Enumerated(_) = about.kind {
        for (to, &item) in values.iter_mut().zip(from.enumerated()) {
            *to = i64::from(item);
        }
    } else {
        values
            .iter_mut()
            .zip(from.integer())
            .for_each(|(to, &from)| *to = from);
    }
}

/// Who has locked which element of a set.
#[derive(Debug)]
pub(super) struct Locks(Vec<Option<Owner>>);

impl Locks {
    /// Nobody, of `count` elements.
    fn free(count: usize) -> Locks {
        Locks(vec![None; count])
    }

    pub(super) fn owner(&self, offset: u32) -> Option<Owner> {
        self.0.get(offset as usize).copied().flatten()
    }

    pub(super) fn held_by_other(&self, offset: u32, file: u64) -> bool {
        self.owner(offset).is_some_and(|owner| owner.file != file)
    }

    /// Whether another file has locked any element of the set.
    pub(super) fn any_held_by_other(&self, file: u64) -> bool {
        self.0.iter().flatten().any(|owner| owner.file != file)
    }

    pub(super) fn lock(&mut self, offset: u32, owner: Owner) -> Result<(), Errno> {
        match self.0.get_mut(offset as usize) {
            None => Err(Errno::ENOENT),
            Some(Some(_)) => Err(Errno::EBUSY),
            Some(lock) => {
                *lock = Some(owner);
                Ok(())
            }
        }
    }

    pub(super) fn unlock(&mut self, offset: u32, file: u64) -> Result<(), Errno> {
        match self.0.get_mut(offset as usize) {
            None => Err(Errno::ENOENT),
            Some(None) => Err(Errno::EINVAL),
            Some(Some(other)) if other.file != file => Err(Errno::EPERM),
            Some(lock) => {
                *lock = None;
                Ok(())
            }
        }
    }

    pub(super) fn release(&mut self, file: u64) {
        for lock in &mut self.0 {
            if lock.is_some_and(|owner| owner.file == file) {
                *lock = None;
            }
        }
    }
}
