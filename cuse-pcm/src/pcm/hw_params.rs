//! Which configurations a substream can take, and the one a client gets: HW_REFINE and HW_PARAMS (semantics §4.1 to
//! §4.7).
//!
//! Pure: structures in, structures out, no allocation. Knows nothing of states, buffers or devices beyond their
//! [`Hardware`].
#![warn(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a client chooses these numbers"
)]

use std::cell::Cell;

use hw_backends::hardware::{Constraint, Hardware, info};
use hw_backends::params::Params;
use uapi::Errno;
use uapi::pcm::params::Param::{
    self, Access, BufferBytes, BufferSize, Channels, Format, FrameBits, PeriodBytes, PeriodSize,
    PeriodTime, Periods, Rate, SampleBits, Subformat, TickTime,
};
use uapi::pcm::{HwParams, Interval, Mask, format};

use super::rules::{self, bit};
use super::{interval, mask};

/// What a substream may be configured to.
#[derive(Clone, Copy, Debug)]
pub struct Space<'a> {
    /// The device's capabilities.
    pub hardware: &'a Hardware,
    /// The ring can be mapped by clients; access through mmap is offered only then (and if the device says MMAP).
    pub mappable: bool,
    /// A ring of this many bytes was allocated before the open; it bounds BUFFER_BYTES.
    pub preallocated: Option<u32>,
    /// Most bytes a ring may take, `u32::MAX` for any.
    pub buffer_bytes_limit: u32,
}

/// `HwParams::flags`: the client does not want a wake-up each period.
const NO_PERIOD_WAKEUP: u32 = 1 << 2;

const MASKS: [Param; 3] = [Access, Format, Subformat];

const INTERVALS: [Param; 12] = [
    SampleBits,
    FrameBits,
    Channels,
    Rate,
    PeriodTime,
    PeriodSize,
    PeriodBytes,
    Periods,
    Param::BufferTime,
    BufferSize,
    BufferBytes,
    TickTime,
];

/// The number of the first interval parameter.
const FIRST_INTERVAL: usize = SampleBits as usize;

/// The mask of a mask parameter.
///
/// # Errors
/// EINVAL: `param` is an interval.
pub(super) fn mask(p: &HwParams, param: Param) -> Result<&Mask, Errno> {
    p.masks.get(param as usize).ok_or(Errno::EINVAL)
}

pub(super) fn mask_mut(p: &mut HwParams, param: Param) -> Result<&mut Mask, Errno> {
    p.masks.get_mut(param as usize).ok_or(Errno::EINVAL)
}

/// The interval of an interval parameter.
///
/// # Errors
/// EINVAL: `param` is a mask.
pub(super) fn interval(p: &HwParams, param: Param) -> Result<&Interval, Errno> {
    let index = (param as usize)
        .checked_sub(FIRST_INTERVAL)
        .ok_or(Errno::EINVAL)?;
    p.intervals.get(index).ok_or(Errno::EINVAL)
}

pub(super) fn interval_mut(p: &mut HwParams, param: Param) -> Result<&mut Interval, Errno> {
    let index = (param as usize)
        .checked_sub(FIRST_INTERVAL)
        .ok_or(Errno::EINVAL)?;
    p.intervals.get_mut(index).ok_or(Errno::EINVAL)
}

/// What an open fixes for all later refinements (§4.2), and how far those of this call may go.
struct Constraints {
    masks: [u64; 3],
    intervals: [Interval; 12],
    /// Passes left.
    passes: Cell<u32>,
}

impl Constraints {
    fn new(space: &Space<'_>) -> Result<Constraints, Errno> {
        let hardware = space.hardware;
        let mut all = Constraints {
            masks: [access(space), hardware.formats, u64::MAX],
            intervals: [interval::ANY; 12],
            passes: Cell::new(rules::PASSES),
        };
        for param in [Channels, BufferSize, BufferBytes, SampleBits, FrameBits] {
            all.narrow(param, &interval::integers(0, u32::MAX))?;
        }
        for constraint in &hardware.constraints {
            let (param, to) = match *constraint {
                Constraint::Integer(param) => (param, interval::integers(0, u32::MAX)),
                Constraint::Range(param, min, max) => (param, interval::closed(min, max)),
            };
            all.narrow(param, &to)?;
        }
        for (param, min, max) in [
            (Channels, hardware.channels_min, hardware.channels_max),
            (Rate, hardware.rate_min, hardware.rate_max),
            (
                PeriodBytes,
                hardware.period_bytes_min,
                hardware.period_bytes_max,
            ),
            (Periods, hardware.periods_min, hardware.periods_max),
            (
                BufferBytes,
                hardware.period_bytes_min,
                hardware.buffer_bytes_max,
            ),
            (BufferBytes, 0, space.preallocated.unwrap_or(u32::MAX)),
        ] {
            all.narrow(param, &interval::closed(min, max))?;
        }
        all.narrow(PeriodSize, &interval::integers(0, u32::MAX))?;
        Ok(all)
    }

    fn narrow(&mut self, param: Param, to: &Interval) -> Result<(), Errno> {
        let index = (param as usize)
            .checked_sub(FIRST_INTERVAL)
            .ok_or(Errno::EINVAL)?;
        interval::refine(self.intervals.get_mut(index).ok_or(Errno::EINVAL)?, to).map(|_| ())
    }

    /// Whether all of `p` lies within.
    fn hold(&self, p: &HwParams) -> bool {
        let masks = p.masks.iter().zip(&self.masks);
        let intervals = p.intervals.iter().zip(&self.intervals);
        masks
            .into_iter()
            .all(|(m, &allowed)| mask::bits(m) & !allowed == 0)
            && intervals
                .into_iter()
                .all(|(i, allowed)| interval::within(i, allowed))
    }

    /// Brings in what the caller asks about, and refuses what is empty from the start (§4.4 steps 2 and 3).
    fn apply(&self, p: &mut HwParams) -> Result<(), Errno> {
        let rmask = p.rmask;
        for ((m, &allowed), param) in p.masks.iter_mut().zip(&self.masks).zip(MASKS) {
            if mask::bits(m) == 0 {
                return Err(Errno::EINVAL);
            }
            if rmask & bit(param) != 0 && mask::refine(m, allowed)? {
                p.cmask |= bit(param);
            }
        }
        for ((i, allowed), param) in p.intervals.iter_mut().zip(&self.intervals).zip(INTERVALS) {
            if interval::is_empty(i) {
                return Err(Errno::EINVAL);
            }
            if rmask & bit(param) != 0 && interval::refine(i, allowed)? {
                p.cmask |= bit(param);
            }
        }
        Ok(())
    }
}

/// Whether a choice is one that the device can carry out.
///
/// Refinement alone does not see to it: an open bound at the rim of the number range (`[0, 0)` of integers) wraps around
/// and leaves the constraint again, and a format without a size makes no frames. The kernel lets that pass; here a device
/// may rely on its own limits, and on sizes that belong together.
fn sound(constraints: &Constraints, p: &HwParams) -> bool {
    let params = settled(p);
    let bits = params
        .buffer_size
        .saturating_mul(u64::from(params.frame_bits));
    constraints.hold(p)
        && (1..=params.buffer_size).contains(&params.period_size)
        && bits > 0
        && bits == params.dma_bytes.saturating_mul(8)
}

fn mmap(space: &Space<'_>) -> bool {
    space.mappable && space.hardware.info & info::MMAP != 0
}

/// The access types, as bits: through mmap only if the ring can be mapped.
fn access(space: &Space<'_>) -> u64 {
    let layouts = [
        (info::INTERLEAVED, 0, Some(3)),
        (info::NONINTERLEAVED, 1, Some(4)),
        (info::COMPLEX, 2, None),
    ];
    let mut set = 0;
    for (flag, mapped, copied) in layouts {
        if space.hardware.info & flag == 0 {
            continue;
        }
        if mmap(space) {
            set |= 1 << mapped;
        }
        if let Some(copied) = copied {
            set |= 1 << copied;
        }
    }
    set
}

/// Narrows `p` to what the substream can do and the parameters in `rmask` leave (HW_REFINE, §4.4).
///
/// # Errors
/// EINVAL: a contradiction; `p` is then dirty, callers work on a copy.
#[doc(alias = "SNDRV_PCM_IOCTL_HW_REFINE")]
pub fn refine(space: &Space<'_>, p: &mut HwParams) -> Result<(), Errno> {
    narrow(space, &Constraints::new(space)?, p)?;
    complete(space, p)
}

/// Narrows `p` to exactly one configuration (HW_PARAMS, §4.5 steps 2 to 4).
///
/// # Errors
/// EINVAL: a contradiction. A parameter whose chosen value v is 2³¹ or more gives errno 2³²−v. `p` is then dirty,
/// callers work on a copy.
#[doc(alias = "SNDRV_PCM_IOCTL_HW_PARAMS")]
pub fn choose(space: &Space<'_>, p: &mut HwParams) -> Result<(), Errno> {
    let constraints = Constraints::new(space)?;
    p.rmask = u32::MAX;
    narrow(space, &constraints, p)?;
    for param in [Access, Format, Subformat] {
        let changed = mask::choose_first(mask_mut(p, param)?);
        follow(space, &constraints, p, param, changed)?;
        mask::single(mask(p, param)?).ok_or(Errno::EINVAL)?;
    }
    let smallest: fn(&mut Interval) -> bool = interval::choose_min;
    for (param, narrow_to) in [
        (Channels, smallest),
        (Rate, smallest),
        (PeriodTime, smallest),
        (BufferSize, interval::choose_max),
        (TickTime, smallest),
    ] {
        let changed = narrow_to(interval_mut(p, param)?);
        follow(space, &constraints, p, param, changed)?;
        returned(interval::single(interval(p, param)?).ok_or(Errno::EINVAL)?)?;
    }
    complete(space, p)?;
    if sound(&constraints, p) {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

/// Refines once more after a choice.
fn follow(
    space: &Space<'_>,
    constraints: &Constraints,
    p: &mut HwParams,
    param: Param,
    changed: bool,
) -> Result<(), Errno> {
    if !changed {
        return Ok(());
    }
    p.cmask |= bit(param);
    p.rmask |= bit(param);
    narrow(space, constraints, p)
}

/// A chosen value passes through a signed return code: from 2³¹ on it is taken for an error. (2³¹ itself has no positive
/// counterpart and gives 2³¹−1.)
fn returned(value: u32) -> Result<(), Errno> {
    if i32::try_from(value).is_ok() {
        return Ok(());
    }
    Err(Errno(
        i32::try_from(value.wrapping_neg()).unwrap_or(i32::MAX),
    ))
}

/// §4.4 steps 1 to 5.
fn narrow(space: &Space<'_>, constraints: &Constraints, p: &mut HwParams) -> Result<(), Errno> {
    p.info = 0;
    p.fifo_size = 0;
    if p.rmask & bit(SampleBits) != 0 {
        p.msbits = 0;
    }
    if p.rmask & bit(Rate) != 0 {
        p.rate_num = 0;
        p.rate_den = 0;
    }
    constraints.apply(p)?;
    rules::settle(space, &constraints.passes, p)?;
    p.rmask = 0;
    Ok(())
}

/// What follows from settled parameters, and the device's flags (§4.6).
fn complete(space: &Space<'_>, p: &mut HwParams) -> Result<(), Errno> {
    let sample_format = mask::single(mask(p, Format)?);
    if p.msbits == 0 {
        let storage = interval::single(interval(p, SampleBits)?).unwrap_or(0);
        p.msbits = sample_format.map_or(storage, significant_bits);
    }
    if let Some(number) = sample_format {
        let narrower = format::is_linear(number) && significant_bits(number) != p.msbits;
        if p.msbits != 0 && narrower {
            mask::refine(mask_mut(p, Subformat)?, !rules::MSBITS_MAX)?;
        }
    }
    if p.rate_den == 0 {
        if let Some(rate) = interval::single(interval(p, Rate)?) {
            p.rate_num = rate;
            p.rate_den = 1;
        }
    }
    p.info = space.hardware.info & !(info::DRAIN_TRIGGER | info::FIFO_IN_FRAMES);
    if !mmap(space) {
        p.info &= !(info::MMAP | info::MMAP_VALID);
    }
    if let (Some(number), Some(channels)) =
        (sample_format, interval::single(interval(p, Channels)?))
    {
        p.fifo_size = fifo_frames(space.hardware, number, channels);
    }
    Ok(())
}

/// Significant bits of a sample; of a format without a width the kernel's −EINVAL, taken for a number.
fn significant_bits(number: u32) -> u32 {
    format::width(number).unwrap_or(Errno::EINVAL.0.unsigned_abs().wrapping_neg())
}

/// The device's own queue in frames; as it is if a frame has no whole number of bytes to divide by.
fn fifo_frames(hardware: &Hardware, sample_format: u32, channels: u32) -> u64 {
    let size = u64::from(hardware.fifo_size);
    if hardware.info & info::FIFO_IN_FRAMES != 0 {
        return size;
    }
    let bits = u64::from(format::physical_width(sample_format).unwrap_or(0))
        .saturating_mul(u64::from(channels));
    size.checked_div(bits / 8).unwrap_or(size)
}

/// The configuration that [`choose`] left (§4.5 step 6). Of a parameter that is not single: its lower bound, its lowest
/// bit.
#[must_use]
pub fn settled(p: &HwParams) -> Params {
    let lowest = |param| mask(p, param).map_or(0, |m| mask::bits(m).trailing_zeros());
    let value = |param| interval(p, param).map_or(0, |i| i.min);
    let sample_format = lowest(Format);
    let storage = format::physical_width(sample_format).unwrap_or(0);
    Params {
        access: lowest(Access),
        format: sample_format,
        channels: value(Channels),
        rate: value(Rate),
        period_size: u64::from(value(PeriodSize)),
        buffer_size: u64::from(value(BufferSize)),
        frame_bits: storage.saturating_mul(value(Channels)),
        dma_bytes: u64::from(value(BufferBytes)),
        no_period_wakeup: p.info & info::NO_PERIOD_WAKEUP != 0 && p.flags & NO_PERIOD_WAKEUP != 0,
    }
}
