//! Pages shared with a client, which may write anything.

use crate::bench::*;
use cuse_pcm::pcm::State;
use hw_backends::hardware::info;
use hw_backends::testing::{Call, Refuse};
use hw_backends::units::Direction::{Capture, Playback};
use uapi::Errno;

const APPL: usize = 0;
const AVAIL_MIN: usize = 8;

fn mapped(direction: hw_backends::units::Direction) -> (Bench, MappedBacking) {
    let backing = MappedBacking::new();
    let bench = Bench::open_with(direction, hardware(), Box::new(backing.clone()))
        .prepare(wanted(0, 1, BUFFER));
    (bench, backing)
}

#[test]
fn the_status_page_follows_the_stream_at_both_offsets() {
    let (mut bench, backing) = mapped(Playback);
    bench.s.forward(4000, &at(0)).unwrap();
    bench.s.start(&at(0)).unwrap();
    bench.elapse(1000, 125);
    for page in &backing.pages.status {
        let state = MappedBacking::load(page, 0) & 0xffff_ffff;
        assert_eq!(
            (state, MappedBacking::load(page, 8)),
            (State::Running as u64, 1000)
        );
    }
    bench.s.drop_frames(&at(126)).unwrap();
    assert_eq!(
        MappedBacking::load(&backing.pages.status[1], 0) & 0xffff_ffff,
        State::Setup as u64
    );
}

#[test]
fn a_pointer_stored_in_either_control_page_counts() {
    let (mut bench, backing) = mapped(Playback);
    backing.store(0, APPL, 500);
    assert_eq!(bench.status(0).appl_ptr, 500);
    backing.store(1, APPL, 900);
    assert_eq!(bench.status(0).appl_ptr, 900);
    backing.store(0, AVAIL_MIN, BUFFER - 900);
    assert_eq!(bench.s.poll(), 0x104);
    backing.store(0, AVAIL_MIN, BUFFER - 899);
    assert_eq!(bench.s.poll(), 0);
}

#[test]
fn the_control_page_follows_the_core() {
    let (mut bench, backing) = mapped(Playback);
    for page in &backing.pages.control {
        assert_eq!(MappedBacking::load(page, AVAIL_MIN), PERIOD);
    }
    bench.s.forward(123, &at(0)).unwrap();
    for page in &backing.pages.control {
        assert_eq!(MappedBacking::load(page, APPL), 123);
    }
    bench.s.prepare(None, &at(0)).unwrap();
    assert_eq!(MappedBacking::load(&backing.pages.control[0], APPL), 0);
}

#[test]
fn a_stored_pointer_is_seen_before_the_device_is_asked() {
    let (mut bench, backing) = mapped(Playback);
    bench.s.forward(1000, &at(0)).unwrap();
    bench.s.start(&at(0)).unwrap();
    backing.store(0, APPL, 3000);
    bench.elapse(1500, 188);
    assert_eq!(bench.state(), State::Running);
    assert_eq!(bench.device.view().appl, 3000);
}

#[test]
fn no_value_in_a_page_is_too_strange() {
    for direction in [Playback, Capture] {
        for value in [
            u64::MAX,
            BOUNDARY,
            BOUNDARY - 1,
            BOUNDARY + 5,
            1 << 63,
            (1 << 63) - 1,
            BUFFER + 1,
        ] {
            let (mut bench, backing) = mapped(direction);
            bench.software(|p| (p.silence_size, p.silence_threshold) = (500, 1000));
            backing.store(0, APPL, value);
            backing.store(1, AVAIL_MIN, value);
            let _ = bench.s.poll();
            let _ = bench.transfer(70, 0);
            let _ = bench.s.start(&at(0));
            backing.store(1, APPL, value);
            bench.elapse(100, 12);
            let _ = bench.s.delay(&at(12));
            let _ = bench.s.rewind(u64::MAX, &at(12));
            backing.store(1, APPL, value);
            let _ = bench.s.forward(u64::MAX, &at(12));
            let _ = bench.status(13);
            backing.store(0, APPL, value);
            let _ = bench.s.drain(true, &at(13));
            bench.elapse(20_000, 2500);
            bench.s.close(&at(2500));
        }
    }
}

#[test]
fn the_status_page_is_not_read() {
    let (mut bench, backing) = mapped(Playback);
    backing.pages.status[0].fill(0, 4096, 0xff);
    backing.pages.status[1].fill(0, 4096, 0xff);
    assert_eq!(bench.state(), State::Prepared);
    assert_eq!(bench.pointers(), (0, 0));
    bench.s.forward(10, &at(0)).unwrap();
    bench.s.start(&at(0)).unwrap();
    assert_eq!(
        MappedBacking::load(&backing.pages.status[0], 8),
        0,
        "what changes is written anew"
    );
}

#[test]
fn a_device_that_hears_every_move_hears_of_stored_pointers() {
    let backing = MappedBacking::new();
    let mut hardware = hardware();
    hardware.info |= info::SYNC_APPLPTR;
    let mut bench = Bench::open_with(Playback, hardware, Box::new(backing.clone()))
        .prepare(wanted(0, 1, BUFFER));
    backing.store(0, APPL, 700);
    bench.s.hwsync(&at(0)).unwrap();
    let calls = bench.device.take_calls();
    assert!(
        matches!(calls[..], [Call::Ack(view)] if view.appl == 700),
        "{calls:?}"
    );
    bench.device.refuse(Refuse::Ack, Errno::EIO);
    backing.store(0, APPL, 800);
    bench.s.hwsync(&at(0)).unwrap();
    assert_eq!(
        MappedBacking::load(&backing.pages.control[0], APPL),
        700,
        "taken back"
    );
}

#[test]
fn pages_of_a_new_open_are_zero() {
    let (mut bench, backing) = mapped(Playback);
    bench.s.forward(10, &at(0)).unwrap();
    bench.s.close(&at(0));
    bench
        .s
        .open(Box::new(backing.clone()), false, &at(1))
        .unwrap();
    assert_eq!(MappedBacking::load(&backing.pages.control[0], APPL), 0);
    assert_eq!(bench.s.boundary(), 0);
}
