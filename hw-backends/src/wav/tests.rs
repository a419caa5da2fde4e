//! What is played and captured through files, and what the files say to readers that are not ours.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::Path;
use std::sync::Arc;

use uapi::Errno;
use uapi::pcm::format::{self, FLOAT_LE, S16_BE, S16_LE, S20_3LE, S24_3LE, S24_LE, U8, U16_LE};

use super::*;
use crate::bench::{Bench, Folder, MS, at, noise, params};
use crate::ops::Trigger;
use crate::params::Params;
use crate::registry::AtEnd;
use crate::units::Direction::{Capture, Playback};

fn settings(path: &Path) -> Settings<'_> {
    Settings {
        path,
        speed: Speed::Free,
        at_end: AtEnd::Silence,
        resume: false,
    }
}

fn players(path: &Path, n: u32) -> Vec<Box<dyn PcmOps>> {
    let devices = playback(
        &settings(path),
        n,
        &Arc::new(Gain::default()),
        &Notifier::silent(),
    )
    .unwrap();
    devices
        .into_iter()
        .map(|d| Box::new(d) as Box<dyn PcmOps>)
        .collect()
}

fn player(path: &Path, params: Params) -> Bench {
    Bench::new(players(path, 1).remove(0), Playback, params)
}

fn recorder(settings: &Settings<'_>, params: Params) -> Bench {
    let device = capture(settings, 1, &Arc::new(Gain::default()))
        .unwrap()
        .remove(0);
    Bench::new(Box::new(device), Capture, params)
}

/// The samples, as our own parser finds them.
fn samples(path: &Path) -> Vec<u8> {
    let contents = *reader::Source::open(path).unwrap().contents();
    let at = contents.data_offset as usize;
    std::fs::read(path).unwrap()[at..at + contents.data_bytes as usize].to_vec()
}

fn write_s16(path: &Path, channels: u16, rate: u32, samples: &[i16]) {
    let spec = hound::WavSpec {
        channels,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    samples
        .iter()
        .for_each(|s| writer.write_sample(*s).unwrap());
    writer.finalize().unwrap();
}

fn s16(bytes: &[u8]) -> Vec<i16> {
    bytes
        .chunks_exact(2)
        .map(|b| i16::from_le_bytes([b[0], b[1]]))
        .collect()
}

#[test]
fn what_is_played_is_in_the_file_when_the_drain_ends() {
    let folder = Folder::new();
    let path = folder.path("a.wav");
    let mut bench = player(&path, params(S16_LE, 2, 44100, 441, 4));
    let bytes = noise(4 * 100_003, 1);

    bench.play(&bytes, 0);

    assert_eq!(samples(&path), bytes);
    let reader = hound::WavReader::open(&path).unwrap();
    let spec = reader.spec();
    assert_eq!(
        (
            spec.channels,
            spec.sample_rate,
            spec.bits_per_sample,
            reader.duration()
        ),
        (2, 44100, 16, 100_003)
    );
}

#[test]
fn every_format_comes_back_as_it_was_played() {
    let offered = players(&Folder::new().path("a.wav"), 1)
        .remove(0)
        .hardware()
        .formats;
    for row in format::FORMATS
        .iter()
        .filter(|row| offered >> row.number & 1 == 1)
    {
        let folder = Folder::new();
        let path = folder.path("a.wav");
        let params = params(row.number, 3, 48000, 100, 4);
        // Padding bits as a program leaves them: the sign goes on, or zero.
        let bytes = padded(row, &noise(params.frame_bits as usize / 8 * 777, 5));

        player(&path, params).play(&bytes, 0);
        if row.width % 8 != 0 {
            // In the file these are 24 bits, see below.
            continue;
        }
        let mut bench = recorder(&settings(&path), params);
        let got = bench.record(bytes.len(), 0);

        assert!(got == bytes, "{}", row.name);
    }
    assert_eq!(offered.count_ones(), 36, "linear, float and companded");
}

fn padded(row: &format::Row, bytes: &[u8]) -> Vec<u8> {
    let size = row.physical_width as usize / 8;
    let unused = row.physical_width - row.width;
    let mut out = Vec::new();
    for sample in bytes.chunks_exact(size) {
        let mut word = [0; 8];
        word[..size].copy_from_slice(sample);
        if row.endian == format::Endian::Big {
            word[..size].reverse();
        }
        let up = 64 - row.width;
        let value = u64::from_le_bytes(word) << up;
        let value = if row.signed == Some(true) {
            (value as i64 >> up) as u64
        } else {
            value >> up
        };
        let mut word = (if unused == 0 {
            u64::from_le_bytes(word)
        } else {
            value
        })
        .to_le_bytes();
        if row.endian == format::Endian::Big {
            word[..size].reverse();
        }
        out.extend_from_slice(&word[..size]);
    }
    out
}

#[test]
fn samples_are_little_endian_signed_and_stand_at_the_top() {
    let cases: [(u32, &[u8], &[u8]); 8] = [
        (S16_BE, &[0x12, 0x34], &[0x34, 0x12]),
        (U16_LE, &[0x00, 0x80], &[0x00, 0x00]),
        (format::S8, &[0x00], &[0x80]),
        (S24_LE, &[0x56, 0x34, 0x12, 0xff], &[0x56, 0x34, 0x12]),
        (S20_3LE, &[0xff, 0xff, 0x07], &[0xf0, 0xff, 0x7f]),
        (format::U20_BE, &[0, 0x08, 0, 1], &[0x10, 0, 0]),
        (format::S18_3BE, &[0xfe, 0, 0], &[0, 0, 0x80]),
        (format::U18_3LE, &[0xff, 0xff, 3], &[0xc0, 0xff, 0x7f]),
    ];
    for (format, played, written) in cases {
        let folder = Folder::new();
        let path = folder.path("a.wav");
        player(&path, params(format, 1, 8000, 64, 4)).play(&played.repeat(10), 0);
        assert_eq!(
            samples(&path),
            written.repeat(10),
            "{:?}",
            format::name(format)
        );
    }
}

#[test]
fn plain_and_extensible_headers_are_told_apart_by_need() {
    let header = |format, channels| {
        let folder = Folder::new();
        let path = folder.path("a.wav");
        let params = params(format, channels, 48000, 64, 4);
        player(&path, params).play(&vec![0; params.frame_bits as usize / 8 * 64], 0);
        let bytes = std::fs::read(&path).unwrap();
        (u16::from_le_bytes([bytes[20], bytes[21]]), bytes[16])
    };
    assert_eq!(header(S16_LE, 2), (1, 16));
    assert_eq!(header(S24_3LE, 2), (1, 16));
    assert_eq!(header(FLOAT_LE, 1), (3, 18));
    assert_eq!(header(S16_LE, 3), (0xfffe, 40));
    assert_eq!(header(S20_3LE, 1), (1, 16), "24 bits");
}

#[test]
fn the_file_is_valid_while_it_grows_and_never_claims_too_much() {
    let folder = Folder::new();
    let path = folder.path("a.wav");
    let mut bench = player(&path, params(U8, 1, 8000, 80, 8));
    bench.prepare();
    bench.write(&noise(640, 1));
    bench.trigger(Trigger::Start, 0);
    let mut seen = 0;
    for step in 0..2000u64 {
        bench.pointer(step * MS);
        bench.write(&noise(640, step));
        if path.exists() {
            let claimed = u64::from(hound::WavReader::open(&path).unwrap().len());
            assert!(std::fs::metadata(&path).unwrap().len() >= 44 + claimed);
            assert!(claimed >= seen);
            seen = claimed;
        }
    }
    assert!(seen > 0);
}

#[test]
fn noninterleaved_rings_are_interleaved_in_the_file() {
    let folder = Folder::new();
    let path = folder.path("a.wav");
    let params = Params {
        access: 4,
        ..params(S16_LE, 2, 48000, 100, 4)
    };
    let bytes = noise(4 * 1001, 9);

    player(&path, params).play(&bytes, 0);

    assert_eq!(samples(&path), bytes);
}

#[test]
fn streams_in_the_same_parameters_go_on_in_the_same_file() {
    let folder = Folder::new();
    let path = folder.path("a.wav");
    let mut bench = player(&path, params(S16_LE, 2, 48000, 100, 4));
    let (first, second) = (noise(4 * 300, 1), noise(4 * 301, 2));

    bench.play(&first, 0);
    bench.play(&second, 1000 * MS);

    assert_eq!(samples(&path), [first, second].concat());
    assert!(!folder.path("a.2.wav").exists());
}

#[test]
fn other_parameters_get_the_next_number_and_the_first_ones_go_back() {
    let folder = Folder::new();
    let path = folder.path("a.wav");
    let mut devices = players(&path, 3);
    let mut play = |rate, seed| {
        let bytes = noise(400, seed);
        Bench::new(devices.remove(0), Playback, params(S16_LE, 2, rate, 100, 4)).play(&bytes, 0);
        bytes
    };

    let (first, second, third) = (play(48000, 1), play(44100, 2), play(48000, 3));

    assert_eq!(samples(&path), [first, third].concat());
    assert_eq!(samples(&folder.path("a.2.wav")), second);
    assert!(!folder.path("a.3.wav").exists());
}

#[test]
fn a_second_stream_at_the_same_time_gets_a_file_of_its_own() {
    let folder = Folder::new();
    let path = folder.path("a.wav");
    let mut devices = players(&path, 2);
    let mut first = Bench::new(
        devices.remove(0),
        Playback,
        params(S16_LE, 2, 48000, 100, 4),
    );
    let mut second = Bench::new(
        devices.remove(0),
        Playback,
        params(S16_LE, 2, 48000, 100, 4),
    );
    first.prepare();
    let one = noise(400, 1);
    first.write(&one);
    first.trigger(Trigger::Start, 0);
    let two = noise(800, 2);

    second.play(&two, 0);
    first.view.draining = true;
    while first.pointer(1) < first.view.appl {
        std::thread::yield_now();
    }

    assert_eq!(samples(&path), one);
    assert_eq!(samples(&folder.path("a.2.wav")), two);
}

#[test]
fn what_was_taken_is_in_the_file_when_the_device_is_gone() {
    let folder = Folder::new();
    let path = folder.path("a.wav");
    let mut bench = player(&path, params(S16_LE, 2, 48000, 1000, 4));
    bench.prepare();
    let bytes = noise(4 * 4000, 4);
    bench.write(&bytes);
    bench.trigger(Trigger::Start, 0);
    let taken = bench.pointer(1);

    drop(bench);

    assert_eq!(taken, 3999);
    assert_eq!(samples(&path), bytes[..3999 * 4]);
}

#[test]
fn a_stream_into_nowhere_runs_into_an_xrun_and_its_restart_gives_eio() {
    let folder = Folder::new();
    let inner = folder.path("inner");
    std::fs::create_dir(&inner).unwrap();
    let mut bench = player(&inner.join("a.wav"), params(S16_LE, 2, 48000, 100, 4));
    std::fs::remove_dir(&inner).unwrap();

    bench.play(&noise(4 * 400, 1), 0);

    assert!(bench.xrun);
    bench.prepare();
    let refused = bench.device.trigger(Trigger::Start, &bench.view, &at(1));
    assert_eq!(refused, Err(Errno::EIO));
    // Put right, it goes on after a while, with what it still had.
    std::fs::create_dir(&inner).unwrap();
    let late = 6_000 * MS;
    bench.write(&noise(4 * 400, 2));
    bench
        .device
        .trigger(Trigger::Start, &bench.view, &at(late))
        .unwrap();
    bench.view.draining = true;
    while bench.pointer(late) < bench.view.appl {
        std::thread::yield_now();
    }
    assert!(samples(&inner.join("a.wav")).ends_with(&noise(4 * 400, 2)));
}

#[test]
fn a_quiet_channel_is_quiet_in_the_file() {
    let folder = Folder::new();
    let path = folder.path("a.wav");
    let gain = Arc::new(Gain::default());
    gain.set_on(1, false);
    let device = playback(&settings(&path), 1, &gain, &Notifier::silent())
        .unwrap()
        .remove(0);
    let mut bench = Bench::new(Box::new(device), Playback, params(S16_LE, 2, 48000, 100, 4));

    bench.play(&[1, 2, 3, 4].repeat(100), 0);

    assert_eq!(samples(&path), [1, 2, 0, 0].repeat(100));
}

#[test]
fn the_transfer_path_does_not_allocate() {
    let folder = Folder::new();
    let mut bench = player(&folder.path("a.wav"), params(S20_3LE, 2, 48000, 1000, 4));
    bench.prepare();
    bench.write(&noise(6 * 4000, 1));
    bench.trigger(Trigger::Start, 0);

    let allocated = crate::bench::allocations(|| {
        bench.pointer(1);
    });

    assert_eq!(allocated, 0);
    assert_eq!(bench.view.hw, 3999);
}

#[test]
fn capture_offers_the_files_own_parameters_and_lossless_relatives() {
    let folder = Folder::new();
    let path = folder.path("a.wav");
    write_s16(&path, 2, 22050, &[1, 2, 3, 4]);

    let hardware = capture(&settings(&path), 1, &Arc::default())
        .unwrap()
        .remove(0)
        .hardware();

    assert_eq!((hardware.rate_min, hardware.rate_max), (22050, 22050));
    assert_eq!((hardware.channels_min, hardware.channels_max), (2, 2));
    let offers = |format: u32| hardware.formats >> format & 1 == 1;
    assert!(offers(S16_LE) && offers(S16_BE) && offers(S24_3LE) && offers(U16_LE));
    assert!(!offers(U8) && !offers(FLOAT_LE));
}

#[test]
fn capture_gives_the_file_and_then_silence() {
    let folder = Folder::new();
    let path = folder.path("a.wav");
    write_s16(&path, 1, 8000, &(1..=1000).collect::<Vec<_>>());

    let got = s16(&recorder(&settings(&path), params(S16_LE, 1, 8000, 64, 4)).record(2400, 0));

    assert_eq!(got[..1000], (1..=1000).collect::<Vec<_>>());
    assert_eq!(got[1000..], [0; 200]);
}

#[test]
fn capture_loops_without_a_seam() {
    let folder = Folder::new();
    let path = folder.path("a.wav");
    write_s16(&path, 1, 8000, &[1, 2, 3, 4, 5, 6, 7]);
    let settings = Settings {
        at_end: AtEnd::Loop,
        ..settings(&path)
    };

    let got = s16(&recorder(&settings, params(S16_LE, 1, 8000, 64, 4)).record(2 * 700, 0));

    assert_eq!(got, [1, 2, 3, 4, 5, 6, 7].repeat(100));
}

#[test]
fn capture_that_ends_gives_every_frame_then_an_xrun_and_no_new_start() {
    let folder = Folder::new();
    let path = folder.path("a.wav");
    write_s16(&path, 1, 8000, &(1..=1001).collect::<Vec<_>>());
    let settings = Settings {
        at_end: AtEnd::End,
        ..settings(&path)
    };
    let mut bench = recorder(&settings, params(S16_LE, 1, 8000, 64, 4));

    let got = s16(&bench.record(1 << 20, 0));

    assert_eq!(got, (1..=1001).collect::<Vec<_>>());
    assert!(bench.xrun);
    bench.prepare();
    assert_eq!(
        bench.device.trigger(Trigger::Start, &bench.view, &at(0)),
        Err(Errno::EIO)
    );
}

#[test]
fn each_stream_begins_at_the_beginning_unless_told_to_continue() {
    let folder = Folder::new();
    let path = folder.path("a.wav");
    write_s16(&path, 1, 8000, &(1..=5000).collect::<Vec<_>>());
    let second = |resume| {
        let settings = Settings {
            resume,
            ..settings(&path)
        };
        let params = params(S16_LE, 1, 8000, 64, 4);
        let mut bench = recorder(&settings, params);
        bench.record(2 * 255, 0);
        let heard = bench.view.hw;
        bench.device.hw_free();
        bench.device.close();
        bench.device.open().unwrap();
        bench.device.hw_params(&params, &bench.ring, true).unwrap();
        (heard, s16(&bench.record(2 * 100, 0))[0])
    };

    assert_eq!(second(false).1, 1);
    let (heard, first) = second(true);
    assert_eq!(first as u64, heard + 1);
}

#[test]
fn files_that_cannot_be_captured_from_are_refused_with_a_remedy() {
    let folder = Folder::new();
    let path = folder.path("a.wav");
    let refusal = || {
        capture(&settings(&path), 1, &Arc::default())
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default()
    };
    assert!(refusal().contains("existing"), "{}", refusal());
    std::fs::write(&path, b"hello, this is no sound").unwrap();
    assert!(
        refusal().contains("not a WAV") && refusal().contains("sox"),
        "{}",
        refusal()
    );
    write_s16(&path, 1, 8000, &[0; 100]);
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(100).unwrap();
    assert!(
        refusal().contains("truncated") && refusal().contains("200"),
        "{}",
        refusal()
    );
    file.set_len(30).unwrap();
    assert!(refusal().contains("header"), "{}", refusal());
    write_s16(&path, 1, 8000, &[]);
    assert!(refusal().contains("no samples"), "{}", refusal());
}

#[test]
fn an_output_that_cannot_be_made_is_refused_at_once() {
    let folder = Folder::new();
    let refusal = |path: &Path| {
        let made = playback(&settings(path), 1, &Arc::default(), &Notifier::silent());
        made.err().map(|e| e.to_string()).unwrap_or_default()
    };
    assert!(refusal(&folder.path("no/a.wav")).contains("make its folder"));
    assert!(refusal(&folder.0).contains("not a regular file"));
    assert_eq!(refusal(&folder.path("a.wav")), "");
    assert!(
        !folder.path("a.wav").exists(),
        "nothing is made before something is played"
    );
}

/// Not a test: what [`a_kill_at_any_moment_leaves_a_valid_file`] kills.
#[test]
#[ignore = "plays until it is killed"]
fn plays_for_ever() {
    let Some(path) = std::env::var_os("PLAY_FOR_EVER") else {
        return;
    };
    let mut bench = player(Path::new(&path), params(U8, 1, 8000, 77, 8));
    bench.prepare();
    bench.write(&counted(0, 616));
    bench.trigger(Trigger::Start, 0);
    loop {
        bench.pointer(1);
        let next = counted(bench.view.appl, 616);
        bench.write(&next);
    }
}

/// Bytes that tell where they belong.
fn counted(from: u64, n: u64) -> Vec<u8> {
    (from..from + n).map(|i| (i % 251) as u8).collect()
}

#[test]
fn a_kill_at_any_moment_leaves_a_valid_file() {
    for round in 0..8u64 {
        let folder = Folder::new();
        let path = folder.path("a.wav");
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "wav::tests::plays_for_ever", "--ignored"])
            .env("PLAY_FOR_EVER", &path)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // From its header on: a file that was only just made is empty.
        while std::fs::metadata(&path).map_or(0, |file| file.len()) < 44 {
            std::thread::sleep(std::time::Duration::from_micros(200));
        }
        std::thread::sleep(std::time::Duration::from_micros(round * round * 777));
        child.kill().unwrap();
        child.wait().unwrap();

        let claimed = hound::WavReader::open(&path).unwrap().len();
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.len() as u64 >= 44 + u64::from(claimed + claimed % 2));
        let riff = u32::from_le_bytes(bytes[4..8].try_into().unwrap());
        assert_eq!(riff, 36 + claimed + claimed % 2);
        assert!(bytes[44..44 + claimed as usize] == counted(0, claimed.into()));
    }
}
