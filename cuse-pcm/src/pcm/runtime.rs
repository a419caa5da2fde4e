//! What one open of a substream knows: everything here is fresh at each open (§2.2).

use hw_backends::params::Params;
use hw_backends::units::{Direction, Nanos, Now};
use uapi::pcm::{State, Timespec};

use super::Wakeups;
use super::position::{Extent, Position, signed};
use super::silence::Silence;
use super::state::{self, Lifecycle};
use super::sync::Synced;

/// Software parameters. Frames.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Software {
    /// Whether the status page carries timestamps.
    pub(super) tstamp: bool,
    /// Queued or asked-for frames that start the stream.
    pub(super) start_threshold: u64,
    /// Available frames that stop it; from the boundary on, never.
    pub(super) stop_threshold: u64,
    /// How much noise is wanted ahead of the device before silence is written.
    pub(super) silence_threshold: u64,
    /// How much silence is written at once; from the boundary on, all that was played.
    pub(super) silence_size: u64,
}

/// Transfers that are under way; while there are any, they are woken instead of pollers (§6.3).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Active {
    /// How many.
    pub(super) count: u32,
    /// Available frames that wake them ("twake"); 0 when there are none.
    pub(super) threshold: u64,
}

/// The state of one open.
#[derive(Debug, Default)]
pub(super) struct Runtime {
    pub(super) life: Lifecycle,
    /// What HW_PARAMS settled last; kept over HW_FREE.
    pub(super) params: Option<Params>,
    /// Information flags of the last HW_PARAMS; 0 before, kept over HW_FREE (§10).
    pub(super) info: u32,
    /// Smallest number of frames that makes whole bytes.
    pub(super) min_align: u64,
    pub(super) software: Software,
    /// Clock of the timestamps: 0 REALTIME, 1 MONOTONIC, 2 MONOTONIC_RAW.
    pub(super) tstamp_type: u32,
    /// Control record: where the client stands. Any value, if the client says so.
    pub(super) appl: Position,
    /// Control record: wake-up threshold, frames.
    pub(super) avail_min: u64,
    pub(super) extent: Extent,
    /// Where the device was last seen.
    pub(super) hw: Position,
    /// Whole boundaries that `hw` has passed, frames.
    pub(super) hw_wrap: u64,
    /// The device's own count that `hw` belongs to; the same modulo the ring.
    pub(super) device_frames: u64,
    /// Frames beyond the device's position at the last update.
    pub(super) delay: i64,
    pub(super) avail_max: u64,
    pub(super) trigger_tstamp: Nanos,
    /// Status page: time of the last update that moved the audio time.
    pub(super) tstamp: Nanos,
    /// Status page: audio time.
    pub(super) audio_tstamp: Nanos,
    /// Time of the last update.
    pub(super) driver_tstamp: Nanos,
    /// Audio time shall count the delay in.
    pub(super) report_delay: bool,
    pub(super) silence: Silence,
    /// With explicit sync: what was copied.
    pub(super) synced: Synced,
    /// O_NONBLOCK as transfers see it (§2.4).
    pub(super) nonblock: bool,
    /// The device was told to stop, and may still be at it.
    pub(super) stopping: bool,
    pub(super) active: Active,
    /// Xruns so far.
    pub(super) xruns: u64,
    pub(super) wakeups: Wakeups,
}

impl Runtime {
    /// The state.
    pub(super) fn state(&self) -> State {
        self.life.state()
    }

    /// Whether the device moves.
    pub(super) fn running(&self, direction: Direction) -> bool {
        state::running(self.state(), direction)
    }

    /// Frames that can be written or read.
    pub(super) fn avail(&self, direction: Direction) -> u64 {
        self.extent.avail(direction, self.hw, self.appl)
    }

    /// Queued frames (playback) or room (capture), signed.
    pub(super) fn hw_avail(&self, direction: Direction) -> i64 {
        self.extent.hw_avail(direction, self.hw, self.appl)
    }

    /// The clock of this stream's timestamps.
    pub(super) fn clock(&self, now: &Now) -> Nanos {
        match self.tstamp_type {
            1 => now.monotonic,
            2 => now.monotonic_raw,
            _ => now.realtime,
        }
    }

    /// Wakes pollers, and drains, which sleep with them. No transfer is blocked then.
    pub(super) fn wake_pollers(&mut self) {
        self.wakeups.pollers = true;
        self.wakeups.transfers = true;
    }

    /// Wakes blocked transfers.
    pub(super) fn wake_transfers(&mut self) {
        self.wakeups.transfers = true;
    }

    /// Longest sleep without a wake-up: 1.1 rings of time, at least 100 ms; unlimited without period wake-ups.
    pub(super) fn patience(&self) -> Option<Nanos> {
        const SHORTEST_MS: u64 = 100;
        let Some(params) = &self.params else {
            return Some(Nanos(SHORTEST_MS.saturating_mul(1_000_000)));
        };
        if params.no_period_wakeup {
            return None;
        }
        let ring = params
            .buffer_size
            .saturating_mul(1100)
            .checked_div(u64::from(params.rate))
            .unwrap_or(0);
        Some(Nanos(ring.max(SHORTEST_MS).saturating_mul(1_000_000)))
    }
}

/// A point in time as clients read it.
pub(super) fn timespec(at: Nanos) -> Timespec {
    const SECOND: u64 = Nanos::SECOND.0;
    Timespec {
        sec: signed(at.0 / SECOND),
        nsec: signed(at.0 % SECOND),
    }
}
