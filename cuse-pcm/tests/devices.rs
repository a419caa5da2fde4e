//! The core and the real devices together, in virtual time: what a client plays is in the file, what is in the file is
//! captured, and a cable carries every frame once.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cuse_pcm::pcm::{Drain, Layout, State, Step, Substream};
use hw_backends::dma::PrivateBacking;
use hw_backends::registry::{self, Devices, Options, Side};
use hw_backends::units::{Direction, Nanos, Now};
use uapi::pcm::HwParams;
use uapi::pcm::params::Param;
use zerocopy::FromZeros;

const MS: u64 = 1_000_000;

struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("devices-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn devices(playback: Option<&str>, capture: Option<&str>) -> Devices {
    let side = |spec: Option<&str>| {
        spec.map(|spec| Side {
            spec: spec.parse().unwrap(),
            substreams: 1,
            gain: std::sync::Arc::default(),
            like: None,
        })
    };
    let (playback, capture) = (side(playback), side(capture));
    registry::open(playback.as_ref(), capture.as_ref(), &Options::default()).unwrap()
}

fn at(nanos: u64) -> Now {
    Now {
        monotonic: Nanos(nanos),
        ..Now::default()
    }
}

/// A client of one substream: S16_LE, 2 channels, 48 kHz.
struct Client {
    stream: Substream,
    bytes: Vec<u8>,
    done: usize,
    draining: bool,
}

impl Client {
    fn new(device: Box<dyn hw_backends::ops::PcmOps>, direction: Direction, period: u32) -> Client {
        let mut stream = Substream::new(device, direction);
        let backing = Box::<PrivateBacking>::default();
        stream.open(backing, true, &at(0)).unwrap();
        let mut p = HwParams::new_zeroed();
        p.rmask = u32::MAX;
        p.masks
            .iter_mut()
            .for_each(|mask| mask.bits = [u32::MAX; 8]);
        p.intervals.iter_mut().for_each(|i| i.max = u32::MAX);
        p.masks[0].bits = [1 << 3, 0, 0, 0, 0, 0, 0, 0];
        p.masks[1].bits = [1 << 2, 0, 0, 0, 0, 0, 0, 0];
        let wanted = [
            (Param::Channels, 2),
            (Param::Rate, 48_000),
            (Param::PeriodSize, period),
            (Param::Periods, 4),
        ];
        for (param, value) in wanted {
            let interval = &mut p.intervals[param as usize - 8];
            (interval.min, interval.max) = (value, value);
        }
        stream.hw_params(&mut p, &at(0)).unwrap();
        stream.prepare(None, &at(0)).unwrap();
        Client {
            stream,
            bytes: Vec::new(),
            done: 0,
            draining: false,
        }
    }

    /// Moves as many frames as go without waiting.
    fn transfer(&mut self, now: u64) {
        let now = at(now);
        let frames = ((self.bytes.len() - self.done) / 4) as u64;
        let Ok(mut t) = self
            .stream
            .begin_transfer(Layout::Interleaved, frames, false, &now)
        else {
            return;
        };
        loop {
            match self.stream.next_step(&mut t, &now) {
                Step::Copy(chunk) => {
                    let area = self.stream.ring_part(&chunk, None).unwrap();
                    let begin = self.done + chunk.done_frames as usize * 4;
                    let part = &mut self.bytes[begin..begin + chunk.frames as usize * 4];
                    match self.stream.direction() {
                        Direction::Playback => area.write(0, part),
                        Direction::Capture => area.read(0, part),
                    };
                    self.stream.commit(&mut t, &chunk, Ok(()), &now);
                }
                Step::Wait { .. } => panic!("a nonblocking client waits"),
                Step::Done(result) => {
                    self.done += result.unwrap_or(0) as usize * 4;
                    return;
                }
            }
        }
    }

    /// Does what is due at `now`, as the device's deadline says.
    fn serve(&mut self, now: u64) {
        self.stream.elapsed(&at(now));
        if self.done < self.bytes.len() {
            self.transfer(now);
        } else if self.stream.direction() == Direction::Playback && !self.draining {
            self.draining = true;
            let drain = self.stream.drain(false, &at(now)).unwrap();
            assert!(matches!(drain, Drain::Wait { .. } | Drain::Done));
        }
    }

    fn next(&self) -> Option<u64> {
        self.stream.next_event().map(|at| at.0)
    }

    /// Until all is played, or captured.
    fn run(&mut self, start: u64) -> u64 {
        let mut now = start;
        for _ in 0..200_000 {
            let over = match self.stream.direction() {
                Direction::Playback => self.draining && self.stream.state() == State::Setup,
                Direction::Capture => self.done == self.bytes.len(),
            };
            if over {
                return now;
            }
            let next = self.next().unwrap().max(now);
            if next - now <= MS {
                // A file's thread may need a moment: time does not run ahead of it.
                std::thread::sleep(Duration::from_nanos((next - now).max(20_000)));
            }
            now = next;
            self.serve(now);
        }
        panic!("it does not end: {:?}", self.stream.snapshot());
    }
}

/// Noise without a silent frame.
fn noise(frames: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8 | 1
    };
    std::iter::repeat_with(next).take(frames * 4).collect()
}

fn play(spec: &str, bytes: &[u8], period: u32) -> u64 {
    let device = devices(Some(spec), None).playback.remove(0);
    let mut client = Client::new(device, Direction::Playback, period);
    client.bytes = bytes.to_vec();
    client.transfer(0);
    if client.stream.state() == State::Prepared {
        client.stream.start(&at(0)).unwrap();
    }
    client.run(0)
}

#[test]
fn played_sound_is_in_the_file_when_the_drain_returns() {
    for (options, period) in [
        ("", 480),
        (",free-run", 480),
        (",free-run", 17),
        (",free-run", 5000),
    ] {
        let folder = Folder::new();
        let path = folder.0.join("a.wav");
        let bytes = noise(30_011);

        let end = play(&format!("wav:{}{options}", path.display()), &bytes, period);

        assert!(
            std::fs::read(&path).unwrap()[44..] == bytes,
            "{options} {period}"
        );
        if options.is_empty() {
            let exact = (30_011 * 1_000_000_000u64).div_ceil(48_000);
            assert!((exact..exact + 100 * MS).contains(&end), "{end}");
        }
    }
}

#[test]
fn captured_sound_is_the_files() {
    for options in ["", ",free-run"] {
        let folder = Folder::new();
        let path = folder.0.join("a.wav");
        let bytes = noise(30_011);
        play(&format!("wav:{},free-run", path.display()), &bytes, 480);
        let spec = format!("wav:{}{options}", path.display());
        let device = devices(None, Some(&spec)).capture.remove(0);
        let mut client = Client::new(device, Direction::Capture, 480);
        client.bytes = vec![0xee; bytes.len() + 4000];
        client.stream.start(&at(0)).unwrap();

        client.run(0);

        assert!(client.bytes[..bytes.len()] == bytes);
        assert_eq!(client.bytes[bytes.len()..], [0; 4000]);
        assert_eq!(client.stream.snapshot().xruns, 0);
    }
}

#[test]
fn a_cable_carries_every_frame_once() {
    for (period, other) in [(480, 480), (100, 999), (1024, 64)] {
        let mut both = devices(Some("loopback"), Some("loopback"));
        let mut player = Client::new(both.playback.remove(0), Direction::Playback, period);
        let mut recorder = Client::new(both.capture.remove(0), Direction::Capture, other);
        let bytes = noise(20_011);
        player.bytes.clone_from(&bytes);
        recorder.bytes = vec![0xee; (30_000 + 4000) * 4];
        recorder.stream.start(&at(0)).unwrap();
        while recorder.next().unwrap() < 40 * MS {
            recorder.serve(recorder.next().unwrap());
        }
        player.transfer(40 * MS);
        if player.stream.state() == State::Prepared {
            player.stream.start(&at(40 * MS)).unwrap();
        }

        while recorder.done < recorder.bytes.len() {
            let now = [player.next(), recorder.next()]
                .into_iter()
                .flatten()
                .min()
                .unwrap();
            for client in [&mut player, &mut recorder] {
                if client.next() == Some(now) {
                    client.serve(now);
                }
            }
        }

        assert_eq!(player.stream.state(), State::Setup);
        assert_eq!(
            (
                player.stream.snapshot().xruns,
                recorder.stream.snapshot().xruns
            ),
            (0, 0)
        );
        let begin = recorder
            .bytes
            .chunks_exact(4)
            .position(|f| f == &bytes[..4])
            .unwrap()
            * 4;
        assert!(
            recorder.bytes[begin..begin + bytes.len()] == bytes,
            "{period} {other}"
        );
        assert!(recorder.bytes[..begin].iter().all(|b| *b == 0));
        assert!(
            recorder.bytes[begin + bytes.len()..]
                .iter()
                .all(|b| *b == 0)
        );
    }
}
