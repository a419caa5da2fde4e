//! Frames from time: how far a device that runs by the clock has come.
//!
//! The position is computed from the start each time and never summed up, so it is exact however long the stream runs.
//! Knows rates and times; knows nothing of rings and clients.

use crate::units::Nanos;

/// The rate shift that changes nothing.
pub const NOMINAL: u32 = 100_000;
/// Lowest rate shift.
pub const SHIFT_MIN: u32 = 80_000;
/// Highest rate shift.
pub const SHIFT_MAX: u32 = 120_000;

/// What one frame takes in [`Pace`]'s units: nanoseconds × Hz × shift.
const FRAME: u128 = 1_000_000_000 * NOMINAL as u128;

/// The position of a clock-driven device.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    rate: u32,
    shift: u32,
    /// Way made before `since`, in units of 1/`FRAME` frame: exact, nothing is rounded at a pause.
    done: u128,
    /// When it last began to run; `None` while it stands.
    since: Option<Nanos>,
}

impl Pace {
    /// At position 0, standing. `rate` in Hz, at least 1.
    #[must_use]
    pub fn new(rate: u32) -> Pace {
        Pace {
            rate: rate.max(1),
            shift: NOMINAL,
            done: 0,
            since: None,
        }
    }

    /// Begins to run, or goes on after a pause. Running already, it stays as it is.
    pub fn start(&mut self, now: Nanos) {
        if self.since.is_none() {
            self.since = Some(now);
        }
    }

    /// Freezes the position.
    pub fn stop(&mut self, now: Nanos) {
        self.done = self.way(now);
        self.since = None;
    }

    /// Back to position 0, standing.
    pub fn reset(&mut self) {
        self.done = 0;
        self.since = None;
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.since.is_some()
    }

    /// Runs at `shift`/100000 of its rate from `now` on; clamped to [`SHIFT_MIN`]`..=`[`SHIFT_MAX`].
    pub fn set_shift(&mut self, shift: u32, now: Nanos) {
        let shift = shift.clamp(SHIFT_MIN, SHIFT_MAX);
        if shift != self.shift {
            self.done = self.way(now);
            self.since = self.since.map(|since| since.max(now));
            self.shift = shift;
        }
    }

    /// Whole frames passed at `now`: floor(running time × rate).
    #[must_use]
    pub fn position(&self, now: Nanos) -> u64 {
        u64::try_from(self.way(now) / FRAME).unwrap_or(u64::MAX)
    }

    /// The first nanosecond at which [`position`](Self::position) is at least `frames`; `None` while standing.
    #[must_use]
    pub fn deadline(&self, frames: u64) -> Option<Nanos> {
        let since = self.since?;
        let way = (u128::from(frames) * FRAME).saturating_sub(self.done);
        let nanos = way.div_ceil(self.speed());
        Some(since.after(Nanos(u64::try_from(nanos).unwrap_or(u64::MAX))))
    }

    fn speed(&self) -> u128 {
        u128::from(self.rate) * u128::from(self.shift)
    }

    fn way(&self, now: Nanos) -> u128 {
        let running = self.since.map_or(0, |since| now.since(since).0);
        // 2^64 ns × 2^32 Hz × 2^17 fits 128 bits.
        self.done.saturating_add(u128::from(running) * self.speed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000_000;

    #[test]
    fn position_is_exact_after_a_day_at_44100() {
        let mut pace = Pace::new(44_100);
        pace.start(Nanos(17));

        assert_eq!(pace.position(Nanos(17 + 24 * HOUR)), 24 * 3600 * 44_100);
        assert_eq!(pace.position(Nanos(16 + 24 * HOUR)), 24 * 3600 * 44_100 - 1);
    }

    #[test]
    fn deadline_is_the_first_nanosecond_of_the_frame() {
        let mut pace = Pace::new(44_100);
        pace.start(Nanos(1000));

        let at = pace.deadline(1_000_001).map_or(0, |at| at.0);

        assert_eq!(pace.position(Nanos(at)), 1_000_001);
        assert_eq!(pace.position(Nanos(at - 1)), 1_000_000);
    }

    #[test]
    fn a_pause_loses_no_fraction_of_a_frame() {
        let mut pace = Pace::new(3);
        pace.start(Nanos(0));
        pace.stop(Nanos(500_000_000));
        pace.start(Nanos(10_000_000_000));

        assert_eq!(pace.position(Nanos(10_500_000_000)), 3);
        assert_eq!(pace.position(Nanos(10_499_999_999)), 2);
    }

    #[test]
    fn standing_pace_keeps_its_position_and_has_no_deadline() {
        let mut pace = Pace::new(48_000);
        pace.start(Nanos(0));
        pace.stop(Nanos(Nanos::SECOND.0));

        assert_eq!(pace.position(Nanos(HOUR)), 48_000);
        assert_eq!(pace.deadline(96_000), None);
    }

    #[test]
    fn shift_changes_the_speed_from_then_on() {
        let mut pace = Pace::new(48_000);
        pace.start(Nanos(0));
        pace.set_shift(110_000, Nanos::SECOND);

        assert_eq!(pace.position(Nanos(2 * Nanos::SECOND.0)), 48_000 + 52_800);
        assert_eq!(
            pace.deadline(48_000 + 52_800),
            Some(Nanos(2 * Nanos::SECOND.0))
        );
    }
}
