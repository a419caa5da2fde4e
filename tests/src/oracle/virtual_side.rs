//! Plays scripts on the files of a card in virtual time, without nodes: for answers of the kernel that were kept.

use std::sync::OnceLock;

use cuse_pcm::card::{Card, Identity, PcmDevice};
use cuse_pcm::pcm::Substream;
use cuse_pcm::request::{ClientMemory as _, FileHandle, Node as CardNode};
use hw_backends::dma::{Area, Backing, Pages, PrivateBacking};
use hw_backends::units::{Direction, Nanos};
use uapi::Errno;
use uapi::pcm::table;

use super::call::{Arg, Buffer, Call, Node, Script};
use super::side::{MARK, NUMID, Outcome, SLOTS, is_element};
use crate::fake_kernel::{ARG, Answered, BASE, FakeKernel};
use crate::oracle_device::{Grain, OracleDevice};
use crate::oracle_hardware::hardware;
use crate::random::Random;

/// Where samples lie, and what an ELEM_ADD's names are.
const SOUND: u64 = BASE + 0x2000;
/// Bytes of samples.
const ROOM: usize = 1 << 17;
/// Where pointers and names lie.
const ASIDE: u64 = BASE + 0x2000 + ROOM as u64;
/// Bytes of a client's memory.
const MEMORY: usize = 0x4000 + ROOM + 0x20000;
/// How long a call waits until a signal comes, ns.
const PATIENCE: u64 = 250_000_000;
/// Most bytes of a frame.
const FRAME: u64 = 8;

/// A card like the kernel's first snd-dummy, and a client of it.
#[derive(Debug)]
pub struct VirtualSide {
    kernel: FakeKernel,
    files: [Option<(FileHandle, Node, i32)>; SLOTS],
    sounds: &'static [u8],
}

/// Memory of which it is said that it can be mapped.
#[derive(Debug, Default)]
struct Mappable(PrivateBacking);

impl Backing for Mappable {
    fn allocate(&mut self, bytes: usize) -> Result<Area, Errno> {
        self.0.allocate(bytes)
    }

    fn release(&mut self) {
        self.0.release();
    }

    fn pages(&self) -> Option<Pages> {
        None
    }

    fn mappable(&self) -> bool {
        true
    }
}

/// A card as snd-dummy with four devices of two substreams presents itself.
fn card() -> Card {
    let identity = Identity {
        number: 0,
        id: "Dummy".to_owned(),
        driver: "Dummy".to_owned(),
        name: "Dummy".to_owned(),
        longname: "Dummy 1".to_owned(),
        mixername: "Dummy Mixer".to_owned(),
        components: String::new(),
    };
    let substreams = |number: u32, letter: char, direction| {
        let device =
            || OracleDevice::new(hardware(&format!("pcmC0D{number}{letter}")), Grain::Micros);
        (0..2)
            .map(|_| Substream::new(Box::new(device()), direction))
            .collect()
    };
    let devices = (0..4).map(|number| {
        let playback = substreams(number, 'p', Direction::Playback);
        let capture = substreams(number, 'c', Direction::Capture);
        PcmDevice::new(number, "Dummy PCM", "Dummy PCM", playback, capture)
    });
    Card::new(identity, devices.collect())
}

impl Default for VirtualSide {
    fn default() -> VirtualSide {
        static SOUNDS: OnceLock<Vec<u8>> = OnceLock::new();
        let sounds = SOUNDS.get_or_init(|| {
            let mut sounds = vec![0; ROOM];
            Random::new(1).fill(&mut sounds);
            sounds
        });
        VirtualSide {
            kernel: FakeKernel::new(card(), MEMORY),
            files: [None; SLOTS],
            sounds,
        }
    }
}

impl VirtualSide {
    /// Plays a script on a fresh card.
    pub fn play(script: &Script) -> Vec<Outcome> {
        let mut side = VirtualSide::default();
        script.iter().map(|call| side.call(call)).collect()
    }

    fn call(&mut self, call: &Call) -> Outcome {
        let before = self.kernel.now().monotonic.0;
        let mut outcome = Outcome::default();
        let file = call.slot().and_then(|slot| self.files[usize::from(slot)]);
        let done = match (call, file) {
            (Call::Open { slot, node, flags }, _) => self.open(*slot, *node, *flags),
            (Call::Close { slot }, _) => {
                self.close(*slot);
                Ok(0)
            }
            (Call::Sleep { micros }, _) => {
                self.kernel.advance(Nanos(u64::from(*micros) * 1000));
                Ok(0)
            }
            (_, None) => Err(Errno::EBADF),
            (Call::SetFlags { slot, flags }, Some(_)) => {
                if let Some(file) = &mut self.files[usize::from(*slot)] {
                    file.2 = *flags;
                }
                Ok(0)
            }
            (Call::Ioctl { cmd, arg, .. }, Some(file)) => {
                self.describe(file);
                self.ioctl(file.0, *cmd, arg, &mut outcome)
            }
            (Call::Read { size, .. }, Some((file, node, flags))) => {
                self.read(file, node, *size, flags, &mut outcome)
            }
            (Call::Write { size, .. }, Some((file, node, flags))) => {
                self.write(file, node, *size, flags)
            }
            (Call::Poll { events, .. }, Some((file, ..))) => {
                let asked = u32::from(*events as u16) | 0x18;
                let ready = self.kernel.poll(file, asked, None).result().unwrap_or(0) as u16;
                let ready = ready & asked as u16;
                outcome.bytes = ready.to_le_bytes().to_vec();
                Ok(i64::from(ready != 0))
            }
            _ => Err(Errno::ENODEV),
        };
        match done {
            Ok(value) => outcome.ret = value,
            Err(Errno(errno)) => (outcome.ret, outcome.errno) = (-1, errno),
        }
        (outcome.before, outcome.after) = (before, self.kernel.now().monotonic.0);
        outcome
    }

    fn describe(&mut self, (_, _, flags): (FileHandle, Node, i32)) {
        self.kernel.memory.set_flags(Some(flags as u32));
        for (slot, file) in (0..).zip(&self.files) {
            if let Some((file, ..)) = file {
                self.kernel.memory.set_descriptor(slot, *file);
            }
        }
    }

    fn open(&mut self, slot: u8, node: Node, flags: i32) -> Result<i64, Errno> {
        self.close(slot);
        let to = match node {
            Node::Control => CardNode::Control,
            Node::Playback(device) => CardNode::Pcm {
                device,
                direction: Direction::Playback,
            },
            Node::Capture(device) => CardNode::Pcm {
                device,
                direction: Direction::Capture,
            },
        };
        let backing = Box::<Mappable>::default();
        let id = self.kernel.start_open_with(to, flags as u32, backing);
        let file = match self.wait(id) {
            Answered::Opened(file) | Answered::Shared(file, _) => file,
            other => return restarted(other.result()),
        };
        self.files[usize::from(slot)] = Some((file, node, flags));
        Ok(0)
    }

    fn close(&mut self, slot: u8) {
        if let Some((file, ..)) = self.files[usize::from(slot)].take() {
            self.kernel.release(file);
        }
    }

    /// Waits as a client does, to whom a signal comes after a while.
    fn wait(&mut self, id: cuse_pcm::request::RequestId) -> Answered {
        for _ in 0..8 {
            if let Some(answer) = self.kernel.wait(id, Nanos(PATIENCE)) {
                return answer;
            }
            self.kernel.interrupt(id);
        }
        panic!("A call does not end after signals");
    }

    fn wait_done(&mut self, id: cuse_pcm::request::RequestId) -> Result<i64, Errno> {
        restarted(self.wait(id).result())
    }

    fn store(&mut self, address: u64, bytes: &[u8]) {
        self.kernel
            .memory
            .write(address, bytes)
            .expect("inside the client");
    }

    fn load(&self, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.kernel
            .memory
            .read(address, &mut bytes)
            .expect("inside the client");
        bytes
    }

    fn structure(
        &mut self,
        file: FileHandle,
        cmd: u32,
        bytes: &[u8],
    ) -> (Result<i64, Errno>, Vec<u8>) {
        let mut whole = bytes.to_vec();
        whole.resize(bytes.len().max(uapi::ioctl::size(cmd)), 0);
        self.store(ARG, &whole);
        let id = self.kernel.start_ioctl(file, cmd, ARG);
        let done = self.wait_done(id);
        (done, self.load(ARG, bytes.len().max(1)))
    }

    fn ioctl(
        &mut self,
        file: FileHandle,
        cmd: u32,
        arg: &Arg,
        outcome: &mut Outcome,
    ) -> Result<i64, Errno> {
        match arg {
            Arg::Value(value) => {
                let id = self.kernel.start_ioctl(file, cmd, *value as u64);
                self.wait_done(id)
            }
            Arg::Descriptor(slot) => {
                let id = self.kernel.start_ioctl(file, cmd, u64::from(*slot));
                self.wait_done(id)
            }
            Arg::Bytes(bytes) => {
                let (done, after) = self.structure(file, cmd, &relocated(cmd, bytes, true));
                outcome.bytes = relocated(cmd, &after, false);
                done
            }
            Arg::Xfer { frames, buffer } => {
                let address = match buffer {
                    Buffer::Good => SOUND,
                    Buffer::Null => 0,
                    Buffer::Bad => 4096,
                };
                self.transfer(file, cmd, *frames, address, outcome)
            }
            Arg::XferN { frames, holes } => {
                let each = ROOM as u64 / 8;
                for channel in 0..64u64 {
                    let hole = holes >> channel & 1 != 0;
                    let address = if hole { 0 } else { SOUND + channel % 8 * each };
                    self.store(ASIDE + channel * 8, &address.to_le_bytes());
                }
                self.transfer(file, cmd, *frames, ASIDE, outcome)
            }
            Arg::List { offset, space } => {
                let mut bytes = vec![0; 80];
                bytes[..4].copy_from_slice(&offset.to_le_bytes());
                bytes[4..8].copy_from_slice(&space.to_le_bytes());
                bytes[16..24].copy_from_slice(&SOUND.to_le_bytes());
                let size = *space as usize * 64;
                self.store(SOUND, &vec![0; size]);
                let (done, mut after) = self.structure(file, cmd, &bytes);
                after[16..24].fill(0);
                outcome.bytes = after;
                outcome.data = self.load(SOUND, size);
                for id in outcome.data.chunks_exact_mut(64) {
                    relocate(id, false);
                }
                done
            }
            Arg::Names { info, names } => {
                let mut bytes = relocated(cmd, info, true);
                self.store(ASIDE, names);
                bytes[152..160].copy_from_slice(&ASIDE.to_le_bytes());
                let (done, mut after) = self.structure(file, cmd, &bytes);
                if after[152..160] == ASIDE.to_le_bytes() {
                    after[152..160].fill(0);
                }
                outcome.bytes = relocated(cmd, &after, false);
                done
            }
        }
    }

    fn transfer(
        &mut self,
        file: FileHandle,
        cmd: u32,
        frames: u64,
        address: u64,
        outcome: &mut Outcome,
    ) -> Result<i64, Errno> {
        let reads = matches!(cmd, table::READI_FRAMES | table::READN_FRAMES);
        let sounds = if reads {
            vec![MARK; ROOM]
        } else {
            self.sounds.to_vec()
        };
        self.store(SOUND, &sounds);
        let frames = if address == SOUND {
            frames.min(ROOM as u64 / FRAME)
        } else {
            frames
        };
        let mut bytes = (-777i64).to_le_bytes().to_vec();
        bytes.extend(address.to_le_bytes());
        bytes.extend(frames.to_le_bytes());
        let (done, mut after) = self.structure(file, cmd, &bytes);
        after[8..16].fill(0);
        outcome.bytes = after;
        if reads && address == SOUND {
            outcome.data = unmarked(&self.load(SOUND, ROOM));
        }
        done
    }

    fn read(
        &mut self,
        file: FileHandle,
        node: Node,
        size: u32,
        flags: i32,
        outcome: &mut Outcome,
    ) -> Result<i64, Errno> {
        if flags & 3 == libc::O_WRONLY {
            return Err(Errno::EBADF);
        }
        let id = self.kernel.start_read(file, size as usize, flags as u32);
        let answer = self.wait(id);
        if let Answered::Data(data) = &answer {
            outcome.data.clone_from(data);
            if node == Node::Control {
                for event in outcome.data.chunks_exact_mut(72) {
                    relocate(&mut event[8..], false);
                }
            }
        }
        restarted(answer.result())
    }

    fn write(
        &mut self,
        file: FileHandle,
        _node: Node,
        size: u32,
        flags: i32,
    ) -> Result<i64, Errno> {
        if flags & 3 == libc::O_RDONLY {
            return Err(Errno::EBADF);
        }
        let data = self.sounds[..(size as usize).min(ROOM)].to_vec();
        let id = self.kernel.start_write(file, &data, flags as u32);
        self.wait_done(id)
    }
}

/// A call that would be started anew ends with EINTR: the handler was installed without SA_RESTART.
fn restarted(result: Result<i64, Errno>) -> Result<i64, Errno> {
    result.map_err(|errno| match errno {
        Errno::ERESTARTSYS => Errno::EINTR,
        other => other,
    })
}

/// Up to the last byte that is not the mark.
fn unmarked(heard: &[u8]) -> Vec<u8> {
    let end = heard
        .iter()
        .rposition(|&byte| byte != MARK)
        .map_or(0, |last| last + 1);
    heard[..end].to_vec()
}

/// A fresh card has no element: a script's own begin with 1.
fn relocate(id: &mut [u8], to_card: bool) {
    let Some(word) = id.get_mut(..4) else { return };
    let number = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
    let (from, to) = if to_card { (NUMID, 1) } else { (1, NUMID) };
    if number >= from && number < from + 1_000_000 {
        word.copy_from_slice(&(number - from + to).to_le_bytes());
    }
}

fn relocated(cmd: u32, bytes: &[u8], to_card: bool) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if is_element(cmd) {
        relocate(&mut bytes, to_card);
    }
    bytes
}
