//! The state of a stream, and the one place that assigns it.

use hw_backends::units::Direction;
use uapi::Errno;
use uapi::pcm::State;

/// Where a stream stands. Starts OPEN.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifecycle {
    state: State,
    before_suspend: State,
}

impl Default for Lifecycle {
    fn default() -> Lifecycle {
        Lifecycle {
            state: State::Open,
            before_suspend: State::Open,
        }
    }
}

impl Lifecycle {
    /// The state.
    pub(super) fn state(self) -> State {
        self.state
    }

    /// The state before the last suspend of this open; nothing but a new open clears it (§3.7).
    pub(super) fn before_suspend(self) -> State {
        self.before_suspend
    }

    /// The only assignment of the state. Called by the *post* step of an action, when nothing can fail any more.
    pub(super) fn commit(&mut self, to: State) {
        if to == State::Suspended {
            self.before_suspend = self.state;
        }
        self.state = to;
    }
}

/// Whether the device moves: RUNNING, or playback that plays out.
pub(super) fn running(state: State, direction: Direction) -> bool {
    match state {
        State::Running => true,
        State::Draining => direction == Direction::Playback,
        _ => false,
    }
}

/// Whether frames may be transferred (§7.1 step 5).
///
/// # Errors
/// EPIPE in XRUN, ESTRPIPE in SUSPENDED, EBADFD in OPEN, SETUP, DRAINING and DISCONNECTED.
pub(super) fn accessible(state: State) -> Result<(), Errno> {
    match state {
        State::Prepared | State::Running | State::Paused => Ok(()),
        State::Xrun => Err(Errno::EPIPE),
        State::Suspended => Err(Errno::ESTRPIPE),
        State::Open | State::Setup | State::Draining | State::Disconnected => Err(Errno::EBADFD),
    }
}
