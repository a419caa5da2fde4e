//! The control ioctls about elements: the client's structure in, [`Control`], the structure back.

use uapi::Errno;
use uapi::control::elem::{ElemId, ElemInfo, ElemList, ElemValue, Tlv};
use uapi::control::table as cmd;
use zerocopy::IntoBytes;

use super::argument::Argument;
use crate::card::control::{Control, Owner};

/// How many ids travel to the client at once.
const CHUNK: usize = 64;

/// An element ioctl of a 64-bit client, or one whose structure has the same layout for all.
///
/// # Errors
/// ENOTTY: none of these; EFAULT; what the command says. Nothing is stored in the client then.
pub(super) fn ioctl(
    call: &mut Argument<'_>,
    file: u64,
    control: &mut Control,
) -> Result<i32, Errno> {
    match call.cmd {
        cmd::ELEM_LIST => list(call, control)?,
        cmd::ELEM_INFO => {
            let mut info: ElemInfo = call.get()?;
            control.info(file, &mut info)?;
            call.put(&info)?;
        }
        cmd::ELEM_READ => {
            let mut value: ElemValue = call.get()?;
            control.read(&mut value)?;
            call.put(&value)?;
        }
        cmd::ELEM_WRITE => {
            let mut value: ElemValue = call.get()?;
            control.write(file, &mut value)?;
            call.put(&value)?;
        }
        cmd::ELEM_LOCK => control.lock(owner(call, file), &call.get()?)?,
        cmd::ELEM_UNLOCK => control.unlock(file, &call.get()?)?,
        cmd::ELEM_ADD | cmd::ELEM_REPLACE => {
            let mut info: ElemInfo = call.get()?;
            define(
                call,
                file,
                control,
                &mut info,
                call.cmd == cmd::ELEM_REPLACE,
            )?;
            call.put(&info)?;
        }
        cmd::ELEM_REMOVE => {
            let mut id: ElemId = call.get()?;
            // The caller's id stays as it was.
            control.remove(file, &mut id)?;
        }
        cmd::TLV_READ | cmd::TLV_WRITE | cmd::TLV_COMMAND => return tlv(call, file, control),
        _ => return Err(Errno::ENOTTY),
    }
    Ok(0)
}

/// Who will hold a lock.
fn owner(call: &Argument<'_>, file: u64) -> Owner {
    Owner {
        file,
        process: call.memory.process(),
    }
}

/// ELEM_ADD and ELEM_REPLACE; the names of items are read from the client.
pub(super) fn define(
    call: &Argument<'_>,
    file: u64,
    control: &mut Control,
    info: &mut ElemInfo,
    replace: bool,
) -> Result<(), Errno> {
    let (owner, memory) = (owner(call, file), call.memory);
    control.define(owner, info, replace, &mut |address, into| {
        memory.read(address, into)
    })
}

fn list(call: &mut Argument<'_>, control: &Control) -> Result<(), Errno> {
    let mut list: ElemList = call.get()?;
    (list.used, list.count) = ids(call, control, list.offset, list.space, list.pids)?;
    call.put(&list)
}

/// Stores ids at `pids` in the client; returns how many, and how many elements there are.
pub(super) fn ids(
    call: &Argument<'_>,
    control: &Control,
    offset: u32,
    space: u32,
    pids: u64,
) -> Result<(u32, u32), Errno> {
    const ID: usize = size_of::<ElemId>();
    let mut used: u32 = 0;
    let mut address = pids;
    let mut chunk = Vec::with_capacity(CHUNK * ID);
    for id in control.ids(offset, space) {
        chunk.extend_from_slice(id.as_bytes());
        used = used.saturating_add(1);
        if chunk.len() == CHUNK * ID {
            call.memory.write(address, &chunk)?;
            address = address.wrapping_add(chunk.len() as u64);
            chunk.clear();
        }
    }
    if !chunk.is_empty() {
        call.memory.write(address, &chunk)?;
    }
    Ok((used, control.count()))
}

/// The TLV calls: the payload follows the header in the client, beyond what the number announces.
fn tlv(call: &Argument<'_>, file: u64, control: &mut Control) -> Result<i32, Errno> {
    let tlv: Tlv = call.get()?;
    let payload = call.arg.wrapping_add(size_of::<Tlv>() as u64);
    match call.cmd {
        cmd::TLV_READ => {
            call.memory.write(payload, control.read_tlv(&tlv)?)?;
            Ok(0)
        }
        cmd::TLV_WRITE => {
            let fetch = &mut |into: &mut [u8]| call.memory.read(payload, into);
            control.write_tlv(file, &tlv, fetch).map(i32::from)
        }
        _ => control.command_tlv(file, &tlv).map(|()| 0),
    }
}
