//! Calls with valid, boundary and invalid arguments, as scripts are made of.

use uapi::pcm::params::Param;
use uapi::pcm::{HwParams, Interval, Mask, SwParams, table};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use crate::client::any;
use crate::oracle::call::{Arg, Buffer, Call, Node};
use crate::oracle::fields::{STATUS_EXT_OLD, STATUS_OLD, SYNC_PTR_OLD};
use crate::oracle::side::{Nodes, Side};

/// The file that most calls are about.
pub const FILE: u8 = 0;
/// A start threshold that is never reached.
pub const NEVER: u64 = 1_000_000_000;
/// POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLWRNORM
pub const EVENTS: i16 = 0x1 | 0x2 | 0x4 | 0x40 | 0x100;

/// How a stream is set up.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Access number.
    pub access: u32,
    /// Format number.
    pub format: u32,
    /// Channels.
    pub channels: u32,
    /// Hz.
    pub rate: u32,
    /// Frames.
    pub period: u32,
    /// Frames.
    pub buffer: u32,
    /// Bytes of a frame.
    pub frame: u32,
}

/// What is compared: a node, and what bounds the calls that make sense on it.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// The node.
    pub node: Node,
    /// Kind of our nodes.
    pub nodes: Nodes,
    /// An ordinary configuration, slow and long.
    pub setup: Setup,
    /// The kernel's driver pins format, rate and channels at PREPARE (snd-aloop): what the device can do is then not asked.
    pub pins: bool,
}

/// An ioctl on [`FILE`].
#[must_use]
pub fn ioctl(cmd: u32, arg: Arg) -> Call {
    Call::Ioctl {
        slot: FILE,
        cmd,
        arg,
    }
}

/// An ioctl without an argument.
#[must_use]
pub fn plain(cmd: u32) -> Call {
    ioctl(cmd, Arg::Value(0))
}

/// An ioctl on a structure.
#[must_use]
pub fn on<T: IntoBytes + zerocopy::Immutable>(cmd: u32, argument: &T) -> Call {
    ioctl(cmd, Arg::Bytes(argument.as_bytes().to_vec()))
}

/// An interval with one value.
#[must_use]
pub const fn single(value: u32) -> Interval {
    Interval {
        min: value,
        max: value,
        flags: Interval::INTEGER,
    }
}

fn one(bit: u32) -> Mask {
    let mut mask = Mask { bits: [0; 8] };
    mask.bits[bit as usize / 32] = 1 << (bit % 32);
    mask
}

/// Sets a parameter.
pub fn fix(p: &mut HwParams, param: Param, value: u32) {
    p.intervals[param as usize - 8] = single(value);
}

impl Setup {
    /// The parameters that ask for it.
    #[must_use]
    pub fn params(&self) -> HwParams {
        let mut p = any();
        p.masks[0] = one(self.access);
        p.masks[1] = one(self.format);
        fix(&mut p, Param::Channels, self.channels);
        fix(&mut p, Param::Rate, self.rate);
        fix(&mut p, Param::PeriodSize, self.period);
        fix(&mut p, Param::BufferSize, self.buffer);
        p
    }

    /// Software parameters: nothing starts by itself.
    #[must_use]
    pub fn software(&self) -> SwParams {
        let mut p = SwParams::new_zeroed();
        p.avail_min = u64::from(self.period);
        p.start_threshold = NEVER;
        p.stop_threshold = u64::from(self.buffer);
        p
    }

    /// Bytes of so many frames.
    #[must_use]
    pub const fn bytes(&self, frames: u32) -> u32 {
        frames * self.frame
    }

    /// Transfers go by one buffer for each channel.
    #[must_use]
    pub const fn is_split(&self) -> bool {
        matches!(self.access, 1 | 4)
    }

    /// The slowest and longest configuration that a node of the kernel takes, without mmap.
    #[must_use]
    pub fn of(kernel: &mut Side, node: Node) -> Option<Setup> {
        let flags = libc::O_RDWR | libc::O_NONBLOCK;
        kernel.reset();
        kernel.play(&Call::Open {
            slot: FILE,
            node,
            flags,
        });
        let mut p = any();
        for access in [3, 4] {
            p.masks[0] = one(access);
            if let Some(found) = ask(kernel, table::HW_REFINE, &p) {
                p = found;
                break;
            }
        }
        let formats = u64::from(p.masks[1].bits[0]) | u64::from(p.masks[1].bits[1]) << 32;
        let format = if formats & 4 != 0 {
            2
        } else {
            formats.trailing_zeros()
        };
        p.masks[1] = one(format);
        for param in [Param::Channels, Param::Rate] {
            let value = p.intervals[param as usize - 8].min;
            fix(&mut p, param, value);
            p.rmask = u32::MAX;
            p = ask(kernel, table::HW_REFINE, &p)?;
        }
        let most = p.intervals[Param::BufferSize as usize - 8].max;
        let periods = p.intervals[Param::Periods as usize - 8];
        let periods = 8.clamp(periods.min.max(2), periods.max);
        let largest = p.intervals[Param::PeriodSize as usize - 8].max;
        let period = (most.min(16000) / periods).min(largest).max(1);
        fix(&mut p, Param::PeriodSize, period);
        fix(&mut p, Param::BufferSize, period * periods);
        p.rmask = u32::MAX;
        let chosen = ask(kernel, table::HW_PARAMS, &p)?;
        kernel.reset();
        let value = |param: Param| chosen.intervals[param as usize - 8].min;
        Some(Setup {
            access: chosen.masks[0].bits[0].trailing_zeros(),
            format,
            channels: value(Param::Channels),
            rate: value(Param::Rate),
            period: value(Param::PeriodSize),
            buffer: value(Param::BufferSize),
            frame: value(Param::FrameBits) / 8,
        })
    }
}

fn ask(kernel: &mut Side, cmd: u32, p: &HwParams) -> Option<HwParams> {
    let outcome = kernel.play(&on(cmd, p));
    (outcome.errno == 0).then(|| HwParams::read_from_bytes(&outcome.bytes).ok())?
}

impl Subject {
    /// Whether it plays.
    #[must_use]
    pub const fn plays(&self) -> bool {
        matches!(self.node, Node::Playback(_))
    }

    /// The transfer that fits its direction and layout.
    #[must_use]
    pub fn transfer(&self, setup: &Setup, frames: u64) -> Call {
        let cmd = match (self.plays(), setup.is_split()) {
            (true, false) => table::WRITEI_FRAMES,
            (false, false) => table::READI_FRAMES,
            (true, true) => table::WRITEN_FRAMES,
            (false, true) => table::READN_FRAMES,
        };
        let arg = if setup.is_split() {
            Arg::XferN { frames, holes: 0 }
        } else {
            Arg::Xfer {
                frames,
                buffer: Buffer::Good,
            }
        };
        ioctl(cmd, arg)
    }

    /// Every call worth making in any state, with `setup` configured.
    #[must_use]
    pub fn calls(&self, setup: &Setup) -> Vec<Call> {
        let mut all = Vec::new();
        actions(self, &mut all);
        numbers(&mut all);
        if self.pins {
            all.push(on(table::HW_PARAMS, &setup.params()));
        } else {
            parameters(setup, &mut all);
        }
        software(setup, &mut all);
        positions(setup, &mut all);
        transfers(setup, &mut all);
        unknown(&mut all);
        nowhere(&mut all);
        pages(self, &mut all);
        all
    }
}

fn actions(subject: &Subject, all: &mut Vec<Call>) {
    use table::{
        DRAIN, DROP, HW_FREE, HWSYNC, LINK, PAUSE, PREPARE, RESET, RESUME, START, UNLINK, XRUN,
    };
    for cmd in [
        HW_FREE, HWSYNC, PREPARE, RESET, START, DROP, DRAIN, RESUME, XRUN, UNLINK,
    ] {
        all.push(plain(cmd));
        all.push(ioctl(cmd, Arg::Value(7)));
    }
    // A mount never sees a value.
    if subject.nodes == Nodes::Cuse {
        for value in [0, 1, 2, -1] {
            all.push(ioctl(PAUSE, Arg::Value(value)));
        }
        all.push(ioctl(LINK, Arg::Value(-1)));
        all.push(ioctl(LINK, Arg::Value(1_000_000)));
        all.push(ioctl(LINK, Arg::Descriptor(FILE)));
        all.push(ioctl(LINK, Arg::Descriptor(7)));
    }
}

fn numbers(all: &mut Vec<Call>) {
    all.push(on(table::PVERSION, &-1));
    all.push(ioctl(table::INFO, Arg::Bytes(vec![0xff; 288])));
    for value in [-1, 0, 1, 2, 3] {
        all.push(on(table::TSTAMP, &value));
        all.push(on(table::TTSTAMP, &value));
    }
    for value in [0, 0x0002_000d, 0x0002_0012, -1] {
        all.push(on(table::USER_PVERSION, &value));
    }
    all.push(on(table::DELAY, &0x55i64));
    for (cmd, data) in [
        (table::STATUS, 0x11),
        (table::STATUS_EXT, 0),
        (table::STATUS_EXT, 1),
        (table::STATUS_EXT, 0x11),
        (table::STATUS_EXT, -1),
    ] {
        let mut status = vec![0xee; 152];
        status[92..96].copy_from_slice(&i32::to_le_bytes(data));
        all.push(ioctl(cmd, Arg::Bytes(status)));
    }
    for channel in [0, 1, 31, u32::MAX] {
        let mut info = vec![0x77; 24];
        info[..4].copy_from_slice(&channel.to_le_bytes());
        all.push(ioctl(table::CHANNEL_INFO, Arg::Bytes(info)));
    }
    for events in [EVENTS, 0x4, 0x1, 0, 0x2008] {
        all.push(Call::Poll { slot: FILE, events });
    }
}

fn parameters(setup: &Setup, all: &mut Vec<Call>) {
    let mut free = setup.params();
    free.intervals = any().intervals;
    let mut wrong = setup.params();
    fix(&mut wrong, Param::Rate, 1);
    let mut quiet = setup.params();
    quiet.flags = 0xf;
    let mut huge = setup.params();
    huge.intervals[Param::TickTime as usize - 8] = single(u32::MAX);
    let mut none = setup.params();
    none.masks[1].bits = [0; 8];
    let mut bits = setup.params();
    bits.msbits = 8;
    bits.rmask = 0;
    for p in [setup.params(), free, wrong, quiet, huge, none, bits] {
        all.push(on(table::HW_PARAMS, &p));
        all.push(on(table::HW_REFINE, &p));
    }
    all.push(on(table::HW_REFINE, &any()));
    // The structures of before 2002.
    let mut old = vec![0xff; 256];
    old[..4].fill(0);
    old[16..160].chunks_exact_mut(12).for_each(|interval| {
        interval.copy_from_slice(&[0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0]);
    });
    old[164..256].fill(0);
    all.push(ioctl(table::HW_REFINE_OLD, Arg::Bytes(old)));
}

fn software(setup: &Setup, all: &mut Vec<Call>) {
    let base = setup.software();
    let buffer = u64::from(setup.buffer);
    let boundary = boundary(buffer);
    let mut push = |change: &dyn Fn(&mut SwParams)| {
        let mut p = base;
        p.reserved = [0x5a; 56];
        change(&mut p);
        all.push(on(table::SW_PARAMS, &p));
    };
    push(&|_| {});
    for mode in [1, 2, -1] {
        push(&|p| p.tstamp_mode = mode);
    }
    for (proto, kind) in [
        (0, 7),
        (0x2000b, 3),
        (0x2000c, 3),
        (0x2000c, 2),
        (0x20012, 1),
        (0x20012, u32::MAX),
    ] {
        push(&|p| (p.proto, p.tstamp_type) = (proto, kind));
    }
    for value in [0, 1, buffer, buffer + 1, boundary, u64::MAX] {
        push(&|p| p.avail_min = value);
        push(&|p| p.start_threshold = value);
        push(&|p| p.stop_threshold = value);
        push(&|p| p.silence_size = value);
        push(&|p| p.silence_threshold = value);
        push(&|p| (p.silence_threshold, p.silence_size) = (value, value));
    }
    push(&|p| (p.silence_threshold, p.silence_size) = (0, boundary));
    push(&|p| (p.silence_threshold, p.silence_size) = (buffer, buffer / 2));
    push(&|p| (p.silence_threshold, p.silence_size, p.stop_threshold) = (0, boundary, boundary));
}

/// Where positions wrap on a 64-bit client's stream.
#[must_use]
pub const fn boundary(buffer: u64) -> u64 {
    let mut boundary = buffer;
    while boundary <= (i64::MAX as u64 - buffer) / 2 {
        boundary *= 2;
    }
    boundary
}

/// SYNC_PTR with these flags and values.
#[must_use]
pub fn sync_ptr(flags: u32, appl: u64, avail_min: u64) -> Call {
    let mut bytes = vec![0xcc; 136];
    bytes[..4].copy_from_slice(&flags.to_le_bytes());
    bytes[72..80].copy_from_slice(&appl.to_le_bytes());
    bytes[80..88].copy_from_slice(&avail_min.to_le_bytes());
    ioctl(table::SYNC_PTR, Arg::Bytes(bytes))
}

fn positions(setup: &Setup, all: &mut Vec<Call>) {
    let (period, buffer) = (u64::from(setup.period), u64::from(setup.buffer));
    let boundary = boundary(buffer);
    for flags in 0..8 {
        all.push(sync_ptr(flags, 0, 1));
        all.push(sync_ptr(flags | 0x8000_0000, period, 0));
    }
    for appl in [1, buffer, buffer + 1, boundary - 1, boundary, u64::MAX] {
        all.push(sync_ptr(4, appl, 5));
        all.push(sync_ptr(1, appl, u64::MAX));
    }
    for frames in [0, 1, 10, period, buffer, boundary, u64::MAX, 1 << 63] {
        all.push(on(table::REWIND, &frames));
        all.push(on(table::FORWARD, &frames));
    }
}

fn transfers(setup: &Setup, all: &mut Vec<Call>) {
    use table::{READI_FRAMES, READN_FRAMES, WRITEI_FRAMES, WRITEN_FRAMES};
    let period = u64::from(setup.period);
    for cmd in [WRITEI_FRAMES, READI_FRAMES] {
        for frames in [0, 1, 20, period] {
            all.push(ioctl(
                cmd,
                Arg::Xfer {
                    frames,
                    buffer: Buffer::Good,
                },
            ));
        }
        for buffer in [Buffer::Null, Buffer::Bad] {
            all.push(ioctl(cmd, Arg::Xfer { frames: 20, buffer }));
            all.push(ioctl(cmd, Arg::Xfer { frames: 0, buffer }));
        }
    }
    for cmd in [WRITEN_FRAMES, READN_FRAMES] {
        for (frames, holes) in [(0, 0), (20, 0), (20, 1), (20, u64::MAX), (period, 2)] {
            all.push(ioctl(cmd, Arg::XferN { frames, holes }));
        }
    }
    // Nothing to write reaches no daemon, see the list.
    for size in [
        1,
        3,
        setup.bytes(1),
        setup.bytes(20),
        setup.bytes(20) + 1,
        setup.bytes(setup.period),
    ] {
        all.push(Call::Read { slot: FILE, size });
        all.push(Call::Write { slot: FILE, size });
    }
}

fn unknown(all: &mut Vec<Call>) {
    // Unknown numbers, another type, known ones of other sizes and directions.
    for cmd in [
        0x4142,
        0x417f,
        0x8004_417f,
        0x8004_4201,
        0x4200,
        0xc000_4112,
        0x8004_4121,
        0x8008_4122,
        0x4004_4100,
    ] {
        all.push(ioctl(cmd, Arg::Bytes(vec![0; 8])));
    }
    // The 32-bit times of old programs, which the kernel takes from anybody.
    for cmd in [STATUS_OLD, STATUS_EXT_OLD, SYNC_PTR_OLD] {
        all.push(ioctl(cmd, Arg::Bytes(vec![0; uapi::ioctl::size(cmd)])));
    }
}

/// Addresses with nothing behind them.
fn nowhere(all: &mut Vec<Call>) {
    for row in table::TABLE {
        if row.shape.reads() || row.shape.writes() {
            all.push(ioctl(row.cmd, Arg::Value(0)));
            all.push(ioctl(row.cmd, Arg::Value(4096)));
        }
    }
}

fn pages(subject: &Subject, all: &mut Vec<Call>) {
    if subject.nodes != Nodes::Mount {
        return;
    }
    for (offset, prot) in [(0x8000_0000, 1), (0x8100_0000, 1), (0x8100_0000, 3)] {
        all.push(Call::Map {
            map: 0,
            slot: FILE,
            offset,
            length: 4096,
            prot,
        });
    }
}
