//! Ranges of integers with open and closed ends, and their arithmetic (semantics §4.1).
//!
//! The flag bits that have no meaning (4 to 31) are kept as passed. Knows nothing of what the integers mean.
#![warn(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a client chooses these numbers"
)]

use uapi::Errno;
use uapi::pcm::Interval;

const SAT: u32 = u32::MAX;

/// Every integer.
pub const ANY: Interval = Interval {
    min: 0,
    max: SAT,
    flags: 0,
};

/// `[min, max]`, closed, not restricted to integers.
#[must_use]
pub const fn closed(min: u32, max: u32) -> Interval {
    Interval { min, max, flags: 0 }
}

/// `[min, max]`, closed, integers only.
#[must_use]
pub const fn integers(min: u32, max: u32) -> Interval {
    Interval {
        min,
        max,
        flags: Interval::INTEGER,
    }
}

const fn has(i: &Interval, flag: u32) -> bool {
    i.flags & flag != 0
}

fn put(i: &mut Interval, flag: u32, on: bool) {
    if on {
        i.flags |= flag;
    } else {
        i.flags &= !flag;
    }
}

/// Whether nothing is left of it.
#[must_use]
pub const fn is_empty(i: &Interval) -> bool {
    has(i, Interval::EMPTY)
}

/// Whether `value` lies inside, respecting open ends.
#[must_use]
pub const fn contains(i: &Interval, value: u32) -> bool {
    let above = i.min < value || (i.min == value && !has(i, Interval::OPENMIN));
    let below = i.max > value || (i.max == value && !has(i, Interval::OPENMAX));
    above && below
}

/// Whether no bound of `i` lies beyond those of the closed interval `limits`.
#[must_use]
pub const fn within(i: &Interval, limits: &Interval) -> bool {
    limits.min <= i.min && i.max <= limits.max
}

/// The value of an interval that has just one: `[n, n]`, `(n, n+1]`, `[n, n+1)`, and also `(n, n+1)`, whose value
/// is n.
#[must_use]
pub const fn single(i: &Interval) -> Option<u32> {
    let open = i.flags & (Interval::OPENMIN | Interval::OPENMAX);
    if i.min == i.max || (open != 0 && i.min.wrapping_add(1) == i.max) {
        Some(if open == Interval::OPENMIN {
            i.max
        } else {
            i.min
        })
    } else {
        None
    }
}

/// Intersects `i` with `v`. Answers whether a bound moved or `i` became integer.
///
/// # Errors
/// EINVAL: `i` was marked empty, or nothing is left.
pub fn refine(i: &mut Interval, v: &Interval) -> Result<bool, Errno> {
    if is_empty(i) {
        return Err(Errno::EINVAL);
    }
    let mut changed = refine_min(i, v);
    changed |= refine_max(i, v);
    if has(v, Interval::INTEGER) && !has(i, Interval::INTEGER) {
        put(i, Interval::INTEGER, true);
        changed = true;
    }
    normalise(i);
    let open = i.flags & (Interval::OPENMIN | Interval::OPENMAX) != 0;
    if i.min > i.max || (i.min == i.max && open) {
        put(i, Interval::EMPTY, true);
        return Err(Errno::EINVAL);
    }
    Ok(changed)
}

/// Pulls the bounds of `i` in to multiples of `step`. Answers whether one moved.
///
/// # Errors
/// EINVAL: nothing is left.
pub fn step(i: &mut Interval, step: u32) -> Result<bool, Errno> {
    let over = |value: u32| value.checked_rem(step).unwrap_or(0);
    let (low, high) = (over(i.min), over(i.max));
    let mut changed = false;
    if low != 0 || has(i, Interval::OPENMIN) {
        i.min = i.min.wrapping_add(step.wrapping_sub(low));
        put(i, Interval::OPENMIN, false);
        changed = true;
    }
    if high != 0 || has(i, Interval::OPENMAX) {
        i.max = i.max.wrapping_sub(high);
        put(i, Interval::OPENMAX, false);
        changed = true;
    }
    if i.min > i.max {
        put(i, Interval::EMPTY, true);
        return Err(Errno::EINVAL);
    }
    Ok(changed)
}

fn refine_min(i: &mut Interval, v: &Interval) -> bool {
    let v_open = has(v, Interval::OPENMIN);
    if i.min < v.min || (i.min == v.min && v_open && !has(i, Interval::OPENMIN)) {
        i.min = v.min;
        put(i, Interval::OPENMIN, v_open);
        return true;
    }
    false
}

fn refine_max(i: &mut Interval, v: &Interval) -> bool {
    let v_open = has(v, Interval::OPENMAX);
    if i.max > v.max || (i.max == v.max && v_open && !has(i, Interval::OPENMAX)) {
        i.max = v.max;
        put(i, Interval::OPENMAX, v_open);
        return true;
    }
    false
}

/// Integer intervals have closed ends; a closed interval of one value is integer. None of this counts as a change,
/// and the bounds wrap around.
fn normalise(i: &mut Interval) {
    if has(i, Interval::INTEGER) {
        if has(i, Interval::OPENMIN) {
            i.min = i.min.wrapping_add(1);
        }
        if has(i, Interval::OPENMAX) {
            i.max = i.max.wrapping_sub(1);
        }
        put(i, Interval::OPENMIN | Interval::OPENMAX, false);
    } else if i.min == i.max && i.flags & (Interval::OPENMIN | Interval::OPENMAX) == 0 {
        put(i, Interval::INTEGER, true);
    }
}

/// Narrows to the smallest value, unless there is only one. Answers whether that was so.
pub fn choose_min(i: &mut Interval) -> bool {
    if single(i).is_some() {
        return false;
    }
    let last = i.max;
    i.max = if has(i, Interval::OPENMIN) {
        i.min.wrapping_add(1)
    } else {
        i.min
    };
    let open = has(i, Interval::OPENMAX) && i.max >= last;
    put(i, Interval::OPENMAX, open);
    true
}

/// Narrows to the largest value, unless there is only one. Answers whether that was so.
pub fn choose_max(i: &mut Interval) -> bool {
    if single(i).is_some() {
        return false;
    }
    let last = i.min;
    i.min = if has(i, Interval::OPENMAX) {
        i.max.wrapping_sub(1)
    } else {
        i.max
    };
    let open = has(i, Interval::OPENMIN) && i.min <= last;
    put(i, Interval::OPENMIN, open);
    true
}

/// `a·b/c` and the remainder, `(SAT, 0)` if it does not fit or `c` is 0.
fn muldiv(a: u32, b: u32, c: u32) -> (u32, u32) {
    let product = u64::from(a).wrapping_mul(u64::from(b));
    let (Some(q), Some(r)) = (
        product.checked_div(u64::from(c)),
        product.checked_rem(u64::from(c)),
    ) else {
        return (SAT, 0);
    };
    match (u32::try_from(q), u32::try_from(r)) {
        (Ok(q), Ok(r)) if q < SAT => (q, r),
        _ => (SAT, 0),
    }
}

/// Puts an interval together from quotients with remainders: a remainder opens the end, at the top one above.
fn quotients(low: (u32, u32), low_open: bool, high: (u32, u32), high_open: bool) -> Interval {
    let (min, low_rest) = low;
    let (max, high_rest) = high;
    let mut i = closed(min, max);
    put(&mut i, Interval::OPENMIN, low_rest != 0 || low_open);
    if high_rest != 0 {
        i.max = max.wrapping_add(1);
        put(&mut i, Interval::OPENMAX, true);
    } else {
        put(&mut i, Interval::OPENMAX, high_open);
    }
    i
}

/// `a·b`, saturating.
#[must_use]
pub fn mul(a: &Interval, b: &Interval) -> Interval {
    Interval {
        min: a.min.saturating_mul(b.min),
        max: a.max.saturating_mul(b.max),
        flags: ((a.flags | b.flags) & (Interval::OPENMIN | Interval::OPENMAX))
            | (a.flags & b.flags & Interval::INTEGER),
    }
}

/// `a/b`.
#[must_use]
pub fn div(a: &Interval, b: &Interval) -> Interval {
    mulkdiv(a, 1, b)
}

/// `a·b/k`.
#[must_use]
pub fn muldivk(a: &Interval, b: &Interval, k: u32) -> Interval {
    let open = a.flags | b.flags;
    quotients(
        muldiv(a.min, b.min, k),
        open & Interval::OPENMIN != 0,
        muldiv(a.max, b.max, k),
        open & Interval::OPENMAX != 0,
    )
}

/// `a·k/b`.
#[must_use]
pub fn mulkdiv(a: &Interval, k: u32, b: &Interval) -> Interval {
    let low_open = has(a, Interval::OPENMIN) || has(b, Interval::OPENMAX);
    let high_open = b.min > 0 && (has(a, Interval::OPENMAX) || has(b, Interval::OPENMIN));
    // A divisor of 0 gives (SAT, 0).
    quotients(
        muldiv(a.min, k, b.max),
        low_open,
        muldiv(a.max, k, b.min),
        high_open,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const OPEN: u32 = Interval::OPENMIN | Interval::OPENMAX;

    fn with(min: u32, max: u32, flags: u32) -> Interval {
        Interval { min, max, flags }
    }

    #[test]
    fn single_and_its_value() {
        assert_eq!(single(&with(5, 5, 0)), Some(5));
        assert_eq!(single(&with(5, 6, 0)), None);
        assert_eq!(single(&with(5, 6, Interval::OPENMIN)), Some(6));
        assert_eq!(single(&with(5, 6, Interval::OPENMAX)), Some(5));
        assert_eq!(single(&with(5, 6, OPEN)), Some(5));
        assert_eq!(single(&with(SAT, 0, OPEN)), Some(SAT));
    }

    #[test]
    fn refine_opens_an_equal_bound() {
        let mut i = closed(4, 9);
        assert_eq!(refine(&mut i, &with(4, 9, OPEN)), Ok(true));
        assert_eq!(i, with(4, 9, OPEN));
        assert_eq!(refine(&mut i, &closed(4, 9)), Ok(false));
        assert_eq!(i, with(4, 9, OPEN));
    }

    #[test]
    fn closing_the_ends_of_an_integer_interval_is_no_change() {
        let mut i = with(4, 9, OPEN | Interval::INTEGER);
        assert_eq!(refine(&mut i, &ANY), Ok(false));
        assert_eq!(i, integers(5, 8));
    }

    #[test]
    fn a_single_closed_value_becomes_integer_without_a_change() {
        let mut i = closed(7, 7);
        assert_eq!(refine(&mut i, &ANY), Ok(false));
        assert_eq!(i, integers(7, 7));
    }

    #[test]
    fn unused_flag_bits_stay() {
        let mut i = with(0, 9, 0xffff_fff0);
        assert_eq!(refine(&mut i, &integers(1, 5)), Ok(true));
        assert_eq!(i, with(1, 5, 0xffff_fff0 | Interval::INTEGER));
    }

    #[test]
    fn nothing_left_is_einval_and_marked() {
        let mut i = closed(7, 9);
        assert_eq!(refine(&mut i, &closed(10, 11)), Err(Errno::EINVAL));
        assert!(is_empty(&i));
        assert_eq!(refine(&mut i, &ANY), Err(Errno::EINVAL));
    }

    #[test]
    fn a_remainder_opens_the_end() {
        assert_eq!(div(&closed(10, 10), &closed(3, 3)), with(3, 4, OPEN));
        assert_eq!(muldivk(&closed(10, 10), &closed(1, 1), 3), with(3, 4, OPEN));
        assert_eq!(
            mulkdiv(&closed(16, 65536), 1_000_000, &closed(5500, 48000)),
            with(333, 11_915_637, OPEN)
        );
    }

    #[test]
    fn a_divisor_that_may_be_zero_has_no_upper_bound() {
        assert_eq!(
            div(&with(4, 8, Interval::OPENMAX), &closed(0, 2)),
            closed(2, SAT)
        );
        assert_eq!(div(&closed(4, 8), &closed(0, 0)), closed(SAT, SAT));
    }

    #[test]
    fn products_saturate() {
        assert_eq!(mul(&integers(0, SAT), &integers(7, 2)), integers(0, SAT));
        assert_eq!(
            muldivk(&closed(SAT, SAT), &closed(SAT, SAT), 8),
            closed(SAT, SAT)
        );
    }

    #[test]
    fn choosing_respects_open_ends() {
        let mut i = with(333, 11_915_637, OPEN);
        assert!(choose_min(&mut i));
        assert_eq!(i, with(333, 334, Interval::OPENMIN));
        let mut i = with(16, 18, OPEN);
        assert!(choose_max(&mut i));
        assert_eq!(i, with(17, 18, Interval::OPENMAX));
        let mut i = with(16, 17, OPEN);
        assert!(!choose_max(&mut i));
    }
}
