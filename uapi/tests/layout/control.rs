//! Control.

use std::mem::offset_of;

use uapi::compat::control as compat;
use uapi::control::{elem, table};

use crate::compiler::{Checks, Client, constants, layout};
use crate::numbers;

const NEWER: &[&str] = &["UMP_NEXT_DEVICE", "UMP_ENDPOINT_INFO", "UMP_BLOCK_INFO"];

#[test]
fn control_structures_are_the_header_s() {
    let mut c = Checks::new(Client::Native);
    layout! {
        c, "struct snd_ctl_card_info", elem::CardInfo { card, pad, id, driver, name, longname,
        reserved = "reserved_", mixername, components }
    }
    layout! {
        c, "struct snd_ctl_elem_id", elem::ElemId { numid, iface, device, subdevice, name, index }
    }
    layout! {
        c, "struct snd_ctl_elem_list", elem::ElemList { offset, space, used, count, pids, reserved }
        holes { pad }
    }
    layout! {
        c, "struct snd_ctl_elem_info", elem::ElemInfo { id, elem_type = "type", access, count,
        owner, value, reserved }
    }
    // The bit field has no offset.
    layout! {
        c, "struct snd_ctl_elem_value", elem::ElemValue { id, value, reserved } holes { indirect,
        pad }
    }
    layout! { c, "struct snd_aes_iec958", elem::Iec958 { status, subcode, pad, dig_subframe } }
    layout! { c, "struct snd_ctl_tlv", elem::Tlv { numid, length } }
    layout! {
        c, "struct snd_ctl_event", elem::Event { event_type = "type", mask = "data.elem.mask", id =
        "data.elem.id" }
    }
    c.assert();
}

/// Where a member of the range lies in `snd_ctl_elem_info`, and its size.
fn range(c: &mut Checks, member: &str, offset: usize, size: usize) {
    c.member(
        "struct snd_ctl_elem_info",
        &format!("value.{member}"),
        offset_of!(elem::ElemInfo, value) + offset,
        size,
    );
}

fn enumerated(c: &mut Checks) {
    range(
        c,
        "enumerated.items",
        offset_of!(elem::Enumerated, items),
        4,
    );
    range(c, "enumerated.item", offset_of!(elem::Enumerated, item), 4);
    range(c, "enumerated.name", offset_of!(elem::Enumerated, name), 64);
    range(
        c,
        "enumerated.names_ptr",
        offset_of!(elem::Enumerated, names_ptr),
        8,
    );
    range(
        c,
        "enumerated.names_length",
        offset_of!(elem::Enumerated, names_length),
        4,
    );
}

#[test]
fn ranges_of_elements_are_the_header_s() {
    let mut c = Checks::new(Client::Native);
    for kind in ["integer", "integer64"] {
        range(
            &mut c,
            &format!("{kind}.min"),
            offset_of!(elem::Range, min),
            8,
        );
        range(
            &mut c,
            &format!("{kind}.max"),
            offset_of!(elem::Range, max),
            8,
        );
        range(
            &mut c,
            &format!("{kind}.step"),
            offset_of!(elem::Range, step),
            8,
        );
    }
    enumerated(&mut c);
    c.assert();
}

/// Each member of the union of values starts where the union does; these are their sizes.
fn values(c: &mut Checks, offset: usize, integers: usize) {
    let value = "struct snd_ctl_elem_value";
    c.member(value, "value.integer.value", offset, integers);
    c.member(value, "value.integer64.value", offset, 512);
    c.member(value, "value.enumerated.item", offset, 512);
    c.member(value, "value.bytes.data", offset, 512);
    c.member(value, "value.iec958", offset, size_of::<elem::Iec958>());
}

#[test]
fn values_of_elements_are_the_header_s() {
    let mut c = Checks::new(Client::Native);
    values(&mut c, offset_of!(elem::ElemValue, value), 1024);
    c.assert();
}

#[test]
fn control_numbers_are_the_header_s() {
    let mut c = Checks::new(Client::Native);
    numbers(&mut c, "SNDRV_CTL_IOCTL_", table::TABLE, NEWER);
    constants! {
        c, "SNDRV_CTL_ELEM_IFACE_", elem::iface, [CARD, HWDEP, MIXER, PCM, RAWMIDI, TIMER,
        SEQUENCER]
    }
    constants! {
        c, "SNDRV_CTL_ELEM_TYPE_", elem::elem_type, [NONE, BOOLEAN, INTEGER, ENUMERATED, BYTES,
        IEC958, INTEGER64]
    }
    constants! {
        c, "SNDRV_CTL_ELEM_ACCESS_", elem::access, [READ, WRITE, READWRITE, VOLATILE, TLV_READ,
        TLV_WRITE, TLV_READWRITE, TLV_COMMAND, INACTIVE, LOCK, OWNER, TLV_CALLBACK, USER]
    }
    constants! {
        c, "SNDRV_CTL_EVENT_", elem::event, [ELEM, MASK_VALUE, MASK_INFO, MASK_ADD, MASK_TLV,
        MASK_REMOVE]
    }
    constants! {
        c, "SNDRV_CTL_POWER_", elem::power, [D0, D1, D2, D3, D3HOT = "D3hot", D3COLD = "D3cold"]
    }
    constants! {
        c, "SNDRV_CTL_TLVT_", elem::tlv_type, [CONTAINER, DB_SCALE, DB_LINEAR, DB_RANGE, DB_MINMAX,
        DB_MINMAX_MUTE, CHMAP_FIXED, CHMAP_VAR, CHMAP_PAIRED]
    }
    constants! { c, "SNDRV_CTL_TLVD_", elem::tlv_type, [DB_SCALE_MUTE, DB_GAIN_MUTE] }
    c.constant("SNDRV_CTL_ELEM_ID_NAME_MAXLEN", elem::NAME_LEN as i128);
    c.assert();
}

#[test]
#[cfg(target_arch = "x86_64")]
fn control_of_32_bit_clients_is_the_header_s() {
    for client in [Client::T32, Client::T64] {
        let mut c = Checks::new(client);
        layout! {
            c, "struct snd_ctl_elem_list", compat::ElemList { offset, space, used, count, pids,
            reserved } holes { pad }
        }
        layout! {
            c, "struct snd_ctl_elem_info", elem::ElemInfo { id, elem_type = "type", access, count,
            owner, value, reserved }
        }
        range(&mut c, "integer.min", offset_of!(compat::Range, min), 4);
        range(&mut c, "integer.max", offset_of!(compat::Range, max), 4);
        range(&mut c, "integer.step", offset_of!(compat::Range, step), 4);
        range(&mut c, "integer64.step", offset_of!(elem::Range, step), 8);
        enumerated(&mut c);
        layout! {
            c, "struct snd_ctl_elem_value", compat::ElemValue { id, value, reserved } holes {
            indirect }
        }
        values(&mut c, offset_of!(compat::ElemValue, value), 512);
        let rows: Vec<_> = compat::TABLE
            .iter()
            .filter(|row| !row.name.ends_with("_ALIGNED"))
            .copied()
            .collect();
        numbers(&mut c, "SNDRV_CTL_IOCTL_", &rows, &[]);
        c.holds(&format!(
            "sizeof(struct snd_ctl_card_info) == {}",
            size_of::<elem::CardInfo>()
        ));
        c.holds(&format!(
            "sizeof(struct snd_ctl_event) == {}",
            size_of::<elem::Event>()
        ));
        c.assert();
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn values_of_clients_with_aligned_members_are_the_header_s() {
    let mut c = Checks::new(Client::X32);
    c.holds(&format!(
        "sizeof(struct snd_ctl_elem_value) == {}",
        size_of::<compat::ElemValueAligned>()
    ));
    values(&mut c, offset_of!(compat::ElemValueAligned, value), 512);
    c.member(
        "struct snd_ctl_elem_value",
        "reserved",
        offset_of!(compat::ElemValueAligned, reserved),
        128,
    );
    let rows: Vec<_> = compat::TABLE
        .iter()
        .filter(|row| row.name.ends_with("_ALIGNED"))
        .copied()
        .collect();
    numbers(&mut c, "SNDRV_CTL_IOCTL_", &rows, &[]);
    c.assert();
}
