//! The kernel's recorded answers, operation by operation in every state, are given by the files of a card as well.
//!
//! Each row is played on a fresh descriptor in virtual time, with a device that moves as the recorded driver's does. A
//! signal comes after 1 s and again every 3 s, and its handler was installed with SA_RESTART, as when recording.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::fmt::Write as _;

use cuse_pcm::request::{FileHandle, Node};
use cuse_pcm_tests::fake_kernel::{ARG, Answered, BUFFER, FakeKernel};
use cuse_pcm_tests::oracle::names::state_name;
use cuse_pcm_tests::oracle_device::{Grain, OracleDevice};
use cuse_pcm_tests::oracle_hardware::hardware;
use cuse_pcm_tests::virtual_client::{self, O_NONBLOCK, O_RDWR, Setup, hw_params, sw_params};
use hw_backends::ops::PcmOps;
use hw_backends::units::{Direction, Nanos};
use uapi::Errno;
use uapi::pcm::{ChannelInfo, Info, Status, SyncPtr, XferI, XferN, table};
use zerocopy::FromZeros;

/// RW_INTERLEAVED, S16_LE, 1 channel at 8000 Hz, period 1000, buffer 16000 frames.
const SETUP: Setup = Setup {
    access: 3,
    channels: 1,
    period: 1000,
    buffer: 16000,
    start_threshold: 1_000_000,
};
/// The descriptor number of the file under test.
const SELF: i32 = 5;
/// POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM.
const EVENTS: u32 = 0x1 | 0x4 | 0x40 | 0x100;
/// POLLERR | POLLHUP: reported whether asked for or not.
const ALWAYS: u32 = 0x8 | 0x10;
/// How far positions that follow the clock may differ: two timer ticks of the recorded kernel at 8000 Hz.
const BOUND: i64 = 64;
/// Calls that never reach the files: the kernel, or another part of the card, answers them; vectors arrive flattened.
const NOT_REQUESTS: [&str; 6] = [
    "mmap data",
    "mmap status",
    "mmap control",
    "writev(1seg)",
    "writev(2seg)",
    "readv(1seg)",
];

/// An answer to read(2) cannot ask the kernel to start the call anew: −512 is not taken from a FUSE or CUSE daemon there.
const NO_RESTART: &str = "a signal ends a read(2) with EINTR, also under SA_RESTART";

/// Rows that are answered otherwise than recorded, and why: driver, direction, mode, state, operation.
const DIFFERENCES: &[([&str; 5], &str)] = &[
    (
        [
            "dummy",
            "capture",
            "blocking",
            "PREPARED(empty)",
            "read(20)",
        ],
        NO_RESTART,
    ),
    (
        ["dummy", "capture", "blocking", "PREPARED(data)", "read(20)"],
        NO_RESTART,
    ),
    (
        [
            "aloop",
            "capture",
            "blocking",
            "PREPARED(empty)",
            "read(20)",
        ],
        NO_RESTART,
    ),
    (
        ["aloop", "capture", "blocking", "PREPARED(data)", "read(20)"],
        NO_RESTART,
    ),
];

/// One recording.
#[derive(Clone, Copy)]
struct Recording {
    driver: &'static str,
    direction: Direction,
    nonblock: bool,
    text: &'static str,
}

macro_rules! recording {
    ($driver:literal, $direction:ident, $way:literal, $nonblock:literal, $mode:literal) => {
        Recording {
            driver: $driver,
            direction: Direction::$direction,
            nonblock: $nonblock,
            text: include_str!(concat!(
                "../kernel-answers/states-",
                $driver,
                "-",
                $way,
                "-",
                $mode,
                ".tsv"
            )),
        }
    };
}

#[derive(Debug)]
struct Row<'a> {
    state: &'a str,
    before: &'a str,
    operation: &'a str,
    result: &'a str,
    after: &'a str,
    detail: Option<&'a str>,
}

fn rows(text: &str) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for line in text.lines() {
        if let Some(detail) = line.strip_prefix("\t\t\t\t\t") {
            rows.last_mut().expect("a row before its detail").detail = Some(detail);
            continue;
        }
        let columns: Vec<_> = line.split('\t').collect();
        if let [state, before, operation, result, after] = columns[..] {
            rows.push(Row {
                state,
                before,
                operation,
                result,
                after,
                detail: None,
            });
        }
    }
    rows
}

/// What a row came to.
#[derive(Debug, PartialEq)]
struct Outcome {
    before: String,
    result: String,
    after: String,
    detail: Option<String>,
}

/// A descriptor under test.
struct Bench {
    kernel: FakeKernel,
    file: FileHandle,
    playback: bool,
    nonblock: bool,
}

impl Bench {
    fn new(recording: &Recording) -> Bench {
        let (card, grain) = match recording.driver {
            "dummy" => (0, Grain::Micros),
            _ => (7, Grain::Jiffies),
        };
        let make = |letter| -> Vec<Box<dyn PcmOps>> {
            let hardware = hardware(&format!("pcmC{card}D0{letter}"));
            vec![Box::new(OracleDevice::new(hardware, grain))]
        };
        let mut kernel = FakeKernel::new(virtual_client::card(make('p'), make('c')), 0x10000);
        let node = Node::Pcm {
            device: 0,
            direction: recording.direction,
        };
        let nonblock = if recording.nonblock { O_NONBLOCK } else { 0 };
        kernel.memory.set_flags(Some(O_RDWR | nonblock));
        let file = kernel.open(node, O_RDWR | nonblock).expect("open");
        kernel.memory.set_descriptor(SELF, file);
        let playback = recording.direction == Direction::Playback;
        Bench {
            kernel,
            file,
            playback,
            nonblock: recording.nonblock,
        }
    }

    fn value(&mut self, cmd: u32) -> Result<i64, Errno> {
        self.kernel.ioctl_value(self.file, cmd, 0)
    }

    fn set_up(&mut self) {
        self.kernel
            .ioctl(self.file, table::HW_PARAMS, &mut hw_params(&SETUP))
            .expect("HW_PARAMS");
        self.kernel
            .ioctl(self.file, table::SW_PARAMS, &mut sw_params(&SETUP))
            .expect("SW_PARAMS");
    }

    fn fill(&mut self) {
        if self.playback {
            let mut x = XferI {
                result: 0,
                buf: BUFFER,
                frames: 4000,
            };
            self.kernel
                .ioctl(self.file, table::WRITEI_FRAMES, &mut x)
                .expect("WRITEI");
            assert_eq!(x.result, 4000);
        }
    }

    fn start(&mut self) {
        self.set_up();
        self.value(table::PREPARE).expect("PREPARE");
        self.fill();
        self.value(table::START).expect("START");
    }

    /// As the recording's README says.
    fn bring(&mut self, state: &str) {
        match state {
            "OPEN" => {}
            "SETUP" => self.set_up(),
            "PREPARED(empty)" | "PREPARED(data)" => {
                self.set_up();
                self.value(table::PREPARE).expect("PREPARE");
                if state == "PREPARED(data)" {
                    self.fill();
                }
            }
            "RUNNING" => self.start(),
            "XRUN" => {
                self.start();
                self.value(table::XRUN).expect("XRUN");
            }
            "DRAINING" => {
                self.start();
                if !self.playback {
                    // 250 ms were slept, and the timer tick after that waited for.
                    self.kernel.advance(Nanos(258_000_000));
                }
                let flags = if self.nonblock { O_NONBLOCK } else { 0 };
                self.kernel.memory.set_flags(Some(O_RDWR | O_NONBLOCK));
                assert_eq!(self.value(table::DRAIN), Err(Errno::EAGAIN));
                self.kernel.memory.set_flags(Some(O_RDWR | flags));
            }
            "PAUSED" => {
                self.start();
                self.kernel.advance(Nanos(130_300_000));
                self.kernel
                    .ioctl_value(self.file, table::PAUSE, 1)
                    .expect("PAUSE");
            }
            other => panic!("No way into {other}"),
        }
    }

    fn status(&mut self) -> Status {
        let mut status = Status::new_zeroed();
        self.kernel
            .ioctl(self.file, table::STATUS, &mut status)
            .expect("STATUS");
        status
    }

    fn state(&mut self) -> &'static str {
        state_name(self.status().state)
    }

    /// Waits as the recorded program did: a signal after 1 s and then every 3 s; a call that is to be restarted is.
    fn wait(
        &mut self,
        mut start: impl FnMut(&mut Bench) -> cuse_pcm::request::RequestId,
    ) -> Option<Answered> {
        let mut id = start(self);
        for seconds in [1, 3, 3, 3] {
            let signal = self.kernel.now().monotonic.0 + seconds * 1_000_000_000;
            loop {
                let left = signal.saturating_sub(self.kernel.now().monotonic.0);
                match self.kernel.wait(id, Nanos(left)) {
                    Some(answer) if answer.result() == Err(Errno::ERESTARTSYS) => id = start(self),
                    Some(answer) => return Some(answer),
                    None => break,
                }
            }
            self.kernel.interrupt(id);
        }
        None
    }

    fn run(&mut self, operation: &str) -> (Result<i64, Errno>, Option<String>) {
        if let Some(done) = self.run_plain(operation) {
            return (done, None);
        }
        if let Some((cmd, frames)) = transfer_ioctl(operation) {
            return self.transfer(cmd, frames);
        }
        match operation {
            "read(20)" | "write(20)" | "write(3)" | "write(0)" => self.read_write(operation),
            "DRAIN" => {
                let from = self.kernel.now().monotonic.0;
                let file = self.file;
                let answer = self.wait(|b| b.kernel.start_ioctl(file, table::DRAIN, 0));
                let took = (self.kernel.now().monotonic.0 - from) as f64 / 1e9;
                (
                    answer.expect("DRAIN ends").result(),
                    Some(format!("[{took:.2}s]")),
                )
            }
            "poll" => {
                let Answered::Ready(events) = self.kernel.poll(self.file, EVENTS, None) else {
                    panic!("poll answers events");
                };
                let events = events & (EVENTS | ALWAYS);
                let shown = if events == 0 {
                    "0".into()
                } else {
                    format!("{events:#x}")
                };
                (Ok(0), Some(format!("[revents={shown}]")))
            }
            _ => self.run_positions(operation),
        }
    }

    /// Operations without a detail.
    fn run_plain(&mut self, operation: &str) -> Option<Result<i64, Errno>> {
        let (k, file) = (&mut self.kernel, self.file);
        Some(match operation {
            "INFO" => k.ioctl(file, table::INFO, &mut Info::new_zeroed()),
            "TSTAMP" => k.ioctl(file, table::TSTAMP, &mut 1_i32),
            "TTSTAMP=1" => k.ioctl(file, table::TTSTAMP, &mut 1_i32),
            "TTSTAMP=3" => k.ioctl(file, table::TTSTAMP, &mut 3_i32),
            "USER_PVERSION" => k.ioctl(file, table::USER_PVERSION, &mut table::VERSION.clone()),
            "HW_REFINE" => k.ioctl(file, table::HW_REFINE, &mut hw_params(&SETUP)),
            "HW_PARAMS" => k.ioctl(file, table::HW_PARAMS, &mut hw_params(&SETUP)),
            "SW_PARAMS" => k.ioctl(file, table::SW_PARAMS, &mut sw_params(&SETUP)),
            "STATUS_EXT" => k.ioctl(file, table::STATUS_EXT, &mut Status::new_zeroed()),
            "CHANNEL_INFO" => k.ioctl(file, table::CHANNEL_INFO, &mut ChannelInfo::new_zeroed()),
            "CHANNEL_INFO(bad ch)" => {
                let mut info = ChannelInfo {
                    channel: 99,
                    ..ChannelInfo::new_zeroed()
                };
                k.ioctl(file, table::CHANNEL_INFO, &mut info)
            }
            "HW_FREE" => k.ioctl_value(file, table::HW_FREE, 0),
            "HWSYNC" => k.ioctl_value(file, table::HWSYNC, 0),
            "PREPARE" => k.ioctl_value(file, table::PREPARE, 0),
            "RESET" => k.ioctl_value(file, table::RESET, 0),
            "START" => k.ioctl_value(file, table::START, 0),
            "DROP" => k.ioctl_value(file, table::DROP, 0),
            "RESUME" => k.ioctl_value(file, table::RESUME, 0),
            "XRUN" => k.ioctl_value(file, table::XRUN, 0),
            "PAUSE=1" => k.ioctl_value(file, table::PAUSE, 1),
            "PAUSE=0" => k.ioctl_value(file, table::PAUSE, 0),
            "LINK(-1)" => k.ioctl_value(file, table::LINK, u64::from(u32::MAX)),
            "LINK(self)" => k.ioctl_value(file, table::LINK, SELF as u64),
            "UNLINK" => k.ioctl_value(file, table::UNLINK, 0),
            "ioctl 'A' 0x7f" => k.ioctl_value(file, 0x417f, 0),
            "ioctl 'B' 1" => k.ioctl_value(file, 0x4201, 0),
            _ => return None,
        })
    }

    fn run_positions(&mut self, operation: &str) -> (Result<i64, Errno>, Option<String>) {
        let (k, file) = (&mut self.kernel, self.file);
        match operation {
            "PVERSION" => {
                let mut version = 0_u32;
                (
                    k.ioctl(file, table::PVERSION, &mut version),
                    Some(format!("[{version:#x}]")),
                )
            }
            "STATUS" => {
                let mut s = Status::new_zeroed();
                let result = k.ioctl(file, table::STATUS, &mut s);
                (
                    result,
                    Some(format!(
                        "[st={} avail={} delay={}]",
                        s.state, s.avail, s.delay
                    )),
                )
            }
            "DELAY" => {
                let mut delay = -99_i64;
                (
                    k.ioctl(file, table::DELAY, &mut delay),
                    Some(format!("[{delay}]")),
                )
            }
            "REWIND 10" | "REWIND 0" | "FORWARD 10" | "FORWARD 0" => {
                let (name, frames) = operation.split_once(' ').unwrap();
                let mut arg: i64 = frames.parse().unwrap();
                let cmd = if name == "REWIND" {
                    table::REWIND
                } else {
                    table::FORWARD
                };
                (k.ioctl(file, cmd, &mut arg), Some(format!("[arg={arg}]")))
            }
            _ => self.run_sync_ptr(operation),
        }
    }

    fn run_sync_ptr(&mut self, operation: &str) -> (Result<i64, Errno>, Option<String>) {
        let mut s = SyncPtr {
            flags: SyncPtr::APPL | SyncPtr::AVAIL_MIN,
            ..SyncPtr::new_zeroed()
        };
        match operation {
            "SYNC_PTR=0" => {
                self.kernel
                    .ioctl(self.file, table::SYNC_PTR, &mut s)
                    .expect("SYNC_PTR");
                s.flags = 0;
                let result = self.kernel.ioctl(self.file, table::SYNC_PTR, &mut s);
                let (state, hw, appl) = (s.status.state, s.status.hw_ptr, s.control.appl_ptr);
                (result, Some(format!("[st={state} hw={hw} appl={appl}]")))
            }
            "SYNC_PTR=HWSYNC|APPL|AVAIL" => {
                s.flags |= SyncPtr::HWSYNC;
                (self.kernel.ioctl(self.file, table::SYNC_PTR, &mut s), None)
            }
            "SYNC_PTR=APPL|AVAIL" => {
                let result = self.kernel.ioctl(self.file, table::SYNC_PTR, &mut s);
                (result, Some(format!("[am={}]", s.control.avail_min)))
            }
            other => panic!("Unknown operation {other}"),
        }
    }

    fn transfer(&mut self, cmd: u32, frames: u64) -> (Result<i64, Errno>, Option<String>) {
        let file = self.file;
        let answer = if cmd == table::WRITEN_FRAMES || cmd == table::READN_FRAMES {
            self.kernel.put(BUFFER, &[BUFFER + 64, BUFFER + 0x1000]);
            let x = XferN {
                result: -777,
                bufs: BUFFER,
                frames,
            };
            self.wait(|b| b.kernel.start_struct(file, cmd, &x))
        } else {
            let x = XferI {
                result: -777,
                buf: BUFFER,
                frames,
            };
            self.wait(|b| b.kernel.start_struct(file, cmd, &x))
        };
        let result = self.kernel.get::<i64>(ARG);
        (
            answer.expect("the transfer ends").result(),
            Some(format!("[result={result}]")),
        )
    }

    fn read_write(&mut self, operation: &str) -> (Result<i64, Errno>, Option<String>) {
        let (name, rest) = operation.split_once('(').unwrap();
        let size: usize = rest.trim_end_matches(')').parse().unwrap();
        let file = self.file;
        let flags = if self.nonblock {
            O_RDWR | O_NONBLOCK
        } else {
            O_RDWR
        };
        let answer = match name {
            "read" => self.wait(|b| b.kernel.start_read(file, size, flags)),
            _ => self.wait(|b| b.kernel.start_write(file, &vec![0; size], flags)),
        };
        let result = answer.expect("the transfer ends").result();
        (result, result.ok().map(|n| format!("[n={n}]")))
    }
}

fn transfer_ioctl(operation: &str) -> Option<(u32, u64)> {
    let (name, frames) = operation.split_once(' ')?;
    let cmd = match name {
        "WRITEI" => table::WRITEI_FRAMES,
        "READI" => table::READI_FRAMES,
        "WRITEN" => table::WRITEN_FRAMES,
        "READN" => table::READN_FRAMES,
        _ => return None,
    };
    Some((cmd, frames.parse().ok()?))
}

fn play(recording: &Recording, row: &Row<'_>) -> Outcome {
    let mut bench = Bench::new(recording);
    bench.bring(row.state);
    let before = bench.state();
    let (result, detail) = bench.run(row.operation);
    let after = bench.state();
    assert!(
        bench.kernel.answered_twice().is_empty(),
        "{row:?} is answered twice"
    );
    assert_eq!(
        bench.kernel.files.parked_requests(),
        0,
        "{row:?} leaves a request behind"
    );
    Outcome {
        before: before.into(),
        result: result.map_or_else(|errno| errno.to_string(), |_| "ok".into()),
        after: if after == before {
            "=".into()
        } else {
            after.into()
        },
        detail,
    }
}

/// The numbers of a detail, and what stands between them.
fn numbers(detail: &str) -> (String, Vec<i64>) {
    let shape = detail.replace(|c: char| c.is_ascii_digit() || c == '-', "");
    let split = detail.split(|c: char| !c.is_ascii_digit() && c != '-');
    (shape, split.filter_map(|n| n.parse().ok()).collect())
}

/// Whether a detail is the recorded one. Where `moves` is set, positions may differ by [`BOUND`]; the state, which comes
/// first, may not. A time may differ by 10 ms.
fn same_detail(ours: &str, recorded: &str, moves: bool) -> bool {
    let time = |detail: &str| {
        detail
            .strip_prefix('[')?
            .strip_suffix("s]")?
            .parse::<f64>()
            .ok()
    };
    if let (Some(ours), Some(recorded)) = (time(ours), time(recorded)) {
        return (ours - recorded).abs() < 0.011;
    }
    let ((shape, ours_numbers), (recorded_shape, recorded_numbers)) =
        (numbers(ours), numbers(recorded));
    let state = |detail: &str| detail.starts_with("[st=");
    let mut pairs = ours_numbers.iter().zip(recorded_numbers);
    let first = !state(ours) || pairs.next().is_some_and(|(a, b)| *a == b);
    let near =
        moves && shape == recorded_shape && first && pairs.all(|(a, b)| (a - b).abs() <= BOUND);
    ours == recorded || near
}

fn agrees(row: &Row<'_>, ours: &Outcome) -> bool {
    let moves = matches!(row.before, "RUNNING" | "DRAINING" | "PAUSED")
        && matches!(row.operation, "STATUS" | "DELAY" | "SYNC_PTR=0");
    let detail = match (row.detail, &ours.detail) {
        (Some(recorded), Some(ours)) => same_detail(ours, recorded, moves),
        (Some(_), None) => false,
        (None, _) => true,
    };
    let ours = (
        ours.before.as_str(),
        ours.result.as_str(),
        ours.after.as_str(),
    );
    detail && ours == (row.before, row.result, row.after)
}

fn replay(recording: &Recording) {
    let direction = match recording.direction {
        Direction::Playback => "playback",
        Direction::Capture => "capture",
    };
    let mode = if recording.nonblock {
        "nonblocking"
    } else {
        "blocking"
    };
    let (mut played, mut report) = (0, String::new());
    for row in rows(recording.text) {
        if NOT_REQUESTS.contains(&row.operation) {
            continue;
        }
        let ours = play(recording, &row);
        let key = [recording.driver, direction, mode, row.state, row.operation];
        let listed = DIFFERENCES.iter().any(|(difference, _)| *difference == key);
        match (agrees(&row, &ours), listed) {
            (false, false) => writeln!(report, "{row:?}\n    gives {ours:?}").unwrap(),
            (true, true) => writeln!(report, "{key:?} differs no more: strike it").unwrap(),
            _ => {}
        }
        played += 1;
    }
    assert!(
        report.is_empty(),
        "{} {direction} {mode}:\n{report}",
        recording.driver
    );
    let least = if recording.driver == "dummy" {
        7 * 48
    } else {
        8 * 48
    };
    assert_eq!(played, least, "every row of the recording is played");
}

macro_rules! recordings {
    ($($name:ident: $driver:literal $direction:ident $way:literal $nonblock:literal $mode:literal;)*) => {
        $(#[test]
        fn $name() {
            replay(&recording!($driver, $direction, $way, $nonblock, $mode));
        })*
    };
}

recordings! {
    dummy_playback_blocking: "dummy" Playback "playback" false "blocking";
    dummy_playback_nonblocking: "dummy" Playback "playback" true "nonblocking";
    dummy_capture_blocking: "dummy" Capture "capture" false "blocking";
    dummy_capture_nonblocking: "dummy" Capture "capture" true "nonblocking";
    aloop_playback_blocking: "aloop" Playback "playback" false "blocking";
    aloop_playback_nonblocking: "aloop" Playback "playback" true "nonblocking";
    aloop_capture_blocking: "aloop" Capture "capture" false "blocking";
    aloop_capture_nonblocking: "aloop" Capture "capture" true "nonblocking";
}

#[test]
fn a_detail_differs_in_state_shape_time_and_far_positions_only() {
    assert!(same_detail(
        "[st=3 avail=10 delay=5]",
        "[st=3 avail=74 delay=5]",
        true
    ));
    assert!(!same_detail(
        "[st=3 avail=10 delay=5]",
        "[st=3 avail=75 delay=5]",
        true
    ));
    assert!(!same_detail(
        "[st=3 avail=10 delay=5]",
        "[st=3 avail=11 delay=5]",
        false
    ));
    assert!(!same_detail(
        "[st=3 avail=10 delay=5]",
        "[st=4 avail=10 delay=5]",
        true
    ));
    assert!(!same_detail("[0.00s]", "[0.50s]", true));
    assert!(same_detail("[0.50s]", "[0.51s]", false));
}
