//! Scripts and what the kernel answered, as bytes in a file.
//!
//! A file is a sequence of scripts; a script the number of its calls, then each call and its outcome. Numbers are little
//! endian, bytes follow their number.

use super::call::{Arg, Buffer, Call, Node, Script};
use super::side::Outcome;

/// A script and its outcomes.
pub type Kept = (Script, Vec<Outcome>);

/// Appends a script to a file's bytes.
pub fn write(file: &mut Vec<u8>, script: &Script, outcomes: &[Outcome]) {
    number(file, script.len() as i64);
    for (call, outcome) in script.iter().zip(outcomes) {
        write_call(file, call);
        for value in [
            outcome.ret,
            i64::from(outcome.errno),
            outcome.before as i64,
            outcome.after as i64,
        ] {
            number(file, value);
        }
        for state in [outcome.state, outcome.state_after] {
            number(file, i64::from(state.unwrap_or(-1)));
        }
        bytes(file, &outcome.bytes);
        bytes(file, &outcome.data);
    }
}

/// The scripts in a file's bytes.
///
/// # Panics
/// They are not such a file.
#[must_use]
pub fn read(file: &[u8]) -> Vec<Kept> {
    let mut from = Reader(file);
    let mut all = Vec::new();
    while !from.0.is_empty() {
        let (mut script, mut outcomes) = (Script::new(), Vec::new());
        for _ in 0..from.number() {
            script.push(from.call());
            outcomes.push(from.outcome());
        }
        all.push((script, outcomes));
    }
    all
}

fn number(file: &mut Vec<u8>, value: i64) {
    file.extend(value.to_le_bytes());
}

fn bytes(file: &mut Vec<u8>, what: &[u8]) {
    number(file, what.len() as i64);
    file.extend(what);
}

fn write_call(file: &mut Vec<u8>, call: &Call) {
    let mut put = |values: &[i64]| values.iter().for_each(|&value| number(file, value));
    match call {
        Call::Open { slot, node, flags } => {
            let (kind, device) = match node {
                Node::Control => (0, 0),
                Node::Playback(device) => (1, *device),
                Node::Capture(device) => (2, *device),
            };
            put(&[
                0,
                i64::from(*slot),
                kind,
                i64::from(device),
                i64::from(*flags),
            ]);
        }
        Call::Close { slot } => put(&[1, i64::from(*slot)]),
        Call::Ioctl { slot, cmd, arg } => {
            put(&[2, i64::from(*slot), i64::from(*cmd)]);
            write_arg(file, arg);
        }
        Call::Read { slot, size } => put(&[3, i64::from(*slot), i64::from(*size)]),
        Call::Write { slot, size } => put(&[4, i64::from(*slot), i64::from(*size)]),
        Call::Poll { slot, events } => put(&[5, i64::from(*slot), i64::from(*events)]),
        Call::SetFlags { slot, flags } => put(&[6, i64::from(*slot), i64::from(*flags)]),
        Call::Sleep { micros } => put(&[7, i64::from(*micros)]),
        Call::Map { .. } | Call::Unmap { .. } | Call::Peek { .. } | Call::Poke { .. } => {
            panic!("mappings are not kept")
        }
    }
}

fn write_arg(file: &mut Vec<u8>, arg: &Arg) {
    match arg {
        Arg::Value(value) => [0, *value].iter().for_each(|&value| number(file, value)),
        Arg::Bytes(what) => {
            number(file, 1);
            bytes(file, what);
        }
        Arg::Xfer { frames, buffer } => {
            let buffer = match buffer {
                Buffer::Good => 0,
                Buffer::Null => 1,
                Buffer::Bad => 2,
            };
            [2, *frames as i64, buffer]
                .iter()
                .for_each(|&value| number(file, value));
        }
        Arg::XferN { frames, holes } => {
            [3, *frames as i64, *holes as i64]
                .iter()
                .for_each(|&value| number(file, value));
        }
        Arg::List { offset, space } => {
            [4, i64::from(*offset), i64::from(*space)]
                .iter()
                .for_each(|&value| number(file, value));
        }
        Arg::Names { info, names } => {
            number(file, 5);
            bytes(file, info);
            bytes(file, names);
        }
        Arg::Descriptor(slot) => [6, i64::from(*slot)]
            .iter()
            .for_each(|&value| number(file, value)),
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> i64 {
        let (word, rest) = self.0.split_first_chunk::<8>().expect("a whole number");
        self.0 = rest;
        i64::from_le_bytes(*word)
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = self.number() as usize;
        let (what, rest) = self.0.split_at(length);
        self.0 = rest;
        what.to_vec()
    }

    fn small(&mut self) -> u8 {
        self.number() as u8
    }

    fn call(&mut self) -> Call {
        let kind = self.number();
        let slot = if kind == 7 { 0 } else { self.small() };
        match kind {
            0 => {
                let (kind, device) = (self.number(), self.number() as u32);
                let node =
                    [Node::Control, Node::Playback(device), Node::Capture(device)][kind as usize];
                let flags = self.number() as i32;
                Call::Open { slot, node, flags }
            }
            1 => Call::Close { slot },
            2 => {
                let cmd = self.number() as u32;
                let arg = self.arg();
                Call::Ioctl { slot, cmd, arg }
            }
            3 => Call::Read {
                slot,
                size: self.number() as u32,
            },
            4 => Call::Write {
                slot,
                size: self.number() as u32,
            },
            5 => Call::Poll {
                slot,
                events: self.number() as i16,
            },
            6 => Call::SetFlags {
                slot,
                flags: self.number() as i32,
            },
            7 => Call::Sleep {
                micros: self.number() as u32,
            },
            other => panic!("no call {other}"),
        }
    }

    fn arg(&mut self) -> Arg {
        match self.number() {
            0 => Arg::Value(self.number()),
            1 => Arg::Bytes(self.bytes()),
            2 => {
                let frames = self.number() as u64;
                let buffer = [Buffer::Good, Buffer::Null, Buffer::Bad][self.number() as usize];
                Arg::Xfer { frames, buffer }
            }
            3 => Arg::XferN {
                frames: self.number() as u64,
                holes: self.number() as u64,
            },
            4 => Arg::List {
                offset: self.number() as u32,
                space: self.number() as u32,
            },
            5 => Arg::Names {
                info: self.bytes(),
                names: self.bytes(),
            },
            6 => Arg::Descriptor(self.small()),
            other => panic!("no argument {other}"),
        }
    }

    fn outcome(&mut self) -> Outcome {
        let (ret, errno) = (self.number(), self.number() as i32);
        let (before, after) = (self.number() as u64, self.number() as u64);
        let mut state = || Some(self.number() as i32).filter(|&state| state >= 0);
        let (state, state_after) = (state(), state());
        Outcome {
            ret,
            errno,
            bytes: self.bytes(),
            data: self.bytes(),
            before,
            after,
            state,
            state_after,
        }
    }
}
