//! For tests: makes a chosen step on the way to memory fail.
//!
//! Every system call that can fail for want of memory or descriptors asks `step` first.

use std::cell::Cell;

use uapi::Errno;

thread_local! {
    static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Whether the next step may be taken.
///
/// # Errors
/// ENOMEM: it is the one that [`fail_at`] chose.
pub(crate) fn step() -> Result<(), Errno> {
    LEFT.with(|left| match left.get() {
        None => Ok(()),
        Some(0) => {
            left.set(None);
            Err(Errno::ENOMEM)
        }
        Some(n) => {
            left.set(Some(n - 1));
            Ok(())
        }
    })
}

/// In this thread the step after `steps` more fails, once. `None`: none does.
pub fn fail_at(steps: Option<u32>) {
    LEFT.with(|left| left.set(steps));
}

/// Whether the step chosen by [`fail_at`] has not been reached.
#[must_use]
pub fn pending() -> bool {
    LEFT.with(|left| left.get().is_some())
}
