//! DRAIN.

use crate::bench::*;
use cuse_pcm::pcm::{Drain, State};
use hw_backends::dma::PrivateBacking;
use hw_backends::hardware::info;
use hw_backends::ops::Trigger;
use hw_backends::testing::{Call, Refuse};
use hw_backends::units::Direction::{Capture, Playback};
use hw_backends::units::Nanos;
use uapi::Errno;

const WAIT: Result<Drain, Errno> = Ok(Drain::Wait {
    timeout: Some(Nanos(2_200_000_000)),
});

#[test]
fn a_drain_waits_until_the_last_frame_was_played() {
    let mut bench = Bench::running(Playback, 4000);
    assert_eq!(bench.s.drain(false, &at(0)), WAIT);
    assert_eq!(bench.state(), State::Draining);
    bench.elapse(3999, 499);
    assert!(bench.device.view().draining);
    assert_eq!(bench.s.drain_state(false, &at(499)), None);
    let woken = bench.elapse(4000, 500);
    assert!(woken.transfers && woken.pollers);
    assert_eq!(bench.s.drain_state(false, &at(500)), Some(Ok(())));
    assert_eq!(bench.state(), State::Setup);
}

#[test]
fn a_drain_may_overshoot_to_the_end_of_a_period() {
    let mut bench = Bench::running(Playback, 3500);
    assert_eq!(bench.s.drain(false, &at(0)), WAIT);
    bench.elapse(3000, 375);
    bench.elapse(4000, 500);
    assert_eq!(bench.state(), State::Setup);
    assert_eq!(bench.pointers(), (3500, 4000));
}

#[test]
fn a_device_that_stands_at_the_last_frame_ends_the_drain() {
    let mut bench = Bench::running(Playback, 4000);
    bench.software(|p| p.stop_threshold = BOUNDARY);
    bench.elapse(4000, 500);
    assert_eq!(bench.s.drain(false, &at(500)), WAIT);
    bench.elapse(4000, 501);
    assert_eq!(bench.s.drain_state(false, &at(501)), Some(Ok(())));
}

#[test]
fn a_prepared_stream_is_started_whatever_its_threshold() {
    let mut bench = Bench::prepared(Playback);
    bench.write(100, 0);
    bench.device.take_calls();
    assert_eq!(bench.s.drain(false, &at(0)), WAIT);
    assert_eq!(bench.state(), State::Draining);
    assert_eq!(bench.device.take_calls(), [Call::Trigger(Trigger::Start)]);
    assert!(bench.device.view().draining);
}

#[test]
fn an_empty_prepared_stream_is_done_at_once() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| p.stop_threshold = BOUNDARY);
    assert_eq!(bench.s.drain(false, &at(0)), Ok(Drain::Done));
    assert_eq!(bench.state(), State::Setup);
}

#[test]
fn an_xrun_is_drained_to_setup() {
    let mut bench = Bench::running(Playback, 4000);
    bench.s.xrun(&at(0)).unwrap();
    assert_eq!(bench.s.drain(false, &at(0)), Ok(Drain::Done));
    assert_eq!(bench.state(), State::Setup);
}

#[test]
fn a_nonblocking_drain_is_always_eagain() {
    let mut bench = Bench::running(Playback, 4000);
    assert_eq!(bench.s.drain(true, &at(0)), Err(Errno::EAGAIN));
    assert_eq!(bench.state(), State::Draining);
    assert_eq!(bench.s.drain(true, &at(0)), Err(Errno::EAGAIN));
    bench.s.drop_frames(&at(0)).unwrap();
    assert_eq!(bench.s.drain(true, &at(0)), Err(Errno::EAGAIN));
    assert_eq!(bench.state(), State::Setup);
    let mut bench = Bench::prepared(Playback);
    assert_eq!(bench.s.drain(true, &at(0)), Err(Errno::EAGAIN));
    assert_eq!(bench.state(), State::Setup);
}

#[test]
fn drain_is_refused_in_open_and_suspended() {
    let mut bench = Bench::open(Playback);
    assert_eq!(bench.s.drain(true, &at(0)), Err(Errno::EBADFD));
    let mut bench = Bench::running(Playback, 4000);
    bench.s.suspend(&at(0));
    assert_eq!(bench.s.drain(false, &at(0)), Err(Errno::EBADFD));
}

#[test]
fn a_pause_is_released_to_drain() {
    let mut bench = Bench::running(Playback, 4000);
    bench.s.pause(true, &at(0)).unwrap();
    assert_eq!(bench.s.drain(false, &at(1)), WAIT);
    assert_eq!(bench.state(), State::Draining);
}

#[test]
fn a_drain_in_which_nothing_happens_is_eio() {
    let mut bench = Bench::running(Playback, 4000);
    assert_eq!(bench.s.drain(false, &at(0)), WAIT);
    assert_eq!(bench.s.drain_state(true, &at(2200)), Some(Err(Errno::EIO)));
    assert_eq!(bench.state(), State::Setup);
}

#[test]
fn drop_ends_a_drain_with_success() {
    let mut bench = Bench::running(Playback, 4000);
    assert_eq!(bench.s.drain(false, &at(0)), WAIT);
    bench.s.drop_frames(&at(1)).unwrap();
    assert!(bench.s.take_wakeups().transfers);
    assert_eq!(bench.s.drain_state(false, &at(1)), Some(Ok(())));
}

#[test]
fn without_period_wakeups_a_drain_waits_for_ever() {
    let mut p = wanted(3, 1, BUFFER);
    p.flags = 4;
    let mut bench = Bench::open(Playback).prepare(p);
    bench.write(100, 0);
    assert_eq!(
        bench.s.drain(false, &at(0)),
        Ok(Drain::Wait { timeout: None })
    );
}

#[test]
fn xrun_is_not_declared_while_draining() {
    let mut bench = Bench::running(Playback, 4000);
    bench.software(|p| p.stop_threshold = 12_500);
    assert_eq!(bench.s.drain(false, &at(0)), WAIT);
    bench.elapse(3000, 375);
    assert_eq!(bench.state(), State::Draining);
}

#[test]
fn hwsync_can_find_the_end_of_the_drain() {
    let mut bench = Bench::running(Playback, 4000);
    assert_eq!(bench.s.drain(false, &at(0)), WAIT);
    bench.device.set_position(4000);
    assert_eq!(bench.s.hwsync(&at(500)), Err(Errno::EPIPE));
    assert_eq!(bench.state(), State::Setup);
}

#[test]
fn capture_drains_without_waiting() {
    let mut bench = Bench::running(Capture, 0);
    bench.elapse(10, 1);
    bench.device.take_calls();
    assert_eq!(bench.s.drain(false, &at(2)), Ok(Drain::Done));
    assert_eq!(bench.state(), State::Draining);
    assert_eq!(bench.device.take_calls(), [Call::Trigger(Trigger::Stop)]);
    assert_eq!(bench.s.next_event(), None);
    assert_eq!(bench.s.drain(false, &at(2)), Ok(Drain::Done));
    assert_eq!(bench.state(), State::Draining);
}

#[test]
fn an_empty_capture_drains_to_setup() {
    let mut bench = Bench::running(Capture, 0);
    assert_eq!(bench.s.drain(false, &at(2)), Ok(Drain::Done));
    assert_eq!(bench.state(), State::Setup);
    let mut bench = Bench::prepared(Capture);
    assert_eq!(bench.s.drain(false, &at(2)), Ok(Drain::Done));
    assert_eq!(bench.state(), State::Prepared);
}

#[test]
fn a_device_that_wants_to_know_is_told() {
    let mut hardware = hardware();
    hardware.info |= info::DRAIN_TRIGGER;
    let mut bench = Bench::open_with(Playback, hardware, Box::<PrivateBacking>::default())
        .prepare(wanted(3, 1, BUFFER));
    bench.write(4000, 0);
    bench.s.start(&at(0)).unwrap();
    bench.device.take_calls();
    assert_eq!(bench.s.drain(false, &at(1)), WAIT);
    assert_eq!(bench.device.take_calls(), [Call::Trigger(Trigger::Drain)]);
}

#[test]
fn a_drain_that_cannot_start_the_device_fails() {
    let mut bench = Bench::prepared(Playback);
    bench.write(4000, 0);
    bench
        .device
        .refuse(Refuse::Trigger(Trigger::Start), Errno::EIO);
    assert_eq!(bench.s.drain(false, &at(1)), Err(Errno::EIO));
    assert_eq!(bench.state(), State::Prepared);
}
