#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
use super::*;

/// An ioctl as 6.18 sends it: SYNC_PTR (_IOWR('A', 0x23, 136 bytes)) cut to 8 bytes of argument.
#[rustfmt::skip]
const IOCTL: &[u8] = &[
    0x50, 0, 0, 0,              // len 80
    39, 0, 0, 0,                // opcode
    0x0e, 0, 0, 0, 0, 0, 0, 0,  // unique
    5, 0, 0, 0, 0, 0, 0, 0,     // nodeid
    0xe8, 3, 0, 0,              // uid 1000
    0xe9, 3, 0, 0,              // gid 1001
    0x39, 0x30, 0, 0,           // pid 12345
    0, 0, 0, 0,                 // extensions
    2, 0, 0, 0, 0, 0, 0, 0,     // fh
    0, 0, 0, 0,                 // flags
    0x23, 0x41, 0x88, 0xc0,     // cmd
    0, 0x10, 0, 0, 0xff, 0x7f, 0, 0, // arg
    8, 0, 0, 0,                 // in_size
    0x88, 0, 0, 0,              // out_size
    1, 2, 3, 4, 5, 6, 7, 8,
];

#[test]
fn an_ioctl_is_taken_apart() {
    let message = decode(IOCTL).unwrap();
    assert_eq!((message.unique, message.inode), (14, 5));
    assert_eq!(
        message.caller,
        Caller {
            tid: 12345,
            uid: 1000,
            gid: 1001
        }
    );
    let Body::Ioctl(ioctl) = message.body else {
        panic!("{message:?}")
    };
    assert_eq!(
        (ioctl.fh, ioctl.cmd, ioctl.arg),
        (2, 0xc088_4123, 0x7fff_0000_1000)
    );
    assert_eq!(
        (ioctl.input, ioctl.out_size),
        (&[1u8, 2, 3, 4, 5, 6, 7, 8][..], 0x88)
    );
    assert_eq!(ioctl.abi(), Abi::Native);
}

#[test]
fn a_32_bit_caller_is_compat_and_x32_is_not() {
    let with = |flags: u32| {
        let mut bytes = IOCTL.to_vec();
        bytes[48..52].copy_from_slice(&flags.to_le_bytes());
        let Body::Ioctl(ioctl) = decode(&bytes).unwrap().body else {
            panic!()
        };
        ioctl.abi()
    };
    assert_eq!(
        with(flags::ioctl::COMPAT | flags::ioctl::IS_32BIT),
        Abi::Compat
    );
    assert_eq!(
        with(flags::ioctl::COMPAT | flags::ioctl::IS_32BIT | flags::ioctl::COMPAT_X32),
        Abi::Native
    );
}

#[test]
fn an_ioctl_that_promises_more_input_than_it_brings_is_malformed() {
    let mut bytes = IOCTL.to_vec();
    bytes[64..68].copy_from_slice(&9u32.to_le_bytes());
    assert_eq!(decode(&bytes), Err(Malformed { unique: Some(14) }));
}

fn header(opcode: u32) -> InHeader {
    InHeader {
        opcode,
        unique: 6,
        nodeid: 1,
        ..InHeader::default()
    }
}

#[test]
fn a_write_from_the_page_cache_is_told_from_write_2() {
    let of = |write_flags| {
        let body = WriteIn {
            fh: 1,
            offset: 4096,
            size: 3,
            write_flags,
            flags: 2,
            ..WriteIn::default()
        };
        let bytes = encode_request(header(opcode::WRITE), &body, b"abc");
        let Body::Write {
            cached,
            data,
            offset,
            ..
        } = decode(&bytes).unwrap().body
        else {
            panic!()
        };
        assert_eq!((data, offset), (&b"abc"[..], 4096));
        cached
    };
    assert!(of(flags::write::CACHE));
    assert!(!of(flags::write::LOCKOWNER));
}

#[test]
fn a_read_of_the_page_cache_is_told_from_read_2() {
    let of = |read_flags| {
        let body = ReadIn {
            size: 4096,
            read_flags,
            ..ReadIn::default()
        };
        let bytes = encode_request(header(opcode::READ), &body, &[]);
        matches!(
            decode(&bytes).unwrap().body,
            Body::Read { cached: true, .. }
        )
    };
    assert!(of(0));
    assert!(!of(flags::read::LOCKOWNER));
}

#[test]
fn a_name_ends_at_its_nul() {
    let bytes = encode_request(header(opcode::LOOKUP), &[0u8; 0], b"pcmC0D0p\0");
    assert_eq!(
        decode(&bytes).unwrap().body,
        Body::Lookup { name: b"pcmC0D0p" }
    );
    let bytes = encode_request(header(opcode::LOOKUP), &[0u8; 0], b"pcmC0D0p");
    assert_eq!(decode(&bytes), Err(Malformed { unique: Some(6) }));
}

#[test]
fn a_batch_of_forgets_has_as_many_as_it_brings() {
    let two = [
        ForgetOne {
            nodeid: 7,
            nlookup: 1,
        },
        ForgetOne {
            nodeid: 8,
            nlookup: 2,
        },
    ];
    let bytes = encode_request(
        header(opcode::BATCH_FORGET),
        &BatchForgetIn { count: 2, dummy: 0 },
        two.as_bytes(),
    );
    let Body::BatchForget(each) = decode(&bytes).unwrap().body else {
        panic!()
    };
    assert_eq!(each.iter().collect::<Vec<_>>(), two);
    let bytes = encode_request(
        header(opcode::BATCH_FORGET),
        &BatchForgetIn { count: 3, dummy: 0 },
        two.as_bytes(),
    );
    assert!(decode(&bytes).is_err());
    let much = BatchForgetIn {
        count: u32::MAX,
        dummy: 0,
    };
    assert!(
        decode(&encode_request(
            header(opcode::BATCH_FORGET),
            &much,
            two.as_bytes()
        ))
        .is_err()
    );
}

#[test]
fn an_old_kernels_short_init_has_no_second_flags() {
    let bytes = encode_request(header(opcode::INIT), &[7u32, 31, 65536, 0xff], &[]);
    let Body::Init(init) = decode(&bytes).unwrap().body else {
        panic!()
    };
    assert_eq!(
        (init.major, init.minor, init.flags, init.flags2),
        (7, 31, 0xff, 0)
    );
}

#[test]
fn every_cut_of_a_message_is_malformed_and_nothing_panics() {
    for length in 0..IOCTL.len() {
        assert!(decode(&IOCTL[..length]).is_err(), "{length}");
    }
}

#[test]
fn no_opcode_with_any_filling_panics() {
    for opcode in (0..64).chain([4096, u32::MAX]) {
        for byte in [0u8, 0xff, 0x7f] {
            for length in [0usize, 1, 8, 16, 24, 39, 40, 41, 64, 88, 128] {
                let bytes = encode_request(header(opcode), &[0u8; 0], &vec![byte; length]);
                let _ = decode(&bytes);
            }
        }
    }
}

#[test]
fn a_listing_stops_where_it_is_full() {
    let mut listing = Listing::new(64);
    assert!(listing.push(3, 1, 8, b"controlC0"));
    assert!(!listing.push(4, 2, 8, b"pcmC0D0p"));
    #[rustfmt::skip]
    let expected: &[u8] = &[
        3, 0, 0, 0, 0, 0, 0, 0,
        1, 0, 0, 0, 0, 0, 0, 0,
        9, 0, 0, 0, 8, 0, 0, 0,
        b'c', b'o', b'n', b't', b'r', b'o', b'l', b'C', b'0', 0, 0, 0, 0, 0, 0, 0,
    ];
    assert_eq!(listing.bytes(), expected);
}
