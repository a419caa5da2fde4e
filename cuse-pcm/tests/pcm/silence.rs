//! Silence ahead of the device, in both modes.

use crate::bench::*;
use hw_backends::units::Direction::Playback;
use uapi::pcm::params::Param;

/// A ring of noise with 800 frames queued; threshold 1600, size 800.
fn threshold() -> Bench {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| (p.silence_threshold, p.silence_size) = (1600, 800));
    bench.noise();
    bench.write(800, 0);
    bench
}

#[test]
fn threshold_mode_silences_behind_the_data_at_start() {
    let mut bench = threshold();
    assert!(bench.silences().is_empty(), "nothing before the start");
    bench.s.start(&at(0)).unwrap();
    assert_eq!(bench.silences(), [(800, 1600)]);
}

#[test]
fn the_silence_front_follows_the_device() {
    let mut bench = threshold();
    bench.s.start(&at(0)).unwrap();
    bench.device.set_position(100);
    bench.s.hwsync(&at(12)).unwrap();
    assert_eq!(bench.silences(), [(800, 1700)]);
    bench.device.set_position(700);
    bench.s.hwsync(&at(87)).unwrap();
    assert_eq!(bench.silences(), [(800, 2300)]);
}

#[test]
fn at_most_silence_size_is_written_at_once() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| (p.silence_threshold, p.silence_size) = (4000, 500));
    bench.noise();
    bench.write(800, 0);
    bench.s.start(&at(0)).unwrap();
    assert_eq!(bench.silences(), [(800, 1300)]);
    bench.device.set_position(1);
    bench.s.hwsync(&at(1)).unwrap();
    assert_eq!(bench.silences(), [(800, 1800)]);
}

#[test]
fn data_written_later_replaces_silence() {
    let mut bench = threshold();
    bench.s.start(&at(0)).unwrap();
    bench.write(300, 0);
    bench.device.set_position(100);
    bench.s.hwsync(&at(12)).unwrap();
    assert_eq!(
        bench.silences(),
        [(800, 1700)],
        "the bench writes nothing; filling goes on behind what is silent"
    );
    bench.write(2000, 12);
    bench.noise();
    bench.device.set_position(200);
    bench.s.hwsync(&at(25)).unwrap();
    assert!(
        bench.silences().is_empty(),
        "more is queued than the threshold asks for"
    );
}

#[test]
fn nothing_is_filled_when_the_device_overtook_the_client() {
    let mut bench = threshold();
    bench.software(|p| {
        (p.silence_threshold, p.silence_size, p.stop_threshold) = (1600, 800, BOUNDARY);
    });
    bench.s.start(&at(0)).unwrap();
    bench.noise();
    bench.device.set_position(2000);
    bench.s.hwsync(&at(250)).unwrap();
    assert!(bench.silences().is_empty());
}

#[test]
fn silence_wraps_at_the_end_of_the_ring() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| (p.silence_threshold, p.silence_size) = (1600, 1600));
    bench.write(15_500, 0);
    bench.s.start(&at(0)).unwrap();
    bench.noise();
    bench.device.set_position(15_000);
    bench.s.hwsync(&at(1875)).unwrap();
    assert_eq!(bench.silences(), [(0, 600), (15_500, 16_000)]);
}

#[test]
fn top_up_mode_silences_everything_but_the_data_at_start() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| (p.silence_size, p.stop_threshold) = (BOUNDARY, BOUNDARY));
    bench.noise();
    bench.write(1000, 0);
    bench.s.start(&at(0)).unwrap();
    assert_eq!(bench.silences(), [(1000, 16_000)]);
}

#[test]
fn top_up_mode_silences_what_was_just_played() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| (p.silence_size, p.stop_threshold) = (BOUNDARY, BOUNDARY));
    bench.s.start(&at(0)).unwrap();
    bench.noise();
    bench.device.set_position(700);
    bench.s.hwsync(&at(88)).unwrap();
    assert_eq!(
        bench.silences(),
        [(0, 700)],
        "the application pointer need not move"
    );
    bench.device.set_position(BUFFER - 100);
    bench.s.hwsync(&at(1988)).unwrap();
    bench.noise();
    bench.device.set_position(BUFFER + 50);
    bench.s.hwsync(&at(2006)).unwrap();
    assert_eq!(bench.silences(), [(0, 50), (15_900, 16_000)]);
}

#[test]
fn sw_params_while_running_fill_at_once() {
    let mut bench = Bench::running(Playback, 800);
    bench.noise();
    bench.software(|p| (p.silence_threshold, p.silence_size) = (1600, 800));
    assert_eq!(bench.silences(), [(800, 1600)]);
}

#[test]
fn reset_fills_anew() {
    let mut bench = threshold();
    bench.s.start(&at(0)).unwrap();
    bench.noise();
    bench.device.set_position(500);
    bench.s.reset(&at(62)).unwrap();
    // The update silences [1600, 2100) behind the old data, then RESET starts over at 500.
    assert_eq!(bench.silences(), [(500, 1300), (1600, 2100)]);
}

#[test]
fn unsigned_formats_have_a_silence_of_their_own() {
    let mut p = wanted(3, 2, 8000);
    set(&mut p, Param::Format, 4);
    let mut bench = Bench::open(Playback).prepare(p);
    bench.software(|p| p.silence_size = p.silence_size.max(u64::MAX >> 1));
    bench.write(10, 0);
    bench.s.start(&at(0)).unwrap();
    assert_eq!(
        bench.ring(0, 20),
        [0; 20],
        "the client's, as HW_PARAMS left it"
    );
    let rest = bench.ring(20, 16_000);
    assert!(rest.iter().all(|&s| s == i16::MIN));
}

#[test]
fn noninterleaved_channels_are_silenced_each() {
    let mut bench = Bench::open(Playback).prepare(wanted(4, 2, 8000));
    bench.software(|p| (p.silence_threshold, p.silence_size) = (100, 100));
    bench.noise();
    bench.s.forward(40, &at(0)).unwrap();
    bench.s.start(&at(0)).unwrap();
    let ring = bench.ring(0, 16_000);
    let silent: Vec<usize> = (0..16_000).filter(|&i| ring[i] == 0).collect();
    let expected: Vec<usize> = (40..100).chain(8040..8100).collect();
    assert_eq!(silent, expected);
}

#[test]
fn top_up_mode_silences_all_when_the_client_is_nowhere_near() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| (p.silence_size, p.stop_threshold) = (BOUNDARY, BOUNDARY));
    bench.noise();
    bench.sync(4, BUFFER + 1, 0, 0).unwrap();
    bench.s.start(&at(0)).unwrap();
    assert_eq!(bench.silences(), [(0, 16_000)]);
}
