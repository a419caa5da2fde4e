//! Reads the clocks. The only place of this crate that knows what time it is; everything else is told.

use rustix::time::{ClockId, clock_gettime};

use crate::units::{Nanos, Now};

/// The three clocks a client can ask for, read one after the other.
#[must_use]
pub fn now() -> Now {
    Now {
        monotonic: read(ClockId::Monotonic),
        realtime: read(ClockId::Realtime),
        monotonic_raw: read(ClockId::MonotonicRaw),
    }
}

/// `CLOCK_MONOTONIC` alone, for deadlines.
#[must_use]
pub fn monotonic() -> Nanos {
    read(ClockId::Monotonic)
}

fn read(clock: ClockId) -> Nanos {
    let t = clock_gettime(clock);
    let seconds = u64::try_from(t.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(t.tv_nsec).unwrap_or(0);
    Nanos(
        seconds
            .saturating_mul(Nanos::SECOND.0)
            .saturating_add(nanos),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_do_not_go_backwards() {
        let a = now();
        let b = now();

        assert!(a.monotonic.0 > 0 && a.realtime.0 > 0 && a.monotonic_raw.0 > 0);
        assert!(b.monotonic >= a.monotonic && b.monotonic_raw >= a.monotonic_raw);
    }
}
