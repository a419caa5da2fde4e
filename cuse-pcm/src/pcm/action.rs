//! How a state changes: an action in four steps over the members of a group.
//!
//! *pre* checks every member and gives the exact errno without any side effect; *run* tells the devices; *undo* takes back
//! what was told when a later member's device refuses; *post* commits, and cannot fail. Nothing else commits a state.

use hw_backends::units::Now;
use uapi::Errno;

use super::Substream;

/// A change of state.
pub(super) trait Action {
    /// May this member change so? No side effect.
    ///
    /// # Errors
    /// The exact errno of the client's call.
    fn pre(&self, member: &Substream) -> Result<(), Errno>;

    /// Tells the device.
    ///
    /// # Errors
    /// The device's.
    fn run(&self, member: &mut Substream, now: &Now) -> Result<(), Errno>;

    /// Takes back what `run` told.
    fn undo(&self, _member: &mut Substream, _now: &Now) {}

    /// Commits.
    fn post(&self, member: &mut Substream, now: &Now);
}

/// Applies an action to all `members`, or to none.
///
/// # Errors
/// The first member's that refuses, in *pre* or in *run*; no state has changed then.
pub(super) fn apply(
    action: &impl Action,
    members: &mut [&mut Substream],
    now: &Now,
) -> Result<(), Errno> {
    for member in &*members {
        action.pre(member)?;
    }
    for at in 0..members.len() {
        let Some((member, told)) = members.get_mut(..=at).and_then(<[_]>::split_last_mut) else {
            break;
        };
        if let Err(errno) = action.run(member, now) {
            for earlier in told {
                action.undo(earlier, now);
            }
            return Err(errno);
        }
    }
    for member in members {
        action.post(member, now);
    }
    Ok(())
}
