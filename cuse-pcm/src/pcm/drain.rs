//! Playing out what is queued.

use hw_backends::units::Nanos;

/// How a drain goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// Nothing is left to wait for.
    Done,
    /// To be asked again after every wake-up, or when `timeout` (a length; `None` is for ever) passed without one.
    Wait {
        /// Longest sleep.
        timeout: Option<Nanos>,
    },
}
