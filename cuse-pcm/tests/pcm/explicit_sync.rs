//! A device with an area of its own, which it scrambles: every frame has to be brought there, or fetched, in time.
#![allow(clippy::indexing_slicing, reason = "tests")]

use std::sync::{Arc, Mutex};

use crate::bench::*;
use cuse_pcm::buffer::Supply;
use cuse_pcm::pcm::{Chunk, Layout, Step, Substream, SyncPoint};
use hw_backends::dma::{Area, Backing, Pages, PrivateBacking};
use hw_backends::hardware::info;
use hw_backends::testing::{Scrambler, ScramblerScript, Script};
use hw_backends::units::Direction::{self, Capture, Playback};
use uapi::Errno;
use uapi::pcm::{MmapControl, SwParams, SyncPtr};

const RING: u64 = 960;
const CHANNELS: u64 = 2;
const SAMPLE: u64 = 2;
const FRAME: u64 = CHANNELS * SAMPLE;
const FRAMES: u64 = 20_000;

/// How a client moves its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    /// Reads and writes.
    Transfers,
    /// A mapped ring; pointers by SYNC_PTR.
    SyncPtr,
    /// A mapped ring and mapped pages, no call.
    Pages,
}

/// Memory that the test sees as a client does.
#[derive(Clone, Debug, Default)]
struct Mapped {
    data: Arc<Mutex<Option<Area>>>,
    pages: Option<Pages>,
}

impl Backing for Mapped {
    fn allocate(&mut self, bytes: usize) -> Result<Area, Errno> {
        let area = Area::anonymous(bytes)?;
        *self.data.lock().unwrap() = Some(area.clone());
        Ok(area)
    }
    fn release(&mut self) {
        *self.data.lock().unwrap() = None;
    }
    fn pages(&self) -> Option<Pages> {
        self.pages.clone()
    }
    fn mappable(&self) -> bool {
        true
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % limit.max(1)
    }
}

fn noise(bytes: u64) -> Vec<u8> {
    let mut r = Random(77);
    (0..bytes).map(|_| r.below(256) as u8 & 0xfe).collect()
}

/// A stream and its client.
struct Stage {
    s: Substream,
    device: ScramblerScript,
    memory: Mapped,
    client: Client,
    planar: bool,
    direction: Direction,
    appl: u64,
    hw: u64,
    read: Vec<u8>,
}

impl Stage {
    fn new(direction: Direction, client: Client, planar: bool, sound: &[u8]) -> Stage {
        let recorded = match direction {
            Playback => Vec::new(),
            Capture => sound.to_vec(),
        };
        let (device, end) = ScramblerScript::new(direction, recorded);
        let memory = Mapped {
            pages: (client == Client::Pages).then(|| MappedBacking::new().pages),
            ..Mapped::default()
        };
        let s = opened(end, direction, Box::new(memory.clone()), client, planar);
        Stage {
            s,
            device,
            memory,
            client,
            planar,
            direction,
            appl: 0,
            hw: 0,
            read: Vec::new(),
        }
    }

    fn software(&mut self, change: impl FnOnce(&mut SwParams)) {
        software(&mut self.s, change);
    }

    fn area(&self) -> Area {
        self.memory.data.lock().unwrap().clone().unwrap()
    }

    /// Where sample `c` of frame `at` lies in the mapped ring.
    fn place(&self, at: u64, c: u64) -> usize {
        let at = at % RING;
        let place = if self.planar {
            (c * RING + at) * SAMPLE
        } else {
            at * FRAME + c * SAMPLE
        };
        place as usize
    }

    /// Writes frames into the mapped ring.
    fn store(&self, at: u64, bytes: &[u8]) {
        let area = self.area();
        for (n, frame) in (at..).zip(bytes.chunks_exact(FRAME as usize)) {
            for (c, sample) in (0..).zip(frame.chunks_exact(SAMPLE as usize)) {
                area.write(self.place(n, c), sample);
            }
        }
    }

    fn load(&self, at: u64, frames: u64) -> Vec<u8> {
        let area = self.area();
        let mut bytes = Vec::new();
        for n in at..at + frames {
            for c in 0..CHANNELS {
                let mut sample = [0; SAMPLE as usize];
                area.read(self.place(n, c), &mut sample);
                bytes.extend_from_slice(&sample);
            }
        }
        bytes
    }

    fn sync(&mut self, flags: u32, appl: u64) -> SyncPtr {
        let mut p = SyncPtr {
            flags,
            pad: 0,
            status: uapi::pcm::MmapStatus::default(),
            status_pad: [0; 8],
            control: MmapControl {
                appl_ptr: appl,
                avail_min: RING / 4,
            },
            control_pad: [0; 48],
        };
        self.s.sync_ptr(&mut p, &at(1)).unwrap();
        p
    }

    /// The client says where it is now.
    fn tell(&mut self, appl: u64) {
        self.appl = appl;
        match self.client {
            Client::SyncPtr => {
                self.sync(0, appl);
            }
            Client::Pages => {
                let pages = self.memory.pages.as_ref().unwrap();
                pages.control[0].write(0, &appl.to_ne_bytes());
            }
            Client::Transfers => {}
        }
    }

    /// The client looks where the device is.
    fn look(&mut self) -> u64 {
        match self.client {
            Client::SyncPtr => {
                let flags = SyncPtr::HWSYNC | SyncPtr::APPL | SyncPtr::AVAIL_MIN;
                self.sync(flags, 0).status.hw_ptr
            }
            Client::Pages => {
                let pages = self.memory.pages.as_ref().unwrap();
                MappedBacking::load(&pages.status[0], 8)
            }
            Client::Transfers => self.hw,
        }
    }

    /// A read or write of `frames`, which are there.
    fn transfer(&mut self, frames: u64, bytes: &mut Vec<u8>) {
        let layout = if self.planar {
            Layout::Noninterleaved
        } else {
            Layout::Interleaved
        };
        let mut t = self
            .s
            .begin_transfer(layout, frames, false, &at(1))
            .unwrap();
        loop {
            match self.s.next_step(&mut t, &at(1)) {
                Step::Copy(chunk) => {
                    self.copy(&chunk, bytes);
                    self.s.commit(&mut t, &chunk, Ok(()), &at(1));
                }
                Step::Done(done) => {
                    assert_eq!(done, Ok(frames));
                    return;
                }
                Step::Wait { .. } => panic!("{frames} frames are there"),
            }
        }
    }

    fn copy(&self, chunk: &Chunk, bytes: &mut Vec<u8>) {
        let channels: Vec<Option<u32>> = if self.planar {
            (0..CHANNELS as u32).map(Some).collect()
        } else {
            vec![None]
        };
        let width = if self.planar { SAMPLE } else { FRAME } as usize;
        if self.direction == Capture {
            bytes.resize(((chunk.done_frames + chunk.frames) * FRAME) as usize, 0);
        }
        for channel in channels {
            let area = self.s.ring_part(chunk, channel).unwrap();
            let skip = channel.unwrap_or(0) as usize * width;
            for frame in 0..chunk.frames as usize {
                let at = (chunk.done_frames as usize + frame) * FRAME as usize + skip;
                let samples = &mut bytes[at..at + width];
                match self.direction {
                    Playback => area.write(frame * width, samples),
                    Capture => area.read(frame * width, samples),
                };
            }
        }
    }

    fn write(&mut self, sound: &[u8], frames: u64) {
        let from = (self.appl * FRAME) as usize;
        let bytes = &sound[from..from + (frames * FRAME) as usize];
        let appl = self.appl + frames;
        if self.client == Client::Transfers {
            self.transfer(frames, &mut bytes.to_vec());
        } else {
            self.store(self.appl, bytes);
        }
        self.tell(appl);
    }

    fn fetch(&mut self, frames: u64) {
        let mut bytes = Vec::new();
        if self.client == Client::Transfers {
            self.transfer(frames, &mut bytes);
        } else {
            bytes = self.load(self.appl, frames);
        }
        self.read.extend_from_slice(&bytes);
        self.tell(self.appl + frames);
    }

    /// The device moves on, and its period elapses.
    fn elapse(&mut self, frames: u64) {
        self.hw += frames;
        self.device.set_position(self.hw);
        self.s.elapsed(&at(1));
    }
}

fn software(s: &mut Substream, change: impl FnOnce(&mut SwParams)) {
    let mut p = SwParams {
        tstamp_mode: 0,
        period_step: 1,
        sleep_min: 0,
        pad: 0,
        avail_min: RING / 4,
        xfer_align: 0,
        start_threshold: 1_000_000,
        stop_threshold: RING,
        silence_threshold: 0,
        silence_size: 0,
        boundary: 0,
        proto: 0x2_0012,
        tstamp_type: 1,
        reserved: [0; 56],
    };
    change(&mut p);
    s.sw_params(&mut p, &at(0)).unwrap();
}

fn opened(
    device: Scrambler,
    direction: Direction,
    backing: Box<dyn Backing>,
    client: Client,
    planar: bool,
) -> Substream {
    let mut s = Substream::new(Box::new(device), direction);
    s.open(backing, false, &at(0)).unwrap();
    let copied = if client == Client::Transfers { 3 } else { 0 };
    let mut p = wanted(copied + u64::from(planar), CHANNELS, RING);
    s.hw_params(&mut p, &at(0)).unwrap();
    assert_ne!(p.info & info::EXPLICIT_SYNC, 0);
    software(&mut s, |_| {});
    s.prepare(None, &at(0)).unwrap();
    s
}

/// Plays in odd pieces around the ring; whether every frame arrived.
fn plays(client: Client, planar: bool, left_out: Option<SyncPoint>) -> bool {
    let sound = noise(FRAMES * FRAME);
    let mut stage = Stage::new(Playback, client, planar, &sound);
    left_out
        .into_iter()
        .for_each(|point| stage.s.leave_out_sync(point));
    let mut r = Random(5);
    stage.write(&sound, 300);
    stage.s.start(&at(0)).unwrap();
    while stage.appl < FRAMES {
        let queued = stage.appl - stage.hw;
        stage.elapse(r.below(queued));
        assert_eq!(stage.look(), stage.hw);
        let room = RING - (stage.appl - stage.hw);
        let frames = (1 + r.below(room)).min(FRAMES - stage.appl).min(room);
        stage.write(&sound, frames);
    }
    stage.elapse(FRAMES - stage.hw);
    let played = stage.device.played();
    assert_eq!(played.len(), sound.len());
    played == sound
}

/// Records in odd pieces around the ring; whether every frame arrived.
fn records(client: Client, planar: bool, left_out: Option<SyncPoint>) -> bool {
    let sound = noise(FRAMES * FRAME);
    let mut stage = Stage::new(Capture, client, planar, &sound);
    left_out
        .into_iter()
        .for_each(|point| stage.s.leave_out_sync(point));
    let mut r = Random(9);
    stage.s.start(&at(0)).unwrap();
    while stage.appl < FRAMES {
        let room = RING - (stage.hw - stage.appl);
        stage.elapse(r.below(room).min(FRAMES - stage.hw));
        let there = stage.look() - stage.appl;
        assert_eq!(stage.appl + there, stage.hw);
        let frames = r.below(there + 1);
        if frames > 0 {
            stage.fetch(frames);
        }
    }
    assert_eq!(stage.read.len(), sound.len());
    stage.read == sound
}

const CLIENTS: [Client; 3] = [Client::Transfers, Client::SyncPtr, Client::Pages];

#[test]
fn every_client_plays_bit_exact() {
    for client in CLIENTS {
        for planar in [false, true] {
            assert!(plays(client, planar, None), "{client:?} {planar}");
        }
    }
}

#[test]
fn every_client_records_bit_exact() {
    for client in CLIENTS {
        for planar in [false, true] {
            assert!(records(client, planar, None), "{client:?} {planar}");
        }
    }
}

#[test]
fn with_its_sync_left_out_a_client_plays_noise() {
    for (client, point) in [
        (Client::Transfers, SyncPoint::Write),
        (Client::SyncPtr, SyncPoint::ApplPtr),
        (Client::Pages, SyncPoint::Pages),
    ] {
        assert!(!plays(client, false, Some(point)), "{client:?}");
    }
}

#[test]
fn with_its_sync_left_out_a_client_records_what_was_there_before() {
    for (client, point) in [
        (Client::Transfers, SyncPoint::Read),
        (Client::SyncPtr, SyncPoint::HwPtr),
        (Client::Pages, SyncPoint::Pages),
    ] {
        assert!(!records(client, false, Some(point)), "{client:?}");
    }
}

/// What a device plays of 600 frames when the second half of what is queued is written anew by `again`.
fn rewritten(client: Client, again: impl FnOnce(&mut Stage, &[u8])) -> bool {
    let mut sound = noise(600 * FRAME);
    let mut stage = Stage::new(Playback, client, false, &sound);
    stage.write(&sound, 600);
    stage.s.start(&at(0)).unwrap();
    stage.elapse(100);
    stage.look();
    let changed = noise(700 * FRAME)[(100 * FRAME) as usize..].to_vec();
    sound[(300 * FRAME) as usize..].copy_from_slice(&changed[(300 * FRAME) as usize..]);
    again(&mut stage, &sound);
    stage.elapse(500);
    stage.device.played() == sound
}

#[test]
fn queued_frames_that_are_written_anew_are_played_as_they_are_now() {
    let rest = (300 * FRAME) as usize;
    assert!(rewritten(Client::SyncPtr, |stage, sound| {
        stage.store(300, &sound[rest..]);
        stage.tell(600);
    }));
    assert!(rewritten(Client::SyncPtr, |stage, sound| {
        stage.tell(300);
        stage.store(300, &sound[rest..]);
        stage.tell(600);
    }));
    assert!(rewritten(Client::Pages, |stage, sound| {
        stage.store(300, &sound[rest..]);
    }));
    assert!(rewritten(Client::Transfers, |stage, sound| {
        assert_eq!(stage.s.rewind(300, &at(1)), Ok(300));
        stage.appl = 300;
        stage.write(sound, 300);
    }));
}

/// What is played after the client's last frame, if the core writes silence ahead of the device.
fn after_the_last_frame(left_out: Option<SyncPoint>) -> Vec<u8> {
    let sound = noise(100 * FRAME);
    let mut stage = Stage::new(Playback, Client::Transfers, false, &sound);
    left_out
        .into_iter()
        .for_each(|point| stage.s.leave_out_sync(point));
    stage.software(|p| {
        (p.silence_threshold, p.silence_size) = (500, 500);
        p.stop_threshold = RING + 500;
    });
    stage.write(&sound, 100);
    stage.s.start(&at(0)).unwrap();
    stage.elapse(300);
    stage.device.played()[sound.len()..].to_vec()
}

#[test]
fn silence_that_the_core_writes_reaches_the_device() {
    let silence = vec![0; (200 * FRAME) as usize];
    assert_eq!(after_the_last_frame(None), silence);
    assert_ne!(after_the_last_frame(Some(SyncPoint::Silence)), silence);
}

#[test]
fn of_a_stream_that_never_stops_the_whole_ring_is_played() {
    for client in [Client::SyncPtr, Client::Pages] {
        let sound = noise(RING * FRAME);
        let mut stage = Stage::new(Playback, client, false, &sound);
        let boundary = stage.s.boundary();
        stage.software(|p| p.stop_threshold = boundary);
        stage.store(0, &sound);
        stage.tell(1);
        if client == Client::Pages {
            stage.s.hwsync(&at(0)).unwrap();
        }
        stage.s.start(&at(0)).unwrap();
        stage.elapse(RING);
        assert!(stage.device.played() == sound, "{client:?}");
    }
}

#[test]
fn no_pointer_in_a_page_is_too_strange() {
    let sound = noise(FRAMES * FRAME);
    for direction in [Playback, Capture] {
        let mut stage = Stage::new(direction, Client::Pages, true, &sound);
        if direction == Playback {
            stage.write(&sound, 10);
        }
        stage.s.start(&at(0)).unwrap();
        for appl in [
            u64::MAX,
            1 << 63,
            stage.s.boundary(),
            stage.s.boundary() - 1,
            3,
            RING + 4,
        ] {
            stage.tell(appl);
            stage.elapse(1);
            let _ = stage.s.hwsync(&at(1));
            let _ = stage.s.rewind(u64::MAX, &at(1));
        }
        stage.s.close(&at(2));
    }
}

#[test]
fn frames_recorded_before_a_drain_are_in_the_mapped_ring() {
    // read(2) gives them no more.
    for client in [Client::SyncPtr, Client::Pages] {
        let sound = noise(200 * FRAME);
        let mut stage = Stage::new(Capture, client, false, &sound);
        stage.s.start(&at(0)).unwrap();
        stage.elapse(200);
        let _ = stage.s.drain(true, &at(1));
        stage.fetch(200);
        assert!(stage.read == sound, "{client:?}");
    }
}

#[test]
fn any_device_can_have_an_area_of_its_own() {
    let (device, end) = Script::new(hardware());
    let supply = Supply {
        explicit_sync: true,
        ..Supply::default()
    };
    let mut s = Substream::with_supply(Box::new(end), Playback, supply);
    s.open(Box::<PrivateBacking>::default(), false, &at(0))
        .unwrap();
    let mut p = wanted(3, 1, RING);
    s.hw_params(&mut p, &at(0)).unwrap();
    assert_ne!(p.info & info::EXPLICIT_SYNC, 0);
    s.prepare(None, &at(0)).unwrap();
    let mut t = s
        .begin_transfer(Layout::Interleaved, 10, false, &at(0))
        .unwrap();
    let Step::Copy(chunk) = s.next_step(&mut t, &at(0)) else {
        panic!("there is room");
    };
    s.ring_part(&chunk, None).unwrap().fill(0, 20, 0x33);
    let ring = device.ring().unwrap();
    let mut bytes = [1; 20];
    ring.area.read(0, &mut bytes);
    assert_eq!(bytes, [0; 20], "not before it is committed");
    s.commit(&mut t, &chunk, Ok(()), &at(0));
    ring.area.read(0, &mut bytes);
    assert_eq!(bytes, [0x33; 20]);
    let report = s.buffer_report();
    assert_eq!(report.memory.len(), 2);
}
