//! How a state changes: an action in four steps over the members of a group.
//!
//! *pre* checks every member and gives the exact errno without any side effect; *run* tells the devices; *undo* takes back
//! what was told when a later member's device refuses; *post* commits, and cannot fail. Nothing else commits a state.

use hw_backends::units::Now;
use uapi::Errno;

use super::Substream;
use super::group::Members;

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
    members: &mut Members<'_>,
    now: &Now,
) -> Result<(), Errno> {
    each(members, |member| action.pre(member)).map_err(|(_, errno)| errno)?;
    if let Err((told, errno)) = each(members, |member| action.run(member, now)) {
        for at in 0..told {
            if let Some(earlier) = members.get_mut(at) {
                action.undo(earlier, now);
            }
        }
        return Err(errno);
    }
    let post = each(members, |member| {
        action.post(member, now);
        Ok(())
    });
    post.map_err(|(_, errno)| errno)
}

/// One step for one member after the other; the first error, and how many members came before it.
fn each(
    members: &mut Members<'_>,
    mut step: impl FnMut(&mut Substream) -> Result<(), Errno>,
) -> Result<(), (usize, Errno)> {
    for at in 0..members.len() {
        if let Some(member) = members.get_mut(at) {
            step(member).map_err(|errno| (at, errno))?;
        }
    }
    Ok(())
}
