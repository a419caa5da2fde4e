//! Known answers of refinement on the kernel's dummy and loopback drivers, and the shape of a single answer.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use cuse_pcm::pcm::hw_params::{self, Space};
use cuse_pcm_tests::oracle_hardware;
use hw_backends::hardware::{Hardware, info};
use uapi::Errno;
use uapi::pcm::params::Param::{
    self, BufferBytes, BufferSize, BufferTime, Channels, FrameBits, PeriodBytes, PeriodSize,
    PeriodTime, Periods, Rate, SampleBits, TickTime,
};
use uapi::pcm::{HwParams, Interval, Mask};
use zerocopy::FromZeros;

const SAT: u32 = u32::MAX;
const OPEN: u32 = Interval::OPENMIN | Interval::OPENMAX;
const INTEGER: u32 = Interval::INTEGER;

const MMAP_INTERLEAVED: u32 = 0;
const RW_INTERLEAVED: u32 = 3;
const U8: u32 = 1;
const S16_LE: u32 = 2;
const S24_LE: u32 = 6;

/// Everything is asked for and nothing is restricted.
fn any() -> HwParams {
    let mut p = HwParams::new_zeroed();
    p.masks = [Mask { bits: [SAT; 8] }; 3];
    p.intervals = [Interval {
        min: 0,
        max: SAT,
        flags: 0,
    }; 12];
    p.rmask = SAT;
    p
}

fn only(p: &mut HwParams, param: Param, number: u32) {
    let mut bits = [0; 8];
    bits[number as usize / 32] = 1 << (number % 32);
    p.masks[param as usize] = Mask { bits };
}

fn set(p: &mut HwParams, param: Param, min: u32, max: u32) {
    p.intervals[param as usize - 8] = Interval { min, max, flags: 0 };
}

fn fix(p: &mut HwParams, param: Param, value: u32) {
    set(p, param, value, value);
}

fn get(p: &HwParams, param: Param) -> (u32, u32, u32) {
    let i = p.intervals[param as usize - 8];
    (i.min, i.max, i.flags)
}

fn space(hardware: &Hardware) -> Space<'_> {
    Space {
        hardware,
        mappable: true,
        preallocated: None,
        buffer_bytes_limit: SAT,
    }
}

fn refine(hardware: &Hardware, mut p: HwParams) -> Result<HwParams, Errno> {
    hw_params::refine(&space(hardware), &mut p).map(|()| p)
}

fn choose(hardware: &Hardware, mut p: HwParams) -> Result<HwParams, Errno> {
    hw_params::choose(&space(hardware), &mut p).map(|()| p)
}

fn dummy() -> Hardware {
    oracle_hardware::hardware("pcmC0D0p")
}

fn aloop() -> Hardware {
    oracle_hardware::hardware("pcmC7D0p")
}

/// RW_INTERLEAVED, S16_LE, two channels.
fn stereo(rate: u32) -> HwParams {
    let mut p = any();
    only(&mut p, Param::Access, RW_INTERLEAVED);
    only(&mut p, Param::Format, S16_LE);
    fix(&mut p, Channels, 2);
    fix(&mut p, Rate, rate);
    p
}

#[test]
fn dummy_refines_anything_to_what_it_can_do() {
    let p = refine(&dummy(), any()).unwrap();

    assert_eq!((p.info, p.rmask, p.cmask), (0x40103, 0, 0x7ff03));
    assert_eq!(p.masks.map(|m| m.bits[0]), [0x9, 0x6, 0x3]);
    assert_eq!(p.masks.map(|m| m.bits[2]), [SAT; 3]);
    assert_eq!((p.msbits, p.rate_num, p.rate_den), (0, 0, 0));
    assert_eq!(get(&p, SampleBits), (8, 16, INTEGER));
    assert_eq!(get(&p, FrameBits), (8, 32, INTEGER));
    assert_eq!(get(&p, Channels), (1, 2, INTEGER));
    assert_eq!(get(&p, Rate), (5500, 48000, 0));
    assert_eq!(get(&p, PeriodTime), (333, 11_915_637, OPEN));
    assert_eq!(get(&p, PeriodSize), (16, 65536, INTEGER));
    assert_eq!(get(&p, PeriodBytes), (64, 65536, 0));
    assert_eq!(get(&p, Periods), (1, 1024, 0));
    assert_eq!(get(&p, BufferTime), (333, 11_915_637, OPEN));
    assert_eq!(get(&p, BufferSize), (16, 65536, INTEGER));
    assert_eq!(get(&p, BufferBytes), (64, 65536, INTEGER));
    assert_eq!(get(&p, TickTime), (0, SAT, 0));
}

#[test]
fn dummy_chooses_the_smallest_of_all_and_the_largest_ring() {
    let p = choose(&dummy(), any()).unwrap();

    assert_eq!(
        p.masks.map(|m| m.bits),
        [MMAP_INTERLEAVED, U8, 0].map(|n| [1 << n, 0, 0, 0, 0, 0, 0, 0])
    );
    assert_eq!(
        (p.cmask, p.msbits, p.rate_num, p.rate_den),
        (0xfff07, 8, 5500, 1)
    );
    assert_eq!(get(&p, PeriodTime), (11636, 11637, OPEN));
    assert_eq!(get(&p, BufferTime), (11_915_636, 11_915_637, OPEN));
    assert_eq!(get(&p, Periods).0, 1024);
    assert_eq!(get(&p, TickTime).0, 0);
    let params = hw_params::settled(&p);
    assert_eq!(
        (params.access, params.format, params.channels, params.rate),
        (MMAP_INTERLEAVED, U8, 1, 5500)
    );
    assert_eq!((params.period_size, params.buffer_size), (64, 65536));
    assert_eq!((params.frame_bits, params.dma_bytes), (8, 65536));
}

#[test]
fn dummy_takes_period_size_and_periods() {
    let mut p = stereo(48000);
    fix(&mut p, PeriodSize, 1024);
    fix(&mut p, Periods, 4);

    let p = choose(&dummy(), p).unwrap();

    assert_eq!(
        (p.cmask, p.msbits, p.rate_num, p.rate_den),
        (0xf7704, 16, 48000, 1)
    );
    assert_eq!(get(&p, PeriodTime), (21333, 21334, OPEN));
    assert_eq!(get(&p, BufferTime), (85333, 85334, OPEN));
    let params = hw_params::settled(&p);
    assert_eq!(
        (params.buffer_size, params.dma_bytes, params.frame_bits),
        (4096, 16384, 32)
    );
}

#[test]
fn dummy_takes_a_largest_buffer_time() {
    let mut p = stereo(44100);
    set(&mut p, BufferTime, 0, 500_000);

    let p = choose(&dummy(), p).unwrap();

    assert_eq!(get(&p, PeriodTime), (362, 363, OPEN));
    assert_eq!(get(&p, BufferTime), (371_519, 371_520, OPEN));
    assert_eq!(
        (
            get(&p, PeriodSize).0,
            get(&p, Periods).0,
            get(&p, BufferSize).0
        ),
        (16, 1024, 16384)
    );
}

#[test]
fn dummy_refuses_a_ring_beyond_its_memory() {
    let mut p = stereo(48000);
    fix(&mut p, PeriodTime, 125_000);
    fix(&mut p, BufferTime, 500_000);

    assert_eq!(choose(&dummy(), p), Err(Errno::EINVAL));
    assert_eq!(refine(&dummy(), p), Err(Errno::EINVAL));
}

#[test]
fn dummy_takes_two_and_a_half_periods_and_stores_two() {
    let mut p = stereo(48000);
    fix(&mut p, PeriodSize, 400);
    fix(&mut p, BufferSize, 1000);

    let p = choose(&dummy(), p).unwrap();

    assert_eq!(get(&p, Periods), (2, 3, OPEN));
    let params = hw_params::settled(&p);
    assert_eq!((params.period_size, params.buffer_size), (400, 1000));
}

#[test]
fn aloop_refines_anything_to_what_it_can_do() {
    let p = refine(&aloop(), any()).unwrap();

    assert_eq!(p.info, 0xc0303);
    assert_eq!(p.masks[0].bits[0], 0x1b);
    assert_eq!(p.masks[1].bits[..2], [0xcccc, 0x1f_0003]);
    assert_eq!(get(&p, SampleBits), (8, 32, INTEGER));
    assert_eq!(get(&p, Channels), (1, 32, INTEGER));
    assert_eq!(get(&p, Rate), (8000, 768_000, 0));
    assert_eq!(get(&p, Periods), (1, 1024, INTEGER));
    assert_eq!(get(&p, PeriodTime), (1, 131_072_000, Interval::OPENMIN));
    assert_eq!(get(&p, BufferTime), (1, 262_144_000, Interval::OPENMIN));
}

#[test]
fn aloop_chooses_the_smallest_of_all_and_the_largest_ring() {
    let p = choose(&aloop(), any()).unwrap();

    assert_eq!(p.cmask, 0xfff07);
    assert_eq!(get(&p, PeriodTime), (4000, 4000, INTEGER));
    assert_eq!(get(&p, BufferTime).0, 4_096_000);
    let params = hw_params::settled(&p);
    assert_eq!(
        (params.access, params.format, params.channels, params.rate),
        (MMAP_INTERLEAVED, S16_LE, 1, 8000)
    );
    assert_eq!((params.period_size, params.buffer_size), (32, 32768));
}

#[test]
fn refine_with_an_empty_rmask_changes_only_what_the_device_reports() {
    let mut p = any();
    p.rmask = 0;
    fix(&mut p, Channels, 99);

    let refined = refine(&dummy(), p).unwrap();

    assert_eq!(refined, HwParams { info: 0x40103, ..p });
}

#[test]
fn a_partial_rmask_reaches_only_what_depends_on_it() {
    let mut p = any();
    p.rmask = 1 << Channels as u32;

    let p = refine(&dummy(), p).unwrap();

    assert_eq!(get(&p, Channels), (1, 2, INTEGER));
    assert_eq!(p.masks.map(|m| m.bits[0]), [SAT; 3]);
    assert_eq!(get(&p, Rate), (0, SAT, 0));
    assert_eq!(p.cmask, 1 << Channels as u32);
}

#[test]
fn an_empty_parameter_is_refused_even_if_it_is_not_asked_about() {
    let mut p = any();
    p.rmask = 0;
    p.intervals[TickTime as usize - 8].flags = Interval::EMPTY;
    assert_eq!(refine(&dummy(), p), Err(Errno::EINVAL));

    let mut p = any();
    p.rmask = 0;
    p.masks[0].bits = [0, 0, SAT, SAT, SAT, SAT, SAT, SAT];
    assert_eq!(refine(&dummy(), p), Err(Errno::EINVAL));
}

#[test]
fn cmask_bits_of_the_caller_stay() {
    let p = HwParams {
        cmask: 0x8000_0000,
        rmask: 0,
        ..any()
    };
    assert_eq!(refine(&dummy(), p).unwrap().cmask, 0x8000_0000);
}

#[test]
fn reserved_fields_come_back_as_passed() {
    let mut p = any();
    p.flags = 0xffff_fff9;
    p.mres = [Mask { bits: [7; 8] }; 5];
    p.ires = [Interval {
        min: 9,
        max: 3,
        flags: SAT,
    }; 9];
    p.sync = [5; 16];
    p.reserved = [6; 48];

    for answer in [refine(&dummy(), p).unwrap(), choose(&dummy(), p).unwrap()] {
        assert_eq!(
            (answer.flags, answer.mres, answer.ires),
            (p.flags, p.mres, p.ires)
        );
        assert_eq!((answer.sync, answer.reserved), (p.sync, p.reserved));
    }
}

#[test]
fn msbits_are_the_significant_bits_of_the_format() {
    let mut p = any();
    only(&mut p, Param::Format, S24_LE);
    let p = choose(&aloop(), p).unwrap();
    assert_eq!((get(&p, SampleBits).0, p.msbits), (32, 24));
}

#[test]
fn the_callers_msbits_take_msbits_max_away_when_they_differ() {
    let mut p = any();
    only(&mut p, Param::Format, S24_LE);
    p.rmask = 0;
    p.msbits = 24;
    assert_eq!(refine(&aloop(), p).unwrap().masks[2].bits[0], SAT);
    p.msbits = 20;
    assert_eq!(refine(&aloop(), p).unwrap().masks[2].bits[0], SAT - 2);
    only(&mut p, Param::Subformat, 1);
    assert_eq!(refine(&aloop(), p), Err(Errno::EINVAL));
}

#[test]
fn a_ring_that_cannot_be_mapped_takes_mmap_access_and_flags_away() {
    let hardware = aloop();
    let mut p = any();
    hw_params::refine(
        &Space {
            mappable: false,
            ..space(&hardware)
        },
        &mut p,
    )
    .unwrap();
    assert_eq!(p.masks[0].bits[0], 1 << 3 | 1 << 4);
    assert_eq!(p.info, 0xc0300);
}

#[test]
fn complex_access_exists_only_through_mmap() {
    let hardware = Hardware {
        info: info::MMAP | info::COMPLEX,
        ..aloop()
    };
    assert_eq!(refine(&hardware, any()).unwrap().masks[0].bits[0], 1 << 2);
    let hardware = Hardware {
        info: info::COMPLEX,
        ..aloop()
    };
    assert_eq!(refine(&hardware, any()), Err(Errno::EINVAL));
}

#[test]
fn kernel_internal_flags_are_not_shown() {
    let hardware = Hardware {
        info: dummy().info | info::DRAIN_TRIGGER | info::FIFO_IN_FRAMES,
        ..dummy()
    };
    assert_eq!(refine(&hardware, any()).unwrap().info, 0x40103);
}

#[test]
fn fifo_size_is_told_in_frames_once_format_and_channels_are_known() {
    let in_bytes = Hardware {
        fifo_size: 256,
        ..dummy()
    };
    assert_eq!(refine(&in_bytes, any()).unwrap().fifo_size, 0);
    assert_eq!(refine(&in_bytes, stereo(48000)).unwrap().fifo_size, 64);
    let in_frames = Hardware {
        info: in_bytes.info | info::FIFO_IN_FRAMES,
        ..in_bytes
    };
    assert_eq!(refine(&in_frames, stereo(48000)).unwrap().fifo_size, 256);
}

#[test]
fn a_preallocated_ring_and_a_limit_bound_the_buffer() {
    let hardware = dummy();
    let mut p = any();
    hw_params::refine(
        &Space {
            preallocated: Some(4096),
            ..space(&hardware)
        },
        &mut p,
    )
    .unwrap();
    assert_eq!(get(&p, BufferBytes), (64, 4096, INTEGER));

    let mut p = any();
    hw_params::refine(
        &Space {
            buffer_bytes_limit: 8192,
            ..space(&hardware)
        },
        &mut p,
    )
    .unwrap();
    assert_eq!(get(&p, BufferBytes), (64, 8192, INTEGER));
}

#[test]
fn period_wakeups_can_be_declined_only_where_the_device_can() {
    let p = HwParams {
        flags: 1 << 2,
        ..stereo(48000)
    };
    assert!(!hw_params::settled(&choose(&dummy(), p).unwrap()).no_period_wakeup);
    let able = Hardware {
        info: dummy().info | info::NO_PERIOD_WAKEUP,
        ..dummy()
    };
    assert!(hw_params::settled(&choose(&able, p).unwrap()).no_period_wakeup);
    assert!(!hw_params::settled(&choose(&able, stereo(48000)).unwrap()).no_period_wakeup);
}

#[test]
fn a_chosen_value_from_half_the_range_on_is_an_odd_errno() {
    for (tick, errno) in [
        (SAT, 1),
        (SAT - 21, 22),
        (0x8000_0001, i32::MAX),
        (0x8000_0000, i32::MAX),
    ] {
        let mut p = any();
        fix(&mut p, TickTime, tick);
        assert_eq!(choose(&dummy(), p), Err(Errno(errno)), "{tick:#x}");
        assert!(refine(&dummy(), p).is_ok(), "refinement only narrows");
    }
    let mut p = any();
    fix(&mut p, TickTime, 0x7fff_ffff);
    assert!(choose(&dummy(), p).is_ok());
}

#[test]
fn the_odd_errno_goes_by_the_chosen_end_of_a_range() {
    let mut p = any();
    set(&mut p, TickTime, 0x7fff_ffff, SAT);
    assert!(choose(&dummy(), p).is_ok());
    let mut p = any();
    set(&mut p, TickTime, SAT - 4, SAT);
    assert_eq!(choose(&dummy(), p), Err(Errno(5)));
    let mut p = any();
    p.intervals[TickTime as usize - 8] = Interval {
        min: SAT - 4,
        max: SAT,
        flags: Interval::OPENMIN,
    };
    assert_eq!(choose(&dummy(), p), Err(Errno(4)));
}

#[test]
fn an_earlier_contradiction_wins_over_the_odd_errno() {
    let mut p = stereo(96000);
    fix(&mut p, TickTime, SAT);
    assert_eq!(choose(&dummy(), p), Err(Errno::EINVAL));
}
