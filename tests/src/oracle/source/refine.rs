//! HW_REFINE and HW_PARAMS with random masks, intervals, flags and rmask: from the full space to nearly empty.

use uapi::pcm::table::{HW_PARAMS, HW_REFINE};
use zerocopy::IntoBytes;

use crate::client::any;
use crate::oracle::call::{Arg, Call, Node, Script};
use crate::random::Random;

/// Calls of one script.
const CALLS: usize = 40;

/// Values at which devices and formulas have their corners, for all parameters together.
const CORNERS: [u32; 60] = [
    0, 1, 2, 3, 4, 5, 7, 8, 10, 16, 20, 24, 26, 32, 33, 52, 63, 64, 65, 100, 128, 255, 256, 333,
    480, 512, 832, 1000, 1023, 1024, 1025, 1920, 4000, 4096, 4800, 5500, 8000, 8192, 10000, 11025,
    16000, 16380, 21333, 22050, 32000, 44100, 48000, 48001, 65472, 65535, 65536, 65537, 96000,
    131_072, 192_000, 262_144, 500_000, 768_000, 1_000_000, 1_703_936,
];

/// Scripts for one node, one after the other.
#[derive(Debug)]
pub struct Refine {
    random: Random,
    node: Node,
    /// What a program would have got so far: the base that the next call narrows.
    known: Vec<Vec<u8>>,
}

impl Refine {
    /// The sequence named `seed`.
    #[must_use]
    pub fn new(seed: u64, node: Node) -> Refine {
        Refine {
            random: Random::new(seed),
            node,
            known: Vec::new(),
        }
    }

    /// The next script.
    pub fn script(&mut self) -> Script {
        let mut script = vec![Call::Open {
            slot: 0,
            node: self.node,
            flags: libc::O_RDWR | libc::O_NONBLOCK,
        }];
        for _ in 0..CALLS {
            let cmd = if self.random.once_in(3) {
                HW_PARAMS
            } else {
                HW_REFINE
            };
            let bytes = self.params();
            script.push(Call::Ioctl {
                slot: 0,
                cmd,
                arg: Arg::Bytes(bytes),
            });
        }
        script
    }

    /// An answer of the kernel, to be narrowed further.
    pub fn learn(&mut self, bytes: &[u8]) {
        if bytes.len() == 608 {
            let place = self.random.below(16) as usize;
            if self.known.len() < 16 {
                self.known.push(bytes.to_vec());
            } else {
                self.known[place] = bytes.to_vec();
            }
        }
    }

    fn params(&mut self) -> Vec<u8> {
        let random = &mut self.random;
        let mut bytes = any().as_bytes().to_vec();
        let mut narrow = random.below(7);
        if !self.known.is_empty() && random.once_in(3) {
            let known = random.below(u32::try_from(self.known.len()).unwrap_or(1)) as usize;
            bytes.clone_from(&self.known[known]);
            put(
                &mut bytes,
                512,
                if random.once_in(4) { u32::MAX } else { 0 },
            );
            narrow = 1 + random.below(2);
        }
        for _ in 0..narrow {
            let param = random.below(12);
            let at = 260 + param as usize * 12;
            narrow_interval(random, &mut bytes, at);
            let rmask = word(&bytes, 512) | 1 << (param + 8);
            put(&mut bytes, 512, rmask);
        }
        for mask in 0..3 {
            if random.once_in(3) {
                narrow_mask(random, &mut bytes, 4 + mask * 32);
                let rmask = word(&bytes, 512) | 1 << mask;
                put(&mut bytes, 512, rmask);
            }
        }
        oddities(random, &mut bytes);
        bytes
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn value(random: &mut Random) -> u32 {
    match random.below(8) {
        0 => random.word() >> random.below(32),
        1 => random.pick(&[u32::MAX, u32::MAX - 1, 1 << 31, (1 << 31) - 1]),
        2 => random
            .pick(&CORNERS)
            .wrapping_add(random.below(3))
            .wrapping_sub(1),
        _ => random.pick(&CORNERS),
    }
}

fn narrow_interval(random: &mut Random, bytes: &mut [u8], at: usize) {
    let (old_min, old_max) = (word(bytes, at), word(bytes, at + 4));
    let (a, b) = (value(random), value(random));
    let (min, max) = match random.below(8) {
        0..3 => (a, a),
        3 => (a.min(b), a.max(b)),
        4 => (old_min, a),
        5 => (a, old_max),
        // Near to what is left.
        6 => {
            let span = old_max.saturating_sub(old_min).max(1);
            let from = old_min.saturating_add(random.below(span));
            (from, if random.once_in(2) { from } else { old_max })
        }
        _ => (a, a.saturating_add(1)),
    };
    let mut flags = match random.below(6) {
        0 => random.below(8),
        1 => 4,
        _ => 0,
    };
    if random.once_in(60) {
        flags |= random.pick(&[8, 0x10, 0x8000_0000]);
    }
    put(bytes, at, min);
    put(bytes, at + 4, max);
    put(bytes, at + 8, flags);
}

fn narrow_mask(random: &mut Random, bytes: &mut [u8], at: usize) {
    let bit = |random: &mut Random| {
        let usual = [0, 1, 2, 3, 4, 5, 6, 10, 14, 32, 33, 48, 52];
        1u64 << if random.once_in(3) {
            random.below(64)
        } else {
            random.pick(&usual)
        }
    };
    let set = match random.below(5) {
        0 | 1 => bit(random),
        2 => bit(random) | bit(random) | bit(random),
        3 => random.bits(),
        _ => u64::MAX,
    };
    let set = if random.once_in(50) { 0 } else { set };
    bytes[at..at + 8].copy_from_slice(&set.to_le_bytes());
    let rest = random.pick(&[0u8, 0, 255]);
    bytes[at + 8..at + 32].fill(rest);
}

/// What clients seldom do: other flags, a partial rmask, left-over results.
fn oddities(random: &mut Random, bytes: &mut [u8]) {
    match random.below(6) {
        0 => {
            let partial = random.word() & random.word();
            put(bytes, 512, partial);
        }
        1 => {
            let one = 1 << random.below(20);
            put(bytes, 512, one);
        }
        2 => put(bytes, 512, u32::MAX),
        _ => {}
    }
    if random.once_in(5) {
        let flags = random.below(16);
        put(bytes, 0, flags);
    }
    if random.once_in(5) {
        let cmask = random.word() & random.word();
        put(bytes, 516, cmask);
    }
    if random.once_in(6) {
        for at in [520, 524, 528, 532, 536] {
            let number = value(random);
            put(bytes, at, number);
        }
        let msbits = random.pick(&[0, 8, 16, 24, 32]);
        put(bytes, 524, msbits);
    }
    if random.once_in(20) {
        random.fill(&mut bytes[100..260]);
        random.fill(&mut bytes[404..512]);
        random.fill(&mut bytes[544..608]);
    }
}
