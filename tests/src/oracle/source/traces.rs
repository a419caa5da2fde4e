//! What real programs called, in their order, from records of `strace`. An address in a record stands for arguments that
//! such a program would give: the ordinary configuration, a period of sound.

use std::collections::HashMap;

use uapi::control::table as ctl;
use uapi::ioctl::Row;
use uapi::pcm::table;

use super::calls::{NEVER, Subject, sync_ptr};
use crate::oracle::call::{Arg, Call, Node, Script};
use crate::oracle::side::{Nodes, SLOTS};
use zerocopy::IntoBytes;

macro_rules! records {
    ($($name:literal),* $(,)?) => {
        /// The records, with their names.
        pub static RECORDS: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../../client-traces/", $name, ".txt")))),*];
    };
}

records![
    "aplay-rw",
    "aplay-nonblock",
    "aplay-mmap",
    "aplay-plughw-44k1-mono",
    "aplay-dmix",
    "arecord-rw",
    "sox-play",
    "sox-rec",
    "tinyplay",
    "tinyplay-mmap",
    "tinycap",
    "amixer-contents",
    "amixer-cset",
    "alsactl-restore",
    "alsactl-store",
    "newlib-pcm-direct_write",
];

/// The records that fit one node, one after the other.
#[derive(Debug)]
pub struct Traces {
    subject: Subject,
    next: usize,
}

impl Traces {
    /// All records for a subject.
    #[must_use]
    pub fn new(subject: Subject) -> Traces {
        Traces { subject, next: 0 }
    }

    /// The next record that is about such a node.
    pub fn script(&mut self) -> Option<Script> {
        loop {
            let (_, text) = RECORDS.get(self.next)?;
            self.next += 1;
            let letter = if self.subject.plays() { 'p' } else { 'c' };
            let other = if self.subject.plays() { 'c' } else { 'p' };
            let of_pcm = |letter| text.contains(&format!("pcmC0D0{letter}>"));
            if of_pcm(letter) || !of_pcm(other) {
                return Some(script(&self.subject, text));
            }
        }
    }
}

/// A record as a script.
fn script(subject: &Subject, text: &str) -> Script {
    let mut slots: HashMap<i32, u8> = HashMap::new();
    let mut script = Script::new();
    for line in text.lines() {
        let Some((name, rest)) = line.split_once('(') else {
            continue;
        };
        if name == "openat" {
            open(subject, rest, &mut slots, &mut script);
            continue;
        }
        let fd = number_at(
            rest.trim_start_matches("NULL, ")
                .trim_start_matches("[{fd="),
        );
        let fd = if name == "mmap" {
            rest.split(", ").nth(4).and_then(number_at)
        } else {
            fd
        };
        let Some(&slot) = fd.and_then(|fd| slots.get(&fd)) else {
            continue;
        };
        script.extend(call(subject, name, rest, slot));
        if name == "close" {
            slots.retain(|_, taken| *taken != slot);
        }
    }
    script
}

fn number_at(text: &str) -> Option<i32> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

fn flags_of(text: &str) -> i32 {
    let mut flags = if text.contains("O_RDWR") {
        libc::O_RDWR
    } else if text.contains("O_WRONLY") {
        libc::O_WRONLY
    } else {
        libc::O_RDONLY
    };
    for (word, flag) in [
        ("O_NONBLOCK", libc::O_NONBLOCK),
        ("O_APPEND", libc::O_APPEND),
    ] {
        if text.contains(word) {
            flags |= flag;
        }
    }
    flags
}

fn open(subject: &Subject, rest: &str, slots: &mut HashMap<i32, u8>, script: &mut Script) {
    let node = if rest.contains("/dev/snd/controlC0\"") {
        Node::Control
    } else if rest.contains("/dev/snd/pcmC0D0") {
        subject.node
    } else {
        return;
    };
    let free = (0..SLOTS as u8 - 1).find(|slot| !slots.values().any(|taken| taken == slot));
    let Some(slot) = free else { return };
    let flags = flags_of(rest);
    script.push(Call::Open { slot, node, flags });
    if let Some(fd) = rest.rsplit_once(" = ").and_then(|(_, fd)| number_at(fd)) {
        slots.insert(fd, slot);
    }
}

fn call(subject: &Subject, name: &str, rest: &str, slot: u8) -> Option<Call> {
    match name {
        "close" => Some(Call::Close { slot }),
        "poll" => Some(Call::Poll {
            slot,
            events: 0x4 | 0x1,
        }),
        "fcntl" if rest.contains("F_SETFL") => Some(Call::SetFlags {
            slot,
            flags: flags_of(rest),
        }),
        "mmap" if subject.nodes == Nodes::Mount => {
            let length = rest.split(", ").nth(1)?.parse().ok()?;
            let offset = rest.split(", ").nth(5)?.split(')').next()?;
            let offset = u64::from_str_radix(offset.trim_start_matches("0x"), 16).ok()?;
            // The pages; rings differ in size.
            (offset != 0).then_some(Call::Map {
                map: u8::from(offset == 0x8100_0000),
                slot,
                offset,
                length,
                prot: libc::PROT_READ,
            })
        }
        "ioctl" => ioctl(subject, rest, slot),
        _ => None,
    }
}

fn ioctl(subject: &Subject, rest: &str, slot: u8) -> Option<Call> {
    let word = rest
        .split(", ")
        .nth(1)?
        .trim_end_matches(|c| c != '_' && !char::is_alphanumeric(c));
    let row = |table: &'static [Row], prefix| {
        let name = word.strip_prefix(prefix)?;
        table.iter().find(|row| row.name == name)
    };
    let row =
        row(table::TABLE, "SNDRV_PCM_IOCTL_").or_else(|| row(ctl::TABLE, "SNDRV_CTL_IOCTL_"))?;
    let setup = &subject.setup;
    let call = match row.cmd {
        table::HW_REFINE | table::HW_PARAMS => Arg::Bytes(setup.params().as_bytes().to_vec()),
        table::SW_PARAMS => {
            let mut p = setup.software();
            p.start_threshold = if subject.plays() {
                u64::from(setup.buffer / 2)
            } else {
                1
            };
            debug_assert!(p.start_threshold < NEVER);
            Arg::Bytes(p.as_bytes().to_vec())
        }
        table::WRITEI_FRAMES | table::READI_FRAMES | table::WRITEN_FRAMES | table::READN_FRAMES => {
            return match subject.transfer(setup, u64::from(setup.period / 4)) {
                Call::Ioctl { cmd, arg, .. } => Some(Call::Ioctl { slot, cmd, arg }),
                other => Some(other),
            };
        }
        table::SYNC_PTR => match sync_ptr(6, 0, 0) {
            Call::Ioctl { arg, .. } => arg,
            _ => return None,
        },
        ctl::ELEM_LIST => Arg::List {
            offset: 0,
            space: 4,
        },
        // A value; on a mount it never arrives.
        table::PAUSE | table::LINK => return None,
        _ if row.shape.reads() || row.shape.writes() => Arg::Bytes(vec![0; row.size()]),
        _ => Arg::Value(0),
    };
    Some(Call::Ioctl {
        slot,
        cmd: row.cmd,
        arg: call,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::oracle::source::calls::Setup;

    #[test]
    fn a_record_of_aplay_is_understood() {
        let setup = Setup {
            access: 3,
            format: 2,
            channels: 1,
            rate: 8000,
            period: 1000,
            buffer: 8000,
            frame: 2,
        };
        let subject = Subject {
            node: Node::Playback(0),
            nodes: Nodes::Mount,
            setup,
            pins: false,
        };
        let script = script(&subject, RECORDS[0].1);
        let names: Vec<String> = script.iter().map(Call::name).collect();
        assert_eq!(names[..4], ["open", "CTL_CARD_INFO", "close", "open"]);
        for wanted in [
            "HW_REFINE",
            "HW_PARAMS",
            "WRITEI_FRAMES",
            "DRAIN",
            "fcntl",
            "mmap",
        ] {
            assert!(
                names.iter().any(|name| name == wanted),
                "{wanted} in {names:?}"
            );
        }
    }
}
