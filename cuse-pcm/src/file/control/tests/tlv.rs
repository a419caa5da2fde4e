//! §11.9, row by row.

use super::*;
use uapi::control::elem::{Tlv, event};

impl Desk {
    /// A TLV call with this payload; also returns the payload afterwards.
    fn tlv(
        &mut self,
        file: usize,
        cmd: u32,
        numid: u32,
        payload: &[u8],
    ) -> (Result<i32, Errno>, Vec<u8>) {
        let length = u32::try_from(payload.len()).unwrap();
        let mut header = Tlv { numid, length };
        self.memories[file].write(ARG + 8, payload).unwrap();
        let result = self.call(file, cmd, &mut header);
        assert_eq!(
            (header.numid, header.length),
            (numid, length),
            "the header is not rewritten"
        );
        let mut after = vec![0; payload.len()];
        self.memories[file].read(ARG + 8, &mut after).unwrap();
        (result, after)
    }

    fn tlv_element(&mut self, file: usize) -> u32 {
        let mut info = integer("With TLV");
        info.access = access::READWRITE | access::TLV_WRITE;
        self.add(file, &mut info).unwrap();
        info.id.numid
    }
}

#[test]
fn the_volume_has_a_decibel_scale() {
    let (result, bytes) = Desk::new().tlv(0, cmd::TLV_READ, 1, &[0xee; 24]);
    assert_eq!(result, Ok(0));
    let word = |at: usize| i32::from_ne_bytes(bytes[at * 4..at * 4 + 4].try_into().unwrap());
    assert_eq!(
        [word(0), word(1), word(2), word(3)],
        [1, 8, -6000, 0x1_0032]
    );
    assert_eq!(bytes[16..], [0xee; 8]);
}

#[test]
fn number_zero_or_a_short_length_is_einval_before_all_else() {
    let mut desk = Desk::new();
    for call in [cmd::TLV_READ, cmd::TLV_WRITE, cmd::TLV_COMMAND] {
        assert_eq!(desk.tlv(0, call, 0, &[0; 16]).0, Err(Errno::EINVAL));
        assert_eq!(desk.tlv(0, call, 99, &[0; 7]).0, Err(Errno::EINVAL));
        assert_eq!(desk.tlv(0, call, 99, &[0; 8]).0, Err(Errno::ENOENT));
    }
}

#[test]
fn a_fixed_tlv_that_does_not_fit_is_enomem() {
    let mut desk = Desk::new();
    assert_eq!(
        desk.tlv(0, cmd::TLV_READ, 1, &[0; 15]).0,
        Err(Errno::ENOMEM)
    );
    assert_eq!(desk.tlv(0, cmd::TLV_READ, 1, &[0; 16]).0, Ok(0));
}

#[test]
fn what_an_element_has_not_is_enxio() {
    let mut desk = Desk::new();
    assert_eq!(desk.tlv(0, cmd::TLV_READ, 2, &[0; 16]).0, Err(Errno::ENXIO));
    assert_eq!(
        desk.tlv(0, cmd::TLV_WRITE, 1, &[0; 16]).0,
        Err(Errno::ENXIO)
    );
    assert_eq!(
        desk.tlv(0, cmd::TLV_COMMAND, 1, &[0; 16]).0,
        Err(Errno::ENXIO)
    );
    let mut plain = integer("Plain");
    desk.add(0, &mut plain).unwrap();
    for call in [cmd::TLV_READ, cmd::TLV_WRITE, cmd::TLV_COMMAND] {
        assert_eq!(
            desk.tlv(0, call, plain.id.numid, &[0; 16]).0,
            Err(Errno::ENXIO)
        );
    }
    let user = desk.tlv_element(0);
    assert_eq!(
        desk.tlv(0, cmd::TLV_READ, user, &[0; 16]).0,
        Err(Errno::ENXIO),
        "not written yet"
    );
    assert_eq!(
        desk.tlv(0, cmd::TLV_COMMAND, user, &[0; 16]).0,
        Err(Errno::ENXIO)
    );
}

#[test]
fn writing_while_another_file_holds_the_lock_is_eperm() {
    let mut desk = Desk::new();
    let user = desk.tlv_element(0);
    assert_eq!(
        desk.tlv(1, cmd::TLV_WRITE, user, &[0; 16]).0,
        Err(Errno::EPERM)
    );
    desk.unlock(0, numid(user)).unwrap();
    assert_eq!(desk.tlv(1, cmd::TLV_WRITE, user, &[0; 16]).0, Ok(1));
}

#[test]
fn a_written_tlv_is_read_back_and_told() {
    let mut desk = Desk::new();
    let user = desk.tlv_element(0);
    desk.subscribe(1);
    let payload: Vec<u8> = (0..20).collect();
    assert_eq!(desk.tlv(0, cmd::TLV_WRITE, user, &payload).0, Ok(1));
    assert_eq!(desk.events(1), [(user, event::MASK_TLV | event::MASK_INFO)]);
    assert_ne!(
        desk.info(0, numid(user)).unwrap().access & access::TLV_READ,
        0
    );
    assert_eq!(
        desk.tlv(0, cmd::TLV_WRITE, user, &payload).0,
        Ok(0),
        "the same again"
    );
    assert_eq!(desk.events(1), []);
    assert_eq!(desk.tlv(0, cmd::TLV_WRITE, user, &payload[..8]).0, Ok(1));
    assert_eq!(desk.events(1), [(user, event::MASK_TLV)]);
    assert_eq!(desk.tlv(0, cmd::TLV_WRITE, user, &payload).0, Ok(1));
    assert_eq!(
        desk.tlv(1, cmd::TLV_READ, user, &[0; 19]).0,
        Err(Errno::ENOSPC)
    );
    let (result, bytes) = desk.tlv(1, cmd::TLV_READ, user, &[0; 21]);
    assert_eq!(result, Ok(0));
    assert_eq!(bytes[..20], payload);
}

#[test]
fn a_tlv_may_have_128_kib() {
    let mut desk = Desk::new();
    let user = desk.tlv_element(0);
    assert_eq!(
        desk.tlv(0, cmd::TLV_WRITE, user, &vec![1; (128 << 10) + 1])
            .0,
        Err(Errno::EINVAL)
    );
    assert_eq!(
        desk.tlv(0, cmd::TLV_WRITE, user, &vec![1; 128 << 10]).0,
        Ok(1)
    );
}

#[test]
fn a_payload_at_a_bad_address_is_efault() {
    let mut desk = Desk::new();
    let user = desk.tlv_element(0);
    let at = END - 8;
    let read = Tlv {
        numid: 1,
        length: 16,
    };
    desk.memories[0].write(at, read.as_bytes()).unwrap();
    assert_eq!(desk.raw(0, cmd::TLV_READ, at), Err(Errno::EFAULT));
    let write = Tlv {
        numid: user,
        length: 16,
    };
    desk.memories[0].write(at, write.as_bytes()).unwrap();
    assert_eq!(desk.raw(0, cmd::TLV_WRITE, at), Err(Errno::EFAULT));
    assert_eq!(
        desk.info(0, numid(user)).unwrap().access & access::TLV_READ,
        0
    );
}

#[test]
fn tlvs_share_the_budget_of_8_mib() {
    let mut desk = Desk::new();
    let payload = vec![1; 128 << 10];
    let mut last = 0;
    let written = (0..100)
        .take_while(|index| {
            let mut info = integer("Big");
            info.access = access::TLV_WRITE | access::READ;
            info.id.index = *index;
            desk.add(0, &mut info).unwrap();
            last = info.id.numid;
            desk.tlv(0, cmd::TLV_WRITE, last, &payload).0 == Ok(1)
        })
        .count();
    assert_eq!(written, 63);
    assert_eq!(
        desk.tlv(0, cmd::TLV_WRITE, last, &payload).0,
        Err(Errno::ENOMEM)
    );
    desk.remove(0, named("Big")).unwrap();
    assert_eq!(
        desk.tlv(0, cmd::TLV_WRITE, last, &payload).0,
        Ok(1),
        "removing gives it back"
    );
}
