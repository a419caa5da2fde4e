//! Plays calls on the nodes of one directory and notes what came back.
#![allow(
    unsafe_code,
    reason = "system calls are made as any client makes them, right and wrong"
)]

use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use uapi::control::table as ctl;
use uapi::pcm::table;

use super::alarm::{install_alarm, set_alarm};
use super::call::{Arg, Buffer, Call, Node};
use super::mapped::Mapped;

/// Slots for files, and as many for mappings.
pub const SLOTS: usize = 8;
/// What a buffer holds before it is read into.
pub const MARK: u8 = 0xa5;
/// Bytes of each of the two buffers.
const ARENA: usize = 4 << 20;
/// Most bytes of a frame on the devices that are asked.
const FRAME: usize = 128;
/// Most channels that a vector has buffers for.
const CHANNELS: usize = 64;
/// Where nothing is mapped.
const NOWHERE: u64 = 4096;
/// The number of a script's first own element; scripts do not know the numbers of a card.
pub const NUMID: u32 = 1000;

/// What kind of nodes these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nodes {
    /// The kernel's own.
    Kernel,
    /// Ours, made through CUSE.
    Cuse,
    /// Ours, in a mount.
    Mount,
}

/// What came back from a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What the call returned, -1 with an errno.
    pub ret: i64,
    /// The errno, 0 if there was none.
    pub errno: i32,
    /// The argument's bytes afterwards, what was read, what is mapped.
    pub bytes: Vec<u8>,
    /// The buffer of a transfer that reads, as far as it is marked no more; the ids of a list.
    pub data: Vec<u8>,
    /// Monotonic time before the call, ns.
    pub before: u64,
    /// Monotonic time after the call, ns.
    pub after: u64,
    /// The stream's state before the call, where it was looked at.
    pub state: Option<i32>,
    /// The stream's state after the call, where it was looked at.
    pub state_after: Option<i32>,
}

/// One card's nodes, and what is open on them.
#[derive(Debug)]
pub struct Side {
    directory: PathBuf,
    card: u32,
    /// What they are.
    pub nodes: Nodes,
    files: [Option<OwnedFd>; SLOTS],
    opened: [Option<Node>; SLOTS],
    maps: [Option<Mapped>; SLOTS],
    sounds: Vec<u8>,
    heard: Vec<u8>,
    pointers: Vec<u64>,
    /// What is added to [`NUMID`] numbers of scripts.
    pub numid_base: u32,
    /// Elements that were there before a script's own.
    pub elements: u32,
    /// How long a call may wait until a signal comes, µs.
    pub patience: u32,
}

fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// A return value and its errno.
fn result(ret: i64) -> (i64, i32) {
    let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
    if ret < 0 { (-1, errno) } else { (ret, 0) }
}

impl Side {
    /// The nodes of card `card` in `directory`.
    #[must_use]
    pub fn new(directory: &Path, card: u32, nodes: Nodes) -> Side {
        install_alarm();
        let mut random = crate::random::Random::new(1);
        let mut sounds = vec![0; ARENA];
        random.fill(&mut sounds);
        Side {
            directory: directory.to_owned(),
            card,
            nodes,
            files: Default::default(),
            opened: [None; SLOTS],
            maps: Default::default(),
            sounds,
            heard: vec![MARK; ARENA],
            pointers: vec![0; 256],
            numid_base: NUMID,
            elements: 0,
            patience: 250_000,
        }
    }

    /// The path of a node.
    #[must_use]
    pub fn path(&self, node: Node) -> PathBuf {
        self.directory.join(node.name(self.card))
    }

    /// Closes and unmaps everything.
    pub fn reset(&mut self) {
        for map in 0..SLOTS {
            self.unmap(map);
        }
        for file in &mut self.files {
            *file = None;
        }
    }

    /// The stream's state as the kernel's own page has it, without a pointer update; only of the kernel's nodes, where
    /// that leaves no trace.
    fn look(&self, slot: Option<u8>) -> Option<i32> {
        let slot = slot?;
        if self.nodes != Nodes::Kernel || self.is_control(slot) {
            return None;
        }
        let fd = self.fd(slot)?;
        let mut bytes = [0u8; 136];
        bytes[0] = 6;
        // SAFETY: SYNC_PTR reads and writes 136 bytes.
        let ret =
            unsafe { libc::ioctl(fd, libc::c_ulong::from(table::SYNC_PTR), bytes.as_mut_ptr()) };
        (ret == 0).then(|| i32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]))
    }

    fn is_control(&self, slot: u8) -> bool {
        self.opened[usize::from(slot)] == Some(Node::Control)
    }

    fn fd(&self, slot: u8) -> Option<i32> {
        self.files
            .get(usize::from(slot))?
            .as_ref()
            .map(AsRawFd::as_raw_fd)
    }

    /// Makes the call.
    pub fn play(&mut self, call: &Call) -> Outcome {
        let state = self.look(call.slot());
        let waits = matches!(
            call,
            Call::Open { .. } | Call::Ioctl { .. } | Call::Read { .. } | Call::Write { .. }
        );
        let before = now();
        if waits {
            set_alarm(self.patience);
        }
        let mut outcome = self.dispatch(call);
        if waits {
            set_alarm(0);
        }
        (outcome.before, outcome.after) = (before, now());
        outcome.state = state;
        outcome.state_after = self.look(call.slot());
        outcome
    }

    fn dispatch(&mut self, call: &Call) -> Outcome {
        let mut outcome = Outcome::default();
        let bad = Outcome {
            ret: -1,
            errno: libc::EBADF,
            ..Outcome::default()
        };
        let fd = call.slot().and_then(|slot| self.fd(slot));
        match (call, fd) {
            (Call::Open { slot, node, flags }, _) => {
                (outcome.ret, outcome.errno) = self.open(*slot, *node, *flags);
            }
            (Call::Close { slot }, _) => self.files[usize::from(*slot)] = None,
            (Call::Sleep { micros }, _) => {
                std::thread::sleep(Duration::from_micros(u64::from(*micros)));
            }
            (Call::Unmap { map }, _) => self.unmap(usize::from(*map)),
            (
                Call::Peek {
                    map,
                    offset,
                    length,
                },
                _,
            ) => {
                if let Some(mapped) = &self.maps[usize::from(*map)] {
                    outcome.bytes = mapped.load(*offset as usize, *length as usize);
                }
            }
            (Call::Poke { map, offset, bytes }, _) => {
                if let Some(mapped) = &self.maps[usize::from(*map)] {
                    mapped.store(*offset as usize, bytes);
                }
            }
            (_, None) => outcome = bad,
            (Call::Ioctl { cmd, arg, .. }, Some(fd)) => self.ioctl(fd, *cmd, arg, &mut outcome),
            (Call::Read { slot, size }, Some(fd)) => {
                self.read(fd, *size, &mut outcome);
                if self.is_control(*slot) {
                    let mut events = std::mem::take(&mut outcome.data);
                    for at in (8..events.len()).step_by(72) {
                        self.relocate_at(&mut events, at, false);
                    }
                    outcome.data = events;
                }
            }
            (Call::Write { size, .. }, Some(fd)) => {
                let size = (*size as usize).min(ARENA);
                // SAFETY: the buffer has `size` bytes.
                let ret = unsafe { libc::write(fd, self.sounds.as_ptr().cast(), size) };
                (outcome.ret, outcome.errno) = result(ret as i64);
            }
            (Call::Poll { events, .. }, Some(fd)) => {
                let mut one = libc::pollfd {
                    fd,
                    events: *events,
                    revents: 0,
                };
                // SAFETY: one structure.
                let ret = unsafe { libc::poll(&raw mut one, 1, 0) };
                (outcome.ret, outcome.errno) = result(i64::from(ret));
                outcome.bytes = one.revents.to_le_bytes().to_vec();
            }
            (Call::SetFlags { flags, .. }, Some(fd)) => {
                // SAFETY: sets flags of an open file.
                let ret = unsafe { libc::fcntl(fd, libc::F_SETFL, *flags) };
                (outcome.ret, outcome.errno) = result(i64::from(ret));
            }
            (
                Call::Map {
                    map,
                    offset,
                    length,
                    prot,
                    ..
                },
                Some(fd),
            ) => {
                self.unmap(usize::from(*map));
                match Mapped::new(fd, *offset, *length as usize, *prot) {
                    Ok(mapped) => self.maps[usize::from(*map)] = Some(mapped),
                    Err(errno) => (outcome.ret, outcome.errno) = (-1, errno),
                }
            }
        }
        outcome
    }

    fn open(&mut self, slot: u8, node: Node, flags: i32) -> (i64, i32) {
        self.files[usize::from(slot)] = None;
        self.opened[usize::from(slot)] = Some(node);
        let Ok(path) = CString::new(self.path(node).into_os_string().into_encoded_bytes()) else {
            return (-1, libc::EINVAL);
        };
        // SAFETY: a path that ends with NUL.
        let fd = unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) };
        let outcome = result(i64::from(fd));
        if fd >= 0 {
            // SAFETY: just opened, owned by nobody else.
            self.files[usize::from(slot)] = Some(unsafe { OwnedFd::from_raw_fd(fd) });
        }
        (outcome.0.min(0), outcome.1)
    }

    fn read(&mut self, fd: i32, size: u32, outcome: &mut Outcome) {
        let size = (size as usize).min(ARENA);
        self.heard[..size].fill(MARK);
        // SAFETY: the buffer has `size` bytes.
        let ret = unsafe { libc::read(fd, self.heard.as_mut_ptr().cast(), size) };
        (outcome.ret, outcome.errno) = result(ret as i64);
        outcome.data = self.heard_bytes(size);
    }

    /// What was written into the buffer: up to the last byte that is not the mark.
    fn heard_bytes(&self, size: usize) -> Vec<u8> {
        let heard = &self.heard[..size];
        let end = heard
            .iter()
            .rposition(|&byte| byte != MARK)
            .map_or(0, |last| last + 1);
        heard[..end].to_vec()
    }

    fn ioctl(&mut self, fd: i32, cmd: u32, arg: &Arg, outcome: &mut Outcome) {
        let direct = |value: i64| {
            // SAFETY: a value, or an address with nothing behind it: no memory of ours is reached.
            result(i64::from(unsafe {
                libc::ioctl(fd, libc::c_ulong::from(cmd), value)
            }))
        };
        match arg {
            Arg::Value(value) => (outcome.ret, outcome.errno) = direct(*value),
            Arg::Descriptor(slot) => {
                let value = self.fd(*slot).map_or(-1, i64::from);
                (outcome.ret, outcome.errno) = direct(value);
            }
            Arg::Bytes(bytes) => {
                let mut bytes = bytes.clone();
                self.relocate(cmd, &mut bytes, true);
                (outcome.ret, outcome.errno) = call_on(fd, cmd, &mut bytes);
                self.relocate(cmd, &mut bytes, false);
                outcome.bytes = bytes;
            }
            Arg::Xfer { frames, buffer } => self.transfer(fd, cmd, *frames, *buffer, outcome),
            Arg::XferN { frames, holes } => self.transfer_n(fd, cmd, *frames, *holes, outcome),
            Arg::List { offset, space } => self.list(fd, *offset, *space, outcome),
            Arg::Names { info, names } => {
                let mut bytes = info.clone();
                self.relocate(cmd, &mut bytes, true);
                let address = names.as_ptr() as u64;
                bytes[152..160].copy_from_slice(&address.to_le_bytes());
                (outcome.ret, outcome.errno) = call_on(fd, cmd, &mut bytes);
                if bytes[152..160] == address.to_le_bytes() {
                    bytes[152..160].fill(0);
                }
                self.relocate(cmd, &mut bytes, false);
                outcome.bytes = bytes;
            }
        }
    }

    /// Numbers of elements: a script's own ones are counted from [`NUMID`].
    fn relocate(&self, cmd: u32, bytes: &mut [u8], to_card: bool) {
        if is_element(cmd) {
            self.relocate_at(bytes, 0, to_card);
        }
    }

    fn relocate_at(&self, bytes: &mut [u8], at: usize, to_card: bool) {
        let Some(word) = bytes.get_mut(at..at + 4) else {
            return;
        };
        let number = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        let (from, to) = if to_card {
            (NUMID, self.numid_base)
        } else {
            (self.numid_base, NUMID)
        };
        if number >= from && number < from + 1_000_000 {
            word.copy_from_slice(&(number - from + to).to_le_bytes());
        }
    }

    fn transfer(&mut self, fd: i32, cmd: u32, frames: u64, buffer: Buffer, outcome: &mut Outcome) {
        // By the stream's direction, not the call's: a write on a capture stream fills the buffer.
        let frames = match buffer {
            Buffer::Good => frames.min((ARENA / FRAME) as u64),
            _ => frames,
        };
        let size = (usize::try_from(frames).unwrap_or(ARENA))
            .saturating_mul(FRAME)
            .min(ARENA);
        self.heard[..size].fill(MARK);
        let reads = cmd == table::READI_FRAMES;
        if !reads {
            self.heard[..size].copy_from_slice(&self.sounds[..size]);
        }
        let address = match buffer {
            Buffer::Good => self.heard.as_mut_ptr() as u64,
            Buffer::Null => 0,
            Buffer::Bad => NOWHERE,
        };
        let mut bytes = xfer(address, frames);
        (outcome.ret, outcome.errno) = call_on(fd, cmd, &mut bytes);
        bytes[8..16].fill(0);
        outcome.bytes = bytes;
        if reads && buffer == Buffer::Good {
            outcome.data = self.heard_bytes(size);
        }
    }

    fn transfer_n(&mut self, fd: i32, cmd: u32, frames: u64, holes: u64, outcome: &mut Outcome) {
        let each = ARENA / CHANNELS;
        let frames = frames.min((each / 4) as u64);
        self.heard.fill(MARK);
        let base = self.heard.as_mut_ptr() as u64;
        for (channel, pointer) in self.pointers.iter_mut().enumerate() {
            let hole = channel < CHANNELS && holes >> channel & 1 != 0;
            *pointer = if hole {
                0
            } else {
                base + ((channel % CHANNELS) * each) as u64
            };
        }
        let mut bytes = xfer(self.pointers.as_ptr() as u64, frames);
        (outcome.ret, outcome.errno) = call_on(fd, cmd, &mut bytes);
        bytes[8..16].fill(0);
        outcome.bytes = bytes;
        if cmd == table::READN_FRAMES {
            outcome.data = self.heard_bytes(ARENA);
        }
    }

    fn list(&mut self, fd: i32, offset: u32, space: u32, outcome: &mut Outcome) {
        let size = (space as usize * 64).min(ARENA);
        self.heard[..size].fill(0);
        let mut bytes = vec![0; 80];
        let from_own = offset.wrapping_add(self.elements);
        bytes[..4].copy_from_slice(&from_own.to_le_bytes());
        bytes[4..8].copy_from_slice(&space.to_le_bytes());
        bytes[16..24].copy_from_slice(&(self.heard.as_mut_ptr() as u64).to_le_bytes());
        (outcome.ret, outcome.errno) = call_on(fd, ctl::ELEM_LIST, &mut bytes);
        bytes[16..24].fill(0);
        for at in [0, 12] {
            let number =
                u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
            bytes[at..at + 4].copy_from_slice(&number.wrapping_sub(self.elements).to_le_bytes());
        }
        outcome.bytes = bytes;
        let mut ids = self.heard[..size].to_vec();
        for at in (0..size).step_by(64) {
            self.relocate_at(&mut ids, at, false);
        }
        outcome.data = ids;
    }

    fn unmap(&mut self, map: usize) {
        self.maps[map] = None;
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        self.reset();
    }
}

fn xfer(buffer: u64, frames: u64) -> Vec<u8> {
    let mut bytes = (-777i64).to_le_bytes().to_vec();
    bytes.extend(buffer.to_le_bytes());
    bytes.extend(frames.to_le_bytes());
    bytes
}

/// An ioctl on bytes, of which there are at least as many as its number says.
fn call_on(fd: i32, cmd: u32, bytes: &mut Vec<u8>) -> (i64, i32) {
    let length = bytes.len();
    if length < uapi::ioctl::size(cmd) {
        bytes.resize(uapi::ioctl::size(cmd), 0);
    }
    // SAFETY: the kernel reads and writes as many bytes as the number says (a TLV's caller has as many bytes more as it
    // says), and the addresses in them are those of buffers of ours, or of nothing.
    let ret = unsafe { libc::ioctl(fd, libc::c_ulong::from(cmd), bytes.as_mut_ptr()) };
    let outcome = result(i64::from(ret));
    bytes.truncate(length.max(1));
    outcome
}

/// Whether a control ioctl's argument begins with the number of an element, or an identifier that has one.
pub(super) fn is_element(cmd: u32) -> bool {
    [
        ctl::ELEM_INFO,
        ctl::ELEM_READ,
        ctl::ELEM_WRITE,
        ctl::ELEM_LOCK,
        ctl::ELEM_UNLOCK,
        ctl::ELEM_ADD,
        ctl::ELEM_REPLACE,
        ctl::ELEM_REMOVE,
        ctl::TLV_READ,
        ctl::TLV_WRITE,
        ctl::TLV_COMMAND,
    ]
    .contains(&cmd)
}
