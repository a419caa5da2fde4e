//! Where the pointers are and how clients move them.

use crate::bench::*;
use cuse_pcm::pcm::State;
use hw_backends::dma::PrivateBacking;
use hw_backends::hardware::info;
use hw_backends::ops::Trigger;
use hw_backends::testing::{Call, Refuse};
use hw_backends::units::Direction::{Capture, Playback};
use hw_backends::units::Nanos;
use uapi::Errno;
use uapi::pcm::SyncPtr;
use uapi::pcm::params::Param;

#[test]
fn a_playback_stops_when_avail_reaches_the_threshold() {
    let mut bench = Bench::running(Playback, 4000);
    bench.elapse(3999, 499);
    assert_eq!(bench.state(), State::Running);
    bench.device.take_calls();
    let woken = bench.elapse(4000, 500);
    assert_eq!(bench.state(), State::Xrun);
    assert!(woken.pollers && woken.transfers);
    assert_eq!(bench.device.take_calls(), [Call::Trigger(Trigger::Stop)]);
    assert_eq!(bench.pointers(), (4000, 4000), "they stay where they were");
    assert_eq!(bench.s.hwsync(&at(501)), Err(Errno::EPIPE));
}

#[test]
fn a_capture_stops_when_avail_reaches_the_threshold() {
    let mut bench = Bench::running(Capture, 0);
    bench.software(|p| p.stop_threshold = 3000);
    bench.elapse(2999, 374);
    assert_eq!(bench.state(), State::Running);
    bench.elapse(3000, 375);
    assert_eq!(bench.state(), State::Xrun);
}

#[test]
fn avail_may_exceed_the_ring_after_an_xrun() {
    let mut bench = Bench::running(Playback, 4000);
    bench.elapse(5000, 625);
    let status = bench.status(626);
    assert_eq!(
        (status.state, status.avail),
        (State::Xrun as i32, BUFFER + 1000)
    );
}

#[test]
fn without_a_move_the_state_is_not_checked() {
    let mut bench = Bench::running(Playback, 4000);
    bench.elapse(3000, 375);
    assert_eq!(bench.s.forward(0, &at(376)), Ok(0));
    assert_eq!(bench.s.rewind(1000, &at(376)), Ok(1000));
    assert_eq!(bench.status(376).avail, BUFFER, "nothing is queued");
    let woken = bench.elapse(3000, 377);
    assert_eq!(bench.state(), State::Running);
    assert!(!woken.pollers && !woken.transfers);
    bench.elapse(3001, 378);
    assert_eq!(bench.state(), State::Xrun);
}

#[test]
fn a_free_running_playback_never_stops_and_its_delay_is_negative() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| p.stop_threshold = BOUNDARY);
    bench.s.start(&at(0)).unwrap();
    bench.device.set_position(1234);
    assert_eq!(bench.s.delay(&at(155)), Ok(-1234));
    bench.elapse(5 * BUFFER + 7, 10_001);
    assert_eq!(bench.state(), State::Running);
    assert_eq!(bench.pointers(), (0, 5 * BUFFER + 7));
}

#[test]
fn pointers_wrap_at_the_boundary() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| p.stop_threshold = BOUNDARY);
    bench.s.start(&at(0)).unwrap();
    bench.elapse(BOUNDARY - 100, 1);
    assert_eq!(bench.pointers(), (0, BOUNDARY - 100));
    bench.sync(4, BOUNDARY - 50, 0, 1).unwrap();
    bench.write(150, 1);
    assert_eq!(bench.pointers(), (100, BOUNDARY - 100));
    assert_eq!(bench.s.delay(&at(1)), Ok(200));
    bench.elapse(BOUNDARY + 30, 2);
    assert_eq!(bench.pointers(), (100, 30));
    assert_eq!(bench.s.delay(&at(2)), Ok(70));
}

#[test]
fn the_device_sees_counts_that_only_grow() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| p.stop_threshold = BOUNDARY);
    bench.write(4000, 0);
    bench.s.start(&at(0)).unwrap();
    bench.elapse(BOUNDARY + 20, 1);
    bench.sync(4, 520, 0, 1).unwrap();
    bench.s.hwsync(&at(1)).unwrap();
    let view = bench.device.view();
    assert_eq!((view.hw, view.appl), (BOUNDARY + 20, BOUNDARY + 520));
    assert_eq!(view.stop_threshold, u64::MAX);
    assert!(!view.draining);
}

#[test]
fn a_capture_device_sees_what_was_read() {
    let mut bench = Bench::running(Capture, 0);
    bench.elapse(3000, 375);
    assert_eq!(bench.s.forward(1000, &at(375)), Ok(1000));
    bench.s.hwsync(&at(375)).unwrap();
    let view = bench.device.view();
    assert_eq!(
        (view.hw, view.appl, view.stop_threshold),
        (3000, 1000, BUFFER)
    );
}

#[test]
fn a_device_that_goes_backwards_is_not_believed() {
    let mut bench = Bench::running(Playback, 4000);
    bench.elapse(2000, 250);
    bench.elapse(1500, 260);
    assert_eq!(bench.pointers().1, 2000);
}

#[test]
fn a_device_can_declare_the_xrun() {
    let mut bench = Bench::running(Playback, 4000);
    bench.device.set_xrun();
    assert_eq!(bench.s.hwsync(&at(1)), Err(Errno::EPIPE));
    assert_eq!(bench.state(), State::Xrun);
}

#[test]
fn pointer_is_asked_for_only_while_running() {
    let mut bench = Bench::prepared(Playback);
    bench.s.hwsync(&at(0)).unwrap();
    bench.status(0);
    bench.s.elapsed(&at(0));
    assert_eq!(bench.device.pointer_calls(), 0);
    assert_eq!(bench.s.next_event(), None);
}

#[test]
fn the_next_event_is_the_devices() {
    let bench = Bench::running(Playback, 4000);
    bench.device.set_next_event(Some(Nanos(77)));
    assert_eq!(bench.s.next_event(), Some(Nanos(77)));
}

#[test]
fn pollers_are_woken_from_avail_min_on() {
    let mut bench = Bench::prepared(Playback);
    bench.write(BUFFER, 0);
    bench.s.start(&at(0)).unwrap();
    bench.s.take_wakeups();
    assert_eq!(bench.s.poll(), 0);
    assert!(!bench.elapse(999, 124).pollers);
    assert!(bench.elapse(1000, 125).pollers);
    assert_eq!(bench.s.poll(), 0x104);
}

#[test]
fn rewind_takes_back_what_is_queued() {
    let mut bench = Bench::running(Playback, 4000);
    bench.device.set_position(1500);
    assert_eq!(bench.s.rewind(10_000, &at(187)), Ok(2500));
    assert_eq!(bench.pointers(), (1500, 1500));
    assert_eq!(bench.s.rewind(1, &at(187)), Ok(0));
}

#[test]
fn forward_moves_at_most_what_is_available() {
    let mut bench = Bench::prepared(Playback);
    assert_eq!(bench.s.forward(20_000, &at(0)), Ok(BUFFER));
    assert_eq!(bench.s.forward(1, &at(0)), Ok(0));
    let mut bench = Bench::prepared(Capture);
    assert_eq!(bench.s.forward(10, &at(0)), Ok(0));
}

#[test]
fn an_empty_capture_is_rewound_below_zero() {
    let mut bench = Bench::prepared(Capture);
    assert_eq!(bench.s.rewind(10, &at(0)), Ok(10));
    assert_eq!(bench.pointers(), (BOUNDARY - 10, 0));
    assert_eq!(bench.status(0).avail, 10);
}

#[test]
fn rewind_of_nothing_is_fine_in_every_state() {
    let mut bench = Bench::open(Playback);
    assert_eq!(bench.s.rewind(0, &at(0)), Ok(0));
    assert_eq!(bench.s.forward(0, &at(0)), Ok(0));
    assert_eq!(bench.s.rewind(1, &at(0)), Err(Errno::EBADFD));
}

#[test]
fn a_move_that_finds_the_xrun_fails() {
    let mut bench = Bench::running(Playback, 4000);
    bench.device.set_position(4000);
    assert_eq!(bench.s.rewind(5, &at(500)), Err(Errno::EPIPE));
    assert_eq!(bench.s.forward(5, &at(500)), Err(Errno::EPIPE));
}

#[test]
fn moves_neither_start_nor_wake() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| p.start_threshold = 1);
    bench.s.forward(5000, &at(0)).unwrap();
    bench.sync(0, 6000, 1, 0).unwrap();
    assert_eq!(bench.state(), State::Prepared);
    assert_eq!(bench.s.take_wakeups(), cuse_pcm::pcm::Wakeups::default());
}

#[test]
fn sync_ptr_takes_any_pointer_below_the_boundary() {
    let mut bench = Bench::prepared(Playback);
    assert_eq!(
        bench.sync(4, BOUNDARY - 1, 0, 0).unwrap().control.appl_ptr,
        BOUNDARY - 1
    );
    assert_eq!(
        bench.sync(4, 40_000, 0, 0).unwrap().control.appl_ptr,
        40_000
    );
    assert_eq!(bench.sync(0, BOUNDARY, 77, 0), Err(Errno::EINVAL));
    assert_eq!(
        bench.sync(2 | 4, 0, 0, 0).unwrap().control.avail_min,
        PERIOD,
        "nothing is stored then"
    );
}

#[test]
fn sync_ptr_in_open_takes_only_the_current_pointer() {
    let mut bench = Bench::open(Playback);
    assert!(bench.sync(0, 0, 55, 0).is_ok());
    assert_eq!(bench.sync(0, 1, 0, 0), Err(Errno::EINVAL));
    assert_eq!(bench.sync(2 | 4, 0, 0, 0).unwrap().control.avail_min, 55);
}

#[test]
fn sync_ptr_clears_the_rest_of_both_halves() {
    let mut bench = Bench::prepared(Playback);
    let p = bench.sync(2 | 4, 0, 0, 0).unwrap();
    assert_eq!((p.status_pad, p.control_pad), ([0; 8], [0; 48]));
    assert_eq!(p.flags, 2 | 4);
    assert_eq!(p.status.state, State::Prepared as i32);
}

#[test]
fn sync_ptr_with_hwsync_fails_before_anything_else() {
    let mut bench = Bench::running(Playback, 4000);
    bench.device.set_position(4000);
    assert_eq!(bench.sync(SyncPtr::HWSYNC, 5000, 9, 500), Err(Errno::EPIPE));
    assert_eq!(bench.pointers(), (4000, 4000));
}

#[test]
fn sync_ptr_without_hwsync_does_not_ask_the_device() {
    let mut bench = Bench::running(Playback, 4000);
    let asked = bench.device.pointer_calls();
    bench.device.set_position(500);
    assert_eq!(bench.sync(2 | 4, 0, 0, 60).unwrap().status.hw_ptr, 0);
    assert_eq!(bench.sync(1 | 2 | 4, 0, 0, 60).unwrap().status.hw_ptr, 500);
    assert_eq!(bench.device.pointer_calls(), asked + 1);
}

fn no_rewinds() -> Bench {
    let mut hardware = hardware();
    hardware.info |= info::NO_REWINDS;
    Bench::open_with(Playback, hardware, Box::<PrivateBacking>::default())
        .prepare(wanted(3, 1, BUFFER))
}

#[test]
fn a_device_without_rewinds_only_goes_forward_by_at_most_a_ring() {
    let mut bench = no_rewinds();
    bench.sync(4, 5000, 0, 0).unwrap();
    assert_eq!(bench.sync(4, 4999, 0, 0), Err(Errno::EINVAL));
    assert_eq!(bench.sync(4, 5001 + BUFFER, 0, 0), Err(Errno::EINVAL));
    assert_eq!(
        bench.sync(4, 5000 + BUFFER, 0, 0).unwrap().control.appl_ptr,
        21_000
    );
}

#[test]
fn rewind_on_a_device_without_rewinds_moves_nothing() {
    let mut bench = no_rewinds();
    bench.write(4000, 0);
    assert_eq!(bench.s.rewind(10, &at(0)), Ok(0));
    assert_eq!(bench.pointers().0, 4000);
}

#[test]
fn every_move_is_acknowledged_once() {
    let mut bench = Bench::prepared(Playback);
    bench.sync(4, 300, 0, 0).unwrap();
    bench.sync(4, 300, 0, 0).unwrap();
    let calls = bench.device.take_calls();
    assert!(
        matches!(calls[..], [Call::Ack(view)] if view.appl == 300),
        "{calls:?}"
    );
}

#[test]
fn a_move_that_the_device_refuses_is_taken_back() {
    let mut bench = Bench::running(Playback, 4000);
    bench.device.refuse(Refuse::Ack, Errno::EIO);
    assert_eq!(bench.sync(4, 5000, 0, 0), Err(Errno::EIO));
    assert_eq!(bench.pointers().0, 4000);
    bench.device.refuse(Refuse::Ack, Errno::EIO);
    assert_eq!(bench.s.rewind(5, &at(0)), Ok(0));
    bench.device.refuse(Refuse::Ack, Errno::EIO);
    assert_eq!(bench.s.forward(5, &at(0)), Err(Errno::EIO));
    assert_eq!((bench.state(), bench.pointers().0), (State::Running, 4000));
    bench.device.refuse(Refuse::Ack, Errno::EPIPE);
    assert_eq!(bench.s.forward(5, &at(0)), Err(Errno::EPIPE));
    assert_eq!((bench.state(), bench.pointers().0), (State::Xrun, 4000));
}

#[test]
fn without_period_wakeups_pollers_sleep_and_the_device_is_moved_on() {
    let mut p = wanted(3, 1, BUFFER);
    p.flags = 4;
    let mut bench = Bench::open(Playback).prepare(p);
    bench.write(4000, 0);
    bench.s.start(&at(0)).unwrap();
    bench.s.take_wakeups();
    assert!(!bench.elapse(2000, 250).pollers);
    assert_eq!(bench.pointers().1, 2000);
    assert!(bench.elapse(4000, 500).pollers, "a stop concerns everybody");
}

#[test]
fn positions_of_half_byte_samples_are_whole_bytes() {
    const IMA_ADPCM: u64 = 22;
    let mut hardware = hardware();
    hardware.formats |= 1 << IMA_ADPCM;
    let mut p = wanted(3, 1, BUFFER);
    set(&mut p, Param::Format, IMA_ADPCM);
    let bench = Bench::open_with(Playback, hardware, Box::<PrivateBacking>::default());
    let mut bench = bench.prepare(p);
    bench.write(4000, 0);
    bench.s.start(&at(0)).unwrap();
    bench.elapse(1003, 125);
    assert_eq!(bench.pointers().1, 1002);
    assert_eq!(
        (bench.s.frame_bytes(), bench.s.frames_of_bytes(3)),
        (1, Some(6))
    );
}
