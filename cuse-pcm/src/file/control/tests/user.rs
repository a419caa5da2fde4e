//! §11.7: elements that clients define.

use uapi::control::elem::{Range, event};

use super::*;

/// Definitions that fail, each for one more reason than the next: the earlier check wins.
#[test]
fn definitions_are_checked_in_order() {
    let mut desk = Desk::new();
    let mut taken = integer("Taken");
    desk.add(0, &mut taken).unwrap();

    let mut info = integer("");
    info.owner = 2000;
    info.elem_type = 7;
    assert_eq!(desk.add(0, &mut info), Err(Errno::EINVAL), "empty name");
    info.id.name = [b'x'; 44];
    assert_eq!(
        desk.add(0, &mut info),
        Err(Errno::EINVAL),
        "name without end"
    );

    let mut info = integer("Taken");
    type Change = fn(&mut ElemInfo);
    let rows: [(&str, Change); 9] = [
        ("set of 1029", |i| i.owner = 1029),
        ("negative set", |i| i.owner = -1),
        ("type 0", |i| (i.owner, i.elem_type) = (0, 0)),
        ("type 7", |i| i.elem_type = 7),
        ("no items", |i| i.elem_type = elem_type::ENUMERATED),
        ("no values", |i| {
            (i.elem_type, i.count) = (elem_type::INTEGER, 0);
        }),
        ("too many values", |i| i.count = 129),
        ("too many 64-bit values", |i| {
            (i.elem_type, i.count) = (elem_type::INTEGER64, 65);
        }),
        ("two IEC958", |i| {
            (i.elem_type, i.count) = (elem_type::IEC958, 2);
        }),
    ];
    for (what, change) in rows {
        change(&mut info);
        assert_eq!(desk.add(0, &mut info), Err(Errno::EINVAL), "{what}");
    }
    info.count = 1;
    assert_eq!(
        desk.add(0, &mut info),
        Err(Errno::EBUSY),
        "the name is taken"
    );
}

#[test]
fn a_set_of_1028_elements_of_128_values_is_allowed() {
    let mut desk = Desk::new();
    let mut info = integer("Set");
    (info.owner, info.count) = (1028, 128);
    assert_eq!(desk.add(0, &mut info), Ok(0));
    assert_eq!(
        desk.info(
            0,
            ElemId {
                index: 1027,
                ..named("Set")
            }
        )
        .unwrap()
        .id
        .numid,
        7 + 1027
    );
    assert_eq!(
        desk.info(
            0,
            ElemId {
                index: 1028,
                ..named("Set")
            }
        )
        .unwrap_err(),
        Errno::ENOENT
    );
}

#[test]
fn memory_is_checked_before_the_names_of_items() {
    let mut desk = Desk::new();
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        let mut info = integer(name);
        (info.owner, info.count) = (1028, 128);
        assert_eq!(desk.add(0, &mut info), Ok(0), "{name}");
    }
    let mut info = integer("h");
    (info.owner, info.count) = (1028, 128);
    assert_eq!(desk.add(0, &mut info), Err(Errno::ENOMEM));
    info.elem_type = elem_type::ENUMERATED;
    *info.value.enumerated_mut() = enumerated(u32::MAX, 0, u32::MAX);
    (info.owner, info.count) = (1028, 128);
    assert_eq!(
        desk.add(0, &mut info),
        Err(Errno::EINVAL),
        "4 bytes a value: memory is enough"
    );
    desk.remove(0, named("a")).unwrap();
    let mut info = integer("h");
    (info.owner, info.count) = (1028, 128);
    assert_eq!(desk.add(0, &mut info), Ok(0), "removing gives memory back");
}

fn enumerated(items: u32, names_ptr: u64, names_length: u32) -> uapi::control::elem::Enumerated {
    uapi::control::elem::Enumerated {
        items,
        names_ptr,
        names_length,
        ..uapi::control::elem::Enumerated::new_zeroed()
    }
}

#[test]
fn names_of_items_are_checked() {
    let mut desk = Desk::new();
    let long = [&[b'x'; 64][..], b"\0"].concat();
    let rows: [(&[u8], u32, Errno); 5] = [
        (b"one\0\0", 2, Errno::EINVAL),
        (b"one\0two", 2, Errno::EINVAL),
        (b"one\0", 2, Errno::EINVAL),
        (&long, 1, Errno::EINVAL),
        (b"", 1, Errno::EINVAL),
    ];
    let mut info = integer("Items");
    info.elem_type = elem_type::ENUMERATED;
    for (names, items, errno) in rows {
        desk.memories[0].write(OTHER, names).unwrap();
        let length = u32::try_from(names.len()).unwrap();
        *info.value.enumerated_mut() = enumerated(items, OTHER, length);
        assert_eq!(desk.add(0, &mut info), Err(errno), "{names:?}");
    }
    *info.value.enumerated_mut() = enumerated(1, OTHER, (64 << 10) + 1);
    assert_eq!(desk.add(0, &mut info), Err(Errno::EINVAL));
    *info.value.enumerated_mut() = enumerated(1, END, 4);
    assert_eq!(desk.add(0, &mut info), Err(Errno::EFAULT));

    desk.memories[0].write(OTHER, b"one\0three\0rest").unwrap();
    *info.value.enumerated_mut() = enumerated(2, OTHER, 14);
    assert_eq!(desk.add(0, &mut info), Ok(0));
    let mut told = blank_info(info.id);
    told.value.enumerated_mut().item = 9;
    desk.call(1, cmd::ELEM_INFO, &mut told).unwrap();
    let items = told.value.enumerated();
    assert_eq!((items.items, items.item, items.names_ptr), (2, 1, 0));
    assert_eq!(name_of(&items.name), "three");
}

#[test]
fn access_is_masked_and_marked() {
    let rows = [
        (0, access::READWRITE),
        (
            access::READ | access::VOLATILE | access::LOCK | access::OWNER,
            access::READ,
        ),
        (
            access::TLV_COMMAND | access::TLV_READ | access::WRITE,
            access::WRITE,
        ),
        (access::INACTIVE, access::INACTIVE),
        (
            access::READ | access::TLV_WRITE,
            access::READ | access::TLV_WRITE | access::TLV_CALLBACK,
        ),
    ];
    let mut desk = Desk::new();
    for (index, (asked, granted)) in (0..).zip(rows) {
        let mut info = integer("Access");
        (info.id.index, info.access) = (index, asked);
        assert_eq!(desk.add(0, &mut info), Ok(0));
        let told = desk.info(1, info.id).unwrap().access;
        assert_eq!(
            told,
            granted | access::USER | access::LOCK,
            "asked {asked:#x}"
        );
    }
}

#[test]
fn a_new_element_is_numbered_locked_zero_and_told() {
    let mut desk = Desk::new();
    desk.subscribe(1);
    let mut info = integer("New");
    info.id.numid = 3;
    info.owner = 2;
    assert_eq!(desk.add(0, &mut info), Ok(0));
    assert_eq!((info.id.numid, info.id.index), (7, 0));
    assert_eq!(desk.events(1), [(7, event::MASK_ADD), (8, event::MASK_ADD)]);
    let told = desk.info(0, numid(8)).unwrap();
    assert_eq!((told.owner, told.id.index), (100, 1));
    assert_eq!(told.access & access::OWNER, access::OWNER);
    assert_eq!(desk.write(1, numid(8), &[1]), Err(Errno::EPERM));
    assert_eq!(desk.read(1, numid(8)).unwrap().value.integer()[0], 0);
}

#[test]
fn elements_outlive_their_creator_without_its_lock() {
    let mut desk = Desk::new();
    desk.add(0, &mut integer("Left")).unwrap();
    desk.files[0].release(&mut desk.card);
    assert_eq!(desk.info(1, named("Left")).unwrap().owner, -1);
    assert_eq!(desk.write(1, named("Left"), &[1]), Ok(0));
}

#[test]
fn elements_of_a_set_have_values_of_their_own() {
    let mut desk = Desk::new();
    let mut info = integer("Set");
    (info.owner, info.count) = (3, 2);
    desk.add(0, &mut info).unwrap();
    let at = |index| ElemId {
        index,
        ..named("Set")
    };
    assert_eq!(desk.write(0, at(1), &[5, 6, 7]), Ok(0));
    assert_eq!(desk.read(0, at(0)).unwrap().value.integer()[..2], [0, 0]);
    assert_eq!(desk.read(0, at(1)).unwrap().value.integer()[..3], [5, 6, 0]);
    assert_eq!(desk.read(0, at(2)).unwrap().value.integer()[..2], [0, 0]);
}

#[test]
fn written_values_are_checked_by_type() {
    let mut desk = Desk::new();
    let mut define = |name, elem_type, range: Range| {
        let mut info = integer(name);
        info.elem_type = elem_type;
        *info.value.integer_mut() = range;
        desk.add(0, &mut info).unwrap();
    };
    let range = |min, max, step| Range { min, max, step };
    define("Bool", elem_type::BOOLEAN, range(0, 0, 0));
    define("Int", elem_type::INTEGER, range(-10, 10, 0));
    define("Step", elem_type::INTEGER, range(-10, 10, 5));
    define("Wide", elem_type::INTEGER64, range(-10, 1 << 40, 0));
    let rows = [
        ("Bool", 0, Ok(0)),
        ("Bool", 1, Ok(0)),
        ("Bool", 2, Err(Errno::EINVAL)),
        ("Bool", -1, Err(Errno::EINVAL)),
        ("Int", -10, Ok(0)),
        ("Int", 10, Ok(0)),
        ("Int", 11, Err(Errno::EINVAL)),
        ("Int", i64::MIN, Err(Errno::EINVAL)),
        ("Step", 5, Ok(0)),
        ("Step", 6, Err(Errno::EINVAL)),
        ("Step", -10, Err(Errno::EINVAL)),
        ("Wide", 1 << 40, Ok(0)),
        ("Wide", (1 << 40) + 1, Err(Errno::EINVAL)),
    ];
    for (name, value, want) in rows {
        assert_eq!(desk.write(0, named(name), &[value]), want, "{name} {value}");
    }
}

#[test]
fn items_are_checked_and_bytes_are_free() {
    let mut desk = Desk::new();
    desk.memories[0].write(OTHER, b"one\0two\0").unwrap();
    let mut info = integer("Items");
    info.elem_type = elem_type::ENUMERATED;
    *info.value.enumerated_mut() = enumerated(2, OTHER, 8);
    desk.add(0, &mut info).unwrap();
    assert_eq!(desk.write(0, named("Items"), &[1]), Ok(0));
    assert_eq!(desk.write(0, named("Items"), &[2]), Err(Errno::EINVAL));
    let mut bytes = integer("Bytes");
    (bytes.elem_type, bytes.count) = (elem_type::BYTES, 512);
    desk.add(0, &mut bytes).unwrap();
    let mut value = blank_value(named("Bytes"));
    value.value.bytes = [0xa5; 1024];
    assert_eq!(desk.call(0, cmd::ELEM_WRITE, &mut value), Ok(0));
    let read = desk.read(0, named("Bytes")).unwrap();
    assert_eq!(*read.value.data(), [0xa5; 512]);
    assert!(
        read.value.bytes[512..].iter().all(|&b| b == 0),
        "beyond the values: echoed"
    );
}

#[test]
fn removal_checks_in_order() {
    let mut desk = Desk::new();
    assert_eq!(desk.remove(0, named("None")), Err(Errno::ENOENT));
    assert_eq!(desk.remove(0, numid(1)), Err(Errno::EINVAL));
    let mut info = integer("Set");
    info.owner = 3;
    desk.add(0, &mut info).unwrap();
    (7..=9).for_each(|id| {
        desk.unlock(0, numid(id)).unwrap();
    });
    desk.lock(1, numid(9)).unwrap();
    assert_eq!(
        desk.remove(0, numid(7)),
        Err(Errno::EBUSY),
        "one of the set is locked"
    );
    desk.unlock(1, numid(9)).unwrap();
    desk.subscribe(1);
    assert_eq!(desk.remove(0, numid(8)), Ok(0));
    let gone = [7, 8, 9].map(|id| (id, event::MASK_REMOVE));
    assert_eq!(desk.events(1), gone);
    assert_eq!(desk.info(0, numid(7)).unwrap_err(), Errno::ENOENT);
    desk.add(0, &mut integer("Next")).unwrap();
    assert_eq!(
        desk.info(0, named("Next")).unwrap().id.numid,
        10,
        "numbers are not used again"
    );
}

#[test]
fn replacing_needs_an_element_of_ones_own_making() {
    let mut desk = Desk::new();
    let replace =
        |desk: &mut Desk, file, name: &str| desk.call(file, cmd::ELEM_REPLACE, &mut integer(name));
    assert_eq!(replace(&mut desk, 0, "None"), Err(Errno::ENOENT));
    assert_eq!(
        replace(&mut desk, 0, "Master Playback Volume"),
        Err(Errno::EINVAL)
    );
    desk.add(0, &mut integer("User")).unwrap();
    assert_eq!(replace(&mut desk, 1, "User"), Err(Errno::EBUSY));
    assert_eq!(replace(&mut desk, 0, "User"), Ok(0));
    assert_eq!(desk.info(0, named("User")).unwrap().id.numid, 8);
}

#[test]
fn a_failed_replacement_has_removed_the_old_element() {
    let mut desk = Desk::new();
    desk.add(0, &mut integer("User")).unwrap();
    desk.subscribe(1);
    let mut info = integer("User");
    info.elem_type = 9;
    assert_eq!(
        desk.call(0, cmd::ELEM_REPLACE, &mut info),
        Err(Errno::EINVAL)
    );
    assert_eq!(desk.events(1), [(7, event::MASK_REMOVE)]);
    assert_eq!(desk.info(0, named("User")).unwrap_err(), Errno::ENOENT);
}

#[test]
fn an_index_that_would_overflow_is_einval() {
    let mut desk = Desk::new();
    let mut info = integer("High");
    (info.id.index, info.owner) = (u32::MAX - 1, 2);
    assert_eq!(desk.add(0, &mut info), Err(Errno::EINVAL));
}
