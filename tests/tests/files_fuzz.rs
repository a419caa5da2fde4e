//! Whatever clients send, the files of a card neither panic nor lose a reply nor answer twice.
//!
//! A seeded sequence of opens, ioctls of known and unknown numbers with contents from sensible to wild, reads, writes,
//! polls, signals, closes and steps of time. Numbers are computed with overflow checks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::BTreeSet;

use cuse_pcm::request::{Abi, Caller, FileHandle, Node, Operation, PollHandle, RequestId};
use cuse_pcm_tests::fake_kernel::{Answered, BASE, FakeKernel};
use cuse_pcm_tests::oracle_device::{Grain, OracleDevice};
use cuse_pcm_tests::oracle_hardware::hardware;
use cuse_pcm_tests::random::Random;
use cuse_pcm_tests::virtual_client::{O_APPEND, O_NONBLOCK, Setup, card, hw_params, sw_params};
use hw_backends::hardware::{Hardware, info};
use hw_backends::ops::PcmOps;
use hw_backends::units::{Direction, Nanos};
use uapi::ioctl;
use uapi::pcm::{SyncPtr, XferI, table};
use uapi::{compat, control};
use zerocopy::{FromZeros, IntoBytes};

const MEMORY: usize = 0x10000;
const STEPS: u32 = 200_000;

/// Numbers at the edges of what a client can say.
const EDGES: [u64; 12] = [
    0,
    1,
    15999,
    16000,
    16001,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7d00_0000_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

struct Fuzz {
    kernel: FakeKernel,
    random: Random,
    files: Vec<FileHandle>,
    /// Requests without an answer yet; opens apart, since their answer is a file.
    waiting: BTreeSet<RequestId>,
    opening: BTreeSet<RequestId>,
    answered: u64,
    served: u64,
}

fn devices(node: &str, extra: u32) -> Vec<Box<dyn PcmOps>> {
    (0..2)
        .map(|n| {
            let base = hardware(node);
            let hardware = Hardware {
                info: base.info | if n == 1 { extra } else { 0 },
                ..base
            };
            let grain = if n == 0 {
                Grain::Micros
            } else {
                Grain::Jiffies
            };
            Box::new(OracleDevice::new(hardware, grain)) as Box<dyn PcmOps>
        })
        .collect()
}

impl Fuzz {
    fn new(seed: u64) -> Fuzz {
        let extra = info::NO_REWINDS | info::SYNC_APPLPTR | info::NO_PERIOD_WAKEUP;
        let card = card(
            devices("pcmC7D0p", extra),
            devices("pcmC7D0c", info::NO_PERIOD_WAKEUP),
        );
        Fuzz {
            kernel: FakeKernel::new(card, MEMORY),
            random: Random::new(seed),
            files: Vec::new(),
            waiting: BTreeSet::new(),
            opening: BTreeSet::new(),
            answered: 0,
            served: 0,
        }
    }

    fn number(&mut self) -> u64 {
        match self.random.below(4) {
            0 => self.random.pick(&EDGES),
            1 => self
                .random
                .pick(&EDGES)
                .wrapping_add(self.random.bits() % 5)
                .wrapping_sub(2),
            2 => self.random.bits() % 20000,
            _ => self.random.bits(),
        }
    }

    /// An address that is mostly in the client.
    fn address(&mut self) -> u64 {
        match self.random.below(8) {
            0 => self.number(),
            1 => BASE + MEMORY as u64 - self.random.bits() % 700,
            _ => BASE + self.random.bits() % (MEMORY as u64 - 0x1000),
        }
    }

    fn file(&mut self) -> FileHandle {
        if self.files.is_empty() || self.random.once_in(200) {
            return FileHandle(self.number());
        }
        self.random.pick(&self.files)
    }

    fn flags(&mut self) -> u32 {
        let choices = [0, O_NONBLOCK, O_NONBLOCK, O_APPEND, O_APPEND | O_NONBLOCK];
        self.random.pick(&choices) | self.random.below(3)
    }

    fn open(&mut self) {
        let direction = if self.random.once_in(2) {
            Direction::Playback
        } else {
            Direction::Capture
        };
        let node = match self.random.below(12) {
            0 if self.files.len() < 12 => Node::Control,
            3 => Node::Pcm {
                device: self.random.word(),
                direction,
            },
            _ => Node::Pcm {
                device: 0,
                direction,
            },
        };
        let flags = self.flags();
        let id = self.kernel.start_open(node, flags);
        self.opening.insert(id);
    }

    fn command(&mut self) -> u32 {
        match self.random.below(20) {
            0 => self.random.word(),
            1 => self.random.pick(table::TABLE).cmd ^ (1 << self.random.below(32)),
            2 => self.random.pick(compat::pcm::TABLE).cmd,
            3 if self.random.once_in(4) => self.random.pick(compat::control::TABLE).cmd,
            3 => self.random.pick(control::table::TABLE).cmd,
            4..10 => self.random.pick(&[
                table::WRITEI_FRAMES,
                table::READI_FRAMES,
                table::WRITEN_FRAMES,
                table::SYNC_PTR,
                table::PREPARE,
                table::START,
                table::HW_PARAMS,
            ]),
            _ => self.random.pick(table::TABLE).cmd,
        }
    }

    fn setup(&mut self) -> Setup {
        let period = self.random.pick(&[32, 100, 1000, 4000]);
        Setup {
            access: self.random.pick(&[0, 3, 4]),
            channels: self.random.pick(&[1, 2, 2, 32]),
            period,
            buffer: period * self.random.pick(&[1, 2, 16]),
            start_threshold: self.random.pick(&[0, 1, 1000, u64::MAX]),
        }
    }

    /// What lies at the argument: sensible, sensible but for a few bytes, or anything.
    fn content(&mut self, cmd: u32) -> Vec<u8> {
        let setup = self.setup();
        let mut bytes = match cmd {
            table::HW_PARAMS | table::HW_REFINE => hw_params(&setup).as_bytes().to_vec(),
            table::SW_PARAMS => {
                let mut params = sw_params(&setup);
                if self.random.once_in(2) {
                    params.avail_min = self.number();
                    params.stop_threshold = self.number();
                    params.silence_threshold = self.number();
                    params.silence_size = self.number();
                }
                params.as_bytes().to_vec()
            }
            table::SYNC_PTR => {
                let mut pointers = SyncPtr::new_zeroed();
                pointers.flags = self.random.below(8);
                (pointers.control.appl_ptr, pointers.control.avail_min) =
                    (self.number(), self.number());
                pointers.as_bytes().to_vec()
            }
            table::WRITEI_FRAMES
            | table::READI_FRAMES
            | table::WRITEN_FRAMES
            | table::READN_FRAMES => {
                let frames = if self.random.once_in(4) {
                    self.number()
                } else {
                    self.random.bits() % 3000
                };
                let buf = if self.random.once_in(8) {
                    0
                } else {
                    self.address()
                };
                XferI {
                    result: 0,
                    buf,
                    frames,
                }
                .as_bytes()
                .to_vec()
            }
            _ => {
                let mut bytes = vec![0; ioctl::size(cmd).min(4096)];
                if self.random.once_in(2) {
                    self.random.fill(&mut bytes);
                } else if let Some(word) = bytes.first_chunk_mut::<4>() {
                    *word = self.random.below(40).to_ne_bytes();
                }
                bytes
            }
        };
        if self.random.once_in(5) && !bytes.is_empty() {
            for _ in 0..=self.random.below(8) {
                let at = self.random.below(u32::try_from(bytes.len()).unwrap()) as usize;
                bytes[at] = self.random.word() as u8;
            }
        }
        bytes
    }

    fn ioctl(&mut self) {
        let (mut cmd, file) = (self.command(), self.file());
        let mut arg = self.address();
        self.kernel.abi = if self.random.once_in(5) {
            Abi::Compat
        } else {
            Abi::Native
        };
        if matches!(cmd, table::PAUSE | table::LINK) {
            arg = self.random.bits() % 8;
        } else if self.random.below(10) != 0 {
            let mut bytes = self.content(cmd);
            if self.kernel.abi == Abi::Compat && !self.random.once_in(4) {
                (cmd, bytes) = narrowed(cmd, bytes);
            }
            if let Some(room) = (BASE + MEMORY as u64).checked_sub(bytes.len() as u64) {
                arg = arg.clamp(BASE, room);
                self.kernel.put(arg, bytes.as_slice());
            }
        }
        let flags = self.random.pick(&[None, Some(2), Some(2 | O_NONBLOCK)]);
        self.kernel.memory.set_flags(flags);
        let id = self.kernel.start_ioctl(file, cmd, arg);
        self.waiting.insert(id);
    }

    fn step(&mut self) {
        let (tid, file) = (self.random.below(3), self.file());
        self.kernel.caller = Caller {
            tid,
            uid: 0,
            gid: 0,
        };
        match self.random.below(100) {
            0..4 => self.open(),
            4..6 if self.files.len() > 2 => self.close(),
            6..9 => self.play(),
            9..14 => self.pass_time(),
            14..17 => {
                let flags = self.flags();
                let data =
                    vec![0; self.random.below(5000) as usize & !self.random.pick(&[0, 1, 3])];
                let id = self.kernel.start_write(file, &data, flags);
                self.waiting.insert(id);
            }
            17..20 => {
                let flags = self.flags();
                let size = if self.random.once_in(9) {
                    usize::MAX
                } else {
                    self.random.below(500) as usize * 4
                };
                let id = self.kernel.start_read(file, size, flags);
                self.waiting.insert(id);
            }
            20..26 => {
                let wake = self.random.once_in(2).then_some(PollHandle(1));
                let events = self.random.word();
                let id = self.kernel.send(Operation::Poll { file, events, wake });
                self.waiting.insert(id);
            }
            26..32 => {
                let all = self.waiting.iter().chain(&self.opening);
                let chosen = all.copied().nth(self.random.below(4) as usize);
                self.kernel
                    .interrupt(chosen.unwrap_or(self.kernel.next_id()));
            }
            _ => self.ioctl(),
        }
        self.collect();
    }

    /// As a well-meaning client begins.
    fn play(&mut self) {
        let (file, setup) = (self.file(), self.setup());
        let mut software = sw_params(&setup);
        software.stop_threshold = self.random.pick(&[software.stop_threshold, u64::MAX]);
        let (free, buf) = (self.random.once_in(2), BASE + 0x2000);
        let frames = self.random.bits() % u64::from(2 * setup.buffer);
        let k = &mut self.kernel;
        k.abi = Abi::Native;
        let mut calls = Vec::new();
        if free {
            calls.push(k.start_ioctl(file, table::DROP, 0));
            calls.push(k.start_ioctl(file, table::HW_FREE, 0));
        }
        calls.push(k.start_struct(file, table::HW_PARAMS, &hw_params(&setup)));
        calls.push(k.start_struct(file, table::SW_PARAMS, &software));
        calls.push(k.start_ioctl(file, table::PREPARE, 0));
        calls.push(k.start_struct(
            file,
            table::WRITEI_FRAMES,
            &XferI {
                result: 0,
                buf,
                frames,
            },
        ));
        calls.push(k.start_ioctl(file, table::START, 0));
        self.waiting.extend(calls);
    }

    fn close(&mut self) {
        let at = self.random.below(u32::try_from(self.files.len()).unwrap()) as usize;
        let file = self.files.swap_remove(at);
        self.kernel.release(file);
    }

    fn pass_time(&mut self) {
        let by = match self.random.below(20) {
            0 if self.random.once_in(10) => 20_000_000_000,
            1 => 1_000_000_000,
            _ => self.random.bits() % 200_000_000,
        };
        // A client can ask for periods of a microsecond; whoever serves them is late.
        self.kernel.slack = self
            .random
            .pick(&[100_000, 2_000_000, 50_000_000])
            .max(by / 500);
        self.kernel.advance(Nanos(by));
    }

    fn collect(&mut self) {
        for id in self.waiting.clone() {
            if let Some(answer) = self.kernel.take(id) {
                self.waiting.remove(&id);
                self.answered += 1;
                self.served += u64::from(answer.result().is_ok());
            }
        }
        for id in self.opening.clone() {
            if let Some(answer) = self.kernel.take(id) {
                self.opening.remove(&id);
                self.answered += 1;
                if let Answered::Opened(file) | Answered::Shared(file, _) = answer {
                    self.files.push(file);
                    // Some number: LINK finds the files by it, open or not any more.
                    let descriptor = self.random.pick(&[0, 1, 2, 3, 4, 5, 6, 7]);
                    self.kernel.memory.set_descriptor(descriptor, file);
                }
            }
        }
        let unanswered = self.waiting.len() + self.opening.len();
        assert_eq!(
            self.kernel.files.parked_requests(),
            unanswered,
            "a reply was lost"
        );
        assert_eq!(self.kernel.files.open_files(), self.files.len());
    }

    /// Closes everything: no request is left.
    fn end(mut self) -> (u64, u64) {
        while !self.files.is_empty() {
            self.close();
            self.collect();
        }
        let now = self.kernel.now();
        self.kernel.files.disconnect(&now);
        self.collect();
        assert!(
            self.waiting.is_empty() && self.opening.is_empty(),
            "a reply was lost"
        );
        assert_eq!(self.kernel.answered_twice(), Vec::<u64>::new());
        assert_eq!(
            self.kernel.answers(),
            0,
            "something was answered that nobody asked"
        );
        assert_eq!(self.kernel.files.next_deadline(), None);
        (self.answered, self.served)
    }
}

/// A 32-bit client's number for the same, and about the same content.
fn narrowed(cmd: u32, mut bytes: Vec<u8>) -> (u32, Vec<u8>) {
    let same = |row: &&ioctl::Row| row.nr() == ioctl::nr(cmd) && ioctl::kind(cmd) == table::KIND;
    let Some(row) = compat::pcm::TABLE.iter().rfind(same) else {
        return (cmd, bytes);
    };
    if matches!(row.size(), 4 | 12) {
        let halves = bytes.chunks_exact(8).flat_map(|word| &word[..4]);
        bytes = halves.copied().collect();
    }
    bytes.resize(row.size(), 0);
    (row.cmd, bytes)
}

#[test]
fn no_sequence_of_requests_panics_or_loses_a_reply() {
    let (mut answered, mut served) = (0, 0);
    for seed in 0..20 {
        let mut fuzz = Fuzz::new(seed);
        for _ in 0..STEPS / 20 {
            fuzz.step();
        }
        let (all, good) = fuzz.end();
        answered += all;
        served += good;
    }
    assert!(answered > u64::from(STEPS) / 2, "{answered} answers");
    assert!(
        served > answered / 10,
        "only {served} of {answered} calls were served"
    );
}
