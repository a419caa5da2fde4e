//! START, DROP, PAUSE, SUSPEND, RESUME, XRUN, PREPARE, RESET.

use crate::bench::*;
use cuse_pcm::pcm::State;
use hw_backends::dma::PrivateBacking;
use hw_backends::hardware::info;
use hw_backends::ops::Trigger;
use hw_backends::testing::{Call, Refuse};
use hw_backends::units::Direction::{Capture, Playback};
use uapi::Errno;

fn triggers(bench: &Bench) -> Vec<Trigger> {
    let calls = bench.device.take_calls().into_iter();
    calls
        .filter_map(|call| {
            if let Call::Trigger(t) = call {
                Some(t)
            } else {
                None
            }
        })
        .collect()
}

#[test]
fn an_empty_playback_does_not_start() {
    let mut bench = Bench::prepared(Playback);
    assert_eq!(bench.s.start(&at(0)), Err(Errno::EPIPE));
    assert_eq!(bench.state(), State::Prepared);
    assert!(triggers(&bench).is_empty());
}

#[test]
fn an_empty_playback_that_never_stops_starts() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| p.stop_threshold = BOUNDARY);
    assert_eq!(bench.s.start(&at(0)), Ok(()));
    assert_eq!(bench.state(), State::Running);
}

#[test]
fn start_needs_prepared() {
    let mut bench = Bench::open(Capture);
    assert_eq!(bench.s.start(&at(0)), Err(Errno::EBADFD));
    bench
        .s
        .hw_params(&mut wanted(3, 1, BUFFER), &at(0))
        .unwrap();
    assert_eq!(bench.s.start(&at(0)), Err(Errno::EBADFD));
    bench.s.prepare(None, &at(0)).unwrap();
    assert_eq!(bench.s.start(&at(0)), Ok(()));
    assert_eq!(bench.s.start(&at(0)), Err(Errno::EBADFD));
}

#[test]
fn a_device_that_does_not_start_leaves_the_stream_prepared() {
    let mut bench = Bench::prepared(Capture);
    bench
        .device
        .refuse(Refuse::Trigger(Trigger::Start), Errno::EIO);
    assert_eq!(bench.s.start(&at(5)), Err(Errno::EIO));
    assert_eq!(bench.state(), State::Prepared);
    assert_eq!(bench.status(5).trigger_tstamp.sec, 0);
}

#[test]
fn drop_releases_a_pause_first() {
    let mut bench = Bench::running(Playback, 4000);
    bench.s.pause(true, &at(1)).unwrap();
    bench.s.drop_frames(&at(2)).unwrap();
    assert_eq!(bench.state(), State::Setup);
    assert_eq!(
        triggers(&bench),
        [Trigger::PausePush, Trigger::PauseRelease, Trigger::Stop]
    );
}

#[test]
fn drop_tells_only_a_moving_device() {
    let mut bench = Bench::prepared(Playback);
    assert_eq!(bench.s.drop_frames(&at(7)), Ok(()));
    assert_eq!(bench.state(), State::Setup);
    assert!(triggers(&bench).is_empty());
    assert_eq!(
        bench.status(8).trigger_tstamp.nsec,
        7_000_000,
        "PREPARED to SETUP is a change"
    );
    assert_eq!(bench.s.drop_frames(&at(9)), Ok(()));
    assert_eq!(
        bench.status(9).trigger_tstamp.nsec,
        7_000_000,
        "SETUP to SETUP is none"
    );
    assert!(bench.s.take_wakeups().pollers);
}

#[test]
fn pause_without_the_capability_is_enosys_in_every_state() {
    let mut plain = hardware();
    plain.info &= !info::PAUSE;
    let mut bench = Bench::open_with(Playback, plain, Box::<PrivateBacking>::default());
    assert_eq!(bench.s.pause(true, &at(0)), Err(Errno::ENOSYS));
    let mut bench = bench.prepare(wanted(3, 1, BUFFER));
    assert_eq!(bench.s.pause(false, &at(0)), Err(Errno::ENOSYS));
}

#[test]
fn pause_before_the_first_hw_params_is_enosys() {
    let mut bench = Bench::open(Playback);
    assert_eq!(bench.s.pause(true, &at(0)), Err(Errno::ENOSYS));
    let mut bench = bench.prepare(wanted(3, 1, BUFFER));
    assert_eq!(bench.s.pause(true, &at(0)), Err(Errno::EBADFD));
}

#[test]
fn a_paused_stream_moves_on_after_the_release() {
    let mut bench = Bench::running(Playback, 4000);
    bench.elapse(1000, 125);
    bench.s.pause(true, &at(130)).unwrap();
    assert!(bench.s.take_wakeups().pollers);
    bench.device.set_position(1040);
    assert_eq!(bench.s.hwsync(&at(131)), Ok(()));
    assert_eq!(bench.pointers().1, 1000, "not updated while paused");
    assert_eq!(bench.s.next_event(), None);
    bench.s.pause(false, &at(140)).unwrap();
    assert_eq!(bench.state(), State::Running);
    bench.s.hwsync(&at(141)).unwrap();
    assert_eq!(bench.pointers().1, 1040);
}

#[test]
fn suspend_is_undone_by_resume_exactly() {
    let mut bench = Bench::running(Playback, 4000);
    bench.s.suspend(&at(1));
    assert_eq!(bench.state(), State::Suspended);
    assert_eq!(bench.s.hwsync(&at(1)), Err(Errno::ESTRPIPE));
    assert_eq!(bench.status(1).suspended_state, State::Running as i32);
    bench.s.resume(&at(2)).unwrap();
    assert_eq!(bench.state(), State::Running);
    assert_eq!(triggers(&bench), [Trigger::Suspend, Trigger::Resume]);
    assert_eq!(
        bench.status(2).suspended_state,
        State::Running as i32,
        "sticky"
    );
    bench.s.drop_frames(&at(3)).unwrap();
    bench.s.suspend(&at(3));
    assert_eq!(bench.state(), State::Setup, "SETUP stays");
}

#[test]
fn resume_can_yield_an_xrun() {
    let mut bench = Bench::running(Playback, 4000);
    bench.s.xrun(&at(0)).unwrap();
    bench.s.suspend(&at(1));
    triggers(&bench);
    bench.s.resume(&at(2)).unwrap();
    assert_eq!(bench.state(), State::Xrun);
    assert!(triggers(&bench).is_empty(), "nothing moved");
    assert_eq!(bench.s.resume(&at(2)), Err(Errno::EBADFD));
}

#[test]
fn resume_without_the_capability_is_enosys_only_when_suspended() {
    let mut plain = hardware();
    plain.info &= !info::RESUME;
    let mut bench = Bench::open_with(Playback, plain, Box::<PrivateBacking>::default())
        .prepare(wanted(3, 1, BUFFER));
    assert_eq!(bench.s.resume(&at(0)), Err(Errno::EBADFD));
    bench.s.suspend(&at(0));
    assert_eq!(bench.s.resume(&at(0)), Err(Errno::ENOSYS));
}

#[test]
fn the_xrun_ioctl_is_for_running_streams() {
    let mut bench = Bench::prepared(Playback);
    assert_eq!(bench.s.xrun(&at(0)), Err(Errno::EBADFD));
    let mut bench = Bench::running(Playback, 4000);
    assert_eq!(bench.s.xrun(&at(0)), Ok(()));
    assert_eq!(bench.s.xrun(&at(0)), Ok(()));
    assert_eq!(bench.state(), State::Xrun);
    assert_eq!(bench.s.snapshot().xruns, 1);
}

#[test]
fn prepare_is_refused_while_the_device_moves() {
    let mut bench = Bench::running(Playback, 4000);
    assert_eq!(bench.s.prepare(Some(true), &at(0)), Err(Errno::EBUSY));
    assert!(
        !bench.s.nonblock(),
        "the flag is taken only when the checks pass"
    );
    let mut bench = Bench::running(Capture, 0);
    bench.elapse(1000, 125);
    bench.s.drain(false, &at(130)).unwrap();
    assert_eq!(bench.state(), State::Draining);
    assert_eq!(
        bench.s.prepare(None, &at(131)),
        Ok(()),
        "a draining capture stands"
    );
}

#[test]
fn prepare_takes_the_flag_although_the_device_refuses() {
    let mut bench = Bench::prepared(Playback);
    bench.device.refuse(Refuse::Prepare, Errno::EIO);
    assert_eq!(bench.s.prepare(Some(true), &at(0)), Err(Errno::EIO));
    assert!(bench.s.nonblock());
    assert_eq!(bench.state(), State::Prepared);
}

#[test]
fn a_paused_stream_that_cannot_be_prepared_is_set_up() {
    let mut bench = Bench::running(Playback, 4000);
    bench.s.pause(true, &at(0)).unwrap();
    bench.device.refuse(Refuse::Prepare, Errno::EIO);
    assert_eq!(bench.s.prepare(None, &at(0)), Err(Errno::EIO));
    assert_eq!(bench.state(), State::Setup);
}

#[test]
fn prepare_waits_until_the_device_has_stopped() {
    let mut bench = Bench::running(Playback, 4000);
    bench.s.xrun(&at(0)).unwrap();
    bench.s.prepare(None, &at(0)).unwrap();
    let calls = bench.device.take_calls();
    assert_eq!(
        calls,
        [Call::Trigger(Trigger::Stop), Call::SyncStop, Call::Prepare]
    );
}

#[test]
fn reset_while_running_keeps_the_place_in_the_ring() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| p.stop_threshold = BOUNDARY);
    bench.write(4000, 0);
    bench.s.start(&at(0)).unwrap();
    bench.device.set_position(BUFFER + 300);
    bench.s.reset(&at(2000)).unwrap();
    assert_eq!(bench.pointers(), (300, 300));
    bench.elapse(BUFFER + 350, 2010);
    assert_eq!(bench.pointers(), (300, 350));
    assert_eq!(bench.state(), State::Running);
}

#[test]
fn a_reset_playback_is_empty_and_stops_at_the_next_move() {
    let mut bench = Bench::running(Playback, 4000);
    bench.device.set_position(10);
    bench.s.reset(&at(1)).unwrap();
    assert_eq!(bench.pointers(), (10, 10));
    assert_eq!(bench.state(), State::Running);
    bench.elapse(20, 2);
    assert_eq!(bench.state(), State::Xrun);
}

#[test]
fn reset_while_paused_starts_from_zero_and_counts_the_round_again() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| p.stop_threshold = BOUNDARY);
    bench.write(4000, 0);
    bench.s.start(&at(0)).unwrap();
    bench.elapse(BUFFER + 700, 2000);
    bench.s.pause(true, &at(2000)).unwrap();
    bench.s.reset(&at(2001)).unwrap();
    assert_eq!(bench.pointers(), (0, 0));
    bench.s.pause(false, &at(2002)).unwrap();
    bench.elapse(BUFFER + 720, 2003);
    assert_eq!(bench.pointers(), (0, 720));
}

#[test]
fn reset_is_for_streams_that_could_move() {
    let mut bench = Bench::open(Playback);
    assert_eq!(bench.s.reset(&at(0)), Err(Errno::EBADFD));
    bench
        .s
        .hw_params(&mut wanted(3, 1, BUFFER), &at(0))
        .unwrap();
    assert_eq!(bench.s.reset(&at(0)), Err(Errno::EBADFD));
    let mut bench = Bench::running(Playback, 4000);
    bench.s.xrun(&at(0)).unwrap();
    assert_eq!(bench.s.reset(&at(0)), Err(Errno::EBADFD));
}

#[test]
fn a_lost_card_stops_and_wakes() {
    let mut bench = Bench::running(Playback, 4000);
    bench.s.disconnect(&at(3));
    assert_eq!(bench.state(), State::Disconnected);
    assert_eq!(triggers(&bench), [Trigger::Stop]);
    let woken = bench.s.take_wakeups();
    assert!(woken.pollers && woken.transfers);
    assert_eq!(bench.s.drop_frames(&at(3)), Err(Errno::EBADFD));
    bench.s.close(&at(4));
    assert_eq!(
        bench.device.take_calls(),
        [Call::SyncStop, Call::HwFree, Call::Close]
    );
}

#[test]
fn hw_params_waits_until_the_device_has_stopped() {
    let mut bench = Bench::running(Playback, 4000);
    bench.s.drop_frames(&at(0)).unwrap();
    bench
        .s
        .hw_params(&mut wanted(3, 1, BUFFER), &at(0))
        .unwrap();
    let calls = bench.device.take_calls();
    let expected = [Call::Trigger(Trigger::Stop), Call::SyncStop, Call::HwFree];
    assert_eq!(calls[..3], expected);
}

#[test]
fn prepare_waits_until_a_suspended_device_has_stopped() {
    let mut bench = Bench::running(Playback, 4000);
    bench.s.suspend(&at(0));
    bench.s.prepare(None, &at(0)).unwrap();
    let calls = bench.device.take_calls();
    assert_eq!(
        calls,
        [
            Call::Trigger(Trigger::Suspend),
            Call::SyncStop,
            Call::Prepare
        ]
    );
}
