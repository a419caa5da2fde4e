//! STATUS, DELAY, timestamps, CHANNEL_INFO, poll.

use crate::bench::*;
use cuse_pcm::pcm::State;
use hw_backends::dma::PrivateBacking;
use hw_backends::units::Direction::{Capture, Playback};
use uapi::Errno;
use uapi::pcm::Timespec;

const fn time(sec: i64, nsec: i64) -> Timespec {
    Timespec { sec, nsec }
}

#[test]
fn in_open_only_the_states_are_said() {
    let mut bench = Bench::open(Playback);
    let status = bench.s.status(0x1f, &at(5)).unwrap();
    assert_eq!(status.audio_tstamp_data, 0x1f);
    assert_eq!(
        (status.state, status.avail, status.tstamp),
        (0, 0, time(0, 0))
    );
}

#[test]
fn the_status_that_finds_the_xrun_says_running_once() {
    let mut bench = Bench::running(Playback, 4000);
    bench.device.set_position(4100);
    let status = bench.status(600);
    assert_eq!(
        (status.state, status.avail, status.delay),
        (State::Running as i32, BUFFER + 100, 0)
    );
    assert_eq!(bench.status(600).state, State::Xrun as i32);
}

#[test]
fn delay_is_said_by_status_only_while_running() {
    let mut bench = Bench::prepared(Playback);
    bench.write(4000, 0);
    assert_eq!(bench.status(0).delay, 0);
    assert_eq!(bench.s.delay(&at(0)), Ok(4000));
    bench.s.start(&at(0)).unwrap();
    bench.device.set_delay(30);
    bench.device.set_position(1000);
    assert_eq!(bench.status(125).delay, 3030);
    assert_eq!(bench.s.delay(&at(125)), Ok(3030));
    bench.s.pause(true, &at(126)).unwrap();
    assert_eq!(bench.status(126).delay, 0);
    assert_eq!(bench.s.delay(&at(126)), Ok(3030));
}

#[test]
fn status_resets_avail_max() {
    let mut bench = Bench::running(Playback, 4000);
    bench.elapse(1000, 125);
    assert_eq!(bench.s.forward(1000, &at(125)), Ok(1000));
    let status = bench.status(125);
    assert_eq!((status.avail, status.avail_max), (12_000, 13_000));
    assert_eq!(bench.status(125).avail_max, 0, "nothing was checked since");
    assert!(bench.elapse(1100, 137).pollers);
    assert_eq!(bench.status(138).avail_max, 12_100);
}

#[test]
fn timestamps_follow_the_clock_that_was_asked_for() {
    for (kind, sec) in [(0, 1_700_000_000), (1, 0), (2, 5)] {
        let mut bench = Bench::prepared(Playback);
        bench.software(|p| (p.tstamp_mode, p.tstamp_type) = (1, kind));
        assert_eq!(bench.status(40).tstamp, time(sec, 40_000_000));
        bench.write(4000, 0);
        bench.s.start(&at(50)).unwrap();
        assert_eq!(bench.status(60).trigger_tstamp, time(sec, 50_000_000));
    }
}

#[test]
fn an_old_protocol_keeps_the_clock() {
    let mut bench = Bench::prepared(Playback);
    bench.s.ttstamp(2).unwrap();
    bench.software(|p| (p.tstamp_mode, p.tstamp_type, p.proto) = (1, 1, 0x2_000b));
    assert_eq!(bench.status(0).tstamp, time(5, 0));
}

#[test]
fn without_tstamp_mode_there_are_no_timestamps() {
    let mut bench = Bench::running(Playback, 4000);
    bench.device.set_position(1000);
    let status = bench.s.status(1, &at(125)).unwrap();
    assert_eq!(
        (status.tstamp, status.audio_tstamp, status.driver_tstamp),
        (time(0, 0), time(0, 0), time(0, 0))
    );
    assert_eq!(status.audio_tstamp_data, 1);
}

#[test]
fn the_page_timestamp_changes_with_the_audio_time_only() {
    let mut bench = Bench::running(Playback, 4000);
    bench.software(|p| p.tstamp_mode = 1);
    bench.device.set_position(1000);
    let first = bench.status(130);
    assert_eq!(first.tstamp, time(0, 130_000_000));
    assert_eq!(first.audio_tstamp, time(0, 125_000_000));
    let second = bench.status(140);
    assert_eq!(second.tstamp, first.tstamp);
    assert_eq!(second.driver_tstamp, time(0, 140_000_000));
}

#[test]
fn a_report_is_given_where_a_type_is_asked_for() {
    let mut bench = Bench::running(Playback, 4000);
    bench.software(|p| p.tstamp_mode = 1);
    bench.device.set_position(800);
    bench.device.set_delay(80);
    let status = bench.s.status(0xabcd_0011, &at(125)).unwrap();
    assert_eq!(status.audio_tstamp_data, 0x1_0011);
    assert_eq!(status.audio_tstamp, time(0, 90_000_000), "less the delay");
    assert_eq!(bench.s.status(0, &at(125)).unwrap().audio_tstamp_data, 0);
    assert_eq!(bench.status(125).audio_tstamp, time(0, 100_000_000));
}

#[test]
fn audio_time_counts_on_over_the_boundary() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| (p.stop_threshold, p.tstamp_mode) = (BOUNDARY, 1));
    bench.s.start(&at(0)).unwrap();
    bench.elapse(8000 * 1_000_000 + 4000, 1);
    assert_eq!(bench.status(1).audio_tstamp, time(1_000_000, 500_000_000));
}

#[test]
fn an_xrun_renews_the_page_timestamp() {
    let mut bench = Bench::running(Playback, 4000);
    bench.software(|p| p.tstamp_mode = 1);
    bench.s.xrun(&at(33)).unwrap();
    assert_eq!(
        bench.sync(2 | 4, 0, 0, 34).unwrap().status.tstamp,
        time(0, 33_000_000)
    );
    assert_eq!(bench.status(35).trigger_tstamp, time(0, 33_000_000));
}

#[test]
fn hwsync_follows_the_state() {
    let mut bench = Bench::open(Capture);
    assert_eq!(bench.s.hwsync(&at(0)), Err(Errno::EBADFD));
    bench
        .s
        .hw_params(&mut wanted(3, 1, BUFFER), &at(0))
        .unwrap();
    assert_eq!(bench.s.delay(&at(0)), Err(Errno::EBADFD));
    let mut bench = Bench::running(Capture, 0);
    bench.elapse(1000, 125);
    assert_eq!(bench.s.delay(&at(126)), Ok(1000));
    bench.s.drain(false, &at(130)).unwrap();
    assert_eq!(
        bench.s.hwsync(&at(131)),
        Err(Errno::EBADFD),
        "a draining capture"
    );
    assert_eq!(bench.s.rewind(1, &at(131)), Err(Errno::EBADFD));
}

#[test]
fn channels_lie_side_by_side_or_one_after_another() {
    let bench = Bench::open_with(Playback, hardware(), Box::new(MappedBacking::new()));
    assert_eq!(bench.s.channel_info(0), Err(Errno::EBADFD));
    let bench = bench.prepare(wanted(3, 2, 8000));
    let two = bench.s.channel_info(1).unwrap();
    assert_eq!(
        (two.channel, two.offset, two.first, two.step),
        (1, 0, 16, 32)
    );
    assert_eq!(bench.s.channel_info(2), Err(Errno::EINVAL));
}

#[test]
fn channels_of_a_ring_that_cannot_be_mapped_have_no_offset() {
    let bench = Bench::prepared(Playback);
    let one = bench.s.channel_info(0).unwrap();
    assert_eq!((one.offset, one.first, one.step), (-1, 0, 0));
}

#[test]
fn noninterleaved_channels_have_a_region_each() {
    let backing = Box::new(MappedBacking::new());
    let bench = Bench::open_with(Playback, hardware(), backing).prepare(wanted(4, 2, 8000));
    let two = bench.s.channel_info(1).unwrap();
    assert_eq!((two.offset, two.first, two.step), (0, 8000 * 16, 16));
}

#[test]
fn poll_follows_the_state() {
    let mut bench = Bench::open(Playback);
    assert_eq!(bench.s.poll(), 0x10c);
    let mut bench = bench.prepare(wanted(3, 1, BUFFER));
    assert_eq!(bench.s.poll(), 0x104);
    bench.write(BUFFER, 0);
    assert_eq!(bench.s.poll(), 0);
    bench.s.drain(true, &at(0)).unwrap_err();
    assert_eq!(bench.s.poll(), 0, "a draining playback");
    bench.s.drop_frames(&at(0)).unwrap();
    assert_eq!(bench.s.poll(), 0x10c);
}

#[test]
fn poll_of_a_draining_capture_ends_in_an_error() {
    let mut bench = Bench::running(Capture, 0);
    assert_eq!(bench.s.poll(), 0);
    bench.elapse(500, 63);
    bench.s.drain(false, &at(64)).unwrap();
    assert_eq!(bench.s.poll(), 0x41);
    bench.sync(4, 500, 0, 65).unwrap();
    assert_eq!(bench.s.poll(), 0x49);
}

#[test]
fn poll_with_an_avail_min_of_nothing_is_ready() {
    let mut bench = Bench::open_with(Capture, hardware(), Box::<PrivateBacking>::default())
        .prepare(wanted(3, 1, BUFFER));
    assert_eq!(bench.s.poll(), 0);
    bench.sync(0, 0, 0, 0).unwrap();
    assert_eq!(bench.s.poll(), 0x41);
}

#[test]
fn audio_time_starts_from_zero_at_prepare_and_at_a_standing_reset() {
    let mut bench = Bench::prepared(Playback);
    bench.software(|p| (p.stop_threshold, p.tstamp_mode) = (BOUNDARY, 1));
    bench.s.start(&at(0)).unwrap();
    bench.elapse(BOUNDARY + 8000, 1);
    bench.s.pause(true, &at(1)).unwrap();
    bench.s.reset(&at(1)).unwrap();
    bench.s.pause(false, &at(1)).unwrap();
    bench.elapse(BOUNDARY + 16_000, 2);
    assert_eq!(bench.status(2).audio_tstamp, time(2, 0));
    bench.elapse(2 * BOUNDARY + 8000, 3);
    bench.s.drop_frames(&at(3)).unwrap();
    bench.s.prepare(None, &at(3)).unwrap();
    bench.s.start(&at(3)).unwrap();
    bench.elapse(8000, 4);
    assert_eq!(bench.status(4).audio_tstamp, time(1, 0));
}
