//! §11.1 to §11.3 and §2.5: the card, its devices, what is no element.

use super::*;

#[test]
fn protocol_version_is_2_0_9() {
    let mut version = 0u32;
    assert_eq!(Desk::new().call(0, cmd::PVERSION, &mut version), Ok(0));
    assert_eq!(version, 0x0002_0009);
}

#[test]
fn card_info_tells_number_and_names() {
    let mut info = CardInfo::new_zeroed();
    info.reserved = [0xff; 16];
    assert_eq!(Desk::new().call(0, cmd::CARD_INFO, &mut info), Ok(0));
    assert_eq!((info.card, info.reserved), (7, [0; 16]));
    let names = [
        &info.id[..],
        &info.driver,
        &info.name,
        &info.longname,
        &info.mixername,
    ];
    let want = ["Test", "Driver", "Name", "Long name", "Mixer"];
    assert_eq!(names.map(name_of), want);
}

#[test]
fn unknown_numbers_are_enotty() {
    let mut desk = Desk::new();
    // hwdep, rawmidi and ump are modules that are not loaded; another type byte; another size.
    let numbers = [
        cmd::HWDEP_NEXT_DEVICE,
        cmd::HWDEP_INFO,
        cmd::RAWMIDI_NEXT_DEVICE,
        cmd::RAWMIDI_INFO,
        cmd::RAWMIDI_PREFER_SUBDEVICE,
        cmd::UMP_NEXT_DEVICE,
        cmd::UMP_ENDPOINT_INFO,
        cmd::UMP_BLOCK_INFO,
        0x8004_4100,
        0x8008_5500,
        0x0000_5500,
    ];
    for number in numbers {
        assert_eq!(desk.raw(0, number, ARG), Err(Errno::ENOTTY), "{number:#x}");
    }
}

#[test]
fn power_is_not_a_protocol_option_and_the_state_is_d0() {
    let mut desk = Desk::new();
    assert_eq!(
        desk.call(0, cmd::POWER, &mut 0x0300i32),
        Err(Errno::ENOPROTOOPT)
    );
    let mut state = -1i32;
    assert_eq!(desk.call(0, cmd::POWER_STATE, &mut state), Ok(0));
    assert_eq!(state, 0);
}

#[test]
fn next_device_is_the_smallest_above_the_given_one() {
    let mut desk = Desk::new();
    let rows = [
        (-1, 0),
        (-77, 0),
        (i32::MIN, 0),
        (0, 3),
        (1, 3),
        (2, 3),
        (3, -1),
        (i32::MAX, -1),
    ];
    for (after, next) in rows {
        let mut device = after;
        assert_eq!(desk.call(0, cmd::PCM_NEXT_DEVICE, &mut device), Ok(0));
        assert_eq!(device, next, "after {after}");
    }
}

#[test]
fn next_device_at_a_bad_address_is_efault() {
    assert_eq!(
        Desk::new().raw(0, cmd::PCM_NEXT_DEVICE, END),
        Err(Errno::EFAULT)
    );
}

#[test]
fn pcm_info_tells_which_of_the_three_is_missing() {
    let mut desk = Desk::new();
    let mut ask = |device, stream, subdevice| {
        let mut info = Info {
            device,
            stream,
            subdevice,
            ..Info::new_zeroed()
        };
        desk.call(0, cmd::PCM_INFO, &mut info).map(|_| info)
    };
    assert_eq!(ask(0, 2, 0).unwrap_err(), Errno::EINVAL);
    assert_eq!(ask(9, -1, 9).unwrap_err(), Errno::EINVAL);
    assert_eq!(ask(1, 0, 0).unwrap_err(), Errno::ENXIO);
    assert_eq!(ask(3, 0, 9).unwrap_err(), Errno::ENOENT);
    assert_eq!(ask(0, 0, 2).unwrap_err(), Errno::ENXIO);
    let info = ask(0, 0, 1).unwrap();
    assert_eq!(name_of(&info.id), "First");
    assert_eq!(name_of(&info.name), "First PCM");
    assert_eq!(name_of(&info.subname), "subdevice #1");
    assert_eq!(
        (info.card, info.subdevices_count, info.subdevices_avail),
        (7, 2, 2)
    );
}

#[test]
fn a_preferred_subdevice_is_for_the_thread_that_opened_the_file() {
    let mut desk = Desk::new();
    assert_eq!(desk.files[0].preferred_subdevice(100), None);
    assert_eq!(desk.call(0, cmd::PCM_PREFER_SUBDEVICE, &mut 1i32), Ok(0));
    assert_eq!(desk.files[0].preferred_subdevice(100), Some(1));
    assert_eq!(desk.files[0].preferred_subdevice(101), None);
    assert_eq!(desk.files[1].preferred_subdevice(101), None);
    assert_eq!(desk.call(0, cmd::PCM_PREFER_SUBDEVICE, &mut -1i32), Ok(0));
    assert_eq!(desk.files[0].preferred_subdevice(100), None);
}
