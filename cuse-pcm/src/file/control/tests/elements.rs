//! §11.4 to §11.6: identification, list, info, values, locks; on the elements of the card's own devices.

use uapi::control::elem::ElemList;

use super::*;

const LAST: u32 = 6;

#[test]
fn elements_are_found_by_number_or_by_everything_else() {
    let mut desk = Desk::new();
    let by_number = ElemId {
        iface: 99,
        device: 5,
        index: 7,
        ..numid(3)
    };
    let id = desk.info(0, by_number).unwrap().id;
    assert_eq!(
        id,
        ElemId {
            numid: 3,
            ..named("Capture Volume")
        }
    );
    let id = desk.info(0, named("Capture Switch")).unwrap().id;
    assert_eq!(id.numid, 4);
    let knob = ElemId {
        iface: iface::PCM,
        subdevice: 1,
        ..named("Knob")
    };
    assert_eq!(desk.info(0, knob).unwrap().id.numid, 6);
    let absent = [
        numid(LAST + 1),
        numid(u32::MAX),
        named("Capture"),
        ElemId {
            index: 1,
            ..named("Capture Switch")
        },
        ElemId {
            index: u32::MAX,
            ..named("Capture Switch")
        },
        ElemId {
            device: 1,
            ..named("Capture Switch")
        },
        ElemId {
            subdevice: 1,
            ..named("Capture Switch")
        },
        ElemId {
            iface: iface::CARD,
            ..named("Capture Switch")
        },
        ElemId {
            subdevice: 0,
            ..knob
        },
    ];
    for id in absent {
        assert_eq!(desk.info(0, id).unwrap_err(), Errno::ENOENT, "{id:?}");
    }
}

#[test]
fn the_list_is_cut_to_the_room_there_is() {
    let mut desk = Desk::new();
    let rows = [
        (0, 0, 0),
        (0, 2, 2),
        (4, 9, 2),
        (6, 9, 0),
        (u32::MAX, 1, 0),
        (0, u32::MAX, 6),
    ];
    for (offset, space, used) in rows {
        let mut list = ElemList {
            offset,
            space,
            pids: OTHER,
            ..ElemList::new_zeroed()
        };
        list.reserved = [0xab; 50];
        assert_eq!(desk.call(0, cmd::ELEM_LIST, &mut list), Ok(0));
        assert_eq!(
            (list.used, list.count),
            (used, LAST),
            "offset {offset}, space {space}"
        );
        assert_eq!(
            (list.offset, list.space, list.reserved),
            (offset, space, [0xab; 50])
        );
        for place in 0..used {
            let mut id = ElemId::new_zeroed();
            desk.memories[0]
                .read(OTHER + u64::from(place) * 64, id.as_mut_bytes())
                .unwrap();
            assert_eq!(id.numid, offset + place + 1);
        }
    }
}

#[test]
fn a_list_at_a_bad_address_is_efault_unless_nothing_is_stored() {
    let mut desk = Desk::new();
    let mut list = ElemList {
        space: 1,
        pids: END,
        ..ElemList::new_zeroed()
    };
    assert_eq!(desk.call(0, cmd::ELEM_LIST, &mut list), Err(Errno::EFAULT));
    list.space = 0;
    assert_eq!(desk.call(0, cmd::ELEM_LIST, &mut list), Ok(0));
}

#[test]
fn info_tells_type_count_access_and_range() {
    let mut desk = Desk::new();
    let info = desk.info(0, named("Master Playback Volume")).unwrap();
    assert_eq!(
        (info.elem_type, info.count, info.owner),
        (elem_type::INTEGER, 2, -1)
    );
    assert_eq!(info.access, access::READWRITE | access::TLV_READ);
    let range = info.value.integer();
    assert_eq!((range.min, range.max, range.step), (0, 120, 0));
    let info = desk.info(0, named("Master Playback Switch")).unwrap();
    assert_eq!((info.elem_type, info.count), (elem_type::BOOLEAN, 2));
    assert_eq!(info.access, access::READWRITE);
}

#[test]
fn an_item_beyond_the_last_is_clamped() {
    let mut desk = Desk::new();
    for (asked, told, name) in [
        (0, 0, "one"),
        (2, 2, "three"),
        (3, 2, "three"),
        (u32::MAX, 2, "three"),
    ] {
        let mut info = blank_info(named("Choice"));
        info.value.enumerated_mut().item = asked;
        info.value.enumerated_mut().names_ptr = 77;
        assert_eq!(desk.call(0, cmd::ELEM_INFO, &mut info), Ok(0));
        let items = info.value.enumerated();
        assert_eq!((items.items, items.item, items.names_ptr), (3, told, 0));
        assert_eq!(name_of(&items.name), name);
        assert_eq!(info.access, access::READ);
    }
}

#[test]
fn volume_starts_at_zero_decibel_and_reaches_the_gain() {
    let gain = Arc::new(Gain::default());
    let mut desk = Desk::new();
    desk.card
        .control
        .add_gain(Direction::Playback, 1, &gain)
        .unwrap();
    let volume = ElemId {
        index: 1,
        ..named("Master Playback Volume")
    };
    let switch = ElemId {
        index: 1,
        ..named("Master Playback Switch")
    };
    assert_eq!(
        desk.read(0, volume).unwrap().value.integer()[..3],
        [120, 120, 0]
    );
    assert_eq!(
        desk.read(0, switch).unwrap().value.integer()[..3],
        [1, 1, 0]
    );
    assert_eq!(desk.write(0, volume, &[100, 1]), Ok(0));
    assert_eq!((gain.volume(0), gain.volume(1)), (-1000, -5950));
    assert_eq!(desk.write(0, switch, &[1, 0]), Ok(0));
    assert_eq!((gain.is_on(0), gain.is_on(1)), (true, false));
    assert_eq!(desk.read(0, volume).unwrap().value.integer()[..2], [100, 1]);
    assert_eq!(desk.read(0, switch).unwrap().value.integer()[..2], [1, 0]);
}

#[test]
fn what_read_does_not_fill_is_echoed() {
    let mut desk = Desk::new();
    let mut value = blank_value(named("Capture Volume"));
    value.indirect = 1;
    value.pad = 9;
    value.value.bytes = [0xcd; 1024];
    value.reserved = [0xef; 128];
    assert_eq!(desk.call(0, cmd::ELEM_READ, &mut value), Ok(0));
    assert_eq!((value.id.numid, value.indirect, value.pad), (3, 1, 9));
    assert_eq!(value.value.integer()[..2], [120, 120]);
    assert!(value.value.bytes[16..].iter().all(|&b| b == 0xcd));
    assert_eq!(value.reserved, [0xef; 128]);
}

#[test]
fn values_out_of_range_are_einval_and_change_nothing() {
    let mut desk = Desk::new();
    let volume = named("Master Playback Volume");
    for values in [[121, 0], [0, -1], [i64::MAX, 0], [i64::MIN, 0]] {
        assert_eq!(desk.write(0, volume, &values), Err(Errno::EINVAL));
    }
    assert_eq!(
        desk.write(0, named("Master Playback Switch"), &[1, 2]),
        Err(Errno::EINVAL)
    );
    assert_eq!(desk.write(0, numid(6), &[7]), Err(Errno::EINVAL));
    assert_eq!(desk.write(0, numid(6), &[10]), Ok(0));
    assert_eq!(
        desk.read(0, volume).unwrap().value.integer()[..2],
        [120, 120]
    );
}

#[test]
fn reading_and_writing_check_in_order() {
    let mut desk = Desk::new();
    assert_eq!(desk.read(0, numid(99)).unwrap_err(), Errno::ENOENT);
    assert_eq!(desk.write(0, numid(99), &[0]), Err(Errno::ENOENT));
    assert_eq!(desk.write(0, named("Choice"), &[99]), Err(Errno::EPERM));
    desk.lock(1, numid(1)).unwrap();
    assert_eq!(desk.write(0, numid(1), &[999]), Err(Errno::EPERM));
    assert!(
        desk.read(0, numid(1)).is_ok(),
        "a locked element can be read"
    );
    assert_eq!(desk.write(1, numid(1), &[1, 1]), Ok(0));
}

#[test]
fn an_element_that_cannot_be_read_is_eperm() {
    let mut desk = Desk::new();
    let mut info = integer("Hidden");
    info.access = access::WRITE;
    desk.add(0, &mut info).unwrap();
    assert_eq!(desk.read(0, info.id).unwrap_err(), Errno::EPERM);
    assert_eq!(desk.write(0, info.id, &[1]), Ok(0));
}

#[test]
fn locks_check_in_order() {
    let mut desk = Desk::new();
    assert_eq!(desk.lock(0, numid(99)), Err(Errno::ENOENT));
    assert_eq!(desk.unlock(0, numid(99)), Err(Errno::ENOENT));
    assert_eq!(desk.unlock(0, numid(2)), Err(Errno::EINVAL));
    assert_eq!(desk.lock(0, numid(2)), Ok(0));
    assert_eq!(desk.lock(0, numid(2)), Err(Errno::EBUSY), "even by self");
    assert_eq!(desk.lock(1, numid(2)), Err(Errno::EBUSY));
    assert_eq!(desk.unlock(1, numid(2)), Err(Errno::EPERM));
    assert_eq!(desk.unlock(0, numid(2)), Ok(0));
    assert_eq!(desk.lock(1, numid(2)), Ok(0));
}

#[test]
fn info_tells_who_holds_the_lock() {
    let mut desk = Desk::new();
    desk.lock(1, numid(2)).unwrap();
    let theirs = desk.info(0, numid(2)).unwrap();
    assert_eq!(
        (theirs.owner, theirs.access),
        (101, access::READWRITE | access::LOCK)
    );
    let own = desk.info(1, numid(2)).unwrap();
    assert_eq!(own.access, access::READWRITE | access::LOCK | access::OWNER);
}

#[test]
fn closing_a_file_drops_its_locks_without_an_event() {
    let mut desk = Desk::new();
    desk.subscribe(0);
    desk.lock(1, numid(2)).unwrap();
    let mut file = desk.files.remove(1);
    file.release(&mut desk.card);
    assert_eq!(desk.info(0, numid(2)).unwrap().owner, -1);
    assert_eq!(desk.write(0, numid(2), &[1, 1]), Ok(0));
    assert_eq!(desk.events(0), []);
}

#[test]
fn an_element_of_the_same_name_is_refused() {
    let mut card = card();
    let gain = Arc::new(Gain::default());
    assert_eq!(
        card.control.add_gain(Direction::Playback, 0, &gain),
        Err(Errno::EBUSY)
    );
    assert_eq!(NAME_LEN, 44);
}
