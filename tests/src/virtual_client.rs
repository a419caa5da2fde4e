//! What a client of [`FakeKernel`] says most often.

use cuse_pcm::card::{Card, Identity, PcmDevice};
use cuse_pcm::pcm::Substream;
use cuse_pcm::request::{FileHandle, Node};
use hw_backends::ops::PcmOps;
use hw_backends::units::Direction;
use uapi::pcm::params::Param;
use uapi::pcm::{HwParams, Interval, Mask, SwParams, XferI, table};
use zerocopy::FromZeros;

use crate::fake_kernel::{BUFFER, FakeKernel};

/// `O_RDWR`.
pub const O_RDWR: u32 = 2;
/// `O_NONBLOCK`.
pub const O_NONBLOCK: u32 = 0o4000;
/// `O_APPEND`.
pub const O_APPEND: u32 = 0o2000;
/// The playback node of device 0.
pub const PLAYBACK: Node = Node::Pcm {
    device: 0,
    direction: Direction::Playback,
};
/// The capture node of device 0.
pub const CAPTURE: Node = Node::Pcm {
    device: 0,
    direction: Direction::Capture,
};

/// How a stream is set up: S16_LE at 8000 Hz.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Access number (3 RW_INTERLEAVED, 4 RW_NONINTERLEAVED).
    pub access: u32,
    /// Channels.
    pub channels: u32,
    /// Period, frames.
    pub period: u32,
    /// Ring, frames.
    pub buffer: u32,
    /// Frames that start the stream.
    pub start_threshold: u64,
}

impl Default for Setup {
    fn default() -> Setup {
        let start_threshold = 1_000_000;
        Setup {
            access: 3,
            channels: 1,
            period: 1000,
            buffer: 16000,
            start_threshold,
        }
    }
}

/// The parameters of a set-up, everything asked to be refined.
#[must_use]
pub fn hw_params(setup: &Setup) -> HwParams {
    let mut p = HwParams::new_zeroed();
    p.rmask = u32::MAX;
    let masks = [1 << setup.access, 1 << 2, u32::MAX];
    p.masks = masks.map(|word| Mask {
        bits: [word, 0, 0, 0, 0, 0, 0, 0],
    });
    p.intervals = [Interval {
        min: 0,
        max: u32::MAX,
        flags: 0,
    }; 12];
    let mut fix = |param: Param, value| {
        let interval = Interval {
            min: value,
            max: value,
            flags: Interval::INTEGER,
        };
        p.intervals[param as usize - Param::SampleBits as usize] = interval;
    };
    fix(Param::Channels, setup.channels);
    fix(Param::Rate, 8000);
    fix(Param::PeriodSize, setup.period);
    fix(Param::BufferSize, setup.buffer);
    p
}

/// Wake-ups each period, an xrun when the ring ran empty or full.
#[must_use]
pub fn sw_params(setup: &Setup) -> SwParams {
    SwParams {
        period_step: 1,
        avail_min: u64::from(setup.period),
        start_threshold: setup.start_threshold,
        stop_threshold: u64::from(setup.buffer),
        ..SwParams::new_zeroed()
    }
}

/// A card with one PCM device of these substreams.
#[must_use]
pub fn card(playback: Vec<Box<dyn PcmOps>>, capture: Vec<Box<dyn PcmOps>>) -> Card {
    let substreams = |ops: Vec<Box<dyn PcmOps>>, direction| {
        ops.into_iter()
            .map(|ops| Substream::new(ops, direction))
            .collect()
    };
    let playback = substreams(playback, Direction::Playback);
    let capture = substreams(capture, Direction::Capture);
    let device = PcmDevice::new(0, "PCM", "A PCM device", playback, capture);
    Card::new(Identity::default(), vec![device])
}

/// Configures a file and prepares it.
///
/// # Panics
/// If a call fails.
pub fn prepare(kernel: &mut FakeKernel, file: FileHandle, setup: &Setup) {
    kernel
        .ioctl(file, table::HW_PARAMS, &mut hw_params(setup))
        .expect("HW_PARAMS");
    kernel
        .ioctl(file, table::SW_PARAMS, &mut sw_params(setup))
        .expect("SW_PARAMS");
    kernel
        .ioctl_value(file, table::PREPARE, 0)
        .expect("PREPARE");
}

/// The argument of WRITEI and READI for `frames` frames at [`BUFFER`].
#[must_use]
pub fn frames(frames: u64) -> XferI {
    XferI {
        result: -777,
        buf: BUFFER,
        frames,
    }
}
