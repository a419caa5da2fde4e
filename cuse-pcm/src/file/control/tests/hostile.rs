//! Whatever a client sends, nothing panics and memory stays bounded.

use super::*;

/// xorshift; the same sequence in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Often small, sometimes extreme.
    fn word(&mut self) -> u32 {
        match self.next() % 4 {
            0 => (self.next() % 16) as u32,
            1 => u32::MAX - (self.next() % 4) as u32,
            2 => 1 << (self.next() % 32),
            _ => (self.next() % 2000) as u32,
        }
    }
}

/// Words of noise at `ARG`; often with a name that exists and an address that is good.
fn scribble(random: &mut Random, memory: &Memory) {
    let words: Vec<u8> = (0..400).flat_map(|_| random.word().to_ne_bytes()).collect();
    memory.write(ARG, &words).unwrap();
    if random.next() % 2 == 0 {
        let name = ["Master Playback Volume", "User", "Choice"][(random.next() % 3) as usize];
        let id = ElemId {
            index: (random.next() % 3) as u32,
            ..named(name)
        };
        memory.write(ARG, id.as_bytes()).unwrap();
    }
    if random.next() % 2 == 0 {
        // A plausible type, count, access and owner.
        let plausible = [
            (random.next() % 8) as u32,
            random.word(),
            (random.next() % 130) as u32,
        ];
        memory.write(ARG + 64, plausible.as_bytes()).unwrap();
        memory
            .write(ARG + 76, &((random.next() % 40) as u32).to_ne_bytes())
            .unwrap();
    }
    if random.next() % 2 == 0 {
        memory.write(ARG + 16, &OTHER.to_ne_bytes()).unwrap();
        memory.write(ARG + 152, &OTHER.to_ne_bytes()).unwrap();
    }
}

#[test]
fn random_control_ioctls_never_panic() {
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut desk = Desk::new();
    let numbers: Vec<u32> = cmd::TABLE
        .iter()
        .chain(uapi::compat::control::TABLE)
        .map(|row| row.cmd)
        .collect();
    desk.memories[0].write(OTHER, b"one\0two\0three\0").unwrap();
    desk.subscribe(1);
    let mut succeeded = 0u32;
    for _ in 0..12_000 {
        let file = (random.next() % 2) as usize;
        desk.abi = if random.next() % 3 == 0 {
            Abi::Compat
        } else {
            Abi::Native
        };
        scribble(&mut random, &desk.memories[file]);
        let number = numbers[(random.next() % numbers.len() as u64) as usize];
        let arg = if random.next() % 64 == 0 {
            random.next()
        } else {
            ARG
        };
        succeeded += u32::from(desk.raw(file, number, arg).is_ok());
        if random.next() % 100 == 0 {
            desk.files[file]
                .read((random.next() % 500) as usize, &mut vec![])
                .ok();
        }
    }
    assert!(
        succeeded > 1500,
        "{succeeded} succeeded: the noise reaches the handlers"
    );
}
