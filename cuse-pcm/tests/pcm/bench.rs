//! A substream over a scripted device, with virtual time.

use cuse_pcm::pcm::{Layout, State, Step, Substream, Transfer, Wakeups};
use hw_backends::dma::{Area, Backing, Pages, PrivateBacking};
use hw_backends::hardware::{Hardware, info};
use hw_backends::testing::{Script, Scripted};
use hw_backends::units::{Direction, Nanos, Now};
use uapi::Errno;
use uapi::pcm::params::Param;
use uapi::pcm::{HwParams, Interval, Mask, Status, SwParams, SyncPtr};

pub const RATE: u32 = 8000;
pub const PERIOD: u64 = 1000;
pub const BUFFER: u64 = 16000;
pub const BOUNDARY: u64 = 0x7d00_0000_0000_0000;

/// A time: `ms` on the monotonic clock, and the other clocks far away from it.
pub fn at(ms: u64) -> Now {
    let ns = ms * 1_000_000;
    Now {
        monotonic: Nanos(ns),
        realtime: Nanos(1_700_000_000_000_000_000 + ns),
        monotonic_raw: Nanos(5_000_000_000 + ns),
    }
}

pub fn hardware() -> Hardware {
    let mut hardware = hw_backends::null::hardware();
    hardware.info |= info::RESUME | info::PAUSE | info::NO_PERIOD_WAKEUP;
    hardware
}

/// Parameters that say nothing.
pub fn any() -> HwParams {
    HwParams {
        flags: 0,
        masks: [Mask {
            bits: [u32::MAX; 8],
        }; 3],
        mres: [Mask { bits: [0; 8] }; 5],
        intervals: [Interval {
            min: 0,
            max: u32::MAX,
            flags: 0,
        }; 12],
        ires: [Interval {
            min: 0,
            max: 0,
            flags: 0,
        }; 9],
        rmask: u32::MAX,
        cmask: 0,
        info: 0,
        msbits: 0,
        rate_num: 0,
        rate_den: 0,
        fifo_size: 0,
        sync: [0; 16],
        reserved: [0; 48],
    }
}

pub fn set(p: &mut HwParams, param: Param, value: u64) {
    let value = u32::try_from(value).unwrap();
    if (param as usize) < 8 {
        let mut bits = [0; 8];
        bits[(value / 32) as usize] = 1 << (value % 32);
        p.masks[param as usize] = Mask { bits };
    } else {
        p.intervals[param as usize - 8] = Interval {
            min: value,
            max: value,
            flags: Interval::INTEGER,
        };
    }
}

/// One configuration: access, channels, ring; S16_LE at 8000 Hz in periods of a sixteenth.
pub fn wanted(access: u64, channels: u64, buffer: u64) -> HwParams {
    let mut p = any();
    set(&mut p, Param::Access, access);
    set(&mut p, Param::Format, 2);
    set(&mut p, Param::Channels, channels);
    set(&mut p, Param::Rate, u64::from(RATE));
    set(&mut p, Param::PeriodSize, buffer / 16);
    set(&mut p, Param::BufferSize, buffer);
    p
}

/// Memory with pages, as a mapped node has them. Clones are the same memory.
#[derive(Clone, Debug)]
pub struct MappedBacking {
    pub pages: Pages,
}

impl MappedBacking {
    pub fn new() -> MappedBacking {
        let page = || Area::anonymous(4096).unwrap();
        MappedBacking {
            pages: Pages {
                status: [page(), page()],
                control: [page(), page()],
                narrow: false,
            },
        }
    }

    pub fn store(&self, page: usize, offset: usize, value: u64) {
        self.pages.control[page].write(offset, &value.to_ne_bytes());
    }

    pub fn load(area: &Area, offset: usize) -> u64 {
        let mut bytes = [0; 8];
        area.read(offset, &mut bytes);
        u64::from_ne_bytes(bytes)
    }
}

impl Backing for MappedBacking {
    fn allocate(&mut self, bytes: usize) -> Result<Area, Errno> {
        Area::anonymous(bytes)
    }
    fn release(&mut self) {}
    fn pages(&self) -> Option<Pages> {
        Some(self.pages.clone())
    }
}

pub struct Bench {
    pub s: Substream,
    pub device: Script,
}

impl Bench {
    /// Open, nothing else.
    pub fn open_with(direction: Direction, hardware: Hardware, backing: Box<dyn Backing>) -> Bench {
        let (device, end): (Script, Scripted) = Script::new(hardware);
        let mut s = Substream::new(Box::new(end), direction);
        s.open(backing, false, &at(0)).unwrap();
        device.take_calls();
        Bench { s, device }
    }

    pub fn open(direction: Direction) -> Bench {
        Bench::open_with(direction, hardware(), Box::<PrivateBacking>::default())
    }

    /// Configured (RW_INTERLEAVED, mono) and prepared; starts by hand, stops when empty.
    pub fn prepared(direction: Direction) -> Bench {
        Bench::open(direction).prepare(wanted(3, 1, BUFFER))
    }

    pub fn prepare(mut self, mut p: HwParams) -> Bench {
        self.s.hw_params(&mut p, &at(0)).unwrap();
        self.software(|_| {});
        self.s.prepare(Some(false), &at(0)).unwrap();
        self.device.take_calls();
        self.s.take_wakeups();
        self
    }

    /// RUNNING; a playback has `queued` frames written.
    pub fn running(direction: Direction, queued: u64) -> Bench {
        let mut bench = Bench::prepared(direction);
        if direction == Direction::Playback {
            bench.write(queued, 0);
        }
        bench.s.start(&at(0)).unwrap();
        bench.device.take_calls();
        bench.s.take_wakeups();
        bench
    }

    /// SW_PARAMS with the bench's defaults, changed by `change`.
    pub fn software(&mut self, change: impl FnOnce(&mut SwParams)) {
        self.try_software(change, 0).unwrap();
    }

    pub fn try_software(
        &mut self,
        change: impl FnOnce(&mut SwParams),
        ms: u64,
    ) -> Result<SwParams, Errno> {
        let mut p = SwParams {
            tstamp_mode: 0,
            period_step: 1,
            sleep_min: 0,
            pad: 0,
            avail_min: PERIOD,
            xfer_align: 0,
            start_threshold: 1_000_000,
            stop_threshold: self.s.params().unwrap().buffer_size,
            silence_threshold: 0,
            silence_size: 0,
            boundary: 0,
            proto: 0x2_0012,
            tstamp_type: 1,
            reserved: [0; 56],
        };
        change(&mut p);
        self.s.sw_params(&mut p, &at(ms)).map(|()| p)
    }

    /// Moves `frames` of silence as long as it needs no waiting; the sum, or the first error.
    pub fn transfer(&mut self, frames: u64, ms: u64) -> Result<u64, Errno> {
        let mut t = self
            .s
            .begin_transfer(Layout::Interleaved, frames, false, &at(ms))?;
        match self.go_on(&mut t, ms) {
            Step::Done(result) => result,
            Step::Wait { .. } => {
                let done = t.done();
                let _ = self.s.end_transfer(t, Errno::EINTR, &at(ms));
                Ok(done)
            }
            Step::Copy(_) => unreachable!(),
        }
    }

    /// Copies chunks until the transfer waits or is over.
    pub fn go_on(&mut self, t: &mut Transfer, ms: u64) -> Step {
        loop {
            match self.s.next_step(t, &at(ms)) {
                Step::Copy(chunk) => self.s.commit(t, &chunk, Ok(()), &at(ms)),
                other => return other,
            }
        }
    }

    /// Writes (or reads) exactly `frames`.
    pub fn write(&mut self, frames: u64, ms: u64) {
        assert_eq!(self.transfer(frames, ms), Ok(frames));
    }

    /// The device moves to `frames`, and its period has elapsed.
    pub fn elapse(&mut self, frames: u64, ms: u64) -> Wakeups {
        self.device.set_position(frames);
        self.s.elapsed(&at(ms));
        self.s.take_wakeups()
    }

    pub fn status(&mut self, ms: u64) -> Status {
        self.s.status(0, &at(ms)).unwrap()
    }

    pub fn state(&self) -> State {
        self.s.state()
    }

    pub fn pointers(&self) -> (u64, u64) {
        let now = self.s.snapshot();
        (now.appl_ptr, now.hw_ptr)
    }

    pub fn sync(
        &mut self,
        flags: u32,
        appl: u64,
        avail_min: u64,
        ms: u64,
    ) -> Result<SyncPtr, Errno> {
        let mut p = SyncPtr {
            flags,
            pad: 0,
            status: uapi::pcm::MmapStatus::default(),
            status_pad: [0xaa; 8],
            control: uapi::pcm::MmapControl {
                appl_ptr: appl,
                avail_min,
            },
            control_pad: [0xaa; 48],
        };
        self.s.sync_ptr(&mut p, &at(ms)).map(|()| p)
    }

    /// Samples `from..to` of a mono S16 ring.
    pub fn ring(&self, from: usize, to: usize) -> Vec<i16> {
        let ring = self.device.ring().unwrap();
        let mut bytes = vec![0; (to - from) * 2];
        assert_eq!(ring.area.read(from * 2, &mut bytes), bytes.len());
        bytes
            .chunks_exact(2)
            .map(|b| i16::from_ne_bytes([b[0], b[1]]))
            .collect()
    }

    /// Fills the whole ring with noise.
    pub fn noise(&self) {
        let ring = self.device.ring().unwrap();
        ring.area.fill(0, ring.area.len(), 0x55);
    }

    /// The runs of silence in a mono S16 ring, `(from, to)`.
    pub fn silences(&self) -> Vec<(usize, usize)> {
        let samples = self.ring(
            0,
            usize::try_from(self.s.params().unwrap().buffer_size).unwrap(),
        );
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for (i, _) in samples.iter().enumerate().filter(|(_, s)| **s == 0) {
            match runs.last_mut() {
                Some(run) if run.1 == i => run.1 = i + 1,
                _ => runs.push((i, i + 1)),
            }
        }
        runs
    }
}
