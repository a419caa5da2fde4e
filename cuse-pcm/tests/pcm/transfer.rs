//! Reads and writes.

use crate::bench::*;
use cuse_pcm::pcm::{Layout, State, Step};
use hw_backends::ops::Trigger;
use hw_backends::testing::{Call, Refuse};
use hw_backends::units::Direction::{Capture, Playback};
use hw_backends::units::Nanos;
use uapi::Errno;

const INTERLEAVED: Layout = Layout::Interleaved;
/// 1.1 rings of 16000 frames at 8000 Hz.
const PATIENCE: Step = Step::Wait {
    timeout: Some(Nanos(2_200_000_000)),
};

#[test]
fn writei_in_open_state_returns_ebadfd_whatever_else_is_wrong() {
    let mut bench = Bench::open(Playback);
    assert_eq!(
        bench
            .s
            .begin_transfer(INTERLEAVED, 0, true, &at(0))
            .unwrap_err(),
        Errno::EBADFD
    );
}

#[test]
fn the_layout_is_checked_before_the_buffer_and_the_state() {
    let mut bench = Bench::open(Capture).prepare(wanted(3, 2, 8000));
    bench.s.drop_frames(&at(0)).unwrap();
    let mut begin = |layout, frames, null| {
        bench
            .s
            .begin_transfer(layout, frames, null, &at(0))
            .map(|t| t.frames())
    };
    assert_eq!(begin(Layout::Noninterleaved, 0, false), Err(Errno::EINVAL));
    assert_eq!(
        begin(INTERLEAVED, 0, true),
        Err(Errno::EINVAL),
        "nowhere to put it"
    );
    assert_eq!(begin(INTERLEAVED, 0, false), Ok(0));
    assert_eq!(begin(INTERLEAVED, 1, false), Err(Errno::EBADFD));
}

#[test]
fn one_channel_is_interleaved_in_every_access_type() {
    let mut bench = Bench::open(Playback).prepare(wanted(4, 1, 8000));
    assert_eq!(bench.transfer(10, 0), Ok(10));
    assert!(
        bench
            .s
            .begin_transfer(Layout::Noninterleaved, 10, false, &at(0))
            .is_ok()
    );
}

#[test]
fn several_channels_need_the_right_access_type() {
    let mut bench = Bench::open(Playback).prepare(wanted(4, 2, 8000));
    assert_eq!(bench.transfer(10, 0), Err(Errno::EINVAL));
}

#[test]
fn no_frames_are_moved_at_once_in_every_state_but_open() {
    let mut bench = Bench::running(Playback, 4000);
    bench.s.xrun(&at(0)).unwrap();
    assert_eq!(bench.transfer(0, 0), Ok(0));
    assert_eq!(bench.transfer(1, 0), Err(Errno::EPIPE));
    bench.s.suspend(&at(0));
    assert_eq!(bench.transfer(1, 0), Err(Errno::ESTRPIPE));
}

#[test]
fn a_write_is_cut_at_the_end_of_the_ring() {
    let mut bench = Bench::running(Playback, 15_000);
    bench.elapse(3000, 375);
    let mut t = bench
        .s
        .begin_transfer(INTERLEAVED, 3000, false, &at(375))
        .unwrap();
    let Step::Copy(first) = bench.s.next_step(&mut t, &at(375)) else {
        panic!()
    };
    assert_eq!(
        (first.ring_offset_frames, first.frames, first.done_frames),
        (15_000, 1000, 0)
    );
    assert_eq!(bench.s.ring_part(&first, None).unwrap().len(), 2000);
    bench.s.commit(&mut t, &first, Ok(()), &at(375));
    let Step::Copy(second) = bench.s.next_step(&mut t, &at(375)) else {
        panic!()
    };
    assert_eq!(
        (second.ring_offset_frames, second.frames, second.done_frames),
        (0, 2000, 1000)
    );
    bench.s.commit(&mut t, &second, Ok(()), &at(375));
    assert_eq!(bench.s.next_step(&mut t, &at(375)), Step::Done(Ok(3000)));
    assert_eq!(bench.pointers(), (18_000, 3000));
}

#[test]
fn enough_queued_frames_start_the_stream() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| p.start_threshold = 2000);
    bench.write(1999, 0);
    assert_eq!(bench.state(), State::Prepared);
    bench.write(1, 0);
    assert_eq!(bench.state(), State::Running);
}

#[test]
fn a_start_threshold_of_nothing_starts_with_the_first_chunk() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| p.start_threshold = 0);
    bench.write(1, 0);
    assert_eq!(bench.state(), State::Running);
}

#[test]
fn a_failed_start_is_reported_only_when_nothing_was_moved() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| p.start_threshold = 1);
    bench
        .device
        .refuse(Refuse::Trigger(Trigger::Start), Errno::EIO);
    assert_eq!(bench.transfer(10, 0), Ok(10), "they are in the ring");
    assert_eq!(bench.state(), State::Prepared);
    let mut bench = Bench::prepared(Capture);
    bench.software(|p| p.start_threshold = 1);
    bench
        .device
        .refuse(Refuse::Trigger(Trigger::Start), Errno::EIO);
    assert_eq!(bench.transfer(10, 0), Err(Errno::EIO));
}

#[test]
fn a_read_of_enough_frames_starts_the_stream_and_waits() {
    let mut bench = Bench::prepared(Capture);
    bench.software(|p| p.start_threshold = 500);
    let mut t = bench
        .s
        .begin_transfer(INTERLEAVED, 499, false, &at(0))
        .unwrap();
    assert_eq!(bench.s.next_step(&mut t, &at(0)), PATIENCE);
    assert_eq!(bench.state(), State::Prepared);
    assert_eq!(
        bench.s.end_transfer(t, Errno::EIO, &at(2200)),
        Err(Errno::EIO)
    );
    let mut t = bench
        .s
        .begin_transfer(INTERLEAVED, 500, false, &at(0))
        .unwrap();
    assert_eq!(bench.state(), State::Running);
    assert_eq!(bench.s.next_step(&mut t, &at(0)), PATIENCE);
    assert!(bench.elapse(1000, 125).transfers);
    assert_eq!(bench.go_on(&mut t, 125), Step::Done(Ok(500)));
}

#[test]
fn a_full_ring_makes_a_write_wait_or_fail() {
    let mut bench = Bench::prepared(Playback);
    bench.write(BUFFER, 0);
    let mut t = bench
        .s
        .begin_transfer(INTERLEAVED, 10, false, &at(0))
        .unwrap();
    assert_eq!(bench.go_on(&mut t, 0), PATIENCE);
    assert_eq!(
        bench.s.end_transfer(t, Errno::EIO, &at(2200)),
        Err(Errno::EIO)
    );
    bench.s.prepare(Some(true), &at(0)).unwrap();
    assert_eq!(
        bench.transfer(BUFFER + 5, 0),
        Ok(BUFFER),
        "a partial count hides EAGAIN"
    );
    assert_eq!(bench.transfer(5, 0), Err(Errno::EAGAIN));
}

#[test]
fn a_sleeper_is_woken_by_what_it_needs_and_pollers_starve() {
    let mut bench = Bench::running(Playback, BUFFER);
    let mut t = bench
        .s
        .begin_transfer(INTERLEAVED, 1500, false, &at(0))
        .unwrap();
    assert_eq!(bench.go_on(&mut t, 0), PATIENCE);
    let woken = bench.elapse(999, 124);
    assert_eq!((woken.transfers, woken.pollers), (false, false));
    let woken = bench.elapse(1000, 125);
    assert_eq!((woken.transfers, woken.pollers), (true, false));
    assert_eq!(
        bench.go_on(&mut t, 125),
        PATIENCE,
        "500 remain, none are free"
    );
    assert_eq!(t.done(), 1000);
    assert!(!bench.elapse(1499, 187).transfers);
    assert!(
        bench.elapse(1500, 188).transfers,
        "fewer than avail_min, but all that remain"
    );
    assert_eq!(bench.go_on(&mut t, 188), Step::Done(Ok(1500)));
    assert!(
        bench.elapse(2500, 313).pollers,
        "nobody is blocked any more"
    );
}

#[test]
fn room_that_came_during_the_copy_has_to_be_worth_a_wake_up() {
    let mut bench = Bench::running(Playback, BUFFER - 100);
    let mut t = bench
        .s
        .begin_transfer(INTERLEAVED, 1500, false, &at(0))
        .unwrap();
    let Step::Copy(chunk) = bench.s.next_step(&mut t, &at(0)) else {
        panic!()
    };
    bench.elapse(10, 1);
    bench.s.commit(&mut t, &chunk, Ok(()), &at(1));
    assert_eq!(bench.s.next_step(&mut t, &at(1)), PATIENCE);
    assert_eq!(t.done(), 100);
}

#[test]
fn an_ended_transfer_wakes_pollers_if_enough_is_left() {
    let mut bench = Bench::running(Playback, 4000);
    bench.write(1000, 1);
    assert!(bench.s.take_wakeups().pollers);
    bench.write(BUFFER - 5500, 1);
    assert!(!bench.s.take_wakeups().pollers);
}

#[test]
fn avail_min_of_nothing_waits_for_a_frame() {
    let mut bench = Bench::running(Playback, BUFFER);
    bench.sync(2, 0, 0, 0).unwrap();
    let mut t = bench
        .s
        .begin_transfer(INTERLEAVED, 1500, false, &at(0))
        .unwrap();
    assert_eq!(bench.go_on(&mut t, 0), PATIENCE);
    assert!(bench.elapse(1, 1).transfers);
    assert_eq!(bench.go_on(&mut t, 1), PATIENCE);
    assert_eq!(t.done(), 1);
}

#[test]
fn the_device_is_asked_once_a_call() {
    let mut bench = Bench::running(Playback, 15_000);
    bench.device.set_position(2000);
    let asked = bench.device.pointer_calls();
    bench.write(3000, 250);
    assert_eq!(bench.device.pointer_calls(), asked + 1);
    bench.device.set_position(2500);
    bench.s.pause(true, &at(300)).unwrap();
    assert_eq!(
        bench.transfer(10, 300),
        Ok(0),
        "the ring is full and a paused device is not asked"
    );
    assert_eq!(bench.device.pointer_calls(), asked + 1);
}

#[test]
fn an_xrun_found_at_entry_is_reported_after_the_first_chunk() {
    let mut bench = Bench::running(Playback, 4000);
    bench.device.set_position(4000);
    assert_eq!(bench.transfer(10, 500), Err(Errno::EPIPE));
    assert_eq!(bench.pointers().0, 4000, "that chunk does not count");
}

#[test]
fn a_write_ends_as_the_stream_does() {
    let blocked = || {
        let mut bench = Bench::running(Playback, BUFFER);
        let mut t = bench
            .s
            .begin_transfer(INTERLEAVED, 10, false, &at(0))
            .unwrap();
        assert_eq!(bench.go_on(&mut t, 0), PATIENCE);
        (bench, t)
    };
    let (mut bench, mut t) = blocked();
    bench.s.xrun(&at(1)).unwrap();
    assert!(bench.s.take_wakeups().transfers);
    assert_eq!(bench.go_on(&mut t, 1), Step::Done(Err(Errno::EPIPE)));
    let (mut bench, mut t) = blocked();
    bench.s.suspend(&at(1));
    assert!(bench.s.take_wakeups().transfers);
    assert_eq!(bench.go_on(&mut t, 1), Step::Done(Err(Errno::ESTRPIPE)));
    let (mut bench, mut t) = blocked();
    bench.s.drain(true, &at(1)).unwrap_err();
    assert_eq!(bench.go_on(&mut t, 1), Step::Done(Err(Errno::EPIPE)));
    let (mut bench, mut t) = blocked();
    bench.s.drop_frames(&at(1)).unwrap();
    assert_eq!(bench.go_on(&mut t, 1), Step::Done(Err(Errno::EBADFD)));
    let (mut bench, mut t) = blocked();
    bench.s.disconnect(&at(1));
    assert_eq!(bench.go_on(&mut t, 1), Step::Done(Err(Errno::EBADFD)));
}

#[test]
fn a_partial_count_hides_the_end_of_the_stream() {
    let mut bench = Bench::running(Playback, 4000);
    let mut t = bench
        .s
        .begin_transfer(INTERLEAVED, BUFFER, false, &at(0))
        .unwrap();
    assert_eq!(bench.go_on(&mut t, 0), PATIENCE);
    bench.s.xrun(&at(1)).unwrap();
    assert_eq!(bench.go_on(&mut t, 1), Step::Done(Ok(12_000)));
    assert_eq!(
        bench.transfer(1, 1),
        Err(Errno::EPIPE),
        "the next call tells"
    );
}

#[test]
fn a_paused_stream_is_waited_for_without_a_time_out() {
    let mut bench = Bench::running(Playback, BUFFER);
    let mut t = bench
        .s
        .begin_transfer(INTERLEAVED, 10, false, &at(0))
        .unwrap();
    assert_eq!(bench.go_on(&mut t, 0), PATIENCE);
    bench.s.pause(true, &at(1)).unwrap();
    assert!(bench.s.take_wakeups().transfers);
    assert_eq!(bench.go_on(&mut t, 1), Step::Wait { timeout: None });
    bench.s.pause(false, &at(9000)).unwrap();
    assert!(bench.s.take_wakeups().transfers);
    assert_eq!(bench.go_on(&mut t, 9000), PATIENCE);
}

#[test]
fn without_period_wakeups_there_is_no_time_out() {
    let mut p = wanted(3, 1, BUFFER);
    p.flags = 4;
    let mut bench = Bench::open(Playback).prepare(p);
    bench.write(BUFFER, 0);
    let mut t = bench
        .s
        .begin_transfer(INTERLEAVED, 10, false, &at(0))
        .unwrap();
    assert_eq!(bench.go_on(&mut t, 0), Step::Wait { timeout: None });
}

#[test]
fn a_small_ring_is_waited_for_a_tenth_of_a_second() {
    let mut bench = Bench::open(Playback).prepare(wanted(3, 1, 512));
    bench.write(512, 0);
    let mut t = bench
        .s
        .begin_transfer(INTERLEAVED, 10, false, &at(0))
        .unwrap();
    assert_eq!(
        bench.go_on(&mut t, 0),
        Step::Wait {
            timeout: Some(Nanos(100_000_000))
        }
    );
}

#[test]
fn a_drain_ends_a_blocked_read_with_what_it_had() {
    let mut bench = Bench::running(Capture, 0);
    bench.elapse(600, 75);
    let mut t = bench
        .s
        .begin_transfer(INTERLEAVED, 2000, false, &at(75))
        .unwrap();
    assert_eq!(bench.go_on(&mut t, 75), PATIENCE);
    bench.elapse(900, 112);
    bench.s.drain(false, &at(113)).unwrap();
    assert_eq!(bench.state(), State::Draining);
    assert_eq!(
        bench.go_on(&mut t, 113),
        Step::Done(Ok(600)),
        "the 300 frames in the ring are not delivered"
    );
    assert_eq!(bench.state(), State::Setup);
}

#[test]
fn a_read_of_a_draining_capture_is_refused() {
    let mut bench = Bench::running(Capture, 0);
    bench.elapse(600, 75);
    bench.s.drain(false, &at(76)).unwrap();
    assert_eq!(bench.transfer(10, 76), Err(Errno::EBADFD));
}

#[test]
fn a_fault_discards_its_chunk_and_hides_behind_a_count() {
    let mut bench = Bench::running(Playback, 15_000);
    bench.elapse(3000, 375);
    let mut t = bench
        .s
        .begin_transfer(INTERLEAVED, 3000, false, &at(375))
        .unwrap();
    let Step::Copy(first) = bench.s.next_step(&mut t, &at(375)) else {
        panic!()
    };
    bench.s.commit(&mut t, &first, Ok(()), &at(375));
    let Step::Copy(second) = bench.s.next_step(&mut t, &at(375)) else {
        panic!()
    };
    bench
        .s
        .commit(&mut t, &second, Err(Errno::EFAULT), &at(375));
    assert_eq!(bench.s.next_step(&mut t, &at(375)), Step::Done(Ok(1000)));
    let mut t = bench
        .s
        .begin_transfer(INTERLEAVED, 10, false, &at(375))
        .unwrap();
    let Step::Copy(chunk) = bench.s.next_step(&mut t, &at(375)) else {
        panic!()
    };
    bench.s.commit(&mut t, &chunk, Err(Errno::EFAULT), &at(375));
    assert_eq!(
        bench.s.next_step(&mut t, &at(375)),
        Step::Done(Err(Errno::EFAULT))
    );
}

#[test]
fn a_stop_during_the_copy_discards_the_chunk() {
    let mut bench = Bench::running(Playback, 4000);
    let mut t = bench
        .s
        .begin_transfer(INTERLEAVED, 10, false, &at(0))
        .unwrap();
    let Step::Copy(chunk) = bench.s.next_step(&mut t, &at(0)) else {
        panic!()
    };
    bench.s.drop_frames(&at(0)).unwrap();
    bench.s.commit(&mut t, &chunk, Ok(()), &at(0));
    assert_eq!(
        bench.s.next_step(&mut t, &at(0)),
        Step::Done(Err(Errno::EBADFD))
    );
    assert_eq!(bench.pointers().0, 4000);
}

#[test]
fn a_small_write_in_prepared_can_lead_to_an_xrun_and_succeeds() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| p.stop_threshold = 8000);
    assert_eq!(bench.transfer(100, 0), Ok(100));
    assert_eq!(bench.state(), State::Xrun);
}

#[test]
fn every_chunk_is_acknowledged() {
    let mut bench = Bench::prepared(Playback);
    bench.write(300, 0);
    bench.write(200, 0);
    let calls = bench.device.take_calls();
    assert!(
        matches!(calls[..], [Call::Ack(a), Call::Ack(b)] if (a.appl, b.appl) == (300, 500)),
        "{calls:?}"
    );
}

#[test]
fn a_chunk_that_the_device_refuses_does_not_count() {
    let mut bench = Bench::running(Playback, 4000);
    bench.device.refuse(Refuse::Ack, Errno::EPIPE);
    assert_eq!(bench.transfer(10, 0), Err(Errno::EPIPE));
    assert_eq!((bench.state(), bench.pointers().0), (State::Xrun, 4000));
}

#[test]
fn a_write_goes_on_after_drop_and_prepare() {
    let mut bench = Bench::running(Playback, BUFFER);
    let mut t = bench
        .s
        .begin_transfer(INTERLEAVED, 10, false, &at(0))
        .unwrap();
    assert_eq!(bench.go_on(&mut t, 0), PATIENCE);
    bench.s.drop_frames(&at(1)).unwrap();
    bench.s.prepare(None, &at(1)).unwrap();
    assert_eq!(bench.go_on(&mut t, 1), Step::Done(Ok(10)));
}

#[test]
fn a_write_without_a_buffer_is_silence() {
    let mut bench = Bench::prepared(Playback);
    bench.noise();
    let mut t = bench
        .s
        .begin_transfer(INTERLEAVED, 50, true, &at(0))
        .unwrap();
    let Step::Copy(chunk) = bench.s.next_step(&mut t, &at(0)) else {
        panic!()
    };
    bench.s.silence_chunk(&chunk, None);
    bench.s.commit(&mut t, &chunk, Ok(()), &at(0));
    assert_eq!(bench.silences(), [(0, 50)]);
}

#[test]
fn channels_of_a_noninterleaved_ring_are_apart() {
    let mut bench = Bench::open(Playback).prepare(wanted(4, 2, 8000));
    let mut t = bench
        .s
        .begin_transfer(Layout::Noninterleaved, 50, false, &at(0))
        .unwrap();
    let Step::Copy(chunk) = bench.s.next_step(&mut t, &at(0)) else {
        panic!()
    };
    let ring = bench.device.ring().unwrap().area;
    let left = bench.s.ring_part(&chunk, Some(0)).unwrap();
    let right = bench.s.ring_part(&chunk, Some(1)).unwrap();
    assert_eq!((left.len(), right.len()), (100, 100));
    assert_eq!(left.as_ptr(), ring.as_ptr());
    assert_eq!(right.as_ptr().addr() - ring.as_ptr().addr(), 16_000);
    assert!(bench.s.ring_part(&chunk, Some(2)).is_none());
}

#[test]
fn of_two_sleepers_neither_is_forgotten() {
    let mut bench = Bench::running(Playback, BUFFER);
    let mut small = bench
        .s
        .begin_transfer(INTERLEAVED, 10, false, &at(0))
        .unwrap();
    assert_eq!(bench.go_on(&mut small, 0), PATIENCE);
    let mut large = bench
        .s
        .begin_transfer(INTERLEAVED, 5000, false, &at(0))
        .unwrap();
    assert_eq!(bench.go_on(&mut large, 0), PATIENCE);
    assert!(bench.elapse(10, 1).transfers);
    assert_eq!(bench.go_on(&mut small, 1), Step::Done(Ok(10)));
    assert_eq!(bench.go_on(&mut large, 1), PATIENCE);
    assert!(bench.elapse(1010, 126).transfers);
}
