//! Capabilities from answers: what questions to HW_REFINE tell of a substream.
//!
//! A question about one parameter alone, all others whole and not asked about, gives the limit that the driver set on
//! it; a value that only a rule can have brought in tells whether a rule watches a parameter. Pure: the one who answers
//! is passed in.

use uapi::Errno;
use uapi::pcm::params::Param::{
    self, BufferBytes, BufferSize, BufferTime, Channels, Format, FrameBits, PeriodBytes,
    PeriodSize, PeriodTime, Periods, Rate, SampleBits, TickTime,
};
use uapi::pcm::{HwParams, Interval, Mask, format};
use zerocopy::FromZeros;

use crate::hardware::{Constraint, Hardware, RATE_CONTINUOUS, RATE_KNOT, RATES, Rule};

/// The one who answers: HW_REFINE of one substream.
pub type Refine<'a> = dyn FnMut(&mut HwParams) -> Result<(), Errno> + 'a;

const FIRST_INTERVAL: usize = SampleBits as usize;
/// Most rates that are looked for.
const MOST_RATES: usize = 64;

/// What the substream can do whose HW_REFINE is `refine`.
///
/// # Errors
/// Those of `refine` when asked about everything, or about one parameter alone.
pub fn hardware(refine: &mut Refine<'_>) -> Result<Hardware, Errno> {
    let mut all = whole();
    all.rmask = u32::MAX;
    refine(&mut all)?;
    let formats = formats(refine)?;
    let channels = limits(refine, Channels)?;
    let rate = limits(refine, Rate)?;
    let period_bytes = limits(refine, PeriodBytes)?;
    let periods = limits(refine, Periods)?;
    let buffer_bytes = limits(refine, BufferBytes)?;
    let mut hardware = Hardware {
        info: all.info,
        formats,
        rates: RATE_CONTINUOUS,
        rate_min: rate.min,
        rate_max: rate.max,
        channels_min: channels.min,
        channels_max: channels.max,
        buffer_bytes_max: buffer_bytes.max,
        period_bytes_min: period_bytes.min,
        period_bytes_max: period_bytes.max,
        periods_min: periods.min,
        periods_max: periods.max,
        fifo_size: 0,
        constraints: Vec::new(),
        rules: Vec::new(),
    };
    hardware.fifo_size = fifo(refine, formats, channels.min);
    hardware.constraints = constraints(refine, &hardware, &buffer_bytes)?;
    rules(refine, &mut hardware);
    Ok(hardware)
}

/// Everything, nothing asked about.
fn whole() -> HwParams {
    let mut p = HwParams::new_zeroed();
    p.masks = [Mask {
        bits: [u32::MAX; 8],
    }; 3];
    p.intervals = [closed(0, u32::MAX); 12];
    p
}

const fn closed(min: u32, max: u32) -> Interval {
    Interval { min, max, flags: 0 }
}

const fn bit(param: Param) -> u32 {
    1 << param as u32
}

fn interval(p: &HwParams, param: Param) -> Interval {
    let index = (param as usize).wrapping_sub(FIRST_INTERVAL);
    p.intervals
        .get(index)
        .copied()
        .unwrap_or(closed(0, u32::MAX))
}

/// Everything, with these parameters as given.
fn with(given: &[(Param, Interval)]) -> HwParams {
    let mut p = whole();
    for &(param, value) in given {
        let index = (param as usize).wrapping_sub(FIRST_INTERVAL);
        if let Some(place) = p.intervals.get_mut(index) {
            *place = value;
        }
    }
    p
}

/// What is left of `given` when it alone is asked about.
fn ask(refine: &mut Refine<'_>, param: Param, given: Interval) -> Result<Interval, Errno> {
    let mut p = with(&[(param, given)]);
    p.rmask = bit(param);
    refine(&mut p)?;
    Ok(interval(&p, param))
}

fn limits(refine: &mut Refine<'_>, param: Param) -> Result<Interval, Errno> {
    ask(refine, param, closed(0, u32::MAX))
}

fn set(mask: &Mask) -> u64 {
    let [low, high, ..] = mask.bits;
    u64::from(low) | u64::from(high) << 32
}

fn formats(refine: &mut Refine<'_>) -> Result<u64, Errno> {
    let mut p = whole();
    p.rmask = bit(Format);
    refine(&mut p)?;
    Ok(p.masks.get(Format as usize).map_or(0, set))
}

/// The device's own queue in bytes: told in frames once format and channels are chosen.
fn fifo(refine: &mut Refine<'_>, formats: u64, channels: u32) -> u32 {
    let number = formats.trailing_zeros();
    let mut p = with(&[(Channels, closed(channels, channels))]);
    if let Some(mask) = p.masks.get_mut(Format as usize) {
        mask.bits = [0; 8];
        for (word, base) in mask.bits.iter_mut().zip([0, 32]) {
            *word = number
                .checked_sub(base)
                .and_then(|n| 1u32.checked_shl(n))
                .unwrap_or(0);
        }
    }
    p.rmask = u32::MAX;
    let frame = format::physical_width(number)
        .unwrap_or(0)
        .saturating_mul(channels)
        / 8;
    match refine(&mut p) {
        Ok(()) => u32::try_from(p.fifo_size)
            .unwrap_or(0)
            .saturating_mul(frame),
        Err(_) => 0,
    }
}

/// What the device narrows beyond its plain limits.
fn constraints(
    refine: &mut Refine<'_>,
    hardware: &Hardware,
    buffer_bytes: &Interval,
) -> Result<Vec<Constraint>, Errno> {
    let mut found = Vec::new();
    for param in [Periods, Rate, PeriodBytes, PeriodTime, BufferTime, TickTime] {
        let limit = limits(refine, param)?;
        // A single value is an integer by itself.
        if limit.flags & Interval::INTEGER != 0 && limit.min != limit.max {
            found.push(Constraint::Integer(param));
        }
    }
    if buffer_bytes.min > hardware.period_bytes_min {
        found.push(Constraint::Range(BufferBytes, buffer_bytes.min, u32::MAX));
    }
    for param in [PeriodTime, PeriodSize, BufferTime, BufferSize, TickTime] {
        let limit = limits(refine, param)?;
        if limit.min > 0 || limit.max < u32::MAX {
            found.push(Constraint::Range(param, limit.min, limit.max));
        }
    }
    Ok(found)
}

/// What narrows a parameter also when it is not asked about.
fn rules(refine: &mut Refine<'_>, hardware: &mut Hardware) {
    if formats_are_watched(refine, hardware.formats) {
        hardware.rules.push(Rule::Formats(hardware.formats));
    }
    let listed = listed_rates(refine, hardware.rate_min, hardware.rate_max);
    if rate_is_watched(refine, hardware) {
        match listed {
            Some(rates) => hardware.rates = rates,
            None => {
                hardware.rates = RATE_CONTINUOUS | RATE_KNOT;
                let (min, max) = (hardware.rate_min, hardware.rate_max);
                hardware.rules.push(Rule::Range(Rate, min, max));
            }
        }
    }
    if channels_are_watched(refine, hardware) {
        let (min, max) = (hardware.channels_min, hardware.channels_max);
        hardware.rules.push(Rule::Range(Channels, min, max));
    }
    for param in [PeriodSize, PeriodBytes, BufferSize, BufferBytes] {
        if let Some(step) = step(refine, param) {
            hardware.rules.push(Rule::Step(param, step));
        }
    }
}

/// The rates as a mask, if there are gaps between them and all of them are usual ones.
fn listed_rates(refine: &mut Refine<'_>, min: u32, max: u32) -> Option<u32> {
    let mut rates = 0;
    let mut next = min;
    for _ in 0..MOST_RATES {
        let bit = RATES.iter().position(|&hz| hz == next)?;
        rates |= 1 << bit;
        if next == max {
            return Some(rates);
        }
        let above = ask(refine, Rate, closed(next.checked_add(1)?, max)).ok()?;
        next = above.min;
    }
    None
}

/// 1 Hz comes out of a period of one frame and one second; only a rule can object.
fn rate_is_watched(refine: &mut Refine<'_>, hardware: &Hardware) -> bool {
    const SECOND: u32 = 1_000_000;
    let mut p = with(&[
        (PeriodSize, closed(1, 1)),
        (PeriodTime, closed(SECOND, SECOND)),
    ]);
    p.rmask = bit(PeriodTime);
    hardware.rate_min > 1 && refine(&mut p).is_err()
}

/// One channel too many comes out of the sizes of a frame and a sample.
fn channels_are_watched(refine: &mut Refine<'_>, hardware: &Hardware) -> bool {
    const SAMPLE: u32 = 8;
    let Some(frame) = hardware
        .channels_max
        .checked_add(1)
        .and_then(|channels| channels.checked_mul(SAMPLE))
    else {
        return false;
    };
    let mut p = with(&[
        (SampleBits, closed(SAMPLE, SAMPLE)),
        (FrameBits, closed(frame, frame)),
    ]);
    p.rmask = bit(FrameBits);
    refine(&mut p).is_err()
}

/// Sizes of samples bring in formats; only a rule can take those away again that the device does not know.
fn formats_are_watched(refine: &mut Refine<'_>, formats: u64) -> bool {
    [8, 16, 32].into_iter().any(|bits| {
        let mut p = with(&[(SampleBits, closed(bits, bits))]);
        p.rmask = bit(SampleBits);
        let left = refine(&mut p).map(|()| p.masks.get(Format as usize).map_or(0, set));
        left.is_ok_and(|left| left & !formats == 0) || left.is_err()
    })
}

/// What every value is a multiple of, if that is more than 1.
fn step(refine: &mut Refine<'_>, param: Param) -> Option<u32> {
    let limit = limits(refine, param).ok()?;
    let mut above = |value: u32| {
        let from = value.checked_add(1).filter(|&from| from < limit.max)?;
        Some(ask(refine, param, closed(from, limit.max)).ok()?.min)
    };
    let second = above(limit.min)?;
    let step = second.checked_sub(limit.min)?;
    let third = above(second)?;
    let even = third.checked_sub(second)? == step && limit.min % step.max(1) == 0;
    (even && step > 1).then_some(step)
}
