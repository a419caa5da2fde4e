//! Quantities that cross a boundary.

/// A point on, or a length of, a nanosecond clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

impl Nanos {
    /// One second.
    pub const SECOND: Nanos = Nanos(1_000_000_000);

    /// This time later by `other`, at most the end of time.
    #[must_use]
    pub const fn after(self, other: Nanos) -> Nanos {
        Nanos(self.0.saturating_add(other.0))
    }

    /// Time passed since `earlier`; zero if that is later.
    #[must_use]
    pub const fn since(self, earlier: Nanos) -> Nanos {
        Nanos(self.0.saturating_sub(earlier.0))
    }
}

/// The three clocks a client can ask for, read together, and passed into everything that needs the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// `CLOCK_MONOTONIC`: all deadlines are on this one.
    pub monotonic: Nanos,
    /// `CLOCK_REALTIME`.
    pub realtime: Nanos,
    /// `CLOCK_MONOTONIC_RAW`.
    pub monotonic_raw: Nanos,
}

/// Which way the sound goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From the client to the device.
    Playback = 0,
    /// From the device to the client.
    Capture = 1,
}
