//! What every device must keep to, asked of every device.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::Arc;

use uapi::pcm::format::{S16_LE, U16_LE};

use crate::bench::{Bench, Folder, MS, at, noise, params};
use crate::dma::{Area, Ring};
use crate::gain::Gain;
use crate::ops::{PcmOps, Pointer, Trigger, View};
use crate::registry::{self, Options, Side};
use crate::units::Direction::{self, Capture, Playback};

/// A device under test, and what keeps it alive.
struct Subject {
    name: &'static str,
    device: Box<dyn PcmOps>,
    direction: Direction,
    free: bool,
    folder: Folder,
}

fn side(spec: &str) -> Side {
    Side {
        spec: spec.parse().unwrap(),
        substreams: 1,
        gain: Arc::new(Gain::default()),
        like: None,
    }
}

fn subject(name: &'static str, direction: Direction) -> Subject {
    let folder = Folder::new();
    if name.starts_with("wav") && direction == Capture {
        let mut writer = hound::WavWriter::create(
            folder.path("x.wav"),
            hound::WavSpec {
                channels: 2,
                sample_rate: 48000,
                bits_per_sample: 16,
                sample_format: hound::SampleFormat::Int,
            },
        )
        .unwrap();
        (1..=96000).for_each(|i| writer.write_sample((i % 30000) as i16).unwrap());
        writer.finalize().unwrap();
    }
    let spec = name.replace("PATH", folder.path("x.wav").to_str().unwrap());
    let both = name == "loopback";
    let (playback, capture) = (side(&spec), side(&spec));
    let mut devices = registry::open(
        (both || direction == Playback).then_some(&playback),
        (both || direction == Capture).then_some(&capture),
        &Options::default(),
    )
    .unwrap();
    let devices = if direction == Playback {
        &mut devices.playback
    } else {
        &mut devices.capture
    };
    let device = devices.remove(0);
    Subject {
        name,
        device,
        direction,
        free: name.contains("free-run"),
        folder,
    }
}

fn subjects() -> Vec<Subject> {
    let names = [
        "null",
        "null,free-run",
        "wav:PATH",
        "wav:PATH,free-run",
        "loopback",
    ];
    names
        .iter()
        .flat_map(|name| [subject(name, Playback), subject(name, Capture)])
        .collect()
}

impl Subject {
    fn bench(self) -> (Bench, &'static str, bool) {
        let mut bench = Bench::new(
            self.device,
            self.direction,
            params(S16_LE, 2, 48000, 480, 4),
        );
        bench.folder = Some(self.folder);
        (bench, self.name, self.free)
    }
}

/// Started, with a full ring where there is one to fill.
fn started(subject: Subject) -> (Bench, &'static str, bool) {
    let (mut bench, name, free) = subject.bench();
    bench.prepare();
    if bench.direction == Playback {
        bench.write(&noise(480 * 4 * 4, 1));
    }
    bench.trigger(Trigger::Start, 1000 * MS);
    crate::wav::reader::tests::settle();
    (bench, name, free)
}

#[test]
fn nothing_moves_and_no_event_comes_before_the_start() {
    for subject in subjects() {
        let (mut bench, name, _) = subject.bench();
        bench.prepare();
        bench.write(&noise(480 * 4, 1));
        assert_eq!(bench.next(), None, "{name}");
        assert_eq!(bench.pointer(5000 * MS), 0, "{name}");
        assert_eq!(bench.next(), None, "{name}");
    }
}

#[test]
fn position_grows_and_never_beyond_what_time_and_client_allow() {
    for subject in subjects() {
        let (mut bench, name, free) = started(subject);
        let mut last = 0;
        for ms in 0..39 {
            let position = bench.pointer((1000 + ms) * MS);
            assert!(position >= last, "{name}");
            if !free {
                assert!(position <= ms * 48, "{name}: {position} after {ms} ms");
            }
            if bench.direction == Playback {
                assert!(
                    position <= bench.view.appl,
                    "{name}: consumed before it was written"
                );
            } else {
                assert!(
                    position <= bench.params.buffer_size,
                    "{name}: more than a ring"
                );
            }
            last = position;
        }
        assert!(last > 0, "{name} {:?} moves", bench.direction);
    }
}

#[test]
fn real_time_devices_follow_the_clock_to_the_frame() {
    for subject in subjects().into_iter().filter(|s| !s.free) {
        let (mut bench, name, _) = started(subject);
        assert_eq!(bench.next(), Some(1010 * MS), "{name}: the first period");
        assert_eq!(bench.pointer(1010 * MS - 1), 479, "{name}");
        assert_eq!(
            bench.next(),
            Some(1010 * MS),
            "{name}: still the first period"
        );
        assert_eq!(bench.pointer(1010 * MS), 480, "{name}");
        assert_eq!(bench.next(), Some(1020 * MS), "{name}: the second period");
    }
}

#[test]
fn free_running_devices_make_no_xrun() {
    for subject in subjects().into_iter().filter(|s| s.free) {
        let (mut bench, name, _) = started(subject);
        for ms in 0..2000 {
            bench.pointer((1000 + ms) * MS);
            assert!(
                bench.avail() < bench.params.buffer_size,
                "{name} {:?}",
                bench.direction
            );
        }
        assert_eq!(
            bench.avail(),
            bench.params.buffer_size - 1,
            "{name}: as far as it can"
        );
    }
}

#[test]
fn a_free_running_device_sees_to_stop_thresholds_below_and_above_the_ring() {
    for threshold in [1000, 1920, 4000, u64::MAX] {
        for subject in subjects().into_iter().filter(|s| s.free) {
            let (mut bench, name, _) = started(subject);
            bench.view.stop_threshold = threshold;
            bench.pointer(1001 * MS);
            bench.pointer(1002 * MS);
            let most = (threshold - 1).min(bench.params.buffer_size);
            assert_eq!(bench.avail(), most, "{name} {threshold}");
        }
    }
}

#[test]
fn a_pause_freezes_position_and_events_and_loses_no_time() {
    for subject in subjects() {
        let (mut bench, name, free) = started(subject);
        bench.pointer(1005 * MS);
        bench.trigger(Trigger::PausePush, 1005 * MS);
        let frozen = bench.pointer(1005 * MS);
        bench.write(&noise(4 * 100, 3));
        if bench.direction == Capture {
            bench.read(&mut Vec::new());
        }
        assert_eq!(bench.next(), None, "{name}");
        assert_eq!(bench.pointer(1500 * MS), frozen, "{name}");
        bench.trigger(Trigger::PauseRelease, 2005 * MS);
        if !free {
            assert_eq!(frozen, 240, "{name}");
            assert_eq!(bench.next(), Some(2010 * MS), "{name}");
            assert_eq!(bench.pointer(2010 * MS), 480, "{name}");
        }
    }
}

#[test]
fn a_stopped_device_has_no_event_and_starts_again_from_zero() {
    for subject in subjects() {
        let (mut bench, name, free) = started(subject);
        bench.pointer(1010 * MS);
        bench.trigger(Trigger::Stop, 1010 * MS);
        bench.device.sync_stop();
        bench.device.sync_stop();
        assert_eq!(bench.next(), None, "{name}");
        bench.prepare();
        assert_eq!(bench.pointer(1020 * MS), 0, "{name}");
        bench.write(&noise(480 * 4 * 4, 2));
        bench.trigger(Trigger::Start, 2000 * MS);
        crate::wav::reader::tests::settle();
        if !free {
            assert_eq!(bench.pointer(2010 * MS), 480, "{name}");
        }
    }
}

#[test]
fn a_drain_ends_at_the_last_written_frame() {
    for subject in subjects().into_iter().filter(|s| s.direction == Playback) {
        let (mut bench, name, free) = subject.bench();
        let end = bench.play(&noise(4 * 1234, 7), 1000 * MS);
        assert_eq!((bench.view.hw, bench.view.appl), (1234, 1234), "{name}");
        if !free {
            let exact = 1000 * MS + (1234 * 1_000_000_000u64).div_ceil(48000);
            assert!(end >= exact, "{name}: {end}");
        }
    }
}

#[test]
fn a_dry_real_time_playback_goes_on_so_that_the_core_finds_the_xrun() {
    for subject in subjects()
        .into_iter()
        .filter(|s| !s.free && s.direction == Playback)
    {
        let (mut bench, name, _) = started(subject);
        assert_eq!(bench.pointer(1050 * MS), 2400, "{name}: beyond appl 1920");
    }
}

#[test]
fn references_to_the_ring_are_dropped_at_hw_free() {
    for subject in subjects() {
        let (mut bench, name, _) = started(subject);
        bench.pointer(1010 * MS);
        bench.trigger(Trigger::Stop, 1010 * MS);
        let held = bench.ring.area.holders();
        bench.device.hw_free();
        assert_eq!(bench.ring.area.holders(), held - 1, "{name}");
        bench.device.hw_free();
        bench.device.close();
    }
}

#[test]
fn a_ring_smaller_than_the_parameters_is_refused() {
    for mut subject in subjects() {
        let ring = Ring::private(Area::anonymous(100).unwrap());
        subject.device.open().unwrap();
        let refused = subject
            .device
            .hw_params(&params(S16_LE, 2, 48000, 480, 4), &ring, true);
        assert_eq!(refused, Err(uapi::Errno::EINVAL), "{}", subject.name);
    }
}

#[test]
fn views_of_a_hostile_client_do_no_harm() {
    for subject in subjects() {
        let (mut bench, ..) = started(subject);
        let values = [0, 1, 479, u64::MAX / 2, u64::MAX - 1, u64::MAX];
        for appl in values {
            for stop_threshold in values {
                let view = View {
                    appl,
                    stop_threshold,
                    draining: appl == 1,
                    hw: bench.view.hw,
                };
                let _ = bench.device.ack(&view);
                let moved = bench.device.pointer(&view, &at(1001 * MS));
                assert!(matches!(moved, Pointer::At(_) | Pointer::Xrun));
                let _ = bench.device.next_event(&view);
            }
        }
    }
}

#[test]
fn a_capture_overwrites_what_was_in_the_ring() {
    for name in ["null", "loopback"] {
        let subject = subject(name, Capture);
        let mut bench = Bench::new(subject.device, Capture, params(U16_LE, 2, 48000, 480, 4));
        bench.ring.area.fill(0, 480 * 4 * 4, 0xee);
        bench.prepare();
        bench.trigger(Trigger::Start, 0);
        bench.pointer(10 * MS);
        let mut got = Vec::new();
        bench.read(&mut got);
        assert_eq!(got, [0, 0x80].repeat(960), "{name}");
    }
}

#[test]
fn every_offered_format_is_taken_in_both_layouts() {
    for subject in subjects() {
        let hardware = subject.device.hardware();
        let mut device = subject.device;
        device.open().unwrap();
        for row in uapi::pcm::format::FORMATS
            .iter()
            .filter(|row| hardware.formats >> row.number & 1 == 1)
        {
            for access in [3, 4] {
                let mut params = params(row.number, hardware.channels_max.min(2), 48000, 480, 4);
                params.access = access;
                let ring = Ring::private(Area::anonymous(params.dma_bytes as usize).unwrap());
                assert_eq!(
                    device.hw_params(&params, &ring, true),
                    Ok(()),
                    "{} {}",
                    subject.name,
                    row.name
                );
            }
        }
    }
}

#[test]
fn asking_for_the_position_allocates_nothing() {
    let counted = crate::bench::allocations(|| drop(std::hint::black_box(vec![0; 10])));
    assert_eq!(counted, 1, "allocations are counted");
    for subject in subjects() {
        let (mut bench, name, _) = started(subject);
        let allocated = crate::bench::allocations(|| {
            bench.pointer(1010 * MS);
            bench.next();
        });
        assert_eq!(allocated, 0, "{name} {:?}", bench.direction);
        assert!(bench.view.hw > 0, "{name} {:?}", bench.direction);
    }
}
