//! Sets of small integers, as refinement treats them (semantics §4.1).
//!
//! Only the first 64 bits take part; the rest of a [`Mask`] is carried through, except by [`choose_first`]. Knows
//! nothing of what the integers mean.
#![warn(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a client chooses these numbers"
)]

use uapi::Errno;
use uapi::pcm::Mask;

/// The part of a mask that takes part in refinement: its first 64 bits.
#[must_use]
pub const fn bits(mask: &Mask) -> u64 {
    let [low, high, ..] = mask.bits;
    low as u64 | (high as u64) << 32
}

/// Replaces the first 64 bits and keeps the others.
pub fn set_bits(mask: &mut Mask, bits: u64) {
    let [low, high, ..] = &mut mask.bits;
    (*low, *high) = halves(bits);
}

/// The one member of a set of exactly one.
#[must_use]
pub const fn single(mask: &Mask) -> Option<u32> {
    let bits = bits(mask);
    if bits.is_power_of_two() {
        Some(bits.trailing_zeros())
    } else {
        None
    }
}

/// Intersects with `allowed`. Answers whether anything was removed.
///
/// # Errors
/// EINVAL: nothing is left.
pub fn refine(mask: &mut Mask, allowed: u64) -> Result<bool, Errno> {
    let before = bits(mask);
    let after = before & allowed;
    set_bits(mask, after);
    if after == 0 {
        Err(Errno::EINVAL)
    } else {
        Ok(after != before)
    }
}

/// Keeps only the smallest member, if there is more than one; all 256 bits are then rewritten. Answers whether that
/// was so.
pub fn choose_first(mask: &mut Mask) -> bool {
    let before = bits(mask);
    let lowest = before & before.wrapping_neg();
    if before == lowest {
        return false;
    }
    mask.bits = [0; 8];
    set_bits(mask, lowest);
    true
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the two halves are what is wanted"
)]
const fn halves(bits: u64) -> (u32, u32) {
    (bits as u32, (bits >> 32) as u32)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    const FULL: Mask = Mask {
        bits: [u32::MAX; 8],
    };

    #[test]
    fn refine_touches_the_first_64_bits_only() {
        let mut mask = FULL;
        assert_eq!(refine(&mut mask, 0x1_0000_0006), Ok(true));
        assert_eq!(mask.bits[..3], [6, 1, u32::MAX]);
        assert_eq!(refine(&mut mask, 0x1_0000_0006), Ok(false));
    }

    #[test]
    fn a_mask_with_only_high_bits_is_empty() {
        let mut mask = Mask {
            bits: [0, 0, 1, 0, 0, 0, 0, 0],
        };
        assert_eq!(refine(&mut mask, u64::MAX), Err(Errno::EINVAL));
    }

    #[test]
    fn single_ignores_the_bits_above_64() {
        let mut mask = FULL;
        set_bits(&mut mask, 1 << 40);
        assert_eq!(single(&mask), Some(40));
        set_bits(&mut mask, 3);
        assert_eq!(single(&mask), None);
        set_bits(&mut mask, 0);
        assert_eq!(single(&mask), None);
    }

    #[test]
    fn choose_first_rewrites_all_256_bits_only_when_it_chooses() {
        let mut mask = FULL;
        set_bits(&mut mask, 0x30);
        assert!(choose_first(&mut mask));
        assert_eq!(mask.bits, [0x10, 0, 0, 0, 0, 0, 0, 0]);

        let mut mask = FULL;
        set_bits(&mut mask, 0x10);
        assert!(!choose_first(&mut mask));
        assert_eq!(mask.bits[2], u32::MAX);
    }
}
