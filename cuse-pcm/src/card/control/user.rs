//! Elements that clients define (ELEM_ADD, ELEM_REPLACE, ELEM_REMOVE), and the memory they may take.

use std::mem::size_of;

use uapi::Errno;
use uapi::control::elem::{ElemId, ElemInfo, InfoValue, Value, access, elem_type, event};

use super::entry::{Entry, Source};
use super::{Control, Owner};

/// Most elements in a set.
const SET_MAX: u32 = 1028;
/// Memory that all user-defined elements of a card may take, bytes.
const BUDGET: usize = 8 << 20;
/// Longest list of item names, bytes.
const NAMES_MAX: usize = 64 << 10;
/// Longest TLV payload, bytes.
const TLV_MAX: usize = 128 << 10;
/// Longest name of an item with its NUL, bytes.
const ITEM_NAME_MAX: usize = 64;

/// Reads what lies elsewhere in the client, at an address.
type Fetch<'a> = dyn FnMut(u64, &mut [u8]) -> Result<(), Errno> + 'a;

/// What a set of user-defined elements has in common, and the values of each.
#[derive(Debug)]
pub(super) struct UserElement {
    elem_type: i32,
    /// Values of one element.
    count: u32,
    /// Range, as defined.
    value: InfoValue,
    /// Echoed by ELEM_INFO.
    reserved: [u8; 64],
    /// Names of items, each with its NUL.
    names: Vec<u8>,
    /// The values of all elements of the set, one after another.
    values: Vec<u8>,
    /// What the last TLV_WRITE left.
    tlv: Option<Vec<u8>>,
    /// What the set takes of the budget.
    bytes: usize,
}

/// The bytes of one value, and the most values of an element of this type.
fn shape(elem_type: i32) -> Option<(usize, u32)> {
    match elem_type {
        elem_type::BOOLEAN | elem_type::INTEGER => Some((8, 128)),
        elem_type::ENUMERATED => Some((4, 128)),
        elem_type::BYTES => Some((1, 512)),
        elem_type::IEC958 => Some((176, 1)),
        elem_type::INTEGER64 => Some((8, 64)),
        _ => None,
    }
}

impl UserElement {
    /// Bytes of the values of one element.
    fn size(&self) -> usize {
        shape(self.elem_type).map_or(0, |(size, _)| size.saturating_mul(self.count as usize))
    }

    /// The stored values of one element of the set.
    fn place(&self, offset: u32) -> std::ops::Range<usize> {
        let start = self.size().saturating_mul(offset as usize);
        start..start.saturating_add(self.size())
    }

    pub(super) fn describe(&self, info: &mut ElemInfo) {
        let item = info.value.enumerated().item;
        info.elem_type = self.elem_type;
        info.count = self.count;
        info.value = self.value;
        info.reserved = self.reserved;
        if self.elem_type == elem_type::ENUMERATED {
            let told = info.value.enumerated_mut();
            told.item = item.min(told.items.saturating_sub(1));
            told.name = [0; 64];
            let mut names = self.names.split_inclusive(|&c| c == 0);
            let name = names.nth(told.item as usize).unwrap_or_default();
            told.name
                .iter_mut()
                .zip(name)
                .for_each(|(to, &from)| *to = from);
        }
    }

    pub(super) fn read(&self, offset: u32, value: &mut Value) {
        let stored = self.values.get(self.place(offset)).unwrap_or_default();
        value
            .bytes
            .iter_mut()
            .zip(stored)
            .for_each(|(to, &from)| *to = from);
    }

    /// Sets the values of one element; says whether any has changed.
    pub(super) fn write(&mut self, offset: u32, value: &Value) -> Result<bool, Errno> {
        if !self.accepts(value) {
            return Err(Errno::EINVAL);
        }
        let place = self.place(offset);
        let new = value.bytes.get(..place.len()).ok_or(Errno::EINVAL)?;
        let stored = self.values.get_mut(place).ok_or(Errno::EINVAL)?;
        let changed = stored != new;
        stored.copy_from_slice(new);
        Ok(changed)
    }

    fn accepts(&self, value: &Value) -> bool {
        let count = self.count as usize;
        let range = self.value.integer();
        // The distance is taken of the value as an unsigned number, so that most negative ones fail.
        let step = range.step as u64;
        let fits = |&v: &i64| {
            (range.min..=range.max).contains(&v)
                && matches!((v as u64).checked_rem(step), None | Some(0))
        };
        match self.elem_type {
            elem_type::BOOLEAN => value
                .integer()
                .iter()
                .take(count)
                .all(|v| matches!(v, 0 | 1)),
            elem_type::INTEGER => value.integer().iter().take(count).all(fits),
            elem_type::INTEGER64 => value.integer64().iter().take(count).all(fits),
            elem_type::ENUMERATED => {
                let items = self.value.enumerated().items;
                value
                    .enumerated()
                    .iter()
                    .take(count)
                    .all(|&item| item < items)
            }
            _ => true,
        }
    }

    pub(super) fn tlv(&self) -> Option<&[u8]> {
        self.tlv.as_deref()
    }
}

/// What ELEM_ADD may grant, and what comes with it.
fn granted(asked: u32) -> u32 {
    let asked = if asked == 0 { access::READWRITE } else { asked };
    let kept = asked & (access::READWRITE | access::INACTIVE | access::TLV_WRITE);
    let callback = if kept & access::TLV_WRITE == 0 {
        0
    } else {
        access::TLV_CALLBACK
    };
    kept | callback | access::USER
}

/// The names of `items` items: each of 1..=63 bytes and a NUL. What follows them is left out.
fn item_names(mut bytes: Vec<u8>, items: u32) -> Result<Vec<u8>, Errno> {
    let mut length: usize = 0;
    for _ in 0..items {
        let rest = bytes.get(length..).unwrap_or_default();
        let name = rest.iter().position(|&c| c == 0).ok_or(Errno::EINVAL)?;
        if name == 0 || name >= ITEM_NAME_MAX {
            return Err(Errno::EINVAL);
        }
        length = length.saturating_add(name).saturating_add(1);
    }
    bytes.truncate(length);
    Ok(bytes)
}

impl Control {
    /// Defines a set of `info.owner` elements (0: one) and locks it for `owner`; completes the id. Values are zero.
    /// `replace` removes the set of that name first, even if a later step fails.
    ///
    /// # Errors
    /// In this order: EINVAL: the name is empty or not terminated. ENOENT, EINVAL, EBUSY: (`replace`) no such element,
    /// it is not user-defined, another file has locked it. EINVAL: more than 1028 elements, an unknown type, no items,
    /// no values or too many. ENOMEM: the budget is spent. EINVAL, EFAULT: the names of the items. EBUSY: there is such
    /// an element.
    #[doc(alias = "SNDRV_CTL_IOCTL_ELEM_ADD")]
    pub fn define(
        &mut self,
        owner: Owner,
        info: &mut ElemInfo,
        replace: bool,
        fetch: &mut Fetch<'_>,
    ) -> Result<(), Errno> {
        if info.id.name.first() == Some(&0) || !info.id.name.contains(&0) {
            return Err(Errno::EINVAL);
        }
        let first = ElemId {
            numid: 0,
            ..info.id
        };
        if replace {
            self.remove(owner.file, &mut first.clone())?;
        }
        let count = u32::try_from(info.owner).map_err(|_| Errno::EINVAL)?.max(1);
        if count > SET_MAX {
            return Err(Errno::EINVAL);
        }
        let element = self.make(info, count, fetch)?;
        let bytes = element.bytes;
        let entry = Entry::of_user(first, granted(info.access), count, owner, element);
        info.id = self.register(entry)?;
        self.user_bytes = self.user_bytes.saturating_add(bytes);
        Ok(())
    }

    /// The common part of a new set.
    fn make(
        &self,
        info: &ElemInfo,
        count: u32,
        fetch: &mut Fetch<'_>,
    ) -> Result<UserElement, Errno> {
        let (size, most) = shape(info.elem_type).ok_or(Errno::EINVAL)?;
        let enumerated = info.elem_type == elem_type::ENUMERATED;
        if enumerated && info.value.enumerated().items == 0 {
            return Err(Errno::EINVAL);
        }
        if !(1..=most).contains(&info.count) {
            return Err(Errno::EINVAL);
        }
        let values = size
            .saturating_mul(info.count as usize)
            .saturating_mul(count as usize);
        let locks = size_of::<Option<Owner>>().saturating_mul(count as usize);
        let kept = size_of::<UserElement>().saturating_add(size_of::<Entry>());
        let mut bytes = kept.saturating_add(values).saturating_add(locks);
        self.afford(bytes)?;

        let mut value = info.value;
        let mut names = Vec::new();
        if enumerated {
            let told = value.enumerated_mut();
            let length = told.names_length as usize;
            if length > NAMES_MAX {
                return Err(Errno::EINVAL);
            }
            bytes = bytes.saturating_add(length);
            self.afford(bytes)?;
            names = vec![0; length];
            fetch(told.names_ptr, &mut names)?;
            names = item_names(names, told.items)?;
            told.names_ptr = 0;
        }
        let (elem_type, reserved) = (info.elem_type, info.reserved);
        let values = vec![0; values];
        let count = info.count;
        Ok(UserElement {
            elem_type,
            count,
            value,
            reserved,
            names,
            values,
            tlv: None,
            bytes,
        })
    }

    fn afford(&self, bytes: usize) -> Result<(), Errno> {
        let total = self.user_bytes.saturating_add(bytes);
        if total > BUDGET {
            Err(Errno::ENOMEM)
        } else {
            Ok(())
        }
    }

    /// Removes the whole user-defined set of an element, and tells of it; completes the id.
    ///
    /// # Errors
    /// ENOENT; EINVAL: it is not user-defined; EBUSY: another file has locked one of the set.
    #[doc(alias = "SNDRV_CTL_IOCTL_ELEM_REMOVE")]
    pub fn remove(&mut self, file: u64, id: &mut ElemId) -> Result<(), Errno> {
        let (place, offset) = self.locate(id)?;
        let entry = self.entries.get(place).ok_or(Errno::ENOENT)?;
        let Source::User(user) = &entry.source else {
            return Err(Errno::EINVAL);
        };
        if entry.locks.any_held_by_other(file) {
            return Err(Errno::EBUSY);
        }
        self.user_bytes = self.user_bytes.saturating_sub(user.bytes);
        *id = entry.id(offset);
        let entry = self.entries.remove(place);
        self.tell_all(event::MASK_REMOVE, entry.ids());
        Ok(())
    }

    /// Gives the set of a user-defined element a TLV; says whether it differs from before. `fetch` fills the payload.
    pub(super) fn write_user_tlv(
        &mut self,
        place: usize,
        length: usize,
        fetch: &mut dyn FnMut(&mut [u8]) -> Result<(), Errno>,
    ) -> Result<bool, Errno> {
        if length > TLV_MAX {
            return Err(Errno::EINVAL);
        }
        let entry = self.entries.get(place).ok_or(Errno::ENOENT)?;
        let Source::User(user) = &entry.source else {
            return Err(Errno::ENXIO);
        };
        let before = user.tlv.as_ref().map_or(0, Vec::len);
        self.afford(length.saturating_sub(before))?;
        let mut payload = vec![0; length];
        fetch(&mut payload)?;

        let entry = self.entries.get_mut(place).ok_or(Errno::ENOENT)?;
        let Source::User(user) = &mut entry.source else {
            return Err(Errno::ENXIO);
        };
        if user.tlv.as_ref() == Some(&payload) {
            return Ok(false);
        }
        user.bytes = user.bytes.saturating_sub(before).saturating_add(length);
        user.tlv = Some(payload);
        let mut mask = event::MASK_TLV;
        if entry.grant(access::TLV_READ) {
            mask |= event::MASK_INFO;
        }
        let ids: Vec<ElemId> = entry.ids().collect();
        self.user_bytes = self
            .user_bytes
            .saturating_sub(before)
            .saturating_add(length);
        self.tell_all(mask, ids.into_iter());
        Ok(true)
    }
}
