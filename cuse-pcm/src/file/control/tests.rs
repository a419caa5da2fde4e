#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod elements;
mod events;
mod files;
mod hostile;
mod narrow;
mod replay;
mod tlv;
mod user;

use std::sync::{Arc, Mutex};

use hw_backends::dma::Area;
use hw_backends::gain::Gain;
use hw_backends::testing::Script;
use uapi::control::elem::{ElemId, ElemInfo, ElemValue, NAME_LEN, access, elem_type, iface};
use uapi::ioctl;
use zerocopy::{FromBytes, FromZeros, Immutable};

use super::*;
use crate::card::PcmDevice;
use crate::card::control::element::{Description, Kind, Knob};
use crate::pcm::Substream;
use crate::request::{Caller, ClientMemory};

/// Where an ioctl's argument lies in the client.
const ARG: u64 = 0x1000;
/// Where other things lie in the client.
const OTHER: u64 = 0x4000;
/// The client's memory ends here.
const END: u64 = 0x8_0000;

/// A client's memory: `ARG..END`, nothing elsewhere.
#[derive(Debug)]
struct Memory {
    bytes: Mutex<Vec<u8>>,
    process: u32,
}

impl Memory {
    fn new(process: u32) -> Memory {
        Memory {
            bytes: Mutex::new(vec![0; usize::try_from(END - ARG).unwrap()]),
            process,
        }
    }

    fn range(address: u64, length: usize) -> Result<std::ops::Range<usize>, Errno> {
        let start = address.checked_sub(ARG).ok_or(Errno::EFAULT)?;
        let end = start.checked_add(length as u64).ok_or(Errno::EFAULT)?;
        if end > END - ARG {
            return Err(Errno::EFAULT);
        }
        Ok(usize::try_from(start).unwrap()..usize::try_from(end).unwrap())
    }
}

impl ClientMemory for Memory {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Errno> {
        let range = Memory::range(address, into.len())?;
        into.copy_from_slice(&self.bytes.lock().unwrap()[range]);
        Ok(())
    }

    fn write(&self, address: u64, from: &[u8]) -> Result<(), Errno> {
        let range = Memory::range(address, from.len())?;
        self.bytes.lock().unwrap()[range].copy_from_slice(from);
        Ok(())
    }

    fn read_area(&self, _: u64, _: &Area) -> Result<(), Errno> {
        Err(Errno::EFAULT)
    }

    fn write_area(&self, _: u64, _: &Area) -> Result<(), Errno> {
        Err(Errno::EFAULT)
    }

    fn file_flags(&self) -> Option<u32> {
        None
    }

    fn process(&self) -> u32 {
        self.process
    }
}

/// A card under test and the open control files on it.
struct Desk {
    card: Card,
    files: Vec<ControlFile>,
    memories: Vec<Memory>,
    abi: Abi,
}

fn substream(direction: Direction) -> Substream {
    let (_, device) = Script::new(hw_backends::null::hardware());
    Substream::new(Box::new(device), direction)
}

/// Device 0: two substreams of playback and one of capture; device 3: capture only. Elements 1 and 2: Master; 3 and 4:
/// Capture; 5: a choice of three that cannot be written; 6: a knob of 0..=10 in steps of 5.
fn card() -> Card {
    let identity = Identity {
        number: 7,
        id: "Test".into(),
        driver: "Driver".into(),
        name: "Name".into(),
        longname: "Long name".into(),
        mixername: "Mixer".into(),
        components: String::new(),
    };
    let two = (0..2).map(|_| substream(Direction::Playback)).collect();
    let devices = vec![
        PcmDevice::new(
            3,
            "Second",
            "Second PCM",
            vec![],
            vec![substream(Direction::Capture)],
        ),
        PcmDevice::new(
            0,
            "First",
            "First PCM",
            two,
            vec![substream(Direction::Capture)],
        ),
    ];
    let mut card = Card::new(identity, devices);
    for direction in [Direction::Playback, Direction::Capture] {
        card.control
            .add_gain(direction, 0, &Arc::new(Gain::default()))
            .unwrap();
    }
    let names = ["one", "two", "three"].map(String::from).to_vec();
    let choice = Description::mixer("Choice", Kind::Enumerated(names)).read_only();
    card.control
        .add(Box::new(Knob::new(choice, || 1, |_| Err(Errno::EIO))))
        .unwrap();
    let cell = Arc::new(std::sync::atomic::AtomicI64::new(5));
    let (a, b) = (cell.clone(), cell);
    let range = uapi::control::elem::Range {
        min: 0,
        max: 10,
        step: 5,
    };
    let knob = Knob::new(
        Description::pcm(0, 1, "Knob", Kind::Integer(range)),
        move || a.load(std::sync::atomic::Ordering::Relaxed),
        move |v| {
            b.store(v, std::sync::atomic::Ordering::Relaxed);
            Ok(())
        },
    );
    card.control.add(Box::new(knob)).unwrap();
    card.control.take_events();
    card
}

impl Desk {
    /// Two open files, of processes 100 and 101.
    fn new() -> Desk {
        let mut desk = Desk {
            card: card(),
            files: vec![],
            memories: vec![],
            abi: Abi::Native,
        };
        desk.open();
        desk.open();
        desk
    }

    fn open(&mut self) -> usize {
        let process = 100 + u32::try_from(self.files.len()).unwrap();
        self.files.push(ControlFile::new(&mut self.card, process));
        self.memories.push(Memory::new(process));
        self.files.len() - 1
    }

    /// An ioctl whose argument is at `ARG`, carried as a FUSE mount would: by the number's direction bits. Events
    /// reach every file afterwards.
    fn call<T: FromBytes + IntoBytes + Immutable>(
        &mut self,
        file: usize,
        cmd: u32,
        value: &mut T,
    ) -> Result<i32, Errno> {
        self.memories[file].write(ARG, value.as_bytes()).unwrap();
        let result = self.raw(file, cmd, ARG);
        self.memories[file].read(ARG, value.as_mut_bytes()).unwrap();
        result
    }

    fn raw(&mut self, file: usize, cmd: u32, arg: u64) -> Result<i32, Errno> {
        let memory = &self.memories[file];
        let size = ioctl::size(cmd);
        let (mut input, mut out_size) = (vec![], 0);
        if ioctl::dir(cmd) & ioctl::WRITE != 0 {
            input = vec![0; size];
            memory.read(arg, &mut input)?;
        }
        if ioctl::dir(cmd) & ioctl::READ != 0 {
            out_size = size;
        }
        let caller = Caller::default();
        let mut argument = Argument::new(cmd, arg, self.abi, &input, out_size, caller, memory);
        let result = self.files[file].ioctl(&mut argument, &mut self.card);
        memory.write(arg, argument.output())?;
        let events = self.card.control.take_events();
        for file in &mut self.files {
            file.notice(&events);
        }
        result
    }

    fn info(&mut self, file: usize, id: ElemId) -> Result<ElemInfo, Errno> {
        let mut info = blank_info(id);
        self.call(file, cmd::ELEM_INFO, &mut info)?;
        Ok(info)
    }

    fn read(&mut self, file: usize, id: ElemId) -> Result<ElemValue, Errno> {
        let mut value = blank_value(id);
        self.call(file, cmd::ELEM_READ, &mut value)?;
        Ok(value)
    }

    fn write(&mut self, file: usize, id: ElemId, integers: &[i64]) -> Result<i32, Errno> {
        let mut value = blank_value(id);
        value.value.integer_mut()[..integers.len()].copy_from_slice(integers);
        self.call(file, cmd::ELEM_WRITE, &mut value)
    }

    fn lock(&mut self, file: usize, mut id: ElemId) -> Result<i32, Errno> {
        self.call(file, cmd::ELEM_LOCK, &mut id)
    }

    fn unlock(&mut self, file: usize, mut id: ElemId) -> Result<i32, Errno> {
        self.call(file, cmd::ELEM_UNLOCK, &mut id)
    }

    fn remove(&mut self, file: usize, mut id: ElemId) -> Result<i32, Errno> {
        self.call(file, cmd::ELEM_REMOVE, &mut id)
    }

    fn add(&mut self, file: usize, info: &mut ElemInfo) -> Result<i32, Errno> {
        self.call(file, cmd::ELEM_ADD, info)
    }

    fn subscribe(&mut self, file: usize) {
        self.call(file, cmd::SUBSCRIBE_EVENTS, &mut 1i32).unwrap();
    }

    /// Everything a file has to read, as (number, mask).
    fn events(&mut self, file: usize) -> Vec<(u32, u32)> {
        let mut bytes = vec![];
        self.files[file].read(1 << 20, &mut bytes).unwrap();
        let event = |bytes: &[u8]| Event::read_from_bytes(bytes).unwrap();
        bytes
            .chunks(EVENT)
            .map(event)
            .map(|e| (e.id.numid, e.mask))
            .collect()
    }
}

fn numid(numid: u32) -> ElemId {
    ElemId { numid, ..named("") }
}

fn named(name: &str) -> ElemId {
    let (numid, device, subdevice, index) = (0, 0, 0, 0);
    ElemId {
        numid,
        iface: iface::MIXER,
        device,
        subdevice,
        name: text(name),
        index,
    }
}

fn blank_info(id: ElemId) -> ElemInfo {
    ElemInfo {
        id,
        ..ElemInfo::new_zeroed()
    }
}

fn blank_value(id: ElemId) -> ElemValue {
    ElemValue {
        id,
        ..ElemValue::new_zeroed()
    }
}

/// A user-defined INTEGER element of 0..=100 with one value.
fn integer(name: &str) -> ElemInfo {
    let mut info = blank_info(named(name));
    info.elem_type = elem_type::INTEGER;
    info.count = 1;
    *info.value.integer_mut() = uapi::control::elem::Range {
        min: 0,
        max: 100,
        step: 0,
    };
    info
}

fn name_of(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&c| c == 0).unwrap();
    String::from_utf8(bytes[..end].to_vec()).unwrap()
}
