//! Open, HW_PARAMS, HW_FREE, SW_PARAMS, close.

use crate::bench::*;
use cuse_pcm::buffer::{Budget, Limits};
use cuse_pcm::pcm::{State, Substream};
use hw_backends::dma::{Backing, PrivateBacking};
use hw_backends::hardware::info;
use hw_backends::ops::Trigger;
use hw_backends::testing::{Call, Refuse, Script};
use hw_backends::units::Direction::{Capture, Playback};
use uapi::Errno;
use uapi::pcm::params::Param;

#[test]
fn a_fresh_open_is_all_zero() {
    let mut bench = Bench::open(Playback);
    assert_eq!(bench.state(), State::Open);
    let p = bench.sync(2 | 4, 9, 9, 0).unwrap();
    assert_eq!(
        (p.control.appl_ptr, p.control.avail_min, p.status.hw_ptr),
        (0, 0, 0)
    );
    assert_eq!(bench.s.boundary(), 0);
    assert_eq!(bench.s.params(), None);
}

#[test]
fn an_open_substream_is_busy() {
    let mut bench = Bench::open(Playback);
    assert_eq!(
        bench
            .s
            .open(Box::<PrivateBacking>::default(), false, &at(0)),
        Err(Errno::EBUSY)
    );
    assert!(bench.device.take_calls().is_empty());
}

#[test]
fn what_the_device_says_at_open_is_said_to_the_client() {
    let (device, end) = Script::new(hardware());
    device.refuse(Refuse::Open, Errno::ENODEV);
    let mut s = Substream::new(Box::new(end), Playback);
    assert_eq!(
        s.open(Box::<PrivateBacking>::default(), false, &at(0)),
        Err(Errno::ENODEV)
    );
    assert!(!s.is_open());
}

#[test]
fn hw_params_sets_the_software_defaults() {
    let mut bench = Bench::open(Playback);
    let mut p = wanted(3, 1, BUFFER);
    bench.s.hw_params(&mut p, &at(0)).unwrap();
    assert_eq!(bench.state(), State::Setup);
    assert_eq!(bench.s.boundary(), BOUNDARY);
    assert_eq!(p.rmask, 0);
    assert_eq!(
        bench.sync(2 | 4, 0, 0, 0).unwrap().control.avail_min,
        PERIOD
    );
    assert_eq!((bench.s.frame_bytes(), bench.s.channels()), (2, 1));
}

#[test]
fn bad_parameters_lead_from_setup_to_open_and_free_the_ring() {
    let mut bench = Bench::prepared(Playback);
    let mut p = wanted(3, 1, BUFFER);
    set(&mut p, Param::Rate, 1);
    let before = p;
    assert_eq!(bench.s.hw_params(&mut p, &at(0)), Err(Errno::EINVAL));
    assert_eq!(p, before);
    assert_eq!(bench.state(), State::Open);
    assert_eq!(bench.device.take_calls(), [Call::HwFree]);
    assert!(bench.device.ring().is_none());
}

#[test]
fn a_device_that_refuses_hw_params_leaves_the_stream_open() {
    let mut bench = Bench::open(Playback);
    bench.device.refuse(Refuse::HwParams, Errno::EIO);
    assert_eq!(
        bench.s.hw_params(&mut wanted(3, 1, BUFFER), &at(0)),
        Err(Errno::EIO)
    );
    assert_eq!(bench.state(), State::Open);
    assert_eq!(bench.device.take_calls().last(), Some(&Call::HwFree));
    assert_eq!(bench.s.prepare(None, &at(0)), Err(Errno::EBADFD));
}

#[test]
fn the_ring_is_zeroed_again_and_kept() {
    let mut bench = Bench::prepared(Playback);
    bench.noise();
    bench
        .s
        .hw_params(&mut wanted(3, 1, BUFFER), &at(0))
        .unwrap();
    assert_eq!(bench.silences(), [(0, 16000)]);
    let calls = bench.device.take_calls();
    assert!(
        matches!(
            calls[..],
            [
                Call::HwFree,
                Call::HwParams {
                    ring_changed: false,
                    ..
                }
            ]
        ),
        "{calls:?}"
    );
}

#[test]
fn another_ring_is_told() {
    let mut bench = Bench::prepared(Playback);
    bench
        .s
        .hw_params(&mut wanted(3, 1, 2 * BUFFER), &at(0))
        .unwrap();
    let calls = bench.device.take_calls();
    assert!(
        matches!(
            calls[..],
            [
                Call::HwFree,
                Call::HwParams {
                    ring_changed: true,
                    ..
                }
            ]
        ),
        "{calls:?}"
    );
    assert_eq!(bench.device.ring().unwrap().area.len(), 64000);
}

#[test]
fn beyond_the_cards_memory_hw_params_is_enomem() {
    let (_device, end) = Script::new(hardware());
    let mut s = Substream::with_buffer(
        Box::new(end),
        Playback,
        Limits::default(),
        Budget::new(16384),
    );
    s.open(Box::<PrivateBacking>::default(), false, &at(0))
        .unwrap();
    assert_eq!(
        s.hw_params(&mut wanted(3, 1, BUFFER), &at(0)),
        Err(Errno::ENOMEM)
    );
    assert_eq!(s.state(), State::Open);
    assert_eq!(s.hw_params(&mut wanted(3, 1, 8000), &at(0)), Ok(()));
}

#[test]
fn a_preallocated_ring_bounds_refinement() {
    let (_device, end) = Script::new(hardware());
    let limits = Limits {
        preallocated: 16384,
        maximum: u64::MAX,
    };
    let mut s = Substream::with_buffer(Box::new(end), Playback, limits, Budget::default());
    s.open(Box::<PrivateBacking>::default(), false, &at(0))
        .unwrap();
    let mut p = any();
    s.hw_refine(&mut p).unwrap();
    assert_eq!(p.intervals[Param::BufferBytes as usize - 8].max, 16384);
}

#[test]
fn hw_params_needs_a_standing_stream() {
    let mut bench = Bench::running(Playback, 4000);
    assert_eq!(
        bench.s.hw_params(&mut wanted(3, 1, BUFFER), &at(0)),
        Err(Errno::EBADFD)
    );
    assert_eq!(bench.s.hw_free(&at(0)), Err(Errno::EBADFD));
    assert_eq!(bench.state(), State::Running);
    bench.s.xrun(&at(0)).unwrap();
    assert_eq!(
        bench.s.hw_params(&mut wanted(3, 1, BUFFER), &at(0)),
        Err(Errno::EBADFD)
    );
    assert_eq!(bench.state(), State::Xrun);
}

#[test]
fn hw_free_waits_for_the_device_and_frees_the_ring() {
    let mut bench = Bench::running(Playback, 4000);
    bench.s.drop_frames(&at(0)).unwrap();
    bench.s.hw_free(&at(0)).unwrap();
    assert_eq!(bench.state(), State::Open);
    assert_eq!(
        bench.device.take_calls(),
        [Call::Trigger(Trigger::Stop), Call::SyncStop, Call::HwFree]
    );
    assert_eq!(bench.s.hw_free(&at(0)), Err(Errno::EBADFD));
    assert_eq!(
        bench.s.pause(true, &at(0)),
        Err(Errno::EBADFD),
        "the information outlives the ring"
    );
}

#[test]
fn close_stops_frees_and_closes() {
    let mut bench = Bench::running(Capture, 0);
    bench.s.close(&at(1));
    let calls = bench.device.take_calls();
    assert_eq!(
        calls,
        [
            Call::Trigger(Trigger::Stop),
            Call::SyncStop,
            Call::HwFree,
            Call::Close
        ]
    );
    assert!(!bench.s.is_open());
    bench
        .s
        .open(Box::<PrivateBacking>::default(), true, &at(2))
        .unwrap();
    assert!(bench.s.nonblock());
    assert_eq!(bench.s.params(), None, "nothing of the client before");
}

#[test]
fn pointers_survive_hw_params_and_not_prepare() {
    let mut bench = Bench::prepared(Playback);
    bench.write(700, 0);
    bench
        .s
        .hw_params(&mut wanted(3, 1, BUFFER), &at(0))
        .unwrap();
    assert_eq!(bench.pointers(), (700, 0));
    bench.s.prepare(None, &at(0)).unwrap();
    assert_eq!(bench.pointers(), (0, 0));
}

#[test]
fn a_32_bit_hw_params_has_another_boundary() {
    let mut bench = Bench::prepared(Playback);
    bench.s.use_compat_boundary();
    assert_eq!(bench.s.boundary(), 0x7d00_0000);
    assert_eq!(bench.try_software(|_| {}, 0).unwrap().boundary, 0x7d00_0000);
}

#[test]
fn pause_is_not_offered_where_values_do_not_pass() {
    #[derive(Debug)]
    struct NoValues(PrivateBacking);
    impl Backing for NoValues {
        fn allocate(&mut self, bytes: usize) -> Result<hw_backends::dma::Area, Errno> {
            self.0.allocate(bytes)
        }
        fn release(&mut self) {
            self.0.release();
        }
        fn pages(&self) -> Option<hw_backends::dma::Pages> {
            None
        }
        fn values(&self) -> bool {
            false
        }
    }
    let mut bench = Bench::open_with(
        Playback,
        hardware(),
        Box::new(NoValues(PrivateBacking::default())),
    );
    let mut p = any();
    bench.s.hw_refine(&mut p).unwrap();
    assert_eq!(p.info & info::PAUSE, 0);
}

#[test]
fn sw_params_are_checked_in_order() {
    let mut bench = Bench::open(Playback);
    assert_eq!(
        bench.s.sw_params(&mut empty_sw(), &at(0)),
        Err(Errno::EBADFD)
    );
    let mut bench = bench.prepare(wanted(3, 1, BUFFER));
    assert!(bench.try_software(|p| p.tstamp_mode = 2, 0).is_err());
    assert!(bench.try_software(|p| p.tstamp_mode = -1, 0).is_err());
    assert!(bench.try_software(|p| p.tstamp_type = 3, 0).is_err());
    assert!(
        bench
            .try_software(|p| (p.tstamp_type, p.proto) = (3, 0x2_000b), 0)
            .is_ok()
    );
    assert!(bench.try_software(|p| p.avail_min = 0, 0).is_err());
    assert!(bench.try_software(|p| p.avail_min = u64::MAX, 0).is_ok());
    assert!(
        bench
            .try_software(|p| (p.silence_size, p.silence_threshold) = (2, 1), 0)
            .is_err()
    );
    assert!(
        bench
            .try_software(
                |p| (p.silence_size, p.silence_threshold) = (1, BUFFER + 1),
                0
            )
            .is_err()
    );
    assert!(
        bench
            .try_software(
                |p| (p.silence_size, p.silence_threshold) = (BUFFER, BUFFER),
                0
            )
            .is_ok()
    );
    assert!(
        bench
            .try_software(|p| (p.silence_size, p.silence_threshold) = (BOUNDARY, 1), 0)
            .is_err()
    );
    assert!(bench.try_software(|p| p.silence_size = BOUNDARY, 0).is_ok());
    assert!(
        bench
            .try_software(|p| (p.start_threshold, p.stop_threshold) = (0, 0), 0)
            .is_ok()
    );
}

fn empty_sw() -> uapi::pcm::SwParams {
    zerocopy::FromZeros::new_zeroed()
}

#[test]
fn sw_params_that_fail_change_nothing() {
    let mut bench = Bench::prepared(Playback);
    let mut p = empty_sw();
    assert_eq!(bench.s.sw_params(&mut p, &at(0)), Err(Errno::EINVAL));
    assert_eq!(p, empty_sw());
    assert_eq!(
        bench.sync(2 | 4, 0, 0, 0).unwrap().control.avail_min,
        PERIOD
    );
}

#[test]
fn sw_params_while_running_stop_a_stream_that_is_beyond_its_threshold() {
    let mut bench = Bench::running(Playback, 4000);
    assert_eq!(
        bench
            .try_software(|p| p.stop_threshold = 12001, 0)
            .map(|p| p.boundary),
        Ok(BOUNDARY)
    );
    assert_eq!(
        bench.try_software(|p| p.stop_threshold = 12000, 0),
        Err(Errno::EPIPE)
    );
    assert_eq!(bench.state(), State::Xrun);
}

#[test]
fn ttstamp_takes_three_clocks_in_any_state() {
    let mut bench = Bench::open(Playback);
    assert_eq!(bench.s.ttstamp(0), Ok(()));
    assert_eq!(bench.s.ttstamp(2), Ok(()));
    assert_eq!(bench.s.ttstamp(3), Err(Errno::EINVAL));
    assert_eq!(bench.s.ttstamp(-1), Err(Errno::EINVAL));
}

#[test]
fn bytes_and_frames_of_a_buffer() {
    let bench = Bench::open(Playback).prepare(wanted(3, 2, 8000));
    assert_eq!(bench.s.frames_of_bytes(8), Some(2));
    assert_eq!(bench.s.frames_of_bytes(6), None);
    assert_eq!(bench.s.samples_of_bytes(8), Some(4));
    assert_eq!(
        bench.s.samples_of_bytes(6),
        None,
        "a whole frame, although it is one channel"
    );
    assert_eq!(
        (bench.s.bytes_of_frames(3), bench.s.bytes_of_samples(3)),
        (12, 6)
    );
}
