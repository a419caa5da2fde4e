//! How the numbers are taken. The card's calls and the floor's alternate in short rounds, and of each the quickest round
//! counts: what else the machine does then hits both alike, and counts for neither.
#![allow(
    unsafe_code,
    reason = "calls process_vm_readv and ioctl as the floors do, and getrusage"
)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use uapi::pcm::{Status, SyncPtr, XferI};
use zerocopy::FromZeros;

use super::report::{Goal, Row};
use crate::client::{PcmClient, Setup, cmd};
use crate::harness::{Kind, folder, run_command};
use crate::served::Served;

const ROUNDS: usize = 40;
/// Frames of the ring in which throughput is measured.
const RING: usize = 262_144;
const BARE: &str = "a bare FUSE server that answers at once";

/// The bare server, in a mount namespace of its own.
#[derive(Debug)]
struct Bare {
    child: Child,
    folder: tempfile::TempDir,
}

impl Bare {
    fn start() -> io::Result<Bare> {
        let here = std::env::current_exe()?;
        let folder = folder();
        let mut child = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "--"])
            .arg(here.with_file_name("bare-fuse"))
            .arg(folder.path())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            io::BufRead::read_line(&mut io::BufReader::new(out), &mut line)?;
        }
        Ok(Bare { child, folder })
    }

    fn file(&self) -> io::Result<File> {
        let path = format!(
            "/proc/{}/root{}/bare",
            self.child.id(),
            self.folder.path().display()
        );
        std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The quickest of alternating rounds, seconds per call, of each.
pub(super) fn alternate(calls: u32, mut card: impl FnMut(), mut floor: impl FnMut()) -> (f64, f64) {
    let mut best = [f64::MAX; 2];
    for _ in 0..ROUNDS {
        best[0] = best[0].min(round(calls, &mut card));
        best[1] = best[1].min(round(calls, &mut floor));
    }
    (best[0], best[1])
}

/// The time of one of `calls` calls, in seconds.
pub(super) fn round(calls: u32, mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(|_| call());
    start.elapsed().as_secs_f64() / f64::from(calls)
}

pub(super) fn bare_ioctl<T>(file: &File, command: u32, argument: &mut T) {
    let address: *mut T = argument;
    // SAFETY: the bare server writes back zeros for at most the number's size, which is that of `T`.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::c_ulong::from(command), address) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// Round trips of SYNC_PTR, STATUS and a 4 KiB WRITEI.
///
/// # Errors
/// What starting servers and setting up the stream give.
pub fn round_trips() -> io::Result<Vec<Row>> {
    let (served, bare) = (
        Served::start(&["--playback", "null,free-run"]),
        Bare::start()?,
    );
    let (pcm, floor) = (PcmClient::open(&served.node("pcmC0D0p"), 0)?, bare.file()?);
    pcm.set_up(&Setup {
        period: 1024,
        buffer: 8192,
        ..Setup::default()
    })?;
    let row = |name: &str, (card, floor): (f64, f64)| Row {
        name: format!("round trip of {name}"),
        unit: "µs",
        card: card * 1e6,
        floor: floor * 1e6,
        floor_is: BARE,
        goal: Some(Goal::AtMost(1.15)),
    };
    let mut rows = Vec::new();
    let mut sync = SyncPtr::new_zeroed();
    sync.flags = SyncPtr::APPL | SyncPtr::AVAIL_MIN;
    let mut other = sync;
    let ours = || {
        assert!(pcm.call_on(cmd::SYNC_PTR, &mut sync).is_ok());
    };
    rows.push(row(
        "SYNC_PTR",
        alternate(1000, ours, || bare_ioctl(&floor, cmd::SYNC_PTR, &mut other)),
    ));
    let mut other = Status::new_zeroed();
    let ours = || {
        assert!(pcm.status().is_ok());
    };
    rows.push(row(
        "STATUS",
        alternate(1000, ours, || bare_ioctl(&floor, cmd::STATUS, &mut other)),
    ));
    let data = vec![1u8; 4096];
    let mut other = XferI {
        result: 0,
        buf: data.as_ptr() as u64,
        frames: 1024,
    };
    let ours = || {
        assert!(pcm.writei(&data, 1024).is_ok_and(|n| n == 1024));
    };
    rows.push(row(
        "WRITEI, 4 KiB",
        alternate(1000, ours, || bare_ioctl(&floor, cmd::WRITEI, &mut other)),
    ));
    Ok(rows)
}

/// Throughput of WRITEI from 4 to 256 KiB, against one `process_vm_readv` of as much.
///
/// # Errors
/// What starting the server and setting up the stream give.
pub fn throughput() -> io::Result<Vec<Row>> {
    let served = Served::start(&["--playback", "null,free-run"]);
    let pcm = PcmClient::open(&served.node("pcmC0D0p"), 0)?;
    pcm.set_up(&Setup {
        period: 65536,
        buffer: RING as u32,
        ..Setup::default()
    })?;
    let mut rows = Vec::new();
    for kib in [4u64, 16, 64, 256] {
        let bytes = kib as usize * 1024;
        // The floor goes round a ring of the same size, for a copy's speed is that of the caches it fits in.
        let (data, mut ring, mut at) = (vec![1u8; bytes], vec![0u8; RING * 4], 0);
        let ours = || {
            assert!(
                pcm.writei(&data, bytes as u64 / 4)
                    .is_ok_and(|n| n == bytes as u64 / 4)
            );
        };
        let bare = || {
            read_own_memory(&data, &mut ring[at..at + bytes]);
            at = (at + bytes) % (RING * 4);
        };
        let (card, floor) = alternate(200, ours, bare);
        let speed = |seconds: f64| bytes as f64 / seconds / 1e6;
        rows.push(Row {
            name: format!("throughput of WRITEI, {kib} KiB"),
            unit: "MB/s",
            card: speed(card),
            floor: speed(floor),
            floor_is: "process_vm_readv alone, round a ring of the same size",
            goal: Some(Goal::AtLeast(0.85)),
        });
    }
    Ok(rows)
}

fn read_own_memory(from: &[u8], into: &mut [u8]) {
    let local = libc::iovec {
        iov_base: into.as_mut_ptr().cast(),
        iov_len: into.len(),
    };
    let remote = libc::iovec {
        iov_base: from.as_ptr().cast_mut().cast(),
        iov_len: from.len(),
    };
    let me = i32::try_from(std::process::id()).unwrap_or(0);
    // SAFETY: both vectors are whole slices of this process, and `into` is ours to write.
    let n = unsafe { libc::process_vm_readv(me, &raw const local, 1, &raw const remote, 1, 0) };
    assert_eq!(usize::try_from(n).ok(), Some(into.len()));
}

/// CPU time for a minute of sound in 10 ms periods, aplay and daemon together, against aplay on alsa-lib's null plugin.
///
/// # Errors
/// What writing the sound and starting the programs give.
pub fn cpu_of_a_minute() -> io::Result<Vec<Row>> {
    let folder = folder();
    let sound = folder.path().join("minute.raw");
    std::fs::write(&sound, vec![1u8; 60 * 48000 * 4])?;
    let mut rows = Vec::new();
    for (name, flag) in [("read/write", "--"), ("mmap", "-M")] {
        let card = (0..3)
            .map(|_| cpu_of_aplay("hw:0", flag, &sound))
            .fold(f64::MAX, f64::min);
        let floor = (0..3)
            .map(|_| cpu_of_aplay("null", flag, &sound))
            .fold(f64::MAX, f64::min);
        rows.push(Row {
            name: format!("CPU for a minute of sound, {name}"),
            unit: "ms",
            card: card * 1e3,
            floor: floor * 1e3,
            floor_is: "the same aplay on alsa-lib's null plugin, in the same `run`",
            goal: None,
        });
    }
    Ok(rows)
}

fn cpu_of_aplay(device: &str, flag: &str, sound: &Path) -> f64 {
    let sound = sound.to_string_lossy();
    let options = "-q -t raw -f dat --period-size=480 --buffer-size=1920";
    let script = format!("exec aplay -D {device} {options} {flag} {sound}");
    let before = cpu_of_children();
    let mut command = run_command(
        Kind::Root,
        &["--playback", "null,free-run"],
        &["sh", "-c", &script],
        Duration::from_secs(30),
    );
    let ran = command.output();
    assert!(ran.as_ref().is_ok_and(|o| o.status.success()), "{ran:?}");
    cpu_of_children() - before
}

fn cpu_of_children() -> f64 {
    // SAFETY: zeros are a valid rusage.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: getrusage fills the structure it is given.
    unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 * 1e-6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// The daemon's CPU time for 1, 8 and 64 real-time streams, for each stream and second, against that for one.
///
/// # Errors
/// What starting the server and the streams give.
pub fn many_streams() -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut one = None;
    for streams in [1u32, 8, 64] {
        let cost = cost_of_streams(streams)?;
        let floor = *one.get_or_insert(cost);
        rows.push(Row {
            name: format!("daemon's CPU, a stream and second, of {streams}"),
            unit: "ms",
            card: cost * 1e3,
            floor: floor * 1e3,
            floor_is: "one stream alone",
            goal: (streams > 1).then_some(Goal::AtMost(1.15)),
        });
    }
    Ok(rows)
}

fn cost_of_streams(streams: u32) -> io::Result<f64> {
    let served = Served::start(&["--substreams", &streams.to_string()]);
    let node = served.node("pcmC0D0p");
    let clients: Vec<PcmClient> = (0..streams)
        .map(|_| PcmClient::open(&node, 0))
        .collect::<Result<_, _>>()?;
    let seconds = 3u64;
    let before = cpu_of(served.pid());
    thread::scope(|scope| {
        for client in &clients {
            scope.spawn(move || {
                let data = vec![0u8; 480 * 4];
                let set_up = client.set_up(&Setup::default());
                assert!(set_up.is_ok(), "{set_up:?}");
                for _ in 0..seconds * 100 {
                    let _ = client.writei(&data, 480);
                }
            });
        }
    });
    Ok((cpu_of(served.pid()) - before) / f64::from(streams) / seconds as f64)
}

/// CPU seconds of all threads of a process so far.
fn cpu_of(pid: u32) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let nanoseconds = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    nanoseconds.sum::<u64>() as f64 * 1e-9
}
