//! What a substream's ring is made of.
//!
//! [`managed`] owns the memory of a ring between HW_PARAMS and HW_FREE: it collects what those need who will touch it,
//! takes the cheapest memory that serves them all, and says why in its [`report`]. With explicit sync the device has an
//! area of its own. Knows memory and sizes; nothing of states, pointers or clients.

mod budget;
pub mod managed;
mod parties;
pub mod report;
mod sharing;
pub mod supply;

pub use budget::{Budget, Users};
pub use managed::{ManagedBuffer, Rings};
pub use report::Report;
pub use supply::{Limits, Supply};
