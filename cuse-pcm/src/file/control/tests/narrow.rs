//! 32-bit clients.

use uapi::compat::control as compat;

use super::*;

fn desk() -> Desk {
    Desk {
        abi: Abi::Compat,
        ..Desk::new()
    }
}

#[test]
fn numbers_of_the_other_width_are_enotty() {
    let mut narrow = desk();
    for number in [cmd::ELEM_LIST, cmd::ELEM_READ, cmd::ELEM_WRITE] {
        assert_eq!(narrow.raw(0, number, ARG), Err(Errno::ENOTTY));
    }
    let mut wide = Desk::new();
    for number in [
        compat::ELEM_LIST,
        compat::ELEM_READ,
        compat::ELEM_WRITE_ALIGNED,
    ] {
        assert_eq!(wide.raw(0, number, ARG), Err(Errno::ENOTTY));
    }
}

#[test]
fn the_list_has_a_narrow_pointer() {
    let mut desk = desk();
    let mut list = compat::ElemList::new_zeroed();
    (list.space, list.pids) = (2, u32::try_from(OTHER).unwrap());
    assert_eq!(desk.call(0, compat::ELEM_LIST, &mut list), Ok(0));
    assert_eq!((list.used, list.count), (2, 6));
    let mut id = ElemId::new_zeroed();
    desk.memories[0]
        .read(OTHER + 64, id.as_mut_bytes())
        .unwrap();
    assert_eq!(name_of(&id.name), "Master Playback Switch");
}

#[test]
fn ranges_are_narrow() {
    let mut desk = desk();
    let mut info = blank_info(numid(1));
    info.value.bytes = [0x77; 128];
    assert_eq!(desk.call(0, cmd::ELEM_INFO, &mut info), Ok(0));
    let range = *compat::range(&info.value);
    assert_eq!((range.min, range.max, range.step), (0, 120, 0));
    assert!(info.value.bytes[12..].iter().all(|&b| b == 0x77));
    let mut choice = blank_info(named("Choice"));
    assert_eq!(desk.call(0, cmd::ELEM_INFO, &mut choice), Ok(0));
    assert_eq!(name_of(&choice.value.enumerated().name), "one");
}

#[test]
fn values_are_narrow_in_both_layouts() {
    let mut desk = desk();
    let mut value = compat::ElemValue::new_zeroed();
    value.id = numid(1);
    value.value.integer_mut()[..3].copy_from_slice(&[100, 90, 7]);
    assert_eq!(desk.call(0, compat::ELEM_WRITE, &mut value), Ok(0));
    assert_eq!(name_of(&value.id.name), "Master Playback Volume");
    let mut value = compat::ElemValueAligned::new_zeroed();
    value.id = numid(1);
    value.reserved = [3; 128];
    value.value.bytes = [0xff; 512];
    assert_eq!(desk.call(0, compat::ELEM_READ_ALIGNED, &mut value), Ok(0));
    assert_eq!(value.value.integer()[..3], [100, 90, -1]);
    assert_eq!(value.reserved, [3; 128]);
    value.id = numid(99);
    assert_eq!(
        desk.call(0, compat::ELEM_READ_ALIGNED, &mut value),
        Err(Errno::ENOENT)
    );
}

#[test]
fn negative_values_keep_their_sign() {
    let mut desk = desk();
    let mut info = blank_info(named("User"));
    (info.elem_type, info.count) = (elem_type::INTEGER, 1);
    *compat::range_mut(&mut info.value) = compat::Range {
        min: -50,
        max: -1,
        step: 0,
    };
    assert_eq!(desk.add(0, &mut info), Ok(0));
    assert_eq!(info.id.numid, 7);
    let mut value = compat::ElemValue::new_zeroed();
    value.id = info.id;
    value.value.integer_mut()[0] = -7;
    assert_eq!(desk.call(0, compat::ELEM_WRITE, &mut value), Ok(0));
    desk.abi = Abi::Native;
    assert_eq!(desk.read(0, info.id).unwrap().value.integer()[0], -7);
    let range = *desk.info(0, info.id).unwrap().value.integer();
    assert_eq!((range.min, range.max), (-50, -1));
}
