//! Arithmetic on the two pointers of a stream, which count frames and wrap at the boundary (§5.7).
//!
//! A client can put any number into the application pointer: all of this is defined for every input, in the same
//! wrapping 64-bit arithmetic that the kernel uses.

use hw_backends::units::Direction;

/// A pointer: frames, 0 to boundary − 1, unless a hostile client chose it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position(pub u64);

/// The two sizes that pointers are measured with, frames. Both 0 before the first HW_PARAMS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// The ring.
    pub buffer: u64,
    /// Where the pointers wrap: the ring times a power of two.
    pub boundary: u64,
}

impl Extent {
    /// The extent of a ring of `buffer` frames: doubled while there is room for one more ring below 2⁶³ (§4.5 step 7).
    #[must_use]
    pub fn of(buffer: u64) -> Extent {
        let limit = (i64::MAX as u64).saturating_sub(buffer);
        let mut boundary = buffer;
        while boundary != 0 && boundary <= limit / 2 {
            boundary = boundary.wrapping_mul(2);
        }
        Extent { buffer, boundary }
    }

    /// The boundary that 32-bit callers see (§1.9).
    #[must_use]
    pub fn compat_boundary(buffer: u64) -> u64 {
        let limit = 0x7fff_ffff_u64.saturating_sub(buffer);
        let mut boundary = buffer;
        while boundary != 0 && boundary <= limit / 2 {
            boundary = boundary.wrapping_mul(2);
        }
        boundary
    }

    /// Frames that can be written (playback) or read (capture): more than the ring holds after an overrun.
    #[must_use]
    pub fn avail(&self, direction: Direction, hw: Position, appl: Position) -> u64 {
        let distance = hw.0.wrapping_sub(appl.0);
        match direction {
            Direction::Playback => {
                let avail = distance.wrapping_add(self.buffer);
                if negative(avail) {
                    avail.wrapping_add(self.boundary)
                } else if avail >= self.boundary {
                    avail.wrapping_sub(self.boundary)
                } else {
                    avail
                }
            }
            Direction::Capture if negative(distance) => distance.wrapping_add(self.boundary),
            Direction::Capture => distance,
        }
    }

    /// Frames between the device and the end of the ring: what is queued (playback), or room (capture). Negative when
    /// the device overtook the client.
    #[must_use]
    pub fn hw_avail(&self, direction: Direction, hw: Position, appl: Position) -> i64 {
        signed(self.buffer.wrapping_sub(self.avail(direction, hw, appl)))
    }
}

impl Position {
    /// The position `frames` on.
    #[must_use]
    pub fn forward(self, frames: u64, boundary: u64) -> Position {
        let sum = self.0.wrapping_add(frames);
        Position(if sum >= boundary {
            sum.wrapping_sub(boundary)
        } else {
            sum
        })
    }

    /// The position `frames` back.
    #[must_use]
    pub fn back(self, frames: u64, boundary: u64) -> Position {
        let difference = self.0.wrapping_sub(frames);
        Position(if negative(difference) {
            difference.wrapping_add(boundary)
        } else {
            difference
        })
    }

    /// The position any number of `frames` on, and how far the count of whole boundaries grew, frames.
    #[must_use]
    pub fn moved(self, frames: u64, boundary: u64) -> (Position, u64) {
        let sum = u128::from(self.0).saturating_add(u128::from(frames));
        let Some(rest) = sum.checked_rem(u128::from(boundary)) else {
            return (self, 0);
        };
        let position = u64::try_from(rest).unwrap_or_default();
        let wrapped = u64::try_from(sum.saturating_sub(rest)).unwrap_or(u64::MAX);
        (Position(position), wrapped)
    }

    /// Frames from `earlier` up to here.
    #[must_use]
    pub fn since(self, earlier: Position, boundary: u64) -> u64 {
        let difference = self.0.wrapping_sub(earlier.0);
        if negative(difference) {
            difference.wrapping_add(boundary)
        } else {
            difference
        }
    }

    /// Where in a ring of `buffer` frames this is.
    #[must_use]
    pub fn in_ring(self, buffer: u64) -> u64 {
        self.0.checked_rem(buffer).unwrap_or(0)
    }
}

/// A wrapped difference as the signed number it is.
#[must_use]
pub const fn signed(n: u64) -> i64 {
    i64::from_ne_bytes(n.to_ne_bytes())
}

/// Whether a wrapped difference is below zero.
fn negative(n: u64) -> bool {
    signed(n) < 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const B: u64 = 4096;
    const BD: u64 = 0x4000_0000_0000_0000;
    const E: Extent = Extent {
        buffer: B,
        boundary: BD,
    };

    #[test]
    fn boundaries_are_those_the_kernel_gave() {
        assert_eq!(Extent::of(16000).boundary, 0x7d00_0000_0000_0000);
        assert_eq!(Extent::of(4096).boundary, BD);
        assert_eq!(Extent::of(1024).boundary, BD);
        assert_eq!(Extent::compat_boundary(16000), 0x7d00_0000);
        assert_eq!(Extent::compat_boundary(4096), 0x4000_0000);
    }

    #[test]
    fn no_ring_has_no_boundary() {
        assert_eq!(Extent::of(0), Extent::default());
        assert_eq!(Position(7).in_ring(0), 0);
        assert_eq!(Position(7).moved(9, 0), (Position(7), 0));
    }

    #[test]
    fn avail_of_playback_on_both_sides_of_the_boundary() {
        let avail = |hw, appl| E.avail(Direction::Playback, Position(hw), Position(appl));
        assert_eq!(avail(0, 0), B);
        assert_eq!(avail(0, B), 0);
        assert_eq!(avail(100, 4000), 196);
        assert_eq!(avail(BD - 100, 50), B - 150);
        assert_eq!(avail(BD - 100, BD - 50), B - 50);
        assert_eq!(avail(50, BD - 10), B + 60, "overrun across the boundary");
        assert_eq!(avail(6000, 1000), B + 5000, "overrun");
        assert_eq!(
            E.hw_avail(Direction::Playback, Position(6000), Position(1000)),
            -5000
        );
    }

    #[test]
    fn avail_of_capture_on_both_sides_of_the_boundary() {
        let avail = |hw, appl| E.avail(Direction::Capture, Position(hw), Position(appl));
        assert_eq!(avail(0, 0), 0);
        assert_eq!(avail(30, BD - 10), 40);
        assert_eq!(avail(6000, 0), 6000, "overrun");
        assert_eq!(avail(0, BD - 10), 10, "rewound below zero");
        assert_eq!(
            E.hw_avail(Direction::Capture, Position(30), Position(BD - 10)),
            4056
        );
    }

    #[test]
    fn every_application_pointer_is_computed_with() {
        for appl in [u64::MAX, BD, BD + 1, i64::MAX as u64, 1 << 63] {
            let _ = E.avail(Direction::Playback, Position(5), Position(appl));
            let _ = E.hw_avail(Direction::Capture, Position(5), Position(appl));
            let _ = Position(appl).forward(u64::MAX, BD);
            let _ = Position(appl).back(u64::MAX, BD);
            let _ = Position(appl).moved(u64::MAX, BD);
        }
    }

    #[test]
    fn positions_wrap_at_the_boundary() {
        assert_eq!(Position(BD - 10).forward(10, BD), Position(0));
        assert_eq!(Position(0).back(10, BD), Position(BD - 10));
        assert_eq!(Position(5).since(Position(BD - 5), BD), 10);
        assert_eq!(Position(BD - 1).moved(3, BD), (Position(2), BD));
        assert_eq!(Position(1).moved(3, BD), (Position(4), 0));
    }
}
