//! What holds of refinement whatever a client passes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use cuse_pcm::pcm::hw_params::{self, Space};
use cuse_pcm_tests::oracle_hardware;
use cuse_pcm_tests::random::Random;
use hw_backends::hardware::Hardware;
use uapi::pcm::params::Param;
use uapi::pcm::{HwParams, Interval, Mask};
use zerocopy::{FromZeros, IntoBytes};

const SAT: u32 = u32::MAX;
const RUNS: u32 = 20_000;

fn devices() -> Vec<Hardware> {
    [
        "pcmC0D0p", "pcmC1D2p", "pcmC2D1c", "pcmC4D3p", "pcmC6D0p", "pcmC7D0p",
    ]
    .map(oracle_hardware::hardware)
    .to_vec()
}

fn space(hardware: &Hardware) -> Space<'_> {
    Space {
        hardware,
        mappable: true,
        preallocated: None,
        buffer_bytes_limit: SAT,
    }
}

/// 608 bytes of anything; by chance alone hardly ever consistent.
fn noise(random: &mut Random) -> HwParams {
    let mut p = HwParams::new_zeroed();
    random.fill(p.as_mut_bytes());
    p
}

/// Mostly unrestricted, with a few parameters narrowed to something a client might ask for, or abuse.
fn plausible(random: &mut Random) -> HwParams {
    let mut p = HwParams::new_zeroed();
    p.masks = [Mask { bits: [SAT; 8] }; 3];
    p.intervals = [Interval {
        min: 0,
        max: SAT,
        flags: 0,
    }; 12];
    p.rmask = if random.once_in(3) {
        random.word()
    } else {
        SAT
    };
    p.msbits = if random.once_in(8) {
        random.below(33)
    } else {
        0
    };
    for mask in &mut p.masks {
        if random.once_in(3) {
            mask.bits[0] = random.word() | random.word();
        }
    }
    for _ in 0..random.below(5) {
        let index = random.below(12) as usize;
        p.intervals[index] = some_interval(random);
    }
    p
}

fn some_interval(random: &mut Random) -> Interval {
    const MARKS: [u32; 16] = [
        0,
        1,
        2,
        8,
        16,
        32,
        64,
        1000,
        1024,
        4096,
        44100,
        48000,
        65536,
        1_000_000,
        0x7fff_ffff,
        SAT,
    ];
    let size = 1u32 << random.below(32);
    let min = if random.once_in(2) {
        random.pick(&MARKS)
    } else {
        random.below(size)
    };
    let span = if random.once_in(2) {
        0
    } else {
        random.below(size)
    };
    let flags = if random.once_in(2) {
        random.below(8)
    } else {
        0
    };
    Interval {
        min,
        max: min.saturating_add(span),
        flags,
    }
}

fn each(seed: u64, check: impl Fn(&Space<'_>, HwParams)) {
    let devices = devices();
    let mut random = Random::new(seed);
    for run in 0..RUNS {
        let hardware = &devices[random.below(devices.len() as u32) as usize];
        let p = if run % 4 == 0 {
            noise(&mut random)
        } else {
            plausible(&mut random)
        };
        check(&space(hardware), p);
    }
}

fn bits(mask: &Mask) -> u64 {
    u64::from(mask.bits[0]) | u64::from(mask.bits[1]) << 32
}

/// The bounds as pairs that sort like the ends of the interval: an open lower end lies above the closed one, an open
/// upper end below.
fn ends(i: &Interval) -> (u64, u64) {
    let open = |flag| u64::from(i.flags & flag != 0);
    let (min, max) = (u64::from(i.min) * 2, u64::from(i.max) * 2 + 1);
    (min + open(Interval::OPENMIN), max - open(Interval::OPENMAX))
}

/// Bounds at the rim of the number range wrap around when they are open and their interval, or one computed from it,
/// becomes integer. The kernel does the same, so such input may come out wider than it went in.
fn at_the_rim(p: &HwParams) -> bool {
    p.intervals.iter().any(|i| i.max == 0 || i.min == SAT)
}

#[test]
fn no_input_panics_and_failure_is_einval() {
    each(1, |space, p| {
        if let Err(errno) = hw_params::refine(space, &mut p.clone()) {
            assert_eq!(errno, uapi::Errno::EINVAL);
        }
    });
}

#[test]
fn no_choice_panics_and_failure_is_a_positive_errno() {
    each(2, |space, p| {
        if let Err(errno) = hw_params::choose(space, &mut p.clone()) {
            assert!(errno.0 > 0, "{errno:?}");
        }
    });
}

#[test]
fn refinement_never_widens() {
    each(3, |space, before| {
        let mut after = before;
        if at_the_rim(&before) || hw_params::refine(space, &mut after).is_err() {
            return;
        }
        for (b, a) in before.masks.iter().zip(&after.masks) {
            assert_eq!(bits(a) & !bits(b), 0);
            assert_eq!(a.bits[2..], b.bits[2..]);
        }
        for (b, a) in before.intervals.iter().zip(&after.intervals) {
            assert!(
                ends(a).0 >= ends(b).0 && ends(a).1 <= ends(b).1,
                "{b:?} became {a:?} {before:?}"
            );
            assert_eq!(
                a.flags & b.flags & Interval::INTEGER,
                b.flags & Interval::INTEGER
            );
        }
        assert_eq!(after.cmask & before.cmask, before.cmask);
    });
}

#[test]
fn refinement_of_everything_is_idempotent() {
    each(4, |space, before| {
        // With a partial rmask it is not, in the kernel either: closing the ends of an integer interval moves a bound
        // without running the rules that depend on it.
        let before = HwParams {
            rmask: SAT,
            ..before
        };
        let mut once = before;
        if at_the_rim(&before) || hw_params::refine(space, &mut once).is_err() {
            return;
        }
        let mut twice = HwParams {
            rmask: before.rmask,
            cmask: 0,
            ..once
        };
        hw_params::refine(space, &mut twice).unwrap();
        assert_eq!(
            HwParams {
                cmask: once.cmask,
                ..twice
            },
            once
        );
        assert_eq!(twice.cmask, 0);
    });
}

#[test]
fn what_is_not_asked_about_is_not_checked_against_the_device() {
    each(5, |space, before| {
        let mut after = HwParams { rmask: 0, ..before };
        if hw_params::refine(space, &mut after).is_ok() {
            assert_eq!(after.intervals, before.intervals);
            assert_eq!(after.cmask, before.cmask);
        }
    });
}

#[test]
fn a_choice_is_within_what_the_device_can_do() {
    each(6, |space, mut p| {
        if hw_params::choose(space, &mut p).is_err() {
            return;
        }
        let params = hw_params::settled(&p);
        let hardware = space.hardware;
        let within = |value: u32, min, max| (min..=max).contains(&value);
        assert!(hardware.formats >> params.format & 1 == 1);
        assert!(
            within(
                params.channels,
                hardware.channels_min,
                hardware.channels_max
            ),
            "{params:?}"
        );
        assert!(
            within(params.rate, hardware.rate_min, hardware.rate_max),
            "{params:?}"
        );
        assert!(
            within(
                params.dma_bytes as u32,
                hardware.period_bytes_min,
                hardware.buffer_bytes_max
            ),
            "{params:?}"
        );
        assert_eq!(
            params.dma_bytes,
            params.buffer_size * u64::from(params.frame_bits) / 8
        );
        let period_bytes = params.period_size * u64::from(params.frame_bits) / 8;
        assert!(
            within(
                period_bytes as u32,
                hardware.period_bytes_min,
                hardware.period_bytes_max
            ),
            "{params:?}"
        );
    });
}

#[test]
fn a_choice_is_taken_again_unchanged() {
    each(7, |space, mut p| {
        if hw_params::choose(space, &mut p).is_err() {
            return;
        }
        let mut again = p;
        hw_params::choose(space, &mut again).unwrap();
        assert_eq!(again, p);
    });
}

#[test]
fn ends_at_the_rim_of_the_number_range_do_not_lead_out_of_the_device() {
    let devices = devices();
    let mut random = Random::new(8);
    for param in [
        Param::Channels,
        Param::Rate,
        Param::PeriodBytes,
        Param::Periods,
        Param::BufferBytes,
    ] {
        for _ in 0..200 {
            let hardware = &devices[random.below(devices.len() as u32) as usize];
            let mut p = plausible(&mut random);
            let flags = Interval::OPENMAX
                | if random.once_in(2) {
                    Interval::INTEGER
                } else {
                    0
                };
            p.intervals[param as usize - 8] = Interval {
                min: 0,
                max: 0,
                flags,
            };
            if hw_params::choose(&space(hardware), &mut p).is_ok() {
                let params = hw_params::settled(&p);
                assert!(params.channels <= hardware.channels_max, "{params:?}");
                assert!(params.rate <= hardware.rate_max, "{params:?}");
                assert!(
                    params.dma_bytes <= u64::from(hardware.buffer_bytes_max),
                    "{params:?}"
                );
            }
        }
    }
}

#[test]
fn bounds_that_creep_towards_each_other_do_not_hold_the_card_for_long() {
    let hardware = Hardware {
        rate_max: SAT,
        period_bytes_max: SAT,
        buffer_bytes_max: SAT,
        ..oracle_hardware::hardware("pcmC7D0p")
    };
    let mut p = HwParams::new_zeroed();
    p.masks = [Mask { bits: [SAT; 8] }; 3];
    p.intervals = [Interval {
        min: 0,
        max: SAT,
        flags: 0,
    }; 12];
    p.rmask = SAT;
    p.intervals[Param::Rate as usize - 8].flags = Interval::INTEGER;
    p.intervals[Param::PeriodTime as usize - 8] = Interval {
        min: 1_476_783,
        max: 1_476_783,
        flags: 0,
    };
    let hardware = Hardware {
        rules: Vec::new(),
        ..hardware
    };

    let from = std::time::Instant::now();
    assert_eq!(
        hw_params::refine(&space(&hardware), &mut p),
        Err(uapi::Errno::EINVAL)
    );
    // A release takes a fraction of this.
    assert!(from.elapsed().as_millis() < 500, "{:?}", from.elapsed());
}

#[test]
fn any_choice_that_works_becomes_an_odd_errno_with_a_tick_time_from_half_the_range_on() {
    let devices = devices();
    let mut random = Random::new(9);
    let mut worked = 0;
    for _ in 0..RUNS {
        let hardware = &devices[random.below(devices.len() as u32) as usize];
        let mut p = plausible(&mut random);
        let tick = Param::TickTime as usize - 8;
        p.intervals[tick] = Interval {
            min: 0,
            max: 0x7fff_ffff,
            flags: 0,
        };
        if hw_params::choose(&space(hardware), &mut p.clone()).is_err() {
            continue;
        }
        worked += 1;
        let value = 0x8000_0001 | random.word();
        p.intervals[tick] = Interval {
            min: value,
            max: SAT,
            flags: random.below(8) & !Interval::OPENMIN,
        };
        if value == SAT {
            p.intervals[tick].flags = 0;
        }
        let errno = i32::try_from(value.wrapping_neg()).unwrap();
        assert_eq!(
            hw_params::choose(&space(hardware), &mut p),
            Err(uapi::Errno(errno))
        );
    }
    assert!(worked > RUNS / 10, "only {worked} requests worked");
}

#[test]
fn access_and_tick_time_are_tied_to_nothing() {
    const ALONE: u32 = 1 << Param::Access as u32 | 1 << Param::TickTime as u32;
    let tick = Param::TickTime as usize - 8;
    each(10, |space, before| {
        let mut after = HwParams {
            rmask: before.rmask & !ALONE,
            ..before
        };
        if hw_params::refine(space, &mut after).is_ok() {
            assert_eq!(
                (after.masks[0], after.intervals[tick]),
                (before.masks[0], before.intervals[tick])
            );
        }
        let mut after = HwParams {
            rmask: before.rmask & ALONE,
            ..before
        };
        if hw_params::refine(space, &mut after).is_ok() {
            assert_eq!(after.masks[1..2], before.masks[1..2]);
            assert_eq!(after.intervals[..tick], before.intervals[..tick]);
        }
    });
}

#[test]
fn a_parameter_that_moved_is_marked_in_cmask_and_no_other() {
    let open = Interval::OPENMIN | Interval::OPENMAX;
    each(11, |space, before| {
        let before = HwParams { cmask: 0, ..before };
        let mut after = before;
        if at_the_rim(&before) || hw_params::refine(space, &mut after).is_err() {
            return;
        }
        assert_eq!(after.cmask & !0xf_ff07, 0);
        for (index, (b, a)) in before.intervals.iter().zip(&after.intervals).enumerate() {
            let marked = after.cmask >> (index + 8) & 1 != 0;
            if marked {
                assert_ne!(a, b);
            } else if b.flags & open == 0 {
                assert_eq!((a.min, a.max), (b.min, b.max));
            }
        }
        for (index, (b, a)) in before.masks.iter().zip(&after.masks).enumerate().take(2) {
            assert_eq!(after.cmask >> index & 1 != 0, a != b);
        }
    });
}
