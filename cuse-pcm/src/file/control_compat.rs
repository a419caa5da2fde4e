//! Element ioctls of 32-bit clients whose structures differ: the list, the values, and the range of INTEGER elements.

use uapi::Errno;
use uapi::compat::control as compat;
use uapi::control::elem::{ElemId, ElemInfo, ElemValue, Range, Value, elem_type};
use uapi::control::table as cmd;
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes};

use super::argument::Argument;
use super::control_elem;
use crate::card::control::Control;

/// A 32-bit client's ioctl; `None` if it is the same for all clients.
pub(super) fn ioctl(
    call: &mut Argument<'_>,
    file: u64,
    control: &mut Control,
) -> Option<Result<i32, Errno>> {
    let done = match call.cmd {
        compat::ELEM_LIST => list(call, control),
        compat::ELEM_READ => read::<compat::ElemValue>(call, file, control),
        compat::ELEM_READ_ALIGNED => read::<compat::ElemValueAligned>(call, file, control),
        compat::ELEM_WRITE => write::<compat::ElemValue>(call, file, control),
        compat::ELEM_WRITE_ALIGNED => write::<compat::ElemValueAligned>(call, file, control),
        cmd::ELEM_INFO => info(call, file, control),
        cmd::ELEM_ADD => define(call, file, control, false),
        cmd::ELEM_REPLACE => define(call, file, control, true),
        // The numbers of a 64-bit client's structures.
        other if compat::find(other).is_none() => Err(Errno::ENOTTY),
        _ => return None,
    };
    Some(done.map(|()| 0))
}

fn list(call: &mut Argument<'_>, control: &Control) -> Result<(), Errno> {
    let mut list: compat::ElemList = call.get()?;
    (list.used, list.count) =
        control_elem::ids(call, control, list.offset, list.space, list.pids.into())?;
    call.put(&list)
}

/// Only what the type calls for is stored in the range; the rest stays as it is.
fn info(call: &mut Argument<'_>, file: u64, control: &Control) -> Result<(), Errno> {
    let mut theirs: ElemInfo = call.get()?;
    let mut ours = theirs;
    control.info(file, &mut ours)?;
    let value = theirs.value;
    theirs = ElemInfo {
        value,
        reserved: theirs.reserved,
        ..ours
    };
    match ours.elem_type {
        elem_type::BOOLEAN | elem_type::INTEGER => {
            let range = ours.value.integer();
            *compat::range_mut(&mut theirs.value) = compat::Range {
                min: range.min as i32,
                max: range.max as i32,
                step: range.step as i32,
            };
        }
        elem_type::INTEGER64 | elem_type::ENUMERATED => theirs.value = ours.value,
        _ => {}
    }
    call.put(&theirs)
}

fn define(
    call: &mut Argument<'_>,
    file: u64,
    control: &mut Control,
    replace: bool,
) -> Result<(), Errno> {
    let mut theirs: ElemInfo = call.get()?;
    let mut ours = theirs;
    if matches!(theirs.elem_type, elem_type::BOOLEAN | elem_type::INTEGER) {
        let compat::Range { min, max, step } = *compat::range(&theirs.value);
        *ours.value.integer_mut() = Range {
            min: min.into(),
            max: max.into(),
            step: step.into(),
        };
    }
    control_elem::define(call, file, control, &mut ours, replace)?;
    theirs.id = ours.id;
    call.put(&theirs)
}

/// The two layouts of a 32-bit client's `snd_ctl_elem_value`.
trait Image: FromBytes + IntoBytes + Immutable {
    fn parts(&mut self) -> (&mut ElemId, &mut compat::Value);
}

impl Image for compat::ElemValue {
    fn parts(&mut self) -> (&mut ElemId, &mut compat::Value) {
        (&mut self.id, &mut self.value)
    }
}

impl Image for compat::ElemValueAligned {
    fn parts(&mut self) -> (&mut ElemId, &mut compat::Value) {
        (&mut self.id, &mut self.value)
    }
}

fn read<T: Image>(call: &mut Argument<'_>, file: u64, control: &Control) -> Result<(), Errno> {
    let mut theirs: T = call.get()?;
    let (id, value) = theirs.parts();
    let (long, count) = longs(control, file, id)?;
    let mut ours = widened(id, value, long);
    control.read(&mut ours)?;
    *id = ours.id;
    if long {
        let values = value.integer_mut().iter_mut().zip(ours.value.integer());
        values.take(count).for_each(|(to, &from)| *to = from as i32);
    } else {
        value
            .bytes
            .iter_mut()
            .zip(ours.value.bytes)
            .for_each(|(to, from)| *to = from);
    }
    call.put(&theirs)
}

fn write<T: Image>(call: &mut Argument<'_>, file: u64, control: &mut Control) -> Result<(), Errno> {
    let mut theirs: T = call.get()?;
    let (id, value) = theirs.parts();
    let (long, _) = longs(control, file, id)?;
    let mut ours = widened(id, value, long);
    control.write(file, &mut ours)?;
    *id = ours.id;
    call.put(&theirs)
}

/// Whether the values of an element are of the type `long`, and how many they are.
fn longs(control: &Control, file: u64, id: &ElemId) -> Result<(bool, usize), Errno> {
    let mut info = ElemInfo::new_zeroed();
    info.id = *id;
    control.info(file, &mut info)?;
    let long = matches!(info.elem_type, elem_type::BOOLEAN | elem_type::INTEGER);
    Ok((long, info.count as usize))
}

/// The structure of a 64-bit client with the same values.
fn widened(id: &ElemId, value: &compat::Value, long: bool) -> ElemValue {
    let mut ours = ElemValue::new_zeroed();
    ours.id = *id;
    let into: &mut Value = &mut ours.value;
    if long {
        let values = into.integer_mut().iter_mut().zip(value.integer());
        values.for_each(|(to, &from)| *to = from.into());
    } else {
        into.bytes
            .iter_mut()
            .zip(value.bytes)
            .for_each(|(to, from)| *to = from);
    }
    ours
}
