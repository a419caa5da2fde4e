//! Walks on control nodes: elements are made, replaced, locked, read, written and removed by three files, which also
//! listen to events; and what else a control node answers.

use uapi::control::elem::{ElemId, ElemInfo, ElemValue, access, elem_type};
use uapi::control::table;
use uapi::pcm::Info;
use zerocopy::{FromZeros, IntoBytes};

use crate::oracle::call::{Arg, Call, Node};
use crate::oracle::side::{NUMID, Outcome};
use crate::random::Random;

/// Files of a walk.
const FILES: u32 = 3;
/// Calls of a walk, at most.
const LENGTH: u32 = 150;

/// The walks.
#[derive(Debug)]
pub struct Control {
    random: Random,
    step: u32,
    length: u32,
    /// Numbers that were given out in this walk.
    numids: Vec<u32>,
    /// What is left of the matrix of single calls.
    single: Vec<Call>,
}

impl Control {
    /// The walks named `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Control {
        Control {
            random: Random::new(seed ^ 0xc0),
            step: 0,
            length: 0,
            numids: Vec::new(),
            single: single_calls(),
        }
    }

    /// A new walk begins.
    pub fn begin(&mut self) {
        self.step = 0;
        self.length = FILES + 5 + self.random.below(LENGTH);
        self.numids.clear();
    }

    /// The next call, after what the kernel gave to the last one.
    pub fn next(&mut self, last: Option<(&Call, &Outcome)>) -> Option<Call> {
        if self.step == self.length {
            return None;
        }
        self.step += 1;
        if self.step <= FILES {
            return Some(self.open(self.step as u8 - 1));
        }
        if let Some((
            Call::Ioctl {
                cmd: table::ELEM_ADD | table::ELEM_REPLACE,
                ..
            },
            outcome,
        )) = last
        {
            if let (0, Some(word)) = (outcome.errno, outcome.bytes.get(..4)) {
                self.numids
                    .push(u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
            }
        }
        Some(self.call())
    }

    fn open(&mut self, slot: u8) -> Call {
        let flags = self
            .random
            .pick(&[libc::O_RDWR, libc::O_RDWR, libc::O_RDONLY, libc::O_WRONLY])
            | libc::O_NONBLOCK;
        Call::Open {
            slot,
            node: Node::Control,
            flags,
        }
    }

    fn call(&mut self) -> Call {
        let slot = self.random.below(FILES) as u8;
        let (cmd, arg) = match self.random.below(24) {
            0..4 => self.add(table::ELEM_ADD),
            4 => self.add(table::ELEM_REPLACE),
            5 => self.on_id(table::ELEM_REMOVE),
            6 | 7 => self.info(),
            8..10 => self.value(table::ELEM_READ),
            10..13 => self.value(table::ELEM_WRITE),
            13 => self.on_id(table::ELEM_LOCK),
            14 => self.on_id(table::ELEM_UNLOCK),
            15 | 16 => self.tlv(),
            17 => {
                let listen = self.random.pick(&[1, 1, 1, 0, -1, 7]);
                (
                    table::SUBSCRIBE_EVENTS,
                    Arg::Bytes(i32::to_le_bytes(listen).to_vec()),
                )
            }
            18 => {
                let (offset, space) = (self.random.below(8), self.random.below(8));
                (table::ELEM_LIST, Arg::List { offset, space })
            }
            19 | 20 => {
                let size = self.random.pick(&[71, 72, 72, 143, 144, 720, 1000]);
                return Call::Read { slot, size };
            }
            21 => {
                let events = self.random.pick(&[0x41, 0x1, 0x4, 0x145]);
                return Call::Poll { slot, events };
            }
            22 if self.random.once_in(3) => {
                return if self.random.once_in(2) {
                    Call::Close { slot }
                } else {
                    self.open(slot)
                };
            }
            _ => return self.any_single(slot),
        };
        Call::Ioctl { slot, cmd, arg }
    }

    fn any_single(&mut self, to: u8) -> Call {
        let index = self.random.below(self.single.len() as u32) as usize;
        let mut call = self.single[index].clone();
        if let Call::Ioctl { slot, .. } | Call::Write { slot, .. } = &mut call {
            *slot = to;
        }
        call
    }

    fn id(&mut self) -> ElemId {
        let random = &mut self.random;
        let mut id = ElemId::new_zeroed();
        if !self.numids.is_empty() && random.once_in(3) {
            id.numid = random.pick(&self.numids) + random.below(2);
            return id;
        }
        if random.once_in(12) {
            id.numid = random.pick(&[NUMID + 500, u32::MAX, 1 << 31]);
            return id;
        }
        let name: &[u8] = random.pick(&[b"oracle A" as &[u8], b"oracle B", b"oracle C"]);
        id.name[..name.len()].copy_from_slice(name);
        id.iface = random.pick(&[2, 2, 2, 3, 0, 6]);
        id.index = random.pick(&[0, 0, 0, 1, 2, 5]);
        if random.once_in(10) {
            (id.device, id.subdevice) = (random.below(3), random.below(3));
        }
        match random.below(40) {
            0 => id.name = [b'x'; 44],
            1 => id.name = [0; 44],
            2 => id.name[43] = b'y',
            3 => id.iface = random.pick(&[7, -1, 100]),
            _ => {}
        }
        id
    }

    fn on_id(&mut self, cmd: u32) -> (u32, Arg) {
        (cmd, Arg::Bytes(self.id().as_bytes().to_vec()))
    }

    fn info(&mut self) -> (u32, Arg) {
        let mut info = ElemInfo::new_zeroed();
        info.as_mut_bytes()[64..].fill(self.random.pick(&[0, 0xee]));
        info.id = self.id();
        let item = self.random.pick(&[0u32, 1, 2, 100, u32::MAX]);
        info.as_mut_bytes()[84..88].copy_from_slice(&item.to_le_bytes());
        (table::ELEM_INFO, Arg::Bytes(info.as_bytes().to_vec()))
    }

    fn value(&mut self, cmd: u32) -> (u32, Arg) {
        let mut value = ElemValue::new_zeroed();
        if self.random.once_in(3) {
            let byte = self.random.word() as u8;
            value.as_mut_bytes()[64..].fill(byte);
            self.random.fill(&mut value.as_mut_bytes()[72..88]);
        } else {
            let small = self.random.pick(&[0u8, 1, 2, 3, 100]);
            value.as_mut_bytes()[72] = small;
            value.as_mut_bytes()[80] = small;
            value.as_mut_bytes()[200] = 9;
        }
        value.id = self.id();
        (cmd, Arg::Bytes(value.as_bytes().to_vec()))
    }

    fn add(&mut self, cmd: u32) -> (u32, Arg) {
        let mut info = ElemInfo::new_zeroed();
        info.id = self.id();
        let random = &mut self.random;
        info.elem_type = random.pick(&[
            elem_type::BOOLEAN,
            elem_type::INTEGER,
            elem_type::INTEGER,
            elem_type::ENUMERATED,
            elem_type::BYTES,
            elem_type::IEC958,
            elem_type::INTEGER64,
        ]);
        info.count = random.pick(&[1, 1, 2, 4, 64]);
        info.owner = random.pick(&[0, 1, 1, 2, 3]);
        info.access = random.pick(&[0, 3, 3, 3, 1, 2, access::TLV_READWRITE | 3, 0x103, u32::MAX]);
        let (min, max, step) = random.pick(&[
            (0i64, 100i64, 1i64),
            (0, 10, 0),
            (-10, 10, 5),
            (5, -5, 0),
            (0, 100, 7),
        ]);
        for (at, number) in [(80, min), (88, max), (96, step)] {
            info.as_mut_bytes()[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        match random.below(20) {
            0 => info.elem_type = random.pick(&[0, 7, -1]),
            1 => info.count = random.pick(&[0, 128, 129, 512, 513, u32::MAX]),
            2 => info.owner = random.pick(&[-1, 1028, 1029]),
            _ => {}
        }
        if info.elem_type != elem_type::ENUMERATED {
            return (cmd, Arg::Bytes(info.as_bytes().to_vec()));
        }
        let names: &[u8] = random.pick(&[
            b"one\0two\0three\0" as &[u8],
            b"a\0b\0",
            b"\0\0",
            b"unterminated",
            b"",
        ]);
        let items = random.pick(&[1u32, 2, 3, 4, 0]);
        let length = random.pick(&[names.len() as u32, names.len() as u32, 1, 70000]);
        let length = if length > 65536 {
            length
        } else {
            length.min(names.len() as u32)
        };
        info.as_mut_bytes()[80..208].fill(0);
        info.as_mut_bytes()[80..84].copy_from_slice(&items.to_le_bytes());
        info.as_mut_bytes()[160..164].copy_from_slice(&length.to_le_bytes());
        let info = info.as_bytes().to_vec();
        (
            cmd,
            Arg::Names {
                info,
                names: names.to_vec(),
            },
        )
    }

    fn tlv(&mut self) -> (u32, Arg) {
        let random = &mut self.random;
        let cmd = random.pick(&[
            table::TLV_READ,
            table::TLV_READ,
            table::TLV_WRITE,
            table::TLV_WRITE,
            table::TLV_COMMAND,
        ]);
        let numid = if self.numids.is_empty() || random.once_in(6) {
            random.pick(&[0, NUMID + 500, u32::MAX])
        } else {
            random.pick(&self.numids)
        };
        let length = random.pick(&[0u32, 4, 7, 8, 12, 16, 64, 200]);
        let mut bytes = [numid.to_le_bytes(), length.to_le_bytes()].concat();
        for word in 0..length.div_ceil(4) {
            bytes.extend((word % 3 * 8).to_le_bytes());
        }
        (cmd, Arg::Bytes(bytes))
    }
}

/// Calls that need no element.
fn single_calls() -> Vec<Call> {
    let on = |cmd: u32, bytes: Vec<u8>| Call::Ioctl {
        slot: 0,
        cmd,
        arg: Arg::Bytes(bytes),
    };
    let int = |cmd: u32, value: i32| on(cmd, value.to_le_bytes().to_vec());
    let mut all = vec![
        int(table::PVERSION, 7),
        on(table::CARD_INFO, vec![0xff; 376]),
        Call::Write { slot: 0, size: 4 },
    ];
    for device in [-5, -1, 0, 1, 2, 3, 31, i32::MAX] {
        for cmd in [
            table::PCM_NEXT_DEVICE,
            table::HWDEP_NEXT_DEVICE,
            table::RAWMIDI_NEXT_DEVICE,
            table::UMP_NEXT_DEVICE,
        ] {
            all.push(int(cmd, device));
        }
        all.push(int(table::PCM_PREFER_SUBDEVICE, device));
        for (stream, subdevice) in [(0, 0), (1, 0), (0, 1), (1, 7), (2, 0), (-1, 0)] {
            let mut info = Info::new_zeroed();
            info.as_mut_bytes().fill(0xab);
            (info.device, info.stream, info.subdevice) = (device as u32, stream, subdevice);
            all.push(on(table::PCM_INFO, info.as_bytes().to_vec()));
        }
    }
    for row in table::TABLE {
        for address in [0, 4096] {
            all.push(Call::Ioctl {
                slot: 0,
                cmd: row.cmd,
                arg: Arg::Value(address),
            });
        }
        let blank = ![table::ELEM_LIST, table::ELEM_ADD, table::ELEM_REPLACE].contains(&row.cmd);
        if blank {
            all.push(on(row.cmd, vec![0; uapi::ioctl::size(row.cmd)]));
        }
    }
    for cmd in [
        0x5542,
        0x557f,
        0x8004_557f,
        0x8004_4101,
        0xc000_5510,
        0x4004_5500,
    ] {
        all.push(on(cmd, vec![0; 8]));
    }
    all
}
