//! Who has to look again after an operation.

/// What became due since it was last asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wakeups {
    /// Parked reads, writes and drains are to be asked again. A blocked transfer's time-out starts anew.
    pub transfers: bool,
    /// Sleeping pollers are to be notified.
    pub pollers: bool,
}
