//! Drives a device as a core and a client would, in virtual time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
#![allow(unsafe_code, reason = "counts allocations")]

use crate::dma::{Area, Ring};
use crate::frames::Frames;
use crate::ops::{PcmOps, Pointer, Trigger, View};
use crate::params::Params;
use crate::units::{Direction, Nanos, Now};

pub(crate) const MS: u64 = 1_000_000;

/// Parameters with a period and a ring of whole frames.
pub(crate) fn params(format: u32, channels: u32, rate: u32, period: u64, periods: u64) -> Params {
    let frame_bits = uapi::pcm::format::physical_width(format).unwrap() * channels;
    let buffer_size = period * periods;
    Params {
        access: 3,
        format,
        channels,
        rate,
        period_size: period,
        buffer_size,
        frame_bits,
        dma_bytes: buffer_size * u64::from(frame_bits) / 8,
        no_period_wakeup: false,
    }
}

/// A moment.
pub(crate) fn at(nanos: u64) -> Now {
    Now {
        monotonic: Nanos(nanos),
        realtime: Nanos(nanos),
        monotonic_raw: Nanos(nanos),
    }
}

/// One substream with its client.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) device: Box<dyn PcmOps>,
    pub(crate) direction: Direction,
    pub(crate) params: Params,
    pub(crate) ring: Ring,
    pub(crate) view: View,
    pub(crate) xrun: bool,
    /// Kept while the device is.
    pub(crate) folder: Option<Folder>,
    frames: Frames,
}

impl Bench {
    /// Opens and configures; not prepared.
    pub(crate) fn new(mut device: Box<dyn PcmOps>, direction: Direction, params: Params) -> Bench {
        let ring = Ring::private(Area::anonymous(params.dma_bytes as usize).unwrap());
        device.open().unwrap();
        device.hw_params(&params, &ring, true).unwrap();
        let frames = Frames::new(&params, &ring).unwrap();
        let view = View {
            stop_threshold: params.buffer_size,
            ..View::default()
        };
        Bench {
            device,
            direction,
            params,
            ring,
            view,
            xrun: false,
            folder: None,
            frames,
        }
    }

    pub(crate) fn prepare(&mut self) {
        self.device.prepare().unwrap();
        self.view = View {
            stop_threshold: self.params.buffer_size,
            ..View::default()
        };
        self.xrun = false;
    }

    pub(crate) fn trigger(&mut self, trigger: Trigger, now: u64) {
        self.device.trigger(trigger, &self.view, &at(now)).unwrap();
    }

    /// Frames that the client can write or read.
    pub(crate) fn avail(&self) -> u64 {
        match self.direction {
            Direction::Playback => self.view.hw + self.params.buffer_size - self.view.appl,
            Direction::Capture => self.view.hw - self.view.appl,
        }
    }

    /// The client writes what fits; returns how many bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> usize {
        let frame = self.frames.frame_bytes();
        let n = ((bytes.len() / frame) as u64).min(self.avail());
        let mut rest = bytes;
        self.frames
            .put(self.view.appl, self.view.appl + n, |piece| {
                let (first, after) = rest.split_at(piece.len());
                piece.copy_from_slice(first);
                rest = after;
            });
        self.view.appl += n;
        n as usize * frame
    }

    /// The client reads what is there.
    pub(crate) fn read(&mut self, into: &mut Vec<u8>) {
        let to = self.view.appl + self.avail();
        self.frames
            .take(self.view.appl, to, |piece| into.extend_from_slice(piece));
        self.view.appl = to;
    }

    /// The core asks for the position.
    pub(crate) fn pointer(&mut self, now: u64) -> u64 {
        match self.device.pointer(&self.view, &at(now)) {
            Pointer::At(position) => {
                assert!(position >= self.view.hw, "position went back");
                self.view.hw = position;
            }
            Pointer::Xrun => self.xrun = true,
        }
        self.view.hw
    }

    pub(crate) fn next(&self) -> Option<u64> {
        self.device.next_event(&self.view).map(|at| at.0)
    }

    /// Plays all of `bytes` from `start` on and drains: as fast as the device's own events ask for. Real sleeps are only
    /// made where a thread has to do its part. Returns when the drain was over.
    pub(crate) fn play(&mut self, bytes: &[u8], start: u64) -> u64 {
        self.prepare();
        let mut done = self.write(bytes);
        self.trigger(Trigger::Start, start);
        let mut now = start;
        for _ in 0..1_000_000 {
            if done == bytes.len() && !self.view.draining {
                self.view.draining = true;
                self.trigger(Trigger::Drain, now);
            }
            now = self
                .next()
                .expect("a running device has a next event")
                .max(now);
            let before = self.view.hw;
            self.pointer(now);
            if self.xrun || (self.view.draining && self.view.hw >= self.view.appl) {
                self.trigger(Trigger::Stop, now);
                return now;
            }
            if self.view.hw == before {
                std::thread::sleep(std::time::Duration::from_micros(50));
            }
            done += self.write(&bytes[done..]);
        }
        panic!("the stream does not end");
    }

    /// Captures `bytes` bytes from `start` on.
    pub(crate) fn record(&mut self, bytes: usize, start: u64) -> Vec<u8> {
        self.prepare();
        self.trigger(Trigger::Start, start);
        let mut now = start;
        let mut out = Vec::new();
        for _ in 0..1_000_000 {
            now = self
                .next()
                .expect("a running device has a next event")
                .max(now);
            let before = self.view.hw;
            self.pointer(now);
            self.read(&mut out);
            if self.xrun || out.len() >= bytes {
                self.trigger(Trigger::Stop, now);
                out.truncate(bytes);
                return out;
            }
            if self.view.hw == before {
                std::thread::sleep(std::time::Duration::from_micros(50));
            }
        }
        panic!("the stream does not come");
    }
}

/// Bytes that do not repeat soon.
pub(crate) fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

/// A folder that goes away with its owner.
#[derive(Debug)]
pub(crate) struct Folder(pub(crate) std::path::PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("hw-backends-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Counts what the current thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl std::alloc::GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: std::alloc::Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
        // SAFETY: the caller keeps to `GlobalAlloc`'s rules, which are `System`'s.
        unsafe { std::alloc::System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: std::alloc::Layout) {
        // SAFETY: as above; the pointer came from `System`.
        unsafe { std::alloc::System.dealloc(pointer, layout) }
    }
}

/// How often `f` allocates.
pub(crate) fn allocations(f: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(std::cell::Cell::get);
    f();
    ALLOCATIONS.with(std::cell::Cell::get) - before
}
