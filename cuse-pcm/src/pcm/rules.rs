//! The rules that tie parameters to each other, and the loop that runs them until nothing moves (semantics §4.3, §4.4
//! step 4).
//!
//! Knows the rules every device shares and takes the device's own from [`Hardware`]. No allocation.
#![warn(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a client chooses these numbers"
)]

use std::cell::Cell;

use hw_backends::hardware::{self, Hardware, RATES};
use uapi::Errno;
use uapi::pcm::params::Param::{
    self, BufferBytes, BufferSize, BufferTime, Channels, Format, FrameBits, PeriodBytes,
    PeriodSize, PeriodTime, Periods, Rate, SampleBits, Subformat,
};
use uapi::pcm::{HwParams, Interval, format};

use super::hw_params::{Space, interval, interval_mut, mask, mask_mut};
use super::{interval, mask};

/// How many numbers parameters have, mask and interval parameters together.
pub(super) const PARAMS: usize = 20;

/// The bit of a parameter in `rmask` and `cmask`.
pub(super) const fn bit(param: Param) -> u32 {
    1 << param as u32
}

/// What a rule computes its target from.
#[derive(Clone, Copy, Debug)]
enum Formula {
    /// FORMAT: those whose storage fits SAMPLE_BITS.
    FormatsOfBits,
    /// SAMPLE_BITS: the storage of the formats left.
    BitsOfFormats,
    /// a·b
    Mul(Param, Param),
    /// a/b
    Div(Param, Param),
    /// a·b/k
    MulDivK(Param, Param, u32),
    /// a·k/b
    MulKDiv(Param, u32, Param),
}

struct Rule {
    target: Param,
    formula: Formula,
}

const fn rule(target: Param, formula: Formula) -> Rule {
    Rule { target, formula }
}

const MICRO: u32 = 1_000_000;

/// Rules 1 to 20, in evaluation order.
static COMMON: [Rule; 20] = {
    use Formula::{BitsOfFormats, Div, FormatsOfBits, Mul, MulDivK, MulKDiv};
    [
        rule(Format, FormatsOfBits),
        rule(SampleBits, BitsOfFormats),
        rule(SampleBits, Div(FrameBits, Channels)),
        rule(FrameBits, Mul(SampleBits, Channels)),
        rule(FrameBits, MulKDiv(PeriodBytes, 8, PeriodSize)),
        rule(FrameBits, MulKDiv(BufferBytes, 8, BufferSize)),
        rule(Channels, Div(FrameBits, SampleBits)),
        rule(Rate, MulKDiv(PeriodSize, MICRO, PeriodTime)),
        rule(Rate, MulKDiv(BufferSize, MICRO, BufferTime)),
        rule(Periods, Div(BufferSize, PeriodSize)),
        rule(PeriodSize, Div(BufferSize, Periods)),
        rule(PeriodSize, MulKDiv(PeriodBytes, 8, FrameBits)),
        rule(PeriodSize, MulDivK(PeriodTime, Rate, MICRO)),
        rule(BufferSize, Mul(PeriodSize, Periods)),
        rule(BufferSize, MulKDiv(BufferBytes, 8, FrameBits)),
        rule(BufferSize, MulDivK(BufferTime, Rate, MICRO)),
        rule(PeriodBytes, MulDivK(PeriodSize, FrameBits, 8)),
        rule(BufferBytes, MulDivK(BufferSize, FrameBits, 8)),
        rule(PeriodTime, MulKDiv(PeriodSize, MICRO, Rate)),
        rule(BufferTime, MulKDiv(BufferSize, MICRO, Rate)),
    ]
};

/// The last three rules, after the device's own.
const SUBFORMAT_RULE: usize = COMMON.len();
const BUFFER_LIMIT_RULE: usize = SUBFORMAT_RULE + 1;
const RATE_LIST_RULE: usize = BUFFER_LIMIT_RULE + 1;
const RULES: usize = RATE_LIST_RULE + 1;

impl Formula {
    /// The parameters whose change makes the rule run again.
    const fn dependencies(self) -> [Param; 2] {
        match self {
            Formula::FormatsOfBits => [SampleBits, SampleBits],
            Formula::BitsOfFormats => [Format, SampleBits],
            Formula::Mul(a, b)
            | Formula::Div(a, b)
            | Formula::MulDivK(a, b, _)
            | Formula::MulKDiv(a, _, b) => [a, b],
        }
    }

    fn run(self, target: Param, p: &mut HwParams) -> Result<bool, Errno> {
        let value = match self {
            Formula::FormatsOfBits => {
                let allowed =
                    formats_of_bits(mask::bits(mask(p, Format)?), interval(p, SampleBits)?);
                return mask::refine(mask_mut(p, Format)?, allowed);
            }
            Formula::BitsOfFormats => bits_of_formats(mask::bits(mask(p, Format)?)),
            Formula::Mul(a, b) => interval::mul(interval(p, a)?, interval(p, b)?),
            Formula::Div(a, b) => interval::div(interval(p, a)?, interval(p, b)?),
            Formula::MulDivK(a, b, k) => interval::muldivk(interval(p, a)?, interval(p, b)?, k),
            Formula::MulKDiv(a, k, b) => interval::mulkdiv(interval(p, a)?, k, interval(p, b)?),
        };
        interval::refine(interval_mut(p, target)?, &value)
    }
}

/// The numbers of the bits of a set, lowest first.
fn members(set: u64) -> impl Iterator<Item = u32> {
    let mut rest = set;
    std::iter::from_fn(move || {
        let lowest = rest.trailing_zeros();
        rest &= rest.wrapping_sub(1);
        (lowest < u64::BITS).then_some(lowest)
    })
}

/// Rule 1. Open ends are ignored, and formats without a fixed width stay.
fn formats_of_bits(formats: u64, bits: &Interval) -> u64 {
    members(formats)
        .filter(|&format| {
            format::physical_width(format)
                .is_none_or(|width| bits.min <= width && width <= bits.max)
        })
        .fold(0, |set, format| set | 1 << format)
}

/// Rule 2. Nothing is left if no format has a fixed width.
fn bits_of_formats(formats: u64) -> Interval {
    let widths = members(formats).filter_map(format::physical_width);
    let (min, max) = widths.fold((u32::MAX, 0), |(min, max), width| {
        (min.min(width), max.max(width))
    });
    interval::integers(min, max)
}

/// Rule n. STD always; MSBITS_MAX while a linear format is left.
fn subformats(formats: u64) -> u64 {
    if members(formats).any(format::is_linear) {
        STD | MSBITS_MAX
    } else {
        STD
    }
}

/// The bit of `SNDRV_PCM_SUBFORMAT_STD`.
const STD: u64 = 1;
/// The bit of `SNDRV_PCM_SUBFORMAT_MSBITS_MAX`.
pub(super) const MSBITS_MAX: u64 = 1 << 1;

/// Rule n+2: from the smallest to the largest listed rate inside `rate`; nothing if there is none.
fn listed_rates(listed: u32, rate: &Interval) -> Interval {
    let inside = RATES
        .iter()
        .zip(0..)
        .filter(|&(&hz, bit)| listed & 1u32 << bit != 0 && interval::contains(rate, hz))
        .map(|(&hz, _)| hz);
    let (min, max) = inside.fold((u32::MAX, 0), |(min, max), hz| (min.min(hz), max.max(hz)));
    interval::closed(min, max)
}

/// When parameters changed and rules ran, on a counter of rule runs.
struct Stamps {
    now: u64,
    changed: [u64; PARAMS],
    ran: [u64; RULES],
    /// A parameter changed in this pass.
    again: bool,
}

impl Stamps {
    fn new(rmask: u32) -> Stamps {
        let mut changed = [0; PARAMS];
        for (stamp, number) in changed.iter_mut().zip(0..) {
            *stamp = u64::from(rmask >> number & 1);
        }
        Stamps {
            now: 2,
            changed,
            ran: [0; RULES],
            again: false,
        }
    }

    /// Whether one of the parameters changed after the rule last ran.
    fn due(&self, [a, b]: [Param; 2], rule: usize) -> bool {
        let ran = self.ran.get(rule).copied().unwrap_or(0);
        self.changed(a) > ran || self.changed(b) > ran
    }

    /// When a parameter last changed; 0 if it was not asked about and has not changed.
    fn changed(&self, param: Param) -> u64 {
        self.changed.get(param as usize).copied().unwrap_or(0)
    }

    fn moved(&mut self, param: Param, p: &mut HwParams) {
        p.cmask |= bit(param);
        self.again = true;
        if let Some(stamp) = self.changed.get_mut(param as usize) {
            *stamp = self.now;
        }
    }

    fn ran(&mut self, rule: usize) {
        if let Some(stamp) = self.ran.get_mut(rule) {
            *stamp = self.now;
        }
        self.now = self.now.wrapping_add(1);
    }
}

/// Most passes of one call, in all its refinements together: 2 to 4 ms, while the card is locked. The kernel has no such
/// limit. What a program asks for settles in tens, random intervals in hundreds; but times that almost fit the sizes make
/// a bound creep by one a pass, hundreds of thousands of times. Some of those would end well in the kernel and do not
/// here.
pub(super) const PASSES: u32 = 1 << 13;

/// Runs all rules, in passes, until a pass moves nothing. With an empty `rmask` no rule runs; with a partial one only
/// those that it reaches.
///
/// # Errors
/// EINVAL: the parameters contradict each other, or creep for longer than there are `passes` left of [`PASSES`].
pub(super) fn settle(space: &Space<'_>, passes: &Cell<u32>, p: &mut HwParams) -> Result<(), Errno> {
    let mut stamps = Stamps::new(p.rmask);
    while let Some(left) = passes.get().checked_sub(1) {
        passes.set(left);
        stamps.again = false;
        common_rules(&mut stamps, p)?;
        device_rules(space.hardware, &mut stamps, p)?;
        last_rules(space, &mut stamps, p)?;
        if !stamps.again {
            return Ok(());
        }
    }
    Err(Errno::EINVAL)
}

fn common_rules(stamps: &mut Stamps, p: &mut HwParams) -> Result<(), Errno> {
    for (number, rule) in COMMON.iter().enumerate() {
        if stamps.due(rule.formula.dependencies(), number) {
            if rule.formula.run(rule.target, p)? {
                stamps.moved(rule.target, p);
            }
            stamps.ran(number);
        }
    }
    Ok(())
}

/// A device's rule depends only on its own target and always narrows to the same, so running it once too often
/// changes nothing: it needs no stamp.
fn device_rules(hardware: &Hardware, stamps: &mut Stamps, p: &mut HwParams) -> Result<(), Errno> {
    for rule in &hardware.rules {
        let (target, changed) = match *rule {
            _ if stamps.changed(target_of(rule)) == 0 => {
                continue;
            }
            hardware::Rule::Formats(formats) => {
                (Format, mask::refine(mask_mut(p, Format)?, formats)?)
            }
            hardware::Rule::Range(param, min, max) => (
                param,
                interval::refine(interval_mut(p, param)?, &interval::closed(min, max))?,
            ),
            hardware::Rule::Step(param, step) => {
                (param, interval::step(interval_mut(p, param)?, step)?)
            }
        };
        if changed {
            stamps.moved(target, p);
        }
        stamps.now = stamps.now.wrapping_add(1);
    }
    Ok(())
}

const fn target_of(rule: &hardware::Rule) -> Param {
    match rule {
        hardware::Rule::Formats(_) => Format,
        hardware::Rule::Range(param, ..) | hardware::Rule::Step(param, _) => *param,
    }
}

fn last_rules(space: &Space<'_>, stamps: &mut Stamps, p: &mut HwParams) -> Result<(), Errno> {
    if stamps.due([Subformat, Format], SUBFORMAT_RULE) {
        let allowed = subformats(mask::bits(mask(p, Format)?));
        // Not a change to anyone: no cmask, no further rules.
        mask::refine(mask_mut(p, Subformat)?, allowed)?;
        stamps.ran(SUBFORMAT_RULE);
    }
    if stamps.due([BufferBytes; 2], BUFFER_LIMIT_RULE) {
        let limit = interval::integers(0, space.buffer_bytes_limit);
        if interval::refine(interval_mut(p, BufferBytes)?, &limit)? {
            stamps.moved(BufferBytes, p);
        }
        stamps.ran(BUFFER_LIMIT_RULE);
    }
    let any_rate = hardware::RATE_CONTINUOUS | hardware::RATE_KNOT;
    if space.hardware.rates & any_rate == 0 && stamps.due([Rate; 2], RATE_LIST_RULE) {
        let listed = listed_rates(space.hardware.rates, interval(p, Rate)?);
        if interval::refine(interval_mut(p, Rate)?, &listed)? {
            stamps.moved(Rate, p);
        }
        stamps.ran(RATE_LIST_RULE);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use zerocopy::FromZeros;

    use super::*;

    #[test]
    fn formats_without_a_width_stay_whatever_the_bits() {
        let mpeg = 1 << 23;
        assert_eq!(
            formats_of_bits(mpeg | 1 << 2 | 1 << 10, &interval::closed(16, 16)),
            mpeg | 1 << 2
        );
    }

    #[test]
    fn formats_ignore_open_ends_of_the_bits() {
        let bits = Interval {
            min: 16,
            max: 32,
            flags: Interval::OPENMIN | Interval::OPENMAX,
        };
        assert_eq!(
            formats_of_bits(1 << 1 | 1 << 2 | 1 << 10, &bits),
            1 << 2 | 1 << 10
        );
    }

    #[test]
    fn bits_of_formats_without_a_width_leave_nothing() {
        let mut bits = interval::ANY;
        assert_eq!(
            interval::refine(&mut bits, &bits_of_formats(1 << 23)),
            Err(Errno::EINVAL)
        );
    }

    #[test]
    fn msbits_max_needs_a_linear_format() {
        assert_eq!(subformats(1 << 14), STD);
        assert_eq!(subformats(1 << 14 | 1 << 2), STD | MSBITS_MAX);
        assert_eq!(subformats(1 << 29), STD | MSBITS_MAX);
    }

    #[test]
    fn the_rate_list_trims_only_the_ends() {
        let listed = 1 << 7 | 1 << 10 | 1 << 12;
        assert_eq!(
            listed_rates(listed, &interval::closed(0, 1_000_000)),
            interval::closed(48000, 192_000)
        );
        let open = Interval {
            min: 48000,
            max: 192_000,
            flags: Interval::OPENMIN | Interval::OPENMAX,
        };
        assert_eq!(listed_rates(listed, &open), interval::closed(96000, 96000));
        let mut between = interval::closed(50000, 60000);
        let none = listed_rates(listed, &between);
        assert_eq!(interval::refine(&mut between, &none), Err(Errno::EINVAL));
    }

    #[test]
    fn refinements_of_one_call_share_their_passes() {
        let hardware = hw_backends::null::hardware();
        let space = Space {
            hardware: &hardware,
            mappable: false,
            preallocated: None,
            buffer_bytes_limit: u32::MAX,
        };
        let mut anything = HwParams::new_zeroed();
        anything.masks = [uapi::pcm::Mask {
            bits: [u32::MAX; 8],
        }; 3];
        anything.intervals = [interval::ANY; 12];
        anything.rmask = u32::MAX;
        let passes = Cell::new(PASSES);
        settle(&space, &passes, &mut anything.clone()).unwrap();
        let one = PASSES - passes.get();
        assert!(one > 0);
        passes.set(one + one - 1);
        assert!(settle(&space, &passes, &mut anything.clone()).is_ok());
        assert_eq!(settle(&space, &passes, &mut anything), Err(Errno::EINVAL));
    }

    #[test]
    fn members_are_counted_from_the_lowest() {
        assert!(members(1 << 63 | 0b101).eq([0, 2, 63]));
        assert_eq!(members(0).count(), 0);
    }
}
